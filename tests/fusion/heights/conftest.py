"""Tracks over surfaces whose height is known everywhere and always."""

from __future__ import annotations

from collections.abc import Callable

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import xarray as xr

from altiflow.readers.field import build_field

YEAR = np.timedelta64(31_557_600_000_000, "us")
START = np.datetime64("2019-01-01", "us")


@pytest.fixture
def make_pass() -> Callable[..., gpd.GeoDataFrame]:
    """Return a maker of one pass: places on a map, years after 2019, a height function of x, y [m] and years."""

    def make(x, y, years, height, *, crs="EPSG:3413", granule=None, beam="gt1l", **columns) -> gpd.GeoDataFrame:
        x, y = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float))
        longitude, latitude = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(x, y)
        values = np.asarray(height(x, y, years) if callable(height) else height, float)
        table = gpd.GeoDataFrame(
            {
                "granule": granule or f"ATL06_{years}",
                "beam": beam,
                "time": np.full(x.size, START + np.round(years * 31_557_600e6).astype("m8[us]")),
                "x_atc": np.arange(x.size) * 20.0,
                "height": np.broadcast_to(values, x.shape),
                "height_sigma": 0.0,
                **columns,
            },
            geometry=gpd.points_from_xy(longitude, latitude),
            crs="EPSG:4326",
        )
        table.attrs["altiflow"] = {"product": "ATL06", "granules": [table["granule"].iloc[0]]}
        return table

    return make


@pytest.fixture
def joined() -> Callable[..., gpd.GeoDataFrame]:
    """Return a joiner of passes."""

    def join(*passes: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        table = pd.concat(passes, ignore_index=True)
        table.attrs["altiflow"] = {"product": "ATL06"}
        return table

    return join


@pytest.fixture
def uniform() -> Callable[..., xr.Dataset]:
    """Return a maker of fields that are the same everywhere around the origin of a map [m/yr]."""

    def make(vx, vy=0.0, *, reach=100e3, centre=(0.0, 0.0), cell=5e3, **attrs) -> xr.Dataset:
        axis = np.arange(-reach, reach + 1, cell)
        shape = (1, axis.size, axis.size)
        stated = {
            "crs": "EPSG:3413",
            "units": "m/yr",
            "year_days": 365.25,
            "velocity_metric": "map",
            "metric_source": "user",
            "source": "land ice, made up",
            "time_bnds": np.array([["2018-01-01", "2030-01-01"]], "M8[ns]"),
        }
        stated |= attrs
        return build_field(
            np.broadcast_to(np.asarray(vx, float), shape).copy(),
            np.broadcast_to(np.asarray(vy, float), shape).copy(),
            x=axis + centre[0],
            y=axis + centre[1],
            **stated,
        )

    return make
