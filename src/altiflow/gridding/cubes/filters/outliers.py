"""Outliers: values of a pixel far from its other values, in either component."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from altiflow.errors import InputError
from altiflow.gridding.cubes.blocks import Samples, map_pixels
from altiflow.gridding.cubes.layers import carry_attrs, layer_spans
from altiflow.gridding.cubes.medians import MAD_SCALE, median_of_valid
from altiflow.readers.field import space_dims

__all__ = ["keep_values", "reject_outliers"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_COMPANY = 3
"""Values in a window, its own with them, without which a value cannot be told to be far from the others."""

_ROUNDING = 1e-9
"""Deviations below this share of the median speed are rounding."""


def reject_outliers(
    cube: xr.Dataset, *, threshold: float = 6.0, window_days: float | None = None, quiet: bool = True
) -> xr.Dataset:
    """Return the cube or series without the values that lie far from the others of their pixel.

    Parameters
    ----------
    cube
        Cube (time, y, x) or series (time, point) of velocities, in memory, lazily stored, or of dask arrays.
    threshold
        A value goes if either component is further from the median than this many times 1.4826 times the median
        absolute deviation, and than this many times its own standard error where the cube has one.
    window_days
        Take the median of the pairs whose middle lies within half this window [d] of the pair's own; the median
        deviation is of all of the series. Values with fewer than two others in their window are kept. None takes the
        median of all: then a change of speed of some sigmas may pass for outliers.
    quiet
        Show no progress bar.

    Returns
    -------
    xarray.Dataset
        Both components (and sigmas) are NaN where rejected. ``n_outliers`` counts them for each pixel.

    Raises
    ------
    FieldError
        If the cube is no field of dated velocities.
    InputError
        If an argument means nothing.

    Examples
    --------
    >>> from altiflow.readers.field import build_field
    >>> pairs = np.datetime64("2020-01-01", "ns") + np.arange(5)[:, None] * np.timedelta64(8, "D") + np.array(
    ...     [0, 16]) * np.timedelta64(1, "D")
    >>> vx = np.array([100.0, 102, 98, 9000, 101])[:, None, None] * np.ones((5, 2, 2))
    >>> cube = build_field(vx, np.zeros((5, 2, 2)), x=[0, 120], y=[0, 120], time_bnds=pairs, crs=3413, units="m/yr",
    ...                    year_days=365.25, velocity_metric="map", metric_source="user", source="example")
    >>> clean = reject_outliers(cube)
    >>> clean.vx[:, 0, 0].values.tolist(), clean.n_outliers.values.tolist()
    ([100.0, 102.0, 98.0, nan, 101.0], [[1, 1], [1, 1]])
    """
    if not threshold > 0:
        raise InputError(f"threshold must be above 0, got {threshold!r}")
    if window_days is not None and not window_days > 0:
        raise InputError(f"window_days must be above 0, or None for the whole series, got {window_days!r}")
    centre = layer_spans(cube).centre
    judge = _Judge(centre, float(threshold), window_days)
    kept = map_pixels(cube, judge, centre.size, label="outliers", quiet=quiet)
    step = f"reject_outliers(threshold={threshold}, window_days={window_days})"
    return keep_values(cube, kept, "n_outliers", "values rejected as outliers", step)


def keep_values(cube: xr.Dataset, kept: npt.NDArray[np.float64], name: str, text: str, step: str) -> xr.Dataset:
    """Return the cube with velocities and sigmas only where `kept` (time, ...) is not 0, and the rest counted."""
    dims = space_dims(cube)
    mask = xr.DataArray(kept, dims=("time", *dims)) > 0
    both: xr.DataArray = np.isfinite(cube["vx"]) & np.isfinite(cube["vy"])  # type: ignore[assignment]
    lost = (both & ~mask).sum("time").astype(np.int32)
    result = cube.copy()
    for variable in ("vx", "vy", "vx_sigma", "vy_sigma", "vxy_covariance"):
        if variable in cube and cube[variable].dims == mask.dims:
            result[variable] = cube[variable].where(mask)
    before = cube.get(name, 0)
    result[name] = (before + lost).drop_vars("time", errors="ignore").astype(np.int32)
    result[name].attrs = {"long_name": text, "units": "1"}
    result.attrs = carry_attrs(cube, step, {})
    return result


@dataclass(frozen=True)
class _Judge:
    """Whether each value is kept (layers, pixels), 0 or 1."""

    centre: Floats
    threshold: float
    window_days: float | None

    def __call__(self, samples: Samples) -> Floats:
        """Return it for each pixel; values that are not there are not kept."""
        valid = samples.valid
        kept = valid.copy()
        for velocity, sigma in ((samples.vx, samples.vx_sigma), (samples.vy, samples.vy_sigma)):
            middle = median_of_valid(velocity, valid)
            level, judged = middle[None], valid
            if self.window_days is not None:
                level, judged = self._running(velocity, valid)
            away = np.abs(np.where(valid, velocity, 0.0) - level)
            floor = np.maximum(_ROUNDING * np.abs(middle), self.threshold * _step_error(velocity, valid))
            limit = np.fmax(self.threshold * MAD_SCALE * median_of_valid(away, judged), floor)
            own = 0.0 if sigma is None else self.threshold * np.where(np.isfinite(sigma), sigma, 0.0)
            kept &= ~(judged & (away > np.maximum(limit, own)))
        return kept.astype(np.float64)

    def _running(self, velocity: Floats, valid: Bools) -> tuple[Floats, Bools]:
        """Return the median around each valid value, and whether it has company there, (layers, pixels) each."""
        found, company = np.full(velocity.shape, np.nan), np.zeros(velocity.shape, dtype=bool)
        # Nanoseconds: the unit that a window may be told in.
        moments = pd.to_datetime(self.centre, unit="D", origin="2000-01-01").as_unit("ns")
        window = pd.Timedelta(days=float(self.window_days or 0.0))
        for pixel in np.flatnonzero(valid.any(axis=0)):
            there = np.flatnonzero(valid[:, pixel])
            there = there[np.argsort(self.centre[there], kind="stable")]
            values = pd.Series(velocity[there, pixel], index=moments[there])
            around = values.rolling(window, center=True, closed="both", min_periods=1)
            found[there, pixel] = around.median().to_numpy()
            company[there, pixel] = around.count().to_numpy() >= _COMPANY
        return found, company


def _step_error(velocity: Floats, valid: Bools) -> Floats:
    """Return the standard error of rounding (pixels,): that of whole numbers where all values are, else 0."""
    whole = ((velocity == np.rint(velocity)) | ~valid).all(axis=0)
    return np.where(whole, 1 / np.sqrt(12.0), 0.0)
