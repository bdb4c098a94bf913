"""Gridded results as Zarr."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from uuid import uuid4

import xarray as xr

from altiflow.errors import InputError
from altiflow.gridding.export.netcdf import encode_dataset

__all__ = ["swap_store", "write_zarr"]

_CHUNK = 512


def write_zarr(dataset: xr.Dataset, path: str | Path) -> Path:
    """Write a gridded Dataset as a Zarr store (format 3) and return the path; it appears whole or not at all.

    The same numbers and attributes as in NetCDF, in chunks of one period and at most 512 x 512 cells, metadata
    consolidated. A Zarr store that is there is replaced.

    Raises
    ------
    InputError
        If something else is there, or x and y are not evenly spaced.
    """
    target = Path(path)
    if target.exists() and not _is_store(target):
        raise InputError(f"there is something at {target} that is no Zarr store; choose another name")
    ready, encoding = encode_dataset(dataset)
    for name, variable in ready.data_vars.items():
        if variable.ndim:
            sizes = zip(variable.dims, variable.shape, strict=True)
            encoding[name]["chunks"] = tuple(1 if dim == "time" else min(_CHUNK, n) for dim, n in sizes)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.stem}.{uuid4().hex[:8]}.part.zarr")
    try:
        with warnings.catch_warnings():
            # Consolidated metadata are not in the specification of format 3 yet; readers that do not know them read on.
            warnings.filterwarnings("ignore", message="Consolidated metadata is currently not part")
            ready.to_zarr(part, mode="w", zarr_format=3, consolidated=True, encoding=encoding)
        swap_store(part, target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return target


def swap_store(part: Path, target: Path) -> None:
    """Put a new store in the place of an old one, which is put back if that fails."""
    if not target.exists():
        part.replace(target)
        return
    old = target.with_name(f".{target.stem}.{uuid4().hex[:8]}.old.zarr")
    target.replace(old)
    try:
        part.replace(target)
    except OSError:
        old.replace(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _is_store(path: Path) -> bool:
    return any((path / name).is_file() for name in ("zarr.json", ".zgroup", ".zattrs", ".zarray"))
