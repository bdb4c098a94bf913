"""Velocity cubes: image pairs of any map on one grid, their filters, means and fits in time, and series of them."""

from altiflow.gridding.cubes.building import build_cube
from altiflow.gridding.cubes.convert import convert_field
from altiflow.gridding.cubes.filters import filter_layers, reject_isolated, reject_locked, reject_outliers
from altiflow.gridding.cubes.inversion import (
    evaluate_model,
    interpolate_season,
    invert_displacements,
    seasonal_series,
)
from altiflow.gridding.cubes.means import lowess, mean_of_speeds, mid_date_mean, running_mean, weighted_mean
from altiflow.gridding.cubes.points import series_along, series_at, series_in, series_table

__all__ = [
    "build_cube",
    "convert_field",
    "evaluate_model",
    "filter_layers",
    "interpolate_season",
    "invert_displacements",
    "lowess",
    "mean_of_speeds",
    "mid_date_mean",
    "reject_isolated",
    "reject_locked",
    "reject_outliers",
    "running_mean",
    "seasonal_series",
    "series_along",
    "series_at",
    "series_in",
    "series_table",
    "weighted_mean",
]
