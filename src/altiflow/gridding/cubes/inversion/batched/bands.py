"""Bands: symmetric systems of many pixels solved together, unknown by unknown, in plain arithmetic.

All steps act on arrays whose last axis are the pixels, element by element and in one order, so that a pixel's bits do
not depend on its neighbours. A full matrix is a band as wide as itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["MIXED", "PROBES", "SINGULAR", "Factors", "factorise"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SINGULAR = 1e-10
"""Share of an unknown's own weight that must be left once the unknowns before it are known."""

MIXED = 1e-6
"""An unknown that changes by less, while one that cannot be told changes by 1, is told apart from it."""

PROBES = 2
"""Vectors of the null space by which unknowns are told apart."""


@dataclass(frozen=True)
class Factors:
    """``S L D L.T S`` of n symmetric band matrices of p unknowns and band b.

    Attributes
    ----------
    lower
        L below its diagonal (b, p, n): element (s - 1, j) is row j + s of column j.
    inverse_pivot
        1 / D (p, n); 0 where the unknown depends on those before it.
    scale
        1 / S (p, n): unknowns are scaled so that the diagonal is 1; 0 where it was 0.
    """

    lower: Floats
    inverse_pivot: Floats
    scale: Floats

    @property
    def kept(self) -> Bools:
        """Unknowns (p, n) that do not depend on those before them."""
        return self.inverse_pivot > 0

    def take(self, places: npt.NDArray[np.intp]) -> Factors:
        """Return the systems of some pixels."""
        return Factors(self.lower[:, :, places], self.inverse_pivot[:, places], self.scale[:, places])

    def put(self, places: npt.NDArray[np.intp], new: Factors) -> None:
        """Set the systems of some pixels."""
        self.lower[:, :, places] = new.lower
        self.inverse_pivot[:, places] = new.inverse_pivot
        self.scale[:, places] = new.scale

    def solve(self, right: Floats) -> Floats:
        """Return solutions (p, n); 0 for unknowns that depend on those before them."""
        count, band = right.shape[0], len(self.lower)
        found = right * self.scale
        for j in range(count - 1):
            reach = min(band, count - 1 - j)
            found[j + 1 : j + 1 + reach] -= self.lower[:reach, j] * found[j]
        found *= self.inverse_pivot
        for j in range(count - 2, -1, -1):
            for s in range(1, min(band, count - 1 - j) + 1):
                found[j] -= self.lower[s - 1, j] * found[j + s]
        return np.asarray(found * self.scale)

    def told_apart(self) -> Bools:
        """Return which unknowns (p, n) the data determine: those that no vector of the null space changes."""
        kept = self.kept
        apart = kept.copy()
        lost = np.flatnonzero(~kept.all(axis=0))
        if lost.size == 0:
            return apart
        lower, free = self.lower[:, :, lost], ~kept[:, lost]
        count, band = free.shape[0], len(lower)
        for probe in range(1, PROBES + 1):
            vector = np.zeros(free.shape)
            for j in range(count - 1, -1, -1):
                # The fractions keep two lost unknowns from cancelling in a third.
                vector[j] = np.where(free[j], 1.0 + (probe * (j + 1) * 0.6180339887498949) % 1.0, 0.0)
                for s in range(1, min(band, count - 1 - j) + 1):
                    vector[j] -= lower[s - 1, j] * vector[j + s]
            apart[:, lost] &= np.abs(vector) < MIXED
        return apart

    def inverse(self) -> Floats:
        """Return the band (b + 1, p, n) of the inverses, by the recurrences of Takahashi et al. (1973).

        Rows and columns of unknowns that depend on those before them are 0.
        """
        band, count, pixels = len(self.lower), *self.scale.shape
        found = np.zeros((band + 1, count, pixels))
        window = np.zeros((band, band, pixels))
        for j in range(count - 1, -1, -1):
            row = np.zeros((band, pixels))
            for t in range(min(band, count - 1 - j)):
                row -= self.lower[t, j] * window[t]
            corner = self.inverse_pivot[j].copy()
            for t in range(min(band, count - 1 - j)):
                corner -= self.lower[t, j] * row[t]
            found[0, j], found[1:, j] = corner, row
            if band:
                window[1:, 1:] = window[:-1, :-1].copy()
                window[0, 0] = corner
                window[0, 1:] = window[1:, 0] = row[:-1]
        for d in range(band + 1):
            found[d, : count - d] *= self.scale[: count - d] * self.scale[d:]
        return found


def factorise(normal: Floats) -> Factors:
    """Return the factors of positive semidefinite matrices from their upper bands (b + 1, p, n).

    Element (d, j) belongs to row j and column j + d, and what lies beyond the matrix is not looked at.

    Examples
    --------
    Of two unknowns that are only seen as a sum, neither is determined; the third is:

    >>> band = np.zeros((3, 3, 1))
    >>> band[0, :, 0], band[1, 0, 0] = [1.0, 1.0, 2.0], 1.0
    >>> factors = factorise(band)
    >>> factors.told_apart()[:, 0].tolist(), factors.solve(np.array([[1.0], [1.0], [4.0]]))[2, 0].item()
    ([False, False, True], 2.0)
    """
    band, count, _ = normal.shape[0] - 1, *normal.shape[1:]
    size = np.sqrt(np.maximum(normal[0], 0.0))
    scale = np.divide(1.0, size, out=np.zeros_like(size), where=size > 0)
    work = np.empty_like(normal)
    for d in range(band + 1):
        work[d, : count - d] = normal[d, : count - d] * (scale[: count - d] * scale[d:])
        work[d, count - d :] = 0.0
    lower, inverse_pivot = np.zeros((band, *scale.shape)), np.zeros_like(scale)
    for j in range(count):
        pivot = work[0, j]
        np.divide(1.0, pivot, out=inverse_pivot[j], where=pivot > SINGULAR)
        reach = min(band, count - 1 - j)
        lower[:reach, j] = work[1 : reach + 1, j] * inverse_pivot[j]
        for s in range(1, reach + 1):
            work[: reach - s + 1, j + s] -= lower[s - 1, j] * work[s : reach + 1, j]
    return Factors(lower, inverse_pivot, scale)
