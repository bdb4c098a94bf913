"""Filters of images before they are matched, which know of nodata."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args
from zlib import crc32

import numpy as np
import numpy.typing as npt

from altiflow.errors import InputError
from altiflow.tracking.compiled.pixels import high_pass
from altiflow.tracking.matching.extras import load_cv2, require_numba
from altiflow.tracking.matching.stripes import without_stripes
from altiflow.tracking.parameters import Prefilter

__all__ = ["MEAN_COUNTS", "WHOLE_KINDS", "filter_reach", "prefilter_image"]

Image = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

WHOLE_KINDS = ("wallis-fill", "canny", "stripes")
"""What a pixel becomes by these filters depends on the whole image: its noise, edges that go on, its transform."""
MEAN_COUNTS = ("low-pass", "none")
"""These are less the mean of the image, which is seen beside nodata."""

_LEAST_WEIGHT = 1e-6
_EDGES = (100, 250)
"""Slopes of an image of 8 bits from which an edge goes on, and from which one begins."""
_CUT = 4.0
"""The Gaussian ends this many sigma out."""


def filter_reach(kind: Prefilter, width: float) -> int:
    """Return how far [px] a pixel may be that counts for another; those of `WHOLE_KINDS` are not asked for.

    Examples
    --------
    >>> filter_reach("gaussian", 3.0), filter_reach("wallis", 3.0), filter_reach("sobel", 3.0)
    (12, 6, 1)
    """
    window = int(np.ceil(2 * width)) // 2
    if kind in ("gaussian", "low-pass"):
        return int(np.ceil(_CUT * width))
    return {"box": window, "wallis": 2 * window, "none": 0}.get(kind, 1)


def prefilter_image(
    image: npt.NDArray[Any],
    valid: Mask | None = None,
    *,
    kind: Prefilter = "gaussian",
    width: float = 3.0,
    level: float | None = None,
) -> Image:
    """Return an image as it is matched (rows, cols): without its slow changes, 0 where it has no data.

    Parameters
    ----------
    image
        Of any number type; what is not finite has no data.
    valid
        False where a pixel has no data.
    kind
        "gaussian": less its Gaussian mean, normalised by the valid pixels under it (Knutsson and Westin, 1993), so
        nothing rings at nodata. "box": less the mean of a window. "wallis": that over the window's standard deviation.
        "wallis-fill": so, with noise in the place of nodata, the same for the same image, so that the stripes which
        Landsat 7 left out have no edges (chips may lack pixels then: lower `min_valid_first` and `min_valid_second`).
        "orientation": sum of the cosines of the directions in which second differences along the two axes and the two
        diagonals point, after the near-anisotropic filter of Van Wyk de Vries and Wickert (2021). "laplacian".
        "sobel": length of the slope. "canny": 1 on edges (Canny 1986) of the image after "wallis". "stripes": after
        "gaussian", without the directions in which its Fourier transform is far stronger than in the others, where a
        scanner left stripes (some 100 bytes a pixel are needed meanwhile). "low-pass": its Gaussian mean, less the mean
        of all. "none": less the mean of all.
    width
        Sigma of "gaussian", "stripes" and "low-pass" [px]; windows of "box", "canny" and both "wallis" have twice
        this, to the next odd number.
    level
        Mean of the image this is a part of; that of its own pixels where not given.

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
    level = float(image.mean(where=ok, dtype=np.float64)) if level is None else level
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
    return high_pass(values, *_blurred(values, ok, blur), ok)


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


def _wallis_fill(values: Image, ok: Mask, width: float) -> Image:
    made = _wallis(values, ok, width)
    # Of two images with one gap each has noise of its own, or the gap would match itself.
    seed = crc32(values.tobytes())
    made[~ok] = np.random.default_rng(seed).standard_normal(int((~ok).sum()), np.float32)
    return made


def _low_pass(values: Image, ok: Mask, width: float) -> Image:
    cv2, side = load_cv2(), 2 * int(np.ceil(_CUT * width)) + 1
    low, weight = _blurred(
        values, ok, lambda each: cv2.GaussianBlur(each, (side, side), width, borderType=cv2.BORDER_REFLECT)
    )
    made: Image = np.where(ok, low / weight, np.float32(0)).astype(np.float32)
    return made


def _canny(values: Image, ok: Mask, width: float) -> Image:
    cv2 = load_cv2()
    even = np.clip(128 + 48 * _wallis(values, ok, width), 0, 255).astype(np.uint8)
    return _inner((cv2.Canny(even, *_EDGES) > 0).astype(np.float32), ok)


def _stripes(values: Image, ok: Mask, width: float) -> Image:
    made = without_stripes(_gaussian(values, ok, width))
    made[~ok] = 0
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
    "wallis-fill": _wallis_fill,
    "orientation": _orientation,
    "laplacian": _laplacian,
    "sobel": _sobel,
    "canny": _canny,
    "stripes": _stripes,
    "low-pass": _low_pass,
    "none": _none,
}
