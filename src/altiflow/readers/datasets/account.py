"""The account of a data set: which granules are in it, in which files; kept so that a killed run loses nothing."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely

from altiflow.errors import UnsupportedFormatError
from altiflow.readers.catalogue.names import granule_key
from altiflow.readers.datasets.layout import part_files, read_settings
from altiflow.readers.ledger import Ledger

__all__ = ["Account", "dataset_files", "lost_parts", "parts_of", "with_parts"]

_LEDGER, _JOURNAL = "_ledger.parquet", "_journal.jsonl"
_UNFINISHED = re.compile(r"\.(.+)\.[0-9a-f]{8}\.part\.parquet")
"""What :func:`altiflow.files.whole_file` calls a file until it is whole."""

Row = dict[str, Any]


class Account:
    """The ledger of a data set, one row for each granule whatever its revision.

    Each row is appended to a journal as soon as its files are whole, and the journal is put into the ledger when a run
    ends or the next one begins; so what is in the data set is at any time what ledger and journal say together. The
    journal also says which granules a run is about to read: files of theirs are the only ones without a row that are
    ever deleted.

    Attributes
    ----------
    rows
        Rows of the ledger by granule key.
    lost
        Files that are gone or damaged, of granules that are read again for that reason, by granule key.

    Raises
    ------
    InputError, UnsupportedFormatError
        If there is no data set in the folder, or its ledger is damaged or gone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._partition = read_settings(folder).partition
        self.rows: dict[str, Row] = {}
        self.lost: dict[str, list[str]] = {}
        self._begun: set[str] = set()
        self._replaced: set[str] = set()
        known = self._known()
        self._superseded = [row for row in known if row["status"] == "superseded"]
        for row in known:
            if row["status"] != "superseded":
                self._put(granule_key(row["granule"]), row)
        for key, told, begun in _journalled(folder / _JOURNAL):
            self._begun.update(begun)
            if key:
                self._put(key, told)

    def _known(self) -> list[Row]:
        """Return the rows of the ledger file."""
        ledger = self._folder / _LEDGER
        if ledger.is_file():
            return Ledger.read(ledger).rows
        # The ledger is there before the first file of rows.
        count = sum(not _UNFINISHED.fullmatch(file.name) for file in part_files(self._folder, self._partition))
        if count:
            raise UnsupportedFormatError(
                f"the data set at {self._folder} has {count} files of rows, but {_LEDGER}, which tells whose they are, "
                "is gone; put it back from a copy, or read the granules into a new folder and delete this one"
            )
        return []

    def find_lost(self, key: str) -> list[str]:
        """Return the files of a granule that are gone or damaged, and keep that in mind."""
        found = lost_parts(self._folder, self.rows[key])
        if found:
            self.lost[key] = found
        return found

    def begin(self, granules: Sequence[str]) -> None:
        """Say which granules are about to be read, so that what is left of them is known if they never are."""
        if granules:
            self._begun.update(granules)
            self._write_line({"begun": list(granules)})

    def enter(self, row: Row) -> None:
        """Enter what became of a granule, and delete the files it no longer has."""
        self._note(granule_key(row["granule"]), row)

    def supersede(self, left: Sequence[tuple[Path | str, str]]) -> None:
        """Say which files were left alone in favour of which granules."""
        told = Ledger()
        for place, other in left:
            told.add_superseded(place, other)
        self._superseded = told.rows

    def remove(self, key: str) -> None:
        """Take a granule out, and delete its files."""
        self._note(key, None)

    def recover(self) -> None:
        """See to what a killed run left behind: clear away unfinished files, and put its journal into the ledger.

        The journal's last line may be cut, so that nothing can be written after it.
        """
        self.sweep()
        if (self._folder / _JOURNAL).exists() or not (self._folder / _LEDGER).exists():
            self.close()

    def sweep(self) -> None:
        """Delete files that this data set wrote and no row names: other programs would take them for data.

        Those are files that a row named before, and files of granules that a run began to read.
        """
        self._delete_replaced()
        named = {part for row in self.rows.values() for part in parts_of(row)}
        for file in part_files(self._folder, self._partition) if self._begun else ():
            unfinished = _UNFINISHED.fullmatch(file.name)
            granule = unfinished[1] if unfinished else file.stem
            if granule in self._begun and file.relative_to(self._folder).as_posix() not in named:
                file.unlink(missing_ok=True)
        for unfinished_ledger in self._folder.glob(f".{Path(_LEDGER).stem}.????????.part.parquet"):
            unfinished_ledger.unlink(missing_ok=True)

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
        self._begun.clear()

    def _note(self, key: str, row: Row | None) -> None:
        """Enter or take out a granule, first in the journal, and delete the files that it no longer has."""
        self._write_line({"key": key, "row": None if row is None else _plain(row)})
        self._put(key, row)
        self._delete_replaced()

    def _write_line(self, told: dict[str, Any]) -> None:
        with (self._folder / _JOURNAL).open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(told) + "\n")

    def _put(self, key: str, row: Row | None) -> None:
        """Put a row in the place of the one that is there, None to take that out."""
        self._replaced.update(parts_of(self.rows.pop(key, {})))
        if row is not None:
            self.rows[key] = row
            self._replaced.difference_update(parts_of(row))

    def _delete_replaced(self) -> None:
        """Delete files that a row named before and none names now."""
        for part in self._replaced:
            (self._folder / part).unlink(missing_ok=True)
        self._replaced.clear()


def parts_of(row: Row) -> list[str]:
    """Return the files of a row, relative to the data set."""
    return [part for part in row.get("parts", "").split(";") if part]


def with_parts(row: Row, parts: Sequence[str]) -> Row:
    """Return what a row says of its files where it has only some of them left."""
    sizes = dict(zip(parts_of(row), row["part_sizes"].split(";"), strict=False))
    return {"parts": ";".join(parts), "part_sizes": ";".join(sizes.get(part, "") for part in parts)}


def lost_parts(folder: Path, row: Row) -> list[str]:
    """Return the files of a row that are gone, or have another size than when they were written."""
    parts = parts_of(row)
    sizes = row.get("part_sizes", "").split(";")
    known = sizes if len(sizes) == len(parts) else [""] * len(parts)
    return [part for part, size in zip(parts, known, strict=True) if not _holds(folder / part, size)]


def dataset_files(folder: Path) -> list[Path]:
    """Return the files of rows of a data set, by granule.

    Raises
    ------
    InputError, UnsupportedFormatError
        If there is no data set, or its ledger or a file of it is damaged or gone.
    """
    rows = Account(folder).ledger().rows
    lost = [part for row in rows for part in lost_parts(folder, row)]
    if lost:
        raise UnsupportedFormatError(
            f"{folder / lost[0]} is gone or damaged ({len(lost)} such files); read the granules into the data set again"
        )
    return [folder / part for row in rows for part in parts_of(row)]


def _holds(path: Path, size: str) -> bool:
    """Return whether a file is there and of the size that is known; "" where none is."""
    try:
        found = path.stat().st_size
    except OSError:
        return False
    return size in ("", str(found))


def _journalled(path: Path) -> Iterator[tuple[str, Row | None, list[str]]]:
    """Yield of each whole line of a journal the key and the row, None if it was taken out; or the granules begun."""
    if not path.is_file():
        return
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            told = json.loads(line)
            if "begun" in told:
                yield "", None, list(told["begun"])
            else:
                yield told["key"], None if told["row"] is None else _row(told["row"]), []
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
