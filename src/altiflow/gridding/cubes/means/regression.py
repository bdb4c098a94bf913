"""Regression: a line through the image pairs near a moment, again and again along time (LOWESS)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import InputError
from altiflow.gridding.cubes.blocks import Samples, map_pixels
from altiflow.gridding.cubes.layers import carry_attrs, days_since, layer_spans, space_coords
from altiflow.readers.field import check_field, check_series, space_dims

__all__ = ["lowess"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

_BIAS = "pairs are put where their middle is: what changes within their length is weaker than it was"

_GATHERED = 2**20
"""Most values that are gathered around moments at once."""


def lowess(
    cube: xr.Dataset,
    at: npt.ArrayLike,
    *,
    frac: float | None = None,
    span_days: float | None = None,
    iterations: int = 3,
) -> xr.Dataset:
    """Return the velocity at moments by robust local lines through the middles of image pairs.

    Parameters
    ----------
    cube
        Cube (time, y, x) or series (time, point) of velocities, in memory, lazily stored, or of dask arrays. It takes
        seconds for a pixel with ten thousand pairs.
    at
        Moments (n,), UTC, ascending.
    frac
        Share of a pixel's pairs that each line goes through, the nearest ones; 2/3 where `span_days` is not given.
    span_days
        Instead: length of time around the moment [d] whose pairs a line goes through.
    iterations
        Rounds in which pairs far from the curve lose weight.

    Returns
    -------
    xarray.Dataset
        Checked field or series of snapshots ("instant"): ``vx``, ``vy``, NaN outside of the first and last middle of a
        pixel and where fewer than two pairs of different middles have weight.

    Raises
    ------
    FieldError
        If the cube is no field of dated velocities.
    InputError
        If an argument means nothing, or both `frac` and `span_days` are given.

    Notes
    -----
    With the distance u in time over that of the farthest pair (or over half of `span_days`), pairs weigh
    ``(1 - u^3)^3``, times, from the second round on, ``(1 - (r / 6 s)^2)^2`` with their residual r and the median s of
    all absolute residuals (Cleveland 1979). An old way for intervals: long pairs are drawn where their middle is, and
    flatten what is seasonal; see :func:`altiflow.invert_displacements`.

    Examples
    --------
    A line stays a line, outlier or not:

    >>> from altiflow.readers.field import build_field
    >>> start = np.datetime64("2020-01-01", "ns") + np.arange(20) * np.timedelta64(10, "D")
    >>> pairs = np.stack([start, start + np.timedelta64(10, "D")], axis=1)
    >>> vx = np.arange(20.0)
    >>> vx[7] = 500.0
    >>> cube = build_field(vx[:, None, None] * np.ones((20, 2, 2)), np.ones((20, 2, 2)), x=[0, 120], y=[0, 120],
    ...                    time_bnds=pairs, crs=3413, units="m/yr", year_days=365.25, velocity_metric="map",
    ...                    metric_source="user", source="example")
    >>> lowess(cube, np.array(["2020-03-06"], "M8[ns]")).vx[0, 0, 0].item().__round__(6)
    6.0
    """
    spans, dims = layer_spans(cube), space_dims(cube)
    moments = _check(at, frac, span_days, iterations)
    curve = _Curve(
        centre=spans.centre[spans.usable],
        at=days_since(moments),
        share=2 / 3 if frac is None else float(frac),
        half=None if span_days is None else span_days / 2,
        iterations=int(iterations),
    )
    found = map_pixels(cube, curve, 2 * moments.size, order=np.flatnonzero(spans.usable))
    units = str(cube.attrs["units"])
    variables = {}
    for name, data in (("vx", found[: moments.size]), ("vy", found[moments.size :])):
        text = f"velocity along {name[1]}, by local lines through image pairs"
        variables[name] = (("time", *dims), data, {"long_name": text, "units": units})
    coords: dict[str, Any] = {"time": moments, "time_bnds": (("time", "nv"), np.stack([moments, moments], axis=1))}
    result = xr.Dataset(variables, coords=coords).assign_coords(space_coords(cube))
    told = {"time_method": "local regression of pairs by their middle", "bias": _BIAS, "iterations": int(iterations)}
    step = f"lowess(frac={frac}, span_days={span_days}, iterations={iterations})"
    result.attrs = carry_attrs(cube, step, told) | {"time_rule": "instant"}
    return check_series(result) if dims == ("point",) else check_field(result)


def _check(
    at: npt.ArrayLike, frac: float | None, span_days: float | None, iterations: int
) -> npt.NDArray[np.datetime64]:
    """Return the moments, if all arguments mean something."""
    try:
        moments = np.atleast_1d(np.asarray(at)).astype("datetime64[ns]")
    except (TypeError, ValueError) as error:
        raise InputError(f"at must hold moments (UTC, without a time zone): {error}") from error
    if moments.size == 0 or np.isnat(moments).any() or (np.diff(moments) < np.timedelta64(0)).any():
        raise InputError("at must hold at least one moment, dated and ascending")
    if frac is not None and span_days is not None:
        raise InputError("give frac or span_days, not both")
    if frac is not None and not 0 < frac <= 1:
        raise InputError(f"frac is a share above 0 up to 1, got {frac!r}")
    if span_days is not None and not span_days > 0:
        raise InputError(f"span_days must be above 0, got {span_days!r}")
    if iterations < 0:
        raise InputError(f"iterations must be 0 or more, got {iterations!r}")
    return moments


@dataclass(frozen=True)
class _Curve:
    """Local lines at moments, (2 moments, pixels)."""

    centre: Floats
    at: Floats
    share: float
    half: float | None
    iterations: int

    def __call__(self, samples: Samples) -> Floats:
        """Return vx, then vy."""
        valid = samples.valid
        found = np.full((2, self.at.size, valid.shape[1]), np.nan)
        for pixel in np.flatnonzero(valid.sum(axis=0) > 1):
            there = np.flatnonzero(valid[:, pixel])
            there = there[np.argsort(self.centre[there], kind="stable")]
            times = self.centre[there]
            inside = (self.at >= times[0]) & (self.at <= times[-1])
            for place, velocity in enumerate((samples.vx, samples.vy)):
                found[place, inside, pixel] = self._curve(times, velocity[there, pixel], self.at[inside])
        return found.reshape(2 * self.at.size, -1)

    def _curve(self, times: Floats, values: Floats, at: Floats) -> Floats:
        """Return the curve at moments; times (n,) ascend."""
        robust = np.ones(times.size)
        for _ in range(self.iterations):
            away = np.abs(values - self._lines(times, values, robust, times))
            away = np.where(np.isfinite(away), away, 0.0)
            scale = 6 * float(np.median(away))
            # A curve that goes through half of the pairs leaves no scale; the others are then outliers.
            limit = max(scale, 1e-9 * float(np.abs(values).max()))
            robust = np.maximum(1 - (away / limit) ** 2, 0.0) ** 2 if limit > 0 else robust
        return self._lines(times, values, robust, at)

    def _lines(self, times: Floats, values: Floats, robust: Floats, at: Floats) -> Floats:
        """Return the values of the local lines at moments."""
        first, last, reach = self._windows(times, at)
        found = np.full(at.size, np.nan)
        step = max(1, _GATHERED // max(int((last - first).max(initial=1)), 1))
        for start in range(0, at.size, step):
            some = slice(start, start + step)
            width = int((last[some] - first[some]).max())
            index = first[some, None] + np.arange(width)
            inside = index < last[some, None]
            index = np.minimum(index, times.size - 1)
            off = times[index] - at[some, None]
            share = np.divide(np.abs(off), reach[some, None], out=np.zeros(off.shape), where=reach[some, None] > 0)
            weights = np.where(inside, np.maximum(1 - share**3, 0.0) ** 3 * robust[index], 0.0)
            found[some] = _local_lines(off, values[index], weights)
        return found

    def _windows(self, times: Floats, at: Floats) -> tuple[Ints, Ints, Floats]:
        """Return first and last (excluded) of the times near each moment, and the distance at which weight ends."""
        if self.half is not None:
            first, last = (
                np.searchsorted(times, at - self.half, "left"),
                np.searchsorted(times, at + self.half, "right"),
            )
            return first, last, np.full(at.size, self.half)
        count = min(times.size, max(2, int(self.share * times.size + 1e-10)))
        starts = np.arange(times.size - count + 1)
        # The nearest `count` times begin where the one after them is farther than the first of them.
        middle = (times[starts[:-1]] + times[starts[:-1] + count]) / 2
        first = np.searchsorted(middle, at, side="left")
        reach = np.maximum(at - times[first], times[first + count - 1] - at)
        return first, first + count, reach


def _local_lines(off: Floats, values: Floats, weights: Floats) -> Floats:
    """Return where weighted lines through (n, k) points meet distance 0; NaN without two different distances."""
    total = weights.sum(axis=1)
    there = np.where(total > 0, total, np.nan)
    mean_off, mean = (weights * off).sum(axis=1) / there, (weights * values).sum(axis=1) / there
    centred = off - mean_off[:, None]
    square = (weights * centred**2).sum(axis=1)
    slope = (weights * centred * (values - mean[:, None])).sum(axis=1)
    # Below a millionth of a day squared, all pairs with weight have the same middle.
    known = square > 1e-12 * there
    return np.asarray(np.where(known, mean - slope / np.where(known, square, 1.0) * mean_off, np.nan))
