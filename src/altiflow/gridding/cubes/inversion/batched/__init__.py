"""Displacement least squares of many pixels at once, in numpy."""

from altiflow.gridding.cubes.inversion.batched.fits import PixelFits

__all__ = ["PixelFits"]
