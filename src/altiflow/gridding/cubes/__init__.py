"""Velocity cubes: image pairs and fields of many layers on one grid."""

from altiflow.gridding.cubes.build import build_cube
from altiflow.gridding.cubes.convert import convert_field

__all__ = ["build_cube", "convert_field"]
