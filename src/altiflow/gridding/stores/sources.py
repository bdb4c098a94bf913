"""Sources of segments: which files and addresses are tallied, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from altiflow.errors import EmptyDataError, InputError
from altiflow.readers.remote.addresses import public_url, url_file_name
from altiflow.readers.remote.ranges import is_remote
from altiflow.readers.segments import granule_places

__all__ = ["Place", "Source", "file_name", "is_table", "source_files"]

Place = Path | str
"""A file of this machine, or the address of a granule."""
Source = str | Path | Sequence[str | Path] | pd.DataFrame

_TABLES, _GRANULES = (".parquet", ".geoparquet"), (".h5", ".hdf5")


def source_files(source: Source) -> list[Place]:
    """Return the files and addresses that `source` means, each once, by name.

    Raises
    ------
    InputError
        If it names nothing, a path does not exist, or a file is neither table nor granule.
    EmptyDataError
        If a folder holds none.
    """
    if isinstance(source, pd.DataFrame):
        return granule_places(source)
    given = [source] if isinstance(source, str | Path) else list(source)
    if not given:
        raise InputError("source: no path is given; name files, or folders that hold *.parquet or *.h5 files")
    found: dict[Place, Place] = {}
    for place in given:
        if is_remote(place):
            found[str(place)] = _checked(str(place))
        else:
            found |= {file.resolve(): file for file in _expand(Path(place))}
    return sorted(found.values(), key=lambda place: (file_name(place), str(place)))


def is_table(place: Place) -> bool:
    """Return whether a file is a table, not a granule, by its name."""
    return Path(file_name(place)).suffix in _TABLES


def file_name(place: Place) -> str:
    """Return the name of a file, without folders, secrets and host."""
    return url_file_name(str(place)) if is_remote(place) else Path(place).name


def _checked(url: str) -> str:
    """Return the address of a granule, refused if it is that of something else."""
    if Path(url_file_name(url)).suffix not in _GRANULES:
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
        if path.suffix not in known:
            raise InputError(f"source {path.name}: the suffix is one of {', '.join(known)}")
        return [path]
    files = [
        file
        for file in path.rglob("*")
        if file.suffix in known
        and file.is_file()
        and not any(part.startswith((".", "_")) for part in file.relative_to(path).parts)
    ]
    if not files:
        raise EmptyDataError(f"source {str(path)!r}: the folder holds no file with one of {', '.join(known)}")
    return files
