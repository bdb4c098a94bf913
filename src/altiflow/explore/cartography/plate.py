"""The plate of a map that stands alone: its axes, cells, graticule, colour bar, scale bar and north."""

from __future__ import annotations

from typing import Any

from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from altiflow.explore.cartography.furniture import draw_colour_bar
from altiflow.explore.cartography.layers import Layers
from altiflow.explore.cartography.marks.graticule import Graticule, draw_graticule
from altiflow.explore.cartography.marks.rulers import draw_north, draw_scale_bar
from altiflow.explore.cartography.projections import projection_of
from altiflow.explore.cartography.sheet import Scale, add_axes, draw_layer, map_size, new_figure
from altiflow.explore.cartography.style import LONGEST

__all__ = ["LEFT", "LOW", "draw_plate", "log_steps"]

LEFT, LOW = 0.6, 1.12
"""Lower left of a map in its figure [inch]."""


def draw_plate(layers: Layers, cmap: str | Colormap, *, scale: Scale = "linear") -> tuple[Figure, Any, list[Any]]:
    """Draw cells with all that stands around them; return figure, axes and the labels of the graticule."""
    width, height = map_size(layers.bounds, LONGEST)
    # Numbers of a logarithmic bar are wider.
    beside = 2.1 if scale == "linear" else 2.25
    figure = new_figure(max(width, 4.2) + beside, height + 2.0)
    axes = add_axes(figure, (LEFT, LOW, width, height), projection=projection_of(layers.crs))
    mesh = draw_layer(axes, layers, 0, cmap, scale=scale)
    labels = draw_graticule(axes, Graticule(layers.crs, layers.bounds), inches=(width, height))
    bar_axes = add_axes(figure, (LEFT + width + 0.66, LOW + 0.1 * height, 0.16, 0.8 * height))
    bar = draw_colour_bar(figure, mesh, bar_axes, label=layers.label, extend=layers.extend)
    if scale == "log":
        bar.ax.yaxis.set_major_locator(FixedLocator(log_steps(*layers.limits)))
        bar.ax.yaxis.set_minor_locator(NullLocator())
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda speed, _: f"{speed:,.6g}"))
    draw_scale_bar(add_axes(figure, (LEFT, 0.5, width, 0.36)), layers.crs, layers.bounds, inches=width)
    draw_north(axes, layers.crs, layers.bounds, inches=(width, height))
    return figure, axes, list(labels)


def log_steps(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 times powers of ten from low to high, ends included.

    Examples
    --------
    >>> log_steps(0.5, 10)
    [0.5, 1.0, 2.0, 5.0, 10.0]
    """
    steps = [digit * 10.0**power for power in range(-6, 8) for digit in (1, 2, 5)]
    return [step for step in steps if low * 0.999 <= step <= high * 1.001]
