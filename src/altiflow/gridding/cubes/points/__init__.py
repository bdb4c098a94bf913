"""Cubes at points, along lines and in areas."""

from altiflow.gridding.cubes.points.series import series_along, series_at, series_in
from altiflow.gridding.cubes.points.table import series_table

__all__ = ["series_along", "series_at", "series_in", "series_table"]
