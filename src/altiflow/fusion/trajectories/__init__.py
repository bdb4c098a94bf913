"""Trajectories: paths of parcels with time, and lines along the flow."""

from altiflow.fusion.trajectories.motion import Motion, TimeRule, motion_of
from altiflow.fusion.trajectories.paths import path_lines, path_table
from altiflow.fusion.trajectories.steps import STATUS_WORDS, Parcels, Scheme, advance

__all__ = [
    "STATUS_WORDS",
    "Motion",
    "Parcels",
    "Scheme",
    "TimeRule",
    "advance",
    "motion_of",
    "path_lines",
    "path_table",
]
