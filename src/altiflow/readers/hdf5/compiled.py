"""The shuffle undone by compiled code; needs the extra ``fast``. The same bytes as numpy's."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

__all__ = ["WIDTHS", "join_planes"]


def join_planes(planes: npt.NDArray[np.uint8], target: npt.NDArray[np.generic]) -> None:
    """Write into values (n,) the bytes that lie in `planes` (width, n), on a machine whose lowest byte comes first."""
    width = target.dtype.itemsize
    WIDTHS[width](planes, target.view(f"u{width}"))


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _join2(planes, target):  # type: ignore[no-untyped-def]
    for place in range(target.size):
        target[place] = np.uint16(planes[0, place]) | np.uint16(planes[1, place]) << 8


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _join4(planes, target):  # type: ignore[no-untyped-def]
    for place in range(target.size):
        low = np.uint32(planes[0, place]) | np.uint32(planes[1, place]) << np.uint32(8)
        high = np.uint32(planes[2, place]) | np.uint32(planes[3, place]) << np.uint32(8)
        target[place] = low | high << np.uint32(16)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _join8(planes, target):  # type: ignore[no-untyped-def]
    for place in range(target.size):
        value = np.uint64(planes[0, place])
        value |= np.uint64(planes[1, place]) << np.uint64(8)
        value |= np.uint64(planes[2, place]) << np.uint64(16)
        value |= np.uint64(planes[3, place]) << np.uint64(24)
        value |= np.uint64(planes[4, place]) << np.uint64(32)
        value |= np.uint64(planes[5, place]) << np.uint64(40)
        value |= np.uint64(planes[6, place]) << np.uint64(48)
        target[place] = value | np.uint64(planes[7, place]) << np.uint64(56)


WIDTHS: dict[int, Any] = {2: _join2, 4: _join4, 8: _join8}
"""What joins values of so many bytes."""
