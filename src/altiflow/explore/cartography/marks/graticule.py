"""Meridians and parallels of a map, labelled where they leave its frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import shapely

from altiflow.explore.cartography.style import text_style

__all__ = ["Graticule", "draw_graticule"]

Bounds = tuple[float, float, float, float]
Floats = npt.NDArray[np.float64]

_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 45.0, 60.0, 90.0)
_MOST_PARALLELS, _MOST_MERIDIANS = 6, 7
_LINE = {"color": "#5f6b73", "linewidth": 0.4, "alpha": 0.55}
# Room that a label takes along the frame, across and up, and that it keeps from a corner [points].
_ROOM = {"left": 13.0, "right": 13.0, "bottom": 36.0, "top": 36.0}
_CORNER = 7.0
_TWICE = 2
"""Most labels of one line: a circle may cross the frame eight times."""
_GRAZING = 0.3
"""A line that meets the frame at a smaller sine than this gets no label: it could belong to either side."""


@dataclass(frozen=True)
class Line:
    """A meridian or a parallel in the plane of the map: its label and its points (n, 2) [m]."""

    label: str
    points: Floats


@dataclass(frozen=True)
class Graticule:
    """The lines chosen for a window of a map.

    Attributes
    ----------
    crs
        CRS of the map.
    bounds
        (x_min, y_min, x_max, y_max) of the window [m].
    """

    crs: pyproj.CRS
    bounds: Bounds

    @cached_property
    def pole(self) -> int:
        """1 or -1 where the window holds that pole, 0 where it holds none."""
        for sign in (1, -1):
            x, y = self._to_plane(np.array([0.0]), np.array([90.0 * sign]))
            if self.bounds[0] < x[0] < self.bounds[2] and self.bounds[1] < y[0] < self.bounds[3]:
                return sign
        return 0

    @cached_property
    def ranges(self) -> tuple[Floats, Floats]:
        """Return (least, greatest) longitude and latitude of the window [degrees], past ±180 if need be."""
        across = np.linspace(self.bounds[0], self.bounds[2], 61)
        up = np.linspace(self.bounds[1], self.bounds[3], 61)
        x, y = np.meshgrid(across, up)
        lon, lat = self._from_plane(x.ravel(), y.ravel())
        lon, lat = lon[np.isfinite(lon)], lat[np.isfinite(lat)]
        if self.pole:
            lat = np.append(lat, 90.0 * self.pole)
            return np.array([-180.0, 180.0]), np.array([lat.min(), lat.max()])
        centre = lon[lon.size // 2]
        lon = centre + (lon - centre + 180.0) % 360.0 - 180.0
        return np.array([lon.min(), lon.max()]), np.array([lat.min(), lat.max()])

    def parallels(self) -> list[Line]:
        """Return the parallels, round numbers of degrees apart."""
        lon, lat = self.ranges
        step = _step(lat[1] - lat[0], _MOST_PARALLELS)
        along = np.linspace(lon[0] - 1.0, lon[1] + 1.0, 721) if not self.pole else np.linspace(-180.0, 180.0, 721)
        values = _multiples(lat, step)
        values = values[np.abs(values) < 90.0 - step / 2]
        return [Line(_label(value, step, "NS"), self._line(along, np.full(along.size, value))) for value in values]

    def meridians(self) -> list[Line]:
        """Return the meridians; round a pole all but four stop at the parallel next to it."""
        lon, lat = self.ranges
        step = 30.0 if self.pole else _step(lon[1] - lon[0], _MOST_MERIDIANS)
        margin = _step(lat[1] - lat[0], _MOST_PARALLELS)
        values = _multiples(lon, step)
        lines = []
        for value in values[:-1] if self.pole else values:
            ends = np.clip([lat[0] - margin, lat[1] + margin], -90.0, 90.0)
            if self.pole and value % 90.0:
                ends = np.clip(ends, -90.0 + margin, 90.0 - margin)
            along = np.linspace(float(ends[0]), float(ends[1]), 361)
            lines.append(Line(_label(value, step, "EW"), self._line(np.full(along.size, value), along)))
        return lines

    @cached_property
    def _transformer(self) -> pyproj.Transformer:
        return pyproj.Transformer.from_crs("EPSG:4326", self.crs, always_xy=True)

    def _line(self, lon: Floats, lat: Floats) -> Floats:
        points = np.column_stack(self._to_plane(lon, lat))
        return points[np.isfinite(points).all(axis=1)]

    def _to_plane(self, lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
        x, y = self._transformer.transform(lon, lat)
        return np.asarray(x), np.asarray(y)

    def _from_plane(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        lon, lat = self._transformer.transform(x, y, direction="INVERSE")
        return np.asarray(lon), np.asarray(lat)


def draw_graticule(axes: Any, graticule: Graticule, *, inches: tuple[float, float]) -> list[Any]:
    """Draw the lines on axes in the plane of the map, and return their labels.

    Meridians come first; a parallel is labelled where room is left, and within the map where it is a full
    circle that never meets the frame. No two labels overlap.

    Parameters
    ----------
    axes
        Axes whose limits are the bounds of the graticule.
    graticule
        The lines.
    inches
        Width and height of the axes [inch].
    """
    points_per_metre = 72.0 * inches[0] / (graticule.bounds[2] - graticule.bounds[0])
    taken: dict[str, list[float]] = {"left": [], "right": [], "bottom": [], "top": []}
    labels = []
    for line in (*graticule.meridians(), *graticule.parallels()):
        if len(line.points) < 2:
            continue
        axes.plot(line.points[:, 0], line.points[:, 1], zorder=4, gid=f"graticule {line.label}", **_LINE)
        crossings = list(_crossings(line.points, graticule.bounds))
        written = 0
        for side, x, y in crossings:
            if written == _TWICE:
                break
            place = (y if side in ("left", "right") else x) * points_per_metre
            if all(abs(place - other) >= _ROOM[side] for other in taken[side]) and _clear_of_corners(
                x, y, graticule.bounds, side, _CORNER / points_per_metre
            ):
                taken[side].append(place)
                labels.append(_write_outside(axes, line.label, side, x, y))
                written += 1
        if not crossings and _inside(line.points, graticule.bounds):
            labels.append(_write_on_line(axes, line))
    return labels


def _crossings(points: Floats, bounds: Bounds) -> Iterator[tuple[str, float, float]]:
    """Yield (side, x, y) wherever a line crosses the frame at a clear angle."""
    x_min, y_min, x_max, y_max = bounds
    sides = {
        "left": ((x_min, y_min), (x_min, y_max)),
        "right": ((x_max, y_min), (x_max, y_max)),
        "bottom": ((x_min, y_min), (x_max, y_min)),
        "top": ((x_min, y_max), (x_max, y_max)),
    }
    path = shapely.LineString(points)
    for side, ends in sides.items():
        met = shapely.get_parts(shapely.intersection(path, shapely.LineString(ends)))
        for x, y in shapely.get_coordinates(met[shapely.get_dimensions(met) == 0]):
            nearest = int(np.argmin(np.hypot(points[:, 0] - x, points[:, 1] - y)))
            before, after = points[max(nearest - 1, 0)], points[min(nearest + 1, len(points) - 1)]
            along = np.abs(after - before) / max(np.hypot(*(after - before)), 1e-12)
            if along[0 if side in ("left", "right") else 1] > _GRAZING:
                yield side, float(x), float(y)


def _clear_of_corners(x: float, y: float, bounds: Bounds, side: str, distance: float) -> bool:
    """Return whether a place on a side keeps its distance [m] from the side's ends."""
    low, high, place = (bounds[1], bounds[3], y) if side in ("left", "right") else (bounds[0], bounds[2], x)
    return low + distance <= place <= high - distance


def _inside(points: Floats, bounds: Bounds) -> bool:
    """Return whether the first point lies within the frame."""
    return bool(bounds[0] < points[0, 0] < bounds[2] and bounds[1] < points[0, 1] < bounds[3])


def _write_outside(axes: Any, label: str, side: str, x: float, y: float) -> Any:
    """Write a label outside the frame."""
    shift, across, up = {
        "left": ((-4, 0), "right", "center"),
        "right": ((4, 0), "left", "center"),
        "bottom": ((0, -4), "center", "top"),
        "top": ((0, 4), "center", "bottom"),
    }[side]
    return axes.annotate(
        label, (x, y), xytext=shift, textcoords="offset points", ha=across, va=up, annotation_clip=False,
        **text_style("small"),
    )  # fmt: skip


def _write_on_line(axes: Any, line: Line) -> Any:
    """Write the label of a full circle on the circle, halfway between two meridians."""
    x, y = line.points[round((len(line.points) - 1) * 15 / 24 + 15)]
    box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
    return axes.annotate(line.label, (x, y), ha="center", va="center", zorder=9, bbox=box, **text_style("small"))


def _step(span: float, most: int) -> float:
    """Return the smallest round step that cuts a span [degrees] into no more than `most` parts."""
    return next((step for step in _STEPS if span / step <= most), _STEPS[-1])


def _multiples(ends: Floats, step: float) -> Floats:
    """Return the multiples of a step from the first to the last inside the ends."""
    return np.arange(np.ceil(ends[0] / step - 1e-9), np.floor(ends[1] / step + 1e-9) + 1) * step


def _label(value: float, step: float, letters: str) -> str:
    """Return a coordinate as text.

    >>> [_label(*given) for given in ((190.0, 10.0, "EW"), (-180.0, 30.0, "EW"), (-65.5, 0.5, "NS"))]
    ['170°W', '180°', '65.5°S']
    """
    turned = (value + 180.0) % 360.0 - 180.0 if letters == "EW" else value
    digits = 0 if step >= 1 else 1 if step >= 0.1 else 2
    size = f"{abs(turned):.{digits}f}"
    if float(size) == 0 or (letters == "EW" and float(size) == 180):
        return f"{float(size):g}°"
    return f"{size}°{letters[0] if turned > 0 else letters[1]}"
