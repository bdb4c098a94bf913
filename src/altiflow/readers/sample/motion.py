"""Simulated sea-ice motion in the file layout of NSIDC-0116."""

from __future__ import annotations

from pathlib import Path

import h5netcdf
import numpy as np
import numpy.typing as npt
import pyproj

from altiflow.files import whole_file
from altiflow.readers.sample.truth import Gyre

__all__ = ["write_motion"]

_CELL = 25_067.525
_CELLS = {"north": 361, "south": 321}
_FILL = np.float32(-9999.0)
_MARGIN = 4 * _CELL
"""Motion is given this far beyond the ice, so that every segment has four valid neighbours."""


def write_motion(folder: Path, gyre: Gyre, *, days: int) -> Path:
    """Write daily motion of a gyre and return the path; the file appears whole or not at all.

    Every layer holds the mean velocity of its day at fixed points [cm/s], along the axes of the original
    EASE-Grid (sphere), y ascending, in the Julian calendar: the layout of NSIDC-0116 v4.1.
    """
    hemisphere = {"north": "nh", "south": "sh"}[gyre.hemisphere]
    last = gyre.start + np.timedelta64(days - 1, "D")
    first_word, last_word = (str(day.astype("datetime64[D]")).replace("-", "") for day in (gyre.start, last))
    path = folder / f"icemotion_daily_{hemisphere}_25km_{first_word}_{last_word}_v4.1.nc"
    with whole_file(path) as part, h5netcdf.File(part, "w") as file:
        _write_frame(file, gyre, days)
        _write_layers(file, gyre, days)
    return path


def _lattice(gyre: Gyre) -> npt.NDArray[np.float64]:
    """Return the cell centres (n,) [m], the pole in the middle cell."""
    cells = _CELLS[gyre.hemisphere]
    return (np.arange(cells, dtype=float) - cells // 2) * _CELL


def _write_frame(file: h5netcdf.File, gyre: Gyre, days: int) -> None:
    """Write attributes, coordinates and the grid mapping."""
    centres = _lattice(gyre)
    file.attrs.update(
        {"Conventions": "CF-1.4", "version": "4.1", "title": "Simulated sea-ice motion: not a measurement"}
    )
    file.dimensions = {"time": days, "y": centres.size, "x": centres.size}
    stamps = (gyre.start - np.datetime64("1970-01-01", "us")) / np.timedelta64(1, "D") + 0.5 + np.arange(days)
    time = file.create_variable("time", ("time",), data=stamps.astype("f8"))
    time.attrs.update({"standard_name": "time", "units": "days since 1970-01-01", "calendar": "julian", "axis": "T"})
    for axis in ("x", "y"):
        node = file.create_variable(axis, (axis,), data=centres)
        node.attrs.update({"standard_name": f"projection_{axis}_coordinate", "units": "meters", "axis": axis.upper()})
    crs = file.create_variable("crs", (), data=np.int32(0))
    latitude = 90 if gyre.hemisphere == "north" else -90
    crs.attrs.update(
        {
            "grid_mapping_name": "lambert_azimuthal_equal_area",
            "latitude_of_projection_origin": np.float64(latitude),
            "longitude_of_projection_origin": np.float64(0),
            "srid": f"urn:ogc:def:crs:{gyre.crs.replace(':', '::')}",
            "crs_wkt": pyproj.CRS(gyre.crs).to_wkt("WKT1_GDAL"),
            "proj4text": f"+proj=laea +lat_0={latitude} +lon_0=0 +x_0=0 +y_0=0 +a=6371228 +b=6371228 +units=m +no_defs",
        }
    )
    to_degrees = pyproj.Transformer.from_crs(gyre.crs, "EPSG:4326", always_xy=True)
    lon, lat = to_degrees.transform(*np.meshgrid(centres, centres))
    for name, values, unit in (("latitude", lat, "degrees_north"), ("longitude", lon, "degrees_east")):
        node = file.create_variable(name, ("y", "x"), data=values.astype("f4"), compression="gzip")
        node.attrs.update({"standard_name": name, "units": unit})


def _write_layers(file: h5netcdf.File, gyre: Gyre, days: int) -> None:
    """Write u, v and the error estimate, one chunk a day."""
    centres = _lattice(gyre)
    x, y = np.meshgrid(centres, centres)
    outside = ~gyre.inside(x, y, margin=_MARGIN)
    options = {"chunks": (1, centres.size, centres.size), "compression": "gzip", "fillvalue": _FILL}
    nodes = []
    for name in ("u", "v"):
        node = file.create_variable(name, ("time", "y", "x"), dtype="f4", **options)
        axis = {"u": "x", "v": "y"}[name]
        node.attrs.update(
            {
                "standard_name": f"sea_ice_{axis}_velocity",
                "long_name": f"sea_ice_{axis}_velocity",
                "units": "cm / s",
                "missing_value": _FILL,
                "grid_mapping": "crs",
            }
        )
        nodes.append(node)
    error = file.create_variable(
        "icemotion_error_estimate",
        ("time", "y", "x"),
        dtype="i2",
        **{**options, "fillvalue": np.int16(-9999)},
    )
    error.attrs.update({"units": "1", "grid_mapping": "crs"})
    for day in range(days):
        start = gyre.start + np.timedelta64(day, "D")
        for node, values in zip(nodes, gyre.mean_velocity(x, y, start, start + np.timedelta64(1, "D")), strict=True):
            node[day] = np.where(outside, _FILL, values).astype("f4")
        error[day] = np.where(outside, -9999, 10).astype("i2")
