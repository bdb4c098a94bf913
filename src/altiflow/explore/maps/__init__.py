"""Maps: of gridded values, alone and in panels, of differences, of the speed of ice, and of footprints."""

from altiflow.explore.maps.differences import draw_difference
from altiflow.explore.maps.footprints import draw_footprints
from altiflow.explore.maps.panels import Panel, draw_panels, draw_side_by_side
from altiflow.explore.maps.speed import draw_speed
from altiflow.explore.maps.values import draw_map

__all__ = [
    "Panel",
    "draw_difference",
    "draw_footprints",
    "draw_map",
    "draw_panels",
    "draw_side_by_side",
    "draw_speed",
]
