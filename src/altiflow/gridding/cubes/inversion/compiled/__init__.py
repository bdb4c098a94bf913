"""Displacement least squares of one pixel after the other, compiled by numba; needs the extra ``fast``."""

from altiflow.gridding.cubes.inversion.compiled.fits import compile_fits

__all__ = ["compile_fits"]
