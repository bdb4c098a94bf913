"""The tally: statistics of segments per cell and time bin that can be added in any order and partition."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import EmptyDataError, InputError
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.kernel import Engine
from altiflow.gridding.tally.building.build import TallyOptions, build_records
from altiflow.gridding.tally.building.columns import SegmentColumns, SegmentSource, segment_columns
from altiflow.gridding.tally.passes import Passes, check_granules, check_once, join_passes
from altiflow.gridding.tally.records import Records, join_records, regroup

__all__ = ["Tally", "merge_tallies", "tally_columns", "tally_segments"]

_FILL = 1e30
"""Numbers beyond this are fill (3.4028235e38, 1.7976931348623157e308, 9.969e36)."""
_STEPS = {"D": 86_400, "h": 3_600, "min": 60, "s": 1}


@dataclass(frozen=True)
class Tally:
    """Mergeable statistics of segments on a grid.

    The canonical partial is one record per value, granule, beam, cell and time bin; statistics of a cell are those of
    its records merged in the order of their names. Tallies of whole beams give the same bits in whatever order and
    partition they are added; a beam cut in two gives the same to rounding (and, at the cut, the formal sigma cannot
    know that segments on both sides overlap).

    Attributes
    ----------
    grid
        The grid.
    values
        Columns that are averaged.
    weight
        Column of weights; None where every segment weighs alike.
    options
        Time step, quantiles and histogram.
    passes
        Granule and beam of every pass, and its rows.
    records
        The partial statistics.
    told
        Provenance: product, title, units, screens ...
    """

    grid: Grid
    values: tuple[str, ...]
    weight: str | None
    options: TallyOptions
    passes: Passes
    records: Records
    told: dict[str, Any]

    def __repr__(self) -> str:
        """Return grid, values and size in one line."""
        return (
            f"Tally({', '.join(self.values)} on {self.grid.name} {self.grid.shape}, {len(self.granules)} granules, "
            f"{len(self.passes.names)} passes, {self.records.states.size} records)"
        )

    def __add__(self, other: Tally) -> Tally:
        """Return the tally of the segments of both."""
        if not isinstance(other, Tally):
            return NotImplemented
        return merge_tallies([self, other])

    @property
    def granules(self) -> tuple[str, ...]:
        """The granules, sorted."""
        return self.passes.granules

    @property
    def count(self) -> int:
        """Number of segments gridded of the first value."""
        return int(self.records.states["count"][self.records.states["value"] == 0].sum())

    @property
    def span(self) -> tuple[np.datetime64, np.datetime64]:
        """First and last time, NaT where there is none."""
        states = self.records.states
        known = states["first"] != np.iinfo(np.int64).min
        if not known.any():
            return np.datetime64("NaT", "ns"), np.datetime64("NaT", "ns")
        return (
            np.datetime64(int(states["first"][known].min()), "ns"),
            np.datetime64(int(states["last"][known].max()), "ns"),
        )

    def select(self, granules: str | Iterable[str]) -> Tally:
        """Return the tally of these granules alone.

        Raises
        ------
        InputError
            If one of them is not in the tally.
        """
        wanted = self._asked(granules)
        keep = np.array([granule in wanted for granule, _ in self.passes.names], bool)
        records = self.records.where(keep[self.records.states["unit"]])
        states = records.states.copy()
        states["unit"] = (np.cumsum(keep) - 1).astype(np.int32)[states["unit"]]
        return replace(self, passes=self.passes.where(keep), records=Records(states, records.details))

    def remove(self, granules: str | Iterable[str]) -> Tally:
        """Return the tally without these granules: what a tally of the others alone is, to the bit.

        Raises
        ------
        InputError
            If one of them is not in the tally.
        """
        return self.select(set(self.granules) - self._asked(granules))

    def _asked(self, granules: str | Iterable[str]) -> set[str]:
        """Return the names of granules, once it is known that all are there."""
        asked = {granules} if isinstance(granules, str) else set(granules)
        unknown = sorted(asked - set(self.granules))
        if unknown:
            raise InputError(f"the tally has no granule {', '.join(unknown[:3])}; tally.granules lists those it has")
        return asked

    def coarsen(self, grid: Grid | int) -> Tally:
        """Return the tally on a coarser grid of the same family, from the records alone.

        Parameters
        ----------
        grid
            The coarser grid, or how many cells of this one make one of it, across and down.

        Raises
        ------
        InputError
            If the cells of the coarser grid are not made of whole cells of this one.
        """
        coarse = self.grid.coarsen(grid) if isinstance(grid, int) else grid
        if not self.grid.same_family(coarse) or (np.array(coarse.resolution) < self.grid.resolution).any():
            raise InputError(
                f"cells of {coarse!r} are not made of whole cells of {self.grid!r}; a coarser grid of the same "
                "family is needed, such as grid.coarsen(2)"
            )
        states = self.records.states.copy()
        row, col = coarse.rowcol(*self.grid.xy(*np.divmod(states["cell"], self.grid.shape[1])))
        states["cell"] = row * coarse.shape[1] + col
        moved = Records(states, self.records.details).where(row >= 0)
        return replace(self, grid=coarse, records=regroup(moved.states, moved.details))

    def to_dataset(
        self,
        freq: str | None = None,
        *,
        periods: npt.ArrayLike | None = None,
        values: Sequence[str] | None = None,
        quantiles: Sequence[float] = (),
        min_count: int = 1,
        min_weight: float = 0.0,
        section_rho: float = 0.0,
        crop: bool = False,
    ) -> xr.Dataset:
        """Return the statistics per cell and period; see :func:`altiflow.gridding.tally.dataset.tally_dataset`."""
        from altiflow.gridding.tally.dataset import tally_dataset

        return tally_dataset(
            self,
            freq=freq,
            periods=periods,
            values=values,
            quantiles=quantiles,
            min_count=min_count,
            min_weight=min_weight,
            section_rho=section_rho,
            crop=crop,
        )


def tally_segments(
    source: SegmentSource,
    grid: Grid,
    *,
    value: str | Sequence[str],
    weight: str | None = "segment_length",
    step: str | int | None = "D",
    quantiles: str | float | None = None,
    histogram: Sequence[float] = (),
    engine: Engine = "auto",
) -> Tally:
    """Return the tally of a table of segments.

    Parameters
    ----------
    source
        GeoDataFrame, DataFrame or Arrow table with one row per segment; columns ``granule`` and ``beam`` tell the
        passes, ``refsurf_ndx`` and ``refsurf_sigma`` the reference-surface sections of freeboard, ``<value>_sigma``
        the 1-sigma of a segment and ``x_atc`` which segments overlap.
    grid
        Where to; take the whole named grid, so that tallies of any region can be added: only cells with segments
        take memory.
    value
        Column, or columns, to average in one pass.
    weight
        Column of weights; None weighs every segment alike.
    step
        Length of the time bins: "D" (UTC days), "h", a number of seconds that divides a day, or None for one undated
        bin. Months, seasons and winters are made of days later, exactly.
    quantiles
        None; "exact" keeps every value for medians and quantiles; a number keeps values rounded to that resolution
        (0.001 m: quantiles right to half a millimetre in little space).
    histogram
        Edges of bins, ascending; the weight in each is kept. The last bin holds its upper edge.
    engine
        "numba", "numpy", or "auto": numba where it is installed.

    Raises
    ------
    InputError
        If a column is missing or of the wrong type, a value holds fill, a granule is there in two releases, or an
        argument makes no sense.
    EmptyDataError
        If the table has no rows, or no usable one.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"longitude": [0.0, 0.0], "latitude": [80.0, 80.0], "h": [1.0, 3.0], "w": [1.0, 3.0]})
    >>> found = tally_segments(table, Grid.named("EASE2_N25km"), value="h", weight="w", step=None)
    >>> found.records.states["mean"].tolist(), (found + found).count
    ([2.5], 4)
    """
    names = (value,) if isinstance(value, str) else tuple(value)
    _check_names(names, weight)
    options = TallyOptions(_step(step), _quantiles(quantiles), _edges(histogram))
    columns = segment_columns(source, grid, values=names, weight=weight, timed=options.step is not None)
    found = tally_columns(columns, grid, weight=weight, options=options, engine=engine)
    if found.passes.left_out.sum() == found.passes.rows.sum() * len(names):
        needed = [f"a finite {' or '.join(names)}", *([f"a positive {weight}"] if weight else [])]
        raise EmptyDataError(
            f"not one of the {len(columns)} rows has {' and '.join([*needed, *(['a time'] if step else [])])}"
        )
    return found


def tally_columns(
    columns: SegmentColumns, grid: Grid, *, weight: str | None, options: TallyOptions, engine: Engine
) -> Tally:
    """Return the tally of columns, also of none; `weight` is the name of theirs.

    Raises
    ------
    InputError
        If a column holds fill, or a granule is there twice.
    """
    names = tuple(columns.values)
    records, rows, left_out = build_records(columns, grid, options, engine)
    furthest = np.maximum(np.abs(records.states["low"]), np.abs(records.states["high"]))
    if furthest.size and furthest.max() > _FILL:
        name = names[int(records.states["value"][furthest.argmax()])]
        raise InputError(
            f"column {name!r} holds {furthest.max():g}, which is fill and no measurement; make it NaN first"
        )
    passes = Passes(columns.passes, rows, left_out)
    check_granules(passes.granules)
    return Tally(grid, names, weight, options, passes, records, _lasting(columns.told))


def _check_names(values: Sequence[str], weight: str | None) -> None:
    """Refuse columns named twice, and those whose statistics would have the name of another variable."""
    if len(set(values)) < len(values):
        raise InputError(f"value names a column twice: {', '.join(values)}")
    stem = "length" if weight == "segment_length" else weight
    for prefix in ("", *(f"{value}_" for value in values[1:])):
        if stem and f"{prefix}{stem}" in values:
            name = f"{prefix}{stem}"
            raise InputError(
                f"value {name!r} with weight {weight!r} gives two variables {name}_mean; rename the column"
            )


def merge_tallies(tallies: Iterable[Tally]) -> Tally:
    """Return the tally of the segments of all tallies, the same whatever their order.

    Raises
    ------
    InputError
        If there is none, or they differ in values, weight, time step, quantiles, histogram, product, units or
        screens; or if they hold the same segments of a granule, told by their times, or one granule in two releases
        or subsets.
    GridMismatchError
        If they are on different grids.
    """
    parts = list(tallies)
    if not parts:
        raise InputError("there is no tally to merge")
    if len(parts) == 1:
        return parts[0]
    for part in parts[1:]:
        _check_alike(parts[0], part)
    for name in ("product", "units", "screens"):
        found = [part.told[name] for part in parts if part.told.get(name)]
        other = next((one for one in found if one != found[0]), None)
        if other is not None:
            one, two = (", ".join(each) if isinstance(each, list) else str(each) for each in (found[0], other))
            raise InputError(f"tallies of different {name} cannot be merged: {one} and {two}")
    passes, numbers = join_passes([part.passes for part in parts])
    check_granules(passes.granules)
    check_once([part.records.states for part in parts], passes, numbers)
    records = join_records([part.records for part in parts], numbers)
    told = _joined([part.told for part in parts])
    return replace(parts[0], passes=passes, records=records, told=told)


def _check_alike(first: Tally, other: Tally) -> None:
    """Refuse to merge tallies that count different things."""
    from altiflow.gridding.grids.lattice import check_same_grid

    if first.grid is not other.grid:
        check_same_grid(first.grid, other.grid)
    for name in ("values", "weight", "options"):
        one, two = getattr(first, name), getattr(other, name)
        if one != two:
            raise InputError(f"tallies with different {name} cannot be merged: {one} and {two}")
    one, two = list(first.records.details), list(other.records.details)
    if one != two:
        raise InputError(
            f"tallies that keep different details cannot be merged: {', '.join(one) or 'none'} and "
            f"{', '.join(two) or 'none'}; sections come from the columns refsurf_ndx and refsurf_sigma"
        )


def _step(step: str | int | None) -> int | None:
    """Return the length of a time bin [s]."""
    seconds = _STEPS.get(step, step) if isinstance(step, str) else step
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds < 1 or 86_400 % seconds:
        raise InputError(f"step must be 'D', 'h', a number of seconds that divides a day, or None; got {step!r}")
    return seconds


def _quantiles(quantiles: str | float | None) -> str | float | None:
    """Return None, "exact" or a positive resolution."""
    if quantiles is None or quantiles == "exact":
        return quantiles
    if isinstance(quantiles, str) or not 0 < float(quantiles) < np.inf:
        raise InputError(f"quantiles must be None, 'exact' or a positive resolution, got {quantiles!r}")
    return float(quantiles)


def _edges(histogram: Sequence[float]) -> tuple[float, ...]:
    """Return the edges of the histogram."""
    edges = np.asarray(histogram, float)
    if edges.size and (edges.ndim != 1 or edges.size < 2 or not (np.diff(edges) > 0).all()):
        raise InputError(f"histogram must be two or more ascending edges, got {histogram!r}")
    return tuple(float(edge) for edge in edges)


def _lasting(told: dict[str, Any]) -> dict[str, Any]:
    """Return the provenance that does not depend on how the segments were partitioned."""
    kept = {name: told[name] for name in ("product", "title", "units") if told.get(name)}
    if told.get("screens"):
        kept["screens"] = sorted(told["screens"])
    if told.get("region"):
        kept["regions"] = [told["region"]]
    return kept


def _joined(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the provenance of all parts."""
    joined: dict[str, Any] = {}
    for part in parts:
        for name, found in part.items():
            if isinstance(found, list):
                joined[name] = sorted({*joined.get(name, ()), *found})
            else:
                joined.setdefault(name, found)
    return joined
