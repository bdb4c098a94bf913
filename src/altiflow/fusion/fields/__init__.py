"""Velocity fields in time: which layers speak for a moment or a time bin, and whether field and altimetry meet."""

from altiflow.fusion.fields.align import align_velocity
from altiflow.fusion.fields.guards import Overlap, check_overlap

__all__ = ["Overlap", "align_velocity", "check_overlap"]
