"""Rows near places are those that geodesics find, on disk as in memory, over the pole and the antimeridian."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest

import altiflow as af
from altiflow.errors import InputError, NoOverlapError

PLACES = {"pole": (0.0, 89.97), "line": (179.98, 75.0), "equator": (-0.01, 0.0)}
GEOD = pyproj.Geod(ellps="WGS84")


@pytest.fixture(scope="module")
def table() -> gpd.GeoDataFrame:
    rng = np.random.default_rng(4)
    lon, lat = [], []
    for east, north in PLACES.values():
        there = GEOD.fwd(np.full(400, east), np.full(400, north), rng.uniform(0, 360, 400), rng.uniform(0, 20_000, 400))
        lon.append(there[0])
        lat.append(there[1])
    place = gpd.points_from_xy(np.concatenate(lon), np.concatenate(lat))
    time = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.permutation(1200), unit="h")
    return gpd.GeoDataFrame({"time": time, "height": rng.normal(size=1200)}, geometry=place, crs=4326)


def by_hand(table: gpd.GeoDataFrame, radius: float) -> list[tuple[str, float]]:
    found = []
    for name, (lon, lat) in PLACES.items():
        count = len(table)
        away = GEOD.inv(np.full(count, lon), np.full(count, lat), table.geometry.x, table.geometry.y)[2]
        found += [(name, float(height)) for height in table["height"][away <= radius]]
    return found


@pytest.mark.parametrize("radius", [500.0, 7_000.0, 19_999.0])
def test_the_rows_are_those_of_brute_force(table: gpd.GeoDataFrame, radius: float) -> None:
    near = af.find_near(table, PLACES, radius_m=radius)
    assert sorted(zip(near["point"], near["height"], strict=True)) == sorted(by_hand(table, radius))
    assert near["distance_m"].max() <= radius
    for _, rows in near.groupby("point"):
        assert rows["time"].is_monotonic_increasing
    assert list(dict.fromkeys(near["point"])) == [name for name in PLACES if name in set(near["point"])]


def test_the_crs_of_the_table_does_not_matter(table: gpd.GeoDataFrame) -> None:
    north = table[table.geometry.y > 60]
    places = {name: PLACES[name] for name in ("pole", "line")}
    one, two = (af.find_near(north.to_crs(crs), places, radius_m=9000) for crs in (4326, 3413))
    assert one["height"].tolist() == two["height"].tolist()
    np.testing.assert_allclose(one["distance_m"], two["distance_m"], atol=1e-3)


def test_a_table_on_disk_gives_the_same(tmp_path: Path) -> None:
    sample = af.make_sample(tmp_path / "sample")
    segments = af.read_segments(sample.granules[:2])
    first = segments.iloc[len(segments) // 2]
    places = {"here": (first.longitude, first.latitude), "nowhere": (0.0, -60.0)}
    path = af.write_table(segments, tmp_path / "segments.parquet")
    near = af.find_near(path, places, radius_m=20_000)
    held = af.find_near(segments, places, radius_m=20_000)
    assert len(near) > 3
    assert near["distance_m"].tolist() == held["distance_m"].tolist()
    assert near.attrs["altiflow"]["units"]
    with pytest.raises(NoOverlapError, match=r"no row of segments\.parquet lies within 5 m of nowhere"):
        af.find_near(path, {"nowhere": (0.0, -60.0)}, radius_m=5)


@pytest.mark.parametrize("radius", [0, -1.0, 6e5, float("nan"), True])
def test_a_radius_that_means_nothing_is_refused(table: gpd.GeoDataFrame, radius: Any) -> None:
    with pytest.raises(InputError, match="radius_m"):
        af.find_near(table, PLACES, radius_m=radius)


def test_rows_without_a_place_are_never_near_and_a_table_without_a_crs_is_refused(table: gpd.GeoDataFrame) -> None:
    holes = table.copy()
    holes.loc[::2, "geometry"] = None
    near = af.find_near(holes, PLACES, radius_m=19_999)
    assert set(near["height"]) <= set(table["height"][1::2])
    with pytest.raises(InputError, match="no CRS"):
        af.find_near(table.set_crs(None, allow_override=True), PLACES, radius_m=10)
    with pytest.raises(NoOverlapError, match="1,200 rows"):
        af.find_near(table, {"far": (90, 0)}, radius_m=10)
