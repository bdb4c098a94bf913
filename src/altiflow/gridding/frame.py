"""The frame of a gridded Dataset: coordinates, bounds and grid mapping after the CF conventions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import xarray as xr

from altiflow.errors import EmptyDataError
from altiflow.gridding.grids.grid import Grid

__all__ = ["CONVENTIONS", "crop_dataset", "crs_variable", "make_frame", "restate_grid"]

CONVENTIONS = "CF-1.11"

_TIME_ATTRIBUTES = {
    "standard_name": "time",
    "long_name": "start of the period",
    "axis": "T",
    "bounds": "time_bnds",
    "units_metadata": "leap_seconds: none",
}


def make_frame(grid: Grid, time_bnds: npt.ArrayLike) -> xr.Dataset:
    """Return a Dataset with the coordinates of `grid` and of the periods, and no data.

    Parameters
    ----------
    grid
        The grid; y runs from the top down.
    time_bnds
        [start, end) of each period (t, 2), datetime64; the coordinate ``time`` is its start. NaT is undated.

    Returns
    -------
    xarray.Dataset
        Coordinates time, y, x with their bounds, and the grid mapping variable ``crs``. Data variables added
        to it name ``grid_mapping="crs"`` in their attributes.

    Examples
    --------
    >>> grid = Grid.named("EASE2_N25km").window(slice(0, 2), slice(0, 3))
    >>> frame = make_frame(grid, [["2020-01-01", "2020-02-01"]])
    >>> dict(frame.sizes), list(frame.data_vars), frame.y.values.tolist()
    ({'time': 1, 'y': 2, 'x': 3, 'nv': 2}, ['crs'], [8987500.0, 8962500.0])
    """
    bounds = np.asarray(time_bnds, dtype="datetime64[ns]").reshape(-1, 2)
    width, height = grid.resolution
    coordinates: dict[str, Any] = {
        "time": ("time", bounds[:, 0], _TIME_ATTRIBUTES),
        "y": ("y", grid.y, _axis_attributes("y")),
        "x": ("x", grid.x, _axis_attributes("x")),
        "time_bnds": (("time", "nv"), bounds),
        "y_bnds": (("y", "nv"), np.stack([grid.y + height / 2, grid.y - height / 2], axis=1)),
        "x_bnds": (("x", "nv"), np.stack([grid.x - width / 2, grid.x + width / 2], axis=1)),
    }
    frame = xr.Dataset(coords=coordinates)
    frame["crs"] = crs_variable(grid)
    frame.attrs = {"Conventions": CONVENTIONS, "grid_name": grid.name, "grid_signature": grid.signature}
    return frame


def crs_variable(grid: Grid) -> xr.Variable:
    """Return the grid mapping variable: the CF parameters of the CRS, its WKT, and GDAL's GeoTransform."""
    attributes = {name: value for name, value in grid.crs.to_cf().items() if value is not None}
    wkt = grid.crs.to_wkt()
    attributes |= {} if "grid_mapping_name" in attributes else _spherical_parameters(grid.crs)
    if attributes.get("grid_mapping_name") == "polar_stereographic" and "standard_parallel" in attributes:
        # CF asks for the pole beside the parallel of true scale.
        attributes.setdefault("latitude_of_projection_origin", float(np.sign(attributes["standard_parallel"]) * 90))
    attributes |= {
        "crs_wkt": wkt,
        "spatial_ref": wkt,
        "GeoTransform": " ".join(repr(float(number)) for number in grid.transform.to_gdal()),
        "grid_name": grid.name,
        "grid_signature": grid.signature,
    }
    return xr.Variable((), np.int32(0), attributes)


def restate_grid(dataset: xr.Dataset) -> xr.Dataset:
    """Return the Dataset with the grid of the x and y it has: cutting a part out leaves the old corner behind."""
    if "crs" not in dataset.variables:
        return dataset
    grid = Grid.from_dataset(dataset)
    mapping = crs_variable(grid)
    mapping.attrs = {**dataset["crs"].attrs, **mapping.attrs}
    return dataset.assign(crs=mapping).assign_attrs(grid_name=grid.name, grid_signature=grid.signature)


def crop_dataset(dataset: xr.Dataset, *, margin: int = 1) -> xr.Dataset:
    """Return the part of a gridded Dataset that holds data in any period, on the same lattice.

    Parameters
    ----------
    dataset
        A gridded Dataset.
    margin
        Cells to add on every side, as far as the Dataset reaches.

    Raises
    ------
    EmptyDataError
        If every cell is empty.
    """
    held = np.zeros((dataset.sizes["y"], dataset.sizes["x"]), dtype=bool)
    for variable in dataset.data_vars.values():
        if variable.dims[-2:] == ("y", "x"):
            values = variable.to_numpy()
            filled = _filled(values)
            held |= filled.reshape(-1, *held.shape).any(axis=0)
    if not held.any():
        raise EmptyDataError("every cell of the Dataset is empty, so there is no part to crop to")
    parts = {}
    for name, axis in (("y", 1), ("x", 0)):
        places = np.flatnonzero(held.any(axis=axis))
        parts[name] = slice(max(int(places[0]) - margin, 0), int(places[-1]) + margin + 1)
    return restate_grid(dataset.isel(parts))


def _filled(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return where an array holds something: a number, a time, a count above 0."""
    if values.dtype.kind == "f":
        return np.asarray(np.isfinite(values))
    return np.asarray(~np.isnat(values) if values.dtype.kind == "M" else values != 0)


def _spherical_parameters(crs: pyproj.CRS) -> dict[str, Any]:
    """Return the CF parameters of an equal-area map of a sphere, which PROJ's own export leaves out."""
    projection = crs.coordinate_operation
    if projection is None or projection.method_name != "Lambert Azimuthal Equal Area (Spherical)" or not crs.ellipsoid:
        return {}
    told = {parameter.name: parameter.value for parameter in projection.params}
    return {
        "grid_mapping_name": "lambert_azimuthal_equal_area",
        "latitude_of_projection_origin": told["Latitude of natural origin"],
        "longitude_of_projection_origin": told["Longitude of natural origin"],
        "false_easting": told["False easting"],
        "false_northing": told["False northing"],
        "earth_radius": crs.ellipsoid.semi_major_metre,
    }


def _axis_attributes(axis: str) -> dict[str, str]:
    return {
        "standard_name": f"projection_{axis}_coordinate",
        "long_name": f"{axis} coordinate of projection, cell centre",
        "units": "m",
        "axis": axis.upper(),
        "bounds": f"{axis}_bnds",
    }
