"""Velocity from image pairs: where the chips of one image lie in the other."""

from altiflow.tracking.offsets import STATUS, Offsets, track_offsets
from altiflow.tracking.parameters import TrackParameters, fastest_motion, search_radius

__all__ = ["STATUS", "Offsets", "TrackParameters", "fastest_motion", "search_radius", "track_offsets"]
