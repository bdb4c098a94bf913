"""Stamps: what tells a source of a cube from itself with another content."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import xarray as xr

from altiflow.readers.layers import LAYER_COORDS
from altiflow.readers.velocity.formats.stores import is_remote

__all__ = ["field_stamp", "file_stamp"]

_VALUES = 1 << 24
"""Values that are read at a time of a field that is unread."""

_CONTENT = ("vx", "vy", "vx_sigma", "vy_sigma", "vxy_covariance", *LAYER_COORDS)
"""What of a field goes into a cube."""


def file_stamp(source: str | Path) -> str:
    """Return path, size and time of a file or store on disk; the address of another."""
    if is_remote(source):
        return str(source)
    path = Path(source).resolve()
    told = path.stat()
    return f"{path} {told.st_size if path.is_file() else 0} {told.st_mtime_ns}"


def field_stamp(field: xr.Dataset) -> str:
    """Return sixteen hex digits that name the content of a field: components, errors and what is known of layers.

    Arrays in memory go in as bytes, those of dask by the name of their graph, which is that of what they are made of.
    Values that are unread are read once for it, a few layers at a time.

    Examples
    --------
    >>> still = xr.Dataset({"vx": ("time", [0.0, 1.0])})
    >>> field_stamp(still) == field_stamp(still.copy(deep=True)), field_stamp(still) == field_stamp(still + 1)
    (True, False)
    """
    found = hashlib.blake2b(digest_size=8)
    for name in _CONTENT:
        if name not in field.variables:
            continue
        variable = field.variables[name]
        found.update(f"{name} {variable.dims} {variable.shape} {variable.dtype}".encode())
        if variable.chunks is not None:
            found.update(str(variable.data.name).encode())
        elif variable.dtype.kind in "OTU":
            found.update("\0".join(map(str, variable.values.ravel().tolist())).encode())
        else:
            depth = max(1, _VALUES // max(1, variable[:1].size))
            for first in range(0, variable.shape[0], depth):
                found.update(np.ascontiguousarray(variable[first : first + depth].values).tobytes())
    return found.hexdigest()
