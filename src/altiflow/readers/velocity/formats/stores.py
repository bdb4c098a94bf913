"""Stores: velocity in Zarr, on disk or in the cloud, opened without reading it."""

from __future__ import annotations

import warnings
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from urllib.parse import urlsplit

import xarray as xr

from altiflow.errors import CorruptGranuleError, GranuleError, InputError, UnsupportedFormatError

__all__ = ["Chunks", "check_complete", "is_remote", "is_store", "open_store", "store_name"]

Chunks = Literal["store"] | dict[str, int] | None
"""None reads from the store where values are asked for; "store", or sizes by dimension, makes dask arrays."""

_MARKS = (".zgroup", ".zmetadata", "zarr.json")
_SCHEMES = ("s3", "http", "https", "file")


def is_store(source: str | Path) -> bool:
    """Return whether a path or address is that of a Zarr store.

    Examples
    --------
    >>> is_store("s3://its-live-data/datacubes/v2/N30E090/cube.zarr"), is_store("velocity.nc")
    (True, False)
    """
    if is_remote(source):
        return PurePosixPath(urlsplit(str(source)).path).suffix == ".zarr"
    return any((Path(source) / mark).exists() for mark in _MARKS)


def is_remote(source: str | Path) -> bool:
    """Return whether `source` is an address and not a path."""
    return isinstance(source, str) and urlsplit(source).scheme in _SCHEMES and "://" in source


def open_store(
    source: str | Path, *, chunks: Chunks = None, storage_options: dict[str, Any] | None = None
) -> xr.Dataset:
    """Return the variables of a Zarr store (format 2 or 3) as they are stored, unread: no fill masked, no time decoded.

    Parameters
    ----------
    source
        A folder, or an address: s3:// (anonymous unless `storage_options` says otherwise), https://.
    chunks
        See ``Chunks``.
    storage_options
        What fsspec takes for the address, such as ``{"anon": False}``.

    Raises
    ------
    InputError
        If there is nothing at the source, or `chunks` are asked for without dask.
    UnsupportedFormatError
        If what is there is no Zarr store.
    CorruptGranuleError
        If it is damaged.
    GranuleError
        If an address cannot be reached.
    """
    # Zarr takes a third of a second to import, which only who opens a store should pay.
    import zarr

    name = store_name(source)
    options = storage_options
    if options is None and is_remote(source) and urlsplit(str(source)).scheme == "s3":
        options = {"anon": True}
    with warnings.catch_warnings():
        # A store without consolidated metadata is read all the same, and fixed-width strings of format 3 are too.
        warnings.filterwarnings("ignore", message=".*consolidated")
        warnings.filterwarnings("ignore", category=zarr.errors.UnstableSpecificationWarning)
        try:
            return xr.open_dataset(
                str(source),
                engine="zarr",
                decode_cf=False,
                cache=False,
                chunks=_dask_chunks(chunks),
                storage_options=options,
            )
        except (FileNotFoundError, zarr.errors.GroupNotFoundError) as error:
            raise InputError(f"there is no Zarr store at {name}") from error
        except PermissionError as error:
            raise InputError(
                f"{name} may not be read (403): anonymous access is refused, or it is not there"
            ) from error
        except zarr.errors.ContainsArrayError as error:
            raise UnsupportedFormatError(f"{name} is one Zarr array, not a group of variables") from error
        except (OSError, ValueError, LookupError, TypeError, RuntimeError) as error:
            if is_remote(source) and isinstance(error, OSError):
                raise GranuleError(f"the Zarr store {name} cannot be reached: {error}; try again later") from error
            raise CorruptGranuleError(f"the Zarr store {name} cannot be opened: {error}; fetch it again") from error


def store_name(source: str | Path) -> str:
    """Return the last part of a path or address, without anything that may be secret."""
    return PurePosixPath(urlsplit(str(source)).path).name if is_remote(source) else Path(source).name


def check_complete(dataset: xr.Dataset, source: str | Path, names: tuple[str, ...]) -> None:
    """Raise if chunks of a store on disk are missing that would read as zero.

    Zarr fills a chunk that is not there with the fill value of the array, and with 0 where it declares none: ice
    at rest, for int16 velocities whose fill is an attribute only.

    Raises
    ------
    CorruptGranuleError
        Naming the variable and how many chunks it lacks.
    """
    if is_remote(source):
        return
    import zarr

    with suppress(zarr.errors.GroupNotFoundError):
        group = zarr.open_group(str(source), mode="r")
        for name in names:
            if name not in dataset.variables:
                continue
            array = group[name]
            if isinstance(array, zarr.Array) and not array.fill_value and array.nchunks_initialized < array.nchunks:
                raise CorruptGranuleError(
                    f"{store_name(source)} lacks {array.nchunks - array.nchunks_initialized} of {array.nchunks} chunks "
                    f"of {name}, which would read as no motion; fetch the store again"
                )


def _dask_chunks(chunks: Chunks) -> dict[str, int] | None:
    """Return what xarray takes for chunks."""
    if chunks is None:
        return None
    try:
        import dask.array  # noqa: F401
    except ImportError as error:
        raise InputError(
            f'chunks={chunks!r} needs dask: pip install "altiflow[dask]"; or leave `chunks` out'
        ) from error
    return {} if chunks == "store" else chunks
