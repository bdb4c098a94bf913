"""The columns that gridding needs, as arrays, from a GeoDataFrame, a DataFrame or an Arrow table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from altiflow.errors import EmptyDataError, InputError
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.kernel import NO_TIME, native_array
from altiflow.gridding.tally.building.overlap import overlap_factors

__all__ = ["SegmentColumns", "SegmentSource", "segment_columns", "table_provenance"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
SegmentSource: TypeAlias = gpd.GeoDataFrame | pd.DataFrame | pa.Table

_NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 1000, "ns": 1}
_SECTION = ("refsurf_ndx", "refsurf_sigma")
_PASS = ("granule", "beam")


@dataclass(frozen=True)
class SegmentColumns:
    """Arrays (n,) of one row per segment.

    Attributes
    ----------
    longitude, latitude
        [degrees], WGS84; None where `cell` tells the place.
    cell
        Number of the cell, -1 outside; None where longitude and latitude tell it.
    values
        By name of the column.
    weight
        None weighs every segment alike.
    time, time_unit
        Whole numbers since 1970 in units of `time_unit` nanoseconds, NO_TIME where there is none; None without.
    unit, passes
        Number of the pass of each row, and (granule, beam) of each pass, in order.
    section
        Number of the reference-surface section within the pass; None without.
    section_sigma
        1-sigma of its height [m]; None without.
    sigmas
        By name of the value, 1-sigma of each segment, the section's part taken out; None where there is no column.
    overlaps
        By name of the value, how often segments of the pass that have it cover the ground under each; None where
        that cannot be told.
    told
        Provenance of the table.
    """

    longitude: npt.NDArray[Any] | None
    latitude: npt.NDArray[Any] | None
    cell: Ints | None
    values: dict[str, npt.NDArray[Any]]
    weight: npt.NDArray[Any] | None
    time: Ints | None
    time_unit: int
    unit: npt.NDArray[np.int32]
    passes: tuple[tuple[str, str], ...]
    section: npt.NDArray[Any] | None
    section_sigma: npt.NDArray[Any] | None
    sigmas: dict[str, npt.NDArray[Any] | None]
    overlaps: dict[str, npt.NDArray[Any] | None]
    told: dict[str, Any]

    def __len__(self) -> int:
        """Return the number of segments."""
        return int(self.unit.size)

    def ordered(self, order: Ints) -> SegmentColumns:
        """Return the rows in another order."""

        def pick(array: Any) -> Any:
            return None if array is None else array[order]

        return SegmentColumns(
            pick(self.longitude),
            pick(self.latitude),
            pick(self.cell),
            {name: pick(array) for name, array in self.values.items()},
            pick(self.weight),
            pick(self.time),
            self.time_unit,
            self.unit[order],
            self.passes,
            pick(self.section),
            pick(self.section_sigma),
            {name: pick(array) for name, array in self.sigmas.items()},
            {name: pick(array) for name, array in self.overlaps.items()},
            self.told,
        )


def segment_columns(
    source: SegmentSource, grid: Grid, *, values: Sequence[str], weight: str | None, timed: bool
) -> SegmentColumns:
    """Return the columns of a table that gridding needs.

    Parameters
    ----------
    source
        A GeoDataFrame (its points tell where), or a DataFrame or Arrow table with ``longitude`` and ``latitude``
        (WGS84). Columns ``granule`` and ``beam`` tell the passes; without them the whole table is one.
    grid
        Where to; points in its CRS are taken as they are, so that those on an edge stay there.
    values, weight
        Names of columns; a weight of None weighs every segment alike.
    timed
        Whether a column ``time`` is needed.

    Raises
    ------
    InputError
        If a column is missing or of the wrong type, or there are no points.
    EmptyDataError
        If there are no rows.
    """
    wanted = [*values, *([weight] if weight else []), *(["time"] if timed else [])]
    names = list(source.column_names) if isinstance(source, pa.Table) else [str(name) for name in source.columns]
    absent = [name for name in wanted if name not in names]
    if absent:
        raise InputError(f"the table has no column {', '.join(absent)}; it has {', '.join(names)}")
    if not values:
        raise InputError("values must name at least one column to average")
    if len(source) == 0:
        raise EmptyDataError("the table has no rows, so there is nothing to grid; its ledger tells why")
    longitude, latitude, cell = _places(source, names, grid)
    unit, passes = _passes(source, names)
    time, time_unit = _times(source) if "time" in names else (None, 1)
    weights = _numbers(source, weight) if weight else None
    # Sections are numbered within a beam of a granule, so without these two they cannot be told apart.
    sections = all(name in names for name in (*_SECTION, *_PASS)) and "freeboard" in values
    section, section_sigma = (_numbers(source, name) for name in _SECTION) if sections else (None, None)
    columns = {name: _numbers(source, name) for name in values}
    return SegmentColumns(
        longitude,
        latitude,
        cell,
        columns,
        weights,
        time,
        time_unit,
        unit,
        passes,
        section,
        section_sigma,
        {name: _sigma(source, names, name, section_sigma) for name in values},
        _overlaps(source, names, unit, weight, columns),
        table_provenance(source),
    )


def _places(
    source: SegmentSource, names: list[str], grid: Grid
) -> tuple[npt.NDArray[Any] | None, npt.NDArray[Any] | None, Ints | None]:
    """Return longitude and latitude, or cell numbers of points that have another CRS."""
    if isinstance(source, gpd.GeoDataFrame):
        points = source.geometry if source.active_geometry_name else None
        if points is None or points.crs is None or not points.crs.equals("EPSG:4326"):
            row, col = grid.locate(source)
            return None, None, np.where(row >= 0, row * grid.shape[1] + col, -1)
        if set(points.geom_type.dropna()) <= {"Point"}:
            return points.x.to_numpy(), points.y.to_numpy(), None
        grid.locate(source)
    if not {"longitude", "latitude"} <= set(names):
        raise InputError("the table has neither points nor columns longitude and latitude")
    return _numbers(source, "longitude"), _numbers(source, "latitude"), None


def _numbers(source: SegmentSource, name: str) -> npt.NDArray[Any]:
    """Return a column (n,) as floats of its precision, or whole numbers; NaN where it is missing."""
    column = source[name]
    if isinstance(column, pa.ChunkedArray):
        if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
            raise InputError(f"column {name!r} must hold numbers, got {column.type}")
        return np.asarray(column.to_numpy())
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        raise InputError(f"column {name!r} must hold numbers, got {column.dtype}")
    if isinstance(column.dtype, np.dtype):
        return native_array(column.to_numpy())
    return np.asarray(column.to_numpy(dtype=float, na_value=np.nan))


def _times(source: SegmentSource) -> tuple[Ints, int]:
    """Return times (n,) as whole numbers since 1970, and how many nanoseconds their unit has."""
    column = source["time"]
    if isinstance(column, pa.ChunkedArray):
        if not pa.types.is_timestamp(column.type):
            raise InputError(f"column 'time' must hold times (timestamp, UTC), got {column.type}")
        whole = np.asarray(pc.cast(column, pa.int64()).fill_null(NO_TIME).to_numpy(), np.int64)
        return whole, _NANOSECONDS[column.type.unit]
    if not pd.api.types.is_datetime64_any_dtype(column):
        raise InputError(f"column 'time' must hold times (datetime64, UTC), got {column.dtype}; use pandas.to_datetime")
    plain = column.dt.tz_convert("UTC").dt.tz_localize(None) if column.dt.tz is not None else column
    times = plain.to_numpy()
    if times.dtype.kind != "M":
        times = np.asarray(plain, "datetime64[ns]")
    return times.view(np.int64), _NANOSECONDS[np.datetime_data(times.dtype)[0]]


def _passes(source: SegmentSource, names: list[str]) -> tuple[npt.NDArray[np.int32], tuple[tuple[str, str], ...]]:
    """Return the pass of each row (n,), and (granule, beam) of each pass, sorted."""
    codes, words = [], []
    for name in ("granule", "beam"):
        code, word = _codes(source, name) if name in names else (np.zeros(len(source), np.int32), [""])
        codes.append(code)
        words.append(word)
    together = codes[0] * np.int64(len(words[1])) + codes[1]
    if len(words[0]) * len(words[1]) == 1:
        return np.zeros(len(source), np.int32), ((words[0][0], words[1][0]),)
    present = np.zeros(len(words[0]) * len(words[1]), bool)
    present[together] = True
    numbers = np.flatnonzero(present)
    pairs = [(words[0][number // len(words[1])], words[1][number % len(words[1])]) for number in numbers]
    rank = sorted(range(len(pairs)), key=pairs.__getitem__)
    place = np.empty(len(pairs), np.int32)
    place[rank] = np.arange(len(pairs), dtype=np.int32)
    lookup = np.zeros(int(numbers[-1]) + 1, np.int32)
    lookup[numbers] = place
    return lookup[together], tuple(pairs[index] for index in rank)


def _codes(source: SegmentSource, name: str) -> tuple[npt.NDArray[np.int32], list[str]]:
    """Return the number of each row's word (n,), and the words."""
    column = source[name]
    array = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array(pa.Array.from_pandas(column))
    if not pa.types.is_dictionary(array.type):
        array = pc.dictionary_encode(array)
    whole = array.unify_dictionaries().combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = whole.chunk(0)
    if whole.null_count:
        raise InputError(f"column {name!r} has rows without a name; drop them, or leave the column out")
    return whole.indices.to_numpy().astype(np.int32), [str(word) for word in whole.dictionary.to_pylist()]


def _sigma(
    source: SegmentSource, names: list[str], value: str, section_sigma: npt.NDArray[Any] | None
) -> npt.NDArray[Any] | None:
    """Return the 1-sigma of each segment (n,) without the part it shares with its section."""
    if f"{value}_sigma" not in names:
        return None
    sigma = _numbers(source, f"{value}_sigma")
    if value != "freeboard" or section_sigma is None:
        return sigma
    return np.asarray(np.sqrt(np.maximum(sigma.astype(np.float64) ** 2 - section_sigma.astype(np.float64) ** 2, 0.0)))


def _overlaps(
    source: SegmentSource,
    names: list[str],
    unit: npt.NDArray[np.int32],
    weight: str | None,
    columns: dict[str, npt.NDArray[Any]],
) -> dict[str, npt.NDArray[Any] | None]:
    """Return how often segments with a value cover the ground under each (n,); None where that cannot be told."""
    found: dict[str, npt.NDArray[Any] | None] = dict.fromkeys(columns)
    wanted = [name for name in columns if f"{name}_sigma" in names]
    if not wanted or weight not in (None, "segment_length") or not {"x_atc", "segment_length", *_PASS} <= set(names):
        return found
    place, length = (_numbers(source, name).astype(np.float64) for name in ("x_atc", "segment_length"))
    whole: npt.NDArray[Any] | None = None
    for name in wanted:
        usable = np.isfinite(columns[name])
        if usable.all():
            whole = overlap_factors(place, length, unit, by_length=weight is not None) if whole is None else whole
            found[name] = whole
        else:
            held = np.where(usable, length, np.nan)
            found[name] = overlap_factors(place, held, unit, by_length=weight is not None)
    return found


def table_provenance(source: SegmentSource) -> dict[str, Any]:
    """Return the provenance of a table."""
    if isinstance(source, pa.Table):
        found: dict[str, Any] = json.loads((source.schema.metadata or {}).get(b"altiflow", b"{}"))
        return found
    return dict(source.attrs.get("altiflow", {}))
