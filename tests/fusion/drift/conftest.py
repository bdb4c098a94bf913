"""Tracks over ice that moves in a known way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pyproj
import pytest
import xarray as xr

from altiflow.gridding import Grid

CRS = "EPSG:6931"
START, MIDDLE, END = (np.datetime64(day, "ns") for day in ("2020-01-15", "2020-01-31", "2020-02-16"))


@pytest.fixture
def grid() -> Grid:
    """Return the middle of EASE-Grid 2.0, 25 km."""
    return Grid.named("EASE2_N25km").window(slice(320, 400), slice(320, 400))


@pytest.fixture
def make_drift(make_field) -> Callable[..., xr.Dataset]:
    """Return a maker of uniform drift [km/d] about the North Pole."""

    def make(u, v, *, bounds=(("2020-01-01", "2020-03-01"),), half=60, **attrs) -> xr.Dataset:
        axis = (np.arange(2 * half + 1) - half) * 25e3
        return make_field(u, v, x=axis, y=axis, bounds=bounds, **{"crs": CRS, "units": "km d-1", **attrs})

    return make


@pytest.fixture
def make_tracks() -> Callable[..., pd.DataFrame]:
    """Return a maker of straight tracks with lengths and freeboards of any kind, over a month."""

    def make(*, seed=0, passes=60, samples=400, half=6e5) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        number = np.repeat(np.arange(passes), samples)
        turn, offset = rng.uniform(0, np.pi, passes)[number], rng.uniform(-half / 2, half / 2, passes)[number]
        along = np.tile(np.linspace(-half, half, samples), passes)
        times = START + (number * 12 * 3600 + np.tile(np.arange(samples), passes) * 0.3).astype("timedelta64[s]")
        columns = {
            "granule": [f"pass {each:03d}" for each in number],
            "beam": "gt1l",
            "time": times,
            "freeboard": rng.normal(0.3, 0.1, number.size),
            "freeboard_sigma": 0.02,
            "segment_length": rng.uniform(20.0, 150.0, number.size),
        }
        x = along * np.cos(turn) - offset * np.sin(turn)
        y = along * np.sin(turn) + offset * np.cos(turn)
        return at_places(pd.DataFrame(columns), x, y)

    return make


def at_places(table: pd.DataFrame, x: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    """Return a table with the longitudes and latitudes of map coordinates."""
    longitude, latitude = pyproj.Transformer.from_crs(CRS, "EPSG:4326", always_xy=True).transform(x, y)
    return table.assign(longitude=longitude, latitude=latitude)
