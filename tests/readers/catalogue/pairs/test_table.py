"""The pair catalogue: what its columns hold, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from altiflow.errors import InputError
from altiflow.readers.catalogue.pairs import PAIR_COLUMNS, check_pairs, pairs_from_names, search_pairs, write_pairs


def test_columns_types_and_order(pairs_at: Callable[..., gpd.GeoDataFrame]) -> None:
    table = check_pairs(pairs_at([datetime(2020, 1, 2), datetime(2019, 1, 2)]))
    assert list(table.columns) == list(PAIR_COLUMNS)
    assert table["mid"].is_monotonic_increasing
    assert {name: str(table[name].dtype) for name in ("start", "end", "mid", "separation_days", "epsg")} == {
        "start": "datetime64[us]",
        "end": "datetime64[us]",
        "mid": "datetime64[us]",
        "separation_days": "float64",
        "epsg": "Int32",
    }
    assert table.crs.to_epsg() == 4326
    assert check_pairs(pairs_from_names([])).empty


def test_pairs_of_one_middle_are_all_kept_and_a_granule_twice_is_one(pair_name: Callable[..., str]) -> None:
    wide = pair_name(datetime(2020, 7, 1), datetime(2020, 8, 1))
    narrow = pair_name(datetime(2020, 7, 9), datetime(2020, 7, 24))
    table = pairs_from_names([wide, narrow, f"s3://its-live-data/v02/{wide}.nc"])
    assert len(set(table["mid"])) == 1
    assert sorted(table["granule"]) == sorted([wide, narrow])
    assert table.attrs["altiflow"]["duplicates"] == 1
    assert table["url"].tolist() == table["granule"].tolist()


def test_names_tell_whole_days_and_say_so(pair_name: Callable[..., str]) -> None:
    landsat = pair_name(datetime(2020, 7, 1), datetime(2020, 8, 1))
    radar = (
        "S1A_IW_SLC__1SDH_20200221T095209_20200221T095237_031349_039B9A_CBD7_X_"
        "S1B_IW_SLC__1SDH_20200227T095113_20200227T095143_020453_026C13_6119_G0120V02_P098.nc"
    )
    table = pairs_from_names([landsat, radar]).set_index("satellite")
    assert table["time_resolution"].to_dict() == {"S1A+S1B": "instant", "L8": "day"}
    assert table["separation_days"]["L8"] == 31.0
    assert table["separation_days"]["S1A+S1B"] == pytest.approx(6 - 56 / 86_400, abs=1e-12)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda table: pd.DataFrame(table), "got a DataFrame"),
        (lambda table: table.drop(columns=["url", "mid"]), "lacks the column url, mid"),
        (lambda table: table.to_crs(3413), "EPSG:4326"),
        (lambda table: table.assign(percent_valid="80"), "column percent_valid"),
        (lambda table: table.assign(granule="same"), "holds same twice"),
        (lambda table: table.assign(end=table["start"] - pd.Timedelta(days=1)), "starts after its end"),
        (lambda table: table.assign(start=pd.Series(pd.NaT, index=table.index, dtype="datetime64[us]")), "no start"),
        (lambda table: table.assign(mid=table["start"]), "not the middle"),
        (lambda table: table.assign(separation_days=table["separation_days"].round(-1)), "not end - start"),
        (lambda table: table.assign(start="2020-01-01"), "column start"),
    ],
)
def test_what_is_no_catalogue_is_refused(
    spoil: Callable[[gpd.GeoDataFrame], object], message: str, pairs_at: Callable[..., gpd.GeoDataFrame]
) -> None:
    with pytest.raises(InputError, match=message):
        check_pairs(spoil(pairs_at([datetime(2020, 1, 2), datetime(2019, 1, 2)])))


@pytest.mark.parametrize("suffix", [".parquet", ".geojson", ".json"])
def test_a_written_catalogue_is_an_index(
    suffix: str, pairs_at: Callable[..., gpd.GeoDataFrame], tmp_path: Path
) -> None:
    table = pairs_at([datetime(2020, month, 2, 1, 2, 3, 456789) for month in range(1, 13)], list(range(12)))
    path = write_pairs(table, tmp_path / f"pairs{suffix}")
    again = search_pairs(source=path)
    for name in PAIR_COLUMNS:
        same = again[name].geom_equals(table[name]) if name == "geometry" else again[name] == table[name]
        assert bool(same.all()), name
    part = search_pairs((-49, 69.5, -40, 75), source=path, percent_valid_pixels=6, start="2020-08")
    assert part["granule"].tolist() == table["granule"].tolist()[7:]


def test_a_catalogue_without_footprints_is_written_too(pair_name: Callable[..., str], tmp_path: Path) -> None:
    names = [pair_name(datetime(2020, 7, 1), datetime(2020, 8, day)) for day in (1, 2)]
    for suffix in (".parquet", ".geojson"):
        again = search_pairs(source=write_pairs(pairs_from_names(names), tmp_path / f"pairs{suffix}"))
        assert again["granule"].tolist() == names
        assert again.geometry.isna().all()
        assert again["epsg"].isna().all()
        assert again["time_resolution"].tolist() == ["day", "day"]


def test_text_files(pairs_at: Callable[..., gpd.GeoDataFrame], tmp_path: Path) -> None:
    table = pairs_at([datetime(2020, 1, 2), datetime(2020, 3, 2)])
    urls = write_pairs(table, tmp_path / "urls.txt").read_text().splitlines()
    assert urls == table["url"].tolist()
    csv = pd.read_csv(write_pairs(table, tmp_path / "pairs.csv"))
    assert np.allclose(csv["separation_days"], 16.0)
    assert csv["start"][0] == "2019-12-25T00:00:00Z"
    assert csv["geometry"][0].startswith("POLYGON")
    with pytest.raises(InputError, match="suffix"):
        write_pairs(table, tmp_path / "pairs.xlsx")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pairs.csv", "urls.txt"]
