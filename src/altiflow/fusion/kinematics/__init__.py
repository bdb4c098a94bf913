"""Kinematics: how a velocity field strains and turns the ice, on the ground rather than on the map."""

from altiflow.fusion.kinematics.continuity import flux_divergence, thickness_change
from altiflow.fusion.kinematics.deformation import deformation_along
from altiflow.fusion.kinematics.invariants import STRAIN_NAMES, StrainName
from altiflow.fusion.kinematics.strain import strain_rates

__all__ = [
    "STRAIN_NAMES",
    "StrainName",
    "deformation_along",
    "flux_divergence",
    "strain_rates",
    "thickness_change",
]
