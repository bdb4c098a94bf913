"""Gridded results as NetCDF-4, and what Zarr shares with it: CF encoding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from altiflow.files import whole_file
from altiflow.gridding.frame import restate_grid

__all__ = ["encode_dataset", "write_netcdf"]

_NO_FILL: dict[str, Any] = {"_FillValue": None}
_TIME_UNITS = (
    ("days", np.timedelta64(1, "D")),
    ("seconds", np.timedelta64(1, "s")),
    ("microseconds", np.timedelta64(1, "us")),
    ("nanoseconds", np.timedelta64(1, "ns")),
)


def write_netcdf(dataset: xr.Dataset, path: str | Path, *, overwrite: bool = True) -> Path:
    """Write a gridded Dataset as NetCDF-4 and return the path; the file appears whole or not at all.

    Floats are kept at their precision; booleans become bytes with flag meanings; coordinates carry no fill value
    (CF), data NaN. The grid mapping is that of the x and y in the Dataset, so that a part of one may be written.

    Raises
    ------
    InputError
        If x and y are not evenly spaced.
    FileExistsError
        If the file is there and `overwrite` is False.
    """
    target = Path(path)
    ready, encoding = encode_dataset(dataset)
    for name, variable in ready.data_vars.items():
        if variable.ndim >= 2:
            encoding[name] |= {"zlib": True, "complevel": 4, "shuffle": True}
    with whole_file(target, overwrite=overwrite) as part:
        ready.to_netcdf(part, engine="h5netcdf", encoding=encoding)
    return target


def encode_dataset(dataset: xr.Dataset) -> tuple[xr.Dataset, dict[Any, dict[str, Any]]]:
    """Return a Dataset as CF has it on disk, and the encoding of each variable.

    Times are numbers with units, booleans bytes with flag meanings, and no coordinate has a fill value.
    """
    ready = _number_times(restate_grid(dataset))
    for name, variable in ready.data_vars.items():
        if variable.dtype == bool:
            attributes = {**variable.attrs, "flag_values": np.array([0, 1], np.int8), "flag_meanings": "false true"}
            ready = ready.assign({name: variable.astype(np.int8).assign_attrs(attributes)})
        elif variable.dtype.kind == "M":
            ready = ready.assign({name: _seconds(variable)})
    encoding: dict[Any, dict[str, Any]] = {name: dict(_NO_FILL) for name in ready.coords}
    for name, variable in ready.data_vars.items():
        encoding[name] = {} if variable.dtype.kind == "f" else dict(_NO_FILL)
    return ready, encoding


def _seconds(variable: xr.DataArray) -> xr.DataArray:
    """Return times as seconds since the first day, right to a tenth of a microsecond over decades; NaT as NaN."""
    times = variable.to_numpy().astype("datetime64[ns]")
    known = times[~np.isnat(times)]
    since = (known.min() if known.size else np.datetime64("2018-01-01", "ns")).astype("datetime64[D]")
    numbers = np.where(np.isnat(times), np.nan, (times - since).astype(np.int64) / 1e9)
    attributes = variable.attrs | {"units": f"seconds since {since} 00:00:00", "calendar": "standard"}
    return xr.DataArray(numbers, dims=variable.dims, attrs=attributes)


def _number_times(dataset: xr.Dataset) -> xr.Dataset:
    """Return the Dataset with times as whole numbers: days since 1970 if all are midnights, else of the first day.

    The unit is the longest that all times are multiples of, so that they come back as they were; fractions of a
    second in double precision would not. Undated is NaN, which xarray does not encode without a warning if nothing
    is dated; the numbers are floats then.
    """
    names = [name for name in ("time", "time_bnds") if name in dataset.coords]
    if not names:
        return dataset
    times = {name: dataset[name].to_numpy().astype("datetime64[ns]") for name in names}
    values = np.concatenate([found.ravel() for found in times.values()])
    known = values[~np.isnat(values)]
    whole_days = bool((known == known.astype("datetime64[D]")).all())
    since = np.datetime64("1970-01-01", "ns") if whole_days else known.min().astype("datetime64[D]")
    unit, length = next((u, step) for u, step in _TIME_UNITS if not ((known - since) % step).astype(np.int64).any())
    said = {"units": f"{unit} since {since.astype('datetime64[D]')} 00:00:00", "calendar": "standard"}
    numbered = {}
    for name, found in times.items():
        undated = known.size < values.size
        if undated:
            numbers = np.where(np.isnat(found), np.nan, (found - since) / length)
        else:
            # A quotient of times is a long long, which is not the same type to Zarr.
            numbers = ((found - since) // length).astype(np.int64)
        # CF: bounds take units and calendar from their coordinate, and repeat neither.
        attributes = dataset[name].attrs | (said if name == names[0] else {})
        numbered[name] = (dataset[name].dims, numbers, attributes)
    return dataset.assign_coords(numbered)
