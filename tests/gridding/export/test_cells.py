"""Zarr stores, cloud-optimised layout, cells for GIS and sparse cubes of a tally's grid."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import geopandas as gpd
import geoparquet_validator
import numpy as np
import pyarrow.parquet as pq
import pyproj
import pytest
import rasterio
import xarray as xr

from altiflow.errors import EmptyDataError, InputError, UnsupportedFormatError
from altiflow.gridding.export import (
    cell_table,
    read_sparse,
    write_cells,
    write_geotiffs,
    write_netcdf,
    write_sparse,
    write_zarr,
)
from altiflow.gridding.frame import make_frame
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.tally import tally_segments
from altiflow.readers import read_table


@pytest.fixture(scope="module")
def days(make_passes):
    tally = tally_segments(
        make_passes(), Grid.named("EASE2_N25km"), value="freeboard", quantiles=0.001, histogram=[0.0, 0.2, 1.0]
    )
    return tally.to_dataset("D", crop=True, quantiles=[0.5])


@pytest.fixture(scope="module")
def plain(days):
    return days.drop_vars(["freeboard_histogram", "bin", "bin_bnds"])


def same(found, expected):
    """Equal variables, to the microsecond for times."""
    for name in expected.variables:
        if name == "crs":
            continue
        one, two = found[name].to_numpy(), expected[name].to_numpy()
        if two.dtype.kind == "M":
            one, two = one.astype("datetime64[us]"), two.astype("datetime64[us]")
            assert np.array_equal(np.isnat(one), np.isnat(two)), name
            keep = ~np.isnat(two)
            assert (np.abs((one - two)[keep]).astype(np.int64) <= 1).all(), name
        else:
            assert np.array_equal(one, two, equal_nan=two.dtype.kind == "f"), name


def test_zarr_reads_back_with_coordinates_and_crs(days, tmp_path):
    path = write_zarr(days, tmp_path / "out" / "days.zarr")
    found = xr.open_zarr(path, chunks=None, decode_coords="all")
    same(found, days)
    assert Grid.from_dataset(found) == Grid.from_dataset(days)
    assert pyproj.CRS.from_cf(found["crs"].attrs) == pyproj.CRS("EPSG:6931")
    assert found.freeboard_mean.attrs["units"] == "m"
    assert "_FillValue" not in xr.open_zarr(path, chunks=None, mask_and_scale=False)["x"].attrs
    assert write_zarr(days.isel(time=[0]), path) == path
    assert xr.open_zarr(path, chunks=None).sizes["time"] == 1
    assert [entry.name for entry in path.parent.iterdir()] == ["days.zarr"]


def test_zarr_replaces_nothing_else_and_leaves_nothing_half_written(days, tmp_path):
    (tmp_path / "notes.zarr").mkdir()
    (tmp_path / "notes.zarr" / "mine.txt").write_text("precious")
    with pytest.raises(InputError, match="no Zarr store"):
        write_zarr(days, tmp_path / "notes.zarr")
    with pytest.raises(TypeError):
        write_zarr(days.assign_attrs(odd=object()), tmp_path / "bad.zarr")
    assert [entry.name for entry in tmp_path.iterdir()] == ["notes.zarr"]


def test_netcdf_keeps_times_and_histograms(days, tmp_path):
    path = write_netcdf(days, tmp_path / "days.nc")
    with xr.open_dataset(path, engine="h5netcdf") as found:
        same(found, days)
        assert found["bin"].attrs["bounds"] == "bin_bnds"


def test_the_checker_finds_nothing_in_a_tallys_grid(days, tmp_path):
    path = write_netcdf(days, tmp_path / "days.nc")
    program = Path(sys.executable).with_name("compliance-checker")
    done = subprocess.run([program, "-t", "cf:1.11", "-c", "strict", path], capture_output=True, text=True, check=False)
    assert "All tests passed!" in done.stdout, done.stdout


def test_geotiffs_are_cloud_optimised(tmp_path):
    grid = Grid.named("EASE2_N12.5km")
    frame = make_frame(grid, [["2020-01-01", "2020-02-01"]])
    values = np.arange(1440.0 * 1440).reshape(1, 1440, 1440)
    frame["height_mean"] = (("time", "y", "x"), values, {"units": "m"})
    frame["n_segments"] = (("time", "y", "x"), values.astype(np.int64) + 2**31, {})
    mean, count = write_geotiffs(frame, tmp_path)
    with rasterio.open(mean) as file:
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.overviews(1) == [2, 4]
        assert file.transform == grid.transform
        assert np.array_equal(file.read(), values)
        assert np.isnan(file.nodata)
        assert (file.units, file.descriptions) == (("m",), ("2020-01-01T00:00:00",))
        assert file.tags()["grid_signature"] == grid.signature
    with rasterio.open(count) as file:
        # Too large for 32 bits.
        assert file.dtypes == ("float64",)
        assert np.array_equal(file.read(), values + 2**31)


@pytest.mark.parametrize("geometry", ["polygon", "point"])
def test_cells_are_features_of_their_values(days, tmp_path, geometry):
    path = write_cells(days, tmp_path / "cells.parquet", geometry=geometry)
    table = read_table(path)
    filled = days.n_segments.to_numpy() > 0
    assert len(table) == filled.sum()
    assert table.crs.equals("EPSG:6931")
    for name in ("n_segments", "freeboard_mean", "freeboard_median", "time_first"):
        assert np.array_equal(table[name].to_numpy(), days[name].to_numpy()[filled]), name
    first = table.iloc[0]
    centre = first.geometry.centroid
    assert (centre.x, centre.y) == pytest.approx((first.x, first.y))
    if geometry == "polygon":
        assert table.geometry.area.to_numpy() == pytest.approx(25_000.0**2)
    window = Grid.from_dataset(days)
    assert [int(index) for index in window.rowcol(first.x, first.y)] == [first.row, first.col]
    assert str(first.time_start) == "2019-01-30 00:00:00+00:00"
    assert table.attrs["altiflow"]["units"]["freeboard_mean"] == "m"
    total = duckdb.connect().execute(f"select sum(n_segments) from '{path}'").fetchone()
    assert total == (int(days.n_segments.sum()),)
    assert b"geo" in pq.read_schema(path).metadata


def test_cells_go_to_older_formats_too_and_none_is_said(days, tmp_path):
    write_cells(days, tmp_path / "cells.gpkg", variables=["freeboard_mean"])
    assert len(gpd.read_file(tmp_path / "cells.gpkg")) == int((days.n_segments > 0).sum())
    with pytest.raises(InputError, match="geometry must be"):
        cell_table(days, geometry="hexagon")
    with pytest.raises(InputError, match="nothing is no variable on the grid; there are n_segments"):
        cell_table(days, variables=["nothing"])
    with pytest.raises(EmptyDataError, match=r"empty\.parquet is not written"):
        write_cells(
            days.where(days.n_segments > 10**9).assign(n_segments=days.n_segments * 0), tmp_path / "empty.parquet"
        )


def test_a_sparse_cube_reads_back_the_same(plain, tmp_path):
    path = write_sparse(plain, tmp_path / "cube.parquet")
    xr.testing.assert_identical(read_sparse(path), plain)
    assert pq.read_metadata(path).num_rows == int((plain.n_segments > 0).sum())
    upward = plain.sortby("y")
    found = read_sparse(write_sparse(upward, path))
    assert found.y.to_numpy().tolist() == upward.y.to_numpy().tolist()
    xr.testing.assert_equal(found.drop_vars("crs"), upward.drop_vars("crs"))


def test_a_cell_is_filled_by_any_of_its_variables(tmp_path):
    grid = Grid.from_bounds("EPSG:6931", (0, 0, 3000, 1000), 1000)
    frame = make_frame(grid, [["2020-01-01", "2020-02-01"]])
    frame["n_segments"] = (("time", "y", "x"), np.array([[[1, 0, 0]]]))
    frame["height_mean"] = (("time", "y", "x"), np.array([[[np.nan, 0.0, np.nan]]]))
    assert cell_table(frame).col.tolist() == [0, 1]
    found = read_sparse(write_sparse(frame, tmp_path / "cube.parquet"))
    assert np.array_equal(found.height_mean, frame.height_mean, equal_nan=True)


def test_rasters_of_times_are_refused(plain, tmp_path):
    with pytest.raises(InputError, match="'time_first' holds times, which no raster does"):
        write_geotiffs(plain, tmp_path, variables=["time_first"])


def test_a_store_that_cannot_be_replaced_stays(days, tmp_path, monkeypatch):
    path = write_zarr(days, tmp_path / "days.zarr")
    rename = Path.replace

    def refuse(source, target):
        if ".part" in source.name and target == path:
            raise OSError("no")
        return rename(source, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="no"):
        write_zarr(days.isel(time=[0]), path)
    monkeypatch.undo()
    assert xr.open_zarr(path, chunks=None).sizes["time"] == days.sizes["time"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["days.zarr"]


def test_cells_pass_the_validator(days, tmp_path):
    path = write_cells(days, tmp_path / "cells.parquet")
    assert geoparquet_validator.failed(geoparquet_validator.check(str(path))) == []


def test_what_is_no_sparse_cube_is_refused(days, plain, tmp_path):
    with pytest.raises(InputError, match="freeboard_histogram cannot go into a sparse table"):
        write_sparse(days, tmp_path / "cube.parquet")
    with pytest.raises(InputError, match="there is no file"):
        read_sparse(tmp_path / "cube.parquet")
    other = write_cells(plain, tmp_path / "cells.parquet")
    with pytest.raises(UnsupportedFormatError, match="no sparse table of cells"):
        read_sparse(other)
    (tmp_path / "text.parquet").write_text("text")
    with pytest.raises(UnsupportedFormatError, match="not a Parquet file"):
        read_sparse(tmp_path / "text.parquet")
