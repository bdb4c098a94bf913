"""Parcels of a table: each carries its segments, which keep their places within it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from altiflow.errors import EmptyDataError, InputError, NoOverlapError
from altiflow.fusion.drift.laid import Laid, digest_arrays, growth_shift, name_units, number_keys
from altiflow.fusion.trajectories.motion import EPOCH
from altiflow.gridding.grids.crs import transformer_between
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.kernel import NO_TIME, Engine, cell_finder, choose_engine, run_starts
from altiflow.gridding.tally import (
    SegmentColumns,
    SegmentSource,
    Tally,
    TallyOptions,
    segment_columns,
    tally_columns,
)

__all__ = ["RowCargo", "load_table"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_HOUR = 3600.0
"""Segments of one pass and square that are of other hours are of other parcels [s]."""


@dataclass(frozen=True)
class RowCargo:
    """Parcels (n,) that carry rows of a table: each segment keeps its place in its parcel, which moves as a whole.

    Attributes
    ----------
    columns
        The rows (r,), of one value.
    grid
        Where parcels are put down.
    row_x, row_y, row_cell
        Where rows lie [m, CRS of the grid], and the cells they are in, -1 outside (r,).
    owner
        Number of each row's parcel, -1 for none (r,).
    x, y
        Where each parcel was measured, the weighted mean of its rows [m, CRS of the grid].
    seconds
        When, the weighted mean [s since 2000], ascending.
    weight, count
        Sum of its weights, and number of its rows.
    spare
        Times of the rows that are in no parcel, for want of a value, weight, time or place [s since 2000], ascending;
        NaN, last, where the time is not known.
    weighed_by
        Column of the weights.
    engine
        What reduces the rows.
    """

    columns: SegmentColumns
    grid: Grid
    row_x: Floats
    row_y: Floats
    row_cell: Ints
    owner: Ints
    x: Floats
    y: Floats
    seconds: Floats
    weight: Floats
    count: Ints
    spare: Floats
    weighed_by: str | None
    engine: Engine

    def lay(self, chosen: Ints, dx: Floats, dy: Floats, grown: tuple[Floats, Floats] | None = None) -> Laid:
        """Return parcels `chosen` (m,), each moved by dx, dy (m,) [m], on the grid.

        With `grown`, rates of growth of cells (cells,) and ages of parcels (m,), values are what they are at age 0.
        """
        place = np.full(self.x.size, -1)
        place[chosen] = np.arange(chosen.size)
        rows = np.flatnonzero((self.owner >= 0) & (place[self.owner] >= 0))
        owner = self.owner[rows]
        own = place[owner]
        cell = self.row_cell[rows].copy()
        away = np.flatnonzero((dx[own] != 0) | (dy[own] != 0))
        row, col = self.grid.rowcol(self.row_x[rows[away]] + dx[own[away]], self.row_y[rows[away]] + dy[own[away]])
        cell[away] = np.where(row >= 0, row * self.grid.shape[1] + col, -1)
        columns = replace(self.columns.ordered(rows), cell=cell, longitude=None, latitude=None)
        if grown is not None:
            value = next(iter(columns.values))
            shift = growth_shift(cell, grown[0], grown[1][own])
            columns = replace(columns, values={value: columns.values[value].astype(float) + shift})
        options = TallyOptions(step=None)
        tally = tally_columns(columns, self.grid, weight=self.weighed_by, options=options, engine=self.engine)
        return _pieces(tally, columns, owner, cell)

    def within(self, start: float, end: float) -> RowCargo:
        """Return the parcels measured between two moments [s since 2000], with their rows; numbered anew, in order."""
        low, high = np.searchsorted(self.seconds, start), np.searchsorted(self.seconds, end, side="right")
        rows, parcels = np.flatnonzero((self.owner >= low) & (self.owner < high)), slice(low, high)
        spare = self.spare[((self.spare >= start) & (self.spare <= end)) | np.isnan(self.spare)]
        return replace(
            self,
            columns=self.columns.ordered(rows),
            row_x=self.row_x[rows],
            row_y=self.row_y[rows],
            row_cell=self.row_cell[rows],
            owner=self.owner[rows] - low,
            x=self.x[parcels],
            y=self.y[parcels],
            seconds=self.seconds[parcels],
            weight=self.weight[parcels],
            count=self.count[parcels],
            spare=spare,
        )

    def fingerprint(self, low: int, high: int) -> str:
        """Return a digest of the parcels from one number to before another, and of what they carry."""
        rows = np.flatnonzero((self.owner >= low) & (self.owner < high))
        columns, (unit, names) = self.columns.ordered(rows), name_units(self.columns.unit[rows], self.columns.passes)
        given = (columns.time, columns.section, columns.section_sigma)
        kept = [*columns.values.values(), *columns.sigmas.values(), *columns.overlaps.values(), *given]
        numbers = [np.empty(0) if each is None else each for each in kept]
        places = (self.row_x[rows], self.row_y[rows], _mass(columns), unit, self.seconds[low:high])
        return digest_arrays(*places, *numbers, told=[*names, self.columns.time_unit])

    def left_out(self, start: float, end: float) -> int:
        """Return how many rows of a time [s since 2000], or of none that is known, are in no parcel."""
        known = int(np.searchsorted(self.spare, np.inf, side="right"))
        within = int(np.searchsorted(self.spare, end, side="right") - np.searchsorted(self.spare, start))
        return within + self.spare.size - known

    @property
    def passes(self) -> tuple[tuple[str, str], ...]:
        """Granule and beam of each pass of the table."""
        return self.columns.passes

    @property
    def told(self) -> dict[str, Any]:
        """What is known of the table."""
        return self.columns.told


def load_table(
    source: SegmentSource, grid: Grid, *, value: str, weight: str | None, size: float, engine: Engine = "auto"
) -> RowCargo:
    """Return the parcels of a table: what one pass has in one square of `size` [m] of the grid's map.

    Raises
    ------
    InputError
        If a column is missing or of the wrong type, or the table has no points or no CRS.
    EmptyDataError
        If it has no rows, or none with a value, a weight, a time and a place.
    """
    if not size > 0:
        raise InputError(f"parcel must be a length in metres above zero, got {size!r}")
    columns = segment_columns(source, grid, values=[value], weight=weight, timed=True)
    x, y = _row_places(source, columns, grid)
    mass = _mass(columns)
    times = np.asarray(columns.time)
    known = times != NO_TIME
    usable = np.isfinite(columns.values[value]) & np.isfinite(mass) & (mass > 0) & known
    usable &= np.isfinite(x) & np.isfinite(y)
    kept = np.flatnonzero(usable)
    if kept.size == 0 and not (np.isfinite(x) & np.isfinite(y)).any():
        raise NoOverlapError(f"not one of {len(columns)} segments lies on the hemisphere of grid {grid.name}")
    if kept.size == 0:
        raise EmptyDataError(f"no segment has a {value}, a weight, a time and a place, so there are no parcels")
    moments = np.where(known, times, 0) * columns.time_unit
    moments -= EPOCH.astype(np.int64)
    seconds = moments * 1e-9
    keys = (columns.unit[kept], seconds[kept] // _HOUR, y[kept] // size, x[kept] // size)
    number = number_keys([np.asarray(key, np.int64) for key in keys])
    total = _sums(number, mass[kept])
    places = (np.asarray(part, np.float64) for part in (x[kept], y[kept], seconds[kept]))
    means = [_weighted(number, mass[kept], part, total) for part in places]
    order = np.lexsort((np.arange(total.size), means[2]))
    rank = np.empty(order.size, np.int64)
    rank[order] = np.arange(order.size)
    owner = np.full(len(columns), -1)
    owner[kept] = rank[number]
    return RowCargo(
        columns=columns,
        grid=grid,
        row_x=x,
        row_y=y,
        row_cell=_row_cells(columns, grid, engine),
        owner=owner,
        x=means[0][order],
        y=means[1][order],
        seconds=means[2][order],
        weight=total[order],
        count=np.bincount(number)[order],
        spare=np.sort(np.where(known, seconds, np.nan)[~usable]),
        weighed_by=weight,
        engine=choose_engine(engine),
    )


def _pieces(tally: Tally, columns: SegmentColumns, owner: Ints, cell: Ints) -> Laid:
    """Return the tally with the pieces of parcels that make up its cells."""
    value = next(iter(columns.values.values())).astype(float)
    mass = _mass(columns)
    inside = np.flatnonzero(cell >= 0)
    out = cell < 0
    starts = run_starts((owner[inside][1:] != owner[inside][:-1]) | (cell[inside][1:] != cell[inside][:-1]))
    if inside.size == 0:
        nothing, zeros = np.empty(0, np.int64), np.empty(0)
        return Laid(tally, nothing, nothing, zeros, nothing, zeros, int(out.sum()), float(mass[out].sum()))
    parcel, where = owner[inside][starts], cell[inside][starts]
    count = np.diff(starts, append=inside.size)
    total = np.add.reduceat(mass[inside], starts)
    moment = np.add.reduceat((mass * value)[inside], starts)
    key = number_keys([parcel, where])
    weight = _sums(key, total)
    first = np.zeros(weight.size, np.int64)
    first[key[::-1]] = np.arange(key.size)[::-1]
    return Laid(
        tally=tally,
        parcel=parcel[first],
        cell=where[first],
        weight=weight,
        count=np.bincount(key, count).astype(np.int64),
        mean=_sums(key, moment) / weight,
        outside=int(out.sum()),
        outside_weight=float(mass[out].sum()),
    )


def _row_places(source: SegmentSource, columns: SegmentColumns, grid: Grid) -> tuple[Floats, Floats]:
    """Return where rows lie (n,) [m, CRS of the grid]; infinite on the far side of the earth."""
    if columns.longitude is not None and columns.latitude is not None:
        return grid.project(columns.longitude, columns.latitude)
    if not isinstance(source, gpd.GeoDataFrame):
        raise InputError("the table has neither points nor columns longitude and latitude")
    points = source.geometry.to_numpy()
    x, y = shapely.get_x(points), shapely.get_y(points)
    if source.crs.equals(grid.crs):
        return x, y
    return grid.project(*transformer_between(source.crs.to_wkt(), "EPSG:4326").transform(x, y))


def _mass(columns: SegmentColumns) -> Floats:
    """Return the weights (r,)."""
    return np.ones(len(columns)) if columns.weight is None else columns.weight.astype(np.float64)


def _sums(number: Ints, part: npt.ArrayLike) -> Floats:
    """Return the sum of a part (n,) over the rows of each number."""
    return np.bincount(number, np.asarray(part, np.float64)).astype(np.float64)


def _row_cells(columns: SegmentColumns, grid: Grid, engine: Engine) -> Ints:
    """Return the cells rows are in (r,), -1 outside."""
    if columns.cell is not None:
        return columns.cell
    found = cell_finder(grid, choose_engine(engine))(np.asarray(columns.longitude), np.asarray(columns.latitude))
    return np.asarray(found, np.int64)


def _weighted(number: Ints, mass: Floats, part: Floats, total: Floats) -> Floats:
    """Return the weighted mean of each parcel, from differences to its first row so that nothing is lost."""
    first = np.zeros(total.size)
    first[number[::-1]] = part[::-1]
    return np.asarray(first + _sums(number, mass * (part - first[number])) / total)
