"""Conversion: a velocity field in another unit, another metric, as velocity and not displacement."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import FieldError, InputError
from altiflow.gridding.vectors import metric_matrix
from altiflow.readers.field import Metric, check_field
from altiflow.units import YEAR_DAYS, canonical_unit, convert_factor

__all__ = ["convert_field", "nominal_displacement"]

_LINEAR = ("vx", "vy", "vx_sigma", "vy_sigma")
_SHIFTS = ("stable_shift_x", "stable_shift_y")
_DAY = np.timedelta64(86_400_000_000_000, "ns")


def convert_field(
    field: xr.Dataset, *, metric: Metric | None = None, units: str | None = None, year_days: float | None = None
) -> xr.Dataset:
    """Return a velocity field in another metric or unit; a displacement becomes the mean velocity of its interval.

    That of a displacement is the velocity of the parcel that starts at the cell, not that at the cell: over an
    interval T they differ by about half of T (v · ∇) v. Cells that begin and end at their own times (``start_offset``,
    ``end_offset`` of OSI SAF) count with their own interval.

    Parameters
    ----------
    field
        A velocity field; it is read into memory where values change.
    metric
        "map" or "ground"; None leaves it.
    units
        Any spelling of a velocity unit; None leaves it (a displacement in km becomes km d-1).
    year_days
        Length of the year [d] behind the new unit, 365.25 unless told; only where the unit is per year.

    Returns
    -------
    xarray.Dataset
        The field with its components and standard errors converted; sigmas come out on (time, y, x) where the
        metric changes, with ``vxy_covariance``.

    Raises
    ------
    FieldError
        If it is no velocity field, or an undated displacement.
    InputError
        If the metric or the unit is not known.

    Examples
    --------
    A year of 365 days is 0.07 % short:

    >>> from altiflow.readers.field import build_field
    >>> bounds = np.array([["2020-01-01", "2020-01-17"]], dtype="M8[ns]")
    >>> field = build_field(np.full((1, 2, 2), 1000.0), np.zeros((1, 2, 2)), x=[0, 120], y=[120, 0], time_bnds=bounds,
    ...     crs=3413, units="m/yr", year_days=365.0, velocity_metric="map", metric_source="user", source="example")
    >>> convert_field(field, units="m/yr").vx.values[0, 0, 0].round(3).item()
    1000.685
    >>> convert_field(field, metric="ground").vx.values[0, 0, 0].round(2).item()
    1031.08
    """
    found = _as_velocity(check_field(field))
    if units is not None or year_days is not None:
        found = _convert_units(found, units or str(found.attrs["units"]), year_days)
    if metric is not None and metric != found.attrs["velocity_metric"]:
        found = _convert_metric(found, metric)
    return check_field(found)


def _as_velocity(field: xr.Dataset) -> xr.Dataset:
    """Return displacements over the length of their intervals, anything else as it is."""
    if field.attrs["velocity_kind"] == "velocity":
        return field
    bounds = field["time_bnds"].values
    days = _cell_days(field)
    if np.isnat(bounds).any() or (days <= 0).any():
        raise FieldError(
            "a displacement is a velocity only over an interval; give every layer start and end (time_bnds)"
        )
    changed = {"velocity_kind": "velocity", "time_rule": "interval_mean"}
    kept = field.drop_vars(["start_offset", "end_offset"], errors="ignore")
    return _scaled(kept, 1 / days, f"{field.attrs['units']} d-1").assign_attrs(changed)


def _cell_days(field: xr.Dataset) -> npt.NDArray[np.float64]:
    """Return the length of the intervals [d], (time,), or (time, y, x) where cells begin and end at their own times."""
    bounds = field["time_bnds"].values
    days = np.asarray((bounds[:, 1] - bounds[:, 0]) / _DAY, float)
    if not {"start_offset", "end_offset"} <= set(field.variables):
        return days
    longer = np.asarray(field["end_offset"].values - field["start_offset"].values, float) / 86_400.0
    return days[:, None, None] + np.where(np.isfinite(longer), longer, 0.0)


def nominal_displacement(field: xr.Dataset) -> xr.Dataset:
    """Return displacements as if every cell had moved for the interval of its layer, at the velocity that it had.

    Cells of OSI SAF begin and end hours before or after the nominal times; a field without such times comes back as it
    is.
    """
    if not {"start_offset", "end_offset"} <= set(field.variables):
        return field
    bounds = field["time_bnds"].values
    nominal = np.asarray((bounds[:, 1] - bounds[:, 0]) / _DAY, float)[:, None, None]
    kept = field.drop_vars(["start_offset", "end_offset"])
    return _scaled(kept, nominal / _cell_days(field), str(field.attrs["units"]))


def _convert_units(field: xr.Dataset, units: str, year_days: float | None) -> xr.Dataset:
    """Return the field in another unit."""
    target = canonical_unit(units)
    days = YEAR_DAYS if year_days is None else float(year_days)
    source = {"source_year_days": float(field.attrs.get("year_days", YEAR_DAYS))}
    factor = convert_factor(str(field.attrs["units"]), target, target_year_days=days, **source)
    if factor == 1.0:
        return field
    result = _scaled(field, np.full(field.sizes["time"], factor), target)
    result.attrs = {key: value for key, value in result.attrs.items() if not key.startswith("year_days")}
    return result.assign_attrs({"year_days": days} if target.endswith("yr-1") else {})


def _scaled(field: xr.Dataset, factor: npt.NDArray[np.float64], units: str) -> xr.Dataset:
    """Return the field with every velocity times a factor (time,) or (time, y, x)."""
    result, scale = field.copy(), xr.DataArray(factor, dims=("time", "y", "x")[: factor.ndim])
    shifts = _SHIFTS if factor.ndim == 1 else ()
    for name in (*_LINEAR, *shifts, "vxy_covariance"):
        if name in field.variables:
            old = field[name]
            new = old * (scale**2 if name == "vxy_covariance" else scale)
            dims = old.dims if factor.ndim == 1 else scale.dims
            variable = xr.Variable(dims, new.transpose(*dims).values.astype(old.dtype), dict(old.attrs))
            variable.attrs["units"] = f"({units})2" if name == "vxy_covariance" else units
            result[name] = variable
    return result.assign_attrs(units=units)


def _convert_metric(field: xr.Dataset, metric: Metric) -> xr.Dataset:
    """Return the field in the other metric: v_map = M v_ground, and M cov Mᵀ."""
    if metric not in ("map", "ground"):
        raise InputError(f"metric must be 'map' or 'ground', got {metric!r}")
    x, y = np.meshgrid(field["x"].values, field["y"].values)
    matrix = metric_matrix(field.attrs["crs"], x, y)
    if metric == "ground":
        matrix = np.linalg.inv(np.where(np.isfinite(matrix), matrix, np.eye(2))) * np.isfinite(matrix)
    a, b, c, d = (matrix[..., i, j] for i in (0, 1) for j in (0, 1))
    vx, vy = (np.asarray(field[name].values, float) for name in ("vx", "vy"))
    found: dict[str, Any] = {"vx": a * vx + b * vy, "vy": c * vx + d * vy}
    if {"vx_sigma", "vy_sigma"} <= set(field.variables):
        sx, sy = (_on_grid(field, name) ** 2 for name in ("vx_sigma", "vy_sigma"))
        cov = _on_grid(field, "vxy_covariance") if "vxy_covariance" in field else 0.0
        found["vx_sigma"] = np.sqrt(a * a * sx + 2 * a * b * cov + b * b * sy)
        found["vy_sigma"] = np.sqrt(c * c * sx + 2 * c * d * cov + d * d * sy)
        found["vxy_covariance"] = a * c * sx + (a * d + b * c) * cov + b * d * sy
    result = field.copy()
    for name, values in found.items():
        units = str(field.attrs["units"])
        attrs = {"units": f"({units})2" if name == "vxy_covariance" else units}
        result[name] = (("time", "y", "x"), values.astype(field["vx"].dtype), attrs)
    return result.assign_attrs(velocity_metric=metric)


def _on_grid(field: xr.Dataset, name: str) -> npt.NDArray[np.float64]:
    """Return a variable on (time, y, x), one per layer spread out."""
    values = np.asarray(field[name].values, float)
    return values[:, None, None] if values.ndim == 1 else values
