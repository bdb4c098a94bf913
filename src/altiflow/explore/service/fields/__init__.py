"""Velocity fields that are served: as pictures in tiles, and as series at points."""

from altiflow.explore.service.fields.pictures import draw_tile
from altiflow.explore.service.fields.served import ServedField
from altiflow.explore.service.fields.tiling import TILE_GRIDS, TileGrid

__all__ = ["TILE_GRIDS", "ServedField", "TileGrid", "draw_tile"]
