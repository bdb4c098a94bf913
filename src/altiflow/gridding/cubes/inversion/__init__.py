"""Velocity in time from displacements over intervals."""

from altiflow.gridding.cubes.inversion.displacements import invert_displacements
from altiflow.gridding.cubes.inversion.seasons import evaluate_model, interpolate_season, seasonal_series

__all__ = ["evaluate_model", "interpolate_season", "invert_displacements", "seasonal_series"]
