"""Velocity cubes: image pairs and fields of many layers on one grid, and what they hold in time at a place."""

from altiflow.gridding.cubes.build import build_cube
from altiflow.gridding.cubes.convert import convert_field
from altiflow.gridding.cubes.series import series_along, series_at, series_in
from altiflow.gridding.cubes.table import series_table

__all__ = ["build_cube", "convert_field", "series_along", "series_at", "series_in", "series_table"]
