"""Datasets on the two grids of ATL20: whole, or put in their place from a window; and one month of them."""

from __future__ import annotations

import re

import numpy as np
import xarray as xr

from altiflow.errors import EmptyDataError, GridMismatchError, InputError
from altiflow.gridding.frame import make_frame
from altiflow.gridding.grids.grid import Grid, transformer_between
from altiflow.gridding.statistics.layers import period_bounds, turn_layers
from altiflow.readers.catalogue.names import Hemisphere

__all__ = ["ATL20_GRIDS", "ATL20_VARIABLES", "choose_month", "on_product_grid", "parse_month"]

ATL20_GRIDS: dict[str, Hemisphere] = {"NSIDC_PS_N25km": "north", "NSIDC_PS_S25km": "south"}
"""The named grids that the product is on."""

ATL20_VARIABLES: dict[str, str] = {
    "mean_fb": "freeboard_mean",
    "sigma": "freeboard_std",
    "length_sum": "length_sum",
    "n_segs": "n_segments",
}
"""Name in the file -> name in altiflow, of what every group holds for each cell."""

_TIMES = ("time_first", "time_last")


def on_product_grid(dataset: xr.Dataset) -> tuple[Hemisphere, xr.Dataset]:
    """Return the hemisphere, and the Dataset on the whole grid of ATL20, y from the top down.

    A window of the grid is put in its place, the cells beyond it empty; of its variables only those that the product
    has come along.

    Raises
    ------
    GridMismatchError
        If the Dataset lies on any other grid.
    """
    layers = turn_layers(dataset)
    grid = Grid.from_dataset(layers)
    hemisphere = _hemisphere_of(grid)
    whole = Grid.named(next(name for name, side in ATL20_GRIDS.items() if side == hemisphere))
    if not _is_window(grid, whole):
        raise GridMismatchError(
            f"ATL20 {hemisphere} is on {whole.name} only. {grid.explain_difference(whole)} EPSG:3411 and 3412 (Hughes "
            "1980) look like EPSG:3413 and 3976 (WGS84) on a map and are not the same cells: grid the segments again "
            f"with Grid.named({whole.name!r})"
        )
    if grid.shape == whole.shape:
        return hemisphere, layers
    return hemisphere, _put_in_place(layers, grid, whole)


def _put_in_place(layers: xr.Dataset, grid: Grid, whole: Grid) -> xr.Dataset:
    """Return what ATL20 has of the layers of a window, on the whole grid."""
    row, col = (int(place) for place in whole.rowcol(grid.x[0], grid.y[0]))
    frame = make_frame(whole, period_bounds(layers))
    for name in (*ATL20_VARIABLES.values(), *_TIMES):
        if name in layers.data_vars:
            window = layers[name].transpose("time", "y", "x")
            empty = {"i": 0, "M": np.datetime64("NaT", "ns")}.get(window.dtype.kind, np.nan)
            values = np.full((window.sizes["time"], *whole.shape), empty, window.dtype)
            values[:, row : row + grid.shape[0], col : col + grid.shape[1]] = window.to_numpy()
            frame[name] = (("time", "y", "x"), values, window.attrs)
    return frame.assign_attrs(layers.attrs)


def _hemisphere_of(grid: Grid) -> Hemisphere:
    """Return the hemisphere that the middle of a grid lies in."""
    left, bottom, right, top = grid.bounds
    back = transformer_between(grid.crs_name, "EPSG:4326")
    return "south" if back.transform((left + right) / 2, (bottom + top) / 2)[1] < 0 else "north"


def _is_window(grid: Grid, whole: Grid) -> bool:
    """Return whether a grid is `whole` or a part of it."""
    if not grid.same_family(whole) or abs(grid.resolution[0] - whole.resolution[0]) > 1e-3:
        return False
    left, bottom, right, top = np.subtract(grid.bounds, whole.bounds)
    return bool(min(left, bottom, -right, -top) > -1.0)


def parse_month(month: str | np.datetime64) -> np.datetime64:
    """Return a month such as "2020-03" as datetime64[M].

    Raises
    ------
    InputError
        If it is no month.
    """
    text = str(month)
    try:
        # The month is cut out, so that a year alone is not taken for its January.
        found = np.datetime64(text[:7], "M") if re.match(r"\d{4}-\d\d", text) else None
    except ValueError:
        found = None
    if found is None:
        raise InputError(f"month must be such as '2020-03', got {month!r}")
    return found


def choose_month(layers: xr.Dataset, month: str | np.datetime64 | None) -> tuple[np.datetime64, xr.Dataset]:
    """Return a month, and the layers that begin in it.

    Raises
    ------
    InputError
        If no month is given and there are several, or it is no month.
    EmptyDataError
        If no layer is in it.
    """
    months = period_bounds(layers)[:, 0].astype("M8[M]")
    present = np.unique(months)
    if month is None and present.size != 1:
        shown = ", ".join(map(str, present[:6])) or "none"
        raise InputError(f"month=None needs layers of one month, got {present.size} ({shown}); say which")
    wanted = present[0] if month is None else parse_month(month)
    chosen = np.flatnonzero(months == wanted)
    if chosen.size == 0:
        raise EmptyDataError(f"no layer begins in month={wanted}; there are {', '.join(map(str, present)) or 'none'}")
    return wanted, layers.isel(time=chosen)
