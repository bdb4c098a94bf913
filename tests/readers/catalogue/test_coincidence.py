"""Coincidence of two catalogues, against every pair looked at by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from altiflow.errors import InputError, NoOverlapError
from altiflow.readers import find_coincident, find_cubes, list_granules
from altiflow.readers.catalogue.tables import build_catalogue
from altiflow.region import wrap_longitudes


def random_rows(count: int, seed: int, *, lines: bool) -> gpd.GeoDataFrame:
    """Return footprints all round the globe, every seventh without a time, every eleventh without a place."""
    generator = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        west, south = generator.uniform(-185, 180), generator.uniform(60, 80)
        wide, high = generator.uniform(1, 25, 2)
        shape = (
            shapely.LineString([(west, south), (west + wide, south + high / 3)])
            if lines
            else shapely.box(west, south, west + wide, south + high / 3)
        )
        start = pd.Timestamp("2020-01-01") + pd.Timedelta(hours=int(generator.integers(0, 2000)))
        end = start + pd.Timedelta(hours=int(generator.integers(0, 500)))
        rows.append(
            {
                "granule": f"{seed}-{number}",
                "product": "x",
                "start": None if number % 7 == 0 else start,
                "end": None if number % 7 == 0 or number % 5 == 0 else end,
                "geometry": None if number % 11 == 0 else wrap_longitudes(shape),
            }
        )
    return build_catalogue(rows)


def unwrapped(shape: Any) -> list[Any]:
    """Return the parts of a footprint on three turns of the globe."""
    turns = (-360.0, 0.0, 360.0)
    return [
        shapely.transform(part, lambda xy, t=t: xy + np.array([t, 0.0]))
        for part in shapely.get_parts(shape)
        for t in turns
    ]


def by_hand(left: gpd.GeoDataFrame, right: gpd.GeoDataFrame, days: float, undated: str) -> dict[tuple[int, int], float]:
    found = {}
    for i, a in enumerate(left.itertuples()):
        for j, b in enumerate(right.itertuples()):
            if a.geometry is None or b.geometry is None:
                continue
            if not any(
                part.intersects(other) for part in shapely.get_parts(a.geometry) for other in unwrapped(b.geometry)
            ):
                continue
            if pd.isna(a.start) or pd.isna(b.start):
                if undated == "keep":
                    found[i, j] = np.nan
                continue
            a_end, b_end = (r.start if pd.isna(r.end) else r.end for r in (a, b))
            gap = 0.0
            if b.start > a_end:
                gap = (b.start - a_end) / pd.Timedelta(days=1)
            elif a.start > b_end:
                gap = -((a.start - b_end) / pd.Timedelta(days=1))
            if abs(gap) <= days:
                found[i, j] = gap
    return found


@pytest.mark.parametrize("undated", ["keep", "drop"])
@pytest.mark.parametrize("lines", [True, False])
def test_the_pairs_are_those_found_one_by_one(undated: Any, lines: bool) -> None:
    left, right = random_rows(90, 1, lines=lines), random_rows(70, 2, lines=False)
    expected = by_hand(left, right, 10.0, undated)
    found = find_coincident(left, right, max_dt=10, undated=undated)
    assert len(expected) > 20
    keys = list(zip(found["altimetry_row"], found["velocity_row"], strict=True))
    assert keys == sorted(expected)
    np.testing.assert_allclose(found["dt_days"], [expected[key] for key in keys], atol=1e-9)
    assert (found["altimetry"].to_numpy() == left["granule"].to_numpy()[found["altimetry_row"]]).all()
    assert (found["velocity"].to_numpy() == right["granule"].to_numpy()[found["velocity_row"]]).all()
    told = found.attrs["altiflow"]
    assert told["velocity"] == {"rows": 70, "no_footprint": 7, "undated": 10}
    own, other = left.geometry.to_numpy(), right.geometry.to_numpy()
    for place in range(0, len(found), 17):
        i, j = keys[place]
        assert found.geometry[place].equals(shapely.intersection(own[i], other[j])) or not own[i].intersects(other[j])
    whole = find_coincident(left, right, max_dt="10D", undated=undated, overlap="no")
    assert whole["altimetry_row"].tolist() == found["altimetry_row"].tolist()
    assert whole.geometry[0].equals(own[keys[0][0]])


def test_footprints_meet_across_the_antimeridian() -> None:
    def one(name: str, west: float, east: float) -> gpd.GeoDataFrame:
        day = "2020-01-01"
        shape = shapely.box(west, 70, east, 72)
        return build_catalogue([{"granule": name, "product": "x", "start": day, "end": day, "geometry": shape}])

    found = find_coincident(one("a", 170, 180), one("b", -180, -170), max_dt=0)
    assert found.geometry[0].equals(shapely.LineString([(180, 70), (180, 72)]))
    found = find_coincident(one("a", -180, -170), one("b", 170, 180), max_dt=0)
    assert found.geometry[0].equals(shapely.LineString([(-180, 70), (-180, 72)]))
    with pytest.raises(NoOverlapError, match="no footprints meet"):
        find_coincident(one("a", 170, 179.9), one("b", -180, -170), max_dt=0)


def test_nothing_near_in_time_says_how_many_met_in_space() -> None:
    rows = [{"granule": "a", "product": "x", "start": "2020-01-01", "geometry": shapely.box(0, 0, 1, 1)}]
    late = [{**rows[0], "start": "2020-01-03"}]
    with pytest.raises(NoOverlapError, match=r"1 pairs of footprints meet, none of them within 1\.5 days"):
        find_coincident(build_catalogue(rows), build_catalogue(late), max_dt="36h")
    for same in (2, "2", "2d", "2 D", "48h", pd.Timedelta(days=2)):
        assert find_coincident(build_catalogue(rows), build_catalogue(late), max_dt=same)["dt_days"].tolist() == [2.0]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"max_dt": -1}, "max_dt is 0 or more"),
        ({"max_dt": "soon"}, "max_dt is days"),
        ({"max_dt": None}, "max_dt is"),
        ({"max_dt": True}, "max_dt is days"),
        ({"max_dt": 1, "undated": True}, "undated=True"),
        ({"max_dt": 1, "overlap": "maybe"}, "overlap='maybe'"),
    ],
)
def test_arguments_that_mean_nothing(asked: dict[str, Any], words: str) -> None:
    table = random_rows(3, 1, lines=False)
    with pytest.raises(InputError, match=words):
        find_coincident(table, table, **asked)


def test_without_any_footprint_the_way_out_is_told() -> None:
    bare = build_catalogue([{"granule": "a", "product": "x"}])
    with pytest.raises(InputError, match=r"no row of altimetry has a footprint.*footprints='read'"):
        find_coincident(bare, random_rows(3, 1, lines=False), max_dt=1)


def test_real_tracks_of_land_ice_meet_cubes_and_those_of_sea_ice_do_not(data: Any) -> None:
    cubes = data("itslive/catalog/stripped_catalog.json")
    heights = list_granules(data("atl06"), footprints="read")
    found = find_coincident(heights, cubes, max_dt=0)
    assert found["dt_days"].isna().all()
    for granule, area in zip(heights["granule"], heights.geometry, strict=True):
        urls = set(
            find_cubes(area.envelope.buffer(0.01), cubes)["url"].str.rpartition("/")[2].str.removesuffix(".zarr")
        )
        assert set(found.loc[found["altimetry"] == granule, "velocity"]) <= urls
    assert set(found["altimetry"]) == set(heights["granule"])


def test_a_folder_will_do(tmp_path: Path) -> None:
    (tmp_path / "ATL10-01_20220107195849_02531401_006_01.h5").touch()
    with pytest.raises(InputError, match="footprint"):
        find_coincident(tmp_path, random_rows(3, 1, lines=False), max_dt=1)
