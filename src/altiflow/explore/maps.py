"""Maps of gridded altimetry, with ice velocity over it, in the data's own projection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import fill

import numpy as np
import xarray as xr
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

from altiflow.errors import InputError
from altiflow.explore.cartography.furniture import draw_colour_bar, draw_scale_bar, metric_text, period_text
from altiflow.explore.cartography.graticule import Graticule, draw_graticule
from altiflow.explore.cartography.layers import cut_layers, layer_number
from altiflow.explore.cartography.projections import projection_of
from altiflow.explore.cartography.quiver import draw_velocity, velocity_layer
from altiflow.explore.cartography.sheet import (
    LONGEST,
    add_axes,
    checked_path,
    draw_layer,
    heading_of,
    map_size,
    new_figure,
    write_figure,
    write_texts,
)

__all__ = ["Panel", "draw_map", "draw_panels", "draw_side_by_side"]

Bounds = tuple[float, float, float, float]


def draw_map(
    dataset: xr.Dataset,
    variable: str,
    *,
    time: int = 0,
    velocity: xr.Dataset | None = None,
    path: str | Path | None = None,
    title: str | None = None,
    limits: tuple[float, float] | None = None,
    cmap: str | Colormap | None = None,
) -> Figure:
    """Return a map of one layer of a gridded variable, and write it if a path is given.

    Parameters
    ----------
    dataset
        Gridded Dataset, dims (time, y, x), with its grid mapping.
    variable
        Name of the variable.
    time
        Which layer, from 0; negative counts from the end.
    velocity
        Dataset with ``vx, vy`` (time, y, x) on the same CRS, as :func:`altiflow.align_velocity` returns it. The
        layer of the same time is drawn as arrows, block means where cells are many.
    path
        File to write, .png, .pdf or .svg; it appears whole or not at all.
    title
        Heading; the long name of the variable where not given.
    limits
        (lowest, highest) of the colours, in the variable's units; its 2nd and 98th percentile where not given.
    cmap
        A matplotlib colour map; by default one that is even to the eye and safe for colour-blind readers, another for
        uncertainties and for counts.

    Raises
    ------
    InputError
        If there is no such variable, layer, colour map or kind of file, the velocity is on another CRS or has
        no layer of that time, or the CRS is not projected.
    EmptyDataError
        If the layer has no value.

    Notes
    -----
    The axes are those of the data: no cell is resampled. Distances on the scale bar are true at the centre.
    """
    target = checked_path(path)
    layer = layer_number(dataset, time)
    layers = cut_layers(dataset, variable, [layer], limits)
    arrows = None if velocity is None else velocity_layer(velocity, dataset, layer, layers.grid.crs)
    width, height = map_size(layers.bounds, LONGEST)
    figure = new_figure(max(width, 4.2) + 2.1, height + 2.0)
    axes = add_axes(figure, (0.6, 1.12, width, height), projection=projection_of(layers.grid.crs))
    mesh = draw_layer(axes, layers, 0, cmap or usual_colours(variable))
    labels = draw_graticule(axes, Graticule(layers.grid.crs, layers.bounds), inches=(width, height))
    bar_axes = add_axes(figure, (0.6 + width + 0.66, 1.12 + 0.1 * height, 0.16, 0.8 * height))
    draw_colour_bar(figure, mesh, bar_axes, label=layers.label, extend=layers.extend)
    draw_scale_bar(add_axes(figure, (0.6, 0.5, width, 0.36)), layers.grid.crs, layers.bounds, inches=width)
    extra = metric_text(dataset, velocity)
    if arrows is not None:
        drawn = draw_velocity(axes, arrows, layers.bounds, labels=labels, key_at=(0.6 + width, 0.78), inches=width)
        extra = extra if drawn else ("no velocity in this window",)
    write_texts(figure, dataset, layers, title or heading_of(dataset, variable), period_text(dataset, layer), extra)
    write_figure(figure, target)
    return figure


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
) -> Figure:
    """Return small maps of several layers of a gridded variable side by side, with one colour bar.

    Parameters
    ----------
    dataset, variable, path, title, limits, cmap
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
    layers = cut_layers(dataset, variable, chosen, limits)
    across = min(columns, len(chosen))
    down = -(-len(chosen) // across)
    width, height = map_size(layers.bounds, 2.9)
    total = max(across * (width + 0.85), 4.2)
    figure = new_figure(total + 1.2, down * (height + 0.6) + 1.45)
    projection = projection_of(layers.grid.crs)
    for place, number in enumerate(chosen):
        row, col = divmod(place, across)
        corner = (0.6 + col * (width + 0.85), 1.12 + (down - 1 - row) * (height + 0.6))
        axes = add_axes(figure, (*corner, width, height), projection=projection)
        mesh = draw_layer(axes, layers, place, cmap or usual_colours(variable))
        draw_graticule(axes, Graticule(layers.grid.crs, layers.bounds), inches=(width, height))
        axes.set_title(period_text(dataset, number), fontsize=8, loc="left", pad=16, color="#333333")
    rows_high = down * (height + 0.6) - 0.6
    bar_axes = add_axes(figure, (across * (width + 0.85) + 0.25, 1.12 + 0.15 * rows_high, 0.16, 0.7 * rows_high))
    draw_colour_bar(figure, mesh, bar_axes, label=layers.label, extend=layers.extend)
    draw_scale_bar(add_axes(figure, (0.6, 0.5, width, 0.36)), layers.grid.crs, layers.bounds, inches=width)
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
    width, height = map_size(bounds, 2.9)
    step = width + 1.75
    figure = new_figure(across * step + 0.5, down * (height + 0.7) + 1.35)
    for place, (panel, cut) in enumerate(zip(panels, cuts, strict=True)):
        row, col = divmod(place, across)
        left, bottom = 0.6 + col * step, 1.12 + (down - 1 - row) * (height + 0.7)
        axes = add_axes(figure, (left, bottom, width, height), projection=projection_of(cut.grid.crs))
        mesh = draw_layer(axes, replace(cut, bounds=bounds), 0, panel.cmap or usual_colours(panel.variable))
        draw_graticule(axes, Graticule(cut.grid.crs, bounds), inches=(width, height))
        heading = panel.title or period_text(panel.dataset, numbers[place])
        axes.set_title(heading, fontsize=8, loc="left", pad=16, color="#333333")
        bar_axes = add_axes(figure, (left + width + 0.42, bottom + 0.1 * height, 0.12, 0.8 * height))
        draw_colour_bar(figure, mesh, bar_axes, label=fill(cut.label, 34), extend=cut.extend)
    draw_scale_bar(add_axes(figure, (0.6, 0.5, width, 0.36)), cuts[0].grid.crs, bounds, inches=width)
    first = replace(cuts[0], bounds=bounds)
    grids = [cut.grid for cut in cuts]
    heading = title or heading_of(panels[0].dataset, panels[0].variable)
    write_texts(figure, panels[0].dataset, first, heading, "", (), grids)
    write_figure(figure, target)
    return figure


def usual_colours(variable: str) -> str:
    """Return the colours of a kind of variable, so that an uncertainty or a count is not taken for the value.

    Examples
    --------
    >>> [usual_colours(name) for name in ("freeboard_mean", "freeboard_sigma_drift", "n_segments")]
    ['viridis', 'YlOrBr', 'cividis']
    """
    if variable.endswith(("_std", "_mad")) or "_sigma" in variable:
        return "YlOrBr"
    counts = ("n_segments", "n_passes", "n_parcels", "n_sections", "n_days", "n_years", "n_used", "length_sum")
    return "cividis" if variable.endswith(counts) else "viridis"
