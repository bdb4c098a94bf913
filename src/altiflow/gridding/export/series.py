"""Series on disk: one table of all points, or one of each point in an archive."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pandas as pd

from altiflow.errors import InputError
from altiflow.files import whole_file

__all__ = ["SERIES_SUFFIXES", "write_series"]

SERIES_SUFFIXES = (".csv", ".parquet", ".zip")


def write_series(table: pd.DataFrame, path: str | Path) -> Path:
    """Write what :func:`altiflow.gridding.cubes.series_table` returns, and return the path; whole or not at all.

    Parameters
    ----------
    table
        One row per point and layer, with a column ``point``.
    path
        ``.csv`` or ``.parquet``, all points together; ``.zip`` with a CSV of each point, named after it. Rows without
        a standard error are written like all others.

    Raises
    ------
    InputError
        If the suffix is another.
    """
    target = Path(path)
    if target.suffix not in SERIES_SUFFIXES:
        raise InputError(f"cannot write a series to {target.name}: the suffix is one of {', '.join(SERIES_SUFFIXES)}")
    with whole_file(target) as part:
        if target.suffix == ".parquet":
            table.to_parquet(part, index=False)
        elif target.suffix == ".csv":
            table.to_csv(part, index=False)
        else:
            _write_archive(table, part)
    return target


def _write_archive(table: pd.DataFrame, path: Path) -> None:
    """Write a CSV of each point into an archive; names that files cannot have are told apart by a number."""
    taken: set[str] = set()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for point, rows in table.groupby("point", sort=False, observed=True):
            stem = re.sub(r"[^\w.,+-]+", "_", str(point)).strip(".") or "point"
            name, number = stem, 2
            while name.lower() in taken:
                name, number = f"{stem}_{number}", number + 1
            taken.add(name.lower())
            # A fixed date: the same series is the same archive.
            entry = zipfile.ZipInfo(f"{name}.csv", date_time=(1980, 1, 1, 0, 0, 0))
            archive.writestr(entry, rows.to_csv(index=False), compress_type=zipfile.ZIP_DEFLATED)
