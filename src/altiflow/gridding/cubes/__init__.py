"""Velocity cubes: image pairs and fields of many layers on one grid, and what they hold in time at a place."""

from altiflow.gridding.cubes.building import build_cube
from altiflow.gridding.cubes.convert import convert_field
from altiflow.gridding.cubes.points import series_along, series_at, series_in, series_table

__all__ = ["build_cube", "convert_field", "series_along", "series_at", "series_in", "series_table"]
