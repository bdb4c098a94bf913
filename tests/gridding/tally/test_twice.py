"""Segments that would count twice: the same part of a beam, another release of a granule, other screens."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from altiflow.errors import InputError
from altiflow.gridding import Grid, TallyStore, merge_tallies, tally_files, tally_segments
from altiflow.readers import write_table

GRID = Grid.named("EASE2_N25km")
FIRST = "ATL10-01_20190101000000_00010201_006_01"
SECOND = "ATL10-01_20190101000000_00010201_006_02"
OTHER = "ATL10-01_20190102000000_00160201_006_01"


def table(granule, rows=300, seed=0, **columns):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "longitude": rng.uniform(0, 1, rows),
            "latitude": rng.uniform(80, 81, rows),
            "granule": granule,
            "beam": np.repeat(["gt1r", "gt2r", "gt3r"], rows // 3),
            "time": pd.Timestamp("2019-01-01") + pd.to_timedelta(np.arange(rows), "ms"),
            "freeboard": rng.normal(0.3, 0.1, rows),
            "segment_length": rng.uniform(10, 60, rows),
        }
        | columns
    )


def tally(frame, **options):
    return tally_segments(frame, GRID, value="freeboard", **options)


@pytest.fixture
def one():
    return tally(table(FIRST))


def test_the_same_segments_are_refused_in_any_company(one):
    with pytest.raises(InputError, match=f"granule {FIRST}, beam gt1r, are there twice"):
        one + one
    half = tally(table(FIRST).iloc[:150])
    with pytest.raises(InputError, match="are there twice"):
        merge_tallies([tally(table(OTHER)), one, half])


@pytest.mark.parametrize("part", [slice(0, 3), slice(40, 160), slice(297, 300)])
def test_a_part_beside_the_whole_is_refused(one, part):
    with pytest.raises(InputError, match="are there twice"):
        one + tally(table(FIRST).iloc[part])


def test_parts_with_whole_seconds_are_added():
    frame = table(FIRST, rows=6).assign(
        time=pd.Timestamp("2019-01-01 00:00:07"), longitude=0.5, latitude=80.5, beam="gt1r"
    )
    frame["time"] = frame["time"].astype("datetime64[s]")
    assert (tally(frame[:2]) + tally(frame[2:])).count == 6


def test_releases_of_atl11_are_one_granule_whatever_their_cycles():
    with pytest.raises(InputError, match="are one granule"):
        tally(table("ATL11_005411_0318_006_01")) + tally(table("ATL11_005411_0315_005_03", seed=1))
    both = tally(table("ATL11_005411_0318_006_01")) + tally(table("ATL11_005511_0318_006_01", seed=1))
    assert both.count == 600


def test_parts_of_a_beam_are_added(one):
    frame = table(FIRST)
    pick = np.random.default_rng(1).random(len(frame)) < 0.5
    both = tally(frame[pick]) + tally(frame[~pick])
    assert both.count == one.count
    assert np.allclose(both.to_dataset().freeboard_mean, one.to_dataset().freeboard_mean, rtol=1e-12, equal_nan=True)


@pytest.mark.parametrize("again", [SECOND, FIRST.replace("006", "007"), f"{FIRST}_subsetted"])
def test_another_release_of_a_granule_is_refused_with_both_names(one, again, tmp_path):
    with pytest.raises(InputError, match=f"{FIRST} and {again} are one granule"):
        one + tally(table(again, seed=1))
    with pytest.raises(InputError, match="are one granule"):
        tally(pd.concat([table(FIRST), table(again)]))
    store = TallyStore.create(tmp_path / "store", one + tally(table(OTHER)))
    with pytest.raises(InputError, match=f"has granule {FIRST} already"):
        store.add(tally(table(again, seed=1)))
    store.replace(tally(table(again, seed=1)))
    assert store.granules == tuple(sorted([again, OTHER]))
    assert store.tally().count == 600


def test_a_folder_with_a_granule_twice_is_refused(tmp_path):
    for name in ("a", "b"):
        write_table_of(table(FIRST), tmp_path / f"{name}.parquet")
    with pytest.raises(InputError, match="are there twice"):
        tally_files(tmp_path, GRID, value="freeboard")


def write_table_of(frame, path):
    import geopandas as gpd

    points = gpd.points_from_xy(frame["longitude"], frame["latitude"], crs="EPSG:4326")
    return write_table(gpd.GeoDataFrame(frame, geometry=points), path)


def test_other_screens_are_refused_with_both(one):
    frames = [table(FIRST), table(OTHER)]
    for frame, screens in zip(frames, ({"position": 0}, {"position": 0, "not_ice_type": 3}), strict=True):
        frame.attrs["altiflow"] = {"product": "ATL10", "screens": screens}
    with pytest.raises(InputError, match="different screens cannot be merged: position and not_ice_type, position"):
        tally(frames[0]) + tally(frames[1])


def test_names_that_give_one_variable_twice_are_refused():
    frame = table(FIRST).assign(length=1.0)
    with pytest.raises(InputError, match="two variables length_mean"):
        tally_segments(frame, GRID, value=["freeboard", "length"])
    with pytest.raises(InputError, match="two variables b_length_mean"):
        tally_segments(frame.assign(b=1.0, b_length=2.0), GRID, value=["freeboard", "b", "b_length"])
    with pytest.raises(InputError, match="names a column twice"):
        tally_segments(frame, GRID, value=["freeboard", "freeboard"])
    with pytest.raises(InputError, match="two variables freeboard_mean"):
        tally_segments(frame, GRID, value="freeboard", weight="freeboard")


def test_one_name_is_one_granule(one):
    both = one + tally(table(OTHER))
    assert both.select(OTHER).granules == both.remove(FIRST).granules == (OTHER,)
    with pytest.raises(InputError, match="no granule ATL10;"):
        both.select("ATL10")
