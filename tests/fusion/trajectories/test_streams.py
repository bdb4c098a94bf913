"""Lines along flows whose lines are known."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely

from altiflow.errors import FieldError, InputError
from altiflow.fusion.trajectories import flow_lines

UNDATED = {"bounds": [["NaT", "NaT"]], "time_rule": "undated", "units": "m yr-1", "year_days": 365.25}
AXIS = np.arange(-1e5, 1.01e5, 1e3)
X, Y = np.meshgrid(AXIS, AXIS)


@pytest.fixture
def make_flow(make_field):
    """Return a maker of undated fields round the pole of EPSG:3413 [m/yr]."""

    def make(vx, vy, **attrs):
        return make_field(vx, vy, x=AXIS, y=AXIS, **{**UNDATED, **attrs})

    return make


def test_lines_of_a_source_are_rays_to_its_edge(make_flow):
    """(Spec test 27)."""
    seeds = [[3e3, 4e3], [-5e3, 1e3], [0.0, -7e3]]
    found = flow_lines(make_flow(0.01 * X, 0.01 * Y), seeds, direction="down")
    for (x, y), line in zip(seeds, found.lines.geometry, strict=True):
        places = np.array(line.coords)
        off = (places[:, 0] * y - places[:, 1] * x) / np.hypot(x, y)
        assert np.abs(off[np.abs(places).max(axis=1) <= 1e5]).max() < 1e-6
        assert np.abs(places).max() > 9.9e4
    assert found.lines["end_down"].tolist() == ["left_field"] * 3
    assert found.lines["end_up"].tolist() == [""] * 3


def test_lines_of_a_gyre_close(make_flow):
    """(Spec test 27) To 1e-3 of the radius: the ground of the sphere is that of the map times 1 / 0.96986."""
    radius = 4e4
    scale = 0.969859
    found = flow_lines(
        make_flow(-0.01 * Y, 0.01 * X), [[radius, 0.0]], direction="down", max_length=2 * np.pi * radius / scale
    )
    assert found.lines["end_down"].item() == "max_length"
    end = found.vertices.iloc[-1]
    assert np.hypot(end.x - radius, end.y) < 1e-3 * radius
    assert np.abs(np.hypot(found.vertices.x, found.vertices.y) - radius).max() < 1e-6 * radius
    assert end.travel_days == pytest.approx(2 * np.pi / 0.01 * 365.25, rel=1e-4)
    assert found.vertices.speed.to_numpy() == pytest.approx(0.01 * radius / scale, rel=1e-4)


@pytest.mark.parametrize("tolerance", [1.0, 0.01, 1e-4])
def test_a_bend_is_as_near_to_the_true_line_as_the_tolerance_says(make_flow, tolerance):
    """vx = x, vy = -y, which is bilinear, has hyperbolas x y = c: this one turns within a cell."""
    start = (2.0, 3e4)
    found = flow_lines(
        make_flow(0.01 * X, -0.01 * Y), [start], direction="down", max_length=6e4, tolerance=tolerance
    ).vertices
    off = np.abs(found.x * found.y - start[0] * start[1]) / np.hypot(found.x, found.y)
    assert off.max() < 5 * tolerance
    assert found.x.iloc[-1] > 2.5e4
    # It takes its time where the flow turns, and only there.
    gaps = np.hypot(np.diff(found.x), np.diff(found.y))[:-1]
    assert gaps.max() == pytest.approx(500.0)
    assert (gaps.min() < 300.0) == (tolerance < 1.0)


def test_steps_of_a_straight_flow_are_the_longest(make_flow):
    found = flow_lines(
        make_flow(100.0 + 0.001 * X, 0 * Y), [[0.0, 0.0]], direction="down", max_length=1e4, tolerance=1e-9
    )
    assert np.diff(found.vertices.x)[:-1] == pytest.approx(500.0)


def test_a_small_gyre_closes_and_jumps_of_velocity_do_not_stop_a_line(make_flow):
    radius, scale = 1.2e3, 0.969859
    length = 2 * np.pi * radius / scale
    found = flow_lines(make_flow(-0.01 * Y, 0.01 * X), [[radius, 0.0]], direction="down", max_length=length)
    end = found.vertices.iloc[-1]
    assert np.hypot(end.x - radius, end.y) < 1e-3 * radius
    noise = np.random.default_rng(3).normal(0, 40, (2, *X.shape))
    # A tolerance that cannot be met across the edges of cells: steps are a 64th then, and no shorter.
    rough = flow_lines(
        make_flow(100 + noise[0], noise[1]), [[0.0, 0.0]], direction="down", max_length=2e3, tolerance=1e-9
    )
    assert rough.lines["end_down"].item() == "max_length"
    gaps = np.hypot(np.diff(rough.vertices.x), np.diff(rough.vertices.y))[:-1]
    assert gaps.min() == pytest.approx(500.0 / 64, rel=0.02)


def test_against_the_flow_is_the_same_line(make_flow):
    """(Spec test 27) Seeded at its own end the line comes back through its seed."""
    flow = make_flow(100 + 30 * np.sin(X / 2e4), 60 * np.cos(Y / 3e4) + 40 * np.sin(X / 1.5e4))
    down = flow_lines(flow, [[-4e4, -3e4]], direction="down", max_length=6e4)
    last = down.vertices.iloc[-1]
    up = flow_lines(flow, [[last.x, last.y]], direction="up", max_length=6e4)
    assert up.lines.geometry.item().hausdorff_distance(down.lines.geometry.item()) < 5.0
    first = up.vertices.iloc[0]
    assert np.hypot(first.x + 4e4, first.y + 3e4) < 1.0
    assert first.distance_m == pytest.approx(-6e4, abs=1e-3)
    assert first.travel_days == pytest.approx(-last.travel_days, rel=1e-4)
    turned = flow.assign(vx=-flow["vx"], vy=-flow["vy"])
    there = flow_lines(turned, [[last.x, last.y]], direction="down", max_length=6e4)
    assert np.array(there.lines.geometry.item().coords)[::-1] == pytest.approx(
        np.array(up.lines.geometry.item().coords), abs=1e-6
    )


def test_both_ways_run_from_up_to_down(make_flow):
    found = flow_lines(make_flow(100.0, 0 * Y), [[0.0, 0.0]], max_length=2e4, step=250.0)
    table = found.vertices
    assert (np.diff(table.x) > 0).all()
    assert table.distance_m.iloc[[0, -1]].tolist() == pytest.approx([-2e4, 2e4])
    assert (table.distance_m == 0).sum() == 1
    assert found.lines["length_m"].item() == pytest.approx(4e4)
    assert list(found.lines.geometry.item().coords) == list(zip(table.x, table.y, strict=True))


def test_distance_and_time_are_those_of_the_ground(make_field):
    """At 60 N of EPSG:3413 the map is 1.0394 of the ground; distance by the geodesic, time by distance over speed."""
    there = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:3413", always_xy=True)
    x_0, y_0 = there.transform(-45.0, 60.0)
    axis = np.arange(-2e4, 2.01e4, 1e3)
    for metric in ("map", "ground"):
        field = make_field(300.0, 0.0, x=x_0 + axis, y=y_0 + axis, velocity_metric=metric, **UNDATED)
        found = flow_lines(field, [[x_0, y_0]], direction="down", max_length=1.5e4)
        end = found.vertices.iloc[-1]
        way = pyproj.Geod(ellps="WGS84").inv(-45.0, 60.0, end.longitude, end.latitude)[2]
        assert end.distance_m == pytest.approx(1.5e4, abs=1e-2)
        assert way == pytest.approx(1.5e4, rel=1e-5)
        speed = 300.0 / (1.03943 if metric == "map" else 1.0)
        assert end.speed == pytest.approx(speed, rel=1e-4)
        assert end.travel_days == pytest.approx(1.5e4 / speed * 365.25, rel=1e-4)


def test_why_lines_end(make_flow):
    sink = flow_lines(make_flow(-0.01 * X, -0.01 * Y), [[3.3e4, 2e3]], direction="down")
    assert sink.lines["end_down"].item() == "stagnation"
    assert np.hypot(*sink.vertices[["x", "y"]].iloc[-1]) < 1e3
    slow = flow_lines(make_flow(-0.01 * X, -0.01 * Y), [[4e4, 0.0]], direction="down", min_speed=200.0)
    assert slow.lines["end_down"].item() == "stagnation"
    assert slow.vertices["speed"].iloc[-2] >= 200.0
    assert slow.vertices["x"].iloc[-1] == pytest.approx(2e4 * 0.96986, abs=500)
    holed = make_flow(100.0, 0 * Y)
    holed["vx"][0, 100, 150] = np.nan
    found = flow_lines(holed, [[0.0, 0.0], [5e4, 0.0], [9e9, 0.0]])
    assert found.lines["end_down"].tolist() == ["left_field", "no_velocity", "no_velocity"]
    assert found.vertices[found.vertices.seed == 0].x.max() == pytest.approx(4.9e4)
    assert np.isfinite(found.vertices.to_numpy(float)).all()
    assert found.lines.geometry.isna().tolist() == [False, True, True]
    assert found.lines["length_m"].tolist()[1:] == [0, 0]
    still = flow_lines(make_flow(0 * X, 0 * Y), [[0.0, 0.0]])
    assert still.lines["end_up"].item() == "stagnation"
    assert still.lines.geometry.item() is None


def test_order_of_rows_and_company_change_no_bit(make_flow):
    """(Spec test 28)."""
    flow = make_flow(100 + 30 * np.sin(X / 2e4), 60 * np.cos(Y / 3e4))
    seeds = np.random.default_rng(2).uniform(-5e4, 5e4, (8, 2))
    together = flow_lines(flow, seeds, max_length=2e4).vertices
    turned = flow_lines(flow.isel(y=slice(None, None, -1)), seeds, max_length=2e4).vertices
    assert together.equals(turned)
    alone = flow_lines(flow, seeds[[3]], max_length=2e4).vertices
    mine = together[together.seed == 3].reset_index(drop=True)
    assert alone.drop(columns="seed").equals(mine.drop(columns="seed"))


def test_what_is_refused(make_flow, make_field):
    flow = make_flow(100.0, 0 * Y)
    for options, match in (
        ({"step": 600.0}, "half a cell, 500 m"),
        ({"tolerance": 0.0}, "tolerance is an error"),
        ({"tolerance": np.nan}, "tolerance is an error"),
        ({"step": 0.0}, "above 0"),
        ({"max_length": -1.0}, "max_length"),
        ({"min_speed": -1.0}, "min_speed"),
        ({"direction": "left"}, "direction must be"),
    ):
        with pytest.raises(InputError, match=match):
            flow_lines(flow, [[0.0, 0.0]], **options)
    weeks = make_field(1.0, 0.0, x=AXIS, y=AXIS, bounds=[["2020-01-01", "2020-01-08"], ["2020-01-08", "2020-01-15"]])
    with pytest.raises(FieldError, match="isel"):
        flow_lines(weeks, [[0.0, 0.0]])
    assert isinstance(flow_lines(weeks.isel(time=[1]), [[0.0, 0.0]]).lines.geometry.item(), shapely.LineString)
    moved = make_field(1.0, 0.0, x=AXIS, y=AXIS, units="km", velocity_kind="displacement")
    with pytest.raises(FieldError, match="displacement"):
        flow_lines(moved, [[0.0, 0.0]])
