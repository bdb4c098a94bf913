"""Field: a velocity field that states everything one has to know before using it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyproj
import xarray as xr

from altiflow.errors import FieldError, InputError
from altiflow.readers.layers import check_layers, layer_coords
from altiflow.units import canonical_unit

__all__ = [
    "Kind",
    "Metric",
    "MetricSource",
    "TimeRule",
    "build_field",
    "check_field",
    "check_series",
    "crs_text",
    "space_dims",
]

Metric = Literal["map", "ground"]
"""Whether a component is metres of the map projection, or metres on the ground, per time."""

Kind = Literal["velocity", "displacement"]
TimeRule = Literal["interval_mean", "instant", "undated"]
MetricSource = Literal["file", "assumed", "user"]

DIMS = ("time", "y", "x")

_WORDS: dict[str, tuple[str, ...]] = {
    "velocity_metric": ("map", "ground"),
    "velocity_kind": ("velocity", "displacement"),
    "time_rule": ("interval_mean", "instant", "undated"),
    "metric_source": ("file", "assumed", "user"),
}

_LENGTHS = ("m", "cm", "km")
"""Units of a displacement."""

_EVEN = 1e-3
"""Largest deviation of a spacing from the mean one, as a share of it; float32 coordinates stay below it."""


def build_field(
    vx: Any,
    vy: Any,
    *,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    time_bnds: npt.ArrayLike,
    crs: Any,
    units: str,
    velocity_metric: Metric,
    metric_source: MetricSource,
    source: str,
    velocity_kind: Kind = "velocity",
    time_rule: TimeRule = "interval_mean",
    year_days: float | None = None,
    vx_sigma: Any = None,
    vy_sigma: Any = None,
    count: Any = None,
    layers: Mapping[str, npt.ArrayLike] | None = None,
) -> xr.Dataset:
    """Return a checked velocity field.

    Parameters
    ----------
    vx, vy
        Components along the axes of `crs`, (time, y, x) in `units`; NaN where invalid. A lazy array (a dask
        array, or a variable of an open Dataset) stays lazy.
    x, y
        Cell centres (n,) [m, `crs`], evenly spaced; x ascends, y may go either way and is never turned round.
    time_bnds
        Start and end of each layer, (time, 2), UTC; NaT where undated.
    crs
        Anything pyproj takes.
    units
        Any spelling :func:`altiflow.units.canonical_unit` knows; a length for a displacement.
    velocity_metric, metric_source
        "map" or "ground", and who says so: the "file", the "user", or nobody ("assumed").
    source
        What the field was read from, in words.
    velocity_kind, time_rule
        See the vocabulary.
    year_days
        Length of the year [d]; needed where `units` are per year.
    vx_sigma, vy_sigma
        Standard errors in `units`, (time, y, x), or (time,) where one holds for the whole layer.
    count
        Number of observations behind each value, (time, y, x).
    layers
        What is known of each layer, (time,), by the names in ``LAYER_COORDS``.

    Raises
    ------
    FieldError
        If the parts do not make a field; see :func:`check_field`.

    Examples
    --------
    >>> bounds = np.array([["2019-01-01", "2019-01-08"]], dtype="datetime64[ns]")
    >>> still = np.zeros((1, 2, 3))
    >>> field = build_field(still, still, x=[0, 1e3, 2e3], y=[0, 1e3], time_bnds=bounds, crs=3408, units="cm/s",
    ...                     velocity_metric="map", metric_source="user", source="example")
    >>> field.attrs["crs"], field.attrs["units"], str(field.time.values[0])[:13]
    ('EPSG:3408', 'cm s-1', '2019-01-04T12')
    """
    unit = _unit_spelling(units, velocity_kind)
    bounds = _as_bounds(time_bnds)
    parts = {"vx": vx, "vy": vy, "vx_sigma": vx_sigma, "vy_sigma": vy_sigma, "count": count}
    attrs: dict[str, Any] = {
        "crs": crs_text(crs),
        "units": unit,
        "velocity_metric": velocity_metric,
        "velocity_kind": velocity_kind,
        "time_rule": time_rule,
        "source": source,
        "metric_source": metric_source,
    }
    if year_days is not None:
        attrs["year_days"] = float(year_days)
    coords = {
        "time": ("time", bounds[:, 0] + (bounds[:, 1] - bounds[:, 0]) // 2),
        "time_bnds": (("time", "nv"), bounds),
        "y": ("y", np.asarray(y, dtype=float), {"units": "m", "standard_name": "projection_y_coordinate"}),
        "x": ("x", np.asarray(x, dtype=float), {"units": "m", "standard_name": "projection_x_coordinate"}),
    }
    variables = {name: _as_variable(name, data, unit) for name, data in parts.items() if data is not None}
    try:
        dataset = xr.Dataset(variables, coords={**coords, **layer_coords(layers or {}, unit)}, attrs=attrs)
    except ValueError as error:
        raise FieldError(f"the parts have different sizes, each must be (time, y, x): {error}") from error
    return check_field(dataset)


def check_field(field: xr.Dataset) -> xr.Dataset:
    """Return the field itself if it states what a velocity field has to state; values are not looked at.

    Raises
    ------
    FieldError
        Naming the dimension, variable or attribute that is missing or wrong, and the way to mend it.

    Examples
    --------
    >>> check_field(xr.Dataset())
    Traceback (most recent call last):
    altiflow.errors.FieldError: the field has no variable 'vx'; ...
    """
    if not isinstance(field, xr.Dataset):
        raise FieldError(f"a velocity field is an xarray.Dataset, not {type(field).__name__}; see build_field")
    for check in _CHECKS:
        check(field)
    return field


def check_series(series: xr.Dataset) -> xr.Dataset:
    """Return a series of velocities at points itself if it states what it has to; values are not looked at.

    A series is what a velocity field is, on (time, point) in place of (time, y, x): ``x`` and ``y`` are coordinates
    of the points (point,) [m, `crs`], not evenly spaced.

    Raises
    ------
    FieldError
        Naming what is missing or wrong, and the way to mend it.
    """
    if not isinstance(series, xr.Dataset):
        raise FieldError(f"a series of velocities is an xarray.Dataset, not {type(series).__name__}")
    _check_variables(series, ("time", "point"))
    for name in ("x", "y"):
        if name not in series.coords or series[name].dims != ("point",):
            raise FieldError(f"the series has no coordinate {name!r} on ('point',); assign the places [m] in its crs")
    for check in (_check_words, _check_crs, _check_units, _check_times, check_layers):
        check(series)
    return series


def space_dims(velocity: xr.Dataset) -> tuple[str, ...]:
    """Return the dimensions beside time of a checked field, ("y", "x"), or series, ("point",).

    Raises
    ------
    FieldError
        If it is neither; see :func:`check_field` and :func:`check_series`.
    """
    if isinstance(velocity, xr.Dataset) and "point" in velocity.dims:
        check_series(velocity)
        return ("point",)
    check_field(velocity)
    return DIMS[1:]


def crs_text(value: Any) -> str:
    """Return the authority string of a CRS projected in metres where it has one, else its WKT.

    Raises
    ------
    FieldError
        If pyproj does not know it, it is in degrees or another unit than metres, or it is no projection.
    """
    try:
        crs = pyproj.CRS.from_user_input(value)
    except pyproj.exceptions.CRSError as error:
        raise FieldError(f"attribute 'crs' is not known to pyproj ({value!r}); give one such as 'EPSG:3413'") from error
    if crs.is_geographic:
        raise FieldError(f"attribute 'crs' is {crs.name!r}, in degrees; a velocity field lies on a projected grid")
    if not crs.is_projected or any(axis.unit_conversion_factor != 1 for axis in crs.axis_info[:2]):
        raise FieldError(f"attribute 'crs' is {crs.name!r}; a velocity field lies on a map projected in metres")
    # Full confidence only: a near match could be the same projection on another ellipsoid.
    authority = crs.to_authority(min_confidence=100)
    return ":".join(authority) if authority else str(crs.to_wkt())


def _check_variables(field: xr.Dataset, dims: tuple[str, ...] = DIMS) -> None:
    """Raise unless vx, vy and their companions lie on the dimensions, sigmas on these or on time alone."""
    for name in ("vx", "vy"):
        if name not in field.data_vars:
            raise FieldError(f"the field has no variable {name!r}; name the component along that axis so")
    for name in ("vx", "vy", "vx_sigma", "vy_sigma", "vxy_covariance", "count", "valid"):
        allowed = (dims, dims[:1]) if name.endswith("_sigma") else (dims,)
        if name in field and field[name].dims not in allowed:
            raise FieldError(
                f"{name} has dimensions {field[name].dims}, not {dims}; field.expand_dims('time') adds a single "
                f"layer's, field.transpose{dims} orders them"
            )
    for name in ("vx", "vy", "vx_sigma", "vy_sigma", "vxy_covariance"):
        if name in field and field[name].dtype.kind != "f":
            raise FieldError(f"{name} is {field[name].dtype}; make it float, with NaN where there is no value")


def _check_axes(field: xr.Dataset) -> None:
    """Raise unless x and y are evenly spaced cell centres."""
    for name in ("x", "y"):
        if name not in field.coords or field[name].dims != (name,):
            raise FieldError(
                f"the field has no 1-D coordinate {name!r}; assign the cell centres [m] in the field's crs"
            )
        values = np.asarray(field[name].values, dtype=float)
        steps = np.diff(values)
        if values.size < 2 or not np.isfinite(values).all():
            raise FieldError(f"coordinate {name!r} needs at least 2 finite values, found {values.size} in all")
        mean = (values[-1] - values[0]) / steps.size
        if mean == 0 or np.abs(steps - mean).max() > _EVEN * abs(mean):
            raise FieldError(
                f"coordinate {name!r} is not evenly spaced: steps from {steps.min():g} to {steps.max():g} m; "
                f"sort it (field.sortby({name!r})) and fill the gaps with reindex"
            )
    if field["x"].values[-1] < field["x"].values[0]:
        raise FieldError("coordinate 'x' descends; give field.sortby('x'), which leaves vx as it is")


def _check_words(field: xr.Dataset) -> None:
    """Raise unless the attributes with a closed vocabulary hold one of its words."""
    for name, words in _WORDS.items():
        value = field.attrs.get(name)
        if not isinstance(value, str) or value not in words:
            raise FieldError(f"attribute {name!r} is {value!r}; set field.attrs[{name!r}] to one of {words}")
    if not isinstance(field.attrs.get("source"), str) or not field.attrs["source"].strip():
        raise FieldError("attribute 'source' is missing; say in words what the field was read from")


def _check_crs(field: xr.Dataset) -> None:
    """Raise unless the CRS is stated, known and projected."""
    value = field.attrs.get("crs")
    if not isinstance(value, str):
        raise FieldError(f"attribute 'crs' is {value!r}; set it to an authority string such as 'EPSG:3413', or WKT")
    crs_text(value)


def _check_units(field: xr.Dataset) -> None:
    """Raise unless the unit is spelled the one way, and the year behind a unit per year is stated."""
    units, year = field.attrs.get("units"), field.attrs.get("year_days")
    spelling = _unit_spelling(units, field.attrs["velocity_kind"])
    if units != spelling:
        raise FieldError(f"attribute 'units' is {units!r}; write it {spelling!r}")
    if not spelling.endswith("yr-1"):
        return
    if isinstance(year, bool) or not isinstance(year, (int, float, np.number)) or not 360 <= year <= 367:
        raise FieldError(
            f"attribute 'year_days' is {year!r} while units are {units!r}; set the length of the year [d], "
            "such as 365.25, or 365.0 for autoRIFT image pairs"
        )


def _check_times(field: xr.Dataset) -> None:
    """Raise unless every layer has its interval, or is undated as the time rule says."""
    for name, dims in (("time", ("time",)), ("time_bnds", ("time", "nv"))):
        if name not in field.coords or field[name].dims != dims or field[name].dtype.kind != "M":
            raise FieldError(f"coordinate {name!r} must be datetime64 on {dims}; assign it, NaT where undated")
    if field.sizes["nv"] != 2:
        raise FieldError(f"time_bnds has {field.sizes['nv']} columns; it needs 2, start and end")
    if field.sizes["time"] == 0:
        raise FieldError("dimension 'time' is empty; a field has at least one layer, an undated one with NaT")
    time, bounds = field["time"].values, field["time_bnds"].values
    if field.attrs["time_rule"] == "undated":
        if not (np.isnat(time).all() and np.isnat(bounds).all()):
            raise FieldError("time_rule is 'undated' but time or time_bnds hold dates; set the rule or NaT")
        return
    if np.isnat(time).any() or np.isnat(bounds).any():
        raise FieldError("time or time_bnds hold NaT; give every layer start and end, or time_rule 'undated'")
    if (bounds[:, 1] < bounds[:, 0]).any():
        raise FieldError("time_bnds has a layer that ends before it starts; sort the two columns of each row")
    if ((time < bounds[:, 0]) | (time > bounds[:, 1])).any():
        raise FieldError("coordinate 'time' lies outside its time_bnds; set it to the centre of each interval")


_CHECKS: tuple[Callable[[xr.Dataset], None], ...] = (
    _check_variables,
    _check_axes,
    _check_words,
    _check_crs,
    _check_units,
    _check_times,
    check_layers,
)
"""In this order: the check of units needs the kind, that of times the rule."""


def _unit_spelling(units: Any, kind: str) -> str:
    """Return the one spelling of a field's unit."""
    if kind == "displacement" and units in _LENGTHS:
        return str(units)
    try:
        return canonical_unit(str(units))
    except InputError as error:
        raise FieldError(f"attribute 'units' is {units!r}: {error}") from error


def _as_bounds(time_bnds: npt.ArrayLike) -> npt.NDArray[np.datetime64]:
    """Return start and end of each layer, (time, 2)."""
    try:
        bounds = np.asarray(time_bnds).astype("datetime64[ns]")
    except (ValueError, TypeError) as error:
        raise FieldError(f"time_bnds cannot be read as times: {error}; give datetime64 or ISO dates") from error
    if bounds.ndim != 2 or bounds.shape[1] != 2:
        raise FieldError(f"time_bnds has shape {bounds.shape}; give (time, 2): start and end of each layer")
    return bounds


def _as_variable(name: str, data: Any, unit: str) -> xr.Variable:
    """Return the data on (time, y, x) with its unit; lazy stays lazy."""
    if isinstance(data, xr.DataArray):
        data = data.variable
    variable = data.copy(deep=False) if isinstance(data, xr.Variable) else None
    if variable is None:
        data = data if hasattr(data, "dtype") else np.asarray(data)
        if data.ndim == 1 and name.endswith("_sigma"):
            return xr.Variable(DIMS[:1], data, {"units": unit})
        if data.ndim != len(DIMS):
            raise FieldError(f"{name} has {data.ndim} dimensions; give (time, y, x), with one layer data[None]")
        variable = xr.Variable(DIMS, data)
    variable.attrs = {"units": "1" if name == "count" else unit}
    return variable
