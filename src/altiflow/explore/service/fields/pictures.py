"""Pictures: tiles of the speed of ice on a logarithmic colour scale."""

from __future__ import annotations

import io
from functools import lru_cache

import matplotlib
import numpy as np
import numpy.typing as npt
import pyproj
from PIL import Image

from altiflow.errors import InputError
from altiflow.explore.service.fields.served import ServedField
from altiflow.explore.service.fields.tiling import TileGrid

__all__ = ["COLOURS", "colour_speeds", "draw_tile"]

Floats = npt.NDArray[np.float64]
COLOURS = ("viridis", "plasma", "magma", "inferno", "cividis", "turbo")


def draw_tile(
    served: ServedField,
    grid: TileGrid,
    tile: tuple[int, int, int],
    *,
    layer: int = 0,
    limits: tuple[float, float] = (1.0, 10_000.0),
    colours: str = "viridis",
    size: int = 256,
) -> bytes:
    """Return a tile of the ground speed of a layer as PNG, clear where there is none.

    Parameters
    ----------
    served
        The field.
    grid, tile
        Tiling, and (zoom, x, y).
    layer
        Which layer, from 0; negative counts from the end.
    limits
        Speeds of the first and the last colour [unit of the field]; what is beyond has these colours.
    colours
        One of ``COLOURS``.
    size
        Pixels of a side.

    Raises
    ------
    InputError
        If there is no such tile or layer, or the limits are no range above 0.
    """
    across, up = grid.centres(*tile, size)
    x, y = (part.ravel() for part in np.meshgrid(across, up))
    field_x, field_y = _transformer(grid.epsg, str(served.dataset.attrs["crs"])).transform(x, y)
    spacing = _spacing(field_x, field_y, size)
    speed = served.speed_at(layer, np.asarray(field_x), np.asarray(field_y), spacing=spacing)
    picture = Image.fromarray(colour_speeds(speed.reshape(size, size), limits, colours), "RGBA")
    held = io.BytesIO()
    picture.save(held, "PNG")
    return held.getvalue()


@lru_cache(maxsize=32)
def _transformer(epsg: int, crs: str) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(epsg, crs, always_xy=True)


def _spacing(x: Floats, y: Floats, size: int) -> float:
    """Return the usual distance of neighbouring pixels on the map of the field [m]."""
    with np.errstate(invalid="ignore"):
        steps = np.hypot(*(np.diff(np.asarray(part).reshape(size, size), axis=1) for part in (x, y)))
    known = steps[np.isfinite(steps)]
    return float(np.median(known)) if known.size else 0.0


def colour_speeds(speed: Floats, limits: tuple[float, float], colours: str = "viridis") -> npt.NDArray[np.uint8]:
    """Return colours (rows, cols, 4) of speeds (rows, cols); clear where there is none.

    Raises
    ------
    InputError
        If the limits are no range above 0, or the colours are not known.

    Examples
    --------
    >>> colour_speeds(np.array([[0.0, 1.0, 1e9, np.nan]]), (1.0, 100.0))[0].tolist()
    [[68, 1, 84, 255], [68, 1, 84, 255], [253, 231, 36, 255], [0, 0, 0, 0]]
    """
    low, high = limits
    if not 0 < low < high < np.inf:
        raise InputError(f"limits are two speeds above 0, the lower one first, got {limits!r}")
    if colours not in COLOURS:
        raise InputError(f"colours={colours!r} are not known; known are {', '.join(COLOURS)}")
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (np.log10(speed) - np.log10(low)) / (np.log10(high) - np.log10(low))
    picture = matplotlib.colormaps[colours](np.clip(np.nan_to_num(share, nan=0.0), 0.0, 1.0), bytes=True)
    picture[~np.isfinite(speed)] = 0
    return np.asarray(picture, dtype=np.uint8)
