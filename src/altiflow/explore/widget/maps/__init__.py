"""Maps of the widget: its projections, and tiles of ice speed on them; needs the extra ``explore``."""

from altiflow.explore.widget.maps.legend import speed_legend
from altiflow.explore.widget.maps.planes import PLANES, Plane, as_plane, coast_of
from altiflow.explore.widget.maps.tiles import Reach, SpeedTiles, field_bounds, write_tiles

__all__ = [
    "PLANES",
    "Plane",
    "Reach",
    "SpeedTiles",
    "as_plane",
    "coast_of",
    "field_bounds",
    "speed_legend",
    "write_tiles",
]
