"""Along- and across-track components against a dot product done by hand."""

from __future__ import annotations

import numpy as np
import pytest

from altiflow.errors import InputError
from altiflow.fusion.colocate import sample_velocity
from altiflow.fusion.lines.tracks import along_across, track_tangent

X, Y = np.arange(-10, 11) * 25e3, -1.5e6 + np.arange(-10, 11) * 25e3
LEAN = np.radians(8.0)


def sampled(make_field, make_table, vx, vy, *, angle=LEAN, order=None, **field_attrs):
    """Return segments every 20 m along a track `angle` to the right of y, with a uniform velocity."""
    along = np.arange(50) * 20.0
    order = np.arange(50) if order is None else order
    times = np.datetime64("2020-01-03", "us") + (np.arange(50) * 3000).astype("m8[us]")
    x, y = along * np.sin(angle), -1.5e6 + along * np.cos(angle)
    table = make_table(x[order], y[order], times[order], crs=field_attrs.get("crs", "EPSG:3413"))
    return sample_velocity(table, make_field(vx, vy, x=X, y=Y, sigma=2.0, **field_attrs))


def test_flow_along_x_on_a_track_eight_degrees_off_y(make_field, make_table):
    found = along_across(sampled(make_field, make_table, 100.0, 0.0))
    assert found["v_along"].to_numpy() == pytest.approx(np.full(50, 13.917), abs=1e-3)
    # x is to the right of the track, and left is positive.
    assert found["v_across"].to_numpy() == pytest.approx(np.full(50, -99.027), abs=1e-3)


def test_perpendicular_flow_has_no_along_component(make_field, make_table):
    found = along_across(sampled(make_field, make_table, -np.cos(LEAN) * 50, np.sin(LEAN) * 50))
    assert np.abs(found["v_along"]).max() < 1e-4
    assert found["v_across"].to_numpy() == pytest.approx(np.full(50, 50.0), abs=1e-4)


def test_components_make_up_the_speed_and_the_variance(make_field, make_table):
    found = along_across(sampled(make_field, make_table, 3.0, -4.0))
    assert np.hypot(found["v_along"], found["v_across"]).to_numpy() == pytest.approx(np.full(50, 5.0), rel=1e-12)
    assert found["v_along_sigma"].to_numpy() == pytest.approx(np.full(50, 2.0))
    assert found["v_across_sigma"].to_numpy() == pytest.approx(np.full(50, 2.0))
    assert found.attrs["altiflow"]["units"]["v_along"] == "cm s-1"


def test_rows_out_of_order_are_put_in_the_order_of_time(make_field, make_table):
    order = np.random.default_rng(11).permutation(50)
    table = sampled(make_field, make_table, 100.0, 0.0, order=order)
    found = along_across(table)
    assert found["v_along"].to_numpy() == pytest.approx(np.full(50, 13.917), abs=1e-3)
    assert np.array_equal(found.index, table.index)


def test_a_descending_track_turns_both_signs(make_field, make_table):
    up = along_across(sampled(make_field, make_table, 30.0, 40.0))
    down = along_across(sampled(make_field, make_table, 30.0, 40.0, angle=LEAN + np.pi))
    assert down["v_along"].to_numpy() == pytest.approx(-up["v_along"].to_numpy(), abs=1e-3)
    assert down["v_across"].to_numpy() == pytest.approx(-up["v_across"].to_numpy(), abs=1e-3)


def test_ground_velocity_takes_the_tangent_on_the_ground(make_field, make_table):
    found = along_across(sampled(make_field, make_table, 3.0, -4.0, velocity_metric="ground", crs="EPSG:6931"))
    assert np.hypot(found["v_along"], found["v_across"]).dropna().to_numpy() == pytest.approx(5.0, rel=1e-12)


def test_beams_are_tracks_of_their_own():
    x = np.array([0.0, 0.0, 1.0, 100.0, 2.0, 101.0])
    y = np.array([0.0, 50.0, 0.0, 50.0, 0.0, 50.0])
    found = track_tangent(x[[0, 2, 4, 3, 5]], y[[0, 2, 4, 3, 5]], [1, 1, 1, 2, 2])
    assert found.tolist() == [[1.0, 0.0]] * 5


def test_segments_in_one_place_share_a_tangent_and_lone_ones_have_none():
    found = track_tangent([0.0, 0.0, 0.0, 1.0], [0.0, 1.0, 1.0, 1.0])
    assert found[1].tolist() == found[2].tolist()
    assert np.hypot(*found.T).tolist() == pytest.approx([1.0] * 4)
    assert np.isnan(track_tangent([1.0, 1.0], [2.0, 2.0])).all()
    assert np.isnan(track_tangent([np.nan], [2.0])).all()
    assert track_tangent([], []).shape == (0, 2)


def test_tangents_follow_a_curve():
    angle = np.linspace(0, 1, 200)
    found = track_tangent(np.cos(angle), np.sin(angle))
    exact = np.stack([-np.sin(angle), np.cos(angle)], axis=-1)
    assert np.abs(found - exact)[1:-1].max() < 1e-5


def test_a_table_without_velocity_is_refused(make_field, make_table):
    with pytest.raises(InputError, match="sample_velocity"):
        along_across(make_table([0.0, 1.0], [0.0, 1.0], "2020-01-03"))
    with pytest.raises(InputError, match="granule"):
        along_across(sampled(make_field, make_table, 1.0, 0.0).drop(columns="granule"))
