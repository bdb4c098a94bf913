"""Sea ice: floes that drift between two radar images are tracked, and carry what is measured on them."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
from affine import Affine
from scipy.ndimage import gaussian_filter, map_coordinates

import altiflow as af

PIXEL, SIDE = 100.0, 360
DRIFT = (24.4, -11.3)
"""Displacement in a day (right, down) [px]."""
LEFT, TOP = 600_000.0, -900_000.0
DATES = ("2020-03-01T00:00:00", "2020-03-02T00:00:00")


@pytest.fixture(scope="module")
def field() -> object:
    """Return the drift tracked in two images of floes: bright plates between dark leads, with speckle."""
    rng = np.random.default_rng(4)
    pad = 40
    rough = gaussian_filter(rng.standard_normal((SIDE + 2 * pad, SIDE + 2 * pad)), 3.0)
    plates = np.tanh(3 * rough / rough.std()) + 0.5 * gaussian_filter(rng.standard_normal(rough.shape), 1.0)
    row, column = np.mgrid[:SIDE, :SIDE] + float(pad)
    later = map_coordinates(plates, [row - DRIFT[1], column - DRIFT[0]], order=5)
    images = [
        np.exp(0.5 * shown) * (1 + 0.05 * rng.standard_normal(shown.shape))
        for shown in (plates[pad:-pad, pad:-pad], later)
    ]
    pair = af.ScenePair.from_arrays(
        *images, transform=Affine(PIXEL, 0, LEFT, 0, -PIXEL, TOP), crs="EPSG:3413", dates=DATES
    )
    granule = af.track_pair(
        pair, parameters=af.TrackParameters(spacing=10, chips=None, chip=24, radius=32), units="m/d"
    )
    return af.tracked_field(granule, "floes.nc")


def test_drift_of_many_pixels_is_found_to_a_fraction_of_one(field: object) -> None:
    inner = field.isel(time=0, x=slice(5, 30), y=slice(5, 30))  # type: ignore[attr-defined]
    assert np.isfinite(inner["vx"].values).mean() > 0.97
    assert float(inner["vx"].median()) == pytest.approx(DRIFT[0] * PIXEL, abs=0.05 * PIXEL)
    assert float(inner["vy"].median()) == pytest.approx(-DRIFT[1] * PIXEL, abs=0.05 * PIXEL)


def test_segments_ride_on_the_floes_to_the_second_image(field: object) -> None:
    rng = np.random.default_rng(0)
    x, y = LEFT + rng.uniform(8e3, 24e3, 6000), TOP - rng.uniform(12e3, 28e3, 6000)
    longitude, latitude = pyproj.Transformer.from_crs(3413, 4326, always_xy=True).transform(x, y)
    table = gpd.GeoDataFrame(
        {
            "granule": "made", "beam": "gt2r", "segment_length": 30.0, "longitude": longitude, "latitude": latitude,
            "time": pd.Timestamp(DATES[0]), "freeboard": (x - LEFT) / 1e5,
        },
        geometry=gpd.points_from_xy(longitude, latitude), crs=4326,
    )  # fmt: skip
    grid = af.Grid.from_bounds("EPSG:3413", (LEFT, TOP - 36_000, LEFT + 36_000, TOP), 2000)
    found = af.grid_with_drift(
        table, field, grid, target=DATES[1], window="1D", value="freeboard", mode="both", parcel=500.0, dt="6h",
        sigma="100 m d-1",
    )  # fmt: skip
    layer = found.isel(time=0)
    inside = layer.sel(x=slice(LEFT + 13e3, LEFT + 24e3), y=slice(TOP - 13e3, TOP - 25e3))
    moved = inside["freeboard_mean"] - inside["freeboard_mean_eulerian"]
    # What lies in a cell now came from so much farther left.
    np.testing.assert_allclose(moved.values, -DRIFT[0] * PIXEL / 1e5, atol=0.003)
