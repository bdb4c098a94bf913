"""Continuity: the divergence of the flux of ice, and how thickness changes by it."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import InputError
from altiflow.fusion.fields.layers import has_errors
from altiflow.fusion.kinematics.noise import warn_of_drift_noise, warn_of_rounding
from altiflow.fusion.kinematics.planes import Fit
from altiflow.fusion.kinematics.strain import measure_rates
from altiflow.fusion.kinematics.windows import RateUnit, choose_window, rate_unit
from altiflow.gridding.cubes import convert_field
from altiflow.version import __version__

__all__ = ["flux_divergence", "thickness_change"]

Floats = npt.NDArray[np.float64]
Rate = float | Floats | xr.DataArray
Amount = TypeVar("Amount", float, Floats, xr.DataArray)


def flux_divergence(
    thickness: float | xr.DataArray,
    field: xr.Dataset,
    *,
    thickness_sigma: float | xr.DataArray | None = None,
    depth_factor: float = 1.0,
    window: int | None = None,
    window_m: float | None = None,
    fit: Fit = "plane",
    min_valid: float = 1.0,
    units: RateUnit | None = None,
) -> xr.Dataset:
    """Return div(H u), by which ice gets thinner, on the grid of a velocity field.

    Parameters
    ----------
    thickness
        H [m]: one number, or (y, x) or (time, y, x) on the cells of the field.
    field
        A velocity field, in either metric. Displacements are divided by their intervals.
    thickness_sigma
        Standard error of H, independent between cells [m].
    depth_factor
        Mean velocity over depth as a share of that at the surface, above 0 and up to 1.
    window, window_m, fit, min_valid
        As for :func:`~altiflow.fusion.kinematics.strain.strain_rates`.
    units
        "s-1", "d-1" or "yr-1": metres per what; by default the time of the field's own unit.

    Returns
    -------
    xarray.Dataset
        On (time, y, x): ``flux_divergence`` [m per time], positive where more ice leaves than comes; its ``_sigma``
        where the field has standard errors; ``n_valid``, the valid cells of the window.

    Raises
    ------
    FieldError
        If the field does not state what a velocity field must.
    InputError
        If the thickness lies on other cells, is below 0, or an argument is not possible.

    Notes
    -----
    True to the ground on any map, ``A (∂_x (H v_x / A) + ∂_y (H v_y / A))`` with the map velocity v and the areal scale
    A, which is 1 on EASE-Grid 2.0: the divergence of strain_rates, of the field H v. The error of H is common to both
    components, which leaves no trace in a whole window. ``dH/dt = a - div(H u)``, see :func:`thickness_change`.

    Examples
    --------
    Ice of 100 m that stretches by 0.01 per year along x thins by a metre a year:

    >>> from altiflow.readers.field import build_field
    >>> x, y = np.meshgrid(np.arange(-2.0, 3) * 1e3, np.arange(-2.0, 3) * 1e3)
    >>> bounds = np.array([["2020-01-01", "2021-01-01"]], "M8[ns]")
    >>> field = build_field(0.3 + 0.01 * x[None], 0 * y[None], x=x[0], y=y[:, 0], time_bnds=bounds,
    ...                     crs="EPSG:6931", units="m/yr", year_days=365.25, velocity_metric="map",
    ...                     metric_source="user", source="example")
    >>> found = flux_divergence(100.0, field).flux_divergence
    >>> found[0, 2, 2].item().__round__(6), thickness_change(found, accumulation=0.3)[0, 2, 2].item().__round__(6)
    (1.0, -0.7)
    """
    checked = convert_field(field)
    if not 0 < depth_factor <= 1:
        raise InputError(f"depth_factor is a share of the surface velocity, above 0 and up to 1, got {depth_factor!r}")
    frame, reason = choose_window(checked, window=window, window_m=window_m, fit=fit, min_valid=min_valid)
    warn_of_rounding(checked, frame)
    flux = _flux_field(checked, thickness, thickness_sigma, depth_factor)
    rates = measure_rates(flux, frame, ("divergence",), rate_unit(checked, units))
    named = {name: name.replace("divergence", "flux_divergence") for name in map(str, rates.data_vars)}
    result = rates.rename({old: new for old, new in named.items() if old != new})
    text = "divergence of the flux of ice, thickness times velocity"
    for name in named.values():
        if name.startswith("flux"):
            meaning = text if name == "flux_divergence" else f"standard error of the {text}"
            result[name].attrs |= {"units": f"m {rates['divergence'].attrs['units']}", "long_name": meaning}
    warn_of_drift_noise(result, frame, checked, "flux_divergence")
    return result.assign_attrs(
        title=f"Flux divergence: {checked.attrs['source']}",
        history=f"altiflow {__version__}: flux_divergence",
        window=f"{rates.attrs['window']} ({reason})",
        depth_factor=depth_factor,
    )


def thickness_change(divergence: Amount, *, accumulation: Rate = 0.0, basal_melt: Rate = 0.0) -> Amount:
    """Return dH/dt = a - m - div(H u), in the unit of the divergence; positive is thickening.

    Parameters
    ----------
    divergence
        div(H u) as :func:`flux_divergence` gives it, positive where more ice leaves than comes: a number, an array or a
        DataArray.
    accumulation
        a at the surface, as ice: positive is gain.
    basal_melt
        m at the base, as ice: positive is loss.

    Raises
    ------
    InputError
        If two DataArrays state different units.

    Examples
    --------
    >>> thickness_change(1.0, accumulation=0.3, basal_melt=0.5).__round__(6)
    -1.2
    """
    given: tuple[Any, ...] = (divergence, accumulation, basal_melt)
    units = {str(one.attrs["units"]) for one in given if isinstance(one, xr.DataArray) and "units" in one.attrs}
    if len(units) > 1:
        raise InputError(f"rates are in {' and '.join(sorted(units))}; bring them to one unit first")
    change: Any = given[1] - given[2] - given[0]
    if isinstance(change, xr.DataArray):
        stated: dict[str, Any] = {"units": units.pop()} if units else {}
        change = change.rename("thickness_change").assign_attrs(stated, long_name="rate of thickness change")
    return change  # type: ignore[no-any-return]


def _flux_field(field: xr.Dataset, thickness: Any, sigma: Any, factor: float) -> xr.Dataset:
    """Return a field whose components are H times those of a field; its unit is that of velocity times metres."""
    height = _on_cells(thickness, "thickness", field)
    if bool((height < 0).any()):
        raise InputError(f"thickness is {float(height.min()):g} m somewhere; give NaN, or 0, where there is no ice")
    parts: dict[str, xr.DataArray] = {}
    for name in ("vx", "vy"):
        parts[name] = field[name] * height * factor
        known = f"{name}_sigma"
        if has_errors(field) or sigma is not None:
            none = xr.zeros_like(parts[name])
            own = none + field[known] * height if known in field else none
            other = none if sigma is None else field[name] * _on_cells(sigma, "thickness_sigma", field)
            parts[known] = ((own**2 + other**2) ** 0.5) * factor
    kept = {name: data.transpose("time", "y", "x").astype(float) for name, data in parts.items()}
    return field.drop_vars("vxy_covariance", errors="ignore").assign(kept)


def _on_cells(given: Any, name: str, field: xr.Dataset) -> Any:
    """Return a number as it is, or layers once they are known to lie on the cells of a field."""
    if not isinstance(given, xr.DataArray):
        return xr.DataArray(float(given))
    if set(given.dims) - {"time", "y", "x"} or not {"y", "x"} <= set(given.dims):
        raise InputError(f"{name} has dimensions {given.dims}, it needs (y, x) or (time, y, x)")
    for axis in ("y", "x"):
        if given[axis].size != field[axis].size or not np.allclose(given[axis].values, field[axis].values):
            raise InputError(
                f"{name} lies on other cells than the velocity along {axis}; bring it there first, such as "
                f"{name}.interp(x=field.x, y=field.y) on the same map, or align_velocity"
            )
    if given.sizes.get("time", 1) == 1:
        bare = given.isel(time=0, drop=True) if "time" in given.dims else given
    elif given.sizes["time"] == field.sizes["time"]:
        bare = given.assign_coords(time=field["time"])
    else:
        raise InputError(
            f"{name} has {given.sizes['time']} layers, the velocity {field.sizes['time']}; give one of each"
        )
    return bare.assign_coords(x=field["x"], y=field["y"]).drop_vars(set(bare.coords) - {"x", "y", "time"})
