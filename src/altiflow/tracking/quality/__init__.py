"""Quality of tracked velocity: scatter on static ground, scatter of strain, and closure over three images."""

from altiflow.tracking.quality.closure import Closure, close_triplet
from altiflow.tracking.quality.comparison import combine_offsets, compare_granules
from altiflow.tracking.quality.density import Spread, measure_spread
from altiflow.tracking.quality.metrics import strain_quality, terrain_quality

__all__ = [
    "Closure",
    "Spread",
    "close_triplet",
    "combine_offsets",
    "compare_granules",
    "measure_spread",
    "strain_quality",
    "terrain_quality",
]
