"""The ledger: one row per granule asked for, with what was read, kept and dropped, or why it failed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq
import shapely

from altiflow.errors import AltiflowError, InputError, UnsupportedFormatError
from altiflow.files import whole_file
from altiflow.readers.datasets.geoparquet import arrow_table, write_parquet
from altiflow.readers.icesat2.granule import GranuleReading, granule_stem
from altiflow.readers.icesat2.screens import SCREENS
from altiflow.readers.remote.addresses import public_url
from altiflow.readers.remote.ranges import Traffic

__all__ = ["Ledger"]

_DROPPED = tuple(f"dropped_{name}" for name in (*SCREENS, "outside_region"))
_TEXT = (
    "granule",
    "path",
    "product",
    "release",
    "status",
    "reason",
    "beams_read",
    "beams_absent",
    "absent_variables",
)
_COUNTS = ("sc_orient", "segments_found", "segments_kept", *_DROPPED)
_COSTS = ("bytes", "requests", "retries", "modified", "simulated")
_TIMES = ("time_first", "time_last")
_FILES = ("file_version", "parts", "part_sizes")
_PLACES = ("west", "south", "east", "north")
_NOTHING: dict[str, Any] = {
    **dict.fromkeys((*_TEXT, *_FILES), ""),
    **dict.fromkeys((*_COUNTS, *_COSTS), 0),
    "seconds": 0.0,
    **dict.fromkeys(_TIMES, pd.NaT),
    **dict.fromkeys(_PLACES, np.nan),
    "geometry": None,
}
"""A row of which nothing is known, by column."""
_KINDS = {
    **dict.fromkeys((*_TEXT, *_FILES), "str"),
    **dict.fromkeys((*_COUNTS, *_COSTS), "int64"),
    "seconds": "float64",
    **dict.fromkeys(_TIMES, "datetime64[us]"),
    **dict.fromkeys(_PLACES, "float64"),
}
_STATUSES = ("read", "empty", "failed", "superseded")
_VERTICES = 33
"""A beam's line on the map has no more points than these; they are some 600 km apart on half an orbit."""


class Ledger:
    """An account of granules that grows row by row.

    Attributes
    ----------
    rows
        One dict per granule; :attr:`table` has them as a DataFrame. ``status`` is "read", "empty" (read, but no
        segment was left), "failed" or "superseded" (another revision was chosen). ``segments_found`` equals
        ``segments_kept`` plus all ``dropped_`` columns.

    Examples
    --------
    >>> Ledger().summary()
    '0 granules'
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def add_reading(self, place: Path | str, reading: GranuleReading) -> None:
        """Append the row of a granule that was read, a file or an address."""
        self._append(
            granule=reading.granule,
            path=public_url(str(place)),
            product=reading.product.short_name,
            release=reading.release,
            status="read" if reading.kept else "empty",
            reason="" if reading.kept else _why_empty(reading),
            beams_read=",".join(reading.beams_read),
            beams_absent=",".join(reading.beams_absent),
            absent_variables=",".join(sorted(reading.absent_variables)),
            sc_orient=reading.orientation,
            segments_found=reading.found,
            segments_kept=reading.kept,
            **{f"dropped_{name}": count for name, count in reading.dropped.items()},
            bytes=reading.bytes,
            requests=reading.requests,
            retries=reading.retries,
            simulated=int(reading.simulated),
            seconds=round(reading.seconds, 6),
            **_extent(reading.columns),
        )

    def add_failure(
        self, place: Path | str, error: AltiflowError, *, traffic: Traffic | None = None, seconds: float = 0.0
    ) -> None:
        """Append the row of a granule that could not be read, what came over the network and the time it took [s]."""
        counts = traffic or Traffic()
        self._append(
            granule=granule_stem(place),
            path=public_url(str(place)),
            status="failed",
            reason=f"{type(error).__name__}: {error}",
            sc_orient=-1,
            bytes=counts.received,
            requests=counts.requests,
            retries=counts.retries,
            seconds=round(seconds, 6),
        )

    def add_superseded(self, place: Path | str, other: str) -> None:
        """Append the row of a granule that was left alone because another revision of it, or copy, was chosen."""
        reason = f"{other} is another revision or copy of it, and was chosen"
        path = public_url(str(place))
        self._append(granule=granule_stem(place), path=path, status="superseded", reason=reason, sc_orient=-1)

    def _append(self, **values: Any) -> None:
        self.rows.append({**_NOTHING, **values})

    def __len__(self) -> int:
        """Return the number of granules accounted for."""
        return len(self.rows)

    @property
    def table(self) -> pd.DataFrame:
        """All rows as a DataFrame."""
        return pd.DataFrame([{**_NOTHING, **row} for row in self.rows], columns=list(_KINDS)).astype(_KINDS)

    @property
    def failures(self) -> list[dict[str, Any]]:
        """Rows of the granules that failed."""
        return [row for row in self.rows if row["status"] == "failed"]

    def summary(self) -> str:
        """Return one line: granules by status, segments kept of those found."""
        if not self.rows:
            return "0 granules"
        counts = Counter(row["status"] for row in self.rows)
        found, kept = (sum(row[name] for row in self.rows) for name in ("segments_found", "segments_kept"))
        told = ", ".join(f"{counts[word]} {word}" for word in _STATUSES if counts[word])
        plural = "granule" if len(self.rows) == 1 else "granules"
        return f"{len(self.rows)} {plural}: {told}; {kept} of {found} segments kept"

    @classmethod
    def read(cls, path: str | Path) -> Ledger:
        """Return the ledger that :meth:`write` wrote.

        Raises
        ------
        InputError
            If there is no such file.
        UnsupportedFormatError
            If it is no ledger.
        """
        source = Path(path)
        if not source.is_file():
            raise InputError(f"there is no ledger at {source}")
        try:
            with pq.ParquetFile(source) as opened:
                names = opened.schema_arrow.names
                frame = opened.read(columns=[name for name in _NOTHING if name in names]).to_pandas()
        except (ValueError, OSError) as error:
            raise UnsupportedFormatError(f"{source.name} is not a Parquet file: {error}") from error
        if not {*_TEXT, *_COUNTS} <= set(frame.columns):
            raise UnsupportedFormatError(f"{source.name} is no ledger: its columns are {', '.join(names)}")
        if "geometry" in frame:
            frame["geometry"] = shapely.from_wkb(frame["geometry"].to_numpy(object))
        ledger = cls()
        ledger.rows = [_NOTHING | {str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
        return ledger

    def write(self, path: str | Path) -> Path:
        """Write the rows as GeoParquet, with the tracks of the segments, and return the path.

        The file appears whole or not at all.

        Raises
        ------
        WriteError
            If the disk is full, or the place may not be written to.
        """
        tracks = gpd.GeoSeries([row.get("geometry") for row in self.rows], crs="EPSG:4326")
        arrow, geo = arrow_table(gpd.GeoDataFrame(self.table, geometry=tracks, crs="EPSG:4326"))
        with whole_file(path) as part:
            write_parquet(arrow, part, geo=geo, metadata={})
        return Path(path)


def _why_empty(reading: GranuleReading) -> str:
    """Return why no segment of a granule was kept."""
    if reading.found == 0:
        return "no beam asked for has segments"
    outside = reading.dropped.get("outside_region", 0)
    return "no segment lies in the region" if outside == reading.found else "no segment passed the screens"


def _extent(columns: dict[str, npt.NDArray[np.generic]]) -> dict[str, Any]:
    """Return where and when segments are: first and last time, bounds, and their tracks."""
    if not columns:
        return {}
    lon, lat = (columns[name].astype(np.float64) for name in ("longitude", "latitude"))
    placed = np.isfinite(lon) & np.isfinite(lat)
    dated = columns["time"][~np.isnat(columns["time"])]
    extent: dict[str, Any] = {}
    if dated.size:
        extent |= {"time_first": pd.Timestamp(dated.min()), "time_last": pd.Timestamp(dated.max())}
    if placed.any():
        bounds = (lon[placed].min(), lat[placed].min(), lon[placed].max(), lat[placed].max())
        extent |= dict(zip(_PLACES, (float(edge) for edge in bounds), strict=True))
        extent["geometry"] = _tracks(lon[placed], lat[placed], columns["beam"][placed])
    return extent


def _tracks(
    lon: npt.NDArray[np.float64], lat: npt.NDArray[np.float64], beam: npt.NDArray[np.generic]
) -> shapely.MultiLineString:
    """Return one line for each beam, of few points, cut where it crosses the antimeridian."""
    lines = []
    edges = np.flatnonzero(beam[1:] != beam[:-1]) + 1
    for rows in np.split(np.arange(lon.size), edges):
        few = rows[np.unique(np.linspace(0, rows.size - 1, _VERTICES).astype(int))]
        places = np.column_stack([lon[few], lat[few]])
        for piece in np.split(places, np.flatnonzero(np.abs(np.diff(lon[few])) > 180) + 1):
            # A line has two points at least.
            lines.append(piece if len(piece) > 1 else np.repeat(piece, 2, axis=0))
    return shapely.MultiLineString(lines)
