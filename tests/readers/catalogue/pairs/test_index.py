"""Local indexes of every form, against loops over a thousand records."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from altiflow.errors import EmptyDataError, InputError, UnsupportedFormatError
from altiflow.readers.catalogue.pairs import search_pairs, write_pairs

ASKED: dict[str, Any] = {
    "start": "1995-03",
    "end": "2015-06-15",
    "percent_valid_pixels": 35,
    "min_separation": 10.5,
    "max_separation": 250.25,
}
BOX = (-60.0, 62.0, -20.0, 80.0)


@pytest.fixture(scope="module")
def records() -> list[dict[str, Any]]:
    """Return a thousand records under the names of earthcatalog: percent and date_dt are rounded there."""
    generator = np.random.default_rng(11)
    found = []
    for number in range(1000):
        first = datetime(1984, 1, 1, tzinfo=UTC) + timedelta(seconds=int(generator.integers(0, 1_200_000_000)))
        second = first + timedelta(seconds=int(generator.integers(500_000, 47_000_000)))
        scenes = [f"LC08_L1TP_009{number % 100:03d}_{day:%Y%m%d}_20200913_02_T1" for day in (first, second)]
        if number % 7 == 0:
            scenes = [
                f"S1A_IW_SLC__1SDH_{day:%Y%m%dT%H%M%S}_{day:%Y%m%dT%H%M%S}_{number:06d}_039B9A_CBD7"
                for day in (first, second)
            ]
        west, south = float(generator.uniform(-80, 0)), float(generator.uniform(58, 82))
        name = f"{scenes[0]}_X_{scenes[1]}_G0120V02_P{number % 100:03d}"
        found.append(
            {
                "id": name,
                "geometry": shapely.box(west, south, west + 3, south + 1),
                "datetime": first + (second - first) / 2,
                "start_datetime": first,
                "end_datetime": second,
                "percent_valid_pixels": number % 100,
                "date_dt": round((second - first) / timedelta(days=1)),
                "platform": name.split("_")[0],
                "version": "002",
                "proj_code": "EPSG:3413",
                "scene_1_id": scenes[0],
                "scene_2_id": scenes[1],
                "href": f"https://its-live-data.s3.amazonaws.com/{name}.nc",
            }
        )
    return found


@pytest.fixture(scope="module")
def expected(records: list[dict[str, Any]]) -> list[str]:
    """Return the names that a loop finds, sorted by middle and name."""
    kept = []
    for record in records:
        days = (record["end_datetime"] - record["start_datetime"]).total_seconds() / 86_400
        middle = record["start_datetime"] + (record["end_datetime"] - record["start_datetime"]) / 2
        if (
            record["geometry"].intersects(shapely.box(*BOX))
            and datetime(1995, 3, 1, tzinfo=UTC) <= middle < datetime(2015, 6, 16, tzinfo=UTC)
            and record["percent_valid_pixels"] >= 35
            and 10.5 <= days <= 250.25
        ):
            kept.append((middle, record["id"]))
    assert len(kept) > 40
    return [name for _, name in sorted(kept)]


def arrow(records: list[dict[str, Any]], assets: str) -> pa.Table:
    """Return the records as an Arrow table: WKB, times in UTC, the address as asked."""
    rows = [{key: value for key, value in record.items() if key not in ("geometry", "href")} for record in records]
    table = pa.Table.from_pylist(rows)
    for place, name in enumerate(table.schema.names):
        if name.endswith("datetime"):
            table = table.set_column(place, name, table[name].cast(pa.timestamp("us", tz="UTC")))
    table = table.append_column("geometry", pa.array(shapely.to_wkb([record["geometry"] for record in records])))
    bounds = shapely.bounds([record["geometry"] for record in records])
    corners = [dict(zip(("xmin", "ymin", "xmax", "ymax"), row, strict=True)) for row in bounds.tolist()]
    table = table.append_column("bbox", pa.array(corners))
    told: list[Any] = [{"data": {"href": record["href"], "roles": ["data"]}, "thumbnail": None} for record in records]
    if assets == "text":
        told = [json.dumps(asset) for asset in told]
    if assets == "raw":
        return table.append_column("raw_stac", pa.array([json.dumps({"assets": asset}) for asset in told]))
    return table.append_column("assets", pa.array(told))


def write(kind: str, records: list[dict[str, Any]], folder: Path) -> Path:
    """Write an index of some kind and return its path."""
    path = folder / "index.parquet"
    if kind == "geoparquet":
        frame = gpd.GeoDataFrame(records, geometry="geometry", crs="EPSG:4326")
        frame.rename(columns={"proj_code": "proj:code"}).to_parquet(path)
    elif kind == "geojson":
        path = folder / "index.geojson"
        frame = gpd.GeoDataFrame(records, geometry="geometry", crs="EPSG:4326")
        for name in ("datetime", "start_datetime", "end_datetime"):
            frame[name] = frame[name].map(lambda moment: moment.isoformat())
        path.write_text(frame.to_json())
    elif kind == "items":
        path = folder / "items.json"
        path.write_text(json.dumps({"type": "FeatureCollection", "features": [as_item(record) for record in records]}))
    elif kind == "hive":
        # A record at a border stands in two partitions.
        for cell in ("8001", "8002"):
            for year in {record["datetime"].year for record in records}:
                part = [r for r in records if r["datetime"].year == year and (cell == "8001") <= (r["date_dt"] % 3 < 2)]
                if part:
                    target = folder / "hive" / f"grid_partition={cell}" / f"year={year}"
                    target.mkdir(parents=True)
                    pq.write_table(arrow(part, "struct"), target / "part_0.parquet")
        path = folder / "hive"
    else:
        pq.write_table(arrow(records, kind), path, row_group_size=100)
    return path


def as_item(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record as a STAC item."""
    properties = {key: value for key, value in record.items() if key not in ("id", "geometry", "href")}
    for name in ("datetime", "start_datetime", "end_datetime"):
        properties[name] = properties[name].isoformat().replace("+00:00", "Z")
    return {
        "type": "Feature",
        "id": record["id"],
        "geometry": record["geometry"].__geo_interface__,
        "properties": properties,
        "assets": {"data": {"href": record["href"], "roles": ["data"]}},
    }


@pytest.mark.parametrize("kind", ["geoparquet", "struct", "text", "raw", "hive", "geojson", "items"])
def test_indexes_of_every_form_against_a_loop(
    kind: str, records: list[dict[str, Any]], expected: list[str], tmp_path: Path
) -> None:
    path = write(kind, records, tmp_path)
    found = search_pairs(BOX, source=path, **ASKED)
    assert found["granule"].tolist() == expected
    by_name = {record["id"]: record for record in records}
    for row in found.to_dict("records"):
        record = by_name[row["granule"]]
        exact = (record["end_datetime"] - record["start_datetime"]).total_seconds() / 86_400
        assert row["separation_days"] == pytest.approx(exact, abs=1e-9)
        assert row["url"] == record["href"]
        assert row["geometry"].equals(record["geometry"])
        assert (row["epsg"], row["version"], row["time_resolution"]) == (3413, "v02", "instant")
    whole = search_pairs(source=path)
    assert len(whole) == 1000
    assert (whole.attrs["altiflow"]["duplicates"] > 100) == (kind == "hive")


@pytest.mark.parametrize("kind", ["geoparquet", "geojson", "items"])
def test_relative_paths_start_where_the_index_lies(
    kind: str, records: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hrefs = ("pairs/{}.nc", "../{}.nc", "/mnt/{}.nc", "https://host/{}.nc", "file:///mnt/{}.nc")
    moved = [
        {**record, "href": href.format(number)}
        for number, (record, href) in enumerate(zip(records, hrefs, strict=False))
    ]
    (tmp_path / "below").mkdir()
    path = write(kind, moved, tmp_path / "below")
    expected = {str(tmp_path / "below/pairs/0.nc"), str(tmp_path / "1.nc"), *(row["href"] for row in moved[2:])}
    monkeypatch.chdir(tmp_path)
    for source in (path, path.relative_to(tmp_path)):
        assert set(search_pairs(source=source)["url"]) == expected


def test_relative_paths_of_a_partition_start_in_it(records: list[dict[str, Any]], tmp_path: Path) -> None:
    path = write("hive", [{**records[0], "href": "a.nc"}], tmp_path)
    assert set(search_pairs(source=path)["url"]) <= {str(file.parent / "a.nc") for file in path.rglob("*.parquet")}


def test_a_catalogue_written_elsewhere_leads_to_the_same_files(
    records: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = search_pairs(source=write("geoparquet", records[:1], tmp_path))
    found["url"] = "data/a.nc"
    for name in ("pairs.parquet", "pairs.geojson"):
        again = search_pairs(source=write_pairs(found, tmp_path / "below" / name))
        assert again["url"].tolist() == [str(tmp_path / "data/a.nc")]
    assert write_pairs(found, tmp_path / "urls.txt").read_text() == "data/a.nc\n"


def test_a_rounded_date_dt_is_never_used(records: list[dict[str, Any]], tmp_path: Path) -> None:
    path = write("struct", records, tmp_path)
    days = search_pairs(source=path)["separation_days"]
    assert (days != days.round()).mean() > 0.99
    assert len(search_pairs(source=path, max_separation=49)) == (days <= 49).sum()


def test_pairs_of_one_middle_are_all_kept(pairs_at: Callable[..., gpd.GeoDataFrame], tmp_path: Path) -> None:
    from altiflow.readers.catalogue.pairs import write_pairs

    path = write_pairs(pairs_at([datetime(2020, 1, 1)] * 5), tmp_path / "index.parquet")
    assert len(search_pairs(source=path)) == 5


@pytest.fixture
def bad(tmp_path: Path) -> Iterator[Callable[[str, bytes], Path]]:
    def make(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return make


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.parquet", b"PAR1 not", "no Parquet file"),
        ("a.geojson", b'{"features": [', "no GeoJSON"),
        ("a.json", b'{"type": "Feature"}', "no GeoJSON"),
        ("a.json", b'{"features": [3]}', "no feature"),
        ("a.csv", b"granule,url", "no index of pairs"),
    ],
)
def test_files_that_are_no_index_are_refused(
    name: str, content: bytes, message: str, bad: Callable[[str, bytes], Path]
) -> None:
    with pytest.raises(UnsupportedFormatError, match=message):
        search_pairs(source=bad(name, content))


def test_an_index_that_lacks_a_column_is_refused(records: list[dict[str, Any]], tmp_path: Path) -> None:
    table = arrow(records[:5], "struct")
    for lacking, error, message in (
        ("id", UnsupportedFormatError, "a name"),
        ("assets", UnsupportedFormatError, "an address"),
    ):
        pq.write_table(table.drop_columns(lacking), tmp_path / f"{lacking}.parquet")
        with pytest.raises(error, match=message):
            search_pairs(source=tmp_path / f"{lacking}.parquet")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnsupportedFormatError, match="holds no index"):
        search_pairs(source=tmp_path / "empty")
    with pytest.raises(InputError, match="no such file or folder"):
        search_pairs(source=tmp_path / "nowhere")
    pq.write_table(table.slice(0, 0), tmp_path / "none.parquet")
    with pytest.raises(EmptyDataError, match="the whole index"):
        search_pairs(source=tmp_path / "none.parquet")


def test_pairs_without_a_footprint_are_left_out_of_a_region_and_counted(
    records: list[dict[str, Any]], tmp_path: Path
) -> None:
    frame = pd.DataFrame(records[:10]).drop(columns="geometry")
    frame.to_parquet(tmp_path / "bare.parquet")
    assert len(search_pairs(source=tmp_path / "bare.parquet")) == 10
    with pytest.raises(EmptyDataError, match="no_footprint 10"):
        search_pairs(BOX, source=tmp_path / "bare.parquet")
