"""Maps of the speed of ice on a logarithmic colour scale, with the direction and the lines of its flow."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

from altiflow.errors import InputError
from altiflow.explore.cartography.furniture import period_text, round_down
from altiflow.explore.cartography.layers import cut_layers, layer_number
from altiflow.explore.cartography.marks.outlines import draw_lines
from altiflow.explore.cartography.marks.quiver import draw_directions
from altiflow.explore.cartography.plate import draw_plate
from altiflow.explore.cartography.sheet import Scale, checked_path, write_figure, write_texts
from altiflow.explore.maps.footprints import overlay_footprints
from altiflow.fusion.fields.layers import read_layer, refuse_displacement
from altiflow.gridding.frame import crs_variable
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.vectors import convert_metric
from altiflow.readers.field import check_field
from altiflow.units import YEAR_DAYS, canonical_unit, convert_factor

__all__ = ["Arrows", "draw_speed", "log_limits"]

Arrows = Literal["directions", "none"]
"""Arrows of one length, thinned to be told apart, or none."""

Floats = npt.NDArray[np.float64]

_DECADES = 1e4
"""Most the colours span: below it is noise or still."""


def draw_speed(
    field: xr.Dataset,
    *,
    time: int = 0,
    lines: gpd.GeoDataFrame | gpd.GeoSeries | None = None,
    arrows: Arrows | None = None,
    scale: Scale = "log",
    units: str | None = None,
    limits: tuple[float, float] | None = None,
    path: str | Path | None = None,
    title: str | None = None,
    cmap: str | Colormap | None = None,
    crs: Any = None,
    region: Any = None,
    footprints: gpd.GeoDataFrame | None = None,
) -> Figure:
    """Return a map of the ground speed of a layer of a velocity field, and write it if a path is given.

    Parameters
    ----------
    field
        A velocity field. The speed is that of its components on the ground, whichever its metric.
    time
        Which layer, from 0; negative counts from the end.
    lines
        Lines to draw on it, in any CRS, such as ``flow_lines(...).lines``.
    arrows
        "directions": arrows of one length, block means where cells are many, none where it is slower than the colours
        tell; "none". Directions where not given, unless there are lines.
    scale
        "log" or "linear" colours.
    units
        Unit of the speed and of the limits; that of the field where not given.
    limits
        (lowest, highest) of the colours. Where not given: on a log scale from the 2nd to the 99.95th percentile, out
        to 1, 2 or 5 times a power of ten and over four powers at most; else the 2nd and 98th percentile.
    path, title, cmap, crs, region, footprints
        As in :func:`altiflow.draw_map`.

    Raises
    ------
    FieldError
        If the field does not state what a velocity field must, or is a displacement.
    InputError
        If there is no such layer, unit, colour map, word or kind of file, or the limits are no range.
    EmptyDataError
        If the layer has no velocity.

    Notes
    -----
    The axes are those of the field; the small print names its metric. Arrows and lines take map velocities, so that
    they point where the ice goes on the map also where that is not conformal.

    Examples
    --------
    >>> from altiflow.readers.field import build_field
    >>> x, y = np.meshgrid(np.arange(24) * 1e4, np.arange(24) * 1e4 - 2.2e6)
    >>> bounds = np.array([["2020-01-01", "2020-02-01"]], "M8[ns]")
    >>> field = build_field(10 ** (x[None] / 6e4), 0 * y[None], x=x[0], y=y[:, 0], time_bnds=bounds, crs="EPSG:3413",
    ...                     units="m/yr", year_days=365.25, velocity_metric="map", metric_source="user",
    ...                     source="example")
    >>> figure = draw_speed(field)
    >>> [label.get_text() for label in figure.axes[1].get_yticklabels()][::3]
    ['1', '10', '100', '1,000', '10,000']
    """
    target = checked_path(path)
    for name, word, words in (("arrows", arrows, (None, *get_args(Arrows))), ("scale", scale, get_args(Scale))):
        if word not in words:
            raise InputError(f"{name} must be one of {words}, got {word!r}")
    checked = check_field(field)
    refuse_displacement(checked)
    number = layer_number(checked, time)
    dataset = _speed_dataset(checked, number, units)
    chosen = limits or (log_limits(dataset["speed"].values) if scale == "log" else None)
    layers = cut_layers(dataset, "speed", [0], chosen, crs=crs, region=region)
    if scale == "log" and layers.limits[0] <= 0:
        raise InputError(f"limits of a log scale are above zero, got {limits!r}; or take scale='linear'")
    figure, axes, labels = draw_plate(layers, cmap or "viridis", scale=scale)
    extra: tuple[str, ...] = (_metric_note(checked),)
    if arrows == "directions" or (arrows is None and lines is None):
        slowest = layers.limits[0] if scale == "log" else 0.0
        count = draw_directions(axes, dataset[["vx", "vy"]].isel(time=0), layers, slowest=slowest, labels=labels)
        extra += ("arrows: direction of the flow",) if count else ("no flow to point at",)
    if lines is not None:
        draw_lines(axes, lines, layers.crs)
    if footprints is not None:
        extra += (overlay_footprints(axes, footprints, layers.crs),)
    write_texts(figure, dataset, layers, title or "Ice speed", period_text(dataset, 0) or "undated", extra)
    write_figure(figure, target)
    return figure


def _speed_dataset(field: xr.Dataset, number: int, units: str | None) -> xr.Dataset:
    """Return the ground speed and the map velocity of a layer, in `units`, on (time, y, x)."""
    unit = canonical_unit(units or str(field.attrs["units"]))
    year = float(field.attrs.get("year_days", YEAR_DAYS))
    factor = convert_factor(str(field.attrs["units"]), unit, source_year_days=year)
    values = read_layer(field, number, slice(None), slice(None))[:2] * factor
    known = np.flatnonzero(np.isfinite(values[0]))
    x, y = (part.ravel()[known] for part in np.meshgrid(field["x"].values, field["y"].values))
    crs, flat = str(field.attrs["crs"]), values.reshape(2, -1)[:, known]
    on_map, ground = flat, flat
    if known.size and field.attrs["velocity_metric"] == "map":
        ground = np.stack(convert_metric(flat[0], flat[1], x, y, crs=crs, source="map", target="ground"))
    elif known.size:
        on_map = np.stack(convert_metric(flat[0], flat[1], x, y, crs=crs, source="ground", target="map"))
    result = xr.Dataset(coords={name: field.coords[name] for name in ("y", "x")})
    for name, data in (("speed", np.hypot(*ground)), ("vx", on_map[0]), ("vy", on_map[1])):
        whole = np.full(field.sizes["y"] * field.sizes["x"], np.nan)
        whole[known] = data
        shaped = whole.reshape(1, field.sizes["y"], field.sizes["x"])
        result[name] = (("time", "y", "x"), shaped, {"units": unit, "grid_mapping": "crs"})
    result["speed"].attrs["long_name"] = "ice speed"
    centres = (np.linspace(field[name].values[0], field[name].values[-1], field.sizes[name]) for name in ("x", "y"))
    result["crs"] = crs_variable(Grid.from_centres(crs, *centres))
    bounds = field["time_bnds"].values[[number]]
    return result.assign_coords(time_bnds=(("time", "nv"), bounds)).assign_attrs(source=field.attrs["source"])


def _metric_note(field: xr.Dataset) -> str:
    """Return in which metres the speed is, and in which the field gives it, for the small print."""
    metric = str(field.attrs["velocity_metric"])
    assumed = " (assumed)" if field.attrs["metric_source"] == "assumed" else ""
    return "speed in ground metres" + ("" if metric == "ground" else ", from velocity in map metres") + assumed


def log_limits(speed: Floats) -> tuple[float, float] | None:
    """Return round limits of a log scale; None where nothing moves."""
    moving = speed[np.isfinite(speed) & (speed > 0)]
    if moving.size == 0:
        return None
    low, high = np.percentile(moving, [2.0, 99.95])
    top = next(
        step for step in (round_down(high), 2 * round_down(high), 2.5 * round_down(high)) if step >= high * 0.999
    )
    floor = round_down(max(low, top / _DECADES))
    return (floor, top) if floor < top else (floor / 10, top)
