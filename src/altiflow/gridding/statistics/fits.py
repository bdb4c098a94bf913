"""Least squares in many cells at once: a straight line in time, with or without an annual wave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

__all__ = ["MAX_ROUNDS", "REJECT_BEYOND", "CellFits", "Noise", "fit_cells"]

Noise = Literal["white", "ar1"]
"""What the residuals are taken for: independent, or each correlated with the one before."""

REJECT_BEYOND = 3.0
"""Residuals further from their median than this many scaled MADs are outliers."""

MAX_ROUNDS = 10
"""Most rounds of rejection."""

_MAD_SCALE = 1.4826
"""Turns the median absolute deviation into the standard deviation of a normal distribution: 1 / Φ⁻¹(3/4)."""

_ROUNDING = 1e-12
"""Residuals below this share of the largest value are rounding, and no outliers."""

_SINGULAR = 1e-10
"""Least eigenvalue of the scaled normal matrix: below it, the times cannot tell the parameters apart."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class CellFits:
    """Fits of n cells, each (n,); NaN where there was too little to fit.

    Attributes
    ----------
    slope, slope_sigma
        Change per unit of time, and its standard error.
    intercept
        Value of the line at time 0.
    cosine, sine
        Coefficients of the annual wave; 0 without one.
    residual_std
        Standard deviation of the residuals, n-p degrees of freedom.
    lag1
        Correlation of the residuals of neighbouring layers.
    n_used, n_rejected
        Number of values in the fit, and of those rejected.
    """

    slope: Floats
    slope_sigma: Floats
    intercept: Floats
    cosine: Floats
    sine: Floats
    residual_std: Floats
    lag1: Floats
    n_used: Ints
    n_rejected: Ints


@dataclass(frozen=True)
class _Solution:
    """Coefficients (p, n) about the cells' mean time and value, their variances for unit variance, and residuals."""

    coefficients: Floats
    slope_variance: Floats
    residuals: Floats
    mean_time: Floats
    mean_value: Floats


def fit_cells(
    time: Floats,
    values: Floats,
    weights: Floats,
    *,
    wave: Floats | None = None,
    robust: bool = False,
    min_count: int = 3,
    noise: Noise = "white",
) -> CellFits:
    """Return weighted least-squares fits of values (t, n) against time (t,), one per column.

    Parameters
    ----------
    time
        Times (t,); the intercept is at 0.
    values
        Values (t, n); NaN is "none".
    weights
        Weights (t, n), such as 1/sigma²; values without a finite positive one are left out. Only their ratios
        within a cell matter.
    wave
        Phase (t,) [rad] of the annual wave; None fits none.
    robust
        Whether to reject outliers, see :func:`altiflow.gridding.statistics.trend`.
    min_count
        Least number of values in a fit.
    noise
        "ar1" widens slope_sigma for residuals that resemble their neighbours.

    Examples
    --------
    >>> found = fit_cells(np.arange(4.0), np.array([[1.0], [3.0], [5.0], [7.0]]), np.ones((4, 1)))
    >>> found.slope.round(9).tolist(), found.intercept.round(9).tolist()
    ([2.0], [1.0])
    """
    columns = [np.ones_like(time), time] + ([] if wave is None else [np.cos(wave), np.sin(wave)])
    valid = np.isfinite(values) & np.isfinite(weights) & (weights > 0)
    values, weights = np.where(valid, values, 0.0), np.where(valid, weights, 0.0)
    largest = weights.max(axis=0, initial=0.0)
    weights = np.divide(weights, largest, out=np.zeros_like(weights), where=largest > 0)
    used, solution = valid, _solve(columns, values, weights)
    if robust:
        used = _reject(columns, values, weights, solution)
        solution = _solve(columns, values, np.where(used, weights, 0.0))
    return _assess(solution, np.where(used, weights, 0.0), valid, max(min_count, len(columns) + 1), noise)


def _solve(columns: list[Floats], values: Floats, weights: Floats) -> _Solution:
    """Return the solution of the normal equations of each cell; NaN where they are singular.

    Time and values are taken from the cells' weighted means, so that heights of thousands of metres and years far
    from the epoch cost no digits.
    """
    total = weights.sum(axis=0)
    sure = np.where(total > 0, total, 1.0)
    mean_time = (weights * columns[1][:, None]).sum(axis=0) / sure
    mean_value = (weights * values).sum(axis=0) / sure
    centred = columns[1][:, None] - mean_time
    design = [columns[0][:, None], centred, *(column[:, None] for column in columns[2:])]
    count = len(design)
    normal, right = np.empty((total.size, count, count)), np.empty((total.size, count))
    for i, one in enumerate(design):
        right[:, i] = (weights * one * (values - mean_value)).sum(axis=0)
        for j in range(i, count):
            normal[:, i, j] = normal[:, j, i] = (weights * one * design[j]).sum(axis=0)
    inverse = _invert(normal)
    coefficients = np.einsum("nij,nj->in", inverse, right)
    residuals = values - mean_value - sum(c * column for c, column in zip(coefficients, design, strict=True))
    return _Solution(coefficients, inverse[:, 1, 1], np.asarray(residuals), mean_time, mean_value)


def _invert(normal: Floats) -> Floats:
    """Return the inverses of symmetric matrices (n, p, p), NaN where singular."""
    size = np.sqrt(np.einsum("nii->ni", normal))
    regular = (size > 0).all(axis=1)
    size = np.where(regular[:, None], size, 1.0)
    scale = size[:, :, None] * size[:, None, :]
    scaled = np.where(regular[:, None, None], normal / scale, np.eye(normal.shape[1]))
    regular &= np.linalg.eigvalsh(scaled)[:, 0] > _SINGULAR
    scaled[~regular] = np.eye(normal.shape[1])
    inverse = np.linalg.inv(scaled) / scale
    inverse[~regular] = np.nan
    return np.asarray(inverse)


def _reject(columns: list[Floats], values: Floats, weights: Floats, solution: _Solution) -> Bools:
    """Return which values (t, n) are no outliers, fitting again only the cells where the last round changed any."""
    valid = weights > 0
    used, residuals, cells = valid.copy(), solution.residuals, np.arange(values.shape[1])
    for _ in range(MAX_ROUNDS):
        root = np.sqrt(weights[:, cells])
        kept = _keep(residuals * root, valid[:, cells], used[:, cells], values[:, cells] * root)
        changed = (kept != used[:, cells]).any(axis=0)
        cells = cells[changed]
        if cells.size == 0:
            break
        used[:, cells] = kept[:, changed]
        residuals = _solve(columns, values[:, cells], np.where(used[:, cells], weights[:, cells], 0.0)).residuals
    return used


def _keep(scaled: Floats, valid: Bools, used: Bools, values: Floats) -> Bools:
    """Return which values (t, n) are no outliers: all are judged again, so that one rejected early may come back."""
    middle = _median(scaled, used)
    away = np.abs(scaled - middle)
    limit = REJECT_BEYOND * _MAD_SCALE * _median(away, used)
    limit = np.maximum(limit, _ROUNDING * np.abs(values).max(axis=0, initial=0.0))
    fitted = np.isfinite(limit)
    return np.asarray(np.where(fitted, valid & (away <= limit), used))


def _median(values: Floats, used: Bools) -> Floats:
    """Return the medians (n,) of the used values of each column; NaN where there is none."""
    count = used.sum(axis=0)
    ordered = np.sort(np.where(used, values, np.inf), axis=0)
    low = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0)[None], axis=0)[0]
    high = np.take_along_axis(ordered, np.minimum(count // 2, len(values) - 1)[None], axis=0)[0]
    found = np.full(count.shape, np.nan)
    found[count > 0] = (low[count > 0] + high[count > 0]) / 2
    return found


def _assess(solution: _Solution, weights: Floats, valid: Bools, min_count: int, noise: Noise) -> CellFits:
    """Return the fits with their errors, NaN where there were too few values or the times too alike."""
    used = weights > 0
    count, parameters = used.sum(axis=0), len(solution.coefficients)
    good = (count >= min_count) & np.isfinite(solution.coefficients).all(axis=0)
    freedom = np.where(good, count - parameters, 1)
    squares = np.where(used, weights * solution.residuals**2, 0.0).sum(axis=0)
    lag1 = _lag_correlation(solution.residuals * np.sqrt(weights), used)
    variance = solution.slope_variance * squares / freedom
    if noise == "ar1":
        alike = np.clip(lag1, 0.0, None)
        ratio = np.divide(1 + alike, 1 - alike, out=np.full(alike.shape, np.nan), where=alike < 1)
        variance = variance * np.where(np.isfinite(lag1), ratio, np.where(np.isnan(lag1), 1.0, np.nan))
    total = np.where(good, weights.sum(axis=0), 1.0)
    level, slope, *wave = (np.where(good, one, np.nan) for one in solution.coefficients)
    cosine, sine = wave or (np.where(good, 0.0, np.nan),) * 2
    return CellFits(
        slope=slope,
        slope_sigma=np.sqrt(np.where(good, variance, np.nan)),
        intercept=solution.mean_value + level - slope * solution.mean_time,
        cosine=cosine,
        sine=sine,
        residual_std=np.sqrt(np.where(good, squares / total * count / freedom, np.nan)),
        lag1=np.where(good, lag1, np.nan),
        n_used=count.astype(np.int64),
        n_rejected=(valid.sum(axis=0) - count).astype(np.int64),
    )


def _lag_correlation(residuals: Floats, used: Bools) -> Floats:
    """Return the correlation (n,), within -1 to 1, of residuals with those of the next layer; NaN without pairs."""
    both = used[1:] & used[:-1]
    here, there = np.where(both, residuals[:-1], 0.0), np.where(both, residuals[1:], 0.0)
    size = (here**2 + there**2).sum(axis=0) / 2
    return np.asarray(np.divide((here * there).sum(axis=0), size, out=np.full(size.shape, np.nan), where=size > 0))
