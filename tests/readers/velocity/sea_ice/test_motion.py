"""Sea-ice motion: the right days, the right sphere, no fill."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from altiflow.errors import (
    EmptyDataError,
    FieldError,
    InputError,
    MissingDataError,
    UnsupportedFormatError,
    WrongProductError,
)
from altiflow.readers.velocity import read_velocity

YEAR = "motion/icemotion_weekly_nh_25km_20180101_20181231_v4.1.nc"
WEEKS = ["2018-01-01", "2018-01-08", "2018-01-15"]
DAYS = ["2018-01-01", "2018-01-02", "2018-01-03"]


@pytest.fixture(scope="module")
def field(data):
    return read_velocity(data(YEAR))


class TestRealYear:
    def test_every_week_begins_with_the_day_of_its_stamp(self, field):
        bounds = field["time_bnds"].values
        assert dict(field.sizes) == {"time": 52, "y": 361, "x": 361, "nv": 2}
        assert bounds[0].astype("datetime64[D]").astype(str).tolist() == ["2018-01-01", "2018-01-08"]
        assert (bounds[1:, 0] == bounds[:-1, 1]).all()
        assert field["time"].values[0] == np.datetime64("2018-01-04T12", "ns")

    def test_values_frame_and_statements(self, field):
        for name in ("vx", "vy"):
            assert int(np.isfinite(field[name]).sum()) == 646_365
            assert float(np.abs(field[name]).max()) < 40
        assert int((field["count"] > 0).sum()) == 646_365
        assert int(field["count"].min()) == 0
        assert field["y"].values[0] == pytest.approx(-4_512_154.5)
        assert field["y"].values[-1] == pytest.approx(4_512_154.5)
        assert field.attrs["crs"] == "EPSG:3408"
        assert field.attrs["units"] == "cm s-1"
        assert (field.attrs["velocity_metric"], field.attrs["metric_source"]) == ("map", "assumed")

    def test_a_period_reads_the_weeks_it_touches(self, data):
        field = read_velocity(data(YEAR), period=("2018-02-01", "2018-03-05"))
        starts = field["time_bnds"].values[:, 0].astype("datetime64[D]").astype(str).tolist()
        assert starts == ["2018-01-29", "2018-02-05", "2018-02-12", "2018-02-19", "2018-02-26"]


def test_quick_look_stamps_at_midnight_are_the_same_weeks(motion):
    noon, midnight = (motion(f"{hour}.nc", WEEKS, hour=hour) for hour in (12, 0))
    assert (read_velocity(noon)["time_bnds"].values == read_velocity(midnight)["time_bnds"].values).all()


class TestQuickLook:
    """Files of NSIDC-0748: the layout of the final ones, stamps at midnight, a year that is not over yet."""

    WEEKLY = "icemotion_weekly_nh_25km_20190101_20190506_ql.nc"
    DAILY = "icemotion_daily_sh_25km_20190101_20190506_ql.nc"

    def test_weeks_begin_with_the_day_of_their_stamp(self, motion):
        stamps = np.arange("2019-01-01", "2019-05-07", 7, dtype="M8[D]")
        field = read_velocity(motion(self.WEEKLY, stamps, hour=0))
        bounds = field["time_bnds"].values.astype("M8[D]")
        assert field.sizes["time"] == 18
        assert bounds[0].astype(str).tolist() == ["2019-01-01", "2019-01-08"]
        assert bounds[-1].astype(str).tolist() == ["2019-04-30", "2019-05-07"]
        assert (field["time"].values - field["time_bnds"].values[:, 0] == np.timedelta64(84, "h")).all()
        assert field.attrs["source"].endswith("_ql.nc")

    def test_days_are_whole_days(self, motion):
        path = motion(self.DAILY, DAYS, hour=0, companion="icemotion_error_estimate", srid=3409)
        field = read_velocity(path)
        assert field["time_bnds"].values[1].astype("M8[h]").astype(str).tolist() == ["2018-01-02T00", "2018-01-03T00"]
        assert (field.attrs["crs"], field.attrs["metric_source"]) == ("EPSG:3409", "assumed")

    def test_one_week_so_far_is_told_by_the_name(self, motion):
        path = motion("icemotion_weekly_nh_25km_20190101_20190107_ql.nc", ["2019-01-01"], hour=0, companion=None)
        assert np.diff(read_velocity(path)["time_bnds"].values) == np.timedelta64(7, "D")

    def test_it_goes_on_where_the_final_year_ends(self, motion):
        final = motion("icemotion_weekly_nh_25km_20180101_20181231_v4.1.nc", ["2018-12-17", "2018-12-24"])
        field = read_velocity([final, motion(self.WEEKLY, ["2019-01-01", "2019-01-08"], hour=0)])
        starts = field["time_bnds"].values[:, 0].astype("M8[D]").astype(str).tolist()
        assert starts == ["2018-12-17", "2018-12-24", "2019-01-01", "2019-01-08"]


def test_a_file_of_fill_is_a_field_without_a_value(motion):
    path = motion("a.nc", WEEKS)
    with xr.open_dataset(path, engine="h5netcdf", decode_cf=False) as raw:
        raw["u"][:] = -9999
        raw.to_netcdf(path.with_name("empty.nc"), engine="h5netcdf")
    field = read_velocity(path.with_name("empty.nc"))
    assert np.isnan(field["vx"].values).all()
    assert np.isnan(field["vy"].values).all()


def test_daily_layers_last_a_day_and_keep_the_error_estimate(motion):
    path = motion("icemotion_daily_nh_25km_a.nc", DAYS, companion="icemotion_error_estimate")
    field = read_velocity(path)
    assert (np.diff(field["time_bnds"].values, axis=1) == np.timedelta64(1, "D")).all()
    assert field["time"].values[0] == np.datetime64("2018-01-01T12", "ns")
    assert np.isnan(field["error_estimate"].values[:, 0, 0]).all()
    assert (field["error_estimate"].values[:, 1:] == 7).all()
    assert "vx_sigma" not in field


@pytest.mark.parametrize(
    ("name", "companion", "days"),
    [
        ("one.nc", "icemotion_error_estimate", 1),
        ("one.nc", "number_of_observations", 7),
        ("icemotion_daily_nh_25km_x.nc", None, 1),
        ("icemotion_weekly_nh_25km_x.nc", None, 7),
    ],
)
def test_a_single_layer_is_told_by_companion_then_name(motion, name, companion, days):
    field = read_velocity(motion(name, DAYS[:1], companion=companion))
    assert np.diff(field["time_bnds"].values) == np.timedelta64(days, "D")


def test_a_single_layer_that_cannot_be_told_is_refused(motion):
    with pytest.raises(InputError, match="a day or a week"):
        read_velocity(motion("one.nc", DAYS[:1], companion=None))


def test_daily_layers_with_gaps_of_weeks_stay_daily(motion):
    field = read_velocity(motion("a.nc", ["2018-01-01", "2018-01-11"], companion="icemotion_error_estimate"))
    assert (np.diff(field["time_bnds"].values, axis=1) == np.timedelta64(1, "D")).all()


def test_dates_are_the_labels_of_the_files_calendar(motion):
    field = read_velocity(motion("leap.nc", ["2020-02-28", "2020-02-29", "2020-03-01"], companion=None))
    assert field["time_bnds"].values[1, 0] == np.datetime64("2020-02-29", "ns")


def test_fill_and_impossible_values_are_nan_in_both_components(motion):
    field = read_velocity(motion("a.nc", WEEKS))
    assert np.isnan(field["vx"].values[:, 0, 0]).all()
    assert np.isnan(field["vy"].values[:, 0, 0]).all()
    assert int(np.isfinite(field["vx"]).sum()) == 33
    assert (field["count"].values[:, 0, 0] == 0).all()


def test_the_south_is_on_its_own_sphere(motion):
    assert read_velocity(motion("s.nc", WEEKS, srid=3409)).attrs["crs"] == "EPSG:3409"


class TestSeveralFiles:
    def test_they_are_joined_in_time_order(self, motion):
        late, early = motion("a.nc", ["2019-01-01", "2019-01-08"]), motion("b.nc", WEEKS)
        field = read_velocity([late, early])
        assert (np.diff(field["time"].values) > np.timedelta64(0, "ns")).all()
        assert field["vx"].values[:, 1, 1].tolist() == [0, 1, 2, 0, 1]
        assert "a.nc" in field.attrs["source"]
        assert "b.nc" in field.attrs["source"]

    def test_the_last_week_may_reach_into_the_next_file(self, motion):
        field = read_velocity([motion("a.nc", ["2018-12-24", "2018-12-31"]), motion("b.nc", ["2019-01-01"])])
        assert field.sizes["time"] == 3

    def test_a_layer_that_is_there_twice_is_refused(self, motion):
        with pytest.raises(FieldError, match="cover the same time, first the layer of 2018-01-08"):
            read_velocity([motion("a.nc", WEEKS[:2]), motion("b.nc", WEEKS[1:])])

    def test_files_that_interleave_are_refused(self, motion):
        shifted = ["2018-01-03", "2018-01-10", "2018-01-17"]
        with pytest.raises(FieldError, match="cover the same time"):
            read_velocity([motion("a.nc", WEEKS), motion("b.nc", shifted)])

    def test_days_and_weeks_are_not_mixed(self, motion):
        daily = motion("d.nc", DAYS, companion="icemotion_error_estimate")
        with pytest.raises(FieldError, match="same variables"):
            read_velocity([daily, motion("w.nc", ["2018-02-01", "2018-02-08"])])

    def test_hemispheres_are_not_mixed(self, motion):
        with pytest.raises(FieldError, match="differ in crs"):
            read_velocity([motion("n.nc", WEEKS), motion("s.nc", ["2019-01-01"], srid=3409)])

    def test_files_outside_the_period_are_left_out(self, motion):
        files = [motion("a.nc", WEEKS), motion("b.nc", ["2019-01-01", "2019-01-08"])]
        field = read_velocity(files, period=("2019-01-02", "2019-01-03"))
        assert field["time_bnds"].values[0, 0] == np.datetime64("2019-01-01", "ns")
        assert field.sizes["time"] == 1
        with pytest.raises(EmptyDataError, match="covers 2018-01-01 to 2018-01-22"):
            read_velocity(files, period=("2020-01-01", "2020-02-01"))


def test_ice_motion_is_told_from_wind(motion):
    ice = {"u": "sea_ice_x_velocity", "v": "sea_ice_y_velocity"}
    assert read_velocity(motion("ice.nc", WEEKS, standard_names=ice)).sizes["time"] == 3
    wind = motion("wind.nc", WEEKS, standard_names={"u": "eastward_wind", "v": "northward_wind"})
    with pytest.raises(UnsupportedFormatError, match=r"wind\.nc is of no velocity product"):
        read_velocity(wind)
    with pytest.raises(WrongProductError, match="holds eastward_wind, northward_wind"):
        read_velocity(wind, product="NSIDC-0116")


def test_layers_out_of_order_are_refused(motion):
    with pytest.raises(FieldError, match="follow each other"):
        read_velocity(motion("a.nc", WEEKS[::-1]))


def test_a_missing_axis_is_named(motion):
    with pytest.raises(WrongProductError, match="lacks 'time'"):
        read_velocity(motion("a.nc", WEEKS, without="time"))


def test_a_file_without_layers_is_refused(motion):
    with pytest.raises(MissingDataError, match="0 layers"):
        read_velocity(motion("a.nc", []))


def test_a_crs_that_contradicts_the_file_is_refused(motion):
    with pytest.raises(InputError, match="states 'NSIDC EASE-Grid North'"):
        read_velocity(motion("a.nc", WEEKS), crs="EPSG:6931")
