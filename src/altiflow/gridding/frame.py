"""The frame of a gridded Dataset: coordinates, bounds and grid mapping after the CF conventions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.gridding.grid import Grid

__all__ = ["CONVENTIONS", "crs_variable", "make_frame"]

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
    attributes |= {
        "crs_wkt": wkt,
        "spatial_ref": wkt,
        "GeoTransform": " ".join(repr(float(number)) for number in grid.transform.to_gdal()),
        "grid_name": grid.name,
        "grid_signature": grid.signature,
    }
    return xr.Variable((), np.int32(0), attributes)


def _axis_attributes(axis: str) -> dict[str, str]:
    return {
        "standard_name": f"projection_{axis}_coordinate",
        "long_name": f"{axis} coordinate of projection, cell centre",
        "units": "m",
        "axis": axis.upper(),
        "bounds": f"{axis}_bnds",
    }
