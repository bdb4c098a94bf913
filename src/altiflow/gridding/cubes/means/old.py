"""Old: ways to average image pairs that are in use and biased, under names that say what they do."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import InputError, NoOverlapError
from altiflow.gridding.cubes.blocks import Samples, map_pixels
from altiflow.gridding.cubes.layers import bin_dataset, carry_attrs, days_since, find_bins, layer_spans
from altiflow.gridding.cubes.means.averages import PairMeans, mean_field, mid_date_share, pair_means
from altiflow.readers.field import space_dims

__all__ = ["mean_of_speeds", "mid_date_mean"]

Floats = npt.NDArray[np.float64]

_OLD = (
    "pairs are put where their middle is, as if measured then: of a seasonal cycle, pairs of 32, 96, 180 and 365 days "
    "keep 0.99, 0.89, 0.65 and 0.00"
)
_RICE = (
    "a mean of speeds is too high by the noise: 1.25 sigma at rest; with sigma 187 and 228 m/yr and a true speed of "
    "10, 100, 500 m/yr it is 260, 276, 551, whatever the number of pairs"
)


def mid_date_mean(
    cube: xr.Dataset,
    periods: Any,
    *,
    weights: Literal["equal", "inverse_variance"] = "equal",
    min_pairs: int = 1,
    quiet: bool = True,
) -> xr.Dataset:
    """Return the mean of image pairs whose middle lies in each period: an old way, wrong where flow is seasonal.

    A pair is the mean over its interval, so that the cycle seen by pairs of length d is weaker by sinc(d / 1 yr),
    0.99 at 32 days and nothing at a year. Weights by variance make it worse, as long pairs have the small errors: of a
    true half-range of 286 m/yr (pairs of 16 to 365 days), equal weights leave 209 and inverse variances 51;
    :func:`altiflow.invert_displacements` finds it within 5 %. ``attrs["bias"]`` says so.

    Parameters
    ----------
    cube, periods, min_pairs, quiet
        As for :func:`weighted_mean`.
    weights
        "equal", or "inverse_variance" by the cube's sigmas.

    Returns
    -------
    xarray.Dataset
        As of :func:`weighted_mean`; a period is [start, end).

    Raises
    ------
    FieldError, InputError, NoOverlapError
        As of :func:`weighted_mean`.
    """
    if weights not in ("equal", "inverse_variance"):
        raise InputError(f"weights must be 'equal' or 'inverse_variance', got {weights!r}")
    bins = find_bins(cube, periods)
    told = {"time_method": "mean of pairs by their middle", "weights": weights, "bias": _OLD}
    step = f"mid_date_mean(weights={weights!r}, min_pairs={min_pairs})"
    share = partial(mid_date_share, days_since(bins))
    by_variance = weights == "inverse_variance"
    return mean_field(
        cube, bins, share, by_variance=by_variance, min_pairs=min_pairs, told=told, step=step, quiet=quiet
    )


def mean_of_speeds(cube: xr.Dataset, periods: Any, *, min_pairs: int = 1, quiet: bool = True) -> xr.Dataset:
    """Return the mean of the speeds of image pairs whose middle lies in each period: an old way, too high by the noise.

    The speed of a noisy vector is above the true one: at rest by 1.25 sigma (Rice), and no number of pairs takes that
    away. With sigma 187 and 228 m/yr and 20 pairs, a true speed of 10 m/yr gives 260 so, and 59 as the speed of the
    mean vector; 100 gives 276 and 112, 500 gives 551 and 502. Take ``hypot(vx, vy)`` of :func:`weighted_mean` instead.
    ``attrs["bias"]`` says so.

    Parameters
    ----------
    cube, periods, min_pairs, quiet
        As for :func:`weighted_mean`.

    Returns
    -------
    xarray.Dataset
        ``speed``, ``speed_of_mean`` (of the mean vector of the same pairs) and ``count`` in the periods. It has no
        components and is no velocity field.

    Raises
    ------
    FieldError, InputError, NoOverlapError
        As of :func:`weighted_mean`.
    """
    spans, bins, dims = layer_spans(cube), find_bins(cube, periods), space_dims(cube)
    if min_pairs < 1:
        raise InputError(f"min_pairs must be at least 1, got {min_pairs!r}")
    edges = days_since(bins)
    means = pair_means(spans, edges, partial(mid_date_share, edges), False, min_pairs)
    if not means.base.held.any():
        raise NoOverlapError(f"no image pair has its middle in {bins[0, 0]} to {bins[-1, 1]}; see periods")
    found = map_pixels(cube, _Speeds(means), 3 * len(bins), order=means.base.order, label="mean", quiet=quiet)
    parts = [found[place * len(bins) : (place + 1) * len(bins)] for place in range(3)]
    variables = {
        name: (("time", *dims), data, {"long_name": text, "units": unit})
        for data, (name, text, unit) in zip(
            (parts[0], parts[1], parts[2].astype(np.int32)),
            (
                ("speed", "mean of the speeds of image pairs", cube.attrs["units"]),
                ("speed_of_mean", "speed of the mean vector of the same pairs", cube.attrs["units"]),
                ("count", "image pairs in the mean", "1"),
            ),
            strict=True,
        )
    }
    told = {"time_method": "mean of speeds by the pairs' middle", "bias": f"{_RICE}; {_OLD}"}
    return bin_dataset(cube, bins, variables, carry_attrs(cube, f"mean_of_speeds(min_pairs={min_pairs})", told))


@dataclass(frozen=True)
class _Speeds:
    """Means of speeds, speeds of means and numbers of pairs (3 bins, pixels)."""

    means: PairMeans

    def __call__(self, samples: Samples) -> Floats:
        """Return them for each pixel."""
        bins = self.means.base.columns
        plain = self.means(Samples(samples.vx, samples.vy, None, None))
        speed = np.hypot(samples.vx, samples.vy)
        averaged = self.means(Samples(speed, speed, None, None))[:bins]
        return np.concatenate([averaged, np.hypot(plain[:bins], plain[bins : 2 * bins]), plain[6 * bins : 7 * bins]])
