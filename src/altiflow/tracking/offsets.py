"""Displacements between two images, on a lattice of cells: the calls that find them."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from altiflow.errors import InputError
from altiflow.tracking.displacements import Offsets
from altiflow.tracking.matching.extras import one_thread_each, require_numba
from altiflow.tracking.matching.frames import Pair
from altiflow.tracking.matching.kernels import BUILT_IN, ChipTask, find_kernel, match_with
from altiflow.tracking.matching.plans import Found, Plan
from altiflow.tracking.matching.prefilters import prefilter_image
from altiflow.tracking.matching.stages import NEAR, WALKS, Stages
from altiflow.tracking.neighbours.screens import screen_offsets
from altiflow.tracking.parameters import TrackParameters
from altiflow.tracking.status import EDGE, STATUS

__all__ = ["STATUS", "Offsets", "lattice_centres", "measure_offsets", "track_offsets"]

Floats = npt.NDArray[np.float64]
Images = npt.NDArray[Any]


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
    measured = measure_offsets(
        first,
        second,
        valid_first=valid_first,
        valid_second=valid_second,
        parameters=parameters,
        prior=prior,
        prior_radius=prior_radius,
        quiet=quiet,
    )
    return screen_offsets(measured, parameters)[0]


def measure_offsets(
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
    """Return the displacements that carry image 1 into image 2, weak and odd ones too: see :func:`screen_offsets`.

    Arguments, and what is raised, are those of :func:`track_offsets`, which is this and then the screens.
    """
    require_numba()
    _check_images(first, second, valid_first, valid_second, parameters)
    middles = _middles(first.shape[0], parameters.spacing), _middles(first.shape[1], parameters.spacing)
    shape = middles[0].size, middles[1].size
    plan, lost = _plan(shape, first.shape, parameters, prior, prior_radius)
    pair = Pair(first, second, valid_first, valid_second, parameters)
    with one_thread_each():
        if parameters.search in BUILT_IN:
            found = Stages(pair, middles, plan, parameters.threads or _cpus(), quiet=quiet).run()
        else:
            found = match_with(find_kernel(parameters.search), _task(pair, middles, plan))
    found.status[lost], found.fine[lost], found.chip[lost] = EDGE, np.nan, 0
    return _measured(found, plan, middles, parameters.search == "full")


def _task(pair: Pair, middles: tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]], plan: Plan) -> ChipTask:
    """Return what a kernel is asked: the images as a whole, filtered."""
    sides = []
    for image, valid in ((pair.first, pair.valid_first), (pair.second, pair.valid_second)):
        ok = np.isfinite(image) if valid is None else np.isfinite(image) & valid
        made = prefilter_image(image, ok, kind=pair.parameters.prefilter, width=pair.parameters.prefilter_width)
        sides.append((made, ok))
    (one, seen), (two, also) = sides
    return ChipTask(one, two, seen, also, *middles, plan.near, plan.radius, pair.parameters)


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


def _measured(
    found: Found, plan: Plan, middles: tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]], full: bool
) -> Offsets:
    """Return all displacements that were measured."""
    kept, fine = found.status == 0, found.fine
    row, column = (each.astype(np.float64) - 0.5 for each in middles)
    values = [np.where(kept, fine[..., layer], np.nan) for layer in (0, 1, 2, 3, 5)]
    quality = np.moveaxis(found.quality, -1, 0)
    dx, dy, dx_error, dy_error, covariance, corr, lead, snr, curved_x, curved_y = (
        each.astype(np.float32) for each in (*values, quality[0] if full else fine[..., 4], *quality[1:])
    )
    return Offsets(
        row=row,
        column=column,
        dx=dx,
        dy=dy,
        dx_error=dx_error,
        dy_error=dy_error,
        corr=corr,
        del_corr=lead,
        chip=np.where(kept, found.chip, 0).astype(np.uint16),
        radius=plan.radius.astype(np.uint16),
        status=found.status,
        interpolated=np.zeros(kept.shape, bool),
        snr=snr,
        dxy_covariance=covariance,
        curvature_x=curved_x,
        curvature_y=curved_y,
    )
