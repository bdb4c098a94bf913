"""Tables carried with the ice."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import xarray as xr

from altiflow.errors import EmptyDataError, FieldError, InputError, NoOverlapError
from altiflow.fusion.trajectories import advect_points, path_lines
from altiflow.fusion.trajectories.steps import STATUS_WORDS

AXIS = np.arange(-1e6, 1.01e6, 25e3)
DAY = np.timedelta64(86_400, "s")


def days(count, first="2020-01-01", length=1):
    starts = np.datetime64(first) + np.arange(count) * np.timedelta64(length, "D")
    return np.stack([starts, starts + np.timedelta64(length, "D")], axis=-1).astype("datetime64[ns]")


@pytest.fixture
def make_drift(make_field):
    """Return a maker of drift on EASE-Grid 2.0 North, 60 days from 1 December 2019."""

    def make(vx=8.0, vy=3.0, **options):
        stated = {"x": AXIS, "y": AXIS, "units": "km d-1", "crs": "EPSG:6931", "bounds": days(60, "2019-12-01")}
        return make_field(vx, vy, **{**stated, **options})

    return make


def points_at(x, y, time, crs="EPSG:6931"):
    times = np.broadcast_to(np.asarray(time, "M8[us]"), np.shape(x))
    return gpd.GeoDataFrame({"time": times, "freeboard": np.arange(len(x))}, geometry=gpd.points_from_xy(x, y), crs=crs)


def test_uniform_drift_moves_every_row_from_its_own_time(make_drift):
    """Forward, back, from the middle of a step and over the end of a year; the table is in degrees."""
    times = np.array(["2019-12-20T07:13:11", "2020-01-03T12:00:00", "2020-01-20T23:59:59"], "M8[us]")
    x, y = np.array([0.0, 1e4, -2e5]), np.array([1e3, -5e4, 3e5])
    table = points_at(x, y, times).to_crs("EPSG:4326")
    moved = advect_points(table, make_drift(), "2020-01-14T03:04:05")
    age = (np.datetime64("2020-01-14T03:04:05") - times) / DAY
    assert moved["x_adv"].to_numpy() == pytest.approx(x + 8e3 * age, abs=1e-3)
    assert moved["y_adv"].to_numpy() == pytest.approx(y + 3e3 * age, abs=1e-3)
    assert moved["age_days"].to_numpy() == pytest.approx(age, abs=1e-9)
    assert moved.crs == table.crs
    place = moved.to_crs("EPSG:6931").geometry
    assert place.x.to_numpy() == pytest.approx(moved["x_adv"].to_numpy(), abs=1e-3)
    assert moved["longitude"].to_numpy() == pytest.approx(table.geometry.x.to_numpy())
    assert moved["latitude"].to_numpy() == pytest.approx(table.geometry.y.to_numpy())
    assert moved["freeboard"].tolist() == [0, 1, 2]
    assert (moved["time"].to_numpy() == times).all()
    assert (moved["status"] == "arrived").all()
    told = moved.attrs["altiflow"]["advection"]
    assert (told["crs"], told["scheme"], told["counts"]["arrived"]) == ("EPSG:6931", "rk4", 3)


def test_length_of_the_way_is_that_on_the_ground(make_drift):
    """Against the geodesic, at the pole and far from it; the way round a circle is longer than its chord."""
    x, y = np.array([0.0, 6e5]), np.array([-9e5, 5e5])
    moved = advect_points(points_at(x, y, "2020-01-01"), make_drift(), "2020-01-16")
    there = pyproj.Transformer.from_crs("EPSG:6931", "EPSG:4326", always_xy=True)
    start, end = there.transform(x, y), there.transform(moved["x_adv"], moved["y_adv"])
    way = pyproj.Geod(ellps="WGS84").inv(*start, *end)[2]
    assert moved["distance_m"].to_numpy() == pytest.approx(way, rel=1e-9)
    assert moved["path_m"].to_numpy() == pytest.approx(way, rel=1e-4)
    grid_x, grid_y = np.meshgrid(AXIS, AXIS)
    gyre = make_drift(-2e-6 * grid_y * 86.4, 2e-6 * grid_x * 86.4)
    turned = advect_points(points_at([5e5], [0.0], "2019-12-02"), gyre, "2020-01-29")
    angle = 2e-6 * 58 * 86400
    assert turned["distance_m"].item() == pytest.approx(2 * 5e5 * abs(np.sin(angle / 2)), rel=3e-3)
    assert turned["path_m"].item() == pytest.approx(5e5 * angle, rel=3e-3)


def test_lost_parcels_keep_their_last_place_and_reason_and_are_counted(make_drift):
    field = make_drift(10.0, 0.0)
    field["vx"][:, :, 48:] = np.nan
    last = field["x"].values[47]
    x = np.array([last - 2.5e4, 9e5, 0.0, -3e5, 8e6])
    times = ["2020-01-01", "2020-01-01", "2020-01-28", "2020-01-09", "2020-01-01"]
    moved = advect_points(points_at(x, np.zeros(5), times), field, "2020-02-10", sigma="2 km d-1")
    assert moved["status"].tolist() == ["left_field", "no_velocity", "left_period", "left_period", "no_velocity"]
    assert moved["x_adv"].tolist()[:2] == [pytest.approx(last - 5e3, abs=5.1e3), 9e5]
    assert moved["x_adv"].iloc[3] == pytest.approx(-3e5 + 21e4, abs=1e-6)
    assert moved["age_days"].tolist()[1:] == pytest.approx([0, 2, 21, 0])
    assert moved["time_adv"].iloc[2] == pd.Timestamp("2020-01-30")
    assert moved["sigma_position"].tolist()[1:] == pytest.approx([0, 2e3 * 2**0.5, 2e3 * 21**0.5, 0])
    assert moved.attrs["altiflow"]["advection"]["counts"] == {
        "arrived": 0, "left_field": 1, "left_period": 2, "no_velocity": 2, "ice_edge": 0,
    }  # fmt: skip
    assert np.isfinite(moved[["x_adv", "y_adv", "age_days", "path_m"]].to_numpy()).all()
    assert moved.geometry.iloc[1] == points_at(x, np.zeros(5), times).geometry.iloc[1]
    assert moved["status"].cat.categories.tolist() == list(STATUS_WORDS)


def test_rows_at_the_date_itself_stay_to_the_bit(make_drift, make_table):
    table = make_table([1.0, 2e5], [3e5, 4.0], ["2020-01-05T06", "2020-01-05T06"])
    moved = advect_points(table, make_drift(), "2020-01-05T06")
    assert moved.geometry.geom_equals_exact(table.geometry, 0.0).all()
    assert moved["path_m"].tolist() == moved["age_days"].tolist() == moved["sigma_position"].tolist() == [0, 0]


def test_rows_go_where_path_lines_goes_alone_or_together(make_drift):
    random = np.random.default_rng(3)
    shape = (60, AXIS.size, AXIS.size)
    field = make_drift(random.normal(0, 8, shape), random.normal(0, 8, shape))
    x, y = random.uniform(-7e5, 7e5, (2, 60))
    times = np.datetime64("2019-12-05", "us") + random.integers(0, 50 * 86400, 60).astype("m8[s]")
    table = points_at(x, y, times)
    moved = advect_points(table, field, "2020-01-01T09")
    paths = path_lines(field, np.stack([x, y], axis=-1), start=times, end="2020-01-01T09", every="100D")
    known = np.isfinite(paths["x"].values).sum(axis=1) - 1
    assert (moved["x_adv"].to_numpy() == paths["x"].values[np.arange(60), known]).all()
    assert (moved["age_days"].to_numpy() == paths["age_days"].values).all()
    some = table.iloc[[41, 7, 8]]
    alone = advect_points(some, field, "2020-01-01T09")
    assert alone["y_adv"].tolist() == moved["y_adv"].iloc[[41, 7, 8]].tolist()
    each = advect_points(table, field, np.full(60, np.datetime64("2020-01-01T09")))
    pd.testing.assert_frame_equal(pd.DataFrame(each), pd.DataFrame(moved))


def test_a_year_of_weeks_that_lacks_its_last_day_is_bridged(make_drift):
    """Weeks of two years: 31 December is in none of them; three days are a gap."""
    weeks = np.concatenate([days(2, "2019-12-17", 7), days(2, "2020-01-01", 7)])
    field = make_drift(10.0, 0.0, bounds=weeks)
    moved = advect_points(points_at([0.0], [0.0], "2019-12-20"), field, "2020-01-10")
    assert moved["x_adv"].item() == pytest.approx(210e3, abs=1e-6)
    late = make_drift(10.0, 0.0, bounds=weeks + np.array([[0], [0], [2], [2]]) * np.timedelta64(1, "D"))
    assert advect_points(points_at([0.0], [0.0], "2019-12-20"), late, "2020-01-10")["status"].item() == "left_period"


def test_over_the_pole_and_the_antimeridian_the_way_is_one(make_drift):
    table = gpd.GeoDataFrame(
        {"time": pd.to_datetime(["2020-01-01"] * 2)}, geometry=gpd.points_from_xy([-90, 180], [88, 87]), crs="EPSG:4326"
    )
    moved = advect_points(table, make_drift(20.0, 0.0), "2020-01-25")
    assert (moved["status"] == "arrived").all()
    assert moved["distance_m"].to_numpy() == pytest.approx([480e3] * 2, rel=2e-3)
    assert moved["path_m"].to_numpy() == pytest.approx(moved["distance_m"].to_numpy(), rel=1e-4)
    assert moved.geometry.x.iloc[0] == pytest.approx(90, abs=1e-6)
    assert moved["longitude"].tolist() == [-90, 180]


def concentration(share, *, units="1", time="2020-01-14", crs="EPSG:6931"):
    values = np.broadcast_to(np.asarray(share, float), (30, AXIS.size, AXIS.size))
    coords = {"time": np.datetime64(time, "ns") + np.arange(30) * DAY, "y": AXIS, "x": AXIS}
    return xr.DataArray(values.copy(), dims=("time", "y", "x"), coords=coords, attrs={"units": units, "crs": crs})


def test_parcels_stop_at_the_edge_of_the_ice(make_drift):
    """The ice ends between 5e5 and 5.25e5 m; nothing is known beyond -5e5 m, and there nothing stops."""
    share = np.where(AXIS > 5e5, 0.0, 1.0)[None, :] * np.ones((AXIS.size, 1))
    share[:, AXIS < -5e5] = np.nan
    points = points_at([4e5, 6e5, -9e5, 0.0], np.zeros(4), "2020-01-14")
    edge = 5e5 + 25e3 * 0.85
    for ice in (concentration(share), concentration(100 * share, units="%"), concentration(share).isel(time=0)):
        moved = advect_points(points, make_drift(10.0, 0.0), "2020-01-30", dt="6h", ice=ice)
        assert moved["status"].tolist() == ["ice_edge", "ice_edge", "arrived", "arrived"]
        assert edge - 2.5e3 < moved["x_adv"].iloc[0] <= edge
        assert moved["age_days"].iloc[1] == 0
    told = moved.attrs["altiflow"]["advection"]
    assert (told["counts"]["ice_edge"], told["ice_unknown"]) == (2, 1)


def test_a_concentration_of_other_days_or_places_is_refused(make_drift):
    points = points_at([0.0], [0.0], "2020-01-14")
    with pytest.raises(NoOverlapError, match="concentration"):
        advect_points(points, make_drift(), "2020-01-16", ice=concentration(1.0, time="2019-06-01"))


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"units": None}, "has units"),
        ({"crs": None}, "no CRS"),
        ({"crs": "EPSG:99"}, "pyproj does not know"),
    ],
)
def test_a_concentration_that_does_not_say_what_it_is_is_refused(make_drift, changed, match):
    ice = concentration(1.0)
    ice.attrs = {name: text for name, text in {**ice.attrs, **changed}.items() if text is not None}
    with pytest.raises(InputError, match=match):
        advect_points(points_at([0.0], [0.0], "2020-01-14"), make_drift(), "2020-01-16", ice=ice)


def test_a_dataset_with_one_concentration_is_taken(make_drift):
    mapping = xr.DataArray(0, attrs=pyproj.CRS("EPSG:6931").to_cf())
    plain = concentration(1.0).drop_attrs().assign_attrs(units="1", grid_mapping="polar")
    points = points_at([0.0], [0.0], "2020-01-14")
    held = xr.Dataset({"ice_conc": plain, "polar": mapping})
    assert advect_points(points, make_drift(), "2020-01-16", ice=held)["status"].item() == "arrived"
    named = xr.Dataset({"a": plain.assign_attrs(standard_name="sea_ice_area_fraction"), "ice_conc": plain})
    assert advect_points(points, make_drift(), "2020-01-16", ice=named.assign(polar=mapping)).shape[0] == 1
    with pytest.raises(InputError, match="0 variables"):
        advect_points(points, make_drift(), "2020-01-16", ice=xr.Dataset({"height": plain}))
    with pytest.raises(InputError, match="not int"):
        advect_points(points, make_drift(), "2020-01-16", ice=3)
    with pytest.raises(InputError, match="dimensions"):
        advect_points(points, make_drift(), "2020-01-16", ice=concentration(1.0).rename(x="lon"))


def test_days_and_places_without_motion_are_refused_with_both_sides(make_drift):
    with pytest.raises(NoOverlapError, match=r"2022-01-03T00:00 to 2022-01-03T00:00\n.*2019-12-01T00:00 to 2020-01-30"):
        advect_points(points_at([0.0], [0.0], "2022-01-03"), make_drift(), "2022-01-14")
    with pytest.raises(NoOverlapError, match="0 have times outside"):
        advect_points(points_at([5e6], [0.0], "2020-01-03"), make_drift(), "2020-01-14")
    with pytest.raises(EmptyDataError, match="no rows"):
        advect_points(points_at([], [], "2020-01-03"), make_drift(), "2020-01-14")


def test_an_undated_mosaic_has_to_be_called_steady(make_drift):
    mosaic = make_drift(0.1, 0.0, bounds=[["NaT", "NaT"]], time_rule="undated")
    with pytest.raises(FieldError, match="steady=True"):
        advect_points(points_at([0.0], [0.0], "2020-01-14"), mosaic, "2022-01-14")
    moved = advect_points(points_at([0.0], [0.0], "2020-01-14"), mosaic, "2022-01-14", steady=True, dt="30D")
    assert moved["x_adv"].item() == pytest.approx(731 * 100, abs=1e-6)
    assert moved["path_m"].item() == pytest.approx(73.1e3, rel=1e-2)


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"dt": 1}, "with its unit"),
        ({"scheme": "rk5"}, "scheme must be"),
        ({"time_rule": "cubic"}, "time_rule must be"),
        ({"sigma": 2.1}, "error with its unit"),
        ({"sigma": "2.1 km"}, "error with its unit"),
        ({"sigma": "-2.1 km/d"}, "zero or more"),
        ({"rho": 1.1}, "from 0 to 1"),
        ({"min_ice": 15, "ice": concentration(1.0)}, "as a share"),
        ({"to": "soon"}, "must hold dates"),
        ({"to": ["2020-01-02"] * 3}, "one for each of 1"),
    ],
)
def test_what_is_refused(make_drift, changed, match):
    options = {"to": "2020-01-16", **changed}
    with pytest.raises(InputError, match=match):
        advect_points(points_at([0.0], [0.0], "2020-01-14"), make_drift(), **options)


def test_rows_without_a_time_are_refused(make_drift):
    with pytest.raises(InputError, match="1 rows of the table have no time"):
        advect_points(points_at([0.0, 1.0], [0.0, 1.0], ["2020-01-14", "NaT"]), make_drift(), "2020-01-16")
