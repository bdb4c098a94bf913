"""What is read of a data set is what brute force finds, and far fewer bytes of it."""

from __future__ import annotations

import io
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import geopandas as gpd
import geoparquet_validator
import numpy as np
import pandas as pd
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal

from altiflow.errors import InputError, UnsupportedFormatError
from altiflow.gridding import Grid, tally_files
from altiflow.readers import read_segments, read_table, read_to_dataset, value_column, write_table
from altiflow.readers.datasets import geoparquet, granules, reading
from altiflow.region import as_region


@pytest.fixture(scope="module")
def everything(season: tuple[Path, ...]) -> gpd.GeoDataFrame:
    """Return the season as one table, read without the data set."""
    return read_segments(list(season), beams="all", screens="none")


class _Counted(io.FileIO):
    """A file that counts what is read of it."""

    total = 0

    def read(self, size: int = -1) -> bytes:
        found = super().read(size)
        _Counted.total += len(found)
        return found

    def readinto(self, buffer: Any) -> int:
        count = super().readinto(buffer)
        _Counted.total += count
        return count


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> type[_Counted]:
    """Return the counter of bytes read of part files from now on."""
    monkeypatch.setattr(reading, "open_part", lambda path: _Counted(path))
    _Counted.total = 0
    return _Counted


def brute(table: gpd.GeoDataFrame, region: Any = None, start: Any = None, end: Any = None) -> gpd.GeoDataFrame:
    """Return the rows of a table that lie in a region and between two times."""
    keep = np.ones(len(table), dtype=bool)
    if region is not None:
        keep &= as_region(region).contains(table["longitude"], table["latitude"])
    if start is not None:
        keep &= (table["time"] >= pd.Timestamp(start)).to_numpy()
    if end is not None:
        keep &= (table["time"] < pd.Timestamp(end)).to_numpy()
    return table[keep].reset_index(drop=True)


def choices(table: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    """Return ways to choose rows, some of which find none."""
    west, south, _, _ = table.total_bounds
    low, high = (float(edge) for edge in np.quantile(table["latitude"], [0.4, 0.5]))
    middle = table["time"].sort_values().iloc[len(table) // 2]
    disc = shapely.Point(float(table["longitude"].median()), float(table["latitude"].median())).buffer(3)
    return [
        {"region": (-180, low, 180, high)},
        {"region": (170, 60, -150, 90)},
        {"region": disc},
        {"start": middle},
        {"end": middle},
        {"start": middle - pd.Timedelta("1D"), "end": middle, "region": (-180, low, 180, 90)},
        {"start": "2100-01-01"},
        {"region": (west - 1, south - 2, west - 0.5, south - 1)},
    ]


@pytest.mark.parametrize("number", range(8))
def test_filters_pushed_down_give_the_rows_of_brute_force(
    everything: gpd.GeoDataFrame, kept: Path, number: int
) -> None:
    choice = choices(everything)[number]
    expected = brute(everything, **choice)
    found = read_table(kept, **choice)
    assert_geodataframe_equal(found, expected)
    assert found.attrs["altiflow"]["granules"] == everything.attrs["altiflow"]["granules"]


def test_the_same_filters_work_on_one_file(everything: gpd.GeoDataFrame, tmp_path: Path) -> None:
    path = write_table(everything, tmp_path / "one.parquet")
    for choice in choices(everything):
        found = read_table(path, **choice)
        assert_geodataframe_equal(found.reset_index(drop=True), brute(everything, **choice))
    early = read_table(path, columns=["freeboard"], end=everything["time"].median())
    assert list(early) == ["freeboard", "geometry"]
    plain = everything[["freeboard", "geometry"]]
    with pytest.raises(InputError, match="no column 'time'"):
        read_table(write_table(plain, tmp_path / "plain.parquet"), start="2020-01-01")


def test_a_small_area_and_few_columns_read_few_bytes(
    everything: gpd.GeoDataFrame, season: tuple[Path, ...], counted: type[_Counted], monkeypatch: Any, tmp_path: Path
) -> None:
    # Row groups as full granules have them, tens to a beam, on the small granules of the sample.
    monkeypatch.setattr(geoparquet, "ROW_GROUP_ROWS", 100)
    monkeypatch.setattr("altiflow.readers.datasets.granules.ROW_GROUP_ROWS", 100)
    read_to_dataset(list(season), tmp_path / "fine", beams="all", screens="none")
    whole = read_table(tmp_path / "fine")
    all_bytes, counted.total = counted.total, 0
    assert all_bytes > 0.5 * sum(file.stat().st_size for file in (tmp_path / "fine").glob("product=*/**/*.parquet"))
    low, high = (float(edge) for edge in np.quantile(whole["latitude"], [0.97, 1.0]))
    part = read_table(tmp_path / "fine", region=(-180, low, 180, high), columns=["freeboard"])
    assert len(part) == len(brute(everything, (-180, low, 180, high)))
    assert list(part) == ["freeboard", "geometry"]
    share = counted.total / all_bytes
    footers = sum(pq.read_metadata(file).serialized_size for file in (tmp_path / "fine").glob("product=*/**/*.parquet"))
    assert counted.total - footers < 0.05 * (all_bytes - footers), f"read {share:.0%} of the bytes"
    counted.total = 0
    assert read_table(tmp_path / "fine", start="2100-01-01").empty
    assert counted.total == 0


def test_the_points_of_either_encoding_are_the_same(season: tuple[Path, ...], kept: Path, tmp_path: Path) -> None:
    read_to_dataset(list(season), tmp_path / "native", beams="all", screens="none", geometry="point")
    assert_geodataframe_equal(read_table(tmp_path / "native"), read_table(kept))
    sizes = [sum(f.stat().st_size for f in folder.rglob("*.parquet")) for folder in (tmp_path / "native", kept)]
    assert sizes[0] < sizes[1]
    part = next((tmp_path / "native").glob("product=*/**/*.parquet"))
    west, south, east, north = gpd.read_parquet(part).total_bounds
    box = gpd.read_parquet(part, bbox=(west, south, east, (south + north) / 2))
    assert 0 < len(box) < pq.read_metadata(part).num_rows


def test_every_part_is_conformant_geoparquet_that_others_read(everything: gpd.GeoDataFrame, kept: Path) -> None:
    parts = sorted(kept.glob("hemisphere=*/**/*.parquet"))
    for part in parts:
        assert geoparquet_validator.failed(geoparquet_validator.check(str(part))) == []
    joined = pd.concat([gpd.read_parquet(part) for part in parts])
    assert len(joined) == len(everything)
    assert (joined.geometry.x == joined["longitude"]).all()
    arrow = pads.dataset(kept, partitioning="hive")
    assert arrow.count_rows() == len(everything)
    assert {"hemisphere", "day"} <= set(arrow.schema.names)
    with duckdb.connect() as connection:
        count, low, days = connection.execute(
            f"select count(*), min(latitude), count(distinct day) from read_parquet("
            f"'{kept}/hemisphere=*/**/*.parquet', hive_partitioning=true) where bbox.ymax > 80 and latitude > 80"
        ).fetchone()
    north = everything[everything["latitude"] > 80]
    assert (count, low, days) == (len(north), north["latitude"].min(), north["time"].dt.date.nunique())


def test_points_as_binary_are_those_of_shapely() -> None:
    x, y = np.array([0.0, -180.0, 1e-300, np.pi]), np.array([0.0, 90.0, -1e300, np.e])
    ours = geoparquet.arrow_points(x, y).to_pylist()
    assert ours == shapely.to_wkb(shapely.points(x, y), byte_order=1).tolist()


def test_a_day_month_or_year_is_meant_whole_as_in_a_search(
    kept: Path, everything: gpd.GeoDataFrame, tmp_path: Path
) -> None:
    plain = write_table(everything, tmp_path / "plain.parquet")
    day = everything["time"].min().normalize()
    today = everything[everything["time"] < day + pd.Timedelta(1, "D")]
    assert 0 < len(today) < len(everything)
    for source in (kept, plain):
        assert len(read_table(source, start=f"{day:%Y-%m-%d}", end=f"{day:%Y-%m-%d}")) == len(today)
        assert len(read_table(source, start=day.date(), end=day.date())) == len(today)
        assert len(read_table(source, start=day, end=day + pd.Timedelta(1, "D"))) == len(today)
        assert len(read_table(source, end=f"{day:%Y-%m-%d}T00:00:00")) == 0
        assert len(read_table(source, start=f"{day:%Y}", end=f"{day + pd.Timedelta(40, 'D'):%Y-%m}")) == len(everything)


def test_a_column_that_is_not_there_is_named_for_files_and_folders(
    everything: gpd.GeoDataFrame, tmp_path: Path
) -> None:
    plain = write_table(everything, tmp_path / "plain.parquet")
    with pytest.raises(InputError, match=r"plain.parquet has no column nope; it has granule"):
        read_table(plain, columns=["nope"])


@pytest.mark.parametrize(
    ("box", "bounds", "held"),
    [
        ((170, 60, 190, 80), (-175, 61, -172, 62), True),
        ((170, 60, 190, 80), (185, 61, 188, 62), True),
        ((-180, 60, -170, 80), (170, 61, 180, 62), True),
        ((170, 60, 180, 80), (-180, 61, -179, 62), True),
        ((-20, 60, -10, 80), (340, 61, 345, 62), True),
        ((10, 60, 20, 80), (-345, 61, -344, 62), True),
        ((170, 60, 190, 80), (-165, 61, -160, 62), False),
        ((-20, 60, -10, 80), (20, 61, 30, 62), False),
    ],
)
def test_bounds_are_compared_on_the_globe(box: Any, bounds: Any, held: bool) -> None:
    choice = reading.choose_rows(box, None, None, None)
    assert choice.may_hold(bounds, pd.NaT, pd.NaT) == held
    # What may not hold anything does not.
    corners = np.array(bounds)[[0, 2]], np.array(bounds)[[1, 3]]
    assert held or not choice.region.contains(*corners).any()  # type: ignore[union-attr]


def test_row_groups_hold_stretches_of_the_track_of_all_beams(
    season: tuple[Path, ...], everything: gpd.GeoDataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(granules, "ROW_GROUP_ROWS", 700)
    read_to_dataset([season[0]], tmp_path / "out", beams="all", screens="none", partition=[])
    file = pq.ParquetFile(next((tmp_path / "out").glob("ATL*.parquet")))
    groups = [file.read_row_group(number).to_pandas() for number in range(file.num_row_groups)]
    assert len(groups) == -(-file.metadata.num_rows // 700) > 2
    for before, after in pairwise(groups):
        assert before["x_atc"].max() <= after["x_atc"].min()
    for group in groups[:-1]:
        beams = group["beam"].to_numpy()
        assert (beams[1:] != beams[:-1]).sum() == len(set(beams)) - 1 > 0
    again = read_table(tmp_path / "out").drop(columns="geometry")
    expected = everything[everything["granule"] == everything["granule"].iloc[0]].drop(columns="geometry")
    pd.testing.assert_frame_equal(pd.DataFrame(again), pd.DataFrame(expected), check_exact=True)


def test_a_folder_without_rows_has_the_columns(season: tuple[Path, ...], tmp_path: Path) -> None:
    far = as_region((0, -89, 1, -88))
    ledger = read_to_dataset(list(season), tmp_path / "out", region=far)
    assert {row["status"] for row in ledger.rows} == {"empty"}
    table = read_table(tmp_path / "out")
    assert table.empty
    assert_geodataframe_equal(table, read_segments(list(season), region=far))
    assert value_column(season[0]) == "freeboard"


def test_bad_questions_and_damaged_folders_are_refused(season: tuple[Path, ...], kept: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no column thickness; it has granule"):
        read_table(kept, columns=["thickness"])
    with pytest.raises(InputError, match="start='soon' is no time"):
        read_table(kept, start="soon")
    with pytest.raises(InputError, match="end=NaT is no time"):
        read_table(kept, end=pd.NaT)
    with pytest.raises(InputError, match="has 3 numbers"):
        read_table(kept, bbox=(1, 2, 3))
    for box in ((170, 60, -170, 90), (-180, 90, 180, 60)):
        with pytest.raises(InputError, match=r"ends before it begins.*region="):
            read_table(kept, bbox=box)
    with pytest.raises(InputError, match="start='2020' is not before end='2019'"):
        read_table(kept, start="2020", end="2019")
    with pytest.raises(InputError, match="no data set"):
        read_table(tmp_path)
    read_to_dataset([season[0]], tmp_path / "out")
    part = next((tmp_path / "out").glob("product=*/**/*.parquet"))
    part.write_bytes(part.read_bytes()[:1000])
    with pytest.raises(UnsupportedFormatError, match="read the granules into the data set again"):
        read_table(tmp_path / "out")
    part.unlink()
    with pytest.raises(UnsupportedFormatError, match="read the granules into the data set again"):
        read_table(tmp_path / "out")
    (tmp_path / "out" / "_dataset.json").write_text("{}")
    with pytest.raises(UnsupportedFormatError, match="does not describe a data set"):
        read_table(tmp_path / "out")


def test_a_data_set_is_gridded_as_its_granules_are(season: tuple[Path, ...], kept: Path) -> None:
    grid = Grid.named("EASE2_N25km")
    found = tally_files(kept, grid, value="freeboard")
    expected = tally_files(list(season), grid, value="freeboard", beams="all", screens="none")
    assert found.records.states.tobytes() == expected.records.states.tobytes()
    assert value_column(kept) == "freeboard"
