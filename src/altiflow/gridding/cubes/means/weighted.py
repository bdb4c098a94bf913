"""Weighted: the mean velocity of a period of time from all image pairs that share time with it."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import InputError
from altiflow.gridding.cubes.layers import days_since, find_bins
from altiflow.gridding.cubes.means.averages import mean_field

__all__ = ["weighted_mean"]

Floats = npt.NDArray[np.float64]


def weighted_mean(
    cube: xr.Dataset,
    periods: Any,
    *,
    weights: Literal["overlap_variance", "overlap"] = "overlap_variance",
    min_overlap: float = 0.25,
    min_pairs: int = 1,
    quiet: bool = True,
) -> xr.Dataset:
    """Return the mean velocity in periods of time, of the image pairs that share time with each.

    Parameters
    ----------
    cube
        Cube (time, y, x) or series (time, point) of velocities, in memory, lazily stored, or of dask arrays.
    periods
        Bins of time: a length ("MS", "YS", "year"), edges, bins (n, 2), an IntervalIndex, or a gridded Dataset.
    weights
        "overlap_variance": ``w = (o / d) (o / p) / sigma^2`` with the overlap o of pair and period, the lengths d of
        the pair and p of the period, component by component. "overlap": ``w = o``.
    min_overlap
        Pairs that have less than this share of their length in the period are no part of its mean.
    min_pairs
        Means of fewer pairs are NaN.
    quiet
        Show no progress bar.

    Returns
    -------
    xarray.Dataset
        Checked field or series in the periods: ``vx``, ``vy``; ``vx_sigma``, ``vy_sigma`` (formal, pairs taken as
        independent) where the cube has sigmas; ``vx_sigma_empirical``, ``vy_sigma_empirical`` (from the weighted
        scatter, NaN for a single pair); ``count``; ``overlap_days``; ``mean_time_offset`` and ``mean_separation``
        [d], which tell what interval the mean stands for.

    Raises
    ------
    FieldError
        If the cube is no field of dated velocities.
    InputError
        If weights by variance are asked for and the cube has no sigmas, or an argument means nothing.
    NoOverlapError
        If no pair shares enough time with any period.

    Notes
    -----
    With the weights w of the n pairs::

        v = sum(w v) / sum(w)            sigma = sqrt(sum(w^2 s^2)) / sum(w)
        empirical sigma = sqrt((sum(w (v_i - v)^2) / sum(w)) / (m - 1)),   m = sum(w)^2 / sum(w^2)

    A mean of long pairs has lost what is shorter than they are (a seasonal cycle, above all);
    :func:`altiflow.invert_displacements` has not.

    Examples
    --------
    The pair that is all inside weighs more than the one that is half inside, by (1 x 10/31) to (0.5 x 10/31):

    >>> from altiflow.readers.field import build_field
    >>> pairs = np.array([["2020-01-05", "2020-01-15"], ["2019-12-22", "2020-01-11"]], "M8[ns]")
    >>> v = np.array([90.0, 60.0])[:, None, None] * np.ones((2, 2, 2))
    >>> cube = build_field(v, v, x=[0, 120], y=[0, 120], time_bnds=pairs, crs=3413, units="m/yr", year_days=365.25,
    ...                    velocity_metric="map", metric_source="user", source="example", vx_sigma=np.ones(2),
    ...                    vy_sigma=np.ones(2))
    >>> mean = weighted_mean(cube, ["2020-01-01", "2020-02-01"])
    >>> mean.vx[0, 0, 0].item(), mean.overlap_days[0, 0, 0].item()
    (80.0, 20.0)
    """
    if weights not in ("overlap_variance", "overlap"):
        raise InputError(f"weights must be 'overlap_variance' or 'overlap', got {weights!r}")
    if not 0 <= min_overlap <= 1:
        raise InputError(f"min_overlap is a share from 0 to 1, got {min_overlap!r}")
    bins = find_bins(cube, periods)
    edges = days_since(bins)
    share = partial(_overlap_share, edges, min_overlap, weights == "overlap_variance")
    told = {"time_method": "mean weighted by overlap", "weights": weights, "min_overlap": float(min_overlap)}
    step = f"weighted_mean(weights={weights!r}, min_overlap={min_overlap}, min_pairs={min_pairs})"
    by_variance = weights == "overlap_variance"
    return mean_field(
        cube, bins, share, by_variance=by_variance, min_pairs=min_pairs, told=told, step=step, quiet=quiet
    )


def _overlap_share(edges: Floats, least: float, squared: bool, start: Floats, end: Floats) -> Floats:
    """Return the weight (n, bins) of each interval in each bin, before its sigma."""
    shared = np.minimum(end[:, None], edges[:, 1]) - np.maximum(start[:, None], edges[:, 0])
    shared = np.maximum(shared, 0.0)
    part = shared / (end - start)[:, None]
    weight = part * (shared / (edges[:, 1] - edges[:, 0])) if squared else shared
    return np.where(part >= least, weight, 0.0)
