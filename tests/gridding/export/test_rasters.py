"""Gridded results on disk: what is written is what is read, and others' tools agree on where it lies."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr

from altiflow.errors import InputError
from altiflow.gridding.bucket import grid_segments
from altiflow.gridding.export import write_geotiffs, write_netcdf
from altiflow.gridding.frame import make_frame
from altiflow.gridding.grids.grid import Grid
from altiflow.readers.gridded import read_gridded

GRIDS = (
    "EASE2_N25km", "EASE2_S25km", "EASE2_M36km", "EASE_Nl25km",
    "NSIDC_PS_N25km", "NSIDC_PS_S25km", "NSIDC_PS_WGS84_N25km", "NSIDC_PS_WGS84_S25km",
)  # fmt: skip
MONTHS = [["2019-12-01", "2020-01-01"], ["2020-01-01", "2020-02-01"]]


@pytest.fixture(scope="module")
def gridded(make_table, grid) -> xr.Dataset:
    """Two months of freeboard, with holes."""
    stamps = pd.to_datetime(["2019-12-31T22:30", "2020-01-01", "2020-01-09"], format="ISO8601")
    table = make_table([10.5e3, 12.5e3, 12.6e3], [23.5e3, 21.5e3, 21.4e3], [0.1, 0.2, 0.4], [20, 30, 10], time=stamps)
    return grid_segments(table, grid, value="freeboard", freq="month")


@pytest.fixture(scope="module")
def motion(grid) -> xr.Dataset:
    """One undated layer of velocity, valid in half of the cells."""
    frame = make_frame(grid, [["NaT", "NaT"]])
    valid = np.indices((1, *grid.shape)).sum(axis=0) % 2 == 0
    for name in ("vx", "vy"):
        values = np.where(valid, 2.5, np.nan).astype(np.float32)
        frame[name] = (("time", "y", "x"), values, {"units": "cm s-1", "long_name": name, "grid_mapping": "crs"})
    frame["valid"] = (("time", "y", "x"), valid, {"long_name": "velocity is known", "grid_mapping": "crs"})
    return frame


def test_netcdf_gives_back_what_was_written(gridded, grid, tmp_path):
    path = write_netcdf(gridded, tmp_path / "new" / "grid.nc")
    found = read_gridded(path)
    assert [file.name for file in path.parent.iterdir()] == ["grid.nc"]
    xr.testing.assert_equal(found, gridded)
    assert found.attrs == gridded.attrs
    assert Grid.from_dataset(found) == grid
    assert found.n_segments.dtype == np.int64
    for name in gridded.data_vars:
        assert (
            found[name].attrs.items() >= {k: v for k, v in gridded[name].attrs.items() if k != "grid_mapping"}.items()
        )
    again = read_gridded(write_netcdf(found, tmp_path / "again.nc"))
    xr.testing.assert_identical(again, found)


def test_netcdf_keeps_to_the_conventions_in_what_is_stored(gridded, tmp_path):
    with h5py.File(write_netcdf(gridded, tmp_path / "grid.nc")) as file:
        for name in ("x", "y", "time", "x_bnds", "y_bnds", "time_bnds", "n_segments", "crs"):
            assert "_FillValue" not in file[name].attrs, name
        assert np.isnan(file["freeboard_mean"].attrs["_FillValue"])
        assert file["freeboard_mean"].compression == "gzip"
        assert file["freeboard_mean"].attrs["grid_mapping"] in ("crs", b"crs")
        assert "units" not in file["time_bnds"].attrs
        assert file["time"].attrs["units"] in ("days since 1970-01-01 00:00:00", b"days since 1970-01-01 00:00:00")


def test_odd_times_go_around_to_the_microsecond(grid, tmp_path):
    bounds = np.array([["2019-12-31T23:59:59.123456", "2020-03-05T01:02:03.654321"]], "datetime64[ns]")
    found = read_gridded(write_netcdf(make_frame(grid, bounds), tmp_path / "odd.nc"))
    assert np.array_equal(found.time_bnds, bounds)
    assert found.time.encoding["units"] == "microseconds since 2019-12-31 00:00:00"


def test_velocity_goes_around_with_flags_and_without_a_date(motion, tmp_path):
    found = read_gridded(write_netcdf(motion, tmp_path / "velocity.nc"))
    assert found.valid.dtype == bool
    assert found.valid.attrs["flag_meanings"] == "false true"
    assert found.valid.attrs["flag_values"].tolist() == [0, 1]
    assert np.array_equal(found.valid.astype(bool), motion.valid)
    assert found.vx.dtype == np.float32
    xr.testing.assert_equal(found.vx, motion.vx)
    assert np.isnat(found.time).all()
    assert np.isnat(found.time_bnds).all()
    assert motion.valid.dtype == bool


def test_a_part_is_written_with_its_own_corner(gridded, grid, tmp_path):
    part = grid.window(slice(1, 4), slice(2, 3))
    found = read_gridded(write_netcdf(gridded.isel(y=slice(1, 4), x=slice(2, 3)), tmp_path / "part.nc"))
    assert found.crs.attrs["GeoTransform"] == "12000.0 1000.0 0.0 23000.0 0.0 -1000.0"
    assert found.attrs["grid_signature"] == part.signature
    assert Grid.from_dataset(found) == part


@pytest.mark.skipif(
    importlib.util.find_spec("compliance_checker") is None, reason="compliance-checker is not installed"
)
def test_the_checker_finds_nothing_against_cf(gridded, motion, tmp_path):
    sphere = make_frame(Grid.named("EASE_Nl25km").window(slice(300, 303), slice(300, 304)), MONTHS)
    datasets = {"gridded": gridded, "motion": motion.assign_coords(dated(motion)), "sphere": sphere}
    said = {"title": "a test", "history": "written by a test"}
    paths = [write_netcdf(found.assign_attrs(said), tmp_path / f"{name}.nc") for name, found in datasets.items()]
    checker = Path(sys.executable).with_name("compliance-checker")
    done = subprocess.run(
        [checker, "-t", "cf:1.11", "-c", "strict", *paths], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stdout.count("All tests passed!") == len(paths), done.stdout + done.stderr
    assert done.returncode == 0


def dated(motion: xr.Dataset) -> dict[str, xr.DataArray]:
    """Return time and bounds of one day: coordinates of CF must not be missing."""
    day = np.array([["2020-01-01", "2020-01-02"]], "datetime64[ns]")
    return {"time": motion.time.copy(data=day[:, 0]), "time_bnds": motion.time_bnds.copy(data=day)}


@pytest.mark.parametrize("name", GRIDS)
def test_geotiffs_lie_exactly_on_the_grid(name, tmp_path):
    grid = Grid.named(name).window(slice(50, 57), slice(60, 69))
    frame = make_frame(grid, MONTHS)
    values = np.random.default_rng(2).normal(size=(2, 7, 9))
    values[0, 2] = np.nan
    frame["height"] = (("time", "y", "x"), values, {"units": "m", "long_name": "height", "grid_mapping": "crs"})
    (path,) = write_geotiffs(frame, tmp_path)
    with rasterio.open(path) as file:
        assert file.transform == grid.transform
        assert tuple(file.transform) == tuple(grid.transform)
        assert file.crs.to_authority() == grid.crs.to_authority()
        assert np.array_equal(file.read(), values, equal_nan=True)
        assert np.isnan(file.nodata)
        assert file.descriptions == ("2019-12-01T00:00:00", "2020-01-01T00:00:00")
        assert file.units == ("m", "m")
        assert file.tags()["grid_signature"] == grid.signature
        assert file.tags()["long_name"] == "height"
        assert file.profile["tiled"]
        assert file.compression.name == "deflate"


def test_every_variable_has_its_file_type_and_provenance(gridded, tmp_path):
    paths = write_geotiffs(gridded, tmp_path / "tif", stem="jan_")
    assert sorted(path.name for path in (tmp_path / "tif").iterdir()) == sorted(path.name for path in paths)
    assert {path.stem.removeprefix("jan_") for path in paths} == set(gridded.data_vars) - {
        "crs",
        "time_first",
        "time_last",
    }
    with rasterio.open(tmp_path / "tif" / "jan_n_segments.tif") as file:
        assert file.dtypes == ("int32", "int32")
        assert file.nodata is None
        assert np.array_equal(file.read(), gridded.n_segments)
        assert file.tags()["granules"] == "a.h5 b.h5"
        assert "grid_segments(" in file.tags()["history"]
    with rasterio.open(tmp_path / "tif" / "jan_freeboard_mean.tif") as file:
        assert file.dtypes == ("float64", "float64")
        assert np.array_equal(file.read(), gridded.freeboard_mean, equal_nan=True)


def test_rasters_are_top_down_whatever_the_order_of_y(gridded, grid, tmp_path):
    (path,) = write_geotiffs(gridded.sortby("y"), tmp_path, variables=["freeboard_mean"])
    with rasterio.open(path) as file:
        assert file.transform == grid.transform
        assert np.array_equal(file.read(), gridded.freeboard_mean, equal_nan=True)


def test_velocity_becomes_rasters_too(motion, tmp_path):
    paths = {path.stem: path for path in write_geotiffs(motion, tmp_path)}
    with rasterio.open(paths["valid"]) as file:
        assert file.dtypes == ("uint8",)
        assert np.array_equal(file.read(), motion.valid)
        assert file.descriptions == ("undated",)
    with rasterio.open(paths["vx"]) as file:
        assert file.dtypes == ("float32",)
        assert file.units == ("cm s-1",)


def test_a_layer_without_time_and_large_rasters_are_written(tmp_path):
    grid = Grid.named("EASE2_N25km")
    frame = make_frame(grid, MONTHS)
    frame["area"] = (("y", "x"), np.arange(720.0 * 720).reshape(720, 720), {"units": "m2", "grid_mapping": "crs"})
    (path,) = write_geotiffs(frame, tmp_path)
    with rasterio.open(path) as file:
        assert file.count == 1
        assert file.block_shapes == [(512, 512)]
        assert np.array_equal(file.read(1), frame.area)


def test_a_custom_crs_without_a_code_is_kept(tmp_path):
    grid = Grid.from_bounds("+proj=laea +lat_0=81.3 +lon_0=12.7 +datum=WGS84", (0, 0, 5e3, 4e3), 1e3)
    frame = make_frame(grid, MONTHS)
    frame["a"] = (("time", "y", "x"), np.zeros((2, 4, 5)), {"grid_mapping": "crs"})
    (path,) = write_geotiffs(frame, tmp_path)
    with rasterio.open(path) as file:
        assert file.crs.to_dict()["lat_0"] == 81.3
    assert Grid.from_dataset(read_gridded(write_netcdf(frame, tmp_path / "a.nc"))) == grid


def test_a_variable_that_is_not_on_the_grid_is_refused_before_anything_is_written(gridded, tmp_path):
    for name in ("nothing", "crs"):
        with pytest.raises(InputError, match=rf"'{name}' is no variable on the grid; there are n_segments"):
            write_geotiffs(gridded, tmp_path, variables=["n_segments", name])
    assert list(tmp_path.iterdir()) == []


def test_a_failed_raster_leaves_the_old_one(gridded, tmp_path, monkeypatch):
    (path,) = write_geotiffs(gridded, tmp_path, variables=["freeboard_mean"])
    before = path.read_bytes()
    monkeypatch.setattr("altiflow.gridding.export.geotiff._raster_values", lambda values: values[:, :1])
    with pytest.raises(ValueError, match="reshape"):
        write_geotiffs(gridded, tmp_path, variables=["freeboard_mean"])
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["freeboard_mean.tif"]


def test_a_failed_write_leaves_the_old_file(gridded, tmp_path):
    path = write_netcdf(gridded, tmp_path / "grid.nc")
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_netcdf(gridded.assign_attrs(odd=object()), path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["grid.nc"]
