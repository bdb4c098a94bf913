"""Steps of parcels compiled by numba; needs the extra ``fast``. The same operations in the same order as numpy's."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from altiflow.gridding.remap.resample import Lattice

__all__ = ["carry_parcels"]

Floats = npt.NDArray[np.float64]

_NEARLY_ALL = 1.0 - 1e-12
"""Least weight on valid neighbours: all of it, to rounding."""

_STAGES = {"euler": 1, "midpoint": 2, "rk4": 4}


def carry_parcels(
    place: Floats, seconds: Floats, length: Floats, *, lattice: Lattice, cells: Floats, middles: Floats, scheme: str
) -> Floats:
    """Return where parcels come to (2, n) after steps of `length` (n,) [s]; NaN where a velocity is missing.

    Parameters
    ----------
    place, seconds
        Places (2, n) [m] and moments (n,) [s].
    lattice
        Of the field.
    cells
        (rows, cols, 2) both components, or (rows, cols, 4) those of the early and of the late layer; x and y ascend.
    middles
        Moments of the two layers (2,) [s].
    scheme
        "rk4", "midpoint" or "euler".
    """
    result = np.empty_like(place)
    frame = np.array([*lattice.origin, *lattice.step, *lattice.bounds])
    known = np.asarray(middles, float)
    _carry(np.ascontiguousarray(place), seconds, length, frame, cells, known, _STAGES[scheme], result)
    return result


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _velocity(x, y, moment, frame, cells, middles):  # type: ignore[no-untyped-def]
    """Return the velocity at a place and a moment, bilinear; NaN where a neighbour of weight has none."""
    rows, cols, parts = cells.shape
    if not (x >= frame[4] and x <= frame[6] and y >= frame[5] and y <= frame[7]):
        return np.nan, np.nan
    col = min(max((x - frame[0]) / frame[2], 0.0), cols - 1.0)
    row = min(max((y - frame[1]) / frame[3], 0.0), rows - 1.0)
    low_row, low_col = min(int(row), rows - 2), min(int(col), cols - 2)
    right, above = col - low_col, row - low_row
    vx = vy = to_x = to_y = early = late = 0.0
    for i in range(2):
        for j in range(2):
            weight = (above if i else 1 - above) * (right if j else 1 - right)
            line, post = low_row + i, low_col + j
            if np.isfinite(cells[line, post, 0]):
                vx += cells[line, post, 0] * weight
                vy += cells[line, post, 1] * weight
                early += weight
            if parts == 4 and np.isfinite(cells[line, post, 2]):
                to_x += cells[line, post, 2] * weight
                to_y += cells[line, post, 3] * weight
                late += weight
    if early < _NEARLY_ALL or (parts == 4 and late < _NEARLY_ALL):
        return np.nan, np.nan
    vx, vy = vx / early, vy / early
    if parts == 2:
        return vx, vy
    share = (moment - middles[0]) / (middles[1] - middles[0])
    return (1 - share) * vx + share * (to_x / late), (1 - share) * vy + share * (to_y / late)


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _carry(place, seconds, length, frame, cells, middles, stages, result):  # type: ignore[no-untyped-def]
    """Fill `result` with the places after one step."""
    for n in range(seconds.size):
        x, y, now, step = place[0, n], place[1, n], seconds[n], length[n]
        x_1, y_1 = _velocity(x, y, now, frame, cells, middles)
        half = step / 2
        if stages == 1:
            to_x, to_y = x + step * x_1, y + step * y_1
        else:
            x_2, y_2 = _velocity(x + half * x_1, y + half * y_1, now + half, frame, cells, middles)
            if stages == 2:
                to_x, to_y = x + step * x_2, y + step * y_2
            else:
                x_3, y_3 = _velocity(x + half * x_2, y + half * y_2, now + half, frame, cells, middles)
                x_4, y_4 = _velocity(x + step * x_3, y + step * y_3, now + step, frame, cells, middles)
                to_x = x + step / 6 * (x_1 + 2 * x_2 + 2 * x_3 + x_4)
                to_y = y + step / 6 * (y_1 + 2 * y_2 + 2 * y_3 + y_4)
        end_x, _ = _velocity(to_x, to_y, now + step, frame, cells, middles)
        known = np.isfinite(end_x)
        result[0, n] = to_x if known else np.nan
        result[1, n] = to_y if known else np.nan
