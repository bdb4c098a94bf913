"""Velocity fields in: the product found from the file, several files made one field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import EmptyDataError, FieldError, InputError, UnsupportedFormatError, WrongProductError
from altiflow.readers.field import Metric, check_field
from altiflow.readers.layers import is_cube
from altiflow.readers.velocity.formats.netcdf import crop_dataset, open_netcdf, open_raw, sniff_format, vector_pair
from altiflow.readers.velocity.formats.raster import companion_path, drop_companions, pair_paths
from altiflow.readers.velocity.formats.stores import Chunks, check_complete, is_remote, is_store, open_store, store_name
from altiflow.readers.velocity.golive import read_golive, read_pair_rasters
from altiflow.readers.velocity.itslive.composite import read_composite
from altiflow.readers.velocity.itslive.cube import read_cube
from altiflow.readers.velocity.itslive.mosaic import read_mosaic
from altiflow.readers.velocity.itslive.pair import read_pair
from altiflow.readers.velocity.itslive.rasters import read_rasters
from altiflow.readers.velocity.measures import read_antarctica, read_greenland
from altiflow.readers.velocity.options import Bounds, Options, Period, check_options
from altiflow.readers.velocity.products import (
    PRODUCTS,
    VelocityProduct,
    detect_netcdf,
    detect_raster,
    detect_zarr,
    velocity_product,
)
from altiflow.readers.velocity.sea_ice.motion import read_motion
from altiflow.readers.velocity.sea_ice.osisaf import read_drift
from altiflow.readers.velocity.written import drop_written, is_written, read_written, read_written_rasters

__all__ = ["list_paths", "open_velocity", "read_velocity"]

Source = str | Path | Sequence[str | Path] | xr.Dataset

Reader = Callable[[xr.Dataset, Path, VelocityProduct, Options], xr.Dataset]

_NETCDF_READERS: dict[str, Reader] = {
    "NSIDC-0116": read_motion,
    "ITS_LIVE-pair": read_pair,
    "ITS_LIVE-mosaic": read_mosaic,
    "OSI-405": read_drift,
    "OSI-455": read_drift,
    "MEaSUREs-Antarctica": read_antarctica,
    "GoLIVE": read_golive,
    "altiflow": read_written,
}

_ZARR_READERS: dict[str, Reader] = {
    "ITS_LIVE-cube": read_cube,
    "ITS_LIVE-composite": read_composite,
    "altiflow": read_written,
}

_RASTER_READERS: dict[str, Callable[[Path, VelocityProduct, Options], xr.Dataset]] = {
    "ITS_LIVE-geotiff": read_rasters,
    "MEaSUREs-Greenland": read_greenland,
    "pycorr-geotiff": read_pair_rasters,
    "CARST-geotiff": read_pair_rasters,
    "altiflow": read_written_rasters,
}

_KNOWN = f"known are {', '.join(PRODUCTS)}"

_SUFFIXES = (".nc", ".nc4", ".tif", ".tiff")
"""Files that a folder of velocity is searched for."""

_NAMED = 8
"""Sources that are all named."""

_SAME = ("crs", "units", "velocity_metric", "velocity_kind", "time_rule", "year_days", "metric_source")
"""Attributes that files must share to become one field."""


def read_velocity(
    source: Source,
    *,
    product: str | None = None,
    crs: object = None,
    metric: Metric | None = None,
    units: str | None = None,
    period: Period | None = None,
    bounds: Bounds | None = None,
    chunks: Chunks = None,
) -> xr.Dataset:
    """Return a velocity field from files of sea-ice motion or land-ice velocity; from a Zarr store, unread.

    Parameters
    ----------
    source
        A file, a Zarr store (a folder, or an address: s3://, https://), a folder of NetCDF files or GeoTIFF pairs, a
        list of files that follow each other in time or of image pairs on one grid, either or both of a pair of
        GeoTIFFs (their speed, errors and count may be listed too), or a Dataset that is a velocity field already
        (it is checked and returned).
    product
        One of ``PRODUCTS``; found from the content of each file where None.
    crs
        CRS of a file that states none; anything pyproj takes. None is ever guessed.
    metric
        "map" or "ground", where the file does not say and the product's default is not right.
    units
        Unit of a file that states none, where the product's default is not right; any spelling
        :func:`altiflow.units.canonical_unit` knows.
    period
        (start, end), UTC: only layers that touch [start, end) are read. Undated fields are read whole.
    bounds
        (x_min, y_min, x_max, y_max) [m] in the field's CRS: only cells whose centres lie in them are read, so that
        a window of a large mosaic costs what the window does.
    chunks
        Of a Zarr store: None reads from it where values are asked for; "store" (its own chunks), or sizes by
        dimension, makes dask arrays.

    Returns
    -------
    xarray.Dataset
        vx, vy on (time, y, x), NaN where invalid, along the axes and in the order of the file, with everything in
        its attributes that :func:`altiflow.readers.field.check_field` asks for. Image pairs are a cube: a layer
        each, with ``granule`` and what else is known of them as coordinates on time.

    Raises
    ------
    InputError
        If a file is not there, an argument means nothing, a CRS is needed, or CRS or units contradict the file.
    UnsupportedFormatError, CorruptGranuleError, WrongProductError, MissingDataError
        If a file is of no known product, damaged, not of the product asked for, or lacks a part of it.
    FieldError
        If files do not make one field, or a layer is there twice.
    EmptyDataError
        If no layer touches the period, or no cells lie in the bounds.
    """
    options = check_options(crs, metric, period, units, bounds)
    chosen = None if product is None else velocity_product(product)
    if isinstance(source, xr.Dataset):
        return _take_field(source, chosen, options)
    fields, empty = [], []
    for path in list_paths(source):
        try:
            store = is_store(path)
            fields.append(
                _read_store(path, chosen, options, chunks) if store else _read_file(Path(path), chosen, options)
            )
        except EmptyDataError as error:
            empty.append(error)
        except FieldError as error:
            raise FieldError(f"{store_name(path)}: {error}") from error
    if not fields:
        raise empty[0]
    return check_field(_join(fields))


def _take_field(source: xr.Dataset, product: VelocityProduct | None, options: Options) -> xr.Dataset:
    """Return a field that is one already, cut to the period and the bounds."""
    if product is not None or any(said is not None for said in (options.crs, options.metric, options.units)):
        raise InputError("product, crs, metric and units go with files; a Dataset states its own in its attributes")
    field = check_field(source)
    if options.bounds is not None:
        rows, columns = options.window(field["x"].values, field["y"].values, "the field")
        field = field.isel(y=rows, x=columns)
    if options.period is None or field.attrs["time_rule"] == "undated":
        return field
    return field.isel(time=options.touching(field["time_bnds"].values, "the field"))


def list_paths(source: str | Path | Sequence[str | Path]) -> list[str | Path]:
    """Return the files and stores to read, a pair of GeoTIFFs as its vx once."""
    names = [source] if isinstance(source, (str, Path)) else list(source)
    if not names or not all(isinstance(name, (str, Path)) for name in names):
        raise InputError(f"source={source!r} names no velocity file; give a path, a list of paths, or a field")
    paths: list[str | Path] = [name for name in names if is_store(name)]
    for name in names:
        if is_remote(name) and name not in paths:
            raise InputError(f"{name} is no Zarr store by its name; download the file first, then read it")
    files = [name for name in names if name not in paths]
    for path in drop_companions(drop_written([file for name in files for file in _expand(Path(name))])):
        if sniff_format(path) == "tiff":
            path = pair_paths(path)[0]
            if path in paths:
                continue
        paths.append(path)
    return paths


def _expand(path: Path) -> list[Path]:
    """Return the file itself, or the velocity files in a folder, sorted by name."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError(f"there is no velocity file {path}")
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in _SUFFIXES and file.name[0] != ".")
    if not files:
        raise EmptyDataError(f"the folder {path} holds no velocity file ({', '.join(_SUFFIXES)})")
    return files


def _read_file(path: Path, product: VelocityProduct | None, options: Options) -> xr.Dataset:
    """Return the field in one file, or in a pair of GeoTIFFs named by its vx.

    Raises
    ------
    UnsupportedFormatError
        If it is of no format or product that can be read.
    WrongProductError
        If it is not of the format of the product.
    """
    kind = sniff_format(path)
    if kind is None:
        raise UnsupportedFormatError(f"{path.name} is neither NetCDF nor GeoTIFF, or its start is missing; {_KNOWN}")
    if product is not None and product.name not in (_RASTER_READERS if kind == "tiff" else _NETCDF_READERS):
        raise WrongProductError(f"{path.name} is {'GeoTIFF' if kind == 'tiff' else 'NetCDF'}, not {product.title}")
    if kind == "tiff":
        found = product or _detect_rasters(path)
        return _RASTER_READERS[found.name](path, found, options)
    with open_netcdf(path) as dataset:
        found = product or _detect(dataset, path.name, detect_netcdf)
        cropped = crop_dataset(dataset, options, path)
        return _both_or_none(_NETCDF_READERS[found.name](cropped, path, found, options).load())


def open_velocity(source: str | Path, *, options: Options, chunks: Chunks = None) -> xr.Dataset:
    """Return the field of one file or store, unread where it is an image pair or a store; see `read_velocity`."""
    if is_store(source):
        return _read_store(source, None, options, chunks)
    path = Path(source)
    if not path.is_file():
        raise InputError(f"there is no velocity file {path}")
    if sniff_format(path) in ("h5netcdf", "scipy"):
        dataset = open_raw(path)
        if detect_netcdf(_attributes(dataset), dataset.attrs, {str(dim) for dim in dataset.dims}) == "ITS_LIVE-pair":
            return read_pair(crop_dataset(dataset, options, path), path, PRODUCTS["ITS_LIVE-pair"], options)
        dataset.close()
    return _read_file(path, None, options)


def _both_or_none(field: xr.Dataset) -> xr.Dataset:
    """Return a field in memory with both components NaN where either is."""
    vector_pair(field["vx"].values, field["vy"].values)
    return field


def _read_store(source: str | Path, product: VelocityProduct | None, options: Options, chunks: Chunks) -> xr.Dataset:
    """Return the field in a Zarr store, unread.

    Raises
    ------
    WrongProductError
        If it is not of the product asked for.
    """
    dataset = open_store(source, chunks=chunks)
    found = product or _detect(dataset, store_name(source), detect_zarr)
    if found.name not in _ZARR_READERS:
        raise WrongProductError(f"{store_name(source)} is a Zarr store, not {found.title}")
    check_complete(dataset, source, ("vx", "vy"))
    name = Path(store_name(source))
    return _ZARR_READERS[found.name](crop_dataset(dataset, options, name), name, found, options)


def _detect(dataset: xr.Dataset, name: str, rule: Callable[..., str | None]) -> VelocityProduct:
    """Return the product of an opened file or store, from its content."""
    names = _attributes(dataset)
    found = rule(names, dataset.attrs, {str(dim) for dim in dataset.dims})
    if found is None:
        shown = ", ".join(sorted(names)[:8]) or "no variable"
        raise UnsupportedFormatError(f"{name} is of no velocity product that can be read (it holds {shown}); {_KNOWN}")
    return PRODUCTS[found]


def _detect_rasters(path: Path) -> VelocityProduct:
    """Return the product of a component in a GeoTIFF, from its tags, its name and what lies beside it."""
    if is_written(path):
        return PRODUCTS["altiflow"]
    correlated = any(companion_path(path, word).is_file() for word in ("corr", "delcorr", "del_corr"))
    return PRODUCTS[detect_raster(path.name, correlated=correlated)]


def _attributes(dataset: xr.Dataset) -> dict[str, dict[str, Any]]:
    """Return the attributes of every variable, by name."""
    return {str(name): variable.attrs for name, variable in dataset.variables.items()}


def _join(fields: list[xr.Dataset]) -> xr.Dataset:
    """Return fields of one grid as one, its layers sorted by time.

    Raises
    ------
    FieldError
        If they differ in grid, attributes, variables or length of layers, or a layer is there twice.
    """
    first = fields[0]
    if len(fields) == 1:
        return first
    for field in fields[1:]:
        _check_alike(first, field)
    joined = xr.concat(
        fields,
        dim="time",
        data_vars="all",
        coords="minimal",
        compat="override",
        join="override",
        combine_attrs="override",
    )
    joined.attrs["source"] = join_sources(field.attrs["source"] for field in fields)
    if all(is_cube(field) for field in fields):
        return joined
    order = np.argsort(joined["time_bnds"].values[:, 0], kind="stable")
    owners = np.repeat(np.arange(len(fields)), [field.sizes["time"] for field in fields])[order]
    joined = joined.isel(time=order)
    _check_order(joined, owners)
    return joined


def join_sources(sources: Iterable[str]) -> str:
    """Return the sources of several fields as one text, the first and the last where there are many.

    Examples
    --------
    >>> join_sources(["a", "b"]), join_sources(f"pair {n}" for n in range(9))
    ('a; b', 'pair 0; pair 1; ...; pair 8 (9 in all)')
    """
    names = list(dict.fromkeys(sources))
    if len(names) <= _NAMED:
        return "; ".join(names)
    return "; ".join([*names[:2], "...", f"{names[-1]} ({len(names)} in all)"])


def _check_order(joined: xr.Dataset, owners: npt.NDArray[np.intp]) -> None:
    """Raise if files cover the same time; `owners` (time,) says which file each layer is from.

    The last week of a year may reach into the first one of the next file: one overlap where two files meet.
    """
    bounds = joined["time_bnds"].values
    twice = np.flatnonzero(np.diff(bounds[:, 0]) == np.timedelta64(0, "ns"))
    overlaps = np.flatnonzero((bounds[1:, 0] < bounds[:-1, 1]) & (np.diff(owners) != 0))
    if twice.size or overlaps.size > owners.max():
        first = str(bounds[(twice if twice.size else overlaps)[0], 0])[:10]
        raise FieldError(
            f"files cover the same time, first the layer of {first}: {joined.attrs['source']}; "
            "name each stretch of time once"
        )


def _check_alike(first: xr.Dataset, other: xr.Dataset) -> None:
    """Raise unless two fields can become one."""
    names = f"{first.attrs['source']} and {other.attrs['source']}"
    for name in _SAME:
        if first.attrs.get(name) != other.attrs.get(name):
            raise FieldError(
                f"{names} differ in {name}: {first.attrs.get(name)!r}, {other.attrs.get(name)!r}; read apart, or put "
                "image pairs on one grid with build_cube"
            )
    if first.attrs["time_rule"] == "undated":
        raise FieldError(f"{names} are both undated, so no layer could be chosen by time; read them apart")
    for axis in ("x", "y"):
        if not np.array_equal(first[axis].values, other[axis].values):
            raise FieldError(f"{names} lie on different grids (coordinate {axis!r}); build_cube puts them on one")
    if set(first.data_vars) != set(other.data_vars):
        differing = ", ".join(sorted(map(str, set(first.data_vars) ^ set(other.data_vars))))
        raise FieldError(f"{names} do not hold the same variables ({differing}); read them apart")
