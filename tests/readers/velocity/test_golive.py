"""Pairs of pycorr and CARST: their days, their satellite, what lies under the mask, no fill."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import xarray as xr

from altiflow.errors import CorruptGranuleError, EmptyDataError, FieldError, InputError, WrongProductError
from altiflow.readers.layers import is_cube
from altiflow.readers.velocity import read_velocity
from altiflow.readers.velocity.golive import name_interval

NAME = "L8_063_018_016_2016_200_2016_216_v1.1.nc"


@pytest.fixture
def golive(tmp_path):
    """Return a maker of files in pycorr's layout, 3 rows and 4 columns of 300 m, y descending, nodata on top."""

    def make(name=NAME, *, units="m/d", without=(), **alter):
        plane = ("y", "x")
        vx = np.full((3, 4), 1.5, dtype="f4")
        vx[0, 0] = -9999
        masked = vx.copy()
        masked[1, 1] = -9999
        corr = np.full((3, 4), 0.7, dtype="f4")
        corr[0, 0] = -2
        speed = {"units": units, "grid_mapping": "transverse_mercator", "_FillValue": np.float32(-9999)}
        quality = {"_FillValue": np.float32(-2), "grid_mapping": "transverse_mercator"}
        stated = {"grid_mapping_name": "transverse_mercator", "spatial_ref": pyproj.CRS(32607).to_wkt("WKT1_GDAL")}
        times = {
            "del_t": "16.0",
            "start_date": "2016-07-18T20:42:12.500000",
            "end_date": "2016-08-03T20:42:18.500000",
            **alter.get("times", {}),
        }
        images = {
            "image1_filename": "/scratch/LC80630182016200LGN00_B8.TIF",
            "image2_filename": "/scratch/LC80630182016216LGN00_B8.TIF",
            **alter.get("images", {}),
        }
        dataset = xr.Dataset(
            {
                "vx": (plane, vx, speed),
                "vy": (plane, np.where(vx == -9999, vx, -vx), speed),
                "vv": (plane, np.abs(vx), speed),
                "vx_masked": (plane, masked, speed),
                "vy_masked": (plane, np.where(masked == -9999, masked, -masked), speed),
                "corr": (plane, corr, quality),
                "del_corr": (plane, corr / 2, quality),
                "del_i": (plane, vx, {"_FillValue": np.float32(-9999)}),
                "image_pair_times": ((), np.int32(0), {key: value for key, value in times.items() if value}),
                "input_image_details": ((), np.int32(0), images),
                "transverse_mercator": ((), np.int32(0), alter.get("mapping", stated)),
                "x": ("x", np.arange(4) * 300.0 + 465_000, {"units": "m"}),
                "y": ("y", 6_681_000 - np.arange(3) * 300.0, {"units": "m"}),
            }
        )
        dataset.drop_vars(list(without)).to_netcdf(tmp_path / name, engine="h5netcdf")
        return tmp_path / name

    return make


@pytest.mark.parametrize(
    ("name", "days"),
    [
        (NAME, ("2016-07-18", "2016-08-03")),
        ("L8_001_112_112_2013_350_2014_097_v1.nc", ("2013-12-16", "2014-04-07")),
        ("LC80640172013166LGN00_LC80640172013182LGN00_2013_174_16_20_hp_vx.tif", ("2013-06-15", "2013-07-01")),
        (
            "LC08_L1TP_063018_20160718_20170222_01_T1_LC08_L1TP_063018_20160803_20170221_01_T1_vx.tif",
            ("2016-07-18", "2016-08-03"),
        ),
        ("L2A_S2BA_7VEG_15_20200512_20200527_vx.tif", ("2020-05-12", "2020-05-27")),
        ("20160718-20160803_velo-raw_vx.tif", ("2016-07-18", "2016-08-03")),
        ("2016216_2016200_r32x32_vx.tif", ("2016-07-18", "2016-08-03")),
    ],
)
def test_the_name_tells_the_days_of_the_images(name, days):
    assert tuple(name_interval(name)[0].astype("M8[D]").astype(str)) == days


@pytest.mark.parametrize("name", ["a_vx.tif", "LC08_L1TP_063018_20160718_20170222_01_T1_vx.tif", "L8_063_018.nc"])
def test_a_name_that_tells_no_two_days(name):
    with pytest.raises(FieldError, match="tells the days of its two images"):
        name_interval(name)


@pytest.mark.parametrize("name", ["20160732_20160801_vx.tif", "L8_063_018_016_2016_400_2016_216_v1.nc"])
def test_a_day_that_is_none(name):
    with pytest.raises(FieldError, match="a day that is none"):
        name_interval(name)


class TestNetcdf:
    def test_one_layer_that_knows_its_pair(self, golive):
        field = read_velocity(golive())
        assert is_cube(field)
        bounds = field["time_bnds"].values[0].astype("M8[ms]").astype(str).tolist()
        assert bounds == ["2016-07-18T20:42:12.500", "2016-08-03T20:42:18.500"]
        known = {name: str(field[name].values[0]) for name in ("granule", "satellite", "mission")}
        assert known == {"granule": NAME.removesuffix(".nc"), "satellite": "L8", "mission": "landsat"}
        assert float(field["separation_days"][0]) == pytest.approx(16 + 6 / 86_400)
        stated = {name: field.attrs[name] for name in ("crs", "units", "velocity_metric", "metric_source")}
        assert stated == {
            "crs": "EPSG:32607",
            "units": "m d-1",
            "velocity_metric": "map",
            "metric_source": "assumed",
        }
        assert "year_days" not in field.attrs

    def test_the_mask_is_kept_and_so_is_what_lies_under_it(self, golive):
        field = read_velocity(golive())
        assert int(np.isfinite(field["vx"]).sum()) == 10
        assert int(np.isfinite(field["vx_unmasked"]).sum()) == 11
        assert field["vy_unmasked"].values[0, 1, 1] == -1.5
        assert field["vx_unmasked"].attrs["units"] == "m d-1"
        assert np.isnan(field["corr"].values[0, 0, 0])
        assert field["corr"].values[0, 1, 1] == np.float32(0.7)
        assert field["del_corr"].dims == ("time", "y", "x")
        bare = read_velocity(golive(without=["vx_masked", "corr"]))
        assert int(np.isfinite(bare["vx"]).sum()) == 11
        assert set(bare.data_vars) == {"vx", "vy", "del_corr"}

    def test_per_year_it_is_the_julian_one(self, golive):
        field = read_velocity(golive(units="m/yr"))
        assert (field.attrs["units"], field.attrs["year_days"]) == ("m yr-1", 365.25)

    def test_the_name_stands_in_for_the_times(self, golive):
        field = read_velocity(golive(times={"start_date": None}))
        assert field["time_bnds"].values[0].astype("M8[D]").astype(str).tolist() == ["2016-07-18", "2016-08-03"]
        with pytest.raises(CorruptGranuleError, match="times of the images"):
            read_velocity(golive(times={"start_date": "noon"}))
        with pytest.raises(FieldError, match="tells the days"):
            read_velocity(golive("pair_hp.nc", times={"start_date": None}))

    def test_several_pairs_make_a_cube_in_any_order(self, golive):
        later = {"start_date": "2016-08-03T20:42:18", "end_date": "2016-08-19T20:42:20"}
        first, second = golive("L8_063_018_016_2016_216_2016_232_v1.1.nc", times=later), golive()
        field = read_velocity([first, second])
        assert field["granule"].values.tolist() == [first.stem, second.stem]
        with pytest.raises(EmptyDataError, match="2016-07-18"):
            read_velocity(second, period=("2017-01-01", "2017-02-01"))

    def test_two_satellites_are_both_named(self, golive):
        images = {"image2_filename": "LE70630182016224EDC00_B8.TIF"}
        assert str(read_velocity(golive(images=images))["satellite"].values[0]) == "L8+L7"

    def test_a_window_and_a_file_of_fill(self, golive):
        path = golive()
        window = read_velocity(path, bounds=(465_200, 6_680_300, 465_700, 6_680_800))
        xr.testing.assert_identical(window, read_velocity(path).isel(x=slice(1, 3), y=slice(1, 3)))
        empty = path.with_name("L8_063_018_032_2016_200_2016_232_v1.1.nc")
        with xr.open_dataset(path, engine="h5netcdf", decode_cf=False) as raw:
            for name in ("vx_masked", "vy_masked"):
                raw[name][:] = -9999
            raw.to_netcdf(empty, engine="h5netcdf")
        assert np.isnan(read_velocity(empty)["vx"].values).all()

    def test_refused(self, golive):
        with pytest.raises(InputError, match="states no CRS"):
            read_velocity(golive(mapping={}))
        with pytest.raises(FieldError, match="furlong"):
            read_velocity(golive(units="furlong/d"))
        with pytest.raises(WrongProductError, match="lacks 'y'"):
            read_velocity(golive(without=["y"]))


class TestGeotiff:
    STEM = "LC80640172013166LGN00_LC80640172013182LGN00_2013_174_16_20_hp"

    @pytest.fixture
    def pair(self, raster):
        def make(stem, *extra):
            for word in ("vx", "vy", *extra):
                path = raster(f"{stem}_{word}.tif", {"vx": 2.0, "vy": -1.0}.get(word, 0.5), crs="EPSG:32607")
            return path.with_name(f"{stem}_vx.tif")

        return make

    def test_told_from_others_by_the_correlation_beside_it(self, pair):
        path = pair(self.STEM, "corr", "delcorr", "vv", "log10", "vx_masked")
        field = read_velocity(path.parent)
        assert field.attrs["source"].startswith("pycorr-geotiff ")
        assert (field.attrs["units"], field.attrs["velocity_metric"]) == ("m d-1", "map")
        assert float(field["vx"].max()) == 2
        assert float(field["del_corr"].max()) == 0.5
        assert np.isnan(field["corr"].values[0, 0, 0])
        assert str(field["satellite"].values[0]) == "L8"
        assert str(field["granule"].values[0]) == self.STEM
        assert read_velocity(path, units="m/yr").attrs["year_days"] == 365.25

    def test_without_it_the_product_is_said(self, pair):
        path = pair("20200512_20200527")
        assert read_velocity(path).attrs["source"].startswith("ITS_LIVE-geotiff ")
        assert read_velocity(path, product="pycorr-geotiff")["separation_days"].values.tolist() == [15]

    def test_carst(self, pair):
        field = read_velocity(pair("20160718-20160803_velo-raw", "errx", "erry", "mag"))
        assert field.attrs["source"].startswith("CARST-geotiff ")
        assert float(field["vx_sigma"].max()) == 0.5
        assert field.attrs["units"] == "m d-1"

    def test_offsets_in_metres_are_no_velocity(self, data):
        with pytest.raises(InputError, match="is no component of a velocity"):
            read_velocity(data("images/2016200_2016216_r32x32_s32x32_eastxyz.tif"))
