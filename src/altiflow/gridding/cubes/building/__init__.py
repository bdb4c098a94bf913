"""Cubes built: a plan of layers and pieces, and the store that they are written to."""

from altiflow.gridding.cubes.building.build import build_cube

__all__ = ["build_cube"]
