"""Altimetry with velocity: fields on grids and in time bins, velocity at segments and along lines, strain, paths."""

from altiflow.fusion.align import align_velocity
from altiflow.fusion.colocate import sample_velocity
from altiflow.fusion.drift import DriftPlan, DriftSeries, drift_series, grid_with_drift
from altiflow.fusion.guards import Overlap, check_overlap
from altiflow.fusion.heights import (
    advected_topography,
    basal_melt,
    counts_text,
    eulerian_dhdt,
    ice_shelf_height,
    ice_shelf_thickness,
    lagrangian_dhdt,
)
from altiflow.fusion.kinematics import strain_rates
from altiflow.fusion.tracks import along_across, track_tangent
from altiflow.fusion.trajectories import FlowLines, advect_points, flow_lines, path_lines, path_table
from altiflow.fusion.transects import line_components

__all__ = [
    "DriftPlan",
    "DriftSeries",
    "FlowLines",
    "Overlap",
    "advect_points",
    "advected_topography",
    "align_velocity",
    "along_across",
    "basal_melt",
    "check_overlap",
    "counts_text",
    "drift_series",
    "eulerian_dhdt",
    "flow_lines",
    "grid_with_drift",
    "ice_shelf_height",
    "ice_shelf_thickness",
    "lagrangian_dhdt",
    "line_components",
    "path_lines",
    "path_table",
    "sample_velocity",
    "strain_rates",
    "track_tangent",
]
