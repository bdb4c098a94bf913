"""Motions whose strain rates are known, on any map."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyproj
import pytest
import xarray as xr

from altiflow.gridding.vectors import convert_metric, from_east_north


@pytest.fixture
def make_motion(make_field) -> Callable[..., xr.Dataset]:
    """Return a maker of fields from functions (longitude, latitude) [radians] to ground east and north [m/s]."""

    def make(motion, crs, *, centre, cells=31, spacing=5e3, metric="map") -> xr.Dataset:
        there = pyproj.Transformer.from_crs(pyproj.CRS(crs).geodetic_crs, crs, always_xy=True)
        x_0, y_0 = there.transform(*centre)
        offset = (np.arange(cells) - cells // 2) * spacing
        across, up = np.meshgrid(x_0 + offset, y_0 + offset)
        longitude, latitude = there.transform(across, up, direction="INVERSE")
        east, north = motion(np.radians(longitude), np.radians(latitude))
        vx, vy = from_east_north(east, north, across, up, crs=crs, metric="map")
        if metric == "ground":
            vx, vy = convert_metric(vx, vy, across, up, crs=crs, source="map", target="ground")
        return make_field(vx, vy, x=across[0], y=up[:, 0], crs=crs, velocity_metric=metric, units="m s-1")

    return make


@pytest.fixture
def make_linear(make_field) -> Callable[..., xr.Dataset]:
    """Return a maker of fields (x, y) @ gradientᵀ + (3, -2), 500 m between cells.

    They lie round the pole, where the map of EPSG:6931 is true to 1e-7 over 3 km.
    """

    def make(gradient, **attrs) -> xr.Dataset:
        cell = (np.arange(13) - 6) * 500.0
        x, y = np.meshgrid(cell, cell)
        (a, b), (c, d) = gradient
        stated = {"crs": "EPSG:6931", "units": "m s-1", **attrs}
        return make_field(3 + a * x + b * y, -2 + c * x + d * y, x=cell, y=cell, **stated)

    return make
