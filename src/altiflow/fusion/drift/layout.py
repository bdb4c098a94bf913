"""Layout: the Dataset of one target: statistics of the cells, ages, ways, what was lost, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.fusion.drift.carrying import Arrival, Cargo
from altiflow.fusion.drift.growth import Growth
from altiflow.fusion.drift.laid import Laid
from altiflow.fusion.trajectories.seeds import moments_of
from altiflow.fusion.trajectories.steps import STATUS_WORDS
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.tally import Cells, Tally, cells_of

__all__ = ["Target", "lay_out"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Target:
    """A moment that parcels are brought to.

    Attributes
    ----------
    seconds
        The moment [s since 2000].
    window
        Parcels measured up to this long before and after it count [s].
    """

    seconds: float
    window: float

    @property
    def bounds(self) -> npt.NDArray[np.datetime64]:
        """First and last moment of the window (2,)."""
        return moments_of(np.array([self.seconds - self.window, self.seconds + self.window]))


def lay_out(cargo: Cargo, arrival: Arrival, target: Target, growth: Growth | None) -> xr.Dataset:
    """Return the statistics of parcels where they are at the target, per cell (time, y, x) with one time.

    Parameters
    ----------
    cargo
        The parcels.
    arrival
        Where those of the window are.
    target
        The moment.
    growth
        How their values change.
    """
    here = np.flatnonzero(arrival.here)
    grown = None if growth is None else (growth.rate, arrival.age[here])
    laid = cargo.lay(arrival.chosen[here], arrival.dx[here], arrival.dy[here], grown)
    gridded = laid.tally.to_dataset()
    gridded = gridded.assign_coords(time=("time", moments_of(np.array([target.seconds])), gridded["time"].attrs))
    gridded["time"].attrs["long_name"] = "moment that the ice was brought to"
    gridded = gridded.assign_coords(time_bnds=(("time", "nv"), target.bounds[None]))
    found = _Cells(cargo.grid, laid, arrival)
    lost = _lost_weight(cargo, arrival)
    layers = {**found.layers(lost), **_sigmas(laid.tally, found, growth, gridded)}
    dims, shape = ("time", "y", "x"), (1, *cargo.grid.shape)
    gridded = gridded.assign(
        {
            name: (dims, values.reshape(shape), {**told, "grid_mapping": "crs"})
            for name, (values, told) in layers.items()
        }
        | {
            name: ("time", np.array([number]), told)
            for name, (number, told) in _account(cargo, arrival, target, laid).items()
        }
    )
    for name in [name for name in gridded.attrs if name.startswith("segments_")]:
        del gridded.attrs[name]
    return gridded


Layer = tuple[npt.NDArray[Any], dict[str, str]]


class _Cells:
    """The pieces of parcels in each cell, and means over them."""

    def __init__(self, grid: Grid, laid: Laid, arrival: Arrival) -> None:
        self.size, self.laid, self.arrival = grid.shape[0] * grid.shape[1], laid, arrival
        self.resolution = grid.resolution
        self.place = np.searchsorted(arrival.chosen, laid.parcel)
        self.weight = self.total(laid.weight)

    def total(self, part: npt.ArrayLike) -> Floats:
        """Return the sum over the pieces of each cell (cells,)."""
        return np.bincount(self.laid.cell, np.asarray(part, np.float64), minlength=self.size).astype(np.float64)

    def mean(self, part: Floats) -> Floats:
        """Return the weighted mean in each cell (cells,) of what each parcel of the arrival has (m,)."""
        return self.share(self.total(self.laid.weight * part[self.place]), self.weight)

    @staticmethod
    def share(part: Floats, whole: Floats) -> Floats:
        """Return part by whole, NaN where there is none."""
        return np.asarray(np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0))

    @property
    def sigma(self) -> Floats:
        """1-sigma of the place along an axis (cells,) [m]: the root of the mean square over the pieces."""
        return np.sqrt(self.mean(self.arrival.sigma**2))

    def layers(self, lost: Floats) -> dict[str, Layer]:
        """Return what is known of the parcels of each cell."""
        days = {"units": "days"}
        number = np.bincount(self.laid.cell, minlength=self.size).astype(np.int64)
        return {
            "n_parcels": (number, {"long_name": "number of parcels", "units": "1"}),
            "age_mean": (
                self.mean(self.arrival.age),
                days | {"long_name": "mean of target less time of measurement"},
            ),
            "age_abs_mean": (
                self.mean(np.abs(self.arrival.age)),
                days | {"long_name": "mean time between measurement and target"},
            ),
            "distance_mean": (
                self.mean(self.arrival.path),
                {"units": "m", "long_name": "mean length of the way since or until measurement"},
            ),
            "displacement_mean": (
                self.mean(self.arrival.distance),
                {"units": "m", "long_name": "mean distance from where the ice was measured"},
            ),
            "lost_fraction": (
                self.share(lost, lost + self.weight),
                {"units": "1", "long_name": "share of the weight last seen here that did not come to the target"},
            ),
            "position_sigma": (
                self.sigma,
                {"units": "m", "long_name": "1-sigma of the place along an axis from errors of the drift"},
            ),
        }


def _lost_weight(cargo: Cargo, arrival: Arrival) -> Floats:
    """Return the weight of the parcels that did not arrive, in the cells where they were last (cells,)."""
    lost = ~arrival.here
    row, col = cargo.grid.rowcol(arrival.x[lost], arrival.y[lost])
    inside = row >= 0
    cell = (row * cargo.grid.shape[1] + col)[inside]
    weight = cargo.weight[arrival.chosen[lost]][inside]
    size = cargo.grid.shape[0] * cargo.grid.shape[1]
    return np.bincount(cell, weight, minlength=size).astype(np.float64)


def _sigmas(tally: Tally, found: _Cells, growth: Growth | None, gridded: xr.Dataset) -> dict[str, Layer]:
    """Return the parts of the uncertainty of the mean, and their sum in quadrature."""
    value = tally.values[0]
    moment = np.array([["1970-01-01", "1970-01-01"]], "M8[ns]")
    cells = cells_of(tally.records, 0, moment, None)
    parts = {"measurement": ("from the segments' own errors, independent of each other", _measured(cells, found.size))}
    if "sections" in tally.records.details:
        surface = _spread_out(np.sqrt(cells.correlated) / cells.states["weight"], cells, found.size)
        parts["surface"] = ("from the reference surfaces, common to the segments of a section", surface)
    slope = _steepness(gridded[f"{value}_mean"].values[0], found.resolution)
    parts["drift"] = ("from the place: slope of the mean times position_sigma", slope.ravel() * found.sigma)
    layers: dict[str, Layer] = {}
    if growth is not None:
        told = {"long_name": f"growth of {value} per day that was corrected"}
        if "units" in gridded[f"{value}_mean"].attrs:
            told["units"] = f"{gridded[f'{value}_mean'].attrs['units']} d-1"
        layers[f"{value}_growth"] = (np.where(found.weight > 0, growth.rate, np.nan), told)
        own = growth.sigma * np.abs(found.mean(found.arrival.age))
        parts["growth"] = ("from the rate of growth that was corrected", own)
    units = {"units": gridded[f"{value}_mean"].attrs["units"]} if "units" in gridded[f"{value}_mean"].attrs else {}
    for name, (text, values) in parts.items():
        layers[f"{value}_sigma_{name}"] = (values, {"long_name": f"1-sigma of the mean {value}, {text}", **units})
    whole = np.sqrt(sum(values**2 for _, values in parts.values()))
    layers[f"{value}_sigma_total"] = (whole, {"long_name": f"1-sigma of the mean {value}, all parts", **units})
    return layers


def _measured(cells: Cells, size: int) -> Floats:
    """Return the part of the segments' own errors (cells,)."""
    return _spread_out(np.sqrt(cells.states["noise"]) / cells.states["weight"], cells, size)


def _spread_out(values: Floats, cells: Cells, size: int) -> Floats:
    """Return the values of filled cells (m,) on all cells (size,)."""
    result = np.full(size, np.nan)
    result[cells.cell] = values
    return result


def _steepness(mean: Floats, resolution: tuple[float, float]) -> Floats:
    """Return the size of the slope of a map (rows, cols) [per metre]; NaN for a cell without a neighbour.

    Along each axis the difference of both neighbours, or from the one that there is; along an axis without neighbour
    as along the other.
    """
    across, down = (_difference(mean, axis) / step for axis, step in ((1, resolution[0]), (0, resolution[1])))
    across, down = np.where(np.isnan(across), down, across), np.where(np.isnan(down), across, down)
    return np.asarray(np.hypot(across, down))


def _difference(mean: Floats, axis: int) -> Floats:
    """Return the change of a map from cell to cell along an axis."""
    moved = np.moveaxis(mean, axis, 0)
    step = np.full((moved.shape[0] + 1, moved.shape[1]), np.nan)
    step[1:-1] = moved[1:] - moved[:-1]
    known = np.isfinite(step)
    count = known[1:].astype(int) + known[:-1]
    total = np.where(known[1:], step[1:], 0.0) + np.where(known[:-1], step[:-1], 0.0)
    return np.moveaxis(np.divide(total, count, out=np.full(moved.shape, np.nan), where=count > 0), 0, axis)


def _account(cargo: Cargo, arrival: Arrival, target: Target, laid: Laid) -> dict[str, tuple[Any, dict[str, str]]]:
    """Return what became of everything in the window, which adds up; and what was never part of it."""
    weight, count, here = cargo.weight[arrival.chosen], cargo.count[arrival.chosen], arrival.here
    one = {"units": "1"}
    left_out = cargo.left_out(target.seconds - target.window, target.seconds + target.window)
    account: dict[str, tuple[Any, dict[str, str]]] = {
        "segments_in_window": (int(count.sum()), one | {"long_name": "segments of the window"}),
        "segments_gridded": (int(laid.count.sum()), one | {"long_name": "segments that are in a cell"}),
        "segments_lost": (int(count[~here].sum()), one | {"long_name": "segments that did not come to the target"}),
        "segments_outside_grid": (laid.outside, one | {"long_name": "segments that came to lie outside the grid"}),
        "segments_left_out": (left_out, one | {"long_name": "segments beside these, without value, weight or time"}),
        "weight_in_window": (float(weight.sum()), {"long_name": "sum of weights of the window"}),
        "weight_gridded": (float(laid.weight.sum()), {"long_name": "sum of weights in cells"}),
        "weight_lost": (float(weight[~here].sum()), {"long_name": "sum of weights that did not come to the target"}),
        "weight_outside_grid": (laid.outside_weight, {"long_name": "sum of weights outside the grid"}),
        "parcels_in_window": (int(here.size), one | {"long_name": "parcels of the window"}),
    }
    for number, word in enumerate(STATUS_WORDS):
        told = one | {"long_name": f"parcels of status {word}"}
        account[f"parcels_{word}"] = (int((arrival.status == number).sum()), told)
    if arrival.ice_unknown is not None:
        told = one | {"long_name": "parcels that met a concentration of ice that is not known, where nothing stops"}
        account["parcels_ice_unknown"] = (int(arrival.ice_unknown.sum()), told)
    return account
