"""Where a strain rate is noise: components rounded to whole m/yr, and drift of a day."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr

from altiflow.errors import ScienceWarning
from altiflow.fusion.fields.layers import is_undated
from altiflow.fusion.kinematics.planes import Window
from altiflow.fusion.kinematics.windows import is_whole
from altiflow.gridding.periods import layer_bounds

__all__ = ["rounding_noise", "warn_of_drift_noise", "warn_of_rounding"]

_ROUNDING = 1 / np.sqrt(12)
"""Standard deviation of rounding to whole numbers, 0.29."""

_STRAIN = 1e-4
"""Noise [1/yr] from which on one is warned: ice shelves strain at 1e-4 to 1e-2 per year."""

_DRIFT_DAYS = 2.0
_DRIFT_CELL = 10e3
"""Layers no longer and cells no smaller are those of sea-ice drift."""

_DAY = np.timedelta64(86_400_000_000_000, "ns")


def rounding_noise(window: Window) -> float:
    """Return the standard error [1/yr] of a strain rate along x by the rounding of components to whole m/yr.

    Examples
    --------
    Differences over 240 m, and a plane over 11 cells:

    >>> window = Window(3, 3, (120.0, 120.0), "central", 1.0)
    >>> round(rounding_noise(window), 5), round(rounding_noise(Window(11, 11, (120.0, 120.0), "plane", 1.0)), 6)
    (0.0017, 6.9e-05)
    """
    if window.fit == "central":
        return float(_ROUNDING / (np.sqrt(2) * window.step[0]))
    offsets = np.arange(window.cols) - window.cols // 2
    return float(_ROUNDING / (window.step[0] * np.sqrt(window.rows * (offsets**2).sum())))


def warn_of_rounding(field: xr.Dataset, window: Window) -> None:
    """Warn if components come in whole m/yr and the window is too narrow to smooth that away."""
    noise = rounding_noise(window)
    if noise < _STRAIN or not is_whole(field):
        return
    width = window.cols * window.step[0]
    warnings.warn(
        f"velocity comes in whole m/yr, and its rounding alone (0.29 m/yr) is a strain rate of {noise:.1e} per year "
        f"over the window of {width:g} m; leave window and fit out for 11 cells, pass a wider one, or take a mosaic of "
        "floats",
        ScienceWarning,
        stacklevel=3,
    )


def warn_of_drift_noise(rates: xr.Dataset, window: Window, field: xr.Dataset, name: str) -> None:
    """Warn if a divergence (its name is given) of layers of a day or two is no larger than its standard error."""
    if f"{name}_sigma" not in rates or is_undated(field) or min(window.step) < _DRIFT_CELL:
        return
    bounds = layer_bounds(field)
    days = float(np.median((bounds[:, 1] - bounds[:, 0]) / _DAY))
    size, error = np.abs(rates[name].values), rates[f"{name}_sigma"].values
    known = np.isfinite(size) & np.isfinite(error)
    if not 0 < days <= _DRIFT_DAYS or not known.any():
        return
    typical, noise = float(np.median(size[known])), float(np.median(error[known]))
    if typical < noise:
        unit = rates[name].attrs["units"]
        warnings.warn(
            f"{name} over {days:g} d and cells of {window.step[0] / 1e3:g} km is noise: half of it is below "
            f"{typical:.2g} {unit}, and its standard error is {noise:.2g} {unit}; take the mean of velocity over "
            "longer times first (align_velocity with time=...)",
            ScienceWarning,
            stacklevel=3,
        )
