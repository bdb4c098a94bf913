"""Map projections of grids: their names, the way between them, and the side of the Earth they show."""

from __future__ import annotations

from functools import cache
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
from pyproj.exceptions import CRSError

from altiflow.errors import InputError

__all__ = [
    "as_crs",
    "degrees_of",
    "drop_far_side",
    "ellipsoid_of",
    "equal_area_pole",
    "find_points",
    "ground_steps",
    "is_equal_area",
    "is_polar_stereographic",
    "name_crs",
    "transformer_between",
]

Floats = npt.NDArray[np.float64]

_SPHERICAL = " (Spherical)"
_EQUAL_AREA = ("Lambert Azimuthal Equal Area", "Lambert Cylindrical Equal Area", "Albers Equal Area")


def as_crs(crs: Any) -> pyproj.CRS:
    """Return the CRS that `crs` describes.

    Raises
    ------
    InputError
        If PROJ knows no such CRS.

    Examples
    --------
    >>> as_crs(3413).name
    'WGS 84 / NSIDC Sea Ice Polar Stereographic North'
    """
    try:
        return pyproj.CRS(crs)
    except (CRSError, TypeError, ValueError) as error:
        raise InputError(
            f"crs must be something pyproj.CRS takes, such as 'EPSG:6931', 3413 or WKT, got {crs!r}"
        ) from error


def name_crs(crs: pyproj.CRS) -> str:
    """Return the authority string of a CRS, or its WKT; what PROJ finds may only look alike (another datum)."""
    # What a CRS was made from is at hand; its hash would have PROJ write WKT every time.
    return _name(crs.srs)


@cache
def _name(source: str) -> str:
    """Return the name of the CRS that `source` describes."""
    crs = pyproj.CRS(source)
    authority = crs.to_authority()
    if authority and pyproj.CRS.from_authority(*authority).equals(crs, ignore_axis_order=True):
        return ":".join(authority)
    return str(crs.to_wkt())


@cache
def transformer_between(source: str, target: str) -> pyproj.Transformer:
    """Return the transformation between two CRSs, in the order x, y or longitude, latitude.

    Looking it up takes PROJ about 0.1 s, so that it is kept.
    """
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


def degrees_of(crs: str) -> pyproj.Transformer:
    """Return the transformation from places on a map to longitude and latitude [degrees] of its own datum.

    Raises
    ------
    InputError
        If the map lies on no Earth: an engineering CRS.
    """
    base = as_crs(crs).geodetic_crs
    if base is None:
        raise InputError(f"a CRS on a datum of the Earth is needed, such as 'EPSG:3413', got {crs!r}")
    return transformer_between(crs, name_crs(base))


def ellipsoid_of(crs: pyproj.CRS) -> pyproj.Geod:
    """Return the ellipsoid that a CRS lies on, WGS 84 where it states none."""
    return crs.get_geod() or pyproj.Geod(ellps="WGS84")


def ground_steps(x: npt.ArrayLike, y: npt.ArrayLike, crs: str) -> Floats:
    """Return the lengths [m] of the geodesics from each place to the next, on the CRS's own ellipsoid.

    Parameters
    ----------
    x, y
        Places (n,) in `crs`, longitude and latitude [degrees] where it is geographic.
    crs
        Authority string or WKT.

    Examples
    --------
    A kilometre of the map of EPSG:3413 at the pole is more than one on the ground:

    >>> ground_steps([0.0, 1e3], [0.0, 0.0], "EPSG:3413").round(1).tolist()
    [1031.1]
    """
    known = as_crs(crs)
    longitude, latitude = np.asarray(x, float), np.asarray(y, float)
    if not known.is_geographic:
        longitude, latitude = degrees_of(crs).transform(longitude, latitude)
    return np.asarray(ellipsoid_of(known).inv(longitude[:-1], latitude[:-1], longitude[1:], latitude[1:])[2], float)


@cache
def equal_area_pole(crs: pyproj.CRS) -> int:
    """Return 1 or -1 for a Lambert azimuthal equal-area map about the north or south pole, else 0.

    Examples
    --------
    >>> [equal_area_pole(pyproj.CRS(code)) for code in ("EPSG:6931", "EPSG:3409", "EPSG:3413", "EPSG:3035")]
    [1, -1, 0, 0]
    """
    projection = _projection(crs)
    if projection is None or not projection.method_name.startswith("Lambert Azimuthal Equal Area"):
        return 0
    origin = {parameter.name: parameter.value for parameter in projection.params}["Latitude of natural origin"]
    return {90.0: 1, -90.0: -1}.get(float(origin), 0)


@cache
def is_polar_stereographic(crs: pyproj.CRS) -> bool:
    """Return whether a map is a polar stereographic one: it shows all of the Earth but the other pole."""
    projection = _projection(crs)
    return projection is not None and str(projection.method_name).startswith("Polar Stereographic")


@cache
def is_equal_area(crs: pyproj.CRS) -> bool:
    """Return whether equal areas of the map are equal areas of the map's own ellipsoid or sphere.

    Examples
    --------
    >>> is_equal_area(pyproj.CRS("EPSG:6933")), is_equal_area(pyproj.CRS("EPSG:3413"))
    (True, False)
    """
    projection = _projection(crs)
    if projection is None or projection.method_name.removesuffix(_SPHERICAL) not in _EQUAL_AREA:
        return False
    on_sphere = crs.ellipsoid is not None and crs.ellipsoid.semi_major_metre == crs.ellipsoid.semi_minor_metre
    return on_sphere or not str(projection.method_name).endswith(_SPHERICAL)


def _projection(crs: pyproj.CRS) -> Any:
    """Return the projection of a CRS, of the one inside where it is bound to a datum shift; None if it has none."""
    inner = crs.source_crs if crs.is_bound else crs
    return inner.coordinate_operation if inner is not None else None


def drop_far_side(
    crs: pyproj.CRS, x: npt.ArrayLike, y: npt.ArrayLike, latitude: npt.ArrayLike
) -> tuple[Floats, Floats]:
    """Return x and y (n,), infinite beyond the equator of a polar equal-area map, and beyond the Earth.

    Parameters
    ----------
    crs
        CRS of x and y.
    x, y
        Map coordinates [m].
    latitude
        Their latitudes [degrees]; on other maps than polar equal-area ones nothing is dropped.
    """
    lat, pole = np.asarray(latitude, float), equal_area_pole(crs)
    beyond = (pole != 0) & (~np.isfinite(lat) | (np.sign(lat) == -pole))
    return np.where(beyond, np.inf, np.asarray(x, float)), np.where(beyond, np.inf, np.asarray(y, float))


def find_points(table: gpd.GeoDataFrame) -> gpd.GeoSeries:
    """Return the points (n,) of a table, once it is known that they are points and where.

    Raises
    ------
    InputError
        If the table has no geometry, no CRS, or other geometry than points.
    """
    geometry = table.geometry if isinstance(table, gpd.GeoDataFrame) and table.active_geometry_name else None
    if geometry is None:
        raise InputError(
            "the table has no geometry; make one with geopandas.GeoDataFrame(table, "
            "geometry=geopandas.points_from_xy(table.longitude, table.latitude), crs='EPSG:4326')"
        )
    if geometry.crs is None:
        raise InputError("the table has no CRS; set it with table.set_crs('EPSG:4326')")
    others = set(geometry.geom_type.dropna()) - {"Point"}
    if others:
        raise InputError(f"the table's geometry must be points, got {', '.join(sorted(others))}")
    return geometry
