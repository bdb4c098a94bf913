"""Small maps side by side: the layers of a variable with one colour bar, or different ones with their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

from altiflow.errors import InputError
from altiflow.explore.cartography.colours import usual_colours
from altiflow.explore.cartography.furniture import draw_colour_bar, period_text
from altiflow.explore.cartography.layers import cut_layers, layer_number
from altiflow.explore.cartography.marks.graticule import Graticule, draw_graticule
from altiflow.explore.cartography.marks.rulers import draw_scale_bar
from altiflow.explore.cartography.projections import projection_of
from altiflow.explore.cartography.sheet import (
    add_axes,
    checked_path,
    draw_layer,
    heading_of,
    map_size,
    new_figure,
    write_figure,
    write_texts,
)
from altiflow.explore.cartography.style import SMALL_MAP, text_style

__all__ = ["Panel", "draw_panels", "draw_side_by_side"]

Bounds = tuple[float, float, float, float]


def draw_panels(
    dataset: xr.Dataset,
    variable: str,
    *,
    times: list[int] | None = None,
    columns: int = 3,
    path: str | Path | None = None,
    title: str | None = None,
    limits: tuple[float, float] | None = None,
    cmap: str | Colormap | None = None,
    crs: Any = None,
    region: Any = None,
) -> Figure:
    """Return small maps of several layers of a gridded variable side by side, with one colour bar.

    Parameters
    ----------
    dataset, variable, path, title, limits, cmap, crs, region
        As in :func:`draw_map`; colours and window are common to all layers.
    times
        Which layers, from 0; all where not given.
    columns
        Most maps in a row.

    Raises
    ------
    InputError
        As in :func:`draw_map`, or if no layer is asked for.
    EmptyDataError
        If not one of the layers has a value.
    """
    target = checked_path(path)
    wanted = range(dataset.sizes.get("time", 1)) if times is None else times
    chosen = [layer_number(dataset, time) for time in wanted]
    if not chosen or columns < 1:
        raise InputError(f"panels need at least one layer and one column, got times={times!r}, columns={columns}")
    layers = cut_layers(dataset, variable, chosen, limits, crs=crs, region=region)
    across = min(columns, len(chosen))
    down = -(-len(chosen) // across)
    width, height = map_size(layers.bounds, SMALL_MAP)
    total = max(across * (width + 0.85), 4.2)
    figure = new_figure(total + 1.2, down * (height + 0.6) + 1.45)
    projection = projection_of(layers.crs)
    for place, number in enumerate(chosen):
        row, col = divmod(place, across)
        corner = (0.6 + col * (width + 0.85), 1.12 + (down - 1 - row) * (height + 0.6))
        axes = add_axes(figure, (*corner, width, height), projection=projection)
        mesh = draw_layer(axes, layers, place, cmap or usual_colours(variable))
        draw_graticule(axes, Graticule(layers.crs, layers.bounds), inches=(width, height))
        axes.set_title(period_text(dataset, number), loc="left", pad=16, **text_style("panel"))
    rows_high = down * (height + 0.6) - 0.6
    bar_axes = add_axes(figure, (across * (width + 0.85) + 0.25, 1.12 + 0.15 * rows_high, 0.16, 0.7 * rows_high))
    draw_colour_bar(figure, mesh, bar_axes, label=layers.label, extend=layers.extend)
    draw_scale_bar(add_axes(figure, (0.6, 0.5, width, 0.36)), layers.crs, layers.bounds, inches=width)
    write_texts(figure, dataset, layers, title or heading_of(dataset, variable), "", ())
    write_figure(figure, target)
    return figure


@dataclass(frozen=True)
class Panel:
    """One of several maps side by side.

    Attributes
    ----------
    dataset, variable, time, title, limits, cmap
        As in :func:`draw_map`; the title is the period where not given.
    """

    dataset: xr.Dataset
    variable: str
    time: int = 0
    title: str | None = None
    limits: tuple[float, float] | None = None
    cmap: str | Colormap | None = None


def draw_side_by_side(
    panels: Sequence[Panel], *, columns: int = 3, path: str | Path | None = None, title: str | None = None
) -> Figure:
    """Return small maps of different variables, grids or periods, each with its own colour bar, of one window.

    Parameters
    ----------
    panels
        What to draw, row by row; all on maps of one CRS.
    columns
        Most maps in a row.
    path, title
        As in :func:`draw_map`.

    Raises
    ------
    InputError
        As in :func:`draw_map`, or if there is no panel or they are on different CRSs.
    EmptyDataError
        If a layer has no value.
    """
    target = checked_path(path)
    if not panels or columns < 1:
        raise InputError(f"side by side needs at least one panel and one column, got {len(panels)} and {columns}")
    numbers = [layer_number(panel.dataset, panel.time) for panel in panels]
    cuts = [cut_layers(p.dataset, p.variable, [n], p.limits) for p, n in zip(panels, numbers, strict=True)]
    if len({cut.grid.crs_name for cut in cuts}) > 1:
        raise InputError("panels side by side must be on maps of one CRS; draw the others apart")
    edges = np.array([cut.bounds for cut in cuts])
    bounds: Bounds = (edges[:, 0].min(), edges[:, 1].min(), edges[:, 2].max(), edges[:, 3].max())
    across = min(columns, len(panels))
    down = -(-len(panels) // across)
    width, height = map_size(bounds, SMALL_MAP)
    step = width + 1.75
    figure = new_figure(across * step + 0.5, down * (height + 0.7) + 1.35)
    for place, (panel, cut) in enumerate(zip(panels, cuts, strict=True)):
        row, col = divmod(place, across)
        left, bottom = 0.6 + col * step, 1.12 + (down - 1 - row) * (height + 0.7)
        axes = add_axes(figure, (left, bottom, width, height), projection=projection_of(cut.grid.crs))
        mesh = draw_layer(axes, replace(cut, bounds=bounds), 0, panel.cmap or usual_colours(panel.variable))
        draw_graticule(axes, Graticule(cut.grid.crs, bounds), inches=(width, height))
        heading = panel.title or period_text(panel.dataset, numbers[place])
        axes.set_title(heading, loc="left", pad=16, **text_style("panel"))
        bar_axes = add_axes(figure, (left + width + 0.42, bottom + 0.1 * height, 0.12, 0.8 * height))
        draw_colour_bar(figure, mesh, bar_axes, label=cut.label, extend=cut.extend)
    draw_scale_bar(add_axes(figure, (0.6, 0.5, width, 0.36)), cuts[0].grid.crs, bounds, inches=width)
    first = replace(cuts[0], bounds=bounds)
    grids = [cut.grid for cut in cuts]
    heading = title or heading_of(panels[0].dataset, panels[0].variable)
    write_texts(figure, panels[0].dataset, first, heading, "", (), grids)
    write_figure(figure, target)
    return figure
