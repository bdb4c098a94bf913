"""Cubes of image pairs: means in time, filters, and velocity from displacements."""

from altiflow.gridding.cubes.filters import filter_layers, reject_locked, reject_outliers
from altiflow.gridding.cubes.inversion import (
    evaluate_model,
    interpolate_season,
    invert_displacements,
    seasonal_series,
)
from altiflow.gridding.cubes.means import lowess, mean_of_speeds, mid_date_mean, running_mean, weighted_mean

__all__ = [
    "evaluate_model",
    "filter_layers",
    "interpolate_season",
    "invert_displacements",
    "lowess",
    "mean_of_speeds",
    "mid_date_mean",
    "reject_locked",
    "reject_outliers",
    "running_mean",
    "seasonal_series",
    "weighted_mean",
]
