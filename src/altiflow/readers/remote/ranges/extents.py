"""Extents: pieces of a file put together into as few requests as the waste allows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["WASTE", "Extent", "coalesce"]

Numbers = npt.NDArray[np.int64]

GAP = 2**20
"""Longest stretch that is read though nobody asked for it [bytes]: less time than another request takes."""
LARGEST = 2**23
"""Largest request made of several pieces [bytes]; more would rather be several requests at once."""
WASTE = 0.1
"""Bytes nobody asked for, as a share of those asked for, at most."""
FREE = 2**18
"""Bytes nobody asked for that are read through whatever the share [bytes]."""


@dataclass(frozen=True)
class Extent:
    """A stretch of a file: its first byte and its size [bytes]."""

    start: int
    size: int

    @property
    def end(self) -> int:
        """First byte after it."""
        return self.start + self.size


def coalesce(
    starts: npt.ArrayLike,
    sizes: npt.ArrayLike,
    *,
    gap: int = GAP,
    largest: int = LARGEST,
    waste: float = WASTE,
    free: int = FREE,
) -> list[Extent]:
    """Return the extents, in order, that hold all pieces.

    The smallest gaps between pieces are read through first, until the bytes that nobody asked for reach `waste` times
    those asked for, or `free` where that is more. No piece is cut.

    Parameters
    ----------
    starts, sizes
        Pieces (n,), in any order [bytes]; they may overlap, and those of size 0 do not count.
    gap
        Longest gap that is read through [bytes].
    largest
        Largest extent of several pieces [bytes].
    waste
        Bytes in gaps over bytes in pieces, at most.
    free
        Bytes in gaps that are allowed whatever the share.

    Examples
    --------
    >>> [(e.start, e.size) for e in coalesce([0, 5_000_000, 150], [100, 10, 50])]
    [(0, 200), (5000000, 10)]
    """
    first, size = np.asarray(starts, np.int64).ravel(), np.asarray(sizes, np.int64).ravel()
    first, size = first[size > 0], size[size > 0]
    if not first.size:
        return []
    order = np.lexsort((-size, first))
    first, last = first[order], (first + size)[order]
    reach = np.maximum.accumulate(last)
    gaps = first[1:] - reach[:-1]
    held = int(size.sum() if not (gaps < 0).any() else (reach[-1] - first[0]) - gaps[gaps > 0].sum())
    through = _read_through(gaps, gap, max(waste * held, free))
    extents, begin = [], int(first[0])
    for place in range(1, first.size):
        end = int(reach[place - 1])
        overlaps = gaps[place - 1] < 0
        if not overlaps and not (through[place - 1] and int(reach[place]) - begin <= largest):
            extents.append(Extent(begin, end - begin))
            begin = int(first[place])
    extents.append(Extent(begin, int(reach[-1]) - begin))
    return extents


def _read_through(gaps: Numbers, longest: int, allowance: float) -> npt.NDArray[np.bool_]:
    """Return which gaps (n,) are read through: the smallest ones, as long as their sum is allowed."""
    through = gaps <= 0
    wide = np.flatnonzero((gaps > 0) & (gaps <= longest))
    wide = wide[np.argsort(gaps[wide], kind="stable")]
    through[wide[np.cumsum(gaps[wide]) <= allowance]] = True
    return through
