"""Peaks between pixels, in the ways that trackers have: parabola, Gaussian, pyramid and Fourier transform."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from altiflow.errors import InputError
from altiflow.tracking.matching.extras import load_cv2

__all__ = ["chip_shift", "patch_peak", "peak_curvature"]

Floats = npt.NDArray[np.float64]

_DOUBLINGS = 4
"""Of the pyramid: 16 places a pixel."""
_COARSE, _FINE, _REACH = 0.1, 0.01, 10
"""Steps at which the up-sampled transform is looked at [px], first far, then near, and how many to each side."""
_LEAST = 1e-6
"""A logarithm is taken of no smaller correlation."""


def patch_peak(patch: npt.NDArray[Any], kind: str) -> tuple[float, float]:
    """Return where correlations (7, 7) peak, (x, y) from their middle [px], at most one away.

    Parameters
    ----------
    patch
        Correlations, the largest in the middle.
    kind
        "parabola" or "gaussian": through the three values along each axis, of these or of their logarithms. "pyramid":
        the largest after four doublings by the Gaussian pyramid, in steps of a sixteenth, as autoRIFT does.

    Raises
    ------
    InputError
        If the kind is not known, or the patch is not (7, 7).

    Examples
    --------
    >>> y, x = np.mgrid[-3:4, -3:4]
    >>> bell = np.exp(-0.2 * ((x - 0.3) ** 2 + (y + 0.2) ** 2))
    >>> [round(each, 3) for each in patch_peak(bell, "gaussian")], patch_peak(bell, "pyramid")
    ([0.3, -0.2], (0.3125, -0.1875))
    """
    if patch.shape != (7, 7) or kind not in ("parabola", "gaussian", "pyramid"):
        raise InputError(f"a patch {patch.shape} and {kind!r}: use (7, 7) values, and parabola, gaussian or pyramid")
    if kind == "pyramid":
        return _pyramid_peak(patch)
    lines = np.stack([patch[3, 2:5], patch[2:5, 3]]).astype(np.float64)
    if kind == "gaussian":
        lines = np.log(np.maximum(lines, _LEAST))
    before, middle, behind = lines.T
    bend = before + behind - 2 * middle
    moved = np.divide(before - behind, 2 * bend, out=np.zeros(2), where=bend < 0)
    return float(np.clip(moved[0], -1, 1)), float(np.clip(moved[1], -1, 1))


def _pyramid_peak(patch: npt.NDArray[Any]) -> tuple[float, float]:
    """Return the place of the largest of a patch that was doubled in size again and again."""
    cv2, wide, size = load_cv2(), np.asarray(patch, np.float32), 2**_DOUBLINGS
    for _ in range(_DOUBLINGS):
        wide = cv2.pyrUp(wide)
    near = wide[2 * size : 4 * size + 1, 2 * size : 4 * size + 1]
    row, col = np.unravel_index(int(near.argmax()), near.shape)
    return (int(col) - size) / size, (int(row) - size) / size


def peak_curvature(patches: npt.NDArray[Any]) -> tuple[Floats, Floats]:
    """Return the second differences of correlations (..., 7, 7) at their middles (...,), along x and y [1/px²].

    Examples
    --------
    >>> y, x = np.mgrid[-3:4, -3:4]
    >>> [round(float(each), 6) for each in peak_curvature(1 - 0.02 * x**2 - 0.01 * y**2)]
    [-0.04, -0.02]
    """
    middle = 2 * patches[..., 3, 3]
    return (
        patches[..., 3, 2] + patches[..., 3, 4] - middle,
        patches[..., 2, 3] + patches[..., 4, 3] - middle,
    )


def chip_shift(chip: npt.NDArray[Any], match: npt.NDArray[Any]) -> tuple[float, float]:
    """Return how far a chip lies from the middle of its match (n, n), (x, y) [px], at most one.

    The peak of their correlation by Fourier transforms, up-sampled a hundredfold about nought by the product of two
    matrices (Guizar-Sicairos and others 2008, doi:10.1364/OL.33.000156).

    Examples
    --------
    >>> x = np.arange(16)
    >>> wave = np.sin(2 * np.pi * x / 16)[None, :] + np.cos(2 * np.pi * 2 * x / 16)[:, None]
    >>> moved = np.sin(2 * np.pi * (x - 0.25) / 16)[None, :] + np.cos(2 * np.pi * 2 * (x + 0.4) / 16)[:, None]
    >>> [round(each, 2) for each in chip_shift(wave, moved)]
    [0.25, -0.4]
    """
    one, two = (np.asarray(each, np.float64) - np.mean(each, dtype=np.float64) for each in (chip, match))
    spectrum = np.fft.fft2(two) * np.fft.fft2(one).conj()
    y = x = 0.0
    for step in (_COARSE, _FINE):
        rows, cols = (np.clip(at + np.arange(-_REACH, _REACH + 1) * step, -1, 1) for at in (y, x))
        down, along = (
            np.exp(2j * np.pi * np.outer(places, np.fft.fftfreq(size)))
            for places, size in zip((rows, cols), spectrum.shape, strict=True)
        )
        surface = (down @ spectrum @ along.T).real
        row, col = np.unravel_index(int(surface.argmax()), surface.shape)
        y, x = float(rows[row]), float(cols[col])
    return round(x, 2), round(y, 2)
