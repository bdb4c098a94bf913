"""Lazy: what is made from parts of an open store only where and when it is looked at, with dask or without."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from xarray.core import indexing

from altiflow.errors import CorruptGranuleError, InputError

__all__ = ["made_lazily", "open_store"]

Make = Callable[..., npt.NDArray[Any]]


class _Made(xr.backends.BackendArray):
    """An array (as the parts, or with one layer before them) whose values are made from those of its parts."""

    def __init__(self, parts: tuple[xr.Variable, ...], make: Make, dtype: np.dtype[Any], lifted: bool) -> None:
        self.parts, self.make, self.lifted = parts, make, lifted
        self.shape = ((1,) if lifted else ()) + parts[0].shape
        self.dtype = dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._read)

    def _read(self, key: tuple[Any, ...]) -> npt.NDArray[Any]:
        inner = key[1:] if self.lifted else key
        values = np.asarray(self.make(*(np.asarray(part[inner].values) for part in self.parts)))
        return np.asarray(values[None][key[0]] if self.lifted else values)


def made_lazily(
    make: Make, *parts: xr.Variable, dtype: npt.DTypeLike = np.float32, lifted: bool = False
) -> xr.Variable:
    """Return a variable on (time, y, x) whose values are made cell by cell from its parts, and only when asked for.

    Parameters
    ----------
    make
        From the values of the parts, of one shape, to those of the variable; cell by cell, it changes nothing in
        its arguments.
    parts
        Variables of an open Dataset on the same dimensions, dask arrays or not yet read.
    dtype
        Of the values.
    lifted
        Whether the parts are (y, x), and a layer of time is to come before them.

    Examples
    --------
    >>> part = xr.Variable(("y", "x"), np.arange(6).reshape(2, 3))
    >>> doubled = made_lazily(lambda values: values * 2, part, lifted=True)
    >>> doubled.sizes["time"], float(doubled[0, 1, 2])
    (1, 10.0)
    """
    dims = (("time",) if lifted else ()) + tuple(parts[0].dims)
    if all(part.chunks is None for part in parts):
        array = _Made(parts, make, np.dtype(dtype), lifted)
        return xr.Variable(dims, indexing.LazilyIndexedArray(array))
    made = xr.apply_ufunc(make, *parts, dask="parallelized", output_dtypes=[dtype], keep_attrs=False)
    return xr.Variable(dims, made.data[None] if lifted else made.data)


def open_store(path: str | Path) -> xr.Dataset:
    """Return a Zarr store, format 2 or 3, as it is: nothing read but coordinates, no fill masked, no time decoded.

    Its variables are dask arrays of its own chunks where dask is installed; elsewhere they wait to be looked at.

    Raises
    ------
    InputError
        If there is no store.
    CorruptGranuleError
        If it cannot be opened.
    """
    place = str(path)
    local = None if "://" in place else Path(place)
    if local is not None and not any((local / name).exists() for name in (".zgroup", ".zmetadata", "zarr.json")):
        raise InputError(f"there is no Zarr store {place}; give the folder that holds .zgroup or zarr.json")
    try:
        return xr.open_dataset(
            place,
            engine="zarr",
            decode_cf=False,
            chunks={} if find_spec("dask") else None,
            backend_kwargs={"consolidated": None if local is None else _is_consolidated(local)},
        )
    except (OSError, ValueError, LookupError, TypeError, RuntimeError) as error:
        raise CorruptGranuleError(f"{place} cannot be opened as a Zarr store ({error}); fetch it again") from error


def _is_consolidated(store: Path) -> bool:
    """Return whether the metadata of a store lie together in one place."""
    if (store / ".zmetadata").exists():
        return True
    described = store / "zarr.json"
    return described.exists() and "consolidated_metadata" in json.loads(described.read_text(encoding="utf-8"))
