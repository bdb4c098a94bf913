"""The parts of a map: projection, layers, graticule, arrows, and what stands around it."""

from altiflow.explore.cartography.furniture import (
    draw_colour_bar,
    draw_scale_bar,
    footer_text,
    map_scale,
    period_text,
)
from altiflow.explore.cartography.graticule import Graticule, draw_graticule
from altiflow.explore.cartography.layers import Layers, cut_layers, layer_number
from altiflow.explore.cartography.projections import projection_of
from altiflow.explore.cartography.quiver import draw_directions, draw_velocity, thin_velocity, velocity_layer

__all__ = [
    "Graticule",
    "Layers",
    "cut_layers",
    "draw_colour_bar",
    "draw_directions",
    "draw_graticule",
    "draw_scale_bar",
    "draw_velocity",
    "footer_text",
    "layer_number",
    "map_scale",
    "period_text",
    "projection_of",
    "thin_velocity",
    "velocity_layer",
]
