"""Small velocity files in the layouts of the products."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
import xarray as xr
from affine import Affine

CELL = 25_067.525
X = (np.arange(4) - 1.5) * CELL
Y = (np.arange(3) - 1.0) * CELL


@pytest.fixture
def motion(tmp_path: Path) -> Callable[..., Path]:
    """Return a maker of files in the layout of NSIDC-0116: u is the number of the layer, one cell is fill."""

    def make(name: str, days, *, hour=12, companion="number_of_observations", srid=3408, **changes) -> Path:
        days = np.array(days, dtype="datetime64[D]")
        time = (days - np.datetime64("1970-01-01")).astype(float) + hour / 24
        u = np.broadcast_to(np.arange(days.size, dtype="f4")[:, None, None], (days.size, 3, 4)).copy()
        u[:, 0, 0] = -9999
        extra = np.full(u.shape, 7, dtype="i2")
        extra[:, 0, 0] = -9999
        layer = ("time", "y", "x")
        speed = {"units": "cm / s", "grid_mapping": "crs", "_FillValue": np.float32(-9999)}
        dataset = xr.Dataset(
            {
                "crs": ((), np.int32(0), {"srid": f"urn:ogc:def:crs:EPSG::{srid}"}),
                "u": (layer, u, speed),
                "v": (layer, np.where(u == -9999, u, -u), speed),
                "time": ("time", time, {"units": "days since 1970-01-01", "calendar": "julian"}),
                "x": ("x", X),
                "y": ("y", Y),
            }
        )
        if companion:
            dataset[companion] = (layer, extra, {"_FillValue": np.int16(-9999), "units": "1"})
        for variable, standard_name in changes.get("standard_names", {}).items():
            dataset[variable].attrs["standard_name"] = standard_name
        dataset = dataset.drop_vars(changes.get("without", []))
        dataset.to_netcdf(tmp_path / name, engine="h5netcdf")
        return tmp_path / name

    return make


@pytest.fixture
def mosaic(tmp_path: Path) -> Callable[..., Path]:
    """Return a maker of ITS_LIVE mosaics of version 2: every kind of fill in the first row, y descending."""

    def make(name: str = "NSIDC-0776_RGI05A_2019_V02.0.nc", *, mapping="mapping", stated=None, attrs=None) -> Path:
        vx = np.full((3, 4), -1500.0, dtype="f4")
        vx[0] = [-32767, 3.4028235e38, 1e10, -9999]
        vy = vx + 1
        vy[0] = [-32767, 3.4028235e38, 1e10, -9999]
        sigma = np.full((3, 4), 12, dtype="u2")
        sigma[:, 3] = 32767
        speed = {"units": "meter/year", "grid_mapping": mapping, "_FillValue": np.float32(-32767), **(attrs or {})}
        error = {"units": "meter/year", "_FillValue": np.uint16(32767)}
        here = {"spatial_epsg": np.int32(3413)} if stated is None else stated
        dataset = xr.Dataset(
            {
                mapping: ((), np.int32(0), here),
                "v": (("y", "x"), np.zeros((3, 4), "f4")),
                "vx": (("y", "x"), vx, speed),
                "vy": (("y", "x"), vy, speed),
                "vx_error": (("y", "x"), sigma, error),
                "vy_error": (("y", "x"), sigma, error),
                "count": (("y", "x"), np.full((3, 4), 40, dtype="u4"), {"_FillValue": np.uint32(0)}),
                "x": ("x", np.arange(4) * 120.0),
                "y": ("y", -np.arange(3) * 120.0),
            }
        )
        dataset.to_netcdf(tmp_path / name, engine="h5netcdf")
        return tmp_path / name

    return make


@pytest.fixture
def raster(tmp_path: Path) -> Callable[..., Path]:
    """Return a maker of GeoTIFFs of one component, 3 rows and 4 columns of 120 m, nodata in the first cell."""

    def make(
        name: str,
        value=100.0,
        *,
        shape=(3, 4),
        corner=(1000.0, 2000.0),
        crs="EPSG:3413",
        dtype="f4",
        scale=1.0,
        transform=None,
        **tags,
    ) -> Path:
        values = np.full(shape, value, dtype=dtype)
        values[..., 0, 0] = -32767
        profile = {
            "driver": "GTiff",
            "height": shape[-2],
            "width": shape[-1],
            "count": 1,
            "dtype": values.dtype.name,
            "nodata": -32767.0,
            "crs": None if crs is None else pyproj.CRS(crs).to_wkt("WKT1_GDAL"),
            "transform": transform or Affine(120.0, 0.0, corner[0], 0.0, -120.0, corner[1]),
        }
        with rasterio.open(tmp_path / name, "w", **profile) as target:
            target.write(values, 1)
            target.scales = (scale,)
            target.update_tags(**tags)
        return tmp_path / name

    return make
