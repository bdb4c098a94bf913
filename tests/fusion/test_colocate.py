"""Velocity at segments: exact for linear fields, the right layer, and nothing silent."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.interpolate import RegularGridInterpolator

from altiflow.errors import EmptyDataError, FieldError, InputError, NoOverlapError
from altiflow.fusion.colocate import sample_velocity

X, Y = np.arange(-10, 11) * 25e3, -1.5e6 + np.arange(-10, 11) * 25e3
WEEKS = (("2020-01-01", "2020-01-08"), ("2020-01-08", "2020-01-15"))
RNG = np.random.default_rng(10)
AT_X, AT_Y = RNG.uniform(-2.4e5, 2.4e5, 300), -1.5e6 + RNG.uniform(-2.4e5, 2.4e5, 300)


def linear(x, y):
    return 3.0 + 2e-5 * x - 1e-5 * (y + 1.5e6)


def test_a_linear_field_is_found_at_every_segment(make_field, make_table):
    field = make_field(linear(X[None, :], Y[:, None]), -1.0, x=X, y=Y, sigma=0.25)
    table = make_table(AT_X, AT_Y, "2020-01-03")
    found = sample_velocity(table, field)
    assert np.abs(found["vx"] - linear(AT_X, AT_Y)).max() < 1e-9
    assert (found["vy"] == -1.0).all()
    assert found["vx_sigma"].to_numpy() == pytest.approx(np.full(300, 0.25))
    assert found["v_valid"].all()
    assert found["v_valid"].dtype == bool
    assert (found["v_dt_days"] == 0).all()
    assert "vx" not in table


def test_nearest_takes_the_value_of_the_cell(make_field, make_table):
    values = RNG.normal(size=(Y.size, X.size))
    found = sample_velocity(make_table(AT_X, AT_Y, "2020-01-03"), make_field(values, 0.0, x=X, y=Y), method="nearest")
    row, col = np.rint((AT_Y - Y[0]) / 25e3).astype(int), np.rint((AT_X - X[0]) / 25e3).astype(int)
    assert np.array_equal(found["vx"], values[row, col])


def test_provenance_says_what_the_columns_are(make_field, make_table):
    field = make_field(1.0, 1.0, x=X, y=Y, units="m yr-1", year_days=365.0)
    table = make_table(AT_X, AT_Y, "2020-01-03")
    provenance = sample_velocity(table, field).attrs["altiflow"]
    stated = {
        "crs": "EPSG:3413",
        "units": "m yr-1",
        "velocity_metric": "map",
        "year_days": 365.0,
        "source": "synthetic motion",
        "metric_source": "user",
        "method": "linear",
    }
    assert stated.items() <= provenance["velocity"].items()
    assert provenance["product"] == "ATL10"
    assert provenance["units"]["vx"] == "m yr-1"
    assert provenance["units"]["latitude"] == "degrees_north"
    assert "velocity" not in table.attrs["altiflow"]
    assert "vx" not in table.attrs["altiflow"]["units"]


def test_a_field_without_errors_gives_nan_and_not_zero(make_field, make_table):
    found = sample_velocity(make_table(AT_X, AT_Y, "2020-01-03"), make_field(1.0, 1.0, x=X, y=Y))
    assert found["vx_sigma"].isna().all()


@pytest.mark.parametrize("method", ["linear", "nearest"])
def test_the_order_of_rows_changes_nothing_to_the_bit(make_field, make_table, method):
    values = RNG.normal(size=(2, Y.size, X.size))
    values[RNG.random(values.shape) < 0.2] = np.nan
    field = make_field(values, values * 2, x=X, y=Y, bounds=WEEKS, sigma=1.0)
    times = np.datetime64("2020-01-01", "us") + (np.arange(300) * 3600 * 10**6).astype("m8[us]")
    table = make_table(AT_X, AT_Y, times)
    one = sample_velocity(table, field, method=method)
    two = sample_velocity(table, field.isel(y=slice(None, None, -1)), method=method)
    pd.testing.assert_frame_equal(pd.DataFrame(one), pd.DataFrame(two), check_exact=True)
    assert 0 < one["v_valid"].sum() < 300


def test_shuffled_segments_get_their_own_velocity(make_field, make_table):
    field = make_field(RNG.normal(size=(2, Y.size, X.size)), 0.0, x=X, y=Y, bounds=WEEKS)
    times = np.datetime64("2020-01-01", "us") + (np.arange(300) * 3600 * 10**6).astype("m8[us]")
    table = make_table(AT_X, AT_Y, times)
    order = RNG.permutation(300)
    direct, shuffled = sample_velocity(table, field), sample_velocity(table.iloc[order], field)
    assert np.array_equal(direct["vx"].to_numpy()[order], shuffled["vx"])
    assert shuffled.index.equals(table.index[order])


def test_the_layer_that_holds_the_time_counts_and_days_are_signed(make_field, make_table):
    field = make_field(np.array([1.0, 2.0])[:, None, None], 0.0, x=X, y=Y, bounds=WEEKS)
    times = ["2019-12-30", "2020-01-01", "2020-01-07T23:59:59", "2020-01-08", "2020-01-16T12", "NaT"]
    found = sample_velocity(make_table(np.zeros(6), np.full(6, -1.5e6), times), field)
    assert found["vx"].tolist()[:5] == [1.0, 1.0, 1.0, 2.0, 2.0]
    assert found["v_dt_days"].tolist()[:5] == [-2.0, 0.0, 0.0, 0.0, 1.5]
    assert not found["v_valid"][5]
    assert np.isnan(found["v_dt_days"][5])


def test_a_limit_in_days_takes_velocities_away_and_keeps_the_days(make_field, make_table):
    field = make_field(1.0, 0.0, x=X, y=Y, bounds=WEEKS)
    times = ["2019-12-30", "2020-01-03", "2021-01-15"]
    found = sample_velocity(make_table(np.zeros(3), np.full(3, -1.5e6), times), field, max_dt_days=31)
    assert found["v_valid"].tolist() == [True, True, False]
    assert found["v_dt_days"].tolist() == [-2.0, 0.0, 366.0]
    with pytest.raises(InputError, match="max_dt_days"):
        sample_velocity(make_table([0.0], [-1.5e6], "2020-01-03"), field, max_dt_days=-1)


def test_snapshots_are_interpolated_in_time(make_field, make_table):
    bounds = [(day, day) for day in ("2020-01-01", "2020-01-05")]
    values = np.stack([np.full((Y.size, X.size), v) for v in (1.0, 5.0)])
    values[1, :, :5] = np.nan
    field = make_field(values, 0.0, x=X, y=Y, bounds=bounds, time_rule="instant")
    times = ["2020-01-02", "2020-01-01", "2019-12-31", "2020-01-06", "2020-01-02"]
    table = make_table([0, -2.4e5, 0, 0, -2.4e5], np.full(5, -1.5e6), times)
    found = sample_velocity(table, field)
    assert found["vx"].tolist()[:4] == [2.0, 1.0, 1.0, 5.0]
    assert np.isnan(found["vx"][4])
    assert found["v_dt_days"].tolist() == [0.0, 0.0, -1.0, 1.0, 0.0]
    assert sample_velocity(table, field, method="nearest")["vx"].tolist() == [1.0, 1.0, 1.0, 5.0, 1.0]


def test_an_undated_field_has_no_days(make_field, make_table):
    field = make_field(1.0, 0.0, x=X, y=Y, bounds=[("NaT", "NaT")], time_rule="undated")
    found = sample_velocity(make_table(AT_X, AT_Y, "2020-01-03"), field)
    assert found["v_valid"].all()
    assert found["v_dt_days"].isna().all()
    with pytest.raises(FieldError, match="undated and has 2 layers"):
        sample_velocity(
            make_table(AT_X, AT_Y, "2020-01-03"),
            make_field(1.0, 0.0, x=X, y=Y, bounds=[("NaT", "NaT")] * 2, time_rule="undated"),
        )


def test_half_of_the_weight_must_be_valid(make_field, make_table):
    values = np.ones((Y.size, X.size))
    values[:, X > 0] = np.nan
    at_x = np.array([12.4e3, 12.6e3])
    found = sample_velocity(make_table(at_x, [-1.5e6] * 2, "2020-01-03"), make_field(values, 0.0, x=X, y=Y))
    assert found["v_valid"].tolist() == [True, False]
    assert found["vx"][0] == 1.0


def test_segments_outside_get_none_and_those_inside_keep_theirs(make_field, make_table):
    table = make_table([0.0, 9e5], [-1.5e6, -1.5e6], "2020-01-03")
    found = sample_velocity(table, make_field(1.0, 0.0, x=X, y=Y))
    assert found["v_valid"].tolist() == [True, False]


def test_an_empty_join_is_refused_or_kept(make_field, make_table):
    table = make_table([9e5], [-1.5e6], "2020-01-03")
    field = make_field(1.0, 0.0, x=X, y=Y)
    with pytest.raises(NoOverlapError, match="regions differ"):
        sample_velocity(table, field)
    kept = sample_velocity(table, field, on_empty="keep")
    assert kept["vx"].isna().all()
    assert not kept["v_valid"].any()


def test_an_empty_table_is_refused_or_kept(make_field, make_table):
    empty, field = make_table([0.0], [-1.5e6], "2020-01-03").iloc[:0], make_field(1.0, 0.0, x=X, y=Y)
    with pytest.raises(EmptyDataError, match="no segments"):
        sample_velocity(empty, field)
    assert "v_valid" in sample_velocity(empty, field, on_empty="keep")


def test_what_cannot_be_sampled_is_refused(make_field, make_table):
    table, field = make_table([0.0], [-1.5e6], "2020-01-03"), make_field(1.0, 0.0, x=X, y=Y)
    moved = make_field(1.0, 0.0, x=X, y=Y, velocity_kind="displacement", units="km")
    with pytest.raises(FieldError, match="divide vx, vy"):
        sample_velocity(table, moved)
    with pytest.raises(InputError, match="'cubic'"):
        sample_velocity(table, field, method="cubic")
    with pytest.raises(InputError, match="'drop'"):
        sample_velocity(table, field, on_empty="drop")
    with pytest.raises(InputError, match="column 'time'"):
        sample_velocity(table.drop(columns="time"), field)
    with pytest.raises(InputError, match="with a CRS"):
        sample_velocity(table.set_crs(None, allow_override=True), field)


def test_between_the_middles_of_weeks_the_velocity_is_linear_in_time(make_field, make_table):
    """1 and 3 cm/s in two weeks; a week alone in the outer halves; before it, and after a gap, the nearest."""
    weeks = (*WEEKS, ("2020-02-01", "2020-02-08"))
    field = make_field(np.array([1.0, 3.0, 9.0])[:, None, None], 0.0, x=X, y=Y, bounds=weeks, sigma=0.5)
    times = ["2020-01-01", "2020-01-04T12", "2020-01-08", "2020-01-09T18", "2020-01-14", "2020-01-16", "2020-01-30"]
    table = make_table(np.zeros(7), np.full(7, -1.5e6), times)
    found = sample_velocity(table, field, time_method="linear")
    assert found["vx"].to_numpy() == pytest.approx([1, 1, 2, 2.5, 3, 3, 9], abs=1e-12)
    assert found["vx_sigma"].to_numpy() == pytest.approx(np.full(7, 0.5))
    assert found["v_dt_days"].tolist() == [0, 0, 0, 0, 0, 1, -2]
    turned = field.isel(time=[2, 0, 1])
    assert found.equals(sample_velocity(table, turned, time_method="linear"))
    assert sample_velocity(table, field)["vx"].tolist() == [1, 1, 3, 3, 3, 3, 9]
    pairs = make_field(1.0, 0.0, x=X, y=Y, bounds=(("2020-01-01", "2020-01-08"), ("2020-01-02", "2020-01-09")))
    with pytest.raises(FieldError, match="begin before the one before them ends"):
        sample_velocity(table, pairs, time_method="linear")


def test_linear_in_time_is_the_trilinear_interpolation_of_scipy(make_field, make_table):
    bounds = [(f"2020-01-{day:02d}", f"2020-01-{day + 2:02d}") for day in range(1, 21, 2)]
    values = RNG.normal(size=(10, Y.size, X.size))
    field = make_field(values, -values, x=X, y=Y, bounds=bounds)
    days = RNG.uniform(1, 19, 300)
    times = np.datetime64("2020-01-01", "us") + (days * 86400e6).astype("m8[us]")
    found = sample_velocity(make_table(AT_X, AT_Y, times), field, time_method="linear")
    days = (times - np.datetime64("2020-01-01")) / np.timedelta64(1, "D")
    there = RegularGridInterpolator((1.0 + 2 * np.arange(10), Y, X), values)
    assert found["vx"].to_numpy() == pytest.approx(there(np.stack([days, AT_Y, AT_X], axis=-1)), abs=1e-9)


def test_nearest_valid_cell_is_opt_in_within_its_distance_and_says_how_far(make_field, make_table):
    """Against brute force over all valid cells; also beside the field."""
    values = RNG.normal(size=(2, Y.size, X.size))
    values[RNG.uniform(size=values.shape) < 0.7] = np.nan
    field = make_field(values, 2 * values, x=X, y=Y, bounds=WEEKS, sigma=0.5)
    at_x, at_y = RNG.uniform(-3.2e5, 3.2e5, 400), -1.5e6 + RNG.uniform(-3.2e5, 3.2e5, 400)
    times = np.where(np.arange(400) % 2, "2020-01-03", "2020-01-12").astype("M8[us]")
    table = make_table(at_x, at_y, times)
    plain, found = sample_velocity(table, field), sample_velocity(table, field, max_gap_m=4e4)
    assert "v_gap_m" not in plain
    has = plain["v_valid"].to_numpy()
    assert (found["vx"].to_numpy()[has] == plain["vx"].to_numpy()[has]).all()
    assert (found["v_gap_m"].to_numpy()[has] == 0).all()
    for place in np.flatnonzero(~has):
        layer = 0 if place % 2 else 1
        away = np.hypot(X[None, :] - at_x[place], Y[:, None] - at_y[place])
        away[np.isnan(values[layer])] = np.inf
        row, col = np.unravel_index(np.argmin(away), away.shape)
        near = away[row, col] <= 4e4
        gap, vx = (away[row, col], values[layer, row, col]) if near else (np.nan, np.nan)
        assert found["v_gap_m"].iloc[place] == pytest.approx(gap, abs=1e-5, nan_ok=True)
        assert found["vx"].iloc[place] == pytest.approx(vx, nan_ok=True)
        assert found["vx_sigma"].iloc[place] == pytest.approx(0.5 if near else np.nan, nan_ok=True)
    assert 20 < (found["v_status"] == "nearest_valid").sum() < (~has).sum()
    assert found.attrs["altiflow"]["velocity"]["max_gap_m"] == 4e4
    assert found.attrs["altiflow"]["units"]["v_gap_m"] == "m"


def test_between_two_layers_the_wider_gap_is_told(make_field, make_table):
    values = np.full((2, Y.size, X.size), np.nan)
    values[0, 10, 8], values[1, 10, 11] = 1.0, 3.0
    field = make_field(values, 0.0, x=X, y=Y, bounds=WEEKS)
    table = make_table([X[10]], [Y[10]], "2020-01-08")
    found = sample_velocity(table, field, time_method="linear", max_gap_m=5.1e4)
    assert (found["vx"].item(), found["v_gap_m"].item()) == (pytest.approx(2.0), pytest.approx(5e4))
    assert sample_velocity(table, field, time_method="linear", max_gap_m=4.9e4, on_empty="keep")["vx"].isna().all()


def test_every_segment_without_a_velocity_has_a_reason_and_is_counted(make_field, make_table):
    values = np.ones((Y.size, X.size))
    values[:, X > 1e5] = np.nan
    field = make_field(values, 0.0, x=X, y=Y)
    table = make_table(
        [0.0, 2e5, 9e5, 0.0, 0.0, 1.2e5],
        [-1.5e6] * 6,
        ["2020-01-03", "2020-01-03", "2020-01-03", "2020-03-03", "NaT", "2020-01-03"],
    )
    found = sample_velocity(table, field, max_dt_days=3, max_gap_m=3e4)
    expected = ["sampled", "no_valid_cell", "outside_extent", "outside_period", "outside_period", "nearest_valid"]
    assert found["v_status"].tolist() == expected
    assert found.attrs["altiflow"]["velocity"]["counts"] == {
        "sampled": 1, "nearest_valid": 1, "outside_extent": 1, "outside_period": 2, "no_valid_cell": 1,
    }  # fmt: skip
    assert sample_velocity(table, field)["v_status"].tolist()[3] == "sampled"


@pytest.mark.parametrize(
    ("changed", "match"),
    [({"max_gap_m": 0.0}, "above 0"), ({"max_gap_m": np.nan}, "above 0"), ({"time_method": "cubic"}, "time_method")],
)
def test_gaps_and_rules_of_time_that_are_refused(make_field, make_table, changed, match):
    with pytest.raises(InputError, match=match):
        sample_velocity(make_table([0.0], [-1.5e6], "2020-01-03"), make_field(1.0, 0.0, x=X, y=Y), **changed)


def test_blocks_do_not_show(make_field, make_table, monkeypatch):
    values = RNG.normal(size=(2, Y.size, X.size))
    field = make_field(values, values, x=X, y=Y, bounds=WEEKS)
    times = np.where(np.arange(300) % 2, "2020-01-03", "2020-01-12").astype("M8[us]")
    table = make_table(AT_X, AT_Y, times)
    whole = sample_velocity(table, field, time_method="linear", max_gap_m=5e4)
    monkeypatch.setattr("altiflow.fusion.fields.layers._BLOCK", 7)
    assert whole.equals(sample_velocity(table, field, time_method="linear", max_gap_m=5e4))
    monkeypatch.setattr("altiflow.fusion.fields.layers._PART", 11)
    parts = sample_velocity(table, field, time_method="linear", max_gap_m=5e4)
    pd.testing.assert_frame_equal(pd.DataFrame(parts), pd.DataFrame(whole), rtol=1e-12)
