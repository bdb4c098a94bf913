"""Screens: which displacements are kept, how many each screen leaves out, and which small gaps are filled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from altiflow.tracking.compiled.medians import neighbour_medians
from altiflow.tracking.displacements import Offsets
from altiflow.tracking.matching.extras import require_numba
from altiflow.tracking.neighbours.gaps import fill_small_gaps
from altiflow.tracking.neighbours.masks import lonely_cells, residual_outliers, thin_parts
from altiflow.tracking.neighbours.outliers import coherent_cells, median_outliers, small_clumps
from altiflow.tracking.parameters import TrackParameters
from altiflow.tracking.status import AMBIGUOUS, FILLED, OUTLIER

__all__ = ["screen_offsets"]

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_SIGMA = 1.4826
"""Standard deviation of normal numbers over the median of their distances from the median."""
_ENOUGH = 6
"""A displacement with so many neighbours that were measured must agree with three that are kept."""


def screen_offsets(offsets: Offsets, parameters: TrackParameters = TrackParameters()) -> tuple[Offsets, dict[str, int]]:  # noqa: B008
    """Return displacements without those that are weak or disagree with their neighbours, small gaps filled.

    Parameters
    ----------
    offsets
        As :func:`altiflow.tracking.measure_offsets` gives them.
    parameters
        Of these, what says which are kept (`corr_min` to `min_clump`) and what is filled.

    Returns
    -------
    tuple
        The displacements, and how many each screen leaves out by its parameter, in order. Screens of single
        displacements see all of them (one may count twice), then those of neighbours all that are left, then `opening`
        and `min_clump` what is left of these.

    Raises
    ------
    InputError
        If the extra ``track`` is not installed.
    """
    require_numba()
    status, counts = offsets.status.copy(), dict[str, int]()
    dx, dy = (np.asarray(each, np.float64) for each in (offsets.dx, offsets.dy))
    measured = status == 0
    weak, odd = _weak(offsets, parameters), _odd(parameters, measured)
    for name, lacking in weak.items():
        counts[name] = int((lacking & measured).sum())
        status[lacking & measured] |= AMBIGUOUS
    left = status == 0
    seen = [np.where(left, each, np.nan) for each in (dx, dy)]
    for name, screen in odd.items():
        apart = screen(*seen) & left
        counts[name] = int(apart.sum())
        status[apart] |= OUTLIER
    for name, shape in _shapes(parameters).items():
        apart = shape(status == 0)
        counts[name] = int(apart.sum())
        status[apart] |= OUTLIER
    return _filled(replace(offsets, status=status), parameters), counts


def _weak(offsets: Offsets, parameters: TrackParameters) -> dict[str, Mask]:
    """Return where single displacements fall short, by parameter."""
    corr, lead, snr = (np.asarray(each, np.float64) for each in (offsets.corr, offsets.del_corr, offsets.snr))
    # A correlation of 1 is one of 0.99999999 as well: it excuses no lack of a lead.
    always = parameters.corr_always if parameters.corr_always < 1 else np.inf
    with np.errstate(invalid="ignore"):
        found = {
            "corr_min": ~(corr >= parameters.corr_min),
            "del_corr_min": ~((lead >= parameters.del_corr_min) | (corr >= always)),
            "snr_min": ~(snr >= parameters.snr_min),
        }
    if not parameters.snr_min:
        del found["snr_min"]
    return found


def _odd(parameters: TrackParameters, measured: Mask) -> dict[str, Callable[[Floats, Floats], Mask]]:
    """Return the screens that ask the neighbours, by parameter; `measured` tells where there was a match at all."""
    asked: dict[str, Callable[[Floats, Floats], Mask]] = {}
    threshold, tolerance, touching = parameters.median_threshold, parameters.tolerance, parameters.touching
    residual = parameters.residual_threshold
    if threshold is not None:
        asked["median_threshold"] = lambda dx, dy: median_outliers(dx, dy, threshold=threshold)
    if tolerance is not None:
        name = "coherence" if parameters.coherence_share is None else "coherence_share"
        asked[name] = lambda dx, dy: _alone(dx, dy, tolerance, measured)
    if touching is not None:
        asked["touching"] = lambda dx, dy: lonely_cells(dx, dy, tolerance=touching)
    if residual is not None:
        asked["residual_threshold"] = lambda dx, dy: residual_outliers(dx, dy, threshold=residual)
    return asked


def _shapes(parameters: TrackParameters) -> dict[str, Callable[[Mask], Mask]]:
    """Return the screens of the shape of what is kept, by parameter."""
    asked: dict[str, Callable[[Mask], Mask]] = {}
    if parameters.opening > 1:
        asked["opening"] = lambda kept: thin_parts(kept, width=parameters.opening)
    if parameters.min_clump > 1:
        asked["min_clump"] = lambda kept: small_clumps(kept, least=parameters.min_clump)
    return asked


def _alone(dx: Floats, dy: Floats, tolerance: float, measured: Mask) -> Mask:
    """Return True for displacements that hardly any of enough neighbours shares.

    Neighbours whose match is too weak to be kept count to those that are asked, and agree with nobody: between images
    that have nothing in common most matches are weak, and the few that are not would have nobody to contradict them.
    """
    enough = neighbour_medians(np.where(measured, 0.0, np.nan), 2)[2] >= _ENOUGH
    return np.asarray(enough & ~coherent_cells(dx, dy, tolerance=tolerance) & np.isfinite(dx))


def _filled(offsets: Offsets, parameters: TrackParameters) -> Offsets:
    """Return what is kept, small gaps filled with displacements, errors and their tie; the neighbours' spread adds."""
    kept = offsets.status == 0
    names = ("dx", "dy", "dx_error", "dy_error")
    values = [np.where(kept, np.asarray(getattr(offsets, name), np.float64), np.nan) for name in names]
    # Of the errors' correlation a median may be taken, of their covariance not.
    product = values[2] * values[3]
    tied = np.divide(offsets.dxy_covariance, product, out=np.full(kept.shape, np.nan), where=product > 0)
    values.append(np.where(kept, tied, np.nan))
    filled = np.zeros(kept.shape, bool)
    if parameters.fill_gaps:
        for n, each in enumerate(values):
            # An error that nobody knows is no gap.
            values[n], now = fill_small_gaps(each, largest=parameters.fill_gaps, fillable=~kept, how=parameters.filling)
            filled |= now if n < 2 else False
        for axis in (0, 1):
            spread = np.nan_to_num(_SIGMA * neighbour_medians(values[axis], 2)[1])
            values[axis + 2][filled] = np.hypot(values[axis + 2], spread)[filled]
    status = offsets.status.copy()
    status[filled] |= FILLED
    values[4] *= values[2] * values[3]
    dx, dy, dx_error, dy_error, covariance = (each.astype(np.float32) for each in values)
    chip = np.where(kept, offsets.chip, 0).astype(np.uint16)
    return replace(
        offsets,
        dx=dx,
        dy=dy,
        dx_error=dx_error,
        dy_error=dy_error,
        dxy_covariance=covariance,
        chip=chip,
        status=status,
        interpolated=filled,
    )
