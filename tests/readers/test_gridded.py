"""Gridded results read back: only what is one, whole, and with its times to the nanosecond."""

from __future__ import annotations

import shutil

import h5py
import numpy as np
import pytest
import xarray as xr

from altiflow.errors import InputError, UnsupportedFormatError
from altiflow.gridding.export import write_netcdf
from altiflow.gridding.frame import make_frame
from altiflow.gridding.grids.grid import Grid
from altiflow.readers.gridded import holds_grid, read_gridded

GRID = Grid.named("EASE2_S25km").window(slice(300, 303), slice(400, 404))


@pytest.fixture
def dataset() -> xr.Dataset:
    """Two months of one variable with holes."""
    frame = make_frame(GRID, [["2019-12-01", "2020-01-01"], ["2020-01-01", "2020-02-01"]])
    values = np.random.default_rng(4).normal(size=(2, 3, 4))
    values[0, 1] = np.nan
    frame["height"] = (("time", "y", "x"), values, {"units": "m", "long_name": "height", "grid_mapping": "crs"})
    return frame


def test_what_was_written_is_read_in_memory_and_the_file_is_free(dataset, tmp_path):
    path = write_netcdf(dataset, tmp_path / "a.nc")
    found = read_gridded(str(path))
    path.unlink()
    xr.testing.assert_equal(found, dataset)
    assert set(found.coords) == set(dataset.coords)
    assert found.time.dtype == found.time_bnds.dtype == "datetime64[ns]"
    assert Grid.from_dataset(found) == GRID


def test_chosen_variables_are_read_with_their_map_and_what_is_not_there_is_left_out(dataset, tmp_path):
    path = write_netcdf(dataset.assign(height_sigma=dataset["height"], count=dataset["height"]), tmp_path / "a.nc")
    found = read_gridded(path, variables=["height*", "nothing"])
    assert set(found.data_vars) == {"height", "height_sigma", "crs"}
    assert set(found.coords) == set(dataset.coords)
    only = read_gridded(path, variables=[])
    assert Grid.from_dataset(only) == GRID


@pytest.mark.parametrize(
    "bounds",
    [
        ["2019-01-01T00:00:00.000001", "2031-12-31T23:59:59.999999"],
        ["2019-03-24T13:10:07.123457", "2019-03-24T13:10:07.123458"],
        ["2019-03-24T13:10:07", "2022-03-24T13:10:08"],
        ["2019-03-24T13:10:07.123456789", "2024-03-24T13:10:07.999999999"],
        ["1970-01-01", "2019-03-24"],
    ],
)
def test_times_come_back_to_the_nanosecond(bounds, tmp_path):
    frame = make_frame(GRID, [bounds])
    found = read_gridded(write_netcdf(frame, tmp_path / "a.nc"))
    assert np.array_equal(found.time_bnds, frame.time_bnds)
    assert np.array_equal(found.time, frame.time)


def test_times_of_any_two_segments_come_back(tmp_path):
    rng = np.random.default_rng(6)
    start = np.datetime64("2018-10-14", "us") + rng.integers(0, 2 * 10**14, 40)
    frame = make_frame(GRID, np.stack([start, start + rng.integers(1, 3 * 10**14, 40)], axis=1))
    found = read_gridded(write_netcdf(frame, tmp_path / "a.nc"))
    assert np.array_equal(found.time_bnds, frame.time_bnds)


def test_an_undated_layer_is_undated(tmp_path):
    frame = make_frame(GRID, [["NaT", "NaT"], ["2020-01-01T06:00:00.000001", "2020-01-02"]])
    found = read_gridded(write_netcdf(frame, tmp_path / "a.nc"))
    assert np.isnat(found.time.values).tolist() == [True, False]
    assert np.array_equal(found.time_bnds, frame.time_bnds, equal_nan=True)


def test_names_of_many_granules_fit(dataset, tmp_path):
    names = " ".join(f"ATL10-01_20220107195849_{number:08d}_006_01.h5" for number in range(3000))
    assert read_gridded(write_netcdf(dataset.assign_attrs(granules=names), tmp_path / "a.nc")).granules == names


def test_what_is_no_gridded_result_is_refused_by_name(dataset, tmp_path):
    text, part, plain, bare = (tmp_path / name for name in ("text.nc", "part.nc", "plain.nc", "bare.nc"))
    text.write_text("CDF or not")
    whole = write_netcdf(dataset, tmp_path / "whole.nc").read_bytes()
    part.write_bytes(whole[: len(whole) // 2])
    write_netcdf(dataset.drop_vars("crs"), plain)
    with h5py.File(bare, "w") as file:
        file["crs"] = 0
    for path, message in (
        (text, "cannot be opened"),
        (part, "cannot be opened"),
        (plain, "no grid"),
        (bare, "no grid"),
    ):
        with pytest.raises(UnsupportedFormatError, match=rf"{path.name}.*{message}"):
            read_gridded(path)
    with pytest.raises(InputError, match="there is no file"):
        read_gridded(tmp_path / "absent.nc")
    with pytest.raises(UnsupportedFormatError, match="cannot be opened as NetCDF or Zarr"):
        read_gridded(tmp_path)


def test_grids_are_told_from_other_files(dataset, simulated, tmp_path):
    assert holds_grid(write_netcdf(dataset, tmp_path / "a.nc"))
    other = tmp_path / "other.nc"
    dataset.drop_attrs(deep=False).drop_vars(["time", "time_bnds"]).to_netcdf(other, engine="h5netcdf")
    text = tmp_path / "text.nc"
    text.write_text("no")
    granule = shutil.copy(simulated(), tmp_path)
    assert [holds_grid(path) for path in (other, text, granule, tmp_path / "absent.nc")] == [False] * 4
