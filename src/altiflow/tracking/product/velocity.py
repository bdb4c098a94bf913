"""Velocity of a tracked granule: displacements over time, corrected by stable ground, now or again later."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr
from affine import Affine

from altiflow.errors import InputError
from altiflow.readers.ground import LAND
from altiflow.tracking.product.layout import MAPPING, restore_offsets
from altiflow.tracking.stable import Correction, CorrectionRule, correct_offsets, stable_statistics
from altiflow.units import YEAR_DAYS, convert_factor

__all__ = ["SIGNATURE", "SpeedUnit", "add_velocity", "recorrect"]

SpeedUnit = Literal["m/yr", "m/d"]

SIGNATURE = "track_plan"
"""Attribute of a granule: the signature of the plan that it was tracked by."""

_LINE = "correction by stable ground "

_UNITS: dict[str, str] = {"m/yr": "meter/year", "m/d": "meter/day"}
_TEXTS = {
    "vx": "velocity along the x axis of the map",
    "vy": "velocity along the y axis of the map",
    "v": "speed on the map",
    "vxy_covariance": "covariance of the errors of vx and vy",
}
Floats = npt.NDArray[np.float64]


def add_velocity(
    granule: xr.Dataset,
    *,
    stable: npt.ArrayLike | None = None,
    rule: CorrectionRule | None = None,
    units: SpeedUnit = "m/yr",
    year_days: float = YEAR_DAYS,
) -> xr.Dataset:
    """Return a tracked granule with velocities, in place of any it has.

    Parameters
    ----------
    granule
        What :func:`lay_out` gives.
    stable
        Where ground does not move (y, x); land where not given and the granule knows its ground.
    rule
        How stable ground corrects, and when it is believed.
    units
        "m/yr" or "m/d".
    year_days
        Length of a year [d], stated in the file; ITS_LIVE divides by 365.

    Returns
    -------
    xarray.Dataset
        With ``vx, vy, v``, ``vx_error, vy_error, v_error`` and ``vxy_covariance``, float32, in metres of the map
        (``velocity_metric`` "map", which ITS_LIVE writes as ``map_scale_corrected`` 0).

    Raises
    ------
    InputError
        If the Dataset is no tracked granule, or an argument means nothing.

    Notes
    -----
    With pixel size p, separation T and correction c: ``vx = (dx - cx) p / T``, ``vy = -(dy - cy) p / T``. Errors are
    those of the displacement and of the correction, added in squares; the correction's along both axes are independent,
    so the covariance is that of the displacement. ``v_error = sqrt((vx vx_error)² + (vy vy_error)² + 2 vx vy
    vxy_covariance) / v``, the quadratic mean of the errors where v is 0.
    """
    if units not in _UNITS:
        raise InputError(f"units must be one of {', '.join(_UNITS)}, got {units!r}")
    if isinstance(year_days, bool) or not 360 <= year_days <= 367:
        raise InputError(f"year_days is the length of a year, 360 to 367 days, got {year_days!r}")
    used = rule or CorrectionRule()
    offsets = restore_offsets(granule)
    ground = _stable_ground(granule, stable)
    corrected, correction = correct_offsets(offsets, ground, rule=used)
    scale = _scales(granule, units, year_days)
    result = granule.drop_vars([name for name in _NAMES if name in granule])
    errors = correction.shift_error
    parts: dict[str, Any] = {}
    for axis, moved, sigma, number in (
        ("x", corrected.dx, offsets.dx_error, 0),
        ("y", corrected.dy, offsets.dy_error, 1),
    ):
        parts[f"v{axis}"] = np.asarray(moved, float) * scale[number]
        parts[f"v{axis}_error"] = np.hypot(np.asarray(sigma, float), errors[number]) * abs(scale[number])
    parts["v"] = np.hypot(parts["vx"], parts["vy"])
    parts["vxy_covariance"] = np.asarray(offsets.dxy_covariance, float) * scale[0] * scale[1]
    parts["v_error"] = _speed_error(parts)
    for name in _NAMES:
        result[name] = (("y", "x"), parts[name].astype(np.float32), _attributes(name, units, year_days))
    _state_stability(result, correction, ground, scale)
    result.attrs["correction_rule"] = json.dumps(asdict(used))
    result.attrs["correction"] = json.dumps(asdict(correction))
    log = [line for line in str(result.attrs.get("track_log", "")).split("\n") if line and not line.startswith(_LINE)]
    flag = "applied" if correction.applied else "not applied"
    result.attrs["track_log"] = "\n".join([*log, f"{_LINE}{flag}: {correction.reason}"])
    result.attrs["title"] = str(result.attrs["title"]).replace("Displacement between", "Velocity between")
    return result


_NAMES = ("vx", "vy", "v", "vx_error", "vy_error", "v_error", "vxy_covariance")


def recorrect(
    granule: xr.Dataset,
    *,
    stable: npt.ArrayLike | None = None,
    rule: CorrectionRule | None = None,
    units: SpeedUnit | None = None,
    year_days: float | None = None,
) -> xr.Dataset:
    """Return a tracked granule corrected anew from the displacements it keeps, nothing tracked again.

    The line of the correction in ``track_log`` is written anew, and ``track_plan`` goes.

    Parameters
    ----------
    granule
        A tracked granule, as made or as read with :func:`xarray.open_dataset`.
    stable, rule
        As for :func:`add_velocity`: the land of the granule and the usual gates where not given.
    units, year_days
        Those of the granule where not given.

    Raises
    ------
    InputError
        If the Dataset is no tracked granule, or an argument means nothing.
    """
    stated = granule["vx"].attrs if "vx" in granule else {}
    known = {text: word for word, text in _UNITS.items()}
    unit: Any = units or known.get(str(stated.get("units")), "m/yr")
    year = float(stated.get("year_days", YEAR_DAYS)) if year_days is None else year_days
    result = add_velocity(granule, stable=stable, rule=rule, units=unit, year_days=year)
    # It is no longer what its plan made: a batch must not take it for that.
    result.attrs.pop(SIGNATURE, None)
    return result


def _stable_ground(granule: xr.Dataset, stable: npt.ArrayLike | None) -> npt.NDArray[np.bool_] | None:
    """Return where ground does not move; None where nobody knows."""
    if stable is not None:
        return np.asarray(stable, bool)
    return np.asarray(granule["ground"].values == LAND) if "ground" in granule else None


def _scales(granule: xr.Dataset, units: SpeedUnit, year_days: float) -> tuple[float, float]:
    """Return the velocity of a pixel to the right and of one down, signed along the axes of the map."""
    transform = Affine(*json.loads(granule.attrs["image_transform"]))
    days = float(granule["img_pair_info"].attrs["date_dt"])
    factor = convert_factor("m/d", units, target_year_days=year_days) / days
    return transform.a * factor, transform.e * factor


def _speed_error(parts: dict[str, Floats]) -> Floats:
    """Return the standard error of the speed."""
    # Granules of old have no covariance.
    both = 2 * parts["vx"] * parts["vy"] * np.nan_to_num(parts["vxy_covariance"])
    squares = (parts["vx"] * parts["vx_error"]) ** 2 + (parts["vy"] * parts["vy_error"]) ** 2 + both
    along = np.sqrt(np.maximum(squares, 0.0))
    even = np.hypot(parts["vx_error"], parts["vy_error"]) / np.sqrt(2)
    still = parts["v"] == 0
    return np.where(still, even, along / np.where(still, 1.0, parts["v"]))


def _attributes(name: str, units: SpeedUnit, year_days: float) -> dict[str, Any]:
    """Return the attributes of a velocity or of its error."""
    if name == "vxy_covariance":
        told = {"units": f"{_UNITS[units].replace('/', '2/')}2", "grid_mapping": MAPPING, "long_name": _TEXTS[name]}
        return told | ({"year_days": year_days} if units == "m/yr" else {})
    base = name.removesuffix("_error")
    attrs: dict[str, Any] = {
        "units": _UNITS[units],
        "grid_mapping": MAPPING,
        "long_name": f"standard error of {base}" if base != name else _TEXTS[name],
    }
    if base == name:
        direction = {"vx": "land_ice_surface_x_velocity", "vy": "land_ice_surface_y_velocity"}
        attrs["standard_name"] = direction.get(name, "land_ice_surface_velocity")
        attrs |= {"velocity_metric": "map", "map_scale_corrected": np.int8(0)}
    else:
        attrs["error_type"] = "1-sigma in each cell: of the match, and of the correction by stable ground"
    return attrs | ({"year_days": year_days} if units == "m/yr" else {})


def _state_stability(
    granule: xr.Dataset, correction: Correction, ground: npt.NDArray[np.bool_] | None, scale: tuple[float, float]
) -> None:
    """Write what stable ground said into the attributes of the components, under the names of ITS_LIVE."""
    for number, name in enumerate(("vx", "vy")):
        error = granule[f"{name}_error"].values
        found = error[np.isfinite(error)]
        attrs = granule[name].attrs
        attrs["error"] = float(np.median(found)) if found.size else float("nan")
        attrs["stable_shift"] = -correction.shift[number] * scale[number] if correction.applied else 0.0
        attrs["stable_shift_flag"] = np.int8(correction.applied)
        attrs["stable_count_stationary"] = correction.count
        attrs["stable_shift_reason"] = correction.reason
    if ground is None:
        return
    moved = [granule[name].values / size for name, size in zip(("vx", "vy"), scale, strict=True)]
    found = stable_statistics(moved[0], moved[1], ground)
    for number, name in enumerate(("vx", "vy")):
        attrs = granule[name].attrs
        attrs["error_stationary"] = found.nmad[number] * abs(scale[number])
        attrs["stable_median_after"] = found.median[number] * scale[number]
        attrs["stable_count"] = found.count
