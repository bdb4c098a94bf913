"""Motions whose orbits are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

RADIUS, SPEED = 5e5, 0.1
RATE = SPEED / RADIUS
PERIOD = 2 * np.pi / RATE


@pytest.fixture
def make_gyre(make_field) -> Callable[..., xr.Dataset]:
    """Return a maker of solid-body gyres about the pole of EASE-Grid 2.0 North: 10 cm/s at 500 km."""

    def make(*, rate=RATE, cell=25e3, half=30, bounds=(("2019-01-01", "2022-01-01"),), **attrs) -> xr.Dataset:
        axis = (np.arange(2 * half + 1) - half) * cell
        x, y = np.meshgrid(axis, axis)
        stated = {"crs": "EPSG:6931", "units": "m s-1", **attrs}
        return make_field(-rate * y, rate * x, x=axis, y=axis, bounds=bounds, **stated)

    return make
