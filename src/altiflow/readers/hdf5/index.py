"""Indexes: what is known of where the data sets of a granule lie, kept from one run to the next."""

from __future__ import annotations

import hashlib
import json
import warnings
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from altiflow.errors import CorruptGranuleError, WriteError
from altiflow.files import whole_file
from altiflow.readers.hdf5.tables import ChunkTable, check_table
from altiflow.readers.remote.parts import Stamp

__all__ = ["ChunkIndex", "drop_index", "load_index", "save_index"]

_VERSION = 1


@dataclass
class ChunkIndex:
    """What is known of one version of one granule; it grows as more is asked for.

    Attributes
    ----------
    stamp
        Which version of which file.
    tables
        Chunk table of each data set that was asked for; None where there is none, a text where it cannot be read.
    attributes
        Text attributes that were asked for, by group and name; None where there is none.
    """

    stamp: Stamp
    tables: dict[str, ChunkTable | str | None] = field(default_factory=dict)
    attributes: dict[tuple[str, str], str | None] = field(default_factory=dict)

    def known(self) -> int:
        """Return how much is known; it only grows."""
        return len(self.tables) + len(self.attributes)

    def to_json(self) -> str:
        """Return it as JSON."""
        tables = {path: t.to_dict() if isinstance(t, ChunkTable) else t for path, t in self.tables.items()}
        attributes = [[group, name, text] for (group, name), text in self.attributes.items()]
        told = {"version": _VERSION, "stamp": asdict(self.stamp), "tables": tables, "attributes": attributes}
        return json.dumps(told, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> ChunkIndex:
        """Return what :meth:`to_json` wrote.

        Raises
        ------
        ValueError, KeyError, TypeError, AttributeError, OverflowError
            If it is none, or one of another version of this format.
        CorruptGranuleError
            If it tells of chunks that cannot be.
        """
        told: dict[str, Any] = json.loads(text)
        if told["version"] != _VERSION:
            raise ValueError(f"index version {told['version']}")
        tables = {p: ChunkTable.from_dict(t) if isinstance(t, dict) else t for p, t in told["tables"].items()}
        stamp = Stamp(**told["stamp"])
        for path, table in tables.items():
            if isinstance(table, ChunkTable):
                check_table(table, stamp.size, path)
        return cls(stamp, tables, {(group, name): text for group, name, text in told["attributes"]})


def load_index(folder: Path | None, name: str) -> ChunkIndex | None:
    """Return the index of a file that is kept in a folder; None where there is none that can be read and trusted.

    One that tells no version but a size is not trusted: a file may change in place.

    Parameters
    ----------
    folder
        Where indexes are kept; None for nowhere.
    name
        Path of the file, or its address without secrets.
    """
    if folder is None:
        return None
    try:
        index = ChunkIndex.from_json(_path(folder, name).read_text())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, CorruptGranuleError):
        return None
    return index if index.stamp.url == name and index.stamp.version else None


def save_index(folder: Path | None, index: ChunkIndex) -> None:
    """Keep an index in a folder, whole or not at all; not at all if the server told no version of the file.

    Where it cannot be written it is not kept, with a warning: the granule was read all the same.
    """
    if folder is None or not index.stamp.version:
        return
    try:
        with whole_file(_path(folder, index.stamp.url)) as part:
            part.write_text(index.to_json())
    except (WriteError, OSError) as error:
        cause = error.__cause__ if isinstance(error, WriteError) else error
        why = cause.strerror if isinstance(cause, OSError) else error
        told = f"index={str(folder)!r} keeps nothing more for the next run ({why}); make room, or choose another folder"
        warnings.warn(told, stacklevel=2)


def drop_index(folder: Path | None, name: str) -> None:
    """Throw away the index of a file, if one is kept in a folder."""
    if folder is not None:
        # A folder that cannot be written keeps it; it is found stale anew each time.
        with suppress(OSError):
            _path(folder, name).unlink()


def _path(folder: Path, name: str) -> Path:
    """Return where the index of a file is kept: by its name, and what tells equal names apart."""
    stem = Path(name).name
    return folder / f"{stem}.{hashlib.sha256(name.encode()).hexdigest()[:12]}.json"
