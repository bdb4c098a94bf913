"""Lazy: what is made from parts of an open store only where and when it is looked at, with dask or without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from xarray.core import indexing

__all__ = ["decode_lazily", "made_lazily"]

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


def decode_lazily(
    variable: xr.DataArray,
    decode: Callable[[xr.DataArray], npt.NDArray[Any]],
    *,
    dtype: npt.DTypeLike = np.float32,
    lifted: bool = False,
) -> xr.Variable:
    """Return a raw variable decoded where and when it is looked at; see :func:`made_lazily`.

    Parameters
    ----------
    variable
        As it is stored, with its attributes.
    decode
        From any part of the variable, with all of its attributes, to values of the same shape.
    dtype, lifted
        As in :func:`made_lazily`.
    """
    attrs = dict(variable.attrs)

    def make(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return decode(xr.DataArray(values, attrs=attrs))

    return made_lazily(make, variable.variable, dtype=dtype, lifted=lifted)
