"""The ledger: one row per granule asked for, with what was read, kept and dropped, or why it failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from altiflow.errors import AltiflowError, InputError, UnsupportedFormatError
from altiflow.files import whole_file
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
_TRAFFIC = ("bytes", "requests", "retries")
_COUNTS = ("sc_orient", "segments_found", "segments_kept", *_DROPPED, *_TRAFFIC)
_NEW = {**dict.fromkeys(_TRAFFIC, 0), "seconds": 0.0}
"""Columns that ledgers written by earlier versions lack."""


class Ledger:
    """An account of granules that grows row by row.

    Attributes
    ----------
    rows
        One dict per granule; :attr:`table` has them as a DataFrame. ``status`` is "ok", "empty" (read, but no
        segment was left) or "failed". ``segments_found`` equals ``segments_kept`` plus all ``dropped_`` columns.

    Examples
    --------
    >>> Ledger().summary()
    '0 granules'
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def add_reading(
        self, place: Path | str, reading: GranuleReading, *, traffic: Traffic | None = None, seconds: float = 0.0
    ) -> None:
        """Append the row of a granule that was read, what came over the network and the time it took [s]."""
        empty = "no beam asked for has segments" if reading.found == 0 else "no segment passed the screens"
        self._append(
            granule=reading.granule,
            path=public_url(str(place)),
            product=reading.product.short_name,
            release=reading.release,
            status="ok" if reading.kept else "empty",
            reason="" if reading.kept else empty,
            beams_read=",".join(reading.beams_read),
            beams_absent=",".join(reading.beams_absent),
            absent_variables=",".join(sorted(reading.absent_variables)),
            sc_orient=reading.orientation,
            segments_found=reading.found,
            segments_kept=reading.kept,
            **{f"dropped_{name}": count for name, count in reading.dropped.items()},
            **_costs(traffic, seconds),
        )

    def add_failure(
        self, place: Path | str, error: AltiflowError, *, traffic: Traffic | None = None, seconds: float = 0.0
    ) -> None:
        """Append the row of a granule that could not be read, what came over the network and the time it took [s]."""
        self._append(
            granule=granule_stem(place),
            path=public_url(str(place)),
            status="failed",
            reason=f"{type(error).__name__}: {error}",
            sc_orient=-1,
            **_costs(traffic, seconds),
        )

    def _append(self, **values: Any) -> None:
        self.rows.append({**dict.fromkeys(_TEXT, ""), **dict.fromkeys(_COUNTS, 0), "seconds": 0.0, **values})

    def __len__(self) -> int:
        """Return the number of granules accounted for."""
        return len(self.rows)

    @property
    def table(self) -> pd.DataFrame:
        """All rows as a DataFrame."""
        frame = pd.DataFrame(self.rows, columns=[*_TEXT, *_COUNTS, "seconds"])
        kinds = {**dict.fromkeys(_TEXT, "str"), **dict.fromkeys(_COUNTS, "int64"), "seconds": "float64"}
        return frame.astype(kinds)

    @property
    def failures(self) -> list[dict[str, Any]]:
        """Rows of the granules that failed."""
        return [row for row in self.rows if row["status"] == "failed"]

    def summary(self) -> str:
        """Return one line: granules by status, segments kept of those found."""
        if not self.rows:
            return "0 granules"
        counts = {word: sum(row["status"] == word for row in self.rows) for word in ("ok", "empty", "failed")}
        found, kept = (sum(row[name] for row in self.rows) for name in ("segments_found", "segments_kept"))
        told = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
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
            frame = pd.read_parquet(source)
        except (ValueError, OSError) as error:
            raise UnsupportedFormatError(f"{source.name} is not a Parquet file: {error}") from error
        frame = frame.assign(**{name: value for name, value in _NEW.items() if name not in frame})
        if not {*_TEXT, *_COUNTS} <= set(frame.columns):
            raise UnsupportedFormatError(f"{source.name} is no ledger: its columns are {', '.join(map(str, frame))}")
        ledger = cls()
        ledger.rows = [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
        return ledger

    def write(self, path: str | Path) -> Path:
        """Write the rows as Parquet and return the path; the file appears whole or not at all."""
        with whole_file(path) as part:
            self.table.to_parquet(part, index=False)
        return Path(path)


def _costs(traffic: Traffic | None, seconds: float) -> dict[str, Any]:
    """Return the columns that tell what a granule cost."""
    counts = traffic or Traffic()
    return {
        "bytes": counts.received,
        "requests": counts.requests,
        "retries": counts.retries,
        "seconds": round(seconds, 3),
    }
