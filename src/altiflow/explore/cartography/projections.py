"""The map projection of a CRS, for axes in the data's own coordinates."""

from __future__ import annotations

from typing import Any

import cartopy.crs as ccrs
import pyproj

from altiflow.errors import InputError

__all__ = ["projection_of"]


def projection_of(crs: Any) -> ccrs.Projection:
    """Return the cartopy projection whose plane is that of `crs`: same axes, same metres.

    Polar equal-area and polar stereographic CRSs, on the ellipsoid or on a sphere, get cartopy's own classes,
    which know how far their plane reaches; any other projected CRS with an area of use is taken as it is.

    Parameters
    ----------
    crs
        Anything :class:`pyproj.CRS` takes.

    Raises
    ------
    InputError
        If the CRS is not projected, or says neither of which family it is nor where it is used.

    Examples
    --------
    EPSG:3408 is a sphere, EPSG:6931 an ellipsoid:

    >>> [projection_of(f"EPSG:{code}").globe.semiminor_axis for code in (3408, 6931)]
    [6371228.0, 6356752.314245179]
    """
    found = pyproj.CRS(crs)
    if not found.is_projected:
        raise InputError(f"a map needs a projected CRS, got {found.name!r}; grid the data on e.g. 'EPSG:6931'")
    method = found.coordinate_operation.method_name if found.coordinate_operation else ""
    if method.startswith("Lambert Azimuthal Equal Area"):
        return _equal_area(found)
    numbers = found.to_cf()
    if numbers.get("grid_mapping_name") == "polar_stereographic" and "standard_parallel" in numbers:
        return ccrs.Stereographic(
            central_latitude=90.0 if numbers["standard_parallel"] > 0 else -90.0,
            central_longitude=numbers["straight_vertical_longitude_from_pole"],
            true_scale_latitude=numbers["standard_parallel"],
            false_easting=numbers["false_easting"],
            false_northing=numbers["false_northing"],
            globe=_globe_of(found),
        )
    if found.area_of_use is None:
        raise InputError(f"no map projection is known for the CRS {found.name!r}; grid the data on e.g. 'EPSG:6931'")
    return ccrs.Projection(found)


def _equal_area(crs: pyproj.CRS) -> ccrs.Projection:
    """Return the azimuthal equal-area projection; by its parameters, for CF has no name for that of a sphere."""
    numbers = {} if crs.coordinate_operation is None else {p.name: p.value for p in crs.coordinate_operation.params}
    return ccrs.LambertAzimuthalEqualArea(
        central_longitude=numbers["Longitude of natural origin"],
        central_latitude=numbers["Latitude of natural origin"],
        false_easting=numbers["False easting"],
        false_northing=numbers["False northing"],
        globe=_globe_of(crs),
    )


def _globe_of(crs: pyproj.CRS) -> ccrs.Globe:
    """Return the ellipsoid, or the sphere, of a CRS."""
    shape = crs.ellipsoid
    if shape is None:
        raise InputError(f"the CRS {crs.name!r} does not say how large the earth is")
    return ccrs.Globe(ellipse=None, semimajor_axis=shape.semi_major_metre, semiminor_axis=shape.semi_minor_metre)
