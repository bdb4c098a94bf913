"""From one grid to another: by area, and by interpolation."""

from altiflow.gridding.remap.regridding import regrid
from altiflow.gridding.remap.resample import Lattice, PointMethod, Stencil

__all__ = ["Lattice", "PointMethod", "Stencil", "regrid"]
