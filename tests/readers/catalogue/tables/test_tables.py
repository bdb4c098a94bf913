"""Catalogues: their form, filters and files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal

from altiflow.errors import InputError, UnsupportedFormatError
from altiflow.readers import filter_catalogue, read_catalogue, write_catalogue
from altiflow.readers.catalogue.pairs import count_by, keep_where
from altiflow.readers.catalogue.tables import CATALOGUE_COLUMNS, build_catalogue, check_catalogue


def row(number: int, **told: Any) -> dict[str, Any]:
    return {
        "granule": f"ATL10-01_2022010{number}195850_0{number}531401_007_02",
        "product": "ATL10",
        "version": "007",
        "revision": 2,
        "start": f"2022-01-0{number}T19:58:50.123456Z",
        "end": f"2022-01-0{number}T20:40:00Z",
        "rgt": number * 100,
        "cycle": 10 + number,
        "hemisphere": "north" if number % 2 else "south",
        "size_mb": 3.5,
        "url_https": f"https://host/{number}.h5",
        "geometry": shapely.box(10 * number, 60, 10 * number + 5, 70),
        **told,
    }


@pytest.fixture
def catalogue() -> gpd.GeoDataFrame:
    told = {"product": "ATL10", "search": {"version": "latest"}, "screens": {}}
    return build_catalogue([row(number) for number in (4, 2, 1, 3)], told)


def test_every_column_is_there_with_its_type(catalogue: gpd.GeoDataFrame) -> None:
    empty = build_catalogue([])
    for table in (catalogue, empty, build_catalogue([{"granule": "a", "product": "b"}])):
        assert list(table.columns) == list(CATALOGUE_COLUMNS)
        for name, column in CATALOGUE_COLUMNS.items():
            kind = str(table[name].dtype)
            assert kind == column.dtype or (column.dtype == "str" and kind == "object"), name
        assert table.crs == "EPSG:4326"
    assert catalogue["cycle"].tolist() == [11, 12, 13, 14]
    assert catalogue["start"][0] == pd.Timestamp("2022-01-01T19:58:50.123456")
    assert set(catalogue["orientation"]) == {"unknown"}
    assert catalogue["path"].isna().all()


@pytest.mark.parametrize("suffix", [".parquet", ".geojson"])
@pytest.mark.parametrize("footprints", ["all", "some", "none", "no rows"])
def test_what_is_written_is_read_back(
    suffix: str, footprints: str, catalogue: gpd.GeoDataFrame, tmp_path: Path
) -> None:
    if footprints == "some":
        catalogue.loc[1, "geometry"] = None
    elif footprints == "none":
        catalogue["geometry"] = None
    elif footprints == "no rows":
        catalogue = catalogue.iloc[:0]
    path = write_catalogue(catalogue, tmp_path / f"c{suffix}")
    again = read_catalogue(path)
    assert_geodataframe_equal(again, catalogue)
    assert again.attrs == catalogue.attrs
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    other = gpd.read_parquet(path) if suffix == ".parquet" else gpd.read_file(path)
    assert len(other) == len(catalogue)


def test_lists_of_addresses_and_csv(catalogue: gpd.GeoDataFrame, tmp_path: Path) -> None:
    catalogue.loc[0, "more_https"] = "https://host/1_vx.tif https://host/1_vy.tif"
    lines = write_catalogue(catalogue, tmp_path / "urls.txt").read_text().split()
    assert lines[:4] == [f"https://host/1{tail}" for tail in (".h5", "_vx.tif", "_vy.tif")] + ["https://host/2.h5"]
    table = pd.read_csv(write_catalogue(catalogue, tmp_path / "c.csv"))
    assert table["granule"].tolist() == catalogue["granule"].tolist()
    assert shapely.from_wkt(table["geometry"][2]).equals(catalogue.geometry[2])
    catalogue.loc[2, "url_https"] = None
    with pytest.raises(InputError, match=r"ATL10-01_20220103\w+ has no address"):
        write_catalogue(catalogue, tmp_path / "urls.txt")


def test_filters_keep_what_meets_all_and_count_the_rest(catalogue: gpd.GeoDataFrame) -> None:
    def cycles(**asked: Any) -> list[int]:
        return filter_catalogue(catalogue, **asked)["cycle"].tolist()

    assert cycles(cycle=12) == [12]
    assert cycles(cycle=range(12, 14)) == [12, 13]
    assert cycles(rgt=[100, 400, 999]) == [11, 14]
    assert cycles(hemisphere="north") == [11, 13]
    assert cycles(region=(14, 60, 21, 65)) == [11, 12]
    assert cycles(region=(15, 70, 16, 71)) == [11]
    assert cycles(start="2022-01-02", end="2022-01-03") == [12, 13]
    assert cycles(start="2022-01-02T20:40:00") == [12, 13, 14]
    assert cycles(end="2022-01-02T19:58:50") == [11]
    assert cycles(product=["ATL07"]) == []
    assert cycles() == [11, 12, 13, 14]
    both = filter_catalogue(filter_catalogue(catalogue, cycle=[11, 12]), cycle=12, hemisphere="south")
    assert both.attrs["altiflow"]["screens"] == {"cycle": 3, "hemisphere": 0}
    assert catalogue.attrs["altiflow"]["screens"] == {}


def test_rows_that_do_not_tell_are_taken_by_a_filter() -> None:
    table = build_catalogue([{"granule": "a", "product": "x"}])
    for asked in ({"cycle": 1}, {"rgt": 1}, {"hemisphere": "north"}, {"region": (0, 0, 1, 1)}, {"start": "2020"}):
        assert len(filter_catalogue(table, **asked)) == 0


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"cycle": "3"}, "cycle is one int"),
        ({"rgt": []}, "rgt is one int"),
        ({"cycle": True}, "cycle is one int"),
        ({"product": 10}, "product is one str"),
        ({"hemisphere": "nh"}, "'nh'"),
        ({"start": "2023", "end": "2022"}, "is after end"),
        ({"region": (0, 5, 10, 4)}, "region"),
    ],
)
def test_filters_that_mean_nothing(asked: dict[str, Any], words: str, catalogue: gpd.GeoDataFrame) -> None:
    with pytest.raises(InputError, match=words):
        filter_catalogue(catalogue, **asked)


def test_tables_that_are_no_catalogues(catalogue: gpd.GeoDataFrame, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="got a DataFrame"):
        check_catalogue(pd.DataFrame(catalogue))
    with pytest.raises(InputError, match="not EPSG:4326"):
        write_catalogue(catalogue.to_crs(3413), tmp_path / "c.parquet")
    with pytest.raises(InputError, match="suffix is one of"):
        write_catalogue(catalogue, tmp_path / "c.shp")
    with pytest.raises(InputError, match="no catalogue at"):
        read_catalogue(tmp_path / "c.parquet")
    (tmp_path / "c.csv").touch()
    with pytest.raises(InputError, match="suffix is"):
        read_catalogue(tmp_path / "c.csv")
    for text in ("{", "[1]", '{"features": [{"properties": {}}]}', '{"features": [3]}'):
        (tmp_path / "c.json").write_text(text)
        with pytest.raises(UnsupportedFormatError, match="no catalogue in GeoJSON"):
            read_catalogue(tmp_path / "c.json")
    (tmp_path / "c.json").write_text(json.dumps({"features": [{"properties": {"a": 1}, "geometry": None}]}))
    with pytest.raises(InputError, match="lacks the column granule, product"):
        read_catalogue(tmp_path / "c.json")
    (tmp_path / "c.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(UnsupportedFormatError, match="GeoParquet"):
        read_catalogue(tmp_path / "c.parquet")


def test_products_are_meant_in_capitals_or_not(catalogue: gpd.GeoDataFrame) -> None:
    assert len(filter_catalogue(catalogue, product="atl10")) == len(filter_catalogue(catalogue, product="ATL10")) > 0
    assert len(filter_catalogue(catalogue, product=["Atl10", "atl07"])) == len(catalogue)


@pytest.mark.parametrize("shift", [0, 10])
def test_a_region_meets_footprints_on_the_other_side_of_the_antimeridian(shift: int) -> None:
    rows = [
        row(1, geometry=shapely.box(170, 60, 180, 70)),
        row(2, geometry=shapely.box(170, 60, 179, 70)),
        row(3, geometry=shapely.box(-180, 60, -170, 70)),
        row(4, geometry=None),
    ]
    kept = filter_catalogue(build_catalogue(rows), region=(-180, 60, -170 + shift, 70))
    assert kept["rgt"].tolist() == [100, 300]
    assert filter_catalogue(build_catalogue(rows), region=(175, 60, 180, 70))["rgt"].tolist() == [100, 200, 300]


def test_granules_are_counted_and_compared_as_image_pairs_are(catalogue: gpd.GeoDataFrame) -> None:
    dateless = build_catalogue([row(5, start=None, end=None), row(6, product="ATL07")])
    for table in (catalogue, dateless):
        for facet in ("year", "month", "season", "product", "version", "cycle", "rgt", "hemisphere", "orientation"):
            counts = count_by(table, facet)
            assert counts["count"].sum() == len(table)
            assert counts[facet].is_unique
    assert count_by(catalogue, "year", "season").values.tolist() == [[2022, "DJF", len(catalogue)]]
    with pytest.raises(InputError, match=r"'satellite' is not known; known are year, .*, orientation"):
        count_by(catalogue, "satellite")
    late = keep_where(catalogue, "cycle", ">=", "12")
    assert late["cycle"].tolist() == [cycle for cycle in catalogue["cycle"] if cycle >= 12]
    assert late.attrs["altiflow"]["screens"]["cycle>=12"] == len(catalogue) - len(late) > 0
    assert len(keep_where(catalogue, "start", "<=", "2022-01-01")) == 1
    assert len(keep_where(dateless, "start", "<", "2030")) == 1
    with pytest.raises(InputError, match="'satellite' is not one of the catalogue; it has granule"):
        keep_where(catalogue, "satellite", "==", "L8")
