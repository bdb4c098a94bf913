"""Altimetry, velocity and deformation in one Dataset."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from altiflow.errors import FieldError, InputError, NoOverlapError
from altiflow.fusion import align_velocity, fuse, sample_velocity, strain_rates
from altiflow.gridding import Grid, grid_segments
from altiflow.gridding.export import write_netcdf
from altiflow.readers import read_gridded

CRS = "EPSG:6931"
AXIS = (np.arange(41) - 20) * 25e3
MONTHS = [("2020-01-01", "2020-02-01"), ("2020-02-01", "2020-03-01")]


@pytest.fixture
def grid() -> Grid:
    return Grid.from_bounds(CRS, (-3e5, -3e5, 3e5, 3e5), 25e3)


@pytest.fixture
def field(make_field):
    x, _ = np.meshgrid(AXIS, AXIS)
    slope = np.array([1.0, 2.0])[:, None, None]
    vx = np.where(x < 2e5, slope * 1e-6 * x, np.nan)
    return make_field(vx, slope * 3e-6 * x, x=AXIS, y=AXIS, bounds=MONTHS, sigma=0.01, crs=CRS, units="m s-1")


@pytest.fixture
def table(make_table):
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-2.8e5, 2.8e5, (2, 3000))
    days = rng.integers(0, 59, 3000).astype("timedelta64[D]")
    return make_table(
        x,
        y,
        np.datetime64("2020-01-01", "us") + days,
        crs=CRS,
        freeboard=rng.uniform(0.1, 0.5, 3000),
        segment_length=rng.uniform(20, 90, 3000),
    )


def test_segments_without_a_value_have_no_share_in_the_velocity_of_a_cell(table, field, grid):
    table.loc[table.index[::2], "freeboard"] = np.nan
    found = fuse(table, field, grid, value="freeboard", freq="7D", kinematics=()).grid
    whole = fuse(table[table["freeboard"].notna()], field, grid, value="freeboard", freq="7D", kinematics=()).grid
    np.testing.assert_array_equal(np.isfinite(found["velocity_share"]), found["n_segments"] > 0)
    np.testing.assert_array_equal(found["velocity_share"], whole["velocity_share"])


def test_all_parts_are_those_of_the_functions_that_make_them(table, field, grid):
    found = fuse(table, field, grid, value="freeboard", freq="MS")
    gridded = grid_segments(table, grid, value="freeboard", freq="MS")
    velocity = align_velocity(field, grid, time=gridded)
    rates = strain_rates(velocity)
    for part, names in (
        (gridded, ("freeboard_mean", "n_segments", "length_sum")),
        (velocity, ("vx", "vy", "vx_sigma", "valid", "overlap_days")),
        (rates, ("divergence", "shear", "vorticity", "divergence_sigma")),
    ):
        for name in names:
            np.testing.assert_array_equal(found.grid[name].values, part[name].values, err_msg=name)
    points = sample_velocity(table, field)
    np.testing.assert_array_equal(found.table["vx"], points["vx"])
    assert {"v_along", "v_across"} <= set(found.table.columns)
    assert found.overlap.with_velocity == pytest.approx(points["v_valid"].mean())


def test_deformation_is_that_of_the_motion_on_the_ground(table, field, grid):
    found = fuse(table, field, grid, value="freeboard", freq="MS")
    inner = found.grid.sel(x=slice(-1e5, 1e5), y=slice(1e5, -1e5))
    for month, rate in enumerate((1.0, 2.0)):
        np.testing.assert_allclose(inner["divergence"][month], rate * 1e-6, rtol=1e-3)
        np.testing.assert_allclose(inner["vorticity"][month], rate * 3e-6, rtol=1e-3)


def test_the_share_of_a_cell_that_has_velocity_is_that_of_its_segments(table, field, grid):
    found = fuse(table, field, grid, value="freeboard", freq="MS")
    row, col = grid.locate(found.table)
    month = found.table["time"].dt.month.to_numpy() - 1
    weight, valid = found.table["segment_length"].to_numpy(), found.table["v_valid"].to_numpy()
    place = np.ravel_multi_index((month, row, col), (2, *grid.shape))
    whole = np.bincount(place, weight, minlength=2 * grid.shape[0] * grid.shape[1])
    part = np.bincount(place, weight * valid, minlength=whole.size)
    expected = np.divide(part, whole, out=np.full(whole.size, np.nan), where=whole > 0)
    np.testing.assert_allclose(found.grid["velocity_share"].values.ravel(), expected, rtol=1e-12)
    assert 0 < np.nanmean(expected) < 1


def test_the_dataset_is_one_of_cf_and_comes_back_from_a_file(table, field, grid, tmp_path):
    found = fuse(table, field, grid, value="freeboard", freq="MS")
    again = read_gridded(write_netcdf(found.grid, tmp_path / "fused.nc"))
    assert Grid.from_dataset(again).signature == grid.signature
    xr.testing.assert_allclose(again["divergence"], found.grid["divergence"])
    for name, variable in found.grid.data_vars.items():
        if variable.dims == ("time", "y", "x"):
            assert variable.attrs["grid_mapping"] == "crs", name
            assert "long_name" in variable.attrs, name
    assert found.grid.attrs["title"].endswith("with ice velocity")
    assert "grid_segments" in found.grid.attrs["history"]
    assert "align_velocity" in found.grid.attrs["history"]


def test_one_layer_of_everything_and_no_kinematics(table, field, grid):
    found = fuse(table, field, grid, value="freeboard", kinematics=())
    assert found.grid.sizes["time"] == 1
    assert "divergence" not in found.grid
    assert int(found.grid["n_segments"].sum()) == len(table)


def test_what_cannot_be_fused_is_refused(table, field, grid):
    with pytest.raises(NoOverlapError, match="do not meet"):
        fuse(table, field.where(False), grid, value="freeboard")
    with pytest.raises(InputError, match="no column thickness"):
        fuse(table, field, grid, value="thickness")
    bare = field.copy()
    del bare.attrs["units"]
    with pytest.raises(FieldError, match="units"):
        fuse(table, bare, grid, value="freeboard")
