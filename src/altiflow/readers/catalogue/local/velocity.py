"""Velocity on disk: image pairs and files of sea-ice motion, found by their names."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from altiflow.errors import InputError
from altiflow.readers.catalogue.pairs.naming import MotionName, PairName, parse_velocity_name

__all__ = ["find_velocity_files"]


def find_velocity_files(paths: Iterable[Path]) -> dict[Path, PairName | MotionName]:
    """Return the image pairs and files of sea-ice motion among files and in folders, with what their names say.

    Folders are searched with all folders below them for ``*.nc``, hidden ones left out.

    Examples
    --------
    >>> find_velocity_files([Path("no/such/folder")])
    {}
    """
    files = [file for path in paths for file in ([path] if path.is_file() else sorted(path.rglob("*.nc")))]
    shown = [file for file in files if file.is_file() and not file.name.startswith(".")]
    return {file: name for file in shown if (name := _parsed(file)) is not None}


def _parsed(file: Path) -> PairName | MotionName | None:
    """Return what the name of an image pair or of sea-ice motion says, None for others."""
    try:
        name = parse_velocity_name(file.name)
    except InputError:
        return None
    return name if isinstance(name, (PairName, MotionName)) else None
