"""Heights: how they change at a place and with the ice, topography that moves by, and what melts below."""

from altiflow.fusion.heights.changes import counts_text
from altiflow.fusion.heights.rates import eulerian_dhdt, lagrangian_dhdt
from altiflow.fusion.heights.shelves import basal_melt, ice_shelf_height, ice_shelf_thickness
from altiflow.fusion.heights.topography import advected_topography

__all__ = [
    "advected_topography",
    "basal_melt",
    "counts_text",
    "eulerian_dhdt",
    "ice_shelf_height",
    "ice_shelf_thickness",
    "lagrangian_dhdt",
]
