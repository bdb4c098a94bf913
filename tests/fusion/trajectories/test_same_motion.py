"""One motion, told in several units or several files, and taken back to where it came from."""

from __future__ import annotations

import numpy as np
import pytest

from altiflow.fusion.trajectories import path_lines
from altiflow.gridding import write_velocity
from altiflow.readers import read_velocity

RADIUS, SPEED = 5e5, 0.1
AXIS = np.arange(-1e6, 1.01e6, 25e3)
DAY = np.timedelta64(1, "D")


def weeks(first, count, length=7):
    starts = np.datetime64(first) + np.arange(count) * length * DAY
    return np.stack([starts, starts + length * DAY], axis=-1).astype("M8[ns]")


def last_place(paths):
    known = np.isfinite(paths["x"].values[0]).sum() - 1
    return paths["x"].values[0, known], paths["y"].values[0, known]


@pytest.mark.parametrize(
    ("value", "stated"),
    [
        (10.0, {"units": "cm/s"}),
        (8640.0, {"units": "m/d"}),
        (8640.0 * 365.25, {"units": "m/yr", "year_days": 365.25}),
        (8640.0 * 365.0, {"units": "m/yr", "year_days": 365.0}),
        (17.28, {"units": "km", "velocity_kind": "displacement"}),
    ],
)
def test_one_motion_in_every_unit_is_one_displacement(make_field, value, stated):
    """8.64 km a day, also as kilometres in 48 hours; years of 365 and of 365.25 days."""
    field = make_field(value, -value / 2, x=AXIS, y=AXIS, crs="EPSG:6931", bounds=weeks("2020-01-01", 15, 2), **stated)
    found = path_lines(field, [[0.0, 0.0]], start="2020-01-03", end="2020-01-25")
    assert last_place(found) == pytest.approx((8640.0 * 22, -4320.0 * 22), abs=1e-6)


def test_a_year_taken_for_another_is_wrong_by_their_ratio(make_field):
    stated = {"x": AXIS, "y": AXIS, "crs": "EPSG:3413", "units": "m/yr", "bounds": weeks("2020-01-01", 10)}
    ways = []
    for year in (365.0, 365.25):
        field = make_field(1000.0, 0.0, year_days=year, **stated)
        ways.append(last_place(path_lines(field, [[0.0, 0.0]], start="2020-01-05", end="2020-03-01"))[0])
    assert ways[0] / ways[1] == pytest.approx(365.25 / 365, rel=1e-9)


def test_the_way_goes_on_from_one_file_to_the_next(make_field, tmp_path):
    """Two files that meet inside a week of the new year: 8 km a day from the one into the other, to 1e-9 of the way."""
    stated = {"x": AXIS, "y": AXIS, "crs": "EPSG:6931", "units": "km d-1"}
    files = [
        write_velocity(make_field(8.0, 3.0, bounds=weeks(first, 4), **stated), tmp_path / name)
        for first, name in (("2019-12-04", "a.nc"), ("2020-01-01", "b.nc"))
    ]
    field = read_velocity(files)
    assert field.sizes["time"] == 8
    days = (np.datetime64("2020-01-20T06") - np.datetime64("2019-12-15T10:30")) / DAY
    found = path_lines(field, [[0.0, 0.0]], start="2019-12-15T10:30", end="2020-01-20T06")
    assert found.attrs["n_arrived"] == 1
    assert last_place(found) == pytest.approx((8e3 * days, 3e3 * days), rel=1e-9)


def test_a_step_back_inverts_the_map_where_a_first_order_one_misses_by_149_metres(make_field):
    """A gyre of 10 cm/s at 500 km as displacements of a day: X - D(X) is off by D · grad D."""
    x, y = np.meshgrid(AXIS, AXIS)
    turn = SPEED / RADIUS * 86400

    def displacement(x, y):
        return np.cos(turn) * x - np.sin(turn) * y - x, np.sin(turn) * x + np.cos(turn) * y - y

    move_x, move_y = displacement(x, y)
    field = make_field(move_x / 1e3, move_y / 1e3, x=AXIS, y=AXIS, crs="EPSG:6931", units="km",
                       velocity_kind="displacement", bounds=weeks("2020-01-01", 3, 1))  # fmt: skip
    end = np.array([RADIUS, 0.0])
    start = np.array([np.cos(turn), -np.sin(turn)]) * RADIUS
    back = last_place(path_lines(field, [end], start="2020-01-03", end="2020-01-02"))
    assert np.hypot(*(back - start)) < 1e-3
    first_order = end - displacement(*end)
    assert np.hypot(*(first_order - start)) == pytest.approx(149.3, abs=0.5)
    third = end
    for _ in range(3):
        third = end - displacement(*third)
    assert np.hypot(*(third - start)) < 1.0
