"""Gridding along with the drift: altimetry of many days brought to one moment."""

from altiflow.fusion.drift.gridding import DriftMode, DriftPlan, grid_with_drift
from altiflow.fusion.drift.growth import GrowthChoice

__all__ = ["DriftMode", "DriftPlan", "GrowthChoice", "grid_with_drift"]
