"""Spread: how the error of a place grows while a parcel is carried, day by day."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from altiflow.errors import InputError

__all__ = ["Spread", "check_rho", "spread_of_days"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

_WHOLE = 1e-9
"""Days below which a day is over."""


def spread_of_days(sigmas: npt.ArrayLike, rho: float) -> Floats:
    """Return the standard error (n,) of the sum of N days' ways with errors (N, n).

    ``S² = sum_i sum_j s_i s_j rho^|i-j|`` of errors of which those of neighbouring days are correlated by `rho`.

    Raises
    ------
    InputError
        If `rho` is not from 0 to 1.

    Examples
    --------
    Fifteen days of 2.1 km each, independent, partly and fully correlated:

    >>> [round(float(spread_of_days(np.full((15, 1), 2.1), rho)[0]), 2) for rho in (0.0, 0.5, 0.8, 1.0)]
    [8.13, 13.45, 20.62, 31.5]
    """
    days = np.asarray(sigmas, float)
    spread = Spread(days.shape[1], rho)
    everyone = np.arange(days.shape[1])
    for number, sigma in enumerate(days):
        spread.add(everyone, np.full(sigma.size, float(number)), np.full(sigma.size, number + 1.0), sigma)
    return spread.sigma()


class Spread:
    """The standard error of the sum of errors of days that are correlated with their neighbours, as it grows.

    With the days so far in ``V`` and ``C = sum_i s_i rho^(n-i)``, the next day of error s gives
    ``V + s² + 2 rho s C`` and ``rho C + s``: one pass instead of a double sum. Errors within a day add up.

    Parameters
    ----------
    size
        Number of parcels.
    rho
        Correlation of the errors of one day and the next, from 0 (their squares add up) to 1 (they add up).
    """

    def __init__(self, size: int, rho: float) -> None:
        self.rho = check_rho(rho)
        self._past, self._memory, self._today = np.zeros(size), np.zeros(size), np.zeros(size)

    def picked(self, pick: Callable[[Floats], Floats]) -> Spread:
        """Return that of parcels picked out of each array, as a view if that is what `pick` returns."""
        other = Spread(0, self.rho)
        other._past, other._memory, other._today = pick(self._past), pick(self._memory), pick(self._today)
        return other

    def add(self, which: Ints, start: Floats, end: Floats, sigma: Floats) -> None:
        """Add ways from ages `start` to `end` (m,) [days, 0 or more] of parcels (m,) at errors `sigma` (m,) a day."""
        which, age, end, sigma = which.copy(), start.copy(), end, sigma
        while which.size:
            whole = np.floor(age + _WHOLE) + 1
            stop = np.minimum(end, whole)
            self._today[which] += sigma * (stop - age)
            full = stop > whole - _WHOLE
            self._close(which[full])
            more = end - stop > _WHOLE
            which, age, end, sigma = which[more], stop[more], end[more], sigma[more]

    def sigma(self) -> Floats:
        """Return the standard error (size,), of the day that is not over as well."""
        today = self._today
        return np.asarray(np.sqrt(self._past + today**2 + 2 * self.rho * today * self._memory))

    def _close(self, which: Ints) -> None:
        """Count the day as over."""
        today = self._today[which]
        self._past[which] += today**2 + 2 * self.rho * today * self._memory[which]
        self._memory[which] = self.rho * self._memory[which] + today
        self._today[which] = 0.0


def check_rho(rho: float) -> float:
    """Return a correlation from 0 to 1.

    Raises
    ------
    InputError
        If it is none.
    """
    if isinstance(rho, bool) or not isinstance(rho, int | float | np.number) or not 0 <= rho <= 1:
        raise InputError(f"rho is the correlation of the errors of one day and the next, from 0 to 1, got {rho!r}")
    return float(rho)
