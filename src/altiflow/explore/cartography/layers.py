"""The layers of a gridded variable that a map shows: their values, their window and their colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import EmptyDataError, InputError
from altiflow.explore.cartography.colours import is_signed
from altiflow.explore.cartography.furniture import pretty_units
from altiflow.gridding.grids.grid import Grid

__all__ = ["Layers", "cut_layers", "layer_number"]

Bounds = tuple[float, float, float, float]
Floats = npt.NDArray[np.float64]

_MARGIN = 0.06
"""Sea and land shown around the data, as a part of the longer side of their window."""
_FEWEST_CELLS = 24
"""A map is at least this many cells wide, so that a lone cell has surroundings."""
_SLIMMEST = 0.62
"""Least ratio of the sides of a map."""


@dataclass(frozen=True)
class Layers:
    """What there is to draw.

    Attributes
    ----------
    values
        (time, rows, cols), rows from the top, NaN where empty.
    grid
        The window of the grid that holds any value.
    bounds
        (x_min, y_min, x_max, y_max) of the map round it [m].
    label
        Name and units, for the colour bar.
    limits
        Lowest and highest value of the colours.
    extend
        Ends of the colour bar beyond which there are values: "neither", "min", "max" or "both".
    """

    values: Floats
    grid: Grid
    bounds: Bounds
    label: str
    limits: tuple[float, float]
    extend: str


def cut_layers(dataset: xr.Dataset, variable: str, chosen: list[int], limits: tuple[float, float] | None) -> Layers:
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

    Raises
    ------
    InputError
        If there is no such variable, it is not a number on the grid, or the limits are no range.
    EmptyDataError
        If not one of the layers has a value.
    """
    values = _values_of(dataset, variable, chosen)
    grid = Grid.from_dataset(dataset)
    filled = np.asarray(np.isfinite(values).any(axis=0))
    if not filled.any():
        which = ", ".join(map(str, chosen))
        raise EmptyDataError(f"{variable!r} has no value in layer {which}, so there is nothing to map; try another")
    rows, cols = np.flatnonzero(filled.any(axis=1)), np.flatnonzero(filled.any(axis=0))
    place = slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1)
    window = grid.window(*place)
    cut = values[:, place[0], place[1]]
    low, high = _colour_limits(cut, limits, signed=is_signed(variable))
    attributes = dataset[variable].attrs
    units = pretty_units(str(attributes.get("units", "")))
    label = str(attributes.get("long_name", variable)).replace("_", " ") + (f"  [{units}]" if units else "")
    below, above = bool(np.nanmin(cut) < low), bool(np.nanmax(cut) > high)
    extend = {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[(int(below), int(above))]
    return Layers(cut, window, _map_bounds(window), label, (low, high), extend)


def _values_of(dataset: xr.Dataset, variable: str, chosen: list[int]) -> Floats:
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


def _colour_limits(values: Floats, limits: tuple[float, float] | None, *, signed: bool) -> tuple[float, float]:
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


def _map_bounds(window: Grid) -> Bounds:
    """Return the bounds of the map: the window with a margin, neither tiny nor slim."""
    x_min, y_min, x_max, y_max = window.bounds
    longer = max(x_max - x_min, y_max - y_min)
    sides = [(x_max - x_min) + 2 * _MARGIN * longer, (y_max - y_min) + 2 * _MARGIN * longer]
    sides = [max(side, _FEWEST_CELLS * max(window.resolution)) for side in sides]
    width, height = (max(side, _SLIMMEST * max(sides)) for side in sides)
    x, y = (x_min + x_max) / 2, (y_min + y_max) / 2
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2
