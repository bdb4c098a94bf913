from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal

from altiflow.errors import EmptyDataError, InputError
from altiflow.readers import filter_catalogue, read_catalogue, write_catalogue

BERING = (170, 60, -170, 72)


def test_latest_keeps_the_highest_version_then_revision(archive: Any) -> None:
    archive.granules = [
        archive.granule("ATL10-01_20220107195849_02531401_006_02"),
        archive.granule("ATL10-01_20220107195850_02531401_007_01"),
        archive.granule("ATL10-01_20220107195850_02531401_007_02"),
        archive.granule("ATL10-02_20220107195850_02531401_006_01"),
        archive.granule("ATL10-01_20220103200708_01921401_006_01", day="2022-01-03"),
    ]
    table = archive.search()
    assert table["granule"].tolist() == [
        "ATL10-01_20220103200708_01921401_006_01",
        "ATL10-01_20220107195850_02531401_007_02",
        "ATL10-02_20220107195850_02531401_006_01",
    ]
    assert table["version"].tolist() == ["006", "007", "006"]
    assert table["revision"].tolist() == [1, 2, 1]
    assert table["hemisphere"].tolist() == ["north", "north", "south"]


@pytest.mark.parametrize("version", ["006", "6"])
def test_a_fixed_version_asks_for_that_one_only(archive: Any, version: str) -> None:
    archive.granules = [
        archive.granule("ATL10-01_20220107195849_02531401_006_01"),
        archive.granule("ATL10-01_20220107195849_02531401_006_02"),
        archive.granule("ATL10-01_20220107195850_02531401_007_01"),
    ]
    assert archive.search(version=version)["granule"].tolist() == ["ATL10-01_20220107195849_02531401_006_02"]
    assert archive.searches[0]["concept_id[]"] == ["C006-NSIDC_CPRD"]


def test_rows_say_what_the_records_say(archive: Any) -> None:
    archive.granules = [archive.granule("ATL10-01_20220107195850_02531401_007_02")]
    table = archive.search(product="atl10")
    assert isinstance(table, gpd.GeoDataFrame)
    row = table.iloc[0]
    assert (row["product"], row["rgt"], row["cycle"], row["size_mb"]) == ("ATL10", 253, 14, 3.0)
    assert row["start"] == pd.Timestamp("2022-01-07T19:58:49.123")
    assert str(table["start"].dtype) == "datetime64[us]"
    assert row["url_https"].startswith("https://data.nsidc")
    assert row["url_https"].endswith("ATL10-01_20220107195850_02531401_007_02.h5")
    assert row["url_s3"].startswith("s3://nsidc-cumulus-prod-protected/ATLAS/ATL10/007/")
    assert row["geometry"].equals(shapely.box(-50, 70, -40, 75))
    assert table.crs == "EPSG:4326"
    told = json.loads(json.dumps(table.attrs["altiflow"]))["search"]
    assert (told["versions_searched"], told["start"]) == (["006", "007"], "2022-01-01T00:00:00")


def test_what_is_sent(archive: Any) -> None:
    archive.granules = [archive.granule("ATL10-01_20220107195850_02531401_007_02")]
    archive.search()
    assert archive.asked[0][0] == "/search/collections.umm_json"
    assert archive.asked[0][1]["short_name"] == ["ATL10"]
    assert archive.asked[0][1]["cloud_hosted"] == ["true"]
    (query,) = archive.searches
    assert query["bounding_box"] == ["-60.0,60.0,-30.0,80.0"]
    assert query["temporal[]"] == ["2022-01-01T00:00:00Z,2022-01-31T23:59:59Z"]
    assert not any("authorization" in headers for _, _, headers in archive.asked)
    archive.search(region=None, start=None, end=None)
    assert {"bounding_box", "polygon", "temporal[]"}.isdisjoint(archive.searches[1])


def test_a_box_across_the_antimeridian_is_asked_in_two_and_merged(archive: Any) -> None:
    both = archive.granule("ATL10-01_20220107195850_02531401_007_02")
    east, west = (archive.granule(f"ATL10-01_2022010819585{n}_0268140{n}_007_01") for n in (1, 2))
    archive.by_box = {"170.0,60.0,180.0,72.0": [both, east], "-180.0,60.0,-170.0,72.0": [both, west]}
    assert len(archive.search(region=BERING)) == 3
    assert [query["bounding_box"][0] for query in archive.searches] == list(archive.by_box)


def test_polygons_are_sent_as_rings_and_long_ones_as_boxes(archive: Any) -> None:
    archive.granules = [archive.granule("ATL10-01_20220107195850_02531401_007_02")]
    archive.search(region=shapely.Polygon([(-50, 70), (-45, 75), (-40, 70)]))
    corners = np.array(archive.searches[0]["polygon"][0].split(","), float).reshape(-1, 2)
    assert shapely.LinearRing(corners).is_ccw
    assert (corners[0] == corners[-1]).all()
    assert np.hypot(*np.diff(corners, axis=0).T).max() <= 0.5 + 1e-9
    archive.search(region=shapely.Point(-45, 72).buffer(15))
    archive.search(region=shapely.Polygon([(-50, 70), (-45, 90), (-40, 70)]))
    assert [list(query) for query in archive.searches[1:]].count("polygon") == 0
    assert archive.searches[2]["bounding_box"] == ["-50.0,70.0,-40.0,90.0"]


def test_growing_tracks_and_months_across_versions(archive: Any) -> None:
    archive.granules = [
        archive.granule("ATL11_135803_0318_006_03"),
        archive.granule("ATL11_135803_0321_007_01"),
        archive.granule("ATL11_135803_0322_007_01"),
        archive.granule("ATL11_135804_0318_006_03"),
    ]
    assert archive.search("ATL11")["granule"].tolist() == [
        "ATL11_135803_0322_007_01",
        "ATL11_135804_0318_006_03",
    ]
    archive.granules = [
        archive.granule("ATL20-01_20220101005132_01541401_006_01"),
        archive.granule("ATL20-01_20220101023549_01551401_007_01"),
    ]
    assert archive.search("ATL20")["granule"].tolist() == ["ATL20-01_20220101023549_01551401_007_01"]


def test_other_products_keep_their_highest_version(archive: Any) -> None:
    archive.granules = [archive.granule(name) for name in ("ATL15_A1_0318_01km_006_01", "ATL15_A1_0322_01km_007_01")]
    table = archive.search("ATL15")
    assert table["granule"].tolist() == ["ATL15_A1_0322_01km_007_01"]
    assert table["rgt"].isna().all()


def test_no_results_say_what_was_asked_and_what_to_try(archive: Any) -> None:
    with pytest.raises(EmptyDataError, match="ATL10") as caught:
        archive.search(region=BERING, version="007")
    message = str(caught.value)
    for words in ("007", "2022-01-01T00:00:00", "2022-01-31T23:59:59", "box (170, 60, -170, 72)", "latest"):
        assert words in message
    with pytest.raises(EmptyDataError, match="data begin on 2018-10-13"):
        archive.search(start="2018-01", end="2018-02")


def test_unknown_product_and_version(archive: Any) -> None:
    with pytest.raises(InputError, match=r"version '005' of ATL10 .* it has 006, 007"):
        archive.search(version="005")
    archive.versions = []
    with pytest.raises(InputError, match="'ATL99'"):
        archive.search("ATL99")


@pytest.mark.parametrize(
    ("end", "sent"),
    [
        ("2022-02-03", "2022-02-03T23:59:59Z"),
        ("2022-02", "2022-02-28T23:59:59Z"),
        ("2022", "2022-12-31T23:59:59Z"),
        (date(2022, 2, 3), "2022-02-03T23:59:59Z"),
        (datetime(2022, 2, 3, 12), "2022-02-03T12:00:00Z"),
        (pd.Timestamp("2022-02-03T12:00:00+02:00"), "2022-02-03T10:00:00Z"),
        (np.datetime64("2022-02-03T06:00"), "2022-02-03T06:00:00Z"),
        ("2022-02-03T06:00:00Z", "2022-02-03T06:00:00Z"),
    ],
)
def test_the_end_of_a_period(archive: Any, end: Any, sent: str) -> None:
    archive.granules = [archive.granule("ATL10-01_20220107195850_02531401_007_02")]
    archive.search(end=end)
    assert archive.searches[0]["temporal[]"] == [f"2022-01-01T00:00:00Z,{sent}"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"product": ""}, "short name"),
        ({"product": None}, "short name"),
        ({"product": "ATL10&provider=x"}, "short name"),
        ({"start": "2022-13-01"}, "start is a date"),
        ({"end": 20220131}, "end is a date"),
        ({"end": pd.NaT}, "end is a date"),
        ({"start": "2023-01-01"}, "is after end"),
        ({"region": (0, 70, 10, 60)}, "region"),
        ({"timeout": 0}, "timeout"),
        ({"endpoint": "cmr"}, "no address"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_sent(archive: Any, wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        archive.search(**wrong)
    assert archive.asked == []


def test_velocity_products_are_searched_alike(archive: Any) -> None:
    archive.versions = ["001", "002"]
    names = [
        "NSIDC-0776_RGI05A_2014-2022_V01.0",
        "NSIDC-0776_RGI05A_2014-2022_V02.0",
        "NSIDC-0776_RGI19A_2014-2022_V02.0",
    ]
    for name, version in zip(names, ("001", "002", "002"), strict=True):
        record = archive.granule("ATL10-01_20220107195850_02531401_007_02")
        record["meta"]["concept-id"] = name
        record["umm"]["CollectionReference"] = {"ShortName": "NSIDC-0776", "Version": version}
        record["umm"]["GranuleUR"] = name
        record["umm"]["DataGranule"]["Identifiers"] = []
        record["umm"]["RelatedUrls"] = [{"URL": f"https://host/{name}.nc", "Type": "GET DATA"}]
        archive.granules.append(record)
    table = archive.search("NSIDC-0776", region="north of 60")
    assert table["granule"].tolist() == names[1:]
    assert table["url_https"].str.endswith(".nc").all()
    assert table["cycle"].isna().all()
    assert table.attrs["altiflow"]["superseded"] == 1
    assert table.attrs["altiflow"]["search"]["region_sent_as"] == "bounding_box"
    assert archive.searches[0]["bounding_box"] == ["-180.0,60.0,180.0,90.0"]


def test_a_search_is_saved_and_filtered(archive: Any, tmp_path: Any) -> None:
    archive.granules = [
        archive.granule(f"ATL10-0{side}_20220107195850_0253{cycle}01_007_02") for side in (1, 2) for cycle in (13, 14)
    ]
    table = archive.search()
    for suffix in ("parquet", "geojson"):
        again = read_catalogue(write_catalogue(table, tmp_path / f"c.{suffix}"))
        assert_geodataframe_equal(again, table)
        assert again.attrs == table.attrs
    kept = filter_catalogue(table, cycle=14, hemisphere="south", region=(-45, 72, -44, 73))
    assert kept["granule"].tolist() == ["ATL10-02_20220107195850_02531401_007_02"]
    assert kept.attrs["altiflow"]["screens"] == {"cycle": 2, "hemisphere": 1, "region": 0}


def test_records_without_a_time_or_short_name_are_found_all_the_same(archive: Any) -> None:
    plain = archive.granule("ATL10-01_20220107195850_02531401_007_02")
    silent = archive.granule("ATL10-01_20220108195850_02541401_007_02")
    del silent["umm"]["TemporalExtent"]
    silent["umm"]["GranuleUR"], silent["umm"]["DataGranule"] = "cut_out_7.h5", {}
    archive.granules = [plain, silent]
    found = archive.search().set_index("granule")
    assert found.loc["cut_out_7", "product"] == "ATL10"
    assert found["start"].isna().to_dict() == {plain["umm"]["GranuleUR"][:-3]: False, "cut_out_7": True}
