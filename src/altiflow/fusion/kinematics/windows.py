"""What a gradient is taken over, and of what: the window for a product, and rates per time."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import xarray as xr

from altiflow.errors import InputError
from altiflow.fusion.kinematics.planes import Fit, Window
from altiflow.gridding.remap.resample import Lattice
from altiflow.units import YEAR_DAYS, convert_factor

__all__ = ["RateUnit", "choose_window", "is_whole", "rate_factor", "rate_unit"]

RateUnit = Literal["s-1", "d-1", "yr-1"]
"""Units of a strain rate; a year is 365.25 days."""

_NARROW, _WIDE = 3, 11
"""Cells of the window, and of that for components in whole m/yr: their rounding alone is 0.29 m/yr, 1.7e-3 per year
between neighbours 240 m apart, comparable with the strain rates of ice shelves."""

_WHOLE_UNIT = "m yr-1"


def choose_window(
    field: xr.Dataset, *, window: int | None, window_m: float | None, fit: Fit, min_valid: float
) -> tuple[Window, str]:
    """Return the window over which gradients of a checked field are taken, and why this one.

    Raises
    ------
    InputError
        If both sizes are given, a size is not odd or below 3 cells, or a word or share is not known.
    """
    _check_fit(window, window_m, fit, min_valid)
    step = Lattice.from_axes(field["x"].values, field["y"].values).step
    if fit == "central":
        return Window(3, 3, step, fit, 1.0), "the cells on either side"
    if window_m is not None:
        cols, rows = (max(_NARROW, 2 * int(window_m / side // 2) + 1) for side in step)
        return Window(rows, cols, step, fit, min_valid), f"{window_m:g} m asked for"
    if window is not None:
        return Window(window, window, step, fit, min_valid), "cells asked for"
    size, reason = _NARROW, "the smallest"
    if is_whole(field):
        size, reason = _WIDE, f"components come in whole {_WHOLE_UNIT}: their rounding is smoothed"
    return Window(size, size, step, fit, min_valid), reason


def _check_fit(window: int | None, window_m: float | None, fit: Fit, min_valid: float) -> None:
    """Refuse what is no window."""
    if fit not in get_args(Fit):
        raise InputError(f"fit must be 'plane' or 'central', got {fit!r}")
    if window is not None and window_m is not None:
        raise InputError(f"give window (cells) or window_m (metres), not both: {window!r} and {window_m!r}")
    if fit == "central" and not (window is None and window_m is None and min_valid == 1.0):
        raise InputError("fit='central' has no window and needs every neighbour; take fit='plane' for a window")
    if window is not None and (isinstance(window, bool) or int(window) != window or window < _NARROW or not window % 2):
        raise InputError(f"window is an odd number of cells, 3 or more, got {window!r}")
    if window_m is not None and not (np.isfinite(window_m) and window_m > 0):
        raise InputError(f"window_m is a length in metres, got {window_m!r}")
    if not 0.5 < min_valid <= 1.0:
        raise InputError(f"min_valid is a share of the window, above 0.5 and up to 1, got {min_valid!r}")


def is_whole(field: xr.Dataset) -> bool:
    """Return whether the components come in whole metres per year, by the first layer that holds any."""
    if field.attrs["units"] != _WHOLE_UNIT:
        return False
    for layer in range(field.sizes["time"]):
        values = np.stack([np.asarray(field[name].isel(time=layer).values, float) for name in ("vx", "vy")])
        known = values[np.isfinite(values)]
        if known.any():
            return bool((known == np.rint(known)).all())
    return False


def rate_unit(field: xr.Dataset, units: RateUnit | None) -> RateUnit:
    """Return the unit of the rates: that asked for, else one per time of the field's own unit.

    Raises
    ------
    InputError
        If it is not known.
    """
    found = units or str(field.attrs["units"]).split()[1]
    for known in get_args(RateUnit):
        if found == known:
            return known  # type: ignore[no-any-return]
    raise InputError(f"units must be one of {get_args(RateUnit)}, got {units!r}")


def rate_factor(field: xr.Dataset, units: RateUnit) -> float:
    """Return the number that turns the field's velocity per metre into rates in `units`."""
    year = float(field.attrs.get("year_days", YEAR_DAYS))
    return convert_factor(str(field.attrs["units"]), f"m {units}", source_year_days=year)
