"""Gridding along with the drift: altimetry of many days brought to one moment."""

from altiflow.fusion.drift.gridding import DriftMode, DriftPlan, grid_with_drift
from altiflow.fusion.drift.growth import GrowthChoice
from altiflow.fusion.drift.series import DriftSeries, drift_series

__all__ = ["DriftMode", "DriftPlan", "DriftSeries", "GrowthChoice", "drift_series", "grid_with_drift"]
