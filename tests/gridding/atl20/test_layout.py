"""Files in the layout of ATL20: what h5py, xarray and GDAL find in them, and what is refused."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import rasterio
import rioxarray  # noqa: F401
import xarray as xr
from pyproj import Transformer

from altiflow.errors import EmptyDataError, GridMismatchError, InputError
from altiflow.gridding.atl20 import atl20_name, mean_of_days, write_atl20, write_atl20_months
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.tally import tally_segments

NAMES = {"mean_fb": "freeboard_mean", "sigma": "freeboard_std", "length_sum": "length_sum"}


def test_names():
    assert atl20_name("north", np.datetime64("2022-02-03")) == "ATL20-01_202202_altiflow.h5"
    for hemisphere, month in (("east", "2022-02"), ("north", "2022"), ("north", "2022-13"), ("north", "Feb 2022")):
        with pytest.raises(InputError):
            atl20_name(hemisphere, month)


def test_groups_types_and_fills_as_h5py_sees_them(written, north):
    assert written.name == "ATL20-01_202202_006_altiflow.h5"
    assert [path.name for path in written.parent.iterdir()] == [written.name]
    with h5py.File(written) as file:
        assert {"grid_x", "grid_y", "grid_lat", "grid_lon", "crs", "monthly", "daily"} <= set(file)
        assert list(file["daily"]) == [f"day{day:02d}" for day in range(1, 29)]
        assert file["grid_y"][0] == 5_837_500
        assert file["grid_x"][0] == -3_837_500
        assert "not the official product" in file.attrs["summary"].lower()
        assert file.attrs["short_name"] == "ATL20-like"
        assert file.attrs["source"] == "ATL10 release 006"
        assert {file[f"daily/day{day:02d}"].attrs["status"] for day in (3, 4, 6, 28)} == {"segments averaged"}
        assert file["daily/day05"].attrs["status"] == "no segments"
        assert file["daily/day01"].attrs["status"] == "not in the input"
        day = north.isel(time=3)
        for name, known in NAMES.items():
            stored = file[f"daily/day06/{name}"]
            assert stored.dtype == "f4"
            assert stored.attrs["_FillValue"] == np.float32(3.4028235e38)
            expected = day[known].to_numpy().astype("f4")
            empty = np.isnan(expected)
            assert (stored[()][empty] == np.float32(3.4028235e38)).all()
            assert np.array_equal(stored[()][~empty], expected[~empty])
            assert (file[f"daily/day05/{name}"][()] == np.float32(3.4028235e38)).all()
        assert file["daily/day06/n_segs"].dtype == "i4"
        assert np.array_equal(file["daily/day06/n_segs"][()], day.n_segments)
        assert not file["daily/day01/n_segs"][()].any()
        first = (np.fmin.reduce(day.time_first.to_numpy().ravel()) - np.datetime64("2018-01-01")) / np.timedelta64(
            1, "s"
        )
        assert file["daily/day06/delta_time_beg"].shape == (1,)
        assert file["daily/day06/delta_time_beg"][0] == pytest.approx(first, abs=1e-6)
        assert file["daily/day01/delta_time_beg"][0] == np.finfo("f8").max
        monthly = mean_of_days(north).isel(time=0)
        assert (
            np.nanmax(abs(np.where(monthly.n_segments > 0, file["monthly/mean_fb"], np.nan) - monthly.freeboard_mean))
            < 1e-7
        )


def test_latitude_and_longitude_are_those_of_proj(written):
    with h5py.File(written) as file:
        x, y = np.meshgrid(file["grid_x"][::50], file["grid_y"][::50])
        lon, lat = Transformer.from_crs("EPSG:3411", "EPSG:4326", always_xy=True).transform(x, y)
        np.testing.assert_allclose(file["grid_lat"][::50, ::50], lat, atol=1e-9)
        np.testing.assert_allclose(file["grid_lon"][::50, ::50], lon, atol=1e-9)


@pytest.mark.parametrize("group", ["monthly", "daily/day03"])
def test_xarray_and_gdal_find_the_crs(written, group):
    with xr.open_dataset(written, group=group, engine="h5netcdf", decode_coords="all") as opened:
        assert opened.mean_fb.rio.crs.to_epsg() == 3411
        assert opened.mean_fb.isnull().any()
        assert float(opened.mean_fb.max()) < 2
        assert str(opened.delta_time_beg.values[0])[:10] == "2022-02-03"
        expected = opened.mean_fb.values
    with rasterio.open(f"netcdf:{written}:/{group}/mean_fb") as opened:
        assert opened.crs.to_epsg() == 3411
        assert opened.transform == Grid.named("NSIDC_PS_N25km").transform
        assert np.array_equal(np.ma.filled(opened.read(1, masked=True), np.nan), expected, equal_nan=True)


def test_a_tree_has_the_centres_in_every_group(written):
    with xr.open_datatree(written, engine="h5netcdf") as tree:
        assert tree["daily/day28"].to_dataset().grid_y.values[0] == 5_837_500


def test_a_window_upward_is_put_in_its_place(north, tmp_path):
    cut = north.isel(y=slice(100, 140), x=slice(50, 120))
    upward = cut.isel(y=slice(None, None, -1)).drop_vars(["time_first", "time_last"])
    path = write_atl20(upward, tmp_path / "a.h5")
    with h5py.File(path) as file:
        stored = file["daily/day04/mean_fb"][()]
        inside = stored[100:140, 50:120]
        expected = cut.freeboard_mean[1].to_numpy().astype("f4")
        assert np.array_equal(np.where(inside > 1e30, np.nan, inside), expected, equal_nan=True)
        stored[100:140, 50:120] = np.float32(3.4028235e38)
        assert (stored == np.float32(3.4028235e38)).all()
        assert "bounds of the period" in file["daily/day04/delta_time_end"].attrs["description"]


def test_the_same_days_give_the_same_bytes(written, north, tmp_path):
    assert write_atl20(north, tmp_path / "a.h5").read_bytes() == written.read_bytes()


@pytest.mark.parametrize("name", ["NSIDC_PS_WGS84_N25km", "NSIDC_PS_N12.5km", "EASE2_N25km", "EASE2_S25km"])
def test_another_grid_is_refused_with_the_reason(north, tmp_path, name):
    grid = Grid.named(name).window(slice(10, 12), slice(10, 13))
    small = north.isel(y=slice(0, 2), x=slice(0, 3)).drop_vars(["x_bnds", "y_bnds"])
    from altiflow.gridding.frame import crs_variable

    moved = small.assign_coords(x=grid.x, y=grid.y).assign(crs=crs_variable(grid))
    with pytest.raises(GridMismatchError, match=r"EPSG:3411.*Hughes.*EPSG:3413"):
        write_atl20(moved, tmp_path / "a.h5")
    assert not list(tmp_path.iterdir())


def test_months(north, tmp_path):
    later = north.isel(time=[0]).assign_coords(
        time=north.time[:1] + np.timedelta64(28, "D"), time_bnds=north.time_bnds[:1] + np.timedelta64(28, "D")
    )
    both = xr.concat([north, later], dim="time", data_vars="minimal", coords="minimal", compat="override", join="exact")
    with pytest.raises(InputError, match="2022-02, 2022-03"):
        write_atl20(both, tmp_path)
    with pytest.raises(EmptyDataError, match="2022-05"):
        write_atl20(both, tmp_path, month="2022-05")
    path = write_atl20(both, tmp_path, month="2022-03", release="007")
    assert path.name == "ATL20-01_202203_007_altiflow.h5"
    with h5py.File(path) as file:
        assert len(file["daily"]) == 31
        assert np.array_equal(file["daily/day03/n_segs"][()], north.n_segments[0])


def test_a_tally_gives_a_file_per_month(tmp_path):
    import geopandas as gpd
    import pandas as pd

    grid = Grid.named("NSIDC_PS_S25km")
    content = {
        "freeboard": [0.1, 0.3, 0.5],
        "segment_length": [10.0, 30.0, 20.0],
        "time": pd.to_datetime(["2020-01-31T23:59", "2020-03-01T00:00", "2020-03-01T12:00"]),
    }
    points = gpd.points_from_xy([5e5, 5e5, 5e5], [1e6, 1e6, 1e6])
    tally = tally_segments(gpd.GeoDataFrame(content, geometry=points, crs=3412), grid, value="freeboard", step="D")
    paths = write_atl20_months(tally, tmp_path / "new")
    assert [path.name for path in paths] == ["ATL20-02_202001_altiflow.h5", "ATL20-02_202003_altiflow.h5"]
    with h5py.File(paths[1]) as file:
        assert np.sort(file["daily/day01/mean_fb"][()].ravel())[0] == pytest.approx(0.38)
        assert file["monthly/n_segs"][()].sum() == 2
