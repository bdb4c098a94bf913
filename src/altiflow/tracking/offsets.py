"""Displacements between two images, on a lattice of cells: their value, and the call that finds them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from altiflow.errors import InputError
from altiflow.tracking.matching.extras import one_thread_each, require_numba
from altiflow.tracking.matching.frames import Pair
from altiflow.tracking.matching.outliers import coherent_cells, fill_small_gaps, median_outliers, small_clumps
from altiflow.tracking.matching.plans import Found, Plan
from altiflow.tracking.matching.stages import NEAR, WALKS, Stages
from altiflow.tracking.parameters import TrackParameters
from altiflow.tracking.status import AMBIGUOUS, EDGE, FILLED, OUTLIER, STATUS

__all__ = ["STATUS", "Offsets", "track_offsets"]

Floats = npt.NDArray[np.float64]
Images = npt.NDArray[Any]

_SIGMA = 1.4826
"""Standard deviation of normal numbers over the median of their distances from the median."""
_ENOUGH = 6
"""A displacement with so many neighbours must agree with three of them."""


@dataclass(frozen=True)
class Offsets:
    """Displacements of image 2 against image 1, on a lattice of (rows, cols) cells.

    Attributes
    ----------
    row, column
        Centres of the chips in pixel coordinates (rows,), (cols,): the centre of the first pixel is 0, so a chip of 20
        about the corner of four pixels lies at a half.
    dx, dy
        Where a chip of image 1 is found in image 2, less where it was [px]: right and down are positive; NaN without.
    dx_error, dy_error
        1-sigma of these [px].
    corr
        Normalised correlation of the chip with its match, -1 to 1.
    del_corr
        Its lead over the best correlation outside the 7 x 7 displacements about it, in the window that was searched and
        (every second displacement) within 7 px of the match; NaN where one within 7 px correlates better.
    chip
        Width of the chip that was chosen [px]; 0 without.
    radius
        Displacements that were looked through about the prior, or in all [px].
    status
        Flags, see :data:`STATUS`.
    interpolated
        True where the displacement comes from neighbours.
    snr
        Correlation over the root mean square of those at every second displacement within 7 px, without the 7 x 7 about
        it; NaN where `del_corr` is, or where nothing was looked at there.
    dxy_covariance
        Covariance of the errors of dx and dy [px²]; NaN without.
    """

    row: Floats
    column: Floats
    dx: npt.NDArray[np.float32]
    dy: npt.NDArray[np.float32]
    dx_error: npt.NDArray[np.float32]
    dy_error: npt.NDArray[np.float32]
    corr: npt.NDArray[np.float32]
    del_corr: npt.NDArray[np.float32]
    chip: npt.NDArray[np.uint16]
    radius: npt.NDArray[np.uint16]
    status: npt.NDArray[np.uint8]
    interpolated: npt.NDArray[np.bool_]
    snr: npt.NDArray[np.float32]
    dxy_covariance: npt.NDArray[np.float32]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the lattice."""
        return self.row.size, self.column.size


def lattice_centres(size: int, spacing: int) -> Floats:
    """Return the centres of chips along an axis of `size` pixels (n,), in pixel coordinates.

    Cells of `spacing` pixels tile the image from its first pixel, so the lattice has the corner of the image. The
    centre of an even chip is the corner of a pixel: in cells of an odd width it lies half a pixel before the middle.

    Examples
    --------
    >>> lattice_centres(65, 20).tolist()
    [9.5, 29.5, 49.5]
    """
    return _middles(size, spacing).astype(np.float64) - 0.5


def track_offsets(
    first: Images,
    second: Images,
    *,
    valid_first: npt.NDArray[np.bool_] | None = None,
    valid_second: npt.NDArray[np.bool_] | None = None,
    parameters: TrackParameters = TrackParameters(),  # noqa: B008
    prior: tuple[Floats, Floats] | None = None,
    prior_radius: int | npt.NDArray[Any] | None = None,
    quiet: bool = True,
) -> Offsets:
    """Return the displacements that carry image 1 into image 2.

    Parameters
    ----------
    first, second
        Images (rows, cols) of one shape, of any number type; NaN is nodata.
    valid_first, valid_second
        False where a pixel is nodata (rows, cols).
    parameters
        How to look.
    prior
        Displacements (dx, dy) on the output lattice [px] to look about; where they are NaN, the whole radius is
        searched.
    prior_radius
        How far from the prior to look [px], everywhere or in each cell, and no farther; None, and 0 in a cell of an
        array, is 3 px that may be left where the best match lies on the rim or the neighbours say so.
    quiet
        Show no progress bar.

    Raises
    ------
    InputError
        If shapes differ, an image is not two-dimensional or not of numbers, it is smaller than a chip or a cell, or
        the prior is not on the lattice.
    """
    require_numba()
    _check_images(first, second, valid_first, valid_second, parameters)
    middles = _middles(first.shape[0], parameters.spacing), _middles(first.shape[1], parameters.spacing)
    shape = middles[0].size, middles[1].size
    plan, lost = _plan(shape, first.shape, parameters, prior, prior_radius)
    pair = Pair(first, second, valid_first, valid_second, parameters)
    with one_thread_each():
        found = Stages(pair, middles, plan, parameters.threads or _cpus(), quiet=quiet).run()
    found.status[lost], found.fine[lost], found.chip[lost] = EDGE, np.nan, 0
    return _finished(found, plan, middles, parameters)


def _middles(size: int, spacing: int) -> npt.NDArray[np.int32]:
    """Return the pixels behind the middles of chips along an axis (n,)."""
    return (np.arange(size // spacing) * spacing + spacing // 2).astype(np.int32)


def _cpus() -> int:
    """Return how many threads this process may run at a time."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _check_images(
    first: Images, second: Images, valid_first: Images | None, valid_second: Images | None, parameters: TrackParameters
) -> None:
    """Raise InputError unless two images can be compared."""
    for name, image in (("first", first), ("second", second)):
        if not isinstance(image, np.ndarray) or image.ndim != 2 or image.dtype.kind not in "uif":
            told = (
                f"{image.ndim}-dimensional of {image.dtype}" if isinstance(image, np.ndarray) else type(image).__name__
            )
            raise InputError(f"{name} is {told}; use an array (rows, cols) of whole or real numbers")
        if isinstance(image, np.ma.MaskedArray):
            raise InputError(f"{name} is a masked array; give its data, and valid_{name} where its mask is False")
    for name, valid in (("valid_first", valid_first), ("valid_second", valid_second)):
        if valid is not None and (valid.dtype != bool or valid.shape != first.shape):
            raise InputError(f"{name} is {valid.shape} of {valid.dtype}; use {first.shape} of bool, as the images are")
    if first.shape != second.shape:
        raise InputError(f"the images are {first.shape} and {second.shape}; cut both to what they have in common")
    least = max(parameters.chip + 1, parameters.spacing)
    if min(first.shape) < least:
        raise InputError(
            f"the images are {first.shape}, and chip={parameters.chip} with spacing={parameters.spacing} needs {least} "
            "pixels along each axis; use a smaller chip or spacing"
        )


def _plan(
    shape: tuple[int, int],
    size: tuple[int, ...],
    parameters: TrackParameters,
    prior: tuple[Floats, Floats] | None,
    prior_radius: int | npt.NDArray[Any] | None,
) -> tuple[Plan, npt.NDArray[np.bool_]]:
    """Return where to look, and True for cells whose prior lies outside any image of this size."""
    plan = Plan.about(shape, radius=parameters.reach, reach=parameters.reach, walks=0)
    lost = np.zeros(shape, bool)
    if prior is None:
        if prior_radius is not None:
            raise InputError("prior_radius is given without a prior; give both, or the radius of the parameters")
        return plan, lost
    if [np.shape(each) for each in prior] != [shape, shape]:
        raise InputError(f"the prior is {[np.shape(each) for each in prior]}; use (dx, dy), both {shape}")
    near = np.stack([np.asarray(each, float) for each in prior], axis=-1)
    given = np.zeros(shape, int) if prior_radius is None else np.broadcast_to(np.asarray(prior_radius), shape)
    least = 1 if prior_radius is not None and np.ndim(prior_radius) == 0 else 0
    if given.dtype.kind not in "ui" or given.min() < least or given.max() > 1000:
        raise InputError(f"prior_radius={prior_radius!r} means nothing; use whole numbers from 1 to 1000")
    known = np.isfinite(near).all(axis=-1)
    with np.errstate(invalid="ignore"):
        lost = known & ((np.abs(near[..., 0]) > size[1]) | (np.abs(near[..., 1]) > size[0]))
    full = parameters.search == "full"
    # The spline of the full search needs three displacements on each side of the best.
    radius = np.where(given > 0, given, NEAR) + (NEAR if full else 0)
    walks = np.where((given > 0) | full, 0, WALKS)
    plan.look_about(near, known & ~lost, radius.astype(np.int32), walks)
    return plan, lost


def _finished(
    found: Found, plan: Plan, middles: tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]], parameters: TrackParameters
) -> Offsets:
    """Return displacements without those that are weak or disagree with their neighbours, small gaps filled."""
    status, fine = found.status, found.fine
    lead, snr = found.quality[..., 1], found.quality[..., 2]
    corr = found.quality[..., 0] if parameters.search == "full" else fine[..., 4]
    measured = status == 0
    with np.errstate(invalid="ignore"):
        clear = (corr >= parameters.corr_min) & ((lead >= parameters.del_corr_min) | (corr >= parameters.corr_always))
        clear &= (snr >= parameters.snr_min) | (parameters.snr_min == 0)
    status[measured & ~clear] |= AMBIGUOUS
    status[_apart(*found.moved, parameters)] |= OUTLIER
    status[small_clumps(status == 0, least=parameters.min_clump)] |= OUTLIER
    kept = status == 0
    # Of the errors' correlation a median may be taken, of their covariance not.
    tied = fine[..., 5] / (fine[..., 2] * fine[..., 3])
    values, filled = _filled(
        [np.where(kept, each, np.nan) for each in (*np.moveaxis(fine[..., :4], -1, 0), tied)], parameters.fill_gaps
    )
    status[filled] |= FILLED
    row, column = (each.astype(np.float64) - 0.5 for each in middles)
    values[4] *= values[2] * values[3]
    dx, dy, dx_error, dy_error, covariance, correlation, ahead, ratio = (
        each.astype(np.float32) for each in (*values, corr, lead, snr)
    )
    return Offsets(
        row=row,
        column=column,
        dx=dx,
        dy=dy,
        dx_error=dx_error,
        dy_error=dy_error,
        corr=correlation,
        del_corr=ahead,
        chip=np.where(kept, found.chip, 0).astype(np.uint16),
        radius=plan.radius.astype(np.uint16),
        status=status,
        interpolated=filled,
        snr=ratio,
        dxy_covariance=covariance,
    )


def _apart(dx: Floats, dy: Floats, parameters: TrackParameters) -> npt.NDArray[np.bool_]:
    """Return True for displacements that the neighbours contradict, or hardly any of enough of them shares."""
    from altiflow.tracking.compiled.medians import neighbour_medians

    apart = np.zeros(dx.shape, bool)
    if parameters.median_threshold is not None:
        apart |= median_outliers(dx, dy, threshold=parameters.median_threshold)
    if parameters.coherence is not None:
        enough = neighbour_medians(dx, 2)[2] >= _ENOUGH
        apart |= enough & ~coherent_cells(dx, dy, tolerance=parameters.coherence)
    return apart & np.isfinite(dx)


def _filled(values: list[Floats], largest: int) -> tuple[list[Floats], npt.NDArray[np.bool_]]:
    """Return displacements, errors and their tie with small gaps filled, and where; the neighbours' spread adds."""
    from altiflow.tracking.compiled.medians import neighbour_medians

    filled = np.zeros(values[0].shape, bool)
    if not largest:
        return values, filled
    made = []
    for each in values:
        whole, filled = fill_small_gaps(each, largest=largest)
        made.append(whole)
    for axis in (0, 1):
        spread = np.nan_to_num(_SIGMA * neighbour_medians(made[axis], 2)[1])
        made[axis + 2][filled] = np.hypot(made[axis + 2], spread)[filled]
    return made, filled
