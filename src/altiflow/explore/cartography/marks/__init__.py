"""Marks on a map: graticule, arrows, outlines, scale bar and north."""

from altiflow.explore.cartography.marks.graticule import Graticule, draw_graticule
from altiflow.explore.cartography.marks.outlines import draw_footprints_on, draw_lines
from altiflow.explore.cartography.marks.quiver import draw_directions, draw_velocity, thin_velocity, velocity_layer
from altiflow.explore.cartography.marks.rulers import draw_north, draw_scale_bar, map_scale, north_of

__all__ = [
    "Graticule",
    "draw_directions",
    "draw_footprints_on",
    "draw_graticule",
    "draw_lines",
    "draw_north",
    "draw_scale_bar",
    "draw_velocity",
    "map_scale",
    "north_of",
    "thin_velocity",
    "velocity_layer",
]
