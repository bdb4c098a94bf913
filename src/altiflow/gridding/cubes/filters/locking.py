"""Locking: image pairs too far apart in time to follow the ice, which stay with what does not move."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import InputError
from altiflow.gridding.cubes.blocks import Samples, map_pixels
from altiflow.gridding.cubes.filters.outliers import keep_values
from altiflow.gridding.cubes.layers import layer_spans
from altiflow.gridding.cubes.medians import MAD_SCALE, middle_of
from altiflow.readers.field import space_dims

__all__ = ["SEPARATION_CLASSES", "reject_locked"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.intp]

SEPARATION_CLASSES = (16.0, 32.0, 64.0, 128.0, 256.0)
"""Longest separation of each class of pairs [d]; one more class holds all that are longer."""

_NODE = 91.3125
"""The level of shorter pairs is taken every quarter of a year [d]."""

_MEDIAN_ERROR = math.sqrt(math.pi / 2)
"""Standard error of a median over that of a mean, for normal errors."""


def reject_locked(
    cube: xr.Dataset,
    *,
    classes: Sequence[float] = SEPARATION_CLASSES,
    min_ratio: float = 0.5,
    significance: float = 5.0,
    min_pairs: int = 5,
    window_days: float = 365.25,
    quiet: bool = True,
) -> xr.Dataset:
    """Return the cube or series without the pairs that are too long, pixel by pixel, to have followed the ice.

    Where ice is fast or its surface changes, the matching of two images far apart in time locks on to what does not
    move, or skips to a like feature nearby: long pairs then give a small velocity, and with a small formal error.

    Parameters
    ----------
    cube
        Cube (time, y, x) or series (time, point) of velocities, in memory, lazily stored, or of dask arrays.
    classes
        Longest separation of each class [d], ascending; one more class holds all longer pairs.
    min_ratio
        A class is locked if its velocity along the flow is below this share of that of the shorter pairs ...
    significance
        ... and below it by this many standard errors of the difference.
    min_pairs
        Fewest pairs by which a class, or a level of the shorter pairs, is judged.
    window_days
        The level of the shorter pairs at a time is their median within half this window [d]; a year takes the seasons
        out.
    quiet
        Show no progress bar.

    Returns
    -------
    xarray.Dataset
        Values of the first locked class and of all longer pairs are NaN. ``max_separation`` is the longest trusted
        separation of each pixel [d], infinite where no class is locked and NaN where there are no values;
        ``n_locked`` counts the values taken.

    Raises
    ------
    FieldError
        If the cube is no field of dated velocities.
    InputError
        If an argument means nothing.

    Notes
    -----
    In each pixel the shortest class (or as many as have `min_pairs`) is trusted, and gives the direction of flow: its
    median vector. Then class by class, p is the component of its pairs along the flow and r the level of the trusted
    pairs *of the same time*, so that slow pairs of slow years are not taken for locked ones. The class is locked if::

        median(p - r) < -(1 - min_ratio) median(r)   and
        median(p - r) < -significance 1.2533 sqrt(S_p^2 / n_p + S_r^2 / n_r)

    with S 1.4826 times the median absolute deviation of p - r of the class and of the trusted pairs; otherwise it is
    trusted too. A class without enough pairs at times with a level is not judged and passes. r is taken times the share
    of the months of the long pair that trusted pairs of any year have seen: where short pairs are of the summer only,
    the rest of the year may be slow, down to rest. So what is only attenuated (seasons in long pairs) is above the
    ratio. Where short pairs are noise, nothing differs significantly: slow ice
    keeps its long pairs, which are its best. A faster class is never locked: at slow ice short pairs are the ones that
    stick to zero. ITS_LIVE's composites have such a limit for each pixel too (``dt_max``).

    Examples
    --------
    >>> from altiflow.readers.field import build_field
    >>> days = np.repeat([16, 400], 20) * np.timedelta64(1, "D")
    >>> start = np.datetime64("2020-01-01", "ns") + np.tile(np.arange(20) * 12, 2) * np.timedelta64(1, "D")
    >>> rng = np.random.default_rng(1)
    >>> vx = np.repeat([5000.0, 300.0], 20)[:, None, None] + rng.normal(0, 50, (40, 2, 2))
    >>> cube = build_field(vx, np.zeros((40, 2, 2)), x=[0, 120], y=[0, 120], time_bnds=np.stack([start, start + days],
    ...                    axis=1), crs=3413, units="m/yr", year_days=365.25, velocity_metric="map",
    ...                    metric_source="user", source="example")
    >>> clean = reject_locked(cube)
    >>> clean.max_separation[0, 0].item(), clean.n_locked[0, 0].item(), round(clean.vx.mean().item() / 5000, 1)
    (256.0, 20, 1.0)
    """
    limits = np.asarray(classes, dtype=np.float64)
    if limits.ndim != 1 or limits.size == 0 or not (np.diff(limits, prepend=0.0) > 0).all():
        raise InputError(f"classes must be ascending separations above 0 days, got {classes!r}")
    if not 0 < min_ratio < 1:
        raise InputError(f"min_ratio is a share between 0 and 1, got {min_ratio!r}")
    if not significance > 0 or not window_days > 0 or min_pairs < 2:
        raise InputError(
            f"significance and window_days must be above 0 and min_pairs at least 2, got {significance!r}, "
            f"{window_days!r}, {min_pairs!r}"
        )
    spans = layer_spans(cube)
    of_class = np.searchsorted(limits, spans.days, side="left").astype(np.intp)
    months = _months(spans.start, spans.end)
    judge = _Judge(spans.centre, of_class, months, limits, min_ratio, significance, min_pairs, window_days)
    found = map_pixels(cube, judge, 1, label="locked pairs", quiet=quiet)
    longest = xr.DataArray(found[0], dims=space_dims(cube))
    days = xr.DataArray(np.where(spans.usable, spans.days, np.inf), dims="time")
    kept = (days <= longest).transpose("time", *longest.dims)
    step = f"reject_locked(min_ratio={min_ratio}, significance={significance}, classes={tuple(limits.tolist())})"
    result = keep_values(cube, kept.data, "n_locked", "values of pairs too long to be trusted", step)
    told = {"long_name": "longest trusted separation of image pairs", "units": "days"}
    result["max_separation"] = longest.assign_attrs(told)
    return result


@dataclass(frozen=True)
class _Judge:
    """The longest trusted separation (1, pixels)."""

    centre: Floats
    of_class: Ints
    months: Bools
    limits: Floats
    min_ratio: float
    significance: float
    min_pairs: int
    window_days: float

    def __call__(self, samples: Samples) -> Floats:
        """Return it for each pixel."""
        valid = samples.valid
        found = np.full((1, valid.shape[1]), np.nan)
        for pixel in np.flatnonzero(valid.any(axis=0)):
            there = np.flatnonzero(valid[:, pixel])
            there = there[np.argsort(self.centre[there], kind="stable")]
            found[0, pixel] = self._longest(there, samples.vx[there, pixel], samples.vy[there, pixel])
        return found

    def _longest(self, layers: Ints, vx: Floats, vy: Floats) -> float:
        """Return the longest trusted separation of one pixel, its values in order of time."""
        classes, centre = self.of_class[layers], self.centre[layers]
        enough = np.flatnonzero(np.cumsum(np.bincount(classes)) >= self.min_pairs)
        if enough.size == 0:
            return math.inf
        trusted = classes <= enough[0]
        flow = np.array([middle_of(vx[trusted]), middle_of(vy[trusted])])
        speed = float(np.hypot(*flow))
        if speed == 0:
            return math.inf
        along = (vx * flow[0] + vy * flow[1]) / speed
        for one in range(enough[0] + 1, self.limits.size + 1):
            members = classes == one
            if members.any() and self._is_locked(centre, along, self.months[layers], members, trusted):
                return float(self.limits[one - 1])
            trusted = trusted | members
        return math.inf

    def _is_locked(self, centre: Floats, along: Floats, months: Bools, members: Bools, trusted: Bools) -> bool:
        """Return whether the members lag behind what the trusted pairs of their time let expect at least."""
        both = members | trusted
        level = np.full(along.size, np.nan)
        level[both] = self._levels(centre[both], centre[trusted], along[trusted])
        known = np.isfinite(level)
        seen = months[trusted].any(axis=0)
        least = level * (months & seen).sum(axis=1) / np.maximum(months.sum(axis=1), 1)
        lag, spread = (along - least)[members & known], (along - level)[trusted & known]
        if lag.size < self.min_pairs or spread.size < self.min_pairs:
            return False
        middle = middle_of(lag)
        error = _MEDIAN_ERROR * math.sqrt(_spread(lag) ** 2 / lag.size + _spread(spread) ** 2 / spread.size)
        expected = middle_of(least[members & known])
        return middle < -(1 - self.min_ratio) * expected and middle < -self.significance * error

    def _levels(self, at: Floats, times: Floats, values: Floats) -> Floats:
        """Return the median of values around each time; NaN where there are too few. Times ascend."""
        nodes, node = np.unique(np.round(at / _NODE), return_inverse=True)
        edges = nodes * _NODE + np.array([[-0.5], [0.5]]) * self.window_days
        level = np.full(nodes.size, np.nan)
        for place, (first, last) in enumerate(np.searchsorted(times, edges).T):
            if last - first >= self.min_pairs:
                level[place] = middle_of(values[first:last])
        return level[node]


def _months(start: Floats, end: Floats) -> Bools:
    """Return which twelfths of the year intervals [start, end] meet (n, 12); days since 2000-01-01."""
    month = 365.25 / 12
    first, last = np.floor(start / month), np.floor(end / month)
    ahead = (np.arange(12) - first[:, None]) % 12
    return np.asarray(ahead <= (last - first)[:, None])


def _spread(values: Floats) -> float:
    """Return the standard deviation of normal values, from their median absolute deviation."""
    return MAD_SCALE * middle_of(np.abs(values - middle_of(values)))
