"""Packing: files of a result into one archive, and the places of the files that it is made of."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

from altiflow.files import whole_file
from altiflow.progress import progress_bar

__all__ = ["as_place", "pack"]


def pack(files: Sequence[Path], folder: Path, result: Path, label: str) -> None:
    """Put files into an archive, by their names in a folder; `label` is that of the bar."""
    with (
        progress_bar(label, len(files), quiet=True) as bar,
        whole_file(result) as part,
        zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive,
    ):
        for file in files:
            archive.write(file, file.relative_to(folder))
            bar.update()


def as_place(source: str) -> str | Path:
    """Return an address as it is, and a path as one.

    Examples
    --------
    >>> as_place("s3://bucket/a.nc"), as_place("data/a.nc").name
    ('s3://bucket/a.nc', 'a.nc')
    """
    return source if "://" in source else Path(source)
