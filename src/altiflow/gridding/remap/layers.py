"""Layers: velocity components and their variances out of a window of one layer of a field."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import FieldError

__all__ = ["has_errors", "read_covariance", "read_layer", "refuse_displacement"]

Floats = npt.NDArray[np.float64]


def refuse_displacement(field: xr.Dataset) -> None:
    """Raise if the field holds displacements.

    Raises
    ------
    FieldError
        If ``velocity_kind`` is not "velocity".
    """
    kind = field.attrs["velocity_kind"]
    if kind != "velocity":
        raise FieldError(
            f"velocity_kind is {kind!r}, and a velocity is needed; divide vx, vy and their sigmas by the length of "
            "each layer's time_bnds and build the field anew as a 'velocity'"
        )


def has_errors(field: xr.Dataset) -> bool:
    """Return whether the field gives standard errors."""
    return "vx_sigma" in field or "vy_sigma" in field


def read_layer(field: xr.Dataset, layer: int, rows: slice, cols: slice) -> Floats:
    """Return vx, vy and their variances of a window of one layer: (4, rows, cols), NaN where invalid.

    A cell is valid if both components are finite and ``valid``, where the field has it, says so. Variances
    are NaN where the field has no standard errors.
    """
    window: dict[str, int | slice] = {"time": layer, "y": rows, "x": cols}
    vx = np.asarray(field["vx"].isel(window).values, dtype=float)
    result = np.full((4, *vx.shape), np.nan)
    result[0], result[1] = vx, field["vy"].isel(window).values
    for place, name in ((2, "vx_sigma"), (3, "vy_sigma")):
        if name in field:
            sigma = field[name].isel({axis: window[axis] for axis in map(str, field[name].dims)})
            result[place] = np.asarray(sigma.values, dtype=float) ** 2
    usable = np.isfinite(result[0]) & np.isfinite(result[1])
    if "valid" in field:
        usable &= np.asarray(field["valid"].isel(window).values).astype(bool)
    result[:, ~usable] = np.nan
    return result


def read_covariance(field: xr.Dataset, layer: int, rows: slice, cols: slice) -> Floats | float:
    """Return the covariance of vx and vy in a window of one layer (rows, cols), 0 where the field has none."""
    if "vxy_covariance" not in field:
        return 0.0
    return np.asarray(field["vxy_covariance"].isel(time=layer, y=rows, x=cols).values, dtype=float)
