"""Running: the mean or median of image pairs in a window that moves on in time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import InputError, NoOverlapError
from altiflow.gridding.cubes.blocks import Samples, map_pixels
from altiflow.gridding.cubes.layers import Spans, bin_field, carry_attrs, days_since, layer_spans
from altiflow.gridding.cubes.means.averages import mean_field, mid_date_share
from altiflow.gridding.cubes.medians import MAD_SCALE, median_of_valid
from altiflow.gridding.periods import Times, layer_bounds
from altiflow.readers.field import space_dims

__all__ = ["running_mean"]

Floats = npt.NDArray[np.float64]

_DAY = np.timedelta64(86_400_000_000_000, "ns")
_BIAS = "pairs are put where their middle is: what changes within their length is weaker than it was"


def running_mean(
    cube: xr.Dataset,
    *,
    step_days: float = 30.0,
    window_days: float = 60.0,
    min_pairs: int = 5,
    statistic: Literal["mean", "median"] = "mean",
) -> xr.Dataset:
    """Return the mean of the image pairs whose middle lies in a window, for windows that follow one another.

    Parameters
    ----------
    cube
        Cube (time, y, x) or series (time, point) of velocities, in memory, lazily stored, or of dask arrays.
    step_days, window_days
        Distance of the windows' middles, and their length [d]. The first one begins at midnight (UTC) of the day of
        the first pair's middle.
    min_pairs
        Windows with fewer pairs are NaN.
    statistic
        "mean" or "median", of each component, all pairs alike.

    Returns
    -------
    xarray.Dataset
        Checked field or series whose intervals are the windows (they overlap where `window_days` is longer than
        `step_days`): ``vx``, ``vy``, ``vx_sigma_empirical``, ``vy_sigma_empirical`` (of a median 1.2533 x 1.4826 MAD /
        sqrt(n)) and ``count``; of "mean" also what :func:`altiflow.weighted_mean` gives.

    Raises
    ------
    FieldError
        If the cube is no field of dated velocities.
    InputError
        If an argument means nothing.

    Notes
    -----
    An old way for intervals, see :func:`altiflow.gridding.mid_date_mean`.

    Examples
    --------
    >>> from altiflow.readers.field import build_field
    >>> start = np.datetime64("2020-01-01", "ns") + np.arange(12) * np.timedelta64(10, "D")
    >>> pairs = np.stack([start, start + np.timedelta64(12, "D")], axis=1)
    >>> vx = np.arange(12.0)[:, None, None] * np.ones((12, 2, 2))
    >>> cube = build_field(vx, vx, x=[0, 120], y=[0, 120], time_bnds=pairs, crs=3413, units="m/yr", year_days=365.25,
    ...                    velocity_metric="map", metric_source="user", source="example")
    >>> running_mean(cube).vx[:, 0, 0].values.tolist()
    [2.5, 5.5, 8.5, nan]
    """
    if not step_days > 0 or not window_days > 0:
        raise InputError(f"step_days and window_days must be above 0, got {step_days!r} and {window_days!r}")
    if statistic not in ("mean", "median"):
        raise InputError(f"statistic must be 'mean' or 'median', got {statistic!r}")
    if min_pairs < 1:
        raise InputError(f"min_pairs must be at least 1, got {min_pairs!r}")
    spans = layer_spans(cube)
    windows = _windows(cube, spans, step_days, window_days)
    told = {
        "time_method": f"running {statistic} of pairs by their middle",
        "bias": _BIAS,
        "step_days": float(step_days),
        "window_days": float(window_days),
    }
    step = f"running_mean(step_days={step_days}, window_days={window_days}, statistic={statistic!r})"
    if statistic == "mean":
        share = partial(mid_date_share, days_since(windows))
        return mean_field(cube, windows, share, by_variance=False, min_pairs=min_pairs, told=told, step=step)
    return _median_field(cube, spans, windows, min_pairs, carry_attrs(cube, step, told | {"min_pairs": min_pairs}))


def _windows(cube: xr.Dataset, spans: Spans, step: float, length: float) -> Times:
    """Return the windows (n, 2), as many as begin before or at the last middle."""
    edges = layer_bounds(cube)[spans.usable]
    middles = edges[:, 0] + (edges[:, 1] - edges[:, 0]) // 2
    first = middles.min().astype("datetime64[D]").astype("datetime64[ns]")
    count = int((middles.max() - first) / _DAY // step) + 1
    starts = first + np.round(np.arange(count) * step * 86_400e9).astype("timedelta64[ns]")
    return np.stack([starts, starts + np.timedelta64(round(length * 86_400e9), "ns")], axis=1)


def _median_field(cube: xr.Dataset, spans: Spans, windows: Times, min_pairs: int, attrs: dict[str, Any]) -> xr.Dataset:
    """Return the medians in the windows."""
    edges, dims, units = days_since(windows), space_dims(cube), str(cube.attrs["units"])
    order = np.flatnonzero(spans.usable)
    order = order[np.argsort(spans.centre[order], kind="stable")]
    bounds = np.searchsorted(spans.centre[order], edges, side="left")
    if not (bounds[:, 1] > bounds[:, 0]).any():
        raise NoOverlapError("no image pair has its middle in any window; make the windows longer")
    found = map_pixels(cube, _Medians(bounds, min_pairs), 5 * len(windows), order=order)
    parts = [found[place * len(windows) : (place + 1) * len(windows)] for place in range(5)]
    texts = {
        "vx": "velocity along x, median of image pairs",
        "vy": "velocity along y, median of image pairs",
        "vx_sigma_empirical": "standard error of vx, from the scatter of the pairs",
        "vy_sigma_empirical": "standard error of vy, from the scatter of the pairs",
    }
    variables: dict[str, Any] = {
        name: (("time", *dims), data, {"long_name": text, "units": units})
        for (name, text), data in zip(texts.items(), parts[:4], strict=True)
    }
    told = {"long_name": "image pairs in the median", "units": "1"}
    variables["count"] = (("time", *dims), parts[4].astype(np.int32), told)
    return bin_field(cube, windows, variables, attrs)


@dataclass(frozen=True)
class _Medians:
    """Medians of components, their errors, and numbers of pairs, (5 windows, pixels)."""

    bounds: npt.NDArray[np.intp]
    min_pairs: int

    def __call__(self, samples: Samples) -> Floats:
        """Return them for each pixel; layers come in order of their middles."""
        valid = samples.valid
        found = np.full((5, len(self.bounds), valid.shape[1]), np.nan)
        for window, (first, last) in enumerate(self.bounds):
            there = valid[first:last]
            count = there.sum(axis=0)
            enough = count >= self.min_pairs
            found[4, window] = count
            for place, velocity in enumerate((samples.vx[first:last], samples.vy[first:last])):
                middle = median_of_valid(velocity, there)
                spread = MAD_SCALE * median_of_valid(np.abs(velocity - middle), there)
                error = np.sqrt(np.pi / 2) * spread / np.sqrt(np.maximum(count, 1))
                found[place, window] = np.where(enough, middle, np.nan)
                found[2 + place, window] = np.where(enough & (count > 1), error, np.nan)
        return found.reshape(5 * len(self.bounds), -1)
