"""Velocity in time from displacements over intervals."""
