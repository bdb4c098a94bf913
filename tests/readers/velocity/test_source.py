"""Whatever is named as a velocity: found out, or refused with a reason."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from altiflow.errors import (
    CorruptGranuleError,
    EmptyDataError,
    FieldError,
    InputError,
    UnsupportedFormatError,
    WrongProductError,
)
from altiflow.readers.velocity import PRODUCTS, read_velocity

WEEKS = ["2018-01-01", "2018-01-08", "2018-01-15"]


class TestRefused:
    def test_a_file_that_is_not_there(self, tmp_path):
        with pytest.raises(InputError, match="no velocity file"):
            read_velocity(tmp_path / "none.nc")

    @pytest.mark.parametrize("source", [[], [3], None])
    def test_what_names_no_file(self, source):
        with pytest.raises((InputError, TypeError)):
            read_velocity(source)

    def test_an_empty_folder_and_a_zarr_store(self, tmp_path):
        with pytest.raises(EmptyDataError, match="holds no velocity file"):
            read_velocity(tmp_path)
        (tmp_path / ".zgroup").write_text('{"zarr_format": 2}')
        with pytest.raises(UnsupportedFormatError, match="holds no variable"):
            read_velocity(tmp_path)

    def test_a_text_file(self, tmp_path):
        path = tmp_path / "notes.nc"
        path.write_text("not velocity")
        with pytest.raises(UnsupportedFormatError, match=r"neither NetCDF nor GeoTIFF.*NSIDC-0116, ITS_LIVE-pair"):
            read_velocity(path)
        with pytest.raises(UnsupportedFormatError):
            read_velocity(path, product="NSIDC-0116")

    def test_an_empty_file(self, tmp_path):
        (tmp_path / "a.nc").touch()
        with pytest.raises(UnsupportedFormatError):
            read_velocity(tmp_path / "a.nc")

    def test_a_truncated_file(self, motion):
        path = motion("a.nc", WEEKS)
        path.write_bytes(path.read_bytes()[:3000])
        with pytest.raises(CorruptGranuleError, match=r"a\.nc cannot be read"):
            read_velocity(path)

    def test_a_truncated_classic_file(self, data, tmp_path):
        whole = data("itslive/mosaic/its_live_jak.nc").read_bytes()
        path = tmp_path / "jak.nc"
        for size in (20, 500, 1_000_000):
            path.write_bytes(whole[:size])
            with pytest.raises(CorruptGranuleError, match=r"jak\.nc cannot be read"):
                read_velocity(path, crs=3413)

    def test_netcdf_of_another_kind(self, tmp_path):
        xr.Dataset({"height": ("x", [1.0])}).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
        with pytest.raises(UnsupportedFormatError, match="it holds height"):
            read_velocity(tmp_path / "a.nc")

    def test_a_product_that_is_not_known(self, motion):
        with pytest.raises(InputError, match=r"KIMURA.*known are NSIDC-0116"):
            read_velocity(motion("a.nc", WEEKS), product="KIMURA")

    def test_a_file_of_another_product_than_said(self, motion, mosaic, raster):
        with pytest.raises(WrongProductError, match="lacks 'u'"):
            read_velocity(mosaic(), product="NSIDC-0116")
        with pytest.raises(WrongProductError, match="lacks 'vx'"):
            read_velocity(motion("a.nc", WEEKS), product="ITS_LIVE-mosaic")
        with pytest.raises(WrongProductError, match="is NetCDF, not pair of"):
            read_velocity(mosaic(), product="ITS_LIVE-geotiff")
        raster("a_vy.tif")
        with pytest.raises(WrongProductError, match="is GeoTIFF, not ITS_LIVE regional mosaic"):
            read_velocity(raster("a_vx.tif"), product="ITS_LIVE-mosaic")

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"metric": "true"}, "metric='true'"),
            ({"period": ("2018-01-01",)}, "not two times"),
            ({"period": ("then", "now")}, "not two times"),
            ({"period": ("2018-02-01", "2018-01-01")}, "the end after the start"),
        ],
    )
    def test_arguments_that_mean_nothing(self, motion, options, message):
        with pytest.raises(InputError, match=message):
            read_velocity(motion("a.nc", WEEKS), **options)


def test_a_product_is_said_in_any_case(motion):
    assert read_velocity(str(motion("a.nc", WEEKS)), product="nsidc-0116").sizes["time"] == 3


def test_every_product_says_where_its_values_come_from():
    assert all(product.citation and product.name == name for name, product in PRODUCTS.items())


class TestField:
    def test_a_field_is_handed_back(self, motion):
        field = read_velocity(motion("a.nc", WEEKS))
        assert read_velocity(field) is field
        assert read_velocity(field, period=("2018-01-08", "2018-01-09")).sizes["time"] == 1
        with pytest.raises(EmptyDataError):
            read_velocity(field, period=("2019-01-08", "2019-01-09"))

    def test_a_dataset_that_is_none_is_refused(self):
        with pytest.raises(FieldError, match="no variable 'vx'"):
            read_velocity(xr.Dataset())

    def test_it_says_its_own_crs(self, motion):
        with pytest.raises(InputError, match="states its own"):
            read_velocity(read_velocity(motion("a.nc", WEEKS)), crs="EPSG:3408")


class TestWritten:
    @pytest.fixture
    def field(self, motion):
        return read_velocity(motion("icemotion_daily_a.nc", WEEKS, companion="icemotion_error_estimate"))

    def test_a_written_field_comes_back_as_it_was(self, field, tmp_path):
        field.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
        xr.testing.assert_identical(read_velocity(tmp_path / "a.nc"), field)

    def test_an_undated_one_too(self, mosaic, tmp_path):
        field = read_velocity(mosaic("climatology.nc"))
        field.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
        found = read_velocity(tmp_path / "a.nc")
        assert np.isnat(found["time_bnds"].values).all()
        xr.testing.assert_identical(found, field)

    def test_one_on_a_grid_loses_what_only_files_need(self, field, tmp_path):
        on_grid = field.assign(
            crs=((), np.int32(0), {"spatial_ref": "EPSG:3408"}),
            x_bnds=(("x", "nv"), np.zeros((field.sizes["x"], 2))),
            valid=np.isfinite(field["vx"]).astype("i1"),
        )
        del on_grid.attrs["crs"]
        for name in ("vx", "vy"):
            on_grid[name].attrs["grid_mapping"] = "crs"
        on_grid["time"].attrs["bounds"] = "time_bnds"
        for name in ("time", "time_bnds"):
            on_grid[name].encoding = {"units": "seconds since 1970-01-01", "dtype": "int64"}
        on_grid.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
        found = read_velocity(tmp_path / "a.nc")
        assert found["valid"].dtype == bool
        xr.testing.assert_identical(found.drop_vars("valid"), field)

    def test_a_period_and_contradictions(self, field, tmp_path):
        path = tmp_path / "a.nc"
        field.to_netcdf(path, engine="h5netcdf")
        assert read_velocity(path, period=("2018-01-08", "2018-01-20")).sizes["time"] == 2
        assert read_velocity(path, crs=3408, metric="map").identical(field)
        with pytest.raises(InputError, match="crs='EPSG:3413'"):
            read_velocity(path, crs="EPSG:3413")
        with pytest.raises(InputError, match="metric='ground'"):
            read_velocity(path, metric="ground")
        with pytest.raises(InputError, match=r"units='m yr-1', but a\.nc states 'cm s-1'"):
            read_velocity(path, units="m/yr")

    def test_one_that_states_too_little_is_refused(self, field, tmp_path):
        del field.attrs["time_rule"]
        field.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
        with pytest.raises(FieldError, match=r"a\.nc: attribute 'time_rule'"):
            read_velocity(tmp_path / "a.nc")
