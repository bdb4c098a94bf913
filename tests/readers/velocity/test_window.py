"""Bounds: the cells whose centres lie in them, of any file, and no more is read."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from altiflow.errors import EmptyDataError, InputError
from altiflow.readers.velocity import read_velocity
from altiflow.readers.velocity.options import check_options

ALASKA = "itslive/mosaic/crop_ALA_G0120_0000_vx.tif"
JAKOBSHAVN = "itslive/mosaic/its_live_jak.nc"
YEAR = "motion/icemotion_weekly_nh_25km_20180101_20181231_v4.1.nc"


def inside(values, low, high):
    return np.flatnonzero((values >= low) & (values <= high))


@given(st.lists(st.integers(-20, 120), min_size=4, max_size=4), st.booleans())
def test_a_window_is_what_a_mask_takes(edges, descending):
    x, y = np.arange(0, 100, 10.0), np.arange(0, 70, 10.0)
    y = y[::-1] if descending else y
    x_min, x_max = sorted(edges[:2])
    y_min, y_max = sorted(edges[2:])
    if x_min == x_max or y_min == y_max:
        return
    options = check_options(None, None, None, bounds=(x_min, y_min, x_max, y_max))
    wanted = inside(y, y_min, y_max), inside(x, x_min, x_max)
    if min(axis.size for axis in wanted) < 2:
        with pytest.raises(EmptyDataError, match="cell centres with"):
            options.window(x, y, "a")
    else:
        rows, columns = options.window(x, y, "a")
        assert np.arange(y.size)[rows].tolist() == wanted[0].tolist()
        assert np.arange(x.size)[columns].tolist() == wanted[1].tolist()


@pytest.mark.parametrize(
    ("name", "options", "bounds"),
    [
        (ALASKA, {}, (-3_120_000, 640_000, -3_100_000, 650_000)),
        (JAKOBSHAVN, {"crs": 3413}, (-190_000, -2_290_000, -160_000, -2_260_000)),
        (YEAR, {"period": ("2018-03-01", "2018-03-10")}, (-1_000_000, -500_000, 200_000, 700_000)),
    ],
)
def test_a_window_of_real_files_is_that_of_the_whole(data, name, options, bounds):
    window = read_velocity(data(name), bounds=bounds, **options)
    whole = read_velocity(data(name), **options)
    rows, columns = inside(whole["y"].values, bounds[1], bounds[3]), inside(whole["x"].values, bounds[0], bounds[2])
    assert min(rows.size, columns.size) > 10
    xr.testing.assert_identical(window, whole.isel(y=rows, x=columns))
    xr.testing.assert_identical(read_velocity(whole, bounds=bounds), window)


def test_a_centre_on_the_edge_lies_in(raster):
    path = raster("a_vx.tif")
    raster("a_vy.tif")
    field = read_velocity(path, bounds=(1060, 1700, 1180, 1940))
    assert field["x"].values.tolist() == [1060, 1180]
    assert field["y"].values.tolist() == [1940, 1820, 1700]


def test_only_the_blocks_in_the_window_are_read(tmp_path):
    """The end of the file is cut off: whoever reads the whole fails, the window at its beginning does not."""
    for name in ("vx", "vy"):
        path = tmp_path / f"a_{name}.tif"
        profile = {
            "driver": "GTiff",
            "height": 256,
            "width": 64,
            "count": 1,
            "dtype": "float32",
            "crs": "EPSG:3413",
            "transform": rasterio.Affine(100.0, 0.0, 0.0, 0.0, -100.0, 0.0),
            "tiled": True,
            "blockxsize": 64,
            "blockysize": 64,
        }
        with rasterio.open(path, "w", **profile) as target:
            target.write(np.full((256, 64), 7, dtype="f4"), 1)
        path.write_bytes(path.read_bytes()[: -2 * 64 * 64 * 4])
    assert (read_velocity(path, bounds=(0, -6_000, 6_400, 0))["vx"].values == 7).all()
    with pytest.raises(Exception, match="cannot be read, truncated"):
        read_velocity(path)


def test_of_several_files_those_outside_are_left_out_or_named(raster):
    for stem, corner in {"a": (0.0, 0.0), "b": (90_000.0, 0.0)}.items():
        for axis in ("vx", "vy"):
            path = raster(f"{stem}_{axis}.tif", corner=corner)
    with pytest.raises(EmptyDataError, match=r"b_vx\.tif has 0 cell centres with x from 0 to 400 m"):
        read_velocity(path, bounds=(0, -400, 400, 0))
    assert "a_vx" in read_velocity(path.parent, bounds=(0, -400, 400, 0)).attrs["source"]


@pytest.mark.parametrize(
    "bounds", [(0, 0, 1), (0, 0, 0, 1), (1, 0, 0, 1), (0, 0, 1, float("inf")), "everywhere", 7, (0, "a", 1, 2)]
)
def test_bounds_that_mean_nothing(raster, bounds):
    path = raster("a_vx.tif")
    raster("a_vy.tif")
    with pytest.raises(InputError, match="bounds="):
        read_velocity(path, bounds=bounds)
