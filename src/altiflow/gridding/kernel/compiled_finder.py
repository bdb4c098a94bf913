"""Finding cells, compiled by numba: single precision well inside a cell, double near its edges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.kernel.projection import COSINE, REACH, SINE, TERMS, PolarProjection
from altiflow.gridding.kernel.single import TURNS, SinglePolynomials

__all__ = ["compiled_finder"]

_STRIP = 1024
"""Points projected before they are put into cells: loops this short are vectorised and stay in the cache."""
_STRETCH = 32
"""Points looked at together, whether any of them is in doubt."""
_TERMS = 8
"""Terms of the radius in single precision, at most."""
_FOLD = 5
"""Terms of sine and cosine in single precision."""

Cells = npt.NDArray[np.int32] | npt.NDArray[np.int64]


def compiled_finder(
    grid: Grid, projection: PolarProjection, single: SinglePolynomials | None
) -> Callable[[npt.NDArray[Any], npt.NDArray[Any]], Cells]:
    """Return a function from longitude and latitude (n,) to cell numbers (n,), -1 outside."""
    exact = (
        float(projection.pole),
        projection.origin,
        (*projection.radius, *(0.0,) * (TERMS - len(projection.radius))),
        (grid.transform.c, grid.transform.a, grid.transform.f, -grid.transform.e),
        *grid.shape,
    )
    number: Any = np.int32 if grid.shape[0] * grid.shape[1] < 2**31 else np.int64
    rough = None if single is None or number is np.int64 else _rough(single)

    def find(longitude: npt.NDArray[Any], latitude: npt.NDArray[Any]) -> Cells:
        lon, lat = np.ascontiguousarray(longitude, np.float64), np.ascontiguousarray(latitude, np.float64)
        cell: Cells = np.empty(lon.size, number)
        if rough is None:
            _find(lon, lat, exact, cell)
        else:
            _screen(lon, lat, exact, rough, cell)
        return cell

    return find


def _rough(single: SinglePolynomials) -> tuple[Any, ...] | None:
    """Return what single precision needs, or None where its polynomials are longer than is compiled."""
    radius, sine, cosine = single.radius, single.sine, single.cosine
    if len(radius) > _TERMS or len(sine) > _FOLD or len(cosine) > _FOLD:
        return None
    zero = np.float32(0.0)
    padded = (*radius, *(zero,) * (_TERMS - len(radius)))
    turns = (*sine, *(zero,) * (_FOLD - len(sine))), (*cosine, *(zero,) * (_FOLD - len(cosine)))
    lattice = (*single.scale, *single.offset, np.float32(0.5) - single.margin)
    return np.float32(single.pole), single.origin, padded, *turns, tuple(np.float32(each) for each in lattice)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})  # type: ignore[untyped-decorator]
def _project(lon, lat, exact, x, y):  # type: ignore[no-untyped-def]
    """Fill column and row (n,) as whole floats; one loop without branches, which the compiler vectorises."""
    pole, origin, radius, lattice, _, _ = exact
    left, width, top, height = lattice
    for k in range(lon.size):
        t = 90.0 - pole * lat[k]
        u = t * t
        r = radius[13]
        r = ((r * u + radius[12]) * u + radius[11]) * u + radius[10]
        r = ((r * u + radius[9]) * u + radius[8]) * u + radius[7]
        r = ((r * u + radius[6]) * u + radius[5]) * u + radius[4]
        r = ((r * u + radius[3]) * u + radius[2]) * u + radius[1]
        r = r * u + radius[0]
        r = r * t if t >= 0.0 and t <= REACH else np.inf
        d = lon[k] - origin
        quarter = np.floor(d * (1.0 / 90.0) + 0.5)
        d = d - 90.0 * quarter
        u = d * d
        s = SINE[7]
        s = ((s * u + SINE[6]) * u + SINE[5]) * u + SINE[4]
        s = ((s * u + SINE[3]) * u + SINE[2]) * u + SINE[1]
        s = s * u + SINE[0]
        s = s * d
        c = COSINE[8]
        c = ((c * u + COSINE[7]) * u + COSINE[6]) * u + COSINE[5]
        c = ((c * u + COSINE[4]) * u + COSINE[3]) * u + COSINE[2]
        c = (c * u + COSINE[1]) * u + COSINE[0]
        turn = quarter - 4.0 * np.floor(quarter * 0.25)
        odd = (turn - 1.0) * (turn - 3.0) == 0.0
        sine, cosine = c if odd else s, s if odd else c
        sine = -sine if turn >= 2.0 else sine
        cosine = -cosine if (turn - 1.0) * (turn - 2.0) == 0.0 else cosine
        x[k] = np.floor((r * sine - left) / width)
        y[k] = np.floor((top + pole * (r * cosine)) / height)


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _find(lon, lat, exact, cell):  # type: ignore[no-untyped-def]
    """Fill `cell` (n,) with row * cols + col, -1 outside."""
    x, y = np.empty(_STRIP), np.empty(_STRIP)
    rows, cols = exact[4], exact[5]
    for begin in range(0, lon.size, _STRIP):
        end = min(begin + _STRIP, lon.size)
        _project(lon[begin:end], lat[begin:end], exact, x, y)
        part = cell[begin:end]
        for k in range(part.size):
            inside = x[k] >= 0.0 and x[k] < cols and y[k] >= 0.0 and y[k] < rows
            part[k] = np.int64(y[k]) * cols + np.int64(x[k]) if inside else -1


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})  # type: ignore[untyped-decorator]
def _place(lon, lat, rough, x, y, clear):  # type: ignore[no-untyped-def]
    """Fill column and row (n,) as whole floats, and whether they are beyond doubt; all in single precision."""
    pole, origin, radius, sines, cosines, lattice = rough
    across, down, left, top, reach = lattice
    half = np.float32(0.5)
    for k in range(lon.size):
        t = np.float32(90.0) - pole * lat[k]
        u = t * t
        r = ((radius[7] * u + radius[6]) * u + radius[5]) * u + radius[4]
        r = (((r * u + radius[3]) * u + radius[2]) * u + radius[1]) * u + radius[0]
        d = lon[k] - origin
        turns = np.floor(d * np.float32(1 / 180) + half)
        d = d - np.float32(180.0) * turns
        near = abs(turns) <= TURNS
        # An odd number of half turns changes the sign of both coordinates.
        turns = turns * half
        r = r * t * (np.float32(1.0) - np.float32(4.0) * (turns - np.floor(turns)))
        u = d * d
        s = (((sines[4] * u + sines[3]) * u + sines[2]) * u + sines[1]) * u + sines[0]
        c = (((cosines[4] * u + cosines[3]) * u + cosines[2]) * u + cosines[1]) * u + cosines[0]
        col = (s * d) * (r * across) + left
        row = top - c * (np.float32(1.0) - u * np.float32(1 / REACH**2)) * (r * down)
        whole_col, whole_row = np.floor(col), np.floor(row)
        x[k] = whole_col
        y[k] = whole_row
        inside = (abs(col - whole_col - half) <= reach) & (abs(row - whole_row - half) <= reach)
        clear[k] = np.int32(inside & near & (t > np.float32(0.02)) & (t < np.float32(REACH - 0.02)))


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _screen(lon, lat, exact, rough, cell):  # type: ignore[no-untyped-def]
    """Fill `cell` (n,) with row * cols + col, -1 outside; what single precision leaves in doubt in double."""
    short_lon, short_lat = np.empty(_STRIP, np.float32), np.empty(_STRIP, np.float32)
    x, y, clear = np.empty(_STRIP, np.float32), np.empty(_STRIP, np.float32), np.empty(_STRIP, np.int32)
    odd = np.empty(lon.size, np.int32)
    count = np.int64(0)
    for begin in range(0, lon.size, _STRIP):
        size = min(_STRIP, lon.size - begin)
        _shorten(lon[begin : begin + size], short_lon)
        _shorten(lat[begin : begin + size], short_lat)
        _place(short_lon[:size], short_lat[:size], rough, x, y, clear)
        _number(x, y, np.float32(exact[4]), np.float32(exact[5]), cell[begin : begin + size])
        count = _collect(clear[:size], begin, odd, count)
    odd_lon, odd_lat, odd_cell = np.empty(count), np.empty(count), np.empty(count, np.int32)
    for k in range(count):
        odd_lon[k], odd_lat[k] = lon[odd[k]], lat[odd[k]]
    _find(odd_lon, odd_lat, exact, odd_cell)
    for k in range(count):
        cell[odd[k]] = odd_cell[k]


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _shorten(long, short):  # type: ignore[no-untyped-def]
    """Fill `short` with single precision."""
    for k in range(long.size):
        short[k] = long[k]


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _number(x, y, rows, cols, cell):  # type: ignore[no-untyped-def]
    """Fill `cell` (n,) from whole columns and rows."""
    width = np.int32(cols)
    for k in range(cell.size):
        inside = (x[k] >= 0) & (x[k] < cols) & (y[k] >= 0) & (y[k] < rows)
        cell[k] = np.int32(y[k]) * width + np.int32(x[k]) if inside else np.int32(-1)


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _collect(clear, begin, odd, count):  # type: ignore[no-untyped-def]
    """Put the rows that are not clear into `odd` and return how many it holds; looks at many at once."""
    whole = clear.size // _STRETCH
    for stretch in range(whole):
        part = clear[stretch * _STRETCH : stretch * _STRETCH + _STRETCH]
        sure = np.int32(0)
        for k in range(_STRETCH):
            sure += part[k]
        if sure < _STRETCH:
            for k in range(_STRETCH):
                odd[count] = begin + stretch * _STRETCH + k
                count += 1 - part[k]
    for k in range(whole * _STRETCH, clear.size):
        odd[count] = begin + k
        count += 1 - clear[k]
    return count
