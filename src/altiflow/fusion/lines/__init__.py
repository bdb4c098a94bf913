"""Velocity along and across tracks of the altimeter and lines on a map."""

from altiflow.fusion.lines.tracks import along_across, track_tangent
from altiflow.fusion.lines.transects import line_components

__all__ = ["along_across", "line_components", "track_tangent"]
