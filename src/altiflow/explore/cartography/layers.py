"""The layers of a gridded variable that a map shows: their values, their window and their colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import xarray as xr

from altiflow.errors import EmptyDataError, InputError
from altiflow.explore.cartography.colours import is_signed
from altiflow.explore.cartography.furniture import value_label
from altiflow.explore.cartography.window import crs_of_map, project, region_bounds, roomy_bounds
from altiflow.gridding.grids.grid import Grid

__all__ = ["Layers", "colour_limits", "cut_layers", "layer_number", "layer_values"]

Bounds = tuple[float, float, float, float]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Layers:
    """What there is to draw.

    Attributes
    ----------
    values
        (time, rows, cols), rows from the top, NaN where empty.
    grid
        The window of the grid that holds any value.
    crs
        CRS of the map; that of the grid, or another one.
    bounds
        (x_min, y_min, x_max, y_max) of the map [m].
    label
        Name and units, for the colour bar.
    limits
        Lowest and highest value of the colours.
    extend
        Ends of the colour bar beyond which there are values: "neither", "min", "max" or "both".
    """

    values: Floats
    grid: Grid
    crs: pyproj.CRS
    bounds: Bounds
    label: str
    limits: tuple[float, float]
    extend: str

    def corners(self) -> tuple[Floats, Floats]:
        """Return x and y (rows + 1, cols + 1) of the corners of the cells in the CRS of the map [m]."""
        return _corners(self.grid, self.crs)


def cut_layers(
    dataset: xr.Dataset,
    variable: str,
    chosen: list[int],
    limits: tuple[float, float] | None,
    *,
    crs: Any = None,
    region: Any = None,
) -> Layers:
    """Return the layers to draw, cut to the window that holds data.

    Parameters
    ----------
    dataset
        Gridded Dataset.
    variable
        Name of the variable.
    chosen
        Numbers of the layers.
    limits
        (lowest, highest) of the colours; the 2nd and 98th percentile where not given.
    crs
        CRS of the map; that of the grid where not given. Cells keep their values and their true corners.
    region
        What the map shows, anything :func:`altiflow.region.as_region` takes; what holds data where not given.

    Raises
    ------
    InputError
        If there is no such variable, it is not a number on the grid, the CRS is not projected, or the limits are no
        range.
    EmptyDataError
        If not one of the layers has a value, or none in the region.
    """
    values = layer_values(dataset, variable, chosen)
    grid = Grid.from_dataset(dataset)
    plane = crs_of_map(crs, grid.crs)
    filled = np.asarray(np.isfinite(values).any(axis=0))
    which = ", ".join(map(str, chosen))
    if not filled.any():
        raise EmptyDataError(f"{variable!r} has no value in layer {which}, so there is nothing to map; try another")
    asked = None if region is None else region_bounds(region, plane)
    if asked is not None:
        filled &= _in_view(grid, plane, asked)
        if not filled.any():
            raise EmptyDataError(f"{variable!r} has no value in layer {which} within region={region!r}; try another")
    rows, cols = np.flatnonzero(filled.any(axis=1)), np.flatnonzero(filled.any(axis=0))
    place = slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1)
    window = grid.window(*place)
    cut = np.where(filled[place], values[:, place[0], place[1]], np.nan)
    low, high = colour_limits(cut, limits, signed=is_signed(variable))
    attributes = dataset[variable].attrs
    label = value_label(str(attributes.get("long_name", variable)), str(attributes.get("units", "")))
    below, above = bool(np.nanmin(cut) < low), bool(np.nanmax(cut) > high)
    extend = {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[(int(below), int(above))]
    bounds = asked or roomy_bounds(_extent(window, plane), max(window.resolution))
    return Layers(cut, window, plane, bounds, label, (low, high), extend)


def _corners(grid: Grid, crs: pyproj.CRS) -> tuple[Floats, Floats]:
    """Return x and y (rows + 1, cols + 1) of the corners of cells in a CRS; NaN where it does not reach."""
    west, south, east, north = grid.bounds
    rows, cols = grid.shape
    x, y = np.meshgrid(np.linspace(west, east, cols + 1), np.linspace(north, south, rows + 1))
    return project(x, y, grid.crs, crs)


def _extent(grid: Grid, crs: pyproj.CRS) -> Bounds:
    """Return the bounds of the cells of a grid in the CRS of a map."""
    if crs.equals(grid.crs, ignore_axis_order=True):
        x_min, y_min, x_max, y_max = grid.bounds
        return x_min, y_min, x_max, y_max
    x, y = _corners(grid, crs)
    return float(np.nanmin(x)), float(np.nanmin(y)), float(np.nanmax(x)), float(np.nanmax(y))


def _in_view(grid: Grid, crs: pyproj.CRS, bounds: Bounds) -> npt.NDArray[np.bool_]:
    """Return which cells (rows, cols) lie in the bounds of a map by their centres."""
    x, y = project(*np.meshgrid(grid.x, grid.y), grid.crs, crs)
    # A cell that reaches into the map is seen.
    half = max(grid.resolution) / 2
    west, south, east, north = (edge + sign * half for edge, sign in zip(bounds, (-1, -1, 1, 1), strict=True))
    with np.errstate(invalid="ignore"):
        return np.asarray((x > west) & (x < east) & (y > south) & (y < north))


def layer_values(dataset: xr.Dataset, variable: str, chosen: list[int]) -> Floats:
    """Return the layers (time, rows, cols), rows from the top, NaN where there is nothing."""
    if variable not in dataset.data_vars:
        known = ", ".join(str(name) for name, data in dataset.data_vars.items() if {"y", "x"} <= set(data.dims))
        raise InputError(f"the Dataset has no variable {variable!r}; it has {known or 'none on a grid'}")
    data = dataset[variable]
    if set(data.dims) - {"time"} != {"y", "x"}:
        raise InputError(f"{variable!r} has dims {data.dims}; a map needs (time, y, x)")
    if not (np.issubdtype(data.dtype, np.number) or data.dtype == bool):
        raise InputError(f"{variable!r} holds {data.dtype}, which has no colours; map a number")
    if "time" in data.dims:
        data = data.isel(time=chosen).transpose("time", "y", "x")
    else:
        data = data.transpose("y", "x").expand_dims(time=len(chosen))
    if dataset["y"].size > 1 and dataset["y"].values[0] < dataset["y"].values[-1]:
        data = data.isel(y=slice(None, None, -1))
    values = np.asarray(data.values, float)
    # A count of nothing is an empty cell of the map, as it is an empty cell of every other variable.
    return np.where(values == 0, np.nan, values) if np.issubdtype(data.dtype, np.integer) else values


def layer_number(dataset: xr.Dataset, time: int) -> int:
    """Return the number of a layer, counted from 0.

    Raises
    ------
    InputError
        If there is no such layer.
    """
    layers = dataset.sizes.get("time", 1)
    if not -layers <= time < layers:
        raise InputError(f"there is no layer {time}: the Dataset has {layers}, counted from 0")
    return time % layers


def colour_limits(values: Floats, limits: tuple[float, float] | None, *, signed: bool) -> tuple[float, float]:
    """Return lowest and highest value of the colours, as far from zero where the sign matters."""
    if limits is not None:
        low, high = (float(limit) for limit in limits)
        if not (np.isfinite([low, high]).all() and low < high):
            raise InputError(f"limits are (lowest, highest), got {limits!r}")
        return low, high
    low, high = (float(limit) for limit in np.nanpercentile(values, [2.0, 98.0]))
    if signed:
        high = max(abs(low), abs(high)) or 0.5
        return -high, high
    spare = 0.0 if high > low else 0.5 * abs(low) or 0.5
    return low - spare, high + spare
