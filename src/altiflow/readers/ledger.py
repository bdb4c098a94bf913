"""The ledger: one row per granule asked for, with what was read, kept and dropped, or why it failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from altiflow.errors import AltiflowError, InputError, UnsupportedFormatError
from altiflow.files import whole_file
from altiflow.readers.icesat2.granule import GranuleReading, granule_stem
from altiflow.readers.icesat2.screens import SCREENS

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

    def add_reading(self, path: Path, reading: GranuleReading) -> None:
        """Append the row of a granule that was read."""
        empty = "no beam asked for has segments" if reading.found == 0 else "no segment passed the screens"
        self._append(
            granule=reading.granule,
            path=str(path),
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
        )

    def add_failure(self, path: Path, error: AltiflowError) -> None:
        """Append the row of a granule that could not be read."""
        self._append(
            granule=granule_stem(path),
            path=str(path),
            status="failed",
            reason=f"{type(error).__name__}: {error}",
            sc_orient=-1,
        )

    def _append(self, **values: Any) -> None:
        self.rows.append({**dict.fromkeys(_TEXT, ""), **dict.fromkeys(_COUNTS, 0), **values})

    def __len__(self) -> int:
        """Return the number of granules accounted for."""
        return len(self.rows)

    @property
    def table(self) -> pd.DataFrame:
        """All rows as a DataFrame."""
        frame = pd.DataFrame(self.rows, columns=[*_TEXT, *_COUNTS])
        return frame.astype({**dict.fromkeys(_TEXT, "str"), **dict.fromkeys(_COUNTS, "int64")})

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
