"""Rulers of a map: the scale bar, and the arrow to the north where there is one north."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj

from altiflow.explore.cartography.furniture import round_down
from altiflow.explore.cartography.style import text_style

__all__ = ["draw_north", "draw_scale_bar", "map_scale", "north_of"]

Bounds = tuple[float, float, float, float]

_BAR_LENGTH = 1.75
"""Longest scale bar [inch]."""
_ARROW = {"arrowstyle": "-|>,head_width=0.22,head_length=0.45", "linewidth": 1.1, "color": "#222222"}
_ONE_NORTH = 20.0
"""Most that directions to the north may differ over a map with a north arrow [degrees]."""


def map_scale(crs: pyproj.CRS, bounds: Bounds) -> tuple[float, float]:
    """Return (map metres per true metre left to right, latitude) at the centre of a window.

    The true distance is that of the geodesic between two points about a twentieth of the window apart.

    Examples
    --------
    Polar stereographic with true scale at 70 degrees shrinks the pole:

    >>> scale, latitude = map_scale(pyproj.CRS("EPSG:3413"), (-1e5, -1e5, 1e5, 1e5))
    >>> round(scale, 3), round(latitude)
    (0.97, 90)
    """
    x, y = (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2
    half = (bounds[2] - bounds[0]) / 40
    transformer = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    lon, lat = transformer.transform([x - half, x, x + half], [y, y, y])
    geod = crs.get_geod() or pyproj.Geod(ellps="WGS84")
    _, _, distance = geod.inv(lon[0], lat[0], lon[2], lat[2])
    return 2 * half / distance, float(lat[1])


def draw_scale_bar(axes: Any, crs: pyproj.CRS, bounds: Bounds, *, inches: float) -> float:
    """Draw a scale bar of true length and return that length [m].

    Parameters
    ----------
    axes
        Empty axes as wide as the map, below it.
    crs, bounds
        Of the map's window.
    inches
        Width of the map and of the axes [inch].
    """
    scale, latitude = map_scale(crs, bounds)
    width = bounds[2] - bounds[0]
    length = round_down(min(_BAR_LENGTH / inches, 0.38) * width / scale)
    axes.set_xlim(0.0, width)
    axes.set_ylim(0.0, 1.0)
    axes.axis("off")
    half = length * scale / 2
    small = text_style("small")
    style = {"height": 0.16, "align": "edge", "edgecolor": "#222222", "linewidth": 0.6}
    axes.barh(0.55, half, left=0.002 * width, color="#222222", **style)
    axes.barh(0.55, half, left=0.002 * width + half, color="white", **style)
    unit, divisor = ("km", 1e3) if length >= 2000 else ("m", 1.0)
    for part in (0, 1, 2) if half / width * inches > 0.3 else (0, 2):
        number = f"{length * part / 2 / divisor:g}"
        place = (0.002 * width + part * half, 0.55)
        axes.annotate(number, place, xytext=(0, -2.5), textcoords="offset points", ha="center", va="top", **small)
    beside = (2.6 * len(number) + 2.0, -2.5)
    axes.annotate(unit, place, xytext=beside, textcoords="offset points", ha="left", va="top", **small)
    hemisphere = "N" if latitude >= 0 else "S"
    digits = 0 if width > 3e5 else 1
    where = "the pole" if abs(latitude) > 89.5 else f"{abs(latitude):.{digits}f}°{hemisphere}"
    axes.text(0.002 * width + 2 * half, 0.63, f"  true at {where}", ha="left", va="center", **small)
    return length


def north_of(crs: pyproj.CRS, bounds: Bounds) -> tuple[float, float]:
    """Return (direction to the north at the centre, how far it differs over the window), from y clockwise [degrees].

    Examples
    --------
    Round the pole every direction is south:

    >>> round(north_of(pyproj.CRS("EPSG:3413"), (-1e6, -1e6, 1e6, 1e6))[1])
    180

    In a window of Greenland's east the map is turned by 25 degrees:

    >>> direction, spread = north_of(pyproj.CRS("EPSG:3413"), (9.5e5, -2.1e6, 1.0e6, -2.05e6))
    >>> round(direction), round(spread)
    (-25, 1)
    """
    across, up = np.linspace(bounds[0], bounds[2], 9), np.linspace(bounds[1], bounds[3], 9)
    x, y = (part.ravel() for part in np.meshgrid(across, up))
    to_globe = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    lon, lat = (np.asarray(part, float) for part in to_globe.transform(x, y))
    # A step of a ten-thousandth of a degree, away from a pole that is near.
    step = np.where(lat > 89.9, -1e-4, 1e-4)
    north_x, north_y = to_globe.transform(lon, lat + step, direction="INVERSE")
    turn = np.degrees(np.arctan2((np.asarray(north_x) - x) / step, (np.asarray(north_y) - y) / step))
    if not np.isfinite(turn).all():
        return float("nan"), 180.0
    middle = float(turn[turn.size // 2])
    return middle, float(np.abs(_turned(turn - middle)).max())


def _turned(angle: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return angles between -180 and 180 degrees."""
    return np.asarray((angle + 180.0) % 360.0 - 180.0)


def draw_north(axes: Any, crs: pyproj.CRS, bounds: Bounds, *, inches: tuple[float, float]) -> bool:
    """Draw an arrow to the north beside the upper right of a map where the direction is one; return whether it is.

    Where directions differ by more than 20 degrees from the centre's, as round a pole, the meridians tell them.

    Parameters
    ----------
    axes
        Axes of the map.
    crs, bounds
        Of the map's window.
    inches
        Width and height of the map [inch].
    """
    direction, spread = north_of(crs, bounds)
    if spread > _ONE_NORTH:
        return False
    half = 0.16
    turned = np.array([np.sin(np.radians(direction)), np.cos(np.radians(direction))]) * half / np.asarray(inches)
    centre = 1 + np.array([0.74, -0.02]) / np.asarray(inches)
    arrow = axes.annotate(
        "", centre + turned, centre - turned, xycoords="axes fraction", textcoords="axes fraction",
        arrowprops={**_ARROW, "shrinkA": 0, "shrinkB": 0}, annotation_clip=False,
    )  # fmt: skip
    arrow.set_gid("north")
    letter = centre + 1.55 * turned
    axes.text(*letter, "N", transform=axes.transAxes, ha="center", va="center", **text_style("small"))
    return True
