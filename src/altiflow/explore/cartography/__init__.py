"""The parts of a map: projection, window, layers, colours, marks, and what stands around it."""

from altiflow.explore.cartography.colours import colour_map, usual_colours
from altiflow.explore.cartography.furniture import draw_colour_bar, footer_text, period_text
from altiflow.explore.cartography.layers import Layers, colour_limits, cut_layers, layer_number
from altiflow.explore.cartography.marks import (
    Graticule,
    draw_directions,
    draw_graticule,
    draw_scale_bar,
    draw_velocity,
    map_scale,
    north_of,
    thin_velocity,
    velocity_layer,
)
from altiflow.explore.cartography.projections import projection_of

__all__ = [
    "Graticule",
    "Layers",
    "colour_limits",
    "colour_map",
    "cut_layers",
    "draw_colour_bar",
    "draw_directions",
    "draw_graticule",
    "draw_scale_bar",
    "draw_velocity",
    "footer_text",
    "layer_number",
    "map_scale",
    "north_of",
    "period_text",
    "projection_of",
    "thin_velocity",
    "usual_colours",
    "velocity_layer",
]
