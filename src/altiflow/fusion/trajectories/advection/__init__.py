"""Advection: tables and arrays carried with the ice to another moment, and how sure the new place is."""

from altiflow.fusion.trajectories.advection.arrays import Advected, Logbook, advect_arrays, geodesic_length
from altiflow.fusion.trajectories.advection.edge import IceEdge, edge_of
from altiflow.fusion.trajectories.advection.points import advect_points, sigma_of_day
from altiflow.fusion.trajectories.advection.spread import Spread, spread_of_days

__all__ = [
    "Advected",
    "IceEdge",
    "Logbook",
    "Spread",
    "advect_arrays",
    "advect_points",
    "edge_of",
    "geodesic_length",
    "sigma_of_day",
    "spread_of_days",
]
