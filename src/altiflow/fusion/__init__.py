"""Altimetry with velocity: fields on grids and in time bins, velocity at segments and along lines, strain, paths."""

from altiflow.fusion.align import align_velocity
from altiflow.fusion.colocate import sample_velocity
from altiflow.fusion.guards import Overlap, check_overlap
from altiflow.fusion.kinematics import strain_rates
from altiflow.fusion.matching import match_tables
from altiflow.fusion.tracks import along_across, track_tangent
from altiflow.fusion.trajectories import FlowLines, advect_points, flow_lines, path_lines, path_table
from altiflow.fusion.transects import line_components

__all__ = [
    "FlowLines",
    "Overlap",
    "advect_points",
    "align_velocity",
    "along_across",
    "check_overlap",
    "flow_lines",
    "line_components",
    "match_tables",
    "path_lines",
    "path_table",
    "sample_velocity",
    "strain_rates",
    "track_tangent",
]
