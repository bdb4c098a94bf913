"""Sea-ice motion of NSIDC-0116, weekly and daily."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import cftime
import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import CorruptGranuleError, FieldError, InputError, MissingDataError, WrongProductError
from altiflow.readers.field import build_field
from altiflow.readers.velocity.formats.netcdf import (
    choose_crs,
    drop_fill,
    mapping_crs,
    require_variables,
    state_metric,
    state_units,
    vector_pair,
)
from altiflow.readers.velocity.options import Options
from altiflow.readers.velocity.products import VelocityProduct, names_ice_motion

__all__ = ["read_motion"]

_DAYS = {"daily": 1, "weekly": 7}
_ERROR = "icemotion_error_estimate"
_COUNT = "number_of_observations"
_LAYER = ("time", "y", "x")


def read_motion(dataset: xr.Dataset, path: Path, product: VelocityProduct, options: Options) -> xr.Dataset:
    """Return the layers of one opened NSIDC-0116 file that touch the period, as a velocity field.

    A weekly layer is the mean of the seven days that begin with the day of its stamp (noon in the final files,
    midnight in the quick-look ones), a daily one the mean of the day of its stamp. Weeks begin anew on 1 January
    and there are 52 a year, so 31 December, and 30 December of a leap year, are in no weekly layer. The components
    run along x and y of the grid, not east and north. ``error_estimate`` of the daily files is kept as it is:
    negative near the coast, 1000 added far from any input, so not a standard error.

    Raises
    ------
    WrongProductError
        If `u`, `v` or the coordinates are missing or on other dimensions, or `u` and `v` are no ice motion.
    MissingDataError
        If the file has no layer, or no units of time.
    EmptyDataError
        If no layer touches the period.
    InputError
        If it cannot be told whether layers are days or weeks.
    """
    wanted = {"u": _LAYER, "v": _LAYER, "x": ("x",), "y": ("y",), "time": ("time",)}
    require_variables(dataset, wanted, path, product.name)
    if not names_ice_motion({name: dataset[name].attrs for name in ("u", "v")}):
        found = ", ".join(str(dataset[name].attrs.get("standard_name")) for name in ("u", "v"))
        raise WrongProductError(f"{path.name} holds {found}, so it is no {product.name} file; leave `product` out")
    days = _stamp_days(dataset["time"], path)
    length = np.timedelta64(_DAYS[_find_cadence(dataset, days, path)], "D")
    bounds = np.stack([days, days + length], axis=1).astype("datetime64[ns]")
    layers = options.touching(bounds, path.name)
    run = slice(layers.min(), layers.max() + 1)
    part = dataset.isel(time=run)
    vx, vy = vector_pair(drop_fill(part["u"], limit=product.limit), drop_fill(part["v"], limit=product.limit))
    metric, metric_source = state_metric(None, options.metric, product.metric)
    field = build_field(
        vx,
        vy,
        x=dataset["x"].values,
        y=dataset["y"].values,
        time_bnds=bounds[run],
        crs=choose_crs(mapping_crs(dataset, dataset["u"].attrs.get("grid_mapping", "crs")), options.crs, path),
        units=state_units(dataset["u"].attrs.get("units"), options.units, product.units, path),
        velocity_metric=metric,
        metric_source=metric_source,
        source=f"{product.name} {path.name}",
        count=_read_count(part),
    )
    if _ERROR in part:
        field["error_estimate"] = _read_error(part[_ERROR])
    return field


def _stamp_days(time: xr.DataArray, path: Path) -> npt.NDArray[np.datetime64]:
    """Return the civil day of each time stamp (time,).

    The files declare the Julian calendar and mean the civil one: the labels that come out of it are the dates.
    """
    if time.size == 0 or "units" not in time.attrs:
        raise MissingDataError(f"{path.name} has {time.size} layers and time units {time.attrs.get('units')!r}")
    try:
        labels = cftime.num2date(time.values, time.attrs["units"], time.attrs.get("calendar", "standard"))
        days = np.array([f"{label.year:04d}-{label.month:02d}-{label.day:02d}" for label in labels], "datetime64[D]")
    except (ValueError, TypeError, AttributeError) as error:
        raise CorruptGranuleError(f"the time of {path.name} cannot be read: {error}") from error
    if (np.diff(days) <= np.timedelta64(0, "D")).any():
        raise FieldError(f"the layers of {path.name} do not follow each other in time; sort them, each day once")
    return days


def _find_cadence(dataset: xr.Dataset, days: npt.NDArray[np.datetime64], path: Path) -> Literal["daily", "weekly"]:
    """Return whether layers are days or weeks: by their spacing, their companions, then the file's name."""
    if days.size > 1 and np.diff(days).min() < np.timedelta64(7, "D"):
        return "daily"
    if (_COUNT in dataset) != (_ERROR in dataset):
        return "weekly" if _COUNT in dataset else "daily"
    if days.size > 1:
        return "weekly"
    for cadence in ("daily", "weekly"):
        if f"_{cadence}_" in path.name:
            return "daily" if cadence == "daily" else "weekly"
    raise InputError(
        f"{path.name} has one layer and nothing in it says whether that is a day or a week; "
        "name it as the archive does: icemotion_daily_... or icemotion_weekly_..."
    )


def _read_count(part: xr.Dataset) -> npt.NDArray[np.int16] | None:
    """Return the number of daily fields behind each weekly value (time, y, x), 0 where there is none."""
    if _COUNT not in part:
        return None
    values = np.asarray(part[_COUNT].values)
    return np.where(values > 0, values, 0).astype(np.int16)


def _read_error(variable: xr.DataArray) -> tuple[tuple[str, ...], npt.NDArray[np.floating], dict[str, str]]:
    """Return the error estimate on (time, y, x), NaN for fill, else as in the file."""
    attrs = {
        "long_name": "error estimate of the file, as it is",
        "units": str(variable.attrs.get("units", "1")),
        "comment": "a relative quality, not a standard error: negative near the coast, 1000 added far from input",
    }
    return _LAYER, drop_fill(variable), attrs
