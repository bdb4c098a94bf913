"""Everything that lists data becomes a catalogue of one form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import shapely

from altiflow.errors import InputError
from altiflow.readers import as_catalogue, filter_catalogue, find_cubes, write_catalogue, write_pairs
from altiflow.readers.catalogue.pairs import pairs_from_names, read_cube_catalogue
from altiflow.readers.catalogue.tables import CATALOGUE_COLUMNS

PAIR = "LE07_L1GT_001113_20121118_20161127_01_T2_X_LE07_L1GT_232113_20121104_20161127_01_T2_G0240V01_P059.nc"
TILE = [[400000, 4400000], [500000, 4400000], [500000, 4500000], [400000, 4500000], [400000, 4400000]]
BUCKET = "its-live-data.s3.amazonaws.com"


def test_image_pairs(tmp_path: Path) -> None:
    pairs = pairs_from_names([f"s3://its-live-data/v1/{PAIR}", f"/data/{PAIR.replace('001113', '001112')}"])
    table = as_catalogue(pairs)
    assert list(table.columns) == list(CATALOGUE_COLUMNS)
    assert set(table["granule"]) == set(pairs["granule"])
    remote = table[table["url_s3"].notna()].iloc[0]
    assert remote["url_https"] == f"https://{BUCKET}/v1/{PAIR}"
    assert table["path"].dropna().tolist() == [f"/data/{PAIR.replace('001113', '001112')}"]
    assert (remote["start"], remote["end"]) == (pd.Timestamp("2012-11-04"), pd.Timestamp("2012-11-18"))
    for name in ("pairs.parquet", "pairs.geojson"):
        again = as_catalogue(write_pairs(pairs, tmp_path / name))
        assert again.drop(columns="geometry").equals(table.drop(columns="geometry"))


def test_cubes_once_each_without_a_period(tmp_path: Path) -> None:
    url = f"http://{BUCKET}/datacubes/v2/S50W070/ITS_LIVE_vel_EPSG32718_G0120_X450000_Y4450000.zarr"
    properties = {"zarr_url": url, "epsg": 32718, "geometry_epsg": {"type": "Polygon", "coordinates": [TILE]}}
    mapping = {"features": [{"properties": properties}]}
    path = tmp_path / "cubes.json"
    path.write_text(json.dumps(mapping))
    cubes = read_cube_catalogue(path)
    table = as_catalogue(path)
    assert as_catalogue(pd.concat([cubes, cubes], ignore_index=True)).equals(table)
    row = table.iloc[0]
    assert row["granule"] == "ITS_LIVE_vel_EPSG32718_G0120_X450000_Y4450000"
    assert (row["hemisphere"], row["url_s3"]) == ("south", url.replace(f"http://{BUCKET}", "s3://its-live-data"))
    assert row["url_https"] == url.replace("http:", "https:")
    assert pd.isna(row["start"])
    saved = as_catalogue(write_catalogue(table, tmp_path / "again.geojson"))
    assert saved.equals(table)


def test_the_real_catalogue_of_cubes(data: Any) -> None:
    path = data("itslive/catalog/stripped_catalog.json")
    table = as_catalogue(path)
    assert len(table) == len(read_cube_catalogue(path)) > 1000
    assert table["granule"].notna().all()
    point = (-49.5, 69.15)
    around = filter_catalogue(table, region=f"within 1 km of {point[0]},{point[1]}")
    assert set(find_cubes([point], path)["url"].str.rpartition("/")[2].str.removesuffix(".zarr")) <= set(
        around["granule"]
    )


def test_catalogues_are_taken_as_they_are_and_folders_listed(tmp_path: Path) -> None:
    (tmp_path / "ATL10-01_20220107195849_02531401_006_01.h5").touch()
    table = as_catalogue(tmp_path)
    assert as_catalogue(table) is table
    assert as_catalogue([tmp_path]).equals(table)
    assert as_catalogue(write_catalogue(table, tmp_path / "c.parquet")).equals(table)


@pytest.mark.parametrize("wrong", [None, 3, {"a": 1}, pd.DataFrame({"a": [1]}), "no/such/folder"])
def test_what_is_no_catalogue(wrong: Any) -> None:
    with pytest.raises(InputError):
        as_catalogue(wrong)


def test_folders_of_image_pairs_and_of_ice_motion_are_listed_by_their_names(tmp_path: Path) -> None:
    motion = "icemotion_weekly_nh_25km_20180101_20181231_v4.1.nc"
    drift = "ice_drift_sh_polstere-625_multi-oi_202008011200-202008031200.nc"
    cdr = "ice_drift_nh_ease2-750_cdr-v1p0_24h-201902101200.nc"
    granule = "ATL10-01_20220107195849_02531401_006_02.h5"
    for name in (PAIR, motion, f"deeper/{drift}", f"deeper/{cdr}", "readme.md", ".hidden.nc", "other.nc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * 2**10)
    table = as_catalogue(tmp_path).set_index("product")
    assert sorted(table.index) == ["ITS_LIVE pairs", "NSIDC-0116", "OSI-405", "OSI-455"]
    assert table.loc["ITS_LIVE pairs", "path"] == str(tmp_path / PAIR)
    weekly = table.loc["NSIDC-0116"]
    assert (weekly["granule"], weekly["hemisphere"], weekly["version"]) == (motion[:-3], "north", "v4.1")
    assert (weekly["start"], weekly["end"].date()) == (pd.Timestamp("2018-01-01"), pd.Timestamp("2018-12-31").date())
    assert weekly["geometry"].intersects(shapely.Point(0, 85))
    assert table.loc["OSI-405", "hemisphere"] == "south"
    assert (table["size_mb"] == 2**-10).all()
    assert as_catalogue(tmp_path / motion)["granule"].tolist() == [motion[:-3]]
    (tmp_path / granule).touch()
    mixed = as_catalogue([tmp_path / "deeper", tmp_path / granule, tmp_path / PAIR])
    assert sorted(mixed["product"]) == ["ATL10", "ITS_LIVE pairs", "OSI-405", "OSI-455"]
    assert mixed.attrs["altiflow"]["product"] == "ATL10+ITS_LIVE pairs+OSI-405+OSI-455"
    assert len(filter_catalogue(as_catalogue(tmp_path), product="nsidc-0116", region="north of 80")) == 1


def test_real_folders_of_velocity_are_listed(data: Any) -> None:
    pairs = as_catalogue(data("itslive/granule"))
    assert len(pairs) == len(list(data("itslive/granule").glob("*.nc")))
    assert as_catalogue(data("motion"))["hemisphere"].tolist() == ["north"]
