"""Small velocity fields and segment tables to fuse."""

from __future__ import annotations

from collections.abc import Callable

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import xarray as xr

from altiflow.readers.field import build_field

DAY = np.timedelta64(1, "D")


@pytest.fixture
def make_field() -> Callable[..., xr.Dataset]:
    """Return a maker of fields: vx, vy broadcast to (time, y, x)."""

    def make(vx, vy, *, x, y, bounds=(("2020-01-01", "2020-01-08"),), sigma=None, **attrs) -> xr.Dataset:
        shape = (len(bounds), len(y), len(x))
        sigmas = {} if sigma is None else {"vx_sigma": sigma, "vy_sigma": sigma}
        arrays = {
            name: np.broadcast_to(np.asarray(value, float), shape).copy()
            for name, value in {"vx": vx, "vy": vy, **sigmas}.items()
        }
        stated = {
            "crs": "EPSG:3413",
            "units": "cm s-1",
            "velocity_metric": "map",
            "metric_source": "user",
            "source": "synthetic motion",
        }
        edges = np.array(bounds, dtype="datetime64[ns]")
        return build_field(
            **arrays, x=np.asarray(x, float), y=np.asarray(y, float), time_bnds=edges, **{**stated, **attrs}
        )

    return make


@pytest.fixture
def make_table() -> Callable[..., gpd.GeoDataFrame]:
    """Return a maker of segment tables from map coordinates."""

    def make(x, y, time, *, crs="EPSG:3413", product="ATL10", **columns) -> gpd.GeoDataFrame:
        transformer = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
        longitude, latitude = transformer.transform(np.asarray(x, float), np.asarray(y, float))
        times = np.broadcast_to(np.asarray(time, dtype="datetime64[us]"), longitude.shape)
        table = gpd.GeoDataFrame(
            {"granule": "a.h5", "beam": "gt1r", "time": times, "latitude": latitude, **columns},
            geometry=gpd.points_from_xy(longitude, latitude),
            crs="EPSG:4326",
        )
        table.attrs["altiflow"] = {"product": product, "units": {"latitude": "degrees_north"}}
        return table

    return make
