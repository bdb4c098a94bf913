"""Sources of segments: which files and addresses are tallied, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pandas as pd

from altiflow.errors import EmptyDataError, InputError
from altiflow.readers.catalogue.tables.newest import newest_files
from altiflow.readers.datasets.account import dataset_files
from altiflow.readers.datasets.layout import holds_dataset
from altiflow.readers.remote.addresses import distinct_urls, public_url, url_file_name
from altiflow.readers.remote.ranges import is_remote
from altiflow.readers.segments import granule_places

__all__ = ["Place", "Source", "file_name", "is_table", "newest_sources", "source_files"]

Place = Path | str
"""A file of this machine, or the address of a granule."""
Source = str | Path | Sequence[str | Path] | pd.DataFrame

_TABLES, _GRANULES = (".parquet", ".geoparquet"), (".h5", ".hdf5")


def newest_sources(places: Sequence[Place]) -> tuple[list[Place], list[tuple[Place, Place]]]:
    """Return tables and the newest file of each granule in their order, and each other file with the one chosen.

    Tables are taken as they are: one granule may have its rows in several of them.
    """
    _, left = newest_files([place for place in places if not is_table(place)])
    gone = {place for place, _ in left}
    return [place for place in places if place not in gone], left


def source_files(source: Source, *, absent: Literal["refuse", "keep"] = "refuse") -> list[Place]:
    """Return the files and addresses that `source` means, each once, by name.

    Files of a list or a catalogue that are not there are refused, or kept to fail when they are read.

    Raises
    ------
    InputError
        If it names nothing, a path does not exist, or a file is neither table nor granule.
    EmptyDataError
        If a folder holds none.
    """
    if isinstance(source, pd.DataFrame):
        return granule_places(source, absent=absent)
    single = isinstance(source, str | Path)
    given = [source] if isinstance(source, str | Path) else list(source)
    if not given:
        raise InputError("source: no path is given; name files, or folders that hold *.parquet or *.h5 files")
    remote = distinct_urls(_checked(str(place)) for place in given if is_remote(place))
    found: dict[Path, Path] = {}
    for path in (Path(place) for place in given if not is_remote(place)):
        kept = absent == "keep" and not single and path.suffix.lower() in (*_TABLES, *_GRANULES) and not path.exists()
        found |= {file.resolve(): file for file in ([path] if kept else _expand(path))}
    return sorted([*remote, *found.values()], key=lambda place: (file_name(place), str(place)))


def is_table(place: Place) -> bool:
    """Return whether a file is a table, not a granule, by its name."""
    return Path(file_name(place)).suffix.lower() in _TABLES


def file_name(place: Place) -> str:
    """Return the name of a file, without folders, secrets and host."""
    return url_file_name(str(place)) if is_remote(place) else Path(place).name


def _checked(url: str) -> str:
    """Return the address of a granule, refused if it is that of something else."""
    if Path(url_file_name(url)).suffix.lower() not in _GRANULES:
        raise InputError(
            f"source {public_url(url)}: addresses are those of granules ({', '.join(_GRANULES)}); download other files"
        )
    return url


def _expand(path: Path) -> list[Path]:
    """Return the file itself, or the tables and granules in a folder."""
    known = (*_TABLES, *_GRANULES)
    if not path.exists():
        raise InputError(f"source {str(path)!r}: no such file or folder")
    if not path.is_dir():
        if path.suffix.lower() not in known:
            raise InputError(f"source {path.name}: the suffix is one of {', '.join(known)}")
        return [path]
    files = (
        dataset_files(path)
        if holds_dataset(path)
        else [
            file
            for file in path.rglob("*")
            if file.suffix.lower() in known
            and file.is_file()
            and not any(part.startswith((".", "_")) for part in file.relative_to(path).parts)
        ]
    )
    if not files:
        raise EmptyDataError(f"source {str(path)!r}: the folder holds no file with one of {', '.join(known)}")
    return files
