"""Stripes that a scanner leaves in an image, taken out of its Fourier transform."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy

__all__ = ["without_stripes"]

Image = npt.NDArray[np.float32]

_DIRECTIONS = 180
_SLOWEST, _FASTEST = 0.02, 0.45
"""Frequencies at which directions are compared [1/px]."""
_STRONGER = 6.0
"""A direction has stripes if its power stands so many standard deviations above that of the others, ..."""
_TIMES = 2.0
"""... and is so many times their median."""


def without_stripes(image: Image) -> Image:
    """Return an image (rows, cols) without the directions in which its Fourier transform is far stronger.

    Stripes along one direction have their power on a line through the origin, across them. Directions of one degree are
    compared by their mean power; those that stand out by six standard deviations and are twice the median are set to
    the median power of all directions at that frequency, phases kept.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> plain = rng.normal(size=(128, 128)).astype(np.float32)
    >>> striped = plain + 2 * np.sign(np.sin(np.arange(128) * 2 * np.pi / 8))[:, None].astype(np.float32)
    >>> bool(np.abs(without_stripes(striped) - plain).mean() < 0.2 * np.abs(striped - plain).mean())
    True
    >>> bool((without_stripes(plain) == plain).all())
    True
    """
    rows, cols = image.shape
    taper = np.hanning(rows)[:, None] * np.hanning(cols)[None, :]
    down, along = np.fft.fftfreq(rows)[:, None], np.fft.fftfreq(cols)[None, :]
    fast = np.hypot(down, along)
    used = (fast > _SLOWEST) & (fast < _FASTEST)
    angle = np.broadcast_to(np.degrees(np.arctan2(down, along)) % 180, fast.shape)
    place = np.minimum((((angle + 0.5) % 180) * _DIRECTIONS / 180).astype(int), _DIRECTIONS - 1)
    # Tapered, or the rim of the image would be a stripe itself.
    power = np.abs(scipy.fft.fft2(image * taper)) ** 2
    number = np.bincount(place[used], minlength=_DIRECTIONS)
    mean = np.bincount(place[used], weights=power[used], minlength=_DIRECTIONS) / np.maximum(number, 1)
    seen = mean[number > 0]
    middle = float(np.median(seen)) if seen.size else 0.0
    spread = 1.4826 * float(np.median(np.abs(seen - middle))) if seen.size else 0.0
    striped = (number > 0) & (mean > middle + _STRONGER * spread) & (mean > _TIMES * middle) & (middle > 0)
    if not striped.any():
        return image
    spectrum = scipy.fft.fft2(image)
    strength = np.abs(spectrum)
    hit = striped[place] & (fast > _SLOWEST / 2)
    ring = np.minimum((fast * min(rows, cols)).astype(int), min(rows, cols) - 1)
    usual = _ring_medians(strength[~hit], ring[~hit], min(rows, cols))[ring]
    scale = np.where(hit & (strength > usual), usual / np.maximum(strength, 1e-30), 1.0)
    return np.asarray(scipy.fft.ifft2(spectrum * scale).real, np.float32)


def _ring_medians(values: npt.NDArray[np.float64], ring: npt.NDArray[np.int_], count: int) -> npt.NDArray[np.float64]:
    """Return the median of the values of each ring (count,); that of all where a ring has none."""
    order = np.lexsort((values, ring))
    ordered, at = values[order], ring[order]
    starts, ends = np.searchsorted(at, np.arange(count)), np.searchsorted(at, np.arange(count), side="right")
    found = np.full(count, float(np.median(values)) if values.size else 0.0)
    known = ends > starts
    found[known] = ordered[((starts + ends) // 2)[known]]
    return found
