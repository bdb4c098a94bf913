"""Means in time: by overlap, running, local; and the biased ways in use."""

from altiflow.gridding.cubes.means.old import mean_of_speeds, mid_date_mean
from altiflow.gridding.cubes.means.regression import lowess
from altiflow.gridding.cubes.means.running import running_mean
from altiflow.gridding.cubes.means.weighted import weighted_mean

__all__ = ["lowess", "mean_of_speeds", "mid_date_mean", "running_mean", "weighted_mean"]
