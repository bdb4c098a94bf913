"""Pairs out of a list of images."""

from __future__ import annotations

import geopandas as gpd
import pytest
import shapely

from altiflow.errors import EmptyDataError, InputError
from altiflow.readers.catalogue.pairs import pair_scenes
from altiflow.readers.catalogue.pairs.choosing.scenes import scene_track

SCENES = [
    *(f"LC08_L1TP_063018_{day}_20200906_02_T1" for day in ("20160718", "20160803", "20160819", "20161225")),
    *(f"LC08_L1TP_062018_{day}_20200906_02_T1" for day in ("20160727", "20160812")),
    "LE07_L1TP_063018_20160726_20200902_02_T1",
    *(f"S2A_MSIL1C_{day}T190459_N0204_R127_T02CMU_{day}T232024" for day in ("20160720", "20160730", "20160809")),
    "S2A_MSIL1C_20160722T190459_N0204_R013_T02CMU_20160722T232024",
    "S1A_IW_SLC__1SSH_20160720T100000_20160720T100027_012230_01302A_1F2E",
]


_LATE = [("LC08LC08", 128.0), ("LC08LC08", 144.0), ("LC08LC08", 160.0), ("LE07LC08", 152.0)]


def found(**conditions) -> list[tuple[str, float]]:
    table = pair_scenes(SCENES, **conditions)
    days = [(str(a)[:4] + str(b)[:4], d) for a, b, d in table[["first", "second", "separation_days"]].values]
    return sorted((name, round(value, 3)) for name, value in days)


def test_twelve_scenes_give_these_pairs_of_one_track():
    assert len(SCENES) == 12
    assert found(max_separation=40) == [
        ("LC08LC08", 16.0),
        ("LC08LC08", 16.0),
        ("LC08LC08", 16.0),
        ("LC08LC08", 32.0),
        ("LC08LE07", 8.0),
        ("LE07LC08", 8.0),
        ("LE07LC08", 24.0),
        ("S2A_S2A_", 10.0),
        ("S2A_S2A_", 10.0),
        ("S2A_S2A_", 20.0),
    ]


def test_multiples_and_months():
    assert found(max_separation=40, multiple_of=16) == [("LC08LC08", 16.0)] * 3 + [("LC08LC08", 32.0)]
    assert found(months="Sep-Dec") == _LATE


def test_any_track_within_two_days():
    assert ("S2A_S1A_", 0.621) not in found(same_track=False, min_separation=1, max_separation=2)
    assert ("S1A_S2A_", 2.378) in found(same_track=False, min_separation=2, max_separation=3)


def test_footprints_must_overlap():
    boxes = [shapely.box(0, 70, 2, 71), shapely.box(1, 70, 3, 71), shapely.box(2.1, 70, 4, 71)]
    scenes = gpd.GeoDataFrame({"scene": SCENES[:3]}, geometry=boxes, crs=4326)
    table = pair_scenes(scenes, min_overlap=0.4)
    assert table["separation_days"].tolist() == [16.0, 16.0]
    assert table["overlap"].tolist() == pytest.approx([0.5, 0.474], abs=2e-3)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"min_separation": 0}, InputError, "separations must be"),
        ({"multiple_of": -1}, InputError, "multiple_of"),
        ({"min_overlap": 0.5}, InputError, "needs footprints"),
        ({"max_separation": 1.5}, EmptyDataError, "no pair of 12 scenes"),
    ],
)
def test_conditions_that_mean_nothing(change, error, message):
    with pytest.raises(error, match=message):
        pair_scenes(SCENES, **change)


def test_names_that_are_none():
    with pytest.raises(InputError, match="no known form"):
        pair_scenes(["image.tif", SCENES[0]])
    with pytest.raises(InputError, match="there twice"):
        pair_scenes([SCENES[0], SCENES[0]])
    assert scene_track("S1_123456_IW1_20200104T100000_VV_1F2E-BURST") == ""
