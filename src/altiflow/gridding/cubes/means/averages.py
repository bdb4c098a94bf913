"""Averages: weighted means over time bins of all pixels at once, with formal and empirical errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import InputError, NoOverlapError
from altiflow.gridding.cubes.blocks import Samples, map_pixels
from altiflow.gridding.cubes.inversion.normals import Rows, slice_rows, sum_rows
from altiflow.gridding.cubes.layers import (
    Spans,
    bin_field,
    carry_attrs,
    count_without_sigma,
    days_since,
    has_sigmas,
    layer_spans,
)
from altiflow.gridding.periods import Times
from altiflow.readers.field import space_dims

__all__ = ["PairMeans", "Share", "mean_field", "mid_date_share", "pair_means"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Share = Callable[[Floats, Floats], Floats]
"""Weights (n, bins) of intervals, given by starts and ends (n,) in days since 2000-01-01, before their sigmas."""

_TEXTS = {
    "vx": "velocity along x, mean over image pairs",
    "vy": "velocity along y, mean over image pairs",
    "vx_sigma": "standard error of vx, from those of the pairs",
    "vy_sigma": "standard error of vy, from those of the pairs",
    "vx_sigma_empirical": "standard error of vx, from the scatter of the pairs",
    "vy_sigma_empirical": "standard error of vy, from the scatter of the pairs",
    "count": "image pairs in the mean",
    "count_without_sigma": "image pairs of the period left out as they have no standard error",
    "overlap_days": "days that these pairs share with the period, summed over pairs",
    "mean_time_offset": "weighted mean of the pairs' middles, less the middle of the period",
    "mean_separation": "weighted mean of the pairs' lengths",
}


_COUNTS = ("count", "count_without_sigma")


def mid_date_share(edges: Floats, start: Floats, end: Floats) -> Floats:
    """Return 1 where the middle of an interval lies in a bin, else 0, (n, bins)."""
    middle = (start + (end - start) / 2)[:, None]
    return ((middle >= edges[:, 0]) & (middle < edges[:, 1])).astype(np.float64)


def mean_field(
    cube: xr.Dataset,
    bins: Times,
    share: Share,
    *,
    by_variance: bool,
    min_pairs: int,
    told: dict[str, Any],
    step: str,
    quiet: bool = True,
) -> xr.Dataset:
    """Return means over bins, whose weights before the sigmas are `share` of starts and ends, (n, bins)."""
    spans, dims = layer_spans(cube), space_dims(cube)
    if min_pairs < 1:
        raise InputError(f"min_pairs must be at least 1, got {min_pairs!r}")
    known = has_sigmas(cube)
    if by_variance and not known:
        raise InputError("the cube has no vx_sigma and vy_sigma to weigh by; choose the weights without variance")
    means = pair_means(spans, days_since(bins), share, by_variance, min_pairs)
    if not means.base.held.any():
        raise NoOverlapError(f"no image pair is part of a mean from {bins[0, 0]} to {bins[-1, 1]}; see periods")
    count = len(bins)
    found = map_pixels(cube, means, len(_TEXTS) * count, order=means.base.order, label="mean", quiet=quiet)
    variables = {}
    for place, (name, text) in enumerate(_TEXTS.items()):
        if name in ("vx_sigma", "vy_sigma") and not known:
            continue
        data = found[place * count : (place + 1) * count]
        unit = "1" if name in _COUNTS else "days" if name[0] in "mo" else str(cube.attrs["units"])
        data = data.astype(np.int32) if name in _COUNTS else data
        variables[name] = (("time", *dims), data, {"long_name": text, "units": unit})
    figures = {
        "min_pairs": int(min_pairs),
        "layers": int(spans.usable.size),
        "layers_without_length": int((~spans.usable).sum()),
        "layers_outside": int((~means.base.held).sum()),
    }
    figures |= count_without_sigma(cube) if by_variance else {}
    return bin_field(cube, bins, variables, carry_attrs(cube, step, told | figures))


@dataclass(frozen=True)
class PairMeans:
    """Means of each pixel over bins, as a computation for :func:`altiflow.gridding.cubes.blocks.map_pixels`.

    Attributes
    ----------
    base, squares
        Weights of pairs in bins before their sigmas, and the squares of these.
    meetings
        For each pair and bin whether it has weight, then the days that they share.
    moments
        The weight times the pair's middle less that of the bin, then times its length [d].
    by_variance
        Whether pairs weigh by the inverse of their variance.
    min_pairs
        Fewest pairs of a mean.
    """

    base: Rows
    squares: Rows
    meetings: Rows
    moments: Rows
    by_variance: bool
    min_pairs: int

    def __call__(self, samples: Samples) -> Floats:
        """Return what ``_TEXTS`` lists, (11 bins, pixels)."""
        valid, bins = samples.valid, self.base.columns
        there, variances, precisions = valid.copy(), [], []
        for sigma in (samples.vx_sigma, samples.vy_sigma):
            variance = np.full((1, 1), np.nan) if sigma is None else sigma**2
            good = np.isfinite(variance) & (variance > 0)
            precision = np.divide(1.0, variance, out=np.zeros(variance.shape), where=good)
            variances.append(variance)
            precisions.append(precision if self.by_variance else np.ones((1, 1)))
            valid &= good if self.by_variance else True
        met = sum_rows(self.meetings, valid.astype(np.float64))
        lacking = sum_rows(self.meetings, (there & ~valid).astype(np.float64))[:bins]
        enough = met[:bins] >= self.min_pairs
        values, formal, scatter = [], [], []
        total, moments = np.zeros((bins, valid.shape[1])), np.zeros((2 * bins, valid.shape[1]))
        for velocity, variance, precision in zip((samples.vx, samples.vy), variances, precisions, strict=True):
            weight = valid * precision
            mean, empirical, weights = self._scatter(velocity, valid, weight)
            values.append(np.where(enough, mean, np.nan))
            formal.append(np.where(enough, self._formal(valid, weight, variance) / weights, np.nan))
            scatter.append(np.where(enough, empirical, np.nan))
            total += np.where(enough, weights, 0.0)
            moments += sum_rows(self.moments, weight)
        moments /= np.tile(np.where(enough, total, np.nan), (2, 1))
        return np.concatenate([*values, *formal, *scatter, met[:bins], lacking, met[bins:], moments])

    def _formal(self, valid: Bools, weight: Floats, variance: Floats) -> Floats:
        """Return ``sqrt(sum(w^2 s^2))`` (bins, pixels); NaN where a pair of the mean has no sigma."""
        known = np.isfinite(variance)
        lacking = valid & ~known
        spread = np.sqrt(sum_rows(self.squares, np.where(valid, weight**2 * np.where(known, variance, 0.0), 0.0)))
        if not lacking.any():
            return spread
        return np.where(sum_rows(self.base, lacking.astype(np.float64)) > 0, np.nan, spread)

    def _scatter(self, velocity: Floats, valid: Bools, weight: Floats) -> tuple[Floats, Floats, Floats]:
        """Return weighted means, their empirical standard errors, and sums of weights, each (bins, pixels)."""
        # Differences from one value of the pixel, so that slow changes of fast ice cost no figures.
        first = np.take_along_axis(velocity, valid.argmax(axis=0)[None], axis=0)[0]
        away = np.where(valid, velocity - first, 0.0)
        total, squared = sum_rows(self.base, weight), sum_rows(self.squares, weight**2)
        there = np.where(total > 0, total, np.nan)
        mean = sum_rows(self.base, weight * away) / there
        variance = np.maximum(sum_rows(self.base, weight * away**2) / there - mean**2, 0.0)
        freedom = there**2 / np.where(total > 0, squared, np.nan) - 1
        error = np.sqrt(np.divide(variance, freedom, out=np.full(freedom.shape, np.nan), where=freedom > 1e-9))
        return mean + first, error, there


def pair_means(spans: Spans, edges: Floats, share: Share, by_variance: bool, min_pairs: int) -> PairMeans:
    """Return the computation of the means."""
    bins, middle = len(edges), edges.mean(axis=1)

    def base(start: Floats, end: Floats) -> tuple[Floats, Bools]:
        part = share(start, end)
        return part, np.asarray(part.any(axis=1))

    def squares(start: Floats, end: Floats) -> tuple[Floats, Bools]:
        part, held = base(start, end)
        return part**2, held

    def meetings(start: Floats, end: Floats) -> tuple[Floats, Bools]:
        part, held = base(start, end)
        shared = np.minimum(end[:, None], edges[:, 1]) - np.maximum(start[:, None], edges[:, 0])
        there = part > 0
        return np.concatenate([there.astype(float), np.where(there, shared, 0.0)], axis=1), held

    def moments(start: Floats, end: Floats) -> tuple[Floats, Bools]:
        part, held = base(start, end)
        off = ((start + end) / 2)[:, None] - middle
        return np.concatenate([part * off, part * (end - start)[:, None]], axis=1), held

    return PairMeans(
        base=slice_rows(spans, base, bins),
        squares=slice_rows(spans, squares, bins),
        meetings=slice_rows(spans, meetings, 2 * bins),
        moments=slice_rows(spans, moments, 2 * bins),
        by_variance=by_variance,
        min_pairs=min_pairs,
    )
