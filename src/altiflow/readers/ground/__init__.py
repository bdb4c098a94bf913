"""Ground: where land, ice and ocean are, from outlines or rasters of classes."""

from altiflow.readers.ground.classes import GROUND, ICE, LAND, OCEAN, UNKNOWN, read_ground
from altiflow.readers.ground.outlines import polygonise_lines, read_outlines

__all__ = ["GROUND", "ICE", "LAND", "OCEAN", "UNKNOWN", "polygonise_lines", "read_ground", "read_outlines"]
