"""What holds whatever carries a parcel: units, the other way up, displacements and their inverse, fill."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import xarray as xr

from altiflow.fusion.colocate import sample_velocity
from altiflow.fusion.trajectories import advect_points, steps
from altiflow.readers.velocity import read_velocity
from altiflow.units import convert_factor

AXIS = np.arange(-1e6, 1.01e6, 62.5e3)
RADIUS, SPEED = 5e5, 0.1
DAY = 86400.0


def days(count, length=1):
    starts = np.datetime64("2020-01-01") + length * np.arange(count) * np.timedelta64(1, "D")
    return np.stack([starts, starts + np.timedelta64(length, "D")], axis=-1).astype("datetime64[ns]")


def points_at(x, y, time="2020-01-01", crs="EPSG:6931"):
    times = np.broadcast_to(np.asarray(time, "M8[us]"), np.shape(x))
    return gpd.GeoDataFrame({"time": times}, geometry=gpd.points_from_xy(x, y), crs=crs)


def places(moved):
    return moved[["x_adv", "y_adv"]].to_numpy()


def turning(make_field, length=1, count=30):
    """Return a gyre of 10 cm/s at 500 km as displacements: a rotation less the identity."""
    x, y = np.meshgrid(AXIS, AXIS)
    angle = SPEED / RADIUS * length * DAY
    move = np.cos(angle) * x - np.sin(angle) * y - x, np.sin(angle) * x + np.cos(angle) * y - y
    return make_field(*(part / 1e3 for part in move), x=AXIS, y=AXIS, crs="EPSG:6931", units="km",
                      velocity_kind="displacement", bounds=days(count, length))  # fmt: skip


def test_one_motion_in_any_unit_is_one_displacement(make_field):
    """cm/s, m/d, km over 48 hours, m/yr of 365.25 and of 365 days."""
    table = points_at([0.0, 2e5], [1e5, -3e5], "2020-01-03")
    found = []
    for units, year in (("cm s-1", None), ("m d-1", None), ("m yr-1", 365.25), ("m yr-1", 365.0)):
        factor = convert_factor("km d-1", units, target_year_days=year or 365.25)
        field = make_field(8 * factor, -3 * factor, x=AXIS, y=AXIS, crs="EPSG:6931", units=units, year_days=year,
                           bounds=days(10, 2))  # fmt: skip
        found.append(places(advect_points(table, field, "2020-01-09")))
    moved = make_field(16.0, -6.0, x=AXIS, y=AXIS, crs="EPSG:6931", units="km", velocity_kind="displacement",
                       bounds=days(10, 2))  # fmt: skip
    found.append(places(advect_points(table, moved, "2020-01-09")))
    for other in found:
        assert other == pytest.approx(np.array([[48e3, 1e5 - 18e3], [2e5 + 48e3, -3e5 - 18e3]]), abs=1e-6)


def test_a_year_of_365_days_read_as_one_of_365_and_a_quarter_is_off_by_their_ratio(make_field):
    table = points_at([0.0], [0.0])
    ways = []
    for year in (365.0, 365.25):
        field = make_field(
            1000.0, 0.0, x=AXIS, y=AXIS, crs="EPSG:6931", units="m yr-1", year_days=year, bounds=days(60)
        )
        ways.append(advect_points(table, field, "2020-02-20")["x_adv"].item())
    assert ways[0] / ways[1] == pytest.approx(365.25 / 365, rel=1e-12)


def test_flipping_an_axis_changes_no_bit(make_field):
    random = np.random.default_rng(0)
    shape = (10, AXIS.size, AXIS.size)
    field = make_field(*random.normal(0, 9, (2, *shape)), x=AXIS, y=AXIS, crs="EPSG:6931", units="km d-1",
                       bounds=days(10))  # fmt: skip
    table = points_at(*random.uniform(-7e5, 7e5, (2, 2500)))
    one, two = (advect_points(table, each, "2020-01-09") for each in (field, field.isel(y=slice(None, None, -1))))
    assert np.array_equal(places(one), places(two))


def test_displacements_compose_to_the_orbit_and_the_way_back_is_their_inverse(make_field):
    field = turning(make_field)
    angle = SPEED / RADIUS * 15 * DAY
    there = advect_points(points_at([RADIUS], [0.0]), field, "2020-01-16")
    assert places(there)[0] == pytest.approx([RADIUS * np.cos(angle), RADIUS * np.sin(angle)], abs=1e-6)
    back = advect_points(points_at(*places(there).T, "2020-01-16"), field, "2020-01-01")
    assert places(back)[0] == pytest.approx([RADIUS, 0.0], abs=0.01)
    assert there["path_m"].item() == pytest.approx(back["path_m"].item(), rel=1e-6)


def test_the_inverse_of_a_displacement_is_found_in_three_rounds_and_is_not_its_negative(make_field, monkeypatch):
    """X - D(X) would be 149 m off after each day."""
    field, angle = turning(make_field), SPEED / RADIUS * DAY
    end = points_at([RADIUS * np.cos(angle)], [RADIUS * np.sin(angle)], "2020-01-02")
    x, y = RADIUS * np.cos(angle), RADIUS * np.sin(angle)
    naive = x - (np.cos(angle) * x - np.sin(angle) * y - x), y - (np.sin(angle) * x + np.cos(angle) * y - y)
    assert np.hypot(naive[0] - RADIUS, naive[1]) == pytest.approx(149.3, abs=0.2)
    monkeypatch.setattr(steps, "_CONTRACTIONS", 3)
    monkeypatch.setattr(steps, "_CLOSE", 10.0)
    back = places(advect_points(end, field, "2020-01-01"))[0]
    assert np.hypot(back[0] - RADIUS, back[1]) < 1.0


def weekly_file(folder, stamps, u, *, fill=-9999.0, dtype="f4"):
    """Return a file in the layout of NSIDC-0116 in which u and v are `u` (time, y, x) [cm/s]."""
    axis = (np.arange(40) - 19.5) * 25_067.525
    speed = {"units": "cm / s", "grid_mapping": "crs", "_FillValue": np.dtype(dtype).type(fill)}
    layer = ("time", "y", "x")
    noons = (np.array(stamps, "M8[D]") - np.datetime64("1970-01-01")).astype(float) + 0.5
    file = xr.Dataset(
        {
            "crs": ((), np.int32(0), {"srid": "urn:ogc:def:crs:EPSG::3408"}),
            "u": (layer, u.astype(dtype), speed),
            "v": (layer, u.astype(dtype), speed),
            "time": ("time", noons, {"units": "days since 1970-01-01", "calendar": "julian"}),
            "x": ("x", axis),
            "y": ("y", axis),
        }
    )
    year = stamps[0][:4]
    path = folder / f"icemotion_weekly_nh_25km_{year}0101_{year}1231_v4.1.nc"
    file.to_netcdf(path, engine="h5netcdf")
    return path


def test_a_way_over_the_end_of_a_file_and_of_a_year_is_one_way(tmp_path):
    """10 cm/s in the last weeks of one file, 20 in the first of the next, from middle to middle; forward, back."""
    old = weekly_file(tmp_path, ["2019-12-17", "2019-12-24"], np.full((2, 40, 40), 10.0))
    new = weekly_file(tmp_path, ["2020-01-01", "2020-01-08"], np.full((2, 40, 40), 20.0))
    field = read_velocity([new, old])
    knots = np.array(["2019-12-20T12", "2019-12-27T12", "2020-01-04T12", "2020-01-12"], "M8[s]").astype(float)
    start, end = np.datetime64("2019-12-22T05", "s").astype(float), np.datetime64("2020-01-09T07", "s").astype(float)
    moments = np.linspace(start, end, 100_001)
    way = np.trapezoid(np.interp(moments, knots, [0.1, 0.1, 0.2, 0.2]), moments)
    there = advect_points(points_at([0.0], [1e4], "2019-12-22T05", crs="EPSG:3408"), field, "2020-01-09T07")
    assert places(there)[0] == pytest.approx([way, 1e4 + way], abs=0.01)
    back = advect_points(points_at(*places(there).T, "2020-01-09T07", crs="EPSG:3408"), field, "2019-12-22T05")
    assert places(back)[0] == pytest.approx([0.0, 1e4], abs=1e-3)


FILLS = (-9999.0, -32767.0, -1e10, 3.4028235e38)


@pytest.mark.parametrize(("fill", "dtype"), [*((fill, "f4") for fill in FILLS), (-9999.0, "i2"), (-32767.0, "i2")])
def test_fill_of_a_file_never_becomes_a_velocity(tmp_path, fill, dtype):
    """A block of fill in a file of weekly motion, stated as its fill; parcels all round it."""
    u = np.full((2, 40, 40), 7.0)
    u[:, 18:22, 18:22] = fill
    path = weekly_file(tmp_path, ["2020-01-01", "2020-01-08"], u, fill=fill, dtype=dtype)
    field = read_velocity(path)
    x, y = np.random.default_rng(0).uniform(-2e5, 2e5, (2, 500))
    table = points_at(x, y, "2020-01-03", crs="EPSG:3408")
    sampled = sample_velocity(table, field, time_method="linear", max_gap_m=3e4)
    assert set(np.unique(sampled["vx"].dropna().round(4))) == {7.0}
    assert {"sampled", "nearest_valid", "no_valid_cell"} == set(sampled["v_status"])
    moved = advect_points(table, field, "2020-01-13")
    assert {"arrived", "left_field", "no_velocity"} == set(moved["status"])
    age = moved["age_days"].to_numpy()
    assert places(moved) == pytest.approx(np.stack([x, y], axis=-1) + 0.07 * DAY * age[:, None], abs=1e-3)
