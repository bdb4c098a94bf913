"""High-pass filters of images, which know of nodata."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from altiflow.errors import InputError
from altiflow.tracking.matching.extras import load_cv2, require_numba
from altiflow.tracking.parameters import Prefilter

__all__ = ["prefilter_image"]

Image = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_LEAST_WEIGHT = 1e-6
_CUT = 4.0
"""The Gaussian ends this many sigma out."""


def prefilter_image(
    image: npt.NDArray[Any], valid: Mask | None = None, *, kind: Prefilter = "gaussian", width: float = 3.0
) -> Image:
    """Return an image without its slow changes (rows, cols), 0 where it has no data.

    Parameters
    ----------
    image
        Of any number type; what is not finite has no data.
    valid
        False where a pixel has no data.
    kind
        "gaussian": less its Gaussian mean, normalised by the valid pixels under it (Knutsson and Westin, 1993), so
        nothing rings at nodata. "box": less the mean of a window. "wallis": that over the window's standard deviation.
        "orientation": sum of the cosines of the directions in which second differences along the two axes and the two
        diagonals point, after the near-anisotropic filter of Van Wyk de Vries and Wickert (2021). "laplacian".
        "sobel": length of the slope. "none": less the mean of all.
    width
        Sigma of "gaussian" [px]; windows of "box" and "wallis" have twice this, to the next odd number.

    Raises
    ------
    InputError
        If the kind is not known, the image is not two-dimensional or not of numbers, or the extra ``track`` is missing.

    Examples
    --------
    A slope has nothing to track, next to nodata neither:

    >>> ramp = np.tile(np.arange(80.0), (80, 1))
    >>> ramp[:, 40:] = np.nan
    >>> float(abs(prefilter_image(ramp, kind="laplacian")[:, 1:39]).max())
    0.0
    """
    if kind not in get_args(Prefilter):
        raise InputError(f"kind={kind!r} means nothing; use one of {', '.join(get_args(Prefilter))}")
    if image.ndim != 2 or image.dtype.kind not in "uif":
        raise InputError(f"the image is {image.ndim}-dimensional of {image.dtype}; use (rows, cols) of numbers")
    require_numba()
    ok = np.isfinite(image) if image.dtype.kind == "f" else np.ones(image.shape, bool)
    if valid is not None:
        ok &= valid
    if not ok.any():
        return np.zeros(image.shape, np.float32)
    level = float(image.mean(where=ok, dtype=np.float64))
    wide = image.dtype.itemsize > 4 or (image.dtype.kind in "ui" and image.dtype.itemsize == 4)
    values = np.subtract(image, level, dtype=np.float64 if wide else np.float32).astype(np.float32, copy=False)
    if not ok.all():
        values[~ok] = 0
    return _FILTERS[kind](values, ok, width)


def _blurred(values: Image, ok: Mask, blur: Callable[[Image], Image]) -> tuple[Image, Image]:
    """Return the sums of a blur and the sums of its weights; weights (1, 1) where all pixels are valid."""
    if ok.all():
        return blur(values), np.ones((1, 1), np.float32)
    return blur(values), np.maximum(blur(ok.astype(np.float32)), np.float32(_LEAST_WEIGHT))


def _less(values: Image, ok: Mask, blur: Callable[[Image], Image]) -> Image:
    """Return values less their blur."""
    from altiflow.tracking.compiled.pixels import high_pass

    made = np.empty_like(values)
    high_pass(values, *_blurred(values, ok, blur), ok, made)
    return made


def _gaussian(values: Image, ok: Mask, width: float) -> Image:
    cv2, side = load_cv2(), 2 * int(np.ceil(_CUT * width)) + 1
    return _less(values, ok, lambda each: cv2.GaussianBlur(each, (side, side), width, borderType=cv2.BORDER_REFLECT))


def _window(width: float) -> Callable[[Image], Image]:
    """Return the mean over an odd window."""
    cv2, side = load_cv2(), 2 * (int(np.ceil(2 * width)) // 2) + 1
    return lambda each: np.asarray(cv2.blur(each, (side, side), borderType=cv2.BORDER_REFLECT), np.float32)


def _box(values: Image, ok: Mask, width: float) -> Image:
    return _less(values, ok, _window(width))


def _wallis(values: Image, ok: Mask, width: float) -> Image:
    blur = _window(width)
    rest = _less(values, ok, blur)
    squares, weight = _blurred(rest * rest, ok, blur)
    spread = np.sqrt(squares / weight)
    made: Image = np.divide(rest, spread, out=np.zeros_like(rest), where=ok & (spread > 0))
    return made


def _inner(made: Image, ok: Mask) -> Image:
    """Return what a 3 x 3 filter made, 0 where one of the nine has no data."""
    cv2 = load_cv2()
    whole = cv2.erode(ok.view(np.uint8), np.ones((3, 3), np.uint8))
    made[whole == 0] = 0
    return made


def _cosine(one: Image, other: Image) -> Image:
    """Return the cosine of the direction (one, other); 0 where there is none."""
    length = np.hypot(one, other)
    return np.divide(one, length, out=np.zeros_like(one), where=length > 0)


def _orientation(values: Image, ok: Mask, width: float) -> Image:
    cv2 = load_cv2()
    lines = np.zeros((4, 3, 3), np.float32)
    for line, (row, col) in zip(lines, ((1, 0), (0, 1), (0, 0), (0, 2)), strict=True):
        line[row, col] = line[2 - row, 2 - col] = -1
        line[1, 1] = 2
    along, down, falling, rising = (cv2.filter2D(values, -1, line, borderType=cv2.BORDER_REFLECT) for line in lines)
    return _inner(_cosine(along, down) + _cosine(falling, rising), ok)


def _laplacian(values: Image, ok: Mask, width: float) -> Image:
    cv2 = load_cv2()
    return _inner(cv2.Laplacian(values, cv2.CV_32F, borderType=cv2.BORDER_REFLECT_101), ok)


def _sobel(values: Image, ok: Mask, width: float) -> Image:
    cv2 = load_cv2()
    along, down = (cv2.Sobel(values, cv2.CV_32F, *axes, borderType=cv2.BORDER_REFLECT) for axes in ((1, 0), (0, 1)))
    return _inner(np.hypot(along, down) / np.float32(8), ok)


def _none(values: Image, ok: Mask, width: float) -> Image:
    return values


_FILTERS: dict[str, Callable[[Image, Mask, float], Image]] = {
    "gaussian": _gaussian,
    "box": _box,
    "wallis": _wallis,
    "orientation": _orientation,
    "laplacian": _laplacian,
    "sobel": _sobel,
    "none": _none,
}
