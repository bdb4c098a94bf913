"""Tilings: squares of a map, numbered from its upper left corner, four for each one at the next zoom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from altiflow.errors import InputError

__all__ = ["MAX_ZOOM", "TILE_GRIDS", "TileGrid"]

Floats = npt.NDArray[np.float64]

MAX_ZOOM = 24
"""Highest zoom; a tile of Web Mercator is then 2.4 m wide."""


@dataclass(frozen=True)
class TileGrid:
    """A square of a map, cut into 2**zoom times 2**zoom tiles; x counts to the right, y down.

    Attributes
    ----------
    epsg
        Code of the map.
    half
        Half the side of the square [m], whose middle is the origin of the map.

    Examples
    --------
    >>> grid = TILE_GRIDS[3413]
    >>> grid.bounds(1, 0, 0)
    (-4194304.0, 0.0, 0.0, 4194304.0)
    >>> grid.tile_at(1, -1.0, 1.0)
    (0, 0)
    """

    epsg: int
    half: float

    def bounds(self, zoom: int, x: int, y: int) -> tuple[float, float, float, float]:
        """Return the edges (x_min, y_min, x_max, y_max) of a tile [m].

        Raises
        ------
        InputError
            If there is no such tile.
        """
        self._check_zoom(zoom)
        count = 2**zoom
        if not (0 <= x < count and 0 <= y < count):
            raise InputError(f"tile {x}, {y} of zoom {zoom} is not there; x and y are 0 to {count - 1}")
        side = 2 * self.half / count
        return x * side - self.half, self.half - (y + 1) * side, (x + 1) * side - self.half, self.half - y * side

    def tile_at(self, zoom: int, across: float, up: float) -> tuple[int, int]:
        """Return (x, y) of the tile that holds a point of the map [m]; edges belong to the right and the lower one.

        Raises
        ------
        InputError
            If the point is outside the square.
        """
        self._check_zoom(zoom)
        if not (abs(across) <= self.half and abs(up) <= self.half):
            raise InputError(f"point {across}, {up} is not on the tiles of EPSG:{self.epsg}; they reach {self.half} m")
        count = 2**zoom
        place = (int((value + self.half) / (2 * self.half) * count) for value in (across, -up))
        first, second = (min(number, count - 1) for number in place)
        return first, second

    def centres(self, zoom: int, x: int, y: int, size: int) -> tuple[Floats, Floats]:
        """Return the centres of the pixels of a tile, across (size,) and up (size,), from its upper left [m]."""
        x_min, _, x_max, y_max = self.bounds(zoom, x, y)
        step = (x_max - x_min) / size
        offsets = (np.arange(size) + 0.5) * step
        return np.asarray(x_min + offsets, float), np.asarray(y_max - offsets, float)

    def _check_zoom(self, zoom: int) -> None:
        if not 0 <= zoom <= MAX_ZOOM:
            raise InputError(f"zoom is 0 to {MAX_ZOOM}, got {zoom}")


_MERCATOR = float(np.pi * 6378137.0)
"""Half the equator of WGS84 [m], where Web Mercator (EPSG:3857) ends."""
_POLAR = 4194304.0
"""Half the side of the polar maps of NASA's Global Imagery Browse Services [m], 2**22."""

TILE_GRIDS: Mapping[int, TileGrid] = {
    3857: TileGrid(3857, _MERCATOR),
    3413: TileGrid(3413, _POLAR),
    3031: TileGrid(3031, _POLAR),
}
"""Tilings by the code of their map."""
