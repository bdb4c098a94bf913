"""Maps of what changed: one layer minus another, cell by cell, on colours with zero in their middle."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from affine import Affine
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

from altiflow.errors import EmptyDataError, GridMismatchError, InputError
from altiflow.explore.cartography.furniture import period_text, pretty_units
from altiflow.explore.cartography.layers import cut_layers, layer_number, layer_values
from altiflow.explore.cartography.plate import LEFT, draw_plate
from altiflow.explore.cartography.sheet import checked_path, heading_of, write_figure, write_texts
from altiflow.explore.cartography.style import text_style
from altiflow.gridding.frame import make_frame
from altiflow.gridding.grids.grid import Grid

__all__ = ["Difference", "draw_difference", "subtract_layers"]

Floats = npt.NDArray[np.float64]

_VELOCITIES = ("vx", "vy", "v", "speed", "vx_sigma", "vy_sigma", "vx_error", "vy_error", "v_error")
_STATED = ("velocity_metric", "year_days")
"""What velocities state besides their units, of the variable or of the Dataset."""


@dataclass(frozen=True)
class Difference:
    """One layer minus another.

    Attributes
    ----------
    dataset
        ``<variable>_difference`` (time, y, x) on the cells of either, NaN where one of them has no value.
    both, only_first, only_second
        Numbers of cells with a value in both, and in one of them alone.
    mean, rms
        Mean of the differences and their root mean square, cells counted alike, in the units of the variable.
    """

    dataset: xr.Dataset
    both: int
    only_first: int
    only_second: int
    mean: float
    rms: float


def subtract_layers(
    first: xr.Dataset, second: xr.Dataset, variable: str, *, times: tuple[int, int] = (0, 0)
) -> Difference:
    """Return a layer of `first` minus a layer of `second`, on grids of one lattice.

    Raises
    ------
    InputError
        If a variable or a layer is not there, the units differ, or the metric or length of year of a velocity does.
    GridMismatchError
        If the cells of the two are not the same.
    EmptyDataError
        If no cell has a value in both.
    """
    numbers = layer_number(first, times[0]), layer_number(second, times[1])
    values = [layer_values(one, variable, [n])[0] for one, n in zip((first, second), numbers, strict=True)]
    grids = Grid.from_dataset(first), Grid.from_dataset(second)
    units = [str(one[variable].attrs.get("units", "")) for one in (first, second)]
    if units[0] != units[1]:
        raise InputError(f"{variable!r} is in {units[0]!r} and in {units[1]!r}; convert one of them before subtracting")
    if variable in _VELOCITIES:
        _check_velocities(first, second, variable)
    whole = _union(*grids)
    placed = [_place(one, grid, whole) for one, grid in zip(values, grids, strict=True)]
    known = [np.isfinite(one) for one in placed]
    both, alone = int((known[0] & known[1]).sum()), [int((known[n] & ~known[1 - n]).sum()) for n in (0, 1)]
    if both == 0:
        raise EmptyDataError(
            f"no cell has {variable!r} in both layers: {alone[0]} have it in the first alone, {alone[1]} in the second"
        )
    change = placed[0] - placed[1]
    bounds = first["time_bnds"].values[[numbers[0]]] if "time_bnds" in first.variables else [["NaT", "NaT"]]
    dataset = make_frame(whole, bounds).assign_attrs(first.attrs)
    name = str(first[variable].attrs.get("long_name", variable)).split(",")[0].replace("_", " ")
    attributes = {"units": units[0], "long_name": f"difference of {name}", "grid_mapping": "crs"}
    dataset[f"{variable}_difference"] = (("time", "y", "x"), change[None], attributes)
    mean, rms = float(np.nanmean(change)), float(np.sqrt(np.nanmean(change**2)))
    return Difference(dataset, both, alone[0], alone[1], mean, rms)


def draw_difference(
    first: xr.Dataset,
    second: xr.Dataset,
    variable: str,
    *,
    times: tuple[int, int] = (0, 0),
    path: str | Path | None = None,
    title: str | None = None,
    limits: tuple[float, float] | None = None,
    cmap: str | Colormap | None = None,
    crs: Any = None,
    region: Any = None,
) -> Figure:
    """Return a map of a layer of `first` minus a layer of `second`, which says how many cells have both.

    Parameters
    ----------
    first, second
        Gridded Datasets on one lattice; windows of it may differ. The same Dataset twice, for two of its layers.
    variable
        Name of the variable, in both.
    times
        Which layer of each, from 0; negative counts from the end.
    limits
        (lowest, highest) of the colours; as far below zero as above, to the 98th percentile, where not given.
    path, title, cmap, crs, region
        As in :func:`altiflow.draw_map`.

    Raises
    ------
    InputError, EmptyDataError
        As in :func:`altiflow.draw_map`, or if the units differ (of a velocity also the metric or the year), or
        no cell has both.
    GridMismatchError
        If the cells of the two are not the same; :func:`altiflow.regrid` puts one on the other.
    """
    target = checked_path(path)
    found = subtract_layers(first, second, variable, times=times)
    name = f"{variable}_difference"
    layers = cut_layers(found.dataset, name, [0], limits, crs=crs, region=region)
    figure, axes, _ = draw_plate(layers, cmap or "difference")
    units = pretty_units(str(found.dataset[name].attrs["units"]))
    wide, high = figure.get_size_inches()
    told = (
        f"{found.both:,} cells have both; {found.only_first:,} only the first, {found.only_second:,} only the second\n"
        f"mean {found.mean:+.3g} {units}, root mean square {found.rms:.3g} {units}"
    )
    right = LEFT + axes.get_position().width * wide
    figure.text(right / wide, 0.74 / high, told, ha="right", va="center", linespacing=1.4, **text_style("small"))
    periods = [
        period_text(one, layer_number(one, n)) or "undated" for one, n in zip((first, second), times, strict=True)
    ]
    period = f"{periods[0]}, minus {periods[1]}" if periods[0] != periods[1] else f"first minus second, {periods[0]}"
    write_texts(figure, found.dataset, layers, title or heading_of(found.dataset, name), period, ())
    write_figure(figure, target)
    return figure


def _check_velocities(first: xr.Dataset, second: xr.Dataset, variable: str) -> None:
    """Raise InputError if both state how they are measured, and differ: map metres are not those of the ground."""
    for name in _STATED:
        stated = [one[variable].attrs.get(name, one.attrs.get(name)) for one in (first, second)]
        if None not in stated and stated[0] != stated[1]:
            raise InputError(
                f"{variable!r} has {name} {stated[0]} and {stated[1]}; convert_field puts one into that of the other"
            )


def _union(first: Grid, second: Grid) -> Grid:
    """Return the window of the common lattice that holds both grids."""
    same = np.allclose(first.resolution, second.resolution, rtol=1e-9, atol=0.0)
    if not (same and first.same_family(second)):
        raise GridMismatchError(first.explain_difference(second))
    x_min, y_min = (min(first.bounds[side], second.bounds[side]) for side in (0, 1))
    x_max, y_max = (max(first.bounds[side], second.bounds[side]) for side in (2, 3))
    width, height = first.resolution
    # From an edge of the first, so that its cells keep their coordinates to the last digit.
    left, up = round((first.bounds[0] - x_min) / width), round((y_max - first.bounds[3]) / height)
    shape = round((y_max - y_min) / height), round((x_max - x_min) / width)
    return replace(first, transform=first.transform @ Affine.translation(-left, -up), shape=shape)


def _place(values: Floats, grid: Grid, whole: Grid) -> Floats:
    """Return values (rows, cols) of a grid on a window that holds it, NaN elsewhere."""
    width, height = whole.resolution
    row, col = (
        round((whole.bounds[3] - grid.bounds[3]) / height),
        round((grid.bounds[0] - whole.bounds[0]) / width),
    )
    placed = np.full(whole.shape, np.nan)
    placed[row : row + grid.shape[0], col : col + grid.shape[1]] = values
    return placed
