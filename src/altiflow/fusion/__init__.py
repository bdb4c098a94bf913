"""Altimetry with velocity: fields on grids and in time bins, velocity at segments and along lines, strain, paths."""

from altiflow.fusion.colocate import sample_velocity
from altiflow.fusion.dataset import Fused, fuse
from altiflow.fusion.drift import DriftPlan, DriftSeries, drift_series, grid_with_drift
from altiflow.fusion.fields import Overlap, align_velocity, check_overlap
from altiflow.fusion.gates import Gate, Uncertain, area_flux, mass_flux, volume_flux
from altiflow.fusion.heights import (
    advected_topography,
    basal_melt,
    counts_text,
    eulerian_dhdt,
    ice_shelf_height,
    ice_shelf_thickness,
    lagrangian_dhdt,
)
from altiflow.fusion.kinematics import deformation_along, flux_divergence, strain_rates, thickness_change
from altiflow.fusion.lines import along_across, line_components, track_tangent
from altiflow.fusion.matching import match_tables
from altiflow.fusion.nearby import find_near
from altiflow.fusion.thickness import (
    SeaIceThickness,
    ThicknessErrors,
    add_sea_ice_thickness,
    freeboard_of_ice,
    sea_ice_thickness,
)
from altiflow.fusion.trajectories import FlowLines, advect_points, along_flow, flow_lines, path_lines, path_table

__all__ = [
    "DriftPlan",
    "DriftSeries",
    "FlowLines",
    "Fused",
    "Gate",
    "Overlap",
    "SeaIceThickness",
    "ThicknessErrors",
    "Uncertain",
    "add_sea_ice_thickness",
    "advect_points",
    "advected_topography",
    "align_velocity",
    "along_across",
    "along_flow",
    "area_flux",
    "basal_melt",
    "check_overlap",
    "counts_text",
    "deformation_along",
    "drift_series",
    "eulerian_dhdt",
    "find_near",
    "flow_lines",
    "flux_divergence",
    "freeboard_of_ice",
    "fuse",
    "grid_with_drift",
    "ice_shelf_height",
    "ice_shelf_thickness",
    "lagrangian_dhdt",
    "line_components",
    "mass_flux",
    "match_tables",
    "path_lines",
    "path_table",
    "sample_velocity",
    "sea_ice_thickness",
    "strain_rates",
    "thickness_change",
    "track_tangent",
    "volume_flux",
]
