"""The account of a data set: which granules are in it, in which files; kept so that a killed run loses nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely

from altiflow.errors import UnsupportedFormatError
from altiflow.readers.catalogue.names import granule_key
from altiflow.readers.ledger import Ledger

__all__ = ["Account", "parts_of"]

_LEDGER, _JOURNAL = "_ledger.parquet", "_journal.jsonl"

Row = dict[str, Any]


class Account:
    """The ledger of a data set, one row for each granule whatever its revision.

    Each row is appended to a journal as soon as its files are whole, and the journal is put into the ledger when a run
    ends or the next one begins; so what is in the data set is at any time what ledger and journal say together.

    Attributes
    ----------
    rows
        Rows of the ledger by granule key.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        ledger = folder / _LEDGER
        known = Ledger.read(ledger).rows if ledger.is_file() else []
        self._superseded = [row for row in known if row["status"] == "superseded"]
        self.rows: dict[str, Row] = {granule_key(row["granule"]): row for row in known if row["status"] != "superseded"}
        for key, row in _journalled(folder / _JOURNAL):
            if row is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = row

    def enter(self, row: Row) -> None:
        """Enter what became of a granule, and delete the files it no longer has."""
        key = granule_key(row["granule"])
        before = set(parts_of(self.rows.get(key, {})))
        self._note(key, row)
        self.rows[key] = row
        self._delete(before - set(parts_of(row)))

    def supersede(self, left: Sequence[tuple[Path | str, str]]) -> None:
        """Say which files were left alone in favour of which granules."""
        told = Ledger()
        for place, other in left:
            told.add_superseded(place, other)
        self._superseded = told.rows

    def remove(self, key: str) -> None:
        """Take a granule out, and delete its files."""
        row = self.rows[key]
        self._note(key, None)
        del self.rows[key]
        self._delete(parts_of(row))

    def recover(self) -> None:
        """See to what a killed run left behind: put its journal into the ledger, and clear away unfinished files.

        The journal's last line may be cut, so that nothing can be written after it.
        """
        if (self._folder / _JOURNAL).exists():
            self.close()
        self.sweep()

    def sweep(self) -> None:
        """Delete files that no row names: other programs would take them for data."""
        named = {part for row in self.rows.values() for part in parts_of(row)}
        for file in self._folder.rglob("*.parquet"):
            place = file.relative_to(self._folder).as_posix()
            if place != _LEDGER and place not in named:
                file.unlink(missing_ok=True)

    def ledger(self) -> Ledger:
        """Return the rows as a ledger, by file name."""
        ledger = Ledger()
        ledger.rows = sorted(
            [*self.rows.values(), *self._superseded], key=lambda row: (Path(row["path"]).name, row["path"])
        )
        return ledger

    def close(self) -> None:
        """Put the journal into the ledger."""
        self.ledger().write(self._folder / _LEDGER)
        (self._folder / _JOURNAL).unlink(missing_ok=True)

    def _note(self, key: str, row: Row | None) -> None:
        line = json.dumps({"key": key, "row": None if row is None else _plain(row)})
        with (self._folder / _JOURNAL).open("a", encoding="utf-8") as journal:
            journal.write(line + "\n")

    def _delete(self, parts: Iterable[str]) -> None:
        for part in parts:
            (self._folder / part).unlink(missing_ok=True)


def parts_of(row: Row) -> list[str]:
    """Return the files of a row, relative to the data set."""
    return [part for part in row.get("parts", "").split(";") if part]


def _journalled(path: Path) -> Iterator[tuple[str, Row | None]]:
    """Yield key and row of each whole line of a journal; None for a granule that was taken out."""
    if not path.is_file():
        return
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            told = json.loads(line)
            yield told["key"], None if told["row"] is None else _row(told["row"])
        except (ValueError, KeyError, TypeError) as error:
            # The last line of a run that was killed may be cut.
            if number < len(lines):
                raise UnsupportedFormatError(f"line {number} of {path} is damaged: {error!r}") from error


def _plain(row: Row) -> Row:
    """Return a row as JSON has it."""
    plain: Row = {}
    for name, value in row.items():
        if name == "geometry":
            plain[name] = None if value is None else value.wkb_hex
        elif name.startswith("time_"):
            plain[name] = None if pd.isna(value) else value.isoformat()
        elif isinstance(value, float) and not math.isfinite(value):
            plain[name] = None
        else:
            plain[name] = value.item() if isinstance(value, np.generic) else value
    return plain


def _row(plain: Row) -> Row:
    """Return a row as the ledger has it."""
    row = dict(plain)
    for name, value in plain.items():
        if name == "geometry":
            row[name] = None if value is None else shapely.from_wkb(value)
        elif name.startswith("time_"):
            row[name] = pd.NaT if value is None else pd.Timestamp(value)
        elif value is None:
            row[name] = math.nan
    return row
