"""Maps of gridded values, with ice velocity and footprints over them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import xarray as xr
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

from altiflow.explore.cartography.colours import usual_colours
from altiflow.explore.cartography.furniture import metric_text, period_text
from altiflow.explore.cartography.layers import cut_layers, layer_number
from altiflow.explore.cartography.marks.quiver import draw_velocity, velocity_layer
from altiflow.explore.cartography.plate import LEFT, draw_plate
from altiflow.explore.cartography.sheet import checked_path, heading_of, map_size, write_figure, write_texts
from altiflow.explore.cartography.style import LONGEST
from altiflow.explore.maps.footprints import overlay_footprints

__all__ = ["draw_map"]


def draw_map(
    dataset: xr.Dataset,
    variable: str,
    *,
    time: int = 0,
    velocity: xr.Dataset | None = None,
    path: str | Path | None = None,
    title: str | None = None,
    limits: tuple[float, float] | None = None,
    cmap: str | Colormap | None = None,
    crs: Any = None,
    region: Any = None,
    footprints: gpd.GeoDataFrame | None = None,
) -> Figure:
    """Return a map of one layer of a gridded variable, and write it if a path is given.

    Parameters
    ----------
    dataset
        Gridded Dataset, dims (time, y, x), with its grid mapping.
    variable
        Name of the variable.
    time
        Which layer, from 0; negative counts from the end.
    velocity
        Dataset with ``vx, vy`` (time, y, x) on the same CRS, as :func:`altiflow.align_velocity` returns it. The
        layer of the same time is drawn as arrows, block means where cells are many.
    path
        File to write, .png, .pdf or .svg; it appears whole or not at all.
    title
        Heading; the long name of the variable where not given.
    limits
        (lowest, highest) of the colours, in the variable's units; its 2nd and 98th percentile where not given.
    cmap
        A matplotlib colour map, or the package's own "difference" and "uncertainty"; by default one that is even to
        the eye and safe for colour-blind readers, another each for differences, uncertainties and counts.
    crs
        CRS of the map, e.g. "EPSG:3413"; that of the data where not given.
    region
        What the map shows, anything :func:`altiflow.region.as_region` takes, e.g. "north of 60"; what holds data where
        not given. Colours are of the cells that are seen.
    footprints
        A catalogue, such as :func:`altiflow.search_granules` gives, whose footprints are drawn as outlines.

    Raises
    ------
    InputError
        If there is no such variable, layer, colour map or kind of file, the velocity is on another CRS or has
        no layer of that time, or the CRS is not projected.
    EmptyDataError
        If the layer has no value.

    Notes
    -----
    No cell is resampled: on a map of another CRS it is drawn between its true corners, and arrows are turned to the
    axes of that map. Distances on the scale bar are true at the centre. There is an arrow to the north where directions
    differ by no more than 20 degrees over the map; elsewhere the meridians tell them.
    """
    target = checked_path(path)
    layer = layer_number(dataset, time)
    layers = cut_layers(dataset, variable, [layer], limits, crs=crs, region=region)
    arrows = None if velocity is None else velocity_layer(velocity, dataset, layer, layers.grid.crs)
    figure, axes, labels = draw_plate(layers, cmap or usual_colours(variable))
    extra = metric_text(dataset, velocity)
    if arrows is not None:
        width = map_size(layers.bounds, LONGEST)[0]
        drawn = draw_velocity(axes, arrows, layers, labels=labels, key_at=(LEFT + width, 0.78), inches=width)
        extra = extra if drawn else ("no velocity in this window",)
    if footprints is not None:
        extra += (overlay_footprints(axes, footprints, layers.crs),)
    write_texts(figure, dataset, layers, title or heading_of(dataset, variable), period_text(dataset, layer), extra)
    write_figure(figure, target)
    return figure
