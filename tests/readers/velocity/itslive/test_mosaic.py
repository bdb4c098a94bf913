"""ITS_LIVE mosaics: no fill, the metric said by whom, a CRS never guessed."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import xarray as xr

from altiflow.errors import EmptyDataError, FieldError, InputError
from altiflow.readers.velocity import read_velocity

JAKOBSHAVN = "itslive/mosaic/its_live_jak.nc"


class TestRealCrop:
    def test_without_a_crs_it_asks_for_one(self, data):
        with pytest.raises(InputError, match=r'its_live_jak.nc states no CRS.*crs="EPSG:3413"'):
            read_velocity(data(JAKOBSHAVN))

    def test_with_one_it_is_an_undated_field_in_ground_metres(self, data):
        field = read_velocity(data(JAKOBSHAVN), crs="EPSG:3413")
        assert field["vx"].shape == (1, 1084, 1442)
        assert int(np.isfinite(field["vx"]).sum()) == int(np.isfinite(field["vy"]).sum()) == 1_545_847
        assert float(field["vx"].min()) == pytest.approx(-9521.467, abs=1e-3)
        assert np.isnat(field["time_bnds"].values).all()
        assert field["y"].values[0] > field["y"].values[-1]
        stated = {name: field.attrs[name] for name in ("crs", "units", "time_rule", "year_days")}
        assert stated == {"crs": "EPSG:3413", "units": "m yr-1", "time_rule": "undated", "year_days": 365.25}
        # map_scale_corrected = 1 is there, on vx.
        assert (field.attrs["velocity_metric"], field.attrs["metric_source"]) == ("ground", "file")

    def test_a_period_cannot_cut_an_undated_field(self, data):
        field = read_velocity(data(JAKOBSHAVN), crs="EPSG:3413", period=("2018-01-01", "2018-02-01"))
        assert field.sizes["time"] == 1


def test_an_annual_mosaic_has_the_interval_of_its_year(mosaic):
    path = mosaic()
    field = read_velocity(path)
    assert field["time_bnds"].values.astype("datetime64[D]").astype(str).tolist() == [["2019-01-01", "2020-01-01"]]
    assert field.attrs["time_rule"] == "interval_mean"
    with pytest.raises(EmptyDataError, match="2019-01-01"):
        read_velocity(path, period=("2020-01-01", "2020-06-01"))


def test_annual_mosaics_join_in_time(mosaic):
    names = [f"ITS_LIVE_velocity_120m_RGI05A_{year}_v02.nc" for year in (2019, 2018)]
    field = read_velocity([mosaic(name) for name in names])
    assert field["time"].values.astype("datetime64[Y]").astype(str).tolist() == ["2018", "2019"]


@pytest.mark.parametrize("name", ["NSIDC-0776_RGI05A_2014-2022_V02.0.nc", "ITS_LIVE_velocity_120m_RGI05A_0000_v02.nc"])
def test_a_climatology_is_undated_and_alone(mosaic, name):
    assert read_velocity(mosaic(name)).attrs["time_rule"] == "undated"
    with pytest.raises(FieldError, match="both undated"):
        read_velocity([mosaic(name), mosaic("other.nc")])


def test_no_kind_of_fill_leaks(mosaic):
    field = read_velocity(mosaic())
    for name in ("vx", "vy", "vx_sigma", "vy_sigma"):
        assert np.isnan(field[name].values[0, 0]).all()
    assert (field["vx"].values[0, 1:] == -1500).all()
    assert (field["vy"].values[0, 1:] == -1499).all()
    assert np.isnan(field["vx_sigma"].values[0, :, 3]).all()
    assert (field["vy_sigma"].values[0, 1:, :3] == 12).all()
    assert field["count"].values[0, 0].tolist() == [0, 0, 0, 0]
    assert (field["count"].values[0, 1:] == 40).all()


def test_the_second_version_is_in_map_metres_unless_somebody_says_else(mosaic):
    said = {}
    path = mosaic()
    for case, options in {"silent": {}, "user": {"metric": "ground"}}.items():
        field = read_velocity(path, **options)
        said[case] = (field.attrs["velocity_metric"], field.attrs["metric_source"])
    assert said == {"silent": ("map", "assumed"), "user": ("ground", "user")}
    for flag, metric in ((1, "ground"), (0, "map")):
        field = read_velocity(mosaic(attrs={"map_scale_corrected": np.int8(flag)}))
        assert (field.attrs["velocity_metric"], field.attrs["metric_source"]) == (metric, "file")


def test_the_first_version_is_told_by_its_grid_mapping(mosaic):
    field = read_velocity(mosaic("GRE_G0240_2018.nc", mapping="Polar_Stereographic"))
    assert (field.attrs["velocity_metric"], field.attrs["metric_source"]) == ("ground", "assumed")
    assert "version 1" in field.attrs["source"]
    assert field["time"].values.astype("datetime64[Y]").astype(str).tolist() == ["2018"]


@pytest.mark.parametrize("flag", ["yes", np.int8(2), np.array([1, 1])])
def test_a_metric_flag_of_no_meaning_asks_for_the_metric(mosaic, flag):
    path = mosaic(attrs={"map_scale_corrected": flag})
    with pytest.raises(FieldError, match="neither 0 nor 1; say metric="):
        read_velocity(path)
    assert read_velocity(path, metric="map").attrs["metric_source"] == "user"


def test_the_length_of_the_year_is_taken_for_granted_and_says_so(mosaic):
    field = read_velocity(mosaic())
    assert (field.attrs["year_days"], field.attrs["year_days_source"]) == (365.25, "assumed")


def test_units_are_asked_of_the_caller_only_where_the_file_is_silent(mosaic, tmp_path):
    path = mosaic()
    assert read_velocity(path, units="m/yr").attrs["units"] == "m yr-1"
    with pytest.raises(InputError, match=r"units='m d-1', but NSIDC-0776_RGI05A_2019_V02.0.nc states 'meter/year'"):
        read_velocity(path, units="m/d")
    with pytest.raises(InputError, match="'knots' is not known"):
        read_velocity(path, units="knots")
    silent = tmp_path / "silent.nc"
    with xr.open_dataset(path, engine="h5netcdf", decode_cf=False) as opened:
        for name in ("vx", "vy"):
            del opened[name].attrs["units"]
        opened.to_netcdf(silent, engine="h5netcdf")
    assert read_velocity(silent).attrs["units"] == "m yr-1"
    assert read_velocity(silent, units="m/d").attrs["units"] == "m d-1"


@pytest.mark.parametrize("fill", [-32767, -9999, 32767])
def test_undeclared_integer_fill_does_not_leak(tmp_path, fill):
    values = np.full((3, 4), 10, dtype="i2")
    values[0, 0] = fill
    axes = {"x": np.arange(4) * 120.0, "y": np.arange(3) * 120.0}
    parts = {name: (("y", "x"), values, {"units": "m/y"}) for name in ("vx", "vy")}
    xr.Dataset(parts, coords=axes).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    vx = read_velocity(tmp_path / "a.nc", crs=3413)["vx"].values[0]
    assert np.isnan(vx[0, 0])
    assert (vx[1:] == 10).all()


def test_an_esri_code_falls_back_on_the_wkt(mosaic):
    wkt = pyproj.CRS("ESRI:102027").to_wkt()
    field = read_velocity(mosaic(stated={"spatial_epsg": np.int32(102027), "crs_wkt": wkt}))
    assert field.attrs["crs"] == "ESRI:102027"


def test_a_crs_nobody_knows_is_refused(mosaic):
    with pytest.raises(FieldError, match="none of which pyproj knows"):
        read_velocity(mosaic(stated={"spatial_epsg": np.int32(999999)}))


def test_units_nobody_knows_are_refused_with_the_files_name(mosaic):
    with pytest.raises(FieldError, match=r"NSIDC-0776_RGI05A_2019_V02.0.nc: .*'furlong/year'"):
        read_velocity(mosaic(attrs={"units": "furlong/year"}))


def test_loosely_spelled_wkt_is_the_crs_given(mosaic):
    wkt = pyproj.CRS(3413).to_wkt("WKT1_GDAL").replace('AXIS["Easting",SOUTH],AXIS["Northing",SOUTH],', "")
    field = read_velocity(mosaic(stated={"crs_wkt": wkt}), crs="EPSG:3413")
    assert pyproj.CRS(field.attrs["crs"]).to_epsg() == 3413
