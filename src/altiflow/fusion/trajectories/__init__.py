"""Trajectories: paths of parcels with time, and lines along the flow."""

from altiflow.fusion.trajectories.advection import Advected, advect_arrays, advect_points
from altiflow.fusion.trajectories.motion import Motion, TimeRule, motion_of
from altiflow.fusion.trajectories.paths import path_lines, path_table
from altiflow.fusion.trajectories.sections import along_flow
from altiflow.fusion.trajectories.steps import STATUS_WORDS, Parcels, Scheme, advance
from altiflow.fusion.trajectories.streams import Direction, FlowLines, flow_lines

__all__ = [
    "STATUS_WORDS",
    "Advected",
    "Direction",
    "FlowLines",
    "Motion",
    "Parcels",
    "Scheme",
    "TimeRule",
    "advance",
    "advect_arrays",
    "advect_points",
    "along_flow",
    "flow_lines",
    "motion_of",
    "path_lines",
    "path_table",
]
