"""Altimetry with velocity: fields on grids and in time bins, velocity at segments, and whether the two meet."""

from altiflow.fusion.align import align_velocity
from altiflow.fusion.colocate import sample_velocity
from altiflow.fusion.guards import Overlap, check_overlap
from altiflow.fusion.tracks import along_across, track_tangent

__all__ = ["Overlap", "align_velocity", "along_across", "check_overlap", "sample_velocity", "track_tangent"]
