"""Where on the globe: boxes, polygons and files, across the antimeridian and over the poles."""

from altiflow.region.area import Box, Region
from altiflow.region.outline import enclose_ring, turn_longitudes, wrap_longitudes
from altiflow.region.places import as_places
from altiflow.region.sources import as_region

__all__ = ["Box", "Region", "as_places", "as_region", "enclose_ring", "turn_longitudes", "wrap_longitudes"]
