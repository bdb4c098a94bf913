"""Paths of parcels against orbits that are known."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import pytest

from altiflow.errors import FieldError, InputError
from altiflow.fusion.trajectories import path_lines, path_table
from altiflow.gridding.vectors import convert_metric

RADIUS, SPEED = 5e5, 0.1
PERIOD = 2 * np.pi * RADIUS / SPEED
START = np.datetime64("2020-01-01", "ns")
DAY = np.timedelta64(86_400, "s")


def later(seconds):
    return START + np.round(np.asarray(seconds) * 1e9).astype("m8[ns]")


def ends_of(paths):
    """Return the last known (x, y) of every path."""
    known = np.isfinite(paths["x"].values)
    last = known.shape[1] - 1 - np.argmax(known[:, ::-1], axis=1)
    rows = np.arange(len(last))
    return paths["x"].values[rows, last], paths["y"].values[rows, last]


def days(count, first="2020-01-01", length=1):
    starts = np.datetime64(first) + np.arange(count) * np.timedelta64(length, "D")
    return np.stack([starts, starts + np.timedelta64(length, "D")], axis=-1).astype("datetime64[ns]")


@pytest.mark.parametrize(("scheme", "low", "high"), [("rk4", 0, 0.01), ("midpoint", 154.4, 157.6), ("euler", 2e4, 3e4)])
def test_return_after_one_turn(make_gyre, scheme, low, high):
    """(Spec tests 1, 2) A gridded solid-body gyre, 363.6 days, steps of a day."""
    paths = path_lines(make_gyre(), [[RADIUS, 0.0]], start=START, end=later(PERIOD), scheme=scheme)
    x, y = ends_of(paths)
    assert low <= np.hypot(x - RADIUS, y).item() < high
    assert paths.attrs["n_arrived"] == 1
    assert paths["age_days"].item() == pytest.approx(363.6, abs=0.05)


def test_euler_strays_as_measured(make_gyre):
    paths = path_lines(make_gyre(), [[RADIUS, 0.0]], start=START, end=START + 15 * DAY, scheme="euler")
    angle = SPEED / RADIUS * 86400.0 * np.arange(16)
    off = np.hypot(paths["x"].values[0] - RADIUS * np.cos(angle), paths["y"].values[0] - RADIUS * np.sin(angle))
    assert off[1] == pytest.approx(74.6, abs=0.1)
    assert off[15] == pytest.approx(1.12e3, rel=0.01)


def test_both_metrics_give_one_path(make_gyre):
    gyre = make_gyre()
    x, y = np.meshgrid(gyre["x"].values, gyre["y"].values)
    vx, vy = convert_metric(
        gyre["vx"].values[0], gyre["vy"].values[0], x, y, crs="EPSG:6931", source="map", target="ground"
    )
    ground = gyre.assign(vx=gyre["vx"].copy(data=vx[None]), vy=gyre["vy"].copy(data=vy[None]))
    ground.attrs["velocity_metric"] = "ground"
    one, two = (path_lines(f, [[6e5, 1e5]], start=START, end=START + 90 * DAY) for f in (gyre, ground))
    assert two["x"].values == pytest.approx(one["x"].values, abs=1e-3)
    assert two["y"].values == pytest.approx(one["y"].values, abs=1e-3)


@pytest.mark.parametrize("time_rule", ["linear", "constant"])
@pytest.mark.parametrize("dt", ["1D", "7h", "100D"])
def test_uniform_drift_is_exact_from_any_moment(make_field, time_rule, dt):
    """(Spec test 3) Also from the middle of a step and over the end of a year."""
    field = make_field(8.0, 3.0, x=np.arange(-2e6, 2e6, 25e3), y=np.arange(-2e6, 2e6, 25e3), units="km d-1",
                       bounds=days(60, "2019-12-01"))  # fmt: skip
    starts = np.array(["2019-12-20T07:13:11", "2020-01-03T12:00:00", "2019-12-31T23:59:59"], "M8[ns]")
    paths = path_lines(
        field,
        [[0.0, 0.0], [10.0, -5.0], [7e5, 1.0]],
        start=starts,
        end="2020-01-14T03:04:05",
        dt=dt,
        time_rule=time_rule,
    )
    age = (np.datetime64("2020-01-14T03:04:05") - starts) / DAY
    x, y = ends_of(paths)
    assert x == pytest.approx(np.array([0.0, 10.0, 7e5]) + 8e3 * age, abs=1e-6)
    assert y == pytest.approx(np.array([0.0, -5.0, 1.0]) + 3e3 * age, abs=1e-6)
    assert paths["age_days"].values == pytest.approx(age, abs=1e-9)


def test_velocity_linear_between_middles_and_constant_over_intervals(make_field):
    """Against the integral of the velocity, by hand: 1, 3, 2 m/s on three days."""
    axis = np.arange(-1e6, 1.1e6, 1e5)
    vx = np.array([1.0, 3.0, 2.0])[:, None, None]
    field = make_field(vx, 0.0, x=axis, y=axis, units="m s-1", bounds=days(3))
    knots, speeds = np.array([0, 0.5, 1.5, 2.5, 3.0]), np.array([1, 1, 3, 2, 2.0])
    fine = np.linspace(0, 3, 30001)
    for first, last in ((0, 3), (0.2, 2.9), (1.5, 2.5), (2.7, 0.3)):
        moments = START + np.array([first, last]) * 86400 * np.timedelta64(1, "s")
        low, high = sorted((first, last))
        inside = np.linspace(low, high, 20001)
        expected = {
            "linear": np.trapezoid(np.interp(inside, knots, speeds), inside),
            "constant": np.interp(high, [0, 1, 2, 3], [0, 1, 4, 6]) - np.interp(low, [0, 1, 2, 3], [0, 1, 4, 6]),
        }
        for rule, way in expected.items():
            paths = path_lines(field, [[0.0, 0.0]], start=moments[0], end=moments[1], time_rule=rule, dt="5D")
            assert paths.attrs["n_arrived"] == 1
            assert ends_of(paths)[0].item() == pytest.approx(np.sign(last - first) * way * 86400, abs=1e-3)
    assert fine.size


def test_order_of_layers_and_rows_changes_no_bit(make_field):
    """(Spec test 28)."""
    random = np.random.default_rng(0)
    axis = np.arange(-5e5, 5.1e5, 5e4)
    shape = (6, axis.size, axis.size)
    field = make_field(random.normal(0, 5, shape), random.normal(0, 5, shape), x=axis, y=axis, units="km d-1",
                       bounds=days(6))  # fmt: skip
    seeds = random.uniform(-3e5, 3e5, (50, 2))
    one = path_lines(field, seeds, start=START, end=START + 6 * DAY)
    shuffled = field.isel(time=[3, 1, 0, 5, 2, 4], y=slice(None, None, -1))
    assert one.identical(path_lines(shuffled, seeds, start=START, end=START + 6 * DAY))


def test_start_of_each_its_own_and_alone_it_is_the_same(make_gyre):
    gyre = make_gyre()
    random = np.random.default_rng(4)
    seeds = random.uniform(-5e5, 5e5, (20, 2))
    starts = START + random.integers(0, 30 * 86400, 20).astype("m8[s]")
    ends = START + random.integers(0, 30 * 86400, 20).astype("m8[s]")
    together = path_lines(gyre, seeds, start=starts, end=ends)
    angle = SPEED / RADIUS * ((ends - starts) / np.timedelta64(1, "s"))
    assert (angle < 0).any()
    turned = seeds[:, 0] * np.cos(angle) - seeds[:, 1] * np.sin(angle)
    assert ends_of(together)[0] == pytest.approx(turned, abs=1e-2)
    for place in (0, 7):
        alone = path_lines(gyre, seeds[[place]], start=starts[place], end=ends[place])
        assert ends_of(alone)[0].item() == ends_of(together)[0][place]


def double_gyre(make_field):
    axis = np.arange(-1e6, 1.01e6, 25e3)
    x, y = np.meshgrid(axis, axis)
    strength = 0.3 * (1 + 0.4 * np.sin(np.arange(12)))[:, None, None]
    vx = -strength * np.sin(np.pi * x / 1e6) * np.sin(np.pi * y / 2e6)
    vy = -strength * 2 * np.cos(np.pi * x / 1e6) * np.cos(np.pi * y / 2e6)
    return make_field(vx, vy, x=axis, y=axis, units="m s-1", bounds=days(12, length=7))


def test_there_and_back_in_a_double_gyre(make_field):
    """(Spec test 4)."""
    field = double_gyre(make_field)
    seeds = np.random.default_rng(1).uniform(-7e5, 7e5, (200, 2))
    there = path_lines(field, seeds, start="2020-01-10", end="2020-01-25", dt="12h")
    ok = there["status"].values == 0
    assert ok.mean() > 0.9
    back = path_lines(field, np.stack(ends_of(there), axis=-1)[ok], start="2020-01-25", end="2020-01-10", dt="12h")
    x, y = ends_of(back)
    assert np.hypot(x - seeds[ok, 0], y - seeds[ok, 1]).max() < 1.0


def test_over_the_pole_and_the_antimeridian(make_field):
    """(Spec test 30) The map knows neither: a straight line on it, its longitude jumps."""
    axis = np.arange(-1e6, 1.01e6, 25e3)
    field = make_field(10.0, 0.0, x=axis, y=axis, units="km d-1", crs="EPSG:6931", bounds=days(60))
    seeds = gpd.GeoSeries(gpd.points_from_xy([-90.0, -179.0], [87.0, 85.0]), crs="EPSG:4326")
    paths = path_lines(field, seeds, start=START, end=START + 50 * DAY, every="1D")
    x = paths["x"].values
    assert np.diff(x, axis=1) == pytest.approx(10e3, abs=1e-6)
    assert np.ptp(paths["y"].values, axis=1) == pytest.approx(0, abs=1e-6)
    assert paths["longitude"].values[0, 0] == pytest.approx(-90)
    assert paths["longitude"].values[0, -1] == pytest.approx(90)
    assert paths["latitude"].values[0].max() > 89.9
    assert np.abs(np.diff(paths["longitude"].values[1])).max() > 300
    back = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:6931", always_xy=True)
    assert back.transform(paths["longitude"].values, paths["latitude"].values)[0] == pytest.approx(x, abs=1e-3)


def test_parcels_stop_at_their_last_place_with_a_velocity(make_field):
    """(Spec test 31)."""
    axis = np.arange(0, 1.01e5, 1e4)
    field = make_field(10.0, 0.0, x=axis, y=axis, units="km d-1", bounds=days(30))
    field["vx"][:, :, 8:] = np.nan
    seeds = [[0.0, 5e4], [6.5e4, 5e4], [9e4, 5e4], [5e5, 0.0], [1e4, 0.0]]
    ends = START + np.array([30, 30, 30, 30, 4]) * DAY
    paths = path_lines(field, seeds, start=START, end=ends)
    assert path_table(paths)["status"].tolist() == ["left_field", "left_field", "no_velocity", "no_velocity", "arrived"]
    assert {k: v for k, v in paths.attrs.items() if k.startswith("n_")} == {
        "n_arrived": 1, "n_left_field": 2, "n_left_period": 0, "n_no_velocity": 2,
    }  # fmt: skip
    assert ends_of(paths)[0].tolist() == [7e4, 7e4, 9e4, 5e5, 5e4]
    assert paths["age_days"].values.tolist() == [7, 0.5, 0, 0, 4]
    known = np.isfinite(paths["x"].values)
    assert known.sum(axis=1).tolist() == [8, 2, 1, 1, 5]
    assert (known == ~np.isnat(paths["time"].values)).all()
    assert (known == np.isfinite(paths["longitude"].values)).all()


def test_no_layer_for_what_follows(make_field):
    axis = np.arange(-1e6, 1.1e6, 1e5)
    bounds = days(6)[[0, 1, 4, 5]]
    field = make_field(1.0, 0.0, x=axis, y=axis, units="km d-1", bounds=bounds)
    starts = np.array(["2020-01-01T12", "2020-01-05", "2019-12-31"], "M8[ns]")
    for rule in ("linear", "constant"):
        paths = path_lines(field, [[0.0, 0.0]] * 3, start=starts, end="2020-01-09", time_rule=rule)
        assert path_table(paths)["status"].tolist() == ["left_period"] * 3
        assert paths["age_days"].values == pytest.approx([1.5, 2.0, 0.0])
        assert ends_of(paths)[0] == pytest.approx([1500, 2000, 0])


def test_undated_and_single_layers_have_to_be_called_steady(make_field, make_gyre):
    axis = np.arange(-1e6, 1.1e6, 1e5)
    nat = [["NaT", "NaT"]]
    mosaic = make_field(100.0, 0.0, x=axis, y=axis, units="m yr-1", year_days=365.25, bounds=nat, time_rule="undated")
    with pytest.raises(FieldError, match="steady=True"):
        path_lines(mosaic, [[0.0, 0.0]], start="2000-01-01", end="2010-01-01")
    paths = path_lines(mosaic, [[0.0, 0.0]], start="2000-01-01", end="2010-01-01", dt="30D", steady=True)
    assert ends_of(paths)[0].item() == pytest.approx(100 * 3653 / 365.25, abs=1e-6)
    week = make_gyre(bounds=[["2020-01-01", "2020-01-08"]])
    short = path_lines(week, [[RADIUS, 0.0]], start=START, end=START + 30 * DAY)
    assert path_table(short)["status"].item() == "left_period"
    assert path_lines(week, [[RADIUS, 0.0]], start=START, end=START + 30 * DAY, steady=True).attrs["n_arrived"] == 1
    with pytest.raises(FieldError, match="takes one layer"):
        path_lines(make_gyre(bounds=days(2)), [[0.0, 0.0]], start=START, end=START + DAY, steady=True)


def test_snapshots_are_joined_by_straight_lines(make_field):
    axis = np.arange(-1e6, 1.1e6, 1e5)
    vx = np.array([2.0, 0.0, 4.0])[:, None, None]
    at = np.array(["2020-01-01", "2020-01-02", "2020-01-04"], "M8[ns]")
    field = make_field(vx, 0.0, x=axis, y=axis, units="km d-1", bounds=np.stack([at, at], axis=-1), time_rule="instant")
    paths = path_lines(field, [[0.0, 0.0]], start="2020-01-01", end="2020-01-04", dt="10D")
    assert ends_of(paths)[0].item() == pytest.approx(1000 + 4000)
    with pytest.raises(FieldError, match="snapshots"):
        path_lines(field, [[0.0, 0.0]], start="2020-01-01", end="2020-01-04", time_rule="constant")


def displaced(make_field, **options):
    """Return the gyre as displacements over two days, exact: a rotation less the identity."""
    axis = np.arange(-1e6, 1.01e6, 62.5e3)
    x, y = np.meshgrid(axis, axis)
    angle = SPEED / RADIUS * 2 * 86400
    move_x, move_y = np.cos(angle) * x - np.sin(angle) * y - x, np.sin(angle) * x + np.cos(angle) * y - y
    return make_field(move_x / 1e3, move_y / 1e3, x=axis, y=axis, crs="EPSG:6931", units="km",
                      velocity_kind="displacement", **{"bounds": days(20, length=2), **options})  # fmt: skip


def test_displacements_compose_to_the_orbit_and_back(make_field):
    """(Spec test 5) The inverse is that of the map; X - D(X) would be 590 m off after each two days."""
    field = displaced(make_field)
    angle = SPEED / RADIUS * 40 * 86400
    there = path_lines(field, [[RADIUS, 0.0]], start=START, end=START + 40 * DAY, every="2D")
    x, y = ends_of(there)
    assert np.hypot(x - RADIUS * np.cos(angle), y - RADIUS * np.sin(angle)).item() < 1e-6
    back = path_lines(field, np.stack([x, y], axis=-1), start=START + 40 * DAY, end=START, every="2D")
    assert np.hypot(ends_of(back)[0] - RADIUS, ends_of(back)[1]).item() < 0.01
    assert there.attrs["method"] == "flow map"
    half = path_lines(field, [[RADIUS, 0.0]], start=START, end=START + DAY)
    chord = RADIUS * np.array([np.cos(angle / 20) - 1, np.sin(angle / 20)]) / 2
    assert [ends_of(half)[0].item() - RADIUS, ends_of(half)[1].item()] == pytest.approx(chord, abs=1e-6)


def test_overlapping_layers_are_refused(make_field):
    field = displaced(make_field, bounds=days(20, length=1) + np.array([0, 1], "m8[D]"))
    with pytest.raises(FieldError, match="every other layer"):
        path_lines(field, [[0.0, 0.0]], start=START, end=START + DAY)
    thinned = field.isel(time=slice(0, None, 2))
    assert path_lines(thinned, [[0.0, 0.0]], start=START, end=START + 4 * DAY).attrs["n_arrived"] == 1


def test_table_of_paths_is_lines_in_the_crs_of_the_field(make_gyre):
    paths = path_lines(make_gyre(), [[RADIUS, 0.0], [9e9, 0.0]], start=START, end=START + 3 * DAY)
    table = path_table(paths)
    assert table.crs == "EPSG:6931"
    assert list(table.geometry.iloc[0].coords) == list(zip(paths["x"].values[0], paths["y"].values[0], strict=True))
    assert table.geometry.iloc[1] is None
    assert table["end"].iloc[0] == np.datetime64("2020-01-04")


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"dt": 1}, "with its unit"),
        ({"dt": "-1D"}, "positive length of time"),
        ({"every": "soon"}, "length of time"),
        ({"scheme": "rk5"}, "scheme must be"),
        ({"time_rule": "cubic"}, "time_rule must be"),
        ({"start": "NaT"}, "none missing"),
        ({"end": "tomorrow"}, "must hold dates"),
        ({"start": ["2020-01-01", "2020-01-02"]}, "one for each of 1 seeds"),
    ],
)
def test_what_is_refused(make_gyre, changed, match):
    options = {"start": START, "end": START + DAY, **changed}
    with pytest.raises(InputError, match=match):
        path_lines(make_gyre(), [[0.0, 0.0]], **options)


@pytest.mark.parametrize(
    ("seeds", "match"),
    [
        ([1.0, 2.0], "shape"),
        (np.zeros((0, 2)), "seeds are none"),
        (gpd.GeoSeries(gpd.points_from_xy([0.0], [80.0])), "with a CRS"),
        (gpd.GeoSeries(gpd.points_from_xy([0.0], [80.0]), crs=3413).buffer(1), "points with a CRS"),
    ],
)
def test_seeds_that_are_refused(make_gyre, seeds, match):
    with pytest.raises(InputError, match=match):
        path_lines(make_gyre(), seeds, start=START, end=START + DAY)
