"""Ice velocity as arrows on a map."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import xarray as xr
from matplotlib.patheffects import withStroke

from altiflow.errors import InputError
from altiflow.explore.cartography.furniture import pretty_units, round_down
from altiflow.explore.cartography.layers import Layers
from altiflow.explore.cartography.style import text_style
from altiflow.explore.cartography.window import project
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.vectors import convert_metric, reproject_vectors
from altiflow.readers.field import Metric

__all__ = ["draw_directions", "draw_velocity", "thin_velocity", "velocity_layer"]

Bounds = tuple[float, float, float, float]
Floats = npt.NDArray[np.float64]

_MOST_ACROSS = 27
"""Arrows across a map at most."""
_REACH = 1.15
"""Length of a fast arrow (95th percentile), in spaces between arrows."""


def velocity_layer(velocity: xr.Dataset, dataset: xr.Dataset, layer: int, crs: pyproj.CRS) -> xr.Dataset:
    """Return the layer (y, x) of a velocity Dataset that belongs to a layer of a gridded one.

    It is the layer of the same time, or the only one.

    Raises
    ------
    InputError
        If vx or vy are missing, the CRS is another one, or there is no layer of that time.
    """
    absent = [name for name in ("vx", "vy") if name not in velocity.data_vars]
    if absent:
        raise InputError(f"velocity has no {' and '.join(absent)}; give what align_velocity returns")
    own = Grid.from_dataset(velocity).crs
    if own != crs and not own.equals(crs, ignore_axis_order=True):
        raise InputError(
            f"velocity is on {own.name!r} and the map on {crs.name!r}, so its arrows would point elsewhere; "
            "align_velocity(velocity, Grid.from_dataset(dataset), time=dataset) puts it there"
        )
    units = velocity["vx"].attrs.get("units", velocity.attrs.get("units", ""))
    chosen = velocity[["vx", "vy"]].assign_attrs(units=units)
    chosen.attrs["velocity_metric"] = velocity.attrs.get("velocity_metric", dataset.attrs.get("velocity_metric", "map"))
    if "time" not in chosen.dims:
        return chosen
    if chosen.sizes["time"] == 1:
        return chosen.isel(time=0)
    same = np.flatnonzero(chosen["time"].values == dataset["time"].values[layer])
    if same.size != 1:
        stamp = np.datetime_as_string(dataset["time"].values[layer], unit="D")
        raise InputError(
            f"velocity has {chosen.sizes['time']} layers and {same.size} of them at {stamp}; give the bins"
        )
    return chosen.isel(time=int(same[0]))


def thin_velocity(layer: xr.Dataset, bounds: Bounds) -> xr.Dataset:
    """Return block means of a velocity layer within bounds, few enough to be drawn as arrows.

    A block needs a quarter of its cells.
    """
    inside = layer.isel(
        x=np.flatnonzero((layer["x"].values > bounds[0]) & (layer["x"].values < bounds[2])),
        y=np.flatnonzero((layer["y"].values > bounds[1]) & (layer["y"].values < bounds[3])),
    )
    cell = abs(float(layer["x"].values[1] - layer["x"].values[0]))
    block = max(1, int(np.ceil((max(bounds[2] - bounds[0], bounds[3] - bounds[1])) / cell / _MOST_ACROSS)))
    if block == 1 or 0 in inside.sizes.values():
        return inside
    both = inside["vx"].notnull() & inside["vy"].notnull()
    size = {"x": block, "y": block}
    means = inside.where(both).coarsen(size, boundary="pad").mean()
    share = both.astype(float).coarsen(size, boundary="pad").sum() / block**2
    return means.where(share >= 0.25).assign_attrs(layer.attrs)


def _arrows(layer: xr.Dataset, layers: Layers) -> tuple[Floats, Floats, Floats, Floats, float]:
    """Return x, y, vx, vy (n,) of block means along the axes of the map, and the distance between them [m].

    Arrows keep their length and are turned to where the ice goes on the map: those of another map, and of velocity on
    the ground, which is up to some degrees off where the map is not conformal.
    """
    own, crs, bounds = layers.grid.crs, layers.crs, layers.bounds
    across, up = np.linspace(bounds[0], bounds[2], 41), np.linspace(bounds[1], bounds[3], 41)
    x, y = project(*np.meshgrid(across, up), crs, own)
    window = float(np.nanmin(x)), float(np.nanmin(y)), float(np.nanmax(x)), float(np.nanmax(y))
    thinned = thin_velocity(layer, window)
    places = [part.ravel() for part in np.meshgrid(thinned["x"].values, thinned["y"].values)]
    vx, vy = (np.asarray(thinned[name].values, float).ravel() for name in ("vx", "vy"))
    spacing = _spacing(thinned, window)
    metric: Metric = "ground" if layer.attrs.get("velocity_metric") == "ground" else "map"
    if own.equals(crs, ignore_axis_order=True) and metric == "map":
        return places[0], places[1], vx, vy, spacing
    known = np.isfinite(vx) & np.isfinite(vy)
    x, y, vx, vy = (part[known] for part in (*places, vx, vy))
    map_x, map_y = convert_metric(vx, vy, x, y, crs=own, source=metric, target="map")
    turned_x, turned_y, _ = reproject_vectors(map_x, map_y, x, y, source_crs=own, target_crs=crs, metric="map")
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = np.where(np.hypot(vx, vy) > 0, np.hypot(vx, vy) / np.hypot(turned_x, turned_y), 0.0)
    x, y = project(x, y, own, crs)
    inside = (x > bounds[0]) & (x < bounds[2]) & (y > bounds[1]) & (y < bounds[3])
    return x[inside], y[inside], (turned_x * factor)[inside], (turned_y * factor)[inside], spacing


def draw_velocity(
    axes: Any, layer: xr.Dataset, layers: Layers, *, labels: list[Any], key_at: tuple[float, float], inches: float
) -> bool:
    """Draw velocity as arrows with a key, and return whether there was any to draw.

    Parameters
    ----------
    axes
        Axes of the map.
    layer
        vx, vy (y, x) along the axes of the cells; arrows are turned to those of the map.
    layers
        The layers of the map, for their CRS and bounds.
    labels
        Labels of the graticule; no arrow is drawn under one.
    key_at
        Where the key ends at its right, and its height in the figure [inch].
    inches
        Width of the map [inch].
    """
    bounds = layers.bounds
    x, y, vx, vy, spacing = _arrows(layer, layers)
    speed = np.hypot(vx, vy)
    if not np.isfinite(speed).any() or np.nanmax(speed) == 0:
        return False
    seen = np.isfinite(speed) & _away_from(labels, x, y, 0.25 / inches * (bounds[2] - bounds[0]))
    fast = float(np.nanpercentile(speed, 95)) or float(np.nanmax(speed))
    per_metre = fast / (_REACH * spacing)
    arrows = axes.quiver(
        x[seen], y[seen], vx[seen], vy[seen], angles="xy", scale_units="xy", scale=per_metre, pivot="middle",
        units="inches", width=0.0135, headwidth=3.8, headlength=4.4, headaxislength=3.8, minlength=0.6,
        color="#111111", zorder=7,
    )  # fmt: skip
    arrows.set_path_effects([withStroke(linewidth=1.0, foreground="white", alpha=0.75)])
    shown = round_down(fast * 1.05)
    length = shown / per_metre / (bounds[2] - bounds[0]) * inches
    wide, high = axes.figure.get_size_inches()
    units = pretty_units(str(layer.attrs.get("units", "")))
    small = text_style("small")
    axes.quiverkey(
        arrows, (key_at[0] - length) / wide, key_at[1] / high, shown, f"Ice velocity  {shown:g} {units}",
        labelpos="W", coordinates="figure", labelsep=0.08, labelcolor=small["color"],
        fontproperties={"size": small["fontsize"]},
    )  # fmt: skip
    return True


def draw_directions(axes: Any, layer: xr.Dataset, layers: Layers, *, slowest: float, labels: list[Any]) -> int:
    """Draw the direction of the flow as arrows of one length, and return how many: colours tell the speed.

    Parameters
    ----------
    axes
        Axes of the map.
    layer
        vx, vy (y, x) along the axes of the cells, in the map metric: those of a ground velocity point elsewhere where
        the map is not conformal.
    layers
        The layers of the map, for their CRS and bounds.
    slowest
        Speed of a block mean below which there is no arrow.
    labels
        Labels of the graticule; no arrow is drawn under one.
    """
    bounds = layers.bounds
    x, y, vx, vy, spacing = _arrows(layer, layers)
    seen = _away_from(labels, x, y, 0.04 * (bounds[2] - bounds[0]))
    with np.errstate(invalid="ignore"):
        seen &= np.hypot(vx, vy) >= max(slowest, np.finfo(float).tiny)
    if not seen.any():
        return 0
    speed = np.hypot(vx, vy)[seen]
    arrows = axes.quiver(
        x[seen], y[seen], vx[seen] / speed, vy[seen] / speed, angles="xy", scale_units="xy",
        scale=1 / (0.62 * spacing), pivot="middle", units="inches", width=0.011, headwidth=4.2,
        headlength=4.2, headaxislength=3.6, minlength=0.1, color="white", zorder=7,
    )  # fmt: skip
    arrows.set_path_effects([withStroke(linewidth=1.1, foreground="#222222", alpha=0.65)])
    return int(seen.sum())


def _spacing(thinned: xr.Dataset, bounds: Bounds) -> float:
    """Return the distance between arrows [m]; few and far between, they are drawn no longer than when many."""
    x = thinned["x"].values
    apart = abs(float(x[-1] - x[0])) / (x.size - 1) if x.size > 1 else np.inf
    return float(min(max(apart, 1e-9), max(bounds[2] - bounds[0], bounds[3] - bounds[1]) / _MOST_ACROSS * 1.7))


def _away_from(labels: list[Any], x: Any, y: Any, distance: float) -> Any:
    """Return which places (n, m) are further than a distance [m] from every label that stands on the map itself."""
    clear = np.ones(np.shape(x), bool)
    for label in (label for label in labels if label.get_bbox_patch() is not None):
        clear &= np.hypot(x - label.xy[0], y - label.xy[1]) > distance
    return clear
