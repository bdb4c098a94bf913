"""Tables and data sets read: only the files, row groups and columns that can hold what is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO, Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from altiflow.errors import InputError, UnsupportedFormatError
from altiflow.readers.catalogue.moments import as_moment
from altiflow.readers.datasets.account import Account, parts_of
from altiflow.readers.datasets.geoparquet import INDEX
from altiflow.readers.datasets.layout import Settings, read_settings
from altiflow.readers.icesat2.granule import GranuleReading
from altiflow.readers.icesat2.products import Product, product_named
from altiflow.readers.segments import no_segments, provenance, segment_frame
from altiflow.readers.table import existing_table, read_file
from altiflow.region import Region, as_region
from altiflow.region.area import Box

__all__ = ["Choice", "choose_rows", "read_dataset", "read_table"]

_BOXES, _EDGES = ("longitude", "latitude"), ("west", "south", "east", "north")


@dataclass(frozen=True)
class Choice:
    """Which rows are wanted.

    Attributes
    ----------
    region
        Where; None for everywhere.
    bbox
        (west, south, east, north) [degrees], edges included; None for everywhere.
    start, end
        Timestamps, from when to before when (UTC); NaT for no limit.
    """

    region: Region | None
    bbox: Box | None
    start: Any
    end: Any

    @property
    def needs(self) -> tuple[str, ...]:
        """Columns that tell whether a row is wanted."""
        placed = _BOXES if self.region is not None or self.bbox is not None else ()
        dated = pd.notna(self.start) or pd.notna(self.end)
        return (*placed, "time") if dated else placed

    def may_hold(self, bounds: Sequence[Any], first: Any, last: Any) -> bool:
        """Return whether rows in these bounds and between these times (NaN, NaT: not known) can be wanted."""
        if (pd.notna(self.end) and pd.notna(first) and first >= self.end) or (
            pd.notna(self.start) and pd.notna(last) and last < self.start
        ):
            return False
        boxes = [*([] if self.bbox is None else [self.bbox]), *([] if self.region is None else self.region.bboxes)]
        if not boxes or any(pd.isna(edge) for edge in bounds):
            return True
        west, south, east, north = bounds
        # Longitudes may be written from 0 to 360, and the antimeridian has two.
        wide = (*boxes, *((b[0] + turn, b[1], b[2] + turn, b[3]) for b in boxes for turn in (-360.0, 360.0)))
        return any(b[0] <= east and b[2] >= west and b[1] <= north and b[3] >= south for b in wide)

    def wanted(self, table: pa.Table) -> npt.NDArray[np.bool_]:
        """Return which rows (n,) are wanted."""
        keep = np.ones(table.num_rows, dtype=bool)
        if "time" in self.needs:
            time = table["time"].to_numpy()
            if pd.notna(self.start):
                keep &= time >= self.start.to_datetime64()
            if pd.notna(self.end):
                keep &= time < self.end.to_datetime64()
        if _BOXES[0] in self.needs:
            lon, lat = (table[name].to_numpy() for name in _BOXES)
            if self.region is not None:
                keep &= self.region.contains(lon, lat)
            if self.bbox is not None:
                west, south, east, north = self.bbox
                keep &= (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
        return keep


def choose_rows(region: Any, bbox: Any, start: Any, end: Any) -> Choice:
    """Return the choice that arguments stand for.

    Raises
    ------
    InputError
        If a region, a box or a time makes no sense, or a period ends before it begins.
    """
    box = None if bbox is None else tuple(float(edge) for edge in bbox)
    if box is not None and len(box) != 4:
        raise InputError(f"bbox={bbox!r} has {len(box)} numbers; x_min, y_min, x_max, y_max are four")
    if box is not None and not (box[0] <= box[2] and box[1] <= box[3]):
        raise InputError(
            f"bbox={bbox!r} ends before it begins; x_min, y_min, x_max, y_max rise, and region= takes boxes that cross "
            "the antimeridian"
        )
    area = None if region is None else as_region(region)
    first, last = _moment("start", start), _moment("end", end, last=True)
    if pd.notna(first) and pd.notna(last) and first >= last:
        raise InputError(f"start={start!r} is not before end={end!r}; no row can lie between")
    return Choice(area, box, first, last)  # type: ignore[arg-type]


def read_table(
    path: str | Path,
    *,
    columns: list[str] | None = None,
    bbox: Any = None,
    region: Any = None,
    start: Any = None,
    end: Any = None,
) -> gpd.GeoDataFrame:
    """Return a table that :func:`write_table` wrote, or rows of a data set, provenance included.

    Parameters
    ----------
    path
        GeoParquet, GeoPackage, FlatGeobuf or CSV; or the folder of a data set that :func:`read_to_dataset` made, of
        which only the files, row groups and columns are read that can hold what is asked for.
    columns
        Columns to read (GeoParquet; the geometry always comes along).
    bbox
        (x_min, y_min, x_max, y_max) in the table's CRS; row groups outside are not read (GeoParquet).
    region
        Keep points in this region only; anything :func:`altiflow.region.as_region` takes.
    start, end
        Keep rows from when to before when (UTC, column ``time``): anything :class:`pandas.Timestamp` takes. A day,
        month or year is meant whole, as in a search: "2019-07" to "2019-07" is all of July.

    Raises
    ------
    InputError
        If there is no such file or data set, a column is missing, or a region or time makes no sense.
    UnsupportedFormatError
        If it is not a table with geometry.
    """
    source = existing_table(path)
    choice = choose_rows(region, bbox, start, end)
    if source.is_dir():
        return read_dataset(source, choice, columns)
    if region is None and start is None and end is None:
        return read_file(source, columns, bbox)
    return _chosen(read_file(source, _with_time(columns, choice), bbox), choice, columns)


def _with_time(columns: list[str] | None, choice: Choice) -> list[str] | None:
    """Return the columns to read, the time among them where it tells which rows are wanted."""
    return columns if columns is None or "time" not in choice.needs else [*columns, "time"]


def _chosen(table: gpd.GeoDataFrame, choice: Choice, columns: list[str] | None) -> gpd.GeoDataFrame:
    """Return the rows of a table in a region and between two times."""
    keep = np.ones(len(table), dtype=bool)
    if "time" in choice.needs:
        if "time" not in table:
            raise InputError("the table has no column 'time', so start and end mean nothing here; leave them out")
        time = table["time"].to_numpy()
        keep &= (pd.isna(choice.start) | (time >= choice.start)) & (pd.isna(choice.end) | (time < choice.end))
    if choice.region is not None:
        places = table.geometry.to_crs("EPSG:4326")
        kinds = sorted(set(places.geom_type.dropna()) - {"Point"})
        if kinds:
            raise InputError(
                f"the table has rows of {', '.join(kinds)}, and only points are read by region; leave it out"
            )
        keep &= choice.region.contains(places.x, places.y)
    kept = table[keep]
    return kept if columns is None else kept[[*dict.fromkeys(columns), table.geometry.name]]


def read_dataset(folder: Path, choice: Choice, columns: Sequence[str] | None = None) -> gpd.GeoDataFrame:
    """Return the rows of a data set that are wanted, as :func:`altiflow.read_segments` would have them.

    Raises
    ------
    InputError
        If there is no data set, or it lacks a column.
    UnsupportedFormatError
        If a file of it, or its ledger, is damaged or gone.
    """
    settings = read_settings(folder)
    product = product_named(settings.product)
    rows = Account(folder).ledger().rows
    wanted = (
        row for row in rows if choice.may_hold([row[edge] for edge in _EDGES], row["time_first"], row["time_last"])
    )
    pieces = [piece for row in wanted if (piece := _read_granule(folder, row, choice, columns)) is not None]
    if pieces:
        arrow = pa.concat_tables(pieces)
        found = {name: arrow[name].to_numpy() for name in arrow.column_names}
    else:
        found = no_segments(product)
    table = segment_frame({name: found[name] for name in _loaded(columns, choice, list(found))})
    table.attrs["altiflow"] = _told(rows, product, settings)
    return table if columns is None else table[[*_checked(columns, list(table)), "geometry"]]


def open_part(path: Path) -> IO[bytes]:
    """Return a part file, open for reading."""
    return path.open("rb")


def _read_granule(folder: Path, row: dict[str, Any], choice: Choice, columns: Sequence[str] | None) -> pa.Table | None:
    """Return the wanted rows of one granule in the order they were read in, None if there are none."""
    pieces = [piece for part in parts_of(row) if (piece := _read_part(folder / part, choice, columns)) is not None]
    if not pieces:
        return None
    table = pa.concat_tables(pieces)
    numbers = table[INDEX].to_numpy()
    ordered = table if (np.diff(numbers) > 0).all() else table.take(pa.array(np.argsort(numbers)))
    return ordered.drop_columns(INDEX)


def _read_part(path: Path, choice: Choice, columns: Sequence[str] | None) -> pa.Table | None:
    """Return the wanted rows of one part, None if there are none."""
    try:
        with open_part(path) as file:
            parquet = pq.ParquetFile(file)
            groups = [
                number
                for number in range(parquet.num_row_groups)
                if choice.may_hold(*_statistics(parquet.metadata.row_group(number)))
            ]
            if not groups:
                return None
            names = [*_loaded(columns, choice, parquet.schema_arrow.names), INDEX]
            table = parquet.read_row_groups(groups, columns=names).select(names).replace_schema_metadata(None)
    except (pa.ArrowInvalid, OSError) as error:
        raise UnsupportedFormatError(
            f"{path} cannot be read ({error}); delete it and read the granules into the data set again"
        ) from error
    keep = choice.wanted(table)
    return None if not keep.any() else table if keep.all() else table.filter(pa.array(keep))


def _statistics(group: Any) -> tuple[list[Any], Any, Any]:
    """Return bounds, first and last time of a row group; NaN and NaT where they are not told."""
    known: dict[str, tuple[Any, Any]] = {}
    for number in range(group.num_columns):
        column = group.column(number)
        if column.path_in_schema in (*_BOXES, "time") and column.is_stats_set and column.statistics.has_min_max:
            known[column.path_in_schema] = column.statistics.min, column.statistics.max
    lon, lat = (known.get(name, (np.nan, np.nan)) for name in _BOXES)
    first, last = known.get("time", (pd.NaT, pd.NaT))
    return [lon[0], lat[0], lon[1], lat[1]], first, last


def _loaded(columns: Sequence[str] | None, choice: Choice, there: list[str]) -> list[str]:
    """Return the columns to read, in the order of the table: those asked for, and what tells place and time."""
    stored = [name for name in there if name not in ("geometry", "bbox", INDEX)]
    if columns is None:
        return stored
    needed = {*_checked(columns, stored), *_BOXES, *choice.needs}
    return [name for name in stored if name in needed]


def _checked(columns: Sequence[str], there: list[str]) -> list[str]:
    """Return the columns asked for, each once, without the geometry; refuse what is not there."""
    absent = [name for name in columns if name not in there and name != "geometry"]
    if absent:
        raise InputError(f"the data set has no column {', '.join(absent)}; it has {', '.join(there)}")
    return [name for name in dict.fromkeys(columns) if name != "geometry"]


def _told(rows: list[dict[str, Any]], product: Product, settings: Settings) -> dict[str, Any]:
    """Return the provenance of all granules of the data set."""
    readings = [
        GranuleReading(
            row["granule"],
            product,
            release=row["release"],
            simulated=bool(row["simulated"]),
            dropped={name.removeprefix("dropped_"): count for name, count in row.items() if name[:8] == "dropped_"},
        )
        for row in rows
        if row["status"] in ("read", "empty") or row["parts"]
    ]
    return provenance(
        readings,
        product,
        beams=settings.beams,  # type: ignore[arg-type]
        screens=settings.screens,
        region=settings.region,
    )


def _moment(name: str, time: Any, *, last: bool = False) -> Any:
    """Return a time in UTC, NaT for none; if `last`, the end of a day, month or year that is meant whole."""
    if time is None:
        return pd.NaT
    try:
        stamp = pd.Timestamp(time)
        plain = stamp.tz_convert("UTC").tz_localize(None) if stamp.tzinfo is not None else stamp
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}={time!r} is no time ({error}); use one such as '2020-03-01'") from error
    if pd.isna(plain):
        raise InputError(f"{name}={time!r} is no time; use one such as '2020-03-01', or None for no limit")
    if last and isinstance(time, (str, date)):
        begins, ends = (as_moment(time, name, last=side) for side in (False, True))
        if begins != ends:
            return pd.Timestamp(ends) + pd.Timedelta(1, "us")  # type: ignore[arg-type]
    return plain
