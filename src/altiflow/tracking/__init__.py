"""Velocity from image pairs: where the chips of one image lie in the other, and the granule that is made of it."""

from altiflow.tracking.batch import read_pair_list, track_pairs
from altiflow.tracking.offsets import STATUS, Offsets, track_offsets
from altiflow.tracking.pairs import track_pair
from altiflow.tracking.parameters import TrackParameters, fastest_motion, search_radius
from altiflow.tracking.plan import TrackPlan
from altiflow.tracking.prior import expect_offsets
from altiflow.tracking.product import (
    add_velocity,
    lay_out,
    recorrect,
    restore_offsets,
    tracked_field,
    tracked_name,
    write_tracked,
)
from altiflow.tracking.quality import (
    Closure,
    Spread,
    close_triplet,
    measure_spread,
    strain_quality,
    terrain_quality,
)
from altiflow.tracking.stable import Correction, CorrectionRule, StableStatistics, correct_offsets, stable_statistics

__all__ = [
    "STATUS",
    "Closure",
    "Correction",
    "CorrectionRule",
    "Offsets",
    "Spread",
    "StableStatistics",
    "TrackParameters",
    "TrackPlan",
    "add_velocity",
    "close_triplet",
    "correct_offsets",
    "expect_offsets",
    "fastest_motion",
    "lay_out",
    "measure_spread",
    "read_pair_list",
    "recorrect",
    "restore_offsets",
    "search_radius",
    "stable_statistics",
    "strain_quality",
    "terrain_quality",
    "track_offsets",
    "track_pair",
    "track_pairs",
    "tracked_field",
    "tracked_name",
    "write_tracked",
]
