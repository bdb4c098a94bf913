"""Granules on disk: which files a list of files and folders means."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from altiflow.errors import EmptyDataError, InputError
from altiflow.readers.catalogue.names import try_granule_name

__all__ = ["find_local_granules"]

_SUFFIXES = {".h5", ".hdf5"}


def find_local_granules(paths: str | Path | Iterable[str | Path]) -> list[Path]:
    """Return the granule files that `paths` mean, each once, sorted by file name.

    Parameters
    ----------
    paths
        One file or folder, or several. Folders are searched with all folders below them for ``*.h5`` and
        ``*.hdf5``, and for ``*.nc`` with the name of a granule (the archive's reformat), hidden ones left out; a file
        that is named is taken as it is.

    Raises
    ------
    InputError
        If a path does not exist, or no path is given.
    EmptyDataError
        If a folder holds no such file.

    Examples
    --------
    >>> find_local_granules("no/such/folder")
    Traceback (most recent call last):
    altiflow.errors.InputError: granules 'no/such/folder': no such file or folder
    """
    given = [Path(paths)] if isinstance(paths, (str, Path)) else [Path(path) for path in paths]
    if not given:
        raise InputError("granules: no path is given; name files, or folders that hold *.h5 files")
    # The file name comes first in the order, as it starts with product and time wherever the file lies.
    found = {file.resolve(): file for path in given for file in _expand(path)}
    return sorted(found.values(), key=lambda file: (file.name, str(file)))


def _expand(path: Path) -> list[Path]:
    """Return the file itself, or the granules in a folder."""
    if not path.exists():
        raise InputError(f"granules {str(path)!r}: no such file or folder")
    if not path.is_dir():
        return [path]
    files = [
        file
        for file in path.rglob("*")
        if (file.suffix.lower() in _SUFFIXES or (file.suffix == ".nc" and try_granule_name(file.name)))
        and file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
    ]
    if not files:
        raise EmptyDataError(f"granules {str(path)!r}: the folder holds no *.h5 or *.hdf5 file")
    return files
