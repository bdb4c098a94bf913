"""A part of a data set, its points in either encoding, as other programs find it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import geopandas as gpd
import geoparquet_validator
import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyogrio
import pytest

from altiflow.readers import read_segments, read_to_dataset
from altiflow.readers.datasets.geoparquet import PointEncoding


@pytest.fixture(scope="module", params=["WKB", "point"])
def encoding(request: pytest.FixtureRequest) -> PointEncoding:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def part(encoding: PointEncoding, season: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("set") / encoding
    read_to_dataset(season[:1], folder, geometry=encoding)
    return next(folder.rglob("ATL10*.parquet"))


@pytest.fixture(scope="module")
def table(season: tuple[Path, ...]) -> gpd.GeoDataFrame:
    return read_segments(season[0])


def test_a_validator_finds_it_conformant(part: Path, encoding: PointEncoding) -> None:
    report = geoparquet_validator.check(str(part))
    assert geoparquet_validator.failed(report, "core") == []
    # The validator looks for the statistics of a column of boxes; x and y have their own.
    expected = [] if encoding == "WKB" else ["/conf/distribution/geospatial-statistics"]
    assert geoparquet_validator.failed(report) == expected
    group = pq.read_metadata(part).row_group(0)
    columns = {group.column(n).path_in_schema: group.column(n) for n in range(group.num_columns)}
    names = ("bbox.xmin", "bbox.ymax") if encoding == "WKB" else ("geometry.x", "geometry.y")
    assert all(columns[name].statistics.has_min_max for name in names)


def test_duckdb_finds_rows_and_places(part: Path, encoding: PointEncoding, table: gpd.GeoDataFrame) -> None:
    middle = float(table["latitude"].median())
    # Boxes are wider than their points, so that they skip row groups and the place itself decides.
    low, skip = ("latitude", f"bbox.ymax > {middle} and ") if encoding == "WKB" else ("geometry.y", "")
    with duckdb.connect() as connection:
        found = connection.execute(
            f"select count(*), min({low}), avg(freeboard), count(distinct beam) from '{part}' "
            f"where {skip}{low} > {middle}"
        ).fetchone()
    north = table[table["latitude"] > middle]
    assert found is not None
    assert (found[0], found[1], found[3]) == (len(north), north["latitude"].min(), north["beam"].nunique())
    assert found[2] == pytest.approx(float(north["freeboard"].astype(float).mean()), rel=1e-9)


def test_pyarrow_finds_types_units_and_filters(part: Path, table: gpd.GeoDataFrame) -> None:
    schema = pq.read_schema(part)
    assert b'"freeboard": "m"' in schema.metadata[b"altiflow"]
    assert str(schema.field("time").type).startswith("timestamp[us")
    middle = float(table["latitude"].median())
    found = pq.read_table(part, columns=["latitude", "freeboard"], filters=pc.field("latitude") > middle)
    assert found.num_rows == int((table["latitude"] > middle).sum())


def test_geopandas_finds_points_crs_and_a_box(part: Path, encoding: PointEncoding, table: gpd.GeoDataFrame) -> None:
    found = gpd.read_parquet(part)
    assert found.crs == "EPSG:4326"
    assert (found.geometry.x.to_numpy() == found["longitude"]).all()
    assert (found.geometry.y.to_numpy() == found["latitude"]).all()
    assert sorted(found["freeboard"]) == sorted(table["freeboard"])
    west, south, east, north = table.total_bounds
    few = gpd.read_parquet(part, bbox=(west, south, east, (south + north) / 2))
    inside = few[few["latitude"] <= (south + north) / 2]
    assert len(inside) == int((table["latitude"] <= (south + north) / 2).sum())
    assert few["latitude"].max() <= (south + north) / 2 + (1 / 256 if encoding == "WKB" else 0)


@pytest.mark.skipif("Parquet" not in pyogrio.list_drivers(), reason="this GDAL has no driver for Parquet")
def test_gdal_finds_points_and_crs(part: Path, table: gpd.GeoDataFrame) -> None:
    told = pyogrio.read_info(part)
    assert (told["crs"], told["geometry_type"], told["features"]) == ("EPSG:4326", "Point", len(table))
    found = pyogrio.read_dataframe(part)
    assert np.allclose(sorted(found.geometry.x), sorted(table["longitude"]), rtol=0, atol=0)
