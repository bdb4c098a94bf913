"""Tables on disk: nothing is lost, and what others read them with reads them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import geopandas as gpd
import geoparquet_validator
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pyproj
import pytest
import shapely
import xarray as xr
from geopandas.testing import assert_geodataframe_equal

from altiflow.errors import InputError, UnsupportedFormatError
from altiflow.readers import read_segments, read_table, write_table
from altiflow.readers.table import read_arrow


@pytest.fixture(scope="module")
def table(simulated: Callable[..., Path]) -> gpd.GeoDataFrame:
    return read_segments(simulated(), beams="all", screens="none")


@pytest.fixture
def written(table: gpd.GeoDataFrame, tmp_path: Path) -> Path:
    return write_table(table, tmp_path / "segments.parquet")


def test_the_round_trip_loses_nothing(table: gpd.GeoDataFrame, written: Path) -> None:
    back = read_table(written)
    assert_geodataframe_equal(back, table, check_like=False)
    assert back.attrs == table.attrs
    assert [p.name for p in written.parent.iterdir()] == ["segments.parquet"]


def test_geo_metadata_follow_geoparquet_1_1(table: gpd.GeoDataFrame, written: Path) -> None:
    geo = json.loads(pq.read_schema(written).metadata[b"geo"])
    column = geo["columns"]["geometry"]
    assert geo["version"] == "1.1.0"
    assert geo["primary_column"] == "geometry"
    assert column["encoding"] == "WKB"
    assert column["geometry_types"] == ["Point"]
    assert column["crs"]["id"] == {"authority": "EPSG", "code": 4326}
    assert column["covering"]["bbox"]["xmin"] == ["bbox", "xmin"]
    assert column["bbox"] == pytest.approx(table.total_bounds.tolist())


def test_geopandas_pyarrow_and_duckdb_read_the_same_rows(table: gpd.GeoDataFrame, written: Path) -> None:
    assert_geodataframe_equal(gpd.read_parquet(written).sort_index(), table, check_index_type=False)
    arrow = pq.read_table(written)
    back = np.argsort(arrow["__index_level_0__"].to_numpy())
    assert arrow["freeboard"].to_numpy()[back].tobytes() == table["freeboard"].to_numpy().tobytes()
    points = shapely.from_wkb(arrow["geometry"].to_numpy(zero_copy_only=False))
    assert np.array_equal(shapely.get_x(points)[back], table["longitude"])
    with duckdb.connect() as connection:
        count, low = connection.execute(
            f"select count(*), min(latitude) from '{written}' where bbox.ymax > 80 and latitude > 80"
        ).fetchone()
    assert (count, low) == (
        (table["latitude"] > 80).sum(),
        table.loc[table["latitude"] > 80, "latitude"].min(),
    )


def test_the_validator_finds_it_conformant_and_spatially_ordered(table: gpd.GeoDataFrame, tmp_path: Path) -> None:
    many = pd.concat([table] * 8, ignore_index=True)
    # Copies side by side make an area out of one track, as many granules do.
    shifted = many.assign(longitude=many["longitude"] + 10 * (np.arange(len(many)) // len(table)))
    points = gpd.points_from_xy((shifted["longitude"] + 180) % 360 - 180, shifted["latitude"], crs="EPSG:4326")
    path = write_table(gpd.GeoDataFrame(shifted.drop(columns="geometry"), geometry=points), tmp_path / "many.parquet")
    assert geoparquet_validator.failed(geoparquet_validator.check(str(path))) == []


def test_a_box_gives_the_right_rows_in_order(table: gpd.GeoDataFrame, written: Path) -> None:
    south = float(table["latitude"].quantile(0.9))
    part = read_table(written, bbox=(-180, south, 180, 90))
    assert_geodataframe_equal(part, table[table["latitude"] >= south].reset_index(drop=True))


def test_the_boxes_of_points_hold_them_tightly_and_those_of_other_maps_exactly(
    table: gpd.GeoDataFrame, written: Path, tmp_path: Path
) -> None:
    arrow = pq.read_table(written)
    boxes = {name: arrow["bbox"].combine_chunks().field(name).to_numpy() for name in ("xmin", "ymin", "xmax", "ymax")}
    for low, high, values in (("xmin", "xmax", arrow["longitude"]), ("ymin", "ymax", arrow["latitude"])):
        assert boxes[low].dtype == np.float32
        assert (boxes[low] <= values.to_numpy()).all()
        assert (values.to_numpy() <= boxes[high]).all()
        assert (boxes[high] - boxes[low]).max() <= 1 / 256
    edges = gpd.GeoDataFrame(geometry=gpd.points_from_xy([-180.0, 180.0], [-90.0, 90.0], crs="EPSG:4326"))
    corners = pq.read_table(write_table(edges, tmp_path / "edges.parquet"))["bbox"].to_pylist()
    assert [(box["xmin"], box["ymax"]) for box in corners] == [(-180.0, -90.0), (180.0, 90.0)]
    metres = gpd.GeoDataFrame(geometry=gpd.points_from_xy([0.1], [0.2], crs="EPSG:3413"))
    assert pq.read_table(write_table(metres, tmp_path / "m.parquet"))["bbox"][0].as_py() == {
        "xmin": 0.1,
        "ymin": 0.2,
        "xmax": 0.1,
        "ymax": 0.2,
    }


def test_a_filtered_table_keeps_its_index_and_any_index_its_rows(table: gpd.GeoDataFrame, tmp_path: Path) -> None:
    early = table[["geometry", "time", "freeboard"]]
    renamed = table.rename_geometry("place")
    for part in (table[table["quality"] == 1], table.iloc[::-1], table.set_index("beam", drop=False), early, renamed):
        back = read_table(write_table(part, tmp_path / "part.parquet"))
        assert_geodataframe_equal(back, part)
    kept = gpd.read_parquet(write_table(table, tmp_path / "rows.parquet", order="rows"))
    assert_geodataframe_equal(kept, table)


def test_chosen_columns_come_with_the_geometry(written: Path) -> None:
    assert list(read_table(written, columns=["freeboard"])) == ["freeboard", "geometry"]


@pytest.mark.parametrize("suffix", [".gpkg", ".fgb"])
def test_older_gis_formats_hold_the_same_points(table: gpd.GeoDataFrame, suffix: str, tmp_path: Path) -> None:
    part = table.head(200)
    back = read_table(write_table(part, tmp_path / f"segments{suffix}"))
    assert back.crs == "EPSG:4326"
    order = ["beam", "x_atc"]
    expected, found = part.sort_values(order), back.sort_values(order)
    assert np.array_equal(found["freeboard"].to_numpy("f4"), expected["freeboard"], equal_nan=True)
    assert np.array_equal(found.geometry.x, expected.geometry.x)


def test_an_empty_table_keeps_its_columns(table: gpd.GeoDataFrame, tmp_path: Path) -> None:
    back = read_table(write_table(table.iloc[:0], tmp_path / "empty.parquet"))
    assert back.empty
    assert list(back) == list(table)
    assert (back.dtypes == table.dtypes).all()


def test_a_failed_write_leaves_the_old_file_and_no_remains(table: gpd.GeoDataFrame, written: Path) -> None:
    before = written.read_bytes()
    spoilt = table.assign(freeboard=[object()] * len(table))
    with pytest.raises(Exception, match="object"):
        write_table(spoilt, written)
    assert written.read_bytes() == before
    assert [p.name for p in written.parent.iterdir()] == ["segments.parquet"]


def test_bad_tables_and_paths_are_refused(table: gpd.GeoDataFrame, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="CRS"):
        write_table(table.set_crs(None, allow_override=True), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="bbox"):
        write_table(table.assign(bbox=0), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="suffix"):
        write_table(table, tmp_path / "a.xlsx")
    with pytest.raises(InputError, match="no table"):
        read_table(tmp_path / "nothing.parquet")
    (tmp_path / "bad.parquet").write_text("no")
    with pytest.raises(UnsupportedFormatError, match=r"bad\.parquet"):
        read_table(tmp_path / "bad.parquet")


def test_arrow_columns_come_in_the_order_written(table: gpd.GeoDataFrame, written: Path) -> None:
    arrow = read_arrow(written, columns=["granule", "time", "freeboard"], optional=["x_atc", "nonesuch"])
    assert arrow.column_names == ["granule", "time", "freeboard", "x_atc"]
    for name in ("time", "freeboard", "x_atc"):
        assert arrow[name].to_numpy().tobytes() == table[name].to_numpy().tobytes()
    assert arrow["granule"].to_pylist() == table["granule"].tolist()
    assert json.loads(arrow.schema.metadata[b"altiflow"]) == table.attrs["altiflow"]


def test_arrow_tables_are_the_same_whatever_the_order_and_index(table: gpd.GeoDataFrame, tmp_path: Path) -> None:
    shuffled = table.sample(frac=1.0, random_state=0)
    twice = table.head(500).set_index(["beam", "x_atc"], drop=False).sort_index().rename_axis(["b", "x"])
    for part in (table[table["quality"] == 1], shuffled, table.set_index("x_atc", drop=False), twice, table.iloc[:0]):
        for order in ("hilbert", "rows"):
            arrow = read_arrow(write_table(part, tmp_path / "part.parquet", order=order))
            assert {"geometry", "bbox"}.isdisjoint(arrow.column_names)
            assert arrow["freeboard"].to_numpy().tobytes() == part["freeboard"].to_numpy().tobytes()
            assert arrow["latitude"].to_numpy().tobytes() == part["latitude"].to_numpy().tobytes()


def test_arrow_refuses_what_is_not_there(written: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"segments\.parquet has no column thickness; it has granule"):
        read_arrow(written, columns=["thickness"])
    with pytest.raises(InputError, match="no table"):
        read_arrow(tmp_path / "nothing.parquet")
    (tmp_path / "bad.parquet").write_text("no")
    with pytest.raises(UnsupportedFormatError, match=r"bad\.parquet"):
        read_arrow(tmp_path / "bad.parquet")


def odd_table(crs: str) -> gpd.GeoDataFrame:
    """Return a table with every type of column, and gaps."""
    rng = np.random.default_rng(2)
    lon, lat = rng.uniform(-180, 180, 50), rng.uniform(60, 90, 50)
    wide = rng.random(50) * 10.0 ** rng.integers(-30, 30, 50)
    wide[3] = np.nan
    times = (np.datetime64("2019-01-01", "us") + rng.integers(0, 10**15, 50)).astype("M8[us]")
    times[4] = np.datetime64("NaT")
    plain = {
        "granule": ['a "quoted", name # 1', "b"] * 25,
        "time": times,
        "longitude": lon,
        "latitude": lat,
        "freeboard": wide.astype("f4"),
        "wide": wide,
        "spot": rng.integers(-128, 127, 50).astype("i1"),
        "strong": rng.random(50) < 0.5,
        "cycle": pd.array([None, *range(49)], dtype="Int64"),
    }
    table = gpd.GeoDataFrame(plain, geometry=gpd.points_from_xy(lon, lat, crs="EPSG:4326")).to_crs(crs)
    table.attrs["altiflow"] = {"product": "ATL10", "units": {"freeboard": "m", "other": "m"}}
    return table


def check_same(again: gpd.GeoDataFrame, table: gpd.GeoDataFrame) -> None:
    assert_geodataframe_equal(again, table, check_less_precise=False)
    pd.testing.assert_frame_equal(
        pd.DataFrame(again.drop(columns="geometry")), pd.DataFrame(table.drop(columns="geometry")), check_exact=True
    )
    np.testing.assert_array_equal(again.geometry.x, table.geometry.x)
    np.testing.assert_array_equal(again.geometry.y, table.geometry.y)
    assert again.attrs == table.attrs


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3413"])
def test_a_table_as_text_comes_back_to_the_bit(crs: str, tmp_path: Path) -> None:
    table = odd_table(crs)
    path = write_table(table, tmp_path / "table.csv")
    check_same(read_table(path), table)
    assert '"units": {"freeboard": "m"}' in path.read_text().splitlines()[0]
    # The columns are those of the data dictionary; a geometry of its own is there only where they do not tell it.
    names = list(pd.read_csv(path, comment=None, skiprows=1, nrows=1).columns)
    assert names == [*table.columns[:-1], *(["geometry"] if crs != "EPSG:4326" else [])]
    assert list(read_table(path, columns=["wide"])) == ["wide", "geometry"]
    assert len(read_table(path, region=(-180, 75, 180, 90))) == (table["latitude"] >= 75).sum()
    assert read_table(write_table(table.iloc[:0], tmp_path / "none.csv")).empty


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3413"])
def test_a_table_as_netcdf_comes_back_to_the_bit(crs: str, tmp_path: Path) -> None:
    table = odd_table(crs)
    table["beam"] = pd.Categorical(["gt1l", "gt3r"] * 25)
    table["note"] = [None, ""] * 25
    table = table[[*table.columns.drop("geometry"), "geometry"]]
    path = write_table(table, tmp_path / "table.nc")
    check_same(read_table(path), table)
    with xr.open_dataset(path) as opened:
        assert opened.attrs["featureType"] == "point"
        assert opened["freeboard"].attrs["units"] == "m"
        assert opened["beam"].attrs["flag_meanings"] == "gt1l gt3r"
        assert pyproj.CRS.from_cf(opened["crs"].attrs) == table.crs
        # What xarray makes of it without altiflow.
        np.testing.assert_array_equal(opened["time"].to_numpy(), table["time"].to_numpy())
        axes = ("longitude", "latitude") if crs == "EPSG:4326" else ("geometry_x", "geometry_y")
        assert opened["freeboard"].encoding["coordinates"] == f"time {axes[0]} {axes[1]}"
        np.testing.assert_array_equal(opened[axes[0]], table.geometry.x)
    assert list(read_table(path, columns=["wide"])) == ["wide", "geometry"]
    assert len(read_table(path, region=(-180, 75, 180, 90))) == (table["latitude"] >= 75).sum()
    assert read_table(write_table(table.iloc[:0], tmp_path / "none.nc")).empty
    with pytest.raises(InputError, match="no column nope; it has granule"):
        read_table(path, columns=["nope"])
    table.loc[5, "geometry"] = None
    assert read_table(write_table(table, tmp_path / "gap.nc")).geometry.isna().tolist() == [n == 5 for n in range(50)]
    with pytest.raises(InputError, match=r"column lag \(timedelta64\[.*\]\) is neither numbers nor text"):
        write_table(table.assign(lag=table["time"] - table["time"][0]), tmp_path / "lag.nc")
    assert not (tmp_path / "lag.nc").exists()
    table = odd_table(crs)
    xr.Dataset({"a": 1}).to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
    with pytest.raises(UnsupportedFormatError, match=r"other.nc is not a table that write_table wrote"):
        read_table(tmp_path / "other.nc")
    table.geometry = table.geometry.buffer(1.0) if crs != "EPSG:4326" else table.to_crs(3413).buffer(1.0).to_crs(4326)
    with pytest.raises(InputError, match="other shapes"):
        write_table(table, tmp_path / "shapes.nc")


def test_text_that_is_no_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    for content in ("a,b\n1,2\n", "# altiflow {\n", '# altiflow {"columns": {"a": "int64"}}\nb\n1\n', ""):
        path.write_text(content)
        with pytest.raises(UnsupportedFormatError, match=r"other.csv is not a table that write_table wrote"):
            read_table(path)
    table = gpd.GeoDataFrame({"a": [1]}, geometry=gpd.points_from_xy([1], [70], crs="EPSG:4326"))
    with pytest.raises(InputError, match="no column nope; it has a, geometry"):
        read_table(write_table(table, path), columns=["nope"])
