"""MEaSUREs: the interval from the name, metres on the ground and who says so, no fill."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import rasterio
import xarray as xr
from affine import Affine

from altiflow.errors import EmptyDataError, FieldError, InputError, WrongProductError
from altiflow.readers.layers import is_cube
from altiflow.readers.velocity import read_velocity
from altiflow.readers.velocity.measures import span_bounds


@pytest.fixture
def greenland(tmp_path):
    """Return a maker of sets of GeoTIFFs, 3 rows and 4 columns of 200 m, nodata -2e9 in the first cell."""

    def make(pattern, words=("vx", "vy", "ex", "ey", "vv", "dT"), *, crs="EPSG:3413"):
        values = {"vx": -150.0, "vy": 80.0, "ex": 3.0, "ey": 4.0, "vv": 170.0, "dT": -12.0}
        for word in words:
            band = np.full((3, 4), values[word], dtype="f4")
            band[0, 0] = -1 if word in ("ex", "ey") else -2e9
            profile = {
                "driver": "GTiff",
                "height": 3,
                "width": 4,
                "count": 1,
                "dtype": "float32",
                "nodata": -1.0 if word in ("ex", "ey") else -2e9,
                "crs": crs,
                "transform": Affine(200.0, 0.0, -180_000.0, 0.0, -200.0, -2_270_000.0),
            }
            with rasterio.open(tmp_path / pattern.format(word), "w", **profile) as target:
                target.write(band, 1)
        return tmp_path / pattern.format("vx")

    return make


@pytest.fixture
def antarctica(tmp_path):
    """Return a maker of NetCDF files in the layout of NSIDC-0484, 3 rows and 4 columns of 450 m, y descending."""

    def make(name="antarctica_ice_velocity_450m_v2.nc", *, without=(), mapping=None, units="meter/year"):
        plane = ("y", "x")
        vx = np.full((3, 4), 250.0, dtype="f4")
        vx[0] = [0, 0, np.nan, 250]
        vy = np.full((3, 4), -30.0, dtype="f4")
        vy[0] = [0, 5, np.nan, -30]
        stated = {
            "ellipsoid": "WGS84",
            "grid_mapping_name": "polar_stereographic",
            "false_easting": 0.0,
            "false_northing": 0.0,
            "latitude_of_projection_origin": -90.0,
            "standard_parallel": -71.0,
            "straight_vertical_longitude_from_pole": 0.0,
        }
        speed = {"units": units, "grid_mapping": "coord_system"}
        count = np.full((3, 4), 6, dtype="i4")
        count[0, 0] = 0
        dataset = xr.Dataset(
            {
                "VX": (plane, vx, speed),
                "VY": (plane, vy, speed),
                **{
                    word: (plane, np.full((3, 4), value, dtype="f4"), speed)
                    for word, value in {"ERRX": 2.0, "ERRY": 3.0, "STDX": 5.0, "STDY": 6.0}.items()
                },
                "CNT": (plane, count),
                "coord_system": ((), np.int32(0), stated if mapping is None else mapping),
                "x": ("x", np.arange(4) * 450.0 - 2_800_000, {"units": "m"}),
                "y": ("y", 2_800_000 - np.arange(3) * 450.0, {"units": "m"}),
            }
        )
        dataset.drop_vars(list(without)).to_netcdf(tmp_path / name, engine="h5netcdf")
        return tmp_path / name

    return make


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("GL_vel_mosaic_Annual_01Dec16_30Nov17_vx_v05.0.tif", "2016-12-01", "2017-12-01"),
        ("GL_vel_mosaic_Quarterly_01Sep24_30Nov24_vy_v05.0.tif", "2024-09-01", "2024-12-01"),
        ("GL_vel_mosaic_Monthly_01Feb20_29Feb20_vv_v05.0.tif", "2020-02-01", "2020-03-01"),
        ("GL_vel_mosaic_s1cycle_01Jan15_12Jan15_vx_v02.0.tif", "2015-01-01", "2015-01-13"),
        ("greenland_vel_mosaic200_2015_2016_vx_v02.1.tif", "2015-09-01", "2016-06-01"),
        ("greenland_vel_mosaic500_2000_2001_vx_v02.1.tif", "2000-09-01", "2001-06-01"),
        ("TSX_W69.10N_30May09_10Jun09_10-05-16_vx_v04.0.tif", "2009-05-30T10:05:16", "2009-06-10T10:05:16"),
        ("TSX_E66.50N_11Feb12_31Jan12_09-48-58_vx_v1.2.tif", "2012-01-31T09:48:58", "2012-02-11T09:48:58"),
        ("OPT_W69.10N_2016-12.vx.tif", "2016-12-01", "2017-01-01"),
        ("OPT_W69.95N_2016-05.vx.v02.1.tif", "2016-05-01", "2016-06-01"),
        ("Antarctica_ice_velocity_2016_2017_1km_v01.nc", "2016-07-01", "2017-07-01"),
        ("greenland_vel_mosaic250_vx_v1.tif", None, None),
        ("antarctica_ice_velocity_450m_v2.nc", None, None),
        ("antarctic_ice_vel_phase_map_v01.nc", None, None),
        ("antarctica_ice_velocity_1995_2001_1km_v01.nc", None, None),
    ],
)
def test_the_name_tells_the_interval(name, start, end):
    bounds, rule = span_bounds(name)
    if start is None:
        assert rule == "undated"
        assert np.isnat(bounds).all()
    else:
        assert rule == "interval_mean"
        assert bounds.tolist() == np.array([[start, end]], dtype="M8[ns]").tolist()


@pytest.mark.parametrize("name", ["GL_vel_mosaic_Annual_01Dez16_30Nov17_vx_v05.0.tif", "OPT_W69.10N_2016-13.vx.tif"])
def test_a_name_with_a_day_that_is_none(name):
    with pytest.raises(InputError, match="tells no period"):
        span_bounds(name)


class TestGreenland:
    ANNUAL = "GL_vel_mosaic_Annual_01Dec16_30Nov17_{}_v05.0.tif"

    def test_a_year_in_metres_on_the_ground(self, greenland):
        path = greenland(self.ANNUAL)
        field = read_velocity(path)
        stated = {name: field.attrs[name] for name in ("crs", "units", "velocity_metric", "metric_source", "time_rule")}
        assert stated == {
            "crs": "EPSG:3413",
            "units": "m yr-1",
            "velocity_metric": "ground",
            "metric_source": "assumed",
            "time_rule": "interval_mean",
        }
        for name, value in {"vx": -150, "vy": 80, "vx_sigma": 3, "vy_sigma": 4, "date_offset": -12}.items():
            assert np.isnan(field[name].values[0, 0, 0])
            assert int((field[name].values == value).sum()) == 11
        assert field["x"].values[0] == -179_900
        assert field["y"].values[0] == -2_270_100
        assert not is_cube(field)
        assert read_velocity(path.parent).identical(field)
        assert read_velocity(path, metric="map").attrs["metric_source"] == "user"

    @pytest.mark.parametrize(
        "pattern",
        ["greenland_vel_mosaic250_{}_v1.tif", "OPT_W69.95N_2016-05.{}.v02.1.tif", "OPT_W69.10N_2016-05.{}.tif"],
    )
    def test_other_forms_of_names(self, greenland, pattern):
        field = read_velocity(greenland(pattern, ("vx", "vy")))
        assert field.attrs["velocity_metric"] == "ground"
        assert set(field.data_vars) == {"vx", "vy"}

    def test_pairs_of_radar_images_make_a_cube(self, greenland):
        names = [
            "TSX_W69.10N_30May09_10Jun09_10-05-16_{}_v04.0.tif",
            "TSX_W69.10N_30May09_21Jun09_10-05-16_{}_v04.0.tif",
        ]
        paths = [greenland(name) for name in names]
        field = read_velocity(paths)
        assert is_cube(field)
        assert field["separation_days"].values.tolist() == [11, 22]
        assert field["granule"].values[0] == "TSX_W69.10N_30May09_10Jun09_10-05-16_v04.0"

    def test_months_follow_each_other(self, greenland):
        names = [f"GL_vel_mosaic_Monthly_01{m}20_{d}{m}20_{{}}_v05.0.tif" for m, d in (("Feb", 29), ("Jan", 31))]
        field = read_velocity([greenland(name) for name in names])
        assert field["time_bnds"].values[:, 0].astype("M8[M]").astype(str).tolist() == ["2020-01", "2020-02"]
        with pytest.raises(EmptyDataError, match="2020-01-01"):
            read_velocity(greenland(names[1]), period=("2021-01-01", "2021-02-01"))

    def test_no_crs_is_guessed(self, greenland):
        path = greenland(self.ANNUAL, crs=None)
        with pytest.raises(InputError, match="states no CRS"):
            read_velocity(path)
        assert read_velocity(path, crs=3413).attrs["crs"] == "EPSG:3413"

    def test_the_other_component_keeps_its_version(self, greenland):
        with pytest.raises(InputError, match=r"30Nov17_vy_v05\.0\.tif is not beside it"):
            read_velocity(greenland(self.ANNUAL, ("vx",)))


class TestAntarctica:
    def test_a_map_of_many_years(self, antarctica):
        field = read_velocity(antarctica())
        assert pyproj.CRS(field.attrs["crs"]).equals(pyproj.CRS(3031), ignore_axis_order=True) or _same_place(field)
        assert (field.attrs["velocity_metric"], field.attrs["metric_source"]) == ("ground", "assumed")
        assert field.attrs["time_rule"] == "undated"
        assert np.isnan(field["vx"].values[0, 0]).tolist() == [True, False, True, False]
        assert field["vy"].values[0, 0, 1] == 5
        assert field["count"].values[0, 0].tolist() == [0, 6, 0, 6]
        for name, value in {"vx_sigma": 2, "vy_sigma": 3, "vx_spread": 5, "vy_spread": 6}.items():
            assert int((field[name].values == value).sum()) == 10
        assert read_velocity(antarctica(), metric="map").attrs["metric_source"] == "user"

    def test_a_year_from_july_to_june(self, antarctica):
        field = read_velocity(
            antarctica("Antarctica_ice_velocity_2016_2017_1km_v01.nc", without=["CNT", "ERRX", "STDX"])
        )
        assert field["time_bnds"].values.astype("M8[D]").astype(str).tolist() == [["2016-07-01", "2017-07-01"]]
        assert set(field.data_vars) == {"vx", "vy", "vy_sigma", "vy_spread"}

    def test_a_window_is_that_of_the_whole(self, antarctica):
        path = antarctica()
        window = read_velocity(path, bounds=(-2_799_600, 2_799_000, -2_798_000, 2_799_600))
        xr.testing.assert_identical(window, read_velocity(path).isel(x=slice(1, 4), y=slice(1, 3)))

    def test_refused(self, antarctica):
        with pytest.raises(WrongProductError, match="lacks 'x'"):
            read_velocity(antarctica(without=["x"]))
        with pytest.raises(WrongProductError, match="lacks 'VY'"):
            read_velocity(antarctica(without=["VY"]), product="MEaSUREs-Antarctica")
        with pytest.raises(InputError, match="states no CRS"):
            read_velocity(antarctica(mapping={}))
        with pytest.raises(FieldError, match="knots"):
            read_velocity(antarctica(units="knots"))


def _same_place(field):
    """Return whether the field's CRS and EPSG:3031 put a place at the same metres."""
    crs = pyproj.CRS(field.attrs["crs"])
    places = np.array([-100.0, 30.0]), np.array([-75.0, -82.0])
    found = [pyproj.Transformer.from_crs(4326, other, always_xy=True).transform(*places) for other in (crs, 3031)]
    return np.allclose(found[0], found[1], atol=1e-6)
