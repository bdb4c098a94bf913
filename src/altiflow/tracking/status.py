"""Flags of a cell of tracked displacements."""

from types import MappingProxyType

__all__ = ["AMBIGUOUS", "EDGE", "FILLED", "FLAT", "LEAST_TEXTURE", "NODATA", "NO_CONVERGENCE", "OUTLIER", "STATUS"]

NODATA, FLAT, EDGE, NO_CONVERGENCE, OUTLIER, FILLED, AMBIGUOUS = (1 << bit for bit in range(7))

LEAST_TEXTURE = 0.05
"""Least share of pixels of a chip that differ from a neighbour, for it not to be flat."""

STATUS = MappingProxyType(
    {
        "ok": 0,
        "nodata": NODATA,
        "flat": FLAT,
        "edge": EDGE,
        "no_convergence": NO_CONVERGENCE,
        "outlier": OUTLIER,
        "filled": FILLED,
        "ambiguous": AMBIGUOUS,
    }
)
"""Bits of the status of a cell.

========================  ==============================================================================
ok (0)                    measured; nothing else is set
nodata (1)                too few valid pixels in the chip or in its match
flat (2)                  the chip, or every place it could lie in, has no texture
edge (4)                  the chip or its match passes the rim of the image, or the best match lies on the
                          rim of the window that was searched
no_convergence (8)        the sub-pixel search did not settle near the integer peak
outlier (16)              the displacement disagrees with its neighbours
filled (32)               the displacement is interpolated from neighbours
ambiguous (64)            the correlation, or its lead over the second peak, is below what was asked for
========================  ==============================================================================

A cell has a displacement if it has no flag, or ``filled`` among its flags.
"""
