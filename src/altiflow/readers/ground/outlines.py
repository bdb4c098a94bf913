"""Outlines of land or ice: polygons out of vector files, and out of lines that only draw them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyogrio
import pyproj
import shapely
from shapely.geometry.base import BaseGeometry

from altiflow.errors import EmptyDataError, InputError
from altiflow.readers.remote import public_url
from altiflow.readers.remote.ranges import is_remote
from altiflow.region.outline import keep_dimension

__all__ = ["polygonise_lines", "read_outlines"]

_LEAST_CORNERS = 4


def read_outlines(source: Any, *, crs: Any = None) -> gpd.GeoDataFrame:
    """Return outlines as polygons, those drawn by lines too.

    Parameters
    ----------
    source
        A vector file or its address (anything GDAL reads: GeoPackage, shapefile, GeoJSON, GMT ...), GeoParquet, a
        GeoDataFrame or GeoSeries, or a shapely geometry.
    crs
        CRS of a source that states none; one that is stated counts.

    Returns
    -------
    geopandas.GeoDataFrame
        Polygons. ``attrs["outlines"]`` counts the polygons and lines found, and the lines that enclose no area.

    Raises
    ------
    InputError
        If there is no such file, it is no vector file, or no CRS is stated nor given.
    EmptyDataError
        If nothing in it has an area.
    """
    shapes, stated, name = _shapes(source)
    if stated is None and crs is None:
        raise InputError(
            f"{name} states no CRS, and none is guessed; say which, such as 'EPSG:32607' (crs, source_crs, ground_crs)"
        )
    known = [shape for shape in shapes if shape is not None and not shape.is_empty]
    parts = shapely.get_parts(np.array(known, dtype=object)) if known else np.array([], dtype=object)
    kinds = shapely.get_type_id(parts) if len(parts) else np.array([], int)
    areas = [_valid(part) for part in shapely.force_2d(parts[kinds == shapely.GeometryType.POLYGON])]
    lines = [*shapely.force_2d(parts[(kinds == 1) | (kinds == 2)])]
    drawn, empty = polygonise_lines(lines)
    found = [*areas, *drawn]
    if not found:
        raise EmptyDataError(f"{name} holds {len(parts)} shapes, none of which encloses an area")
    table = gpd.GeoDataFrame(geometry=found, crs=pyproj.CRS.from_user_input(crs if stated is None else stated))
    table.attrs["outlines"] = {"polygons": len(areas), "lines": len(lines), "lines_without_area": empty}
    return table


def polygonise_lines(lines: Sequence[BaseGeometry]) -> tuple[list[BaseGeometry], int]:
    """Return the areas that lines enclose, and how many lines enclose none.

    A closed line is the edge of an area; one within another is the edge of a hole in it, and so on. Open lines make
    areas together where they meet. Lines that enclose nothing, such as single points, are counted.

    Examples
    --------
    >>> ring = shapely.LinearRing([(0, 0), (9, 0), (9, 9), (0, 9)])
    >>> hole = shapely.LinearRing([(3, 3), (6, 3), (6, 6), (3, 6)])
    >>> areas, empty = polygonise_lines([ring, hole, shapely.LineString([(0, 0), (0, 0)])])
    >>> sum(area.area for area in areas), empty
    (72.0, 1)
    """
    closed = [line for line in lines if line.is_closed and shapely.get_num_coordinates(line) >= _LEAST_CORNERS]
    open_lines = [line for line in lines if not line.is_closed]
    rings = [_valid(shapely.Polygon(line.coords)) for line in closed]
    areas = [ring for ring in rings if ring.area > 0]
    empty = len(lines) - len(open_lines) - len(areas)
    if open_lines:
        joined = shapely.get_parts(shapely.polygonize([shapely.union_all(open_lines)]))
        used = shapely.union_all([area.exterior for area in joined]) if len(joined) else shapely.MultiPolygon()
        areas += [area for area in joined if area.area > 0]
        empty += sum(not line.covered_by(used) for line in open_lines)
    return _even_odd(areas), empty


def _even_odd(areas: list[BaseGeometry]) -> list[BaseGeometry]:
    """Return areas with those cut out that lie in an odd number of others."""
    if not areas:
        return []
    tree = shapely.STRtree(areas)
    inner, outer = tree.query([area.representative_point() for area in areas], predicate="within")
    larger = np.array([area.area for area in areas])
    around = larger[outer] > larger[inner]
    depth = np.bincount(inner[around], minlength=len(areas))
    if not depth.any():
        return areas
    found = []
    for area, level in zip(areas, depth, strict=True):
        if level % 2:
            continue
        # An island in a lake lies in its hole, and stays.
        deeper = [hole for hole, below in zip(areas, depth, strict=True) if below % 2 and below > level]
        found.append(shapely.difference(area, shapely.union_all(deeper)) if deeper else area)
    return found


def _valid(area: BaseGeometry) -> BaseGeometry:
    """Return a polygon without crossings; where it touches itself in lines, these are left out."""
    return keep_dimension(shapely.make_valid(area), 2)


def _shapes(source: Any) -> tuple[list[BaseGeometry], Any, str]:
    """Return the geometries of a source, its CRS, and its name."""
    if isinstance(source, BaseGeometry):
        return [source], None, source.geom_type
    if isinstance(source, (gpd.GeoDataFrame, gpd.GeoSeries)):
        return list(source.geometry), source.crs, f"{type(source).__name__} of {len(source)} rows"
    if not isinstance(source, (str, Path)):
        raise InputError(f"outlines must be a vector file, a GeoDataFrame or a geometry, got {type(source).__name__}")
    text = str(source)
    name = public_url(text).rpartition("/")[2]
    if not is_remote(text) and not Path(text).is_file():
        raise InputError(f"there is no vector file {text}")
    try:
        parquet = Path(name).suffix.lower() in {".parquet", ".geoparquet"}
        table = gpd.read_parquet(text) if parquet else gpd.read_file(text)
    except (pyogrio.errors.DataSourceError, OSError, ValueError) as error:
        raise InputError(f"{name} is no vector file that can be read ({type(error).__name__})") from error
    return list(table.geometry), table.crs, name
