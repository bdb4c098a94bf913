"""What holds whatever the ice does: nothing moves, nothing is lost, and no order matters."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyproj
import pytest
import xarray as xr

from altiflow.errors import NoOverlapError
from altiflow.fusion import grid_with_drift
from altiflow.gridding import Grid, grid_segments, merge_tallies, tally_segments

TARGET, WINDOW = "2020-01-31", "16D"


def same_bits(one: xr.DataArray, other: xr.DataArray) -> bool:
    left, right = one.values, other.values
    if left.dtype.kind == "M":
        left, right = left.astype(np.int64), right.astype(np.int64)
    return np.array_equal(left, right, equal_nan=left.dtype.kind == "f")


def test_without_drift_the_grid_is_that_of_the_plain_gridder_to_the_bit(grid, make_drift, make_tracks):
    table = make_tracks()
    found = grid_with_drift(
        table, make_drift(0.0, 0.0), grid, target=TARGET, window=WINDOW, value="freeboard", mode="both"
    )
    plain = grid_segments(table, grid, value="freeboard")
    for name in set(plain.data_vars) - {"crs"}:
        assert same_bits(found[name], plain[name]), name
    for name in ("n_segments", "length_sum", "freeboard_mean", "freeboard_std", "freeboard_sigma"):
        assert same_bits(found[f"{name}_eulerian"], plain[name]), name
    filled = found["n_segments"].values > 0
    assert (found["freeboard_difference"].values[filled] == 0).all()
    assert (found["distance_mean"].values[filled] == 0).all()


def test_without_drift_a_field_of_another_map_gives_the_same_bits(grid, make_drift, make_tracks):
    table = make_tracks()
    field = make_drift(0.0, 0.0, crs="EPSG:3408")
    found = grid_with_drift(table, field, grid, target=TARGET, window=WINDOW, value="freeboard")
    plain = grid_segments(table, grid, value="freeboard")
    assert same_bits(found["freeboard_mean"], plain["freeboard_mean"])


def test_records_of_a_tally_that_do_not_move_give_the_grid_of_the_tally_to_the_bit(grid, make_drift, make_tracks):
    table = make_tracks()
    fine = Grid.named("EASE2_N12.5km")
    tally = tally_segments(table, fine, value="freeboard")
    found = grid_with_drift(tally, make_drift(0.0, 0.0), grid, target=TARGET, window=WINDOW)
    plain = tally.coarsen(grid).to_dataset()
    for name in set(plain.data_vars) - {"crs"}:
        assert same_bits(found[name], plain[name]), name


@pytest.mark.parametrize("target", ["2020-01-31T05:00", "2020-01-22T05:00", "2020-02-10T07:00"])
def test_what_is_gridded_lost_and_outside_adds_up(grid, make_drift, make_tracks, target):
    table = make_tracks()
    small = grid.window(slice(25, 55), slice(25, 55))
    field = make_drift(9.0, -4.0, half=20)
    found = grid_with_drift(table, field, small, target=target, window="8D", value="freeboard")
    number = {name: found[name].values[0] for name in found.data_vars if found[name].dims == ("time",)}
    moment = np.datetime64(target, "ns")
    away = np.abs(table["time"].to_numpy() - moment)
    inside = table[away <= np.timedelta64(8, "D")]
    assert number["segments_lost"] > 0
    assert number["segments_outside_grid"] > 0
    assert number["segments_gridded"] == found["n_segments"].values.sum()
    parts = ("gridded", "lost", "outside_grid")
    assert sum(number[f"segments_{part}"] for part in parts) == number["segments_in_window"] == len(inside)
    assert sum(number[f"weight_{part}"] for part in parts) == pytest.approx(inside["segment_length"].sum(), rel=1e-12)
    assert np.nansum(found["length_sum"].values) == pytest.approx(number["weight_gridded"], rel=1e-12)
    words = ("arrived", "left_field", "left_period", "no_velocity", "ice_edge")
    assert sum(number[f"parcels_{word}"] for word in words) == number["parcels_in_window"]


def test_the_order_of_the_rows_changes_only_the_rounding_and_no_count(grid, make_drift, make_tracks):
    table, field = make_tracks(passes=20), make_drift(8.0, 3.0)
    shuffled = table.sample(frac=1.0, random_state=1)
    one, two = (
        grid_with_drift(each, field, grid, target=TARGET, window=WINDOW, value="freeboard")
        for each in (table, shuffled)
    )
    assert same_bits(one["n_segments"], two["n_segments"])
    np.testing.assert_allclose(one["freeboard_mean"], two["freeboard_mean"], rtol=1e-12)


def test_tallies_merged_in_any_order_give_the_same_bits(grid, make_drift, make_tracks):
    table, field = make_tracks(passes=20), make_drift(8.0, 3.0)
    parts = [tally_segments(part, grid, value="freeboard") for _, part in table.groupby("granule")]
    one, two = (
        grid_with_drift(merge_tallies(order), field, grid, target=TARGET, window=WINDOW)
        for order in (parts, parts[::-1])
    )
    for name in set(one.data_vars) - {"crs"}:
        assert same_bits(one[name], two[name]), name


def test_a_target_alone_and_in_a_series_are_the_same_to_the_bit(grid, make_drift, make_tracks):
    table = make_tracks()
    edges = [("2020-01-01", "2020-01-20"), ("2020-01-20", "2020-02-05"), ("2020-02-05", "2020-03-01")]
    speed = np.array([4.0, 9.0, -3.0])[:, None, None]
    field = make_drift(speed, 3.0, bounds=edges)
    targets = np.array(["2020-01-25", "2020-01-28T05:00", "2020-02-03"], "M8[ns]")
    series = grid_with_drift(table, field, grid, target=targets, window="10D", value="freeboard", sigma="2 km d-1")
    assert list(series["time"].values) == list(targets)
    for number, target in enumerate(targets):
        alone = grid_with_drift(table, field, grid, target=target, window="10D", value="freeboard", sigma="2 km d-1")
        for name in ("n_segments", "freeboard_mean", "position_sigma", "age_mean", "segments_gridded", "time_bnds"):
            assert same_bits(series[name][number], alone[name][0]), (name, target)


def test_rows_of_the_y_axis_may_run_either_way(grid, make_drift, make_tracks):
    table, field = make_tracks(passes=10), make_drift(8.0, 3.0)
    one, two = (
        grid_with_drift(table, each, grid, target=TARGET, window=WINDOW, value="freeboard")
        for each in (field, field.isel(y=slice(None, None, -1)))
    )
    assert same_bits(one["freeboard_mean"], two["freeboard_mean"])


def test_segments_move_as_the_ice_does_by_hand(grid, make_drift, make_tracks):
    table = make_tracks(passes=12)
    found = grid_with_drift(
        table, make_drift(8.0, 3.0), grid, target=TARGET, window=WINDOW, value="freeboard", parcel=1.0
    )
    forth = pyproj.Transformer.from_crs("EPSG:4326", grid.crs, always_xy=True)
    x, y = forth.transform(table["longitude"].to_numpy(), table["latitude"].to_numpy())
    days = (np.datetime64(TARGET, "ns") - table["time"].to_numpy()) / np.timedelta64(1, "D")
    row, col = grid.rowcol(x + 8e3 * days, y + 3e3 * days)
    flat = row * grid.shape[1] + col
    weight = np.bincount(flat, table["segment_length"], minlength=grid.shape[0] * grid.shape[1])
    moment = np.bincount(flat, table["segment_length"] * table["freeboard"], minlength=weight.size)
    np.testing.assert_allclose(found["length_sum"].fillna(0.0).values.ravel(), weight, rtol=1e-12)
    filled = weight > 0
    np.testing.assert_allclose(
        found["freeboard_mean"].values.ravel()[filled], (moment / np.where(filled, weight, 1))[filled]
    )
    age = np.bincount(flat, table["segment_length"] * days, minlength=weight.size)[filled] / weight[filled]
    np.testing.assert_allclose(found["age_mean"].values.ravel()[filled], age, atol=1e-6)


def test_what_was_left_out_is_counted_for_the_window_and_attributes_list_what_is_in_all(grid, make_drift, make_tracks):
    table = make_tracks(passes=20)
    table.loc[table.index[5], "freeboard"] = np.nan
    table.loc[table.index[-5], "freeboard"] = np.nan
    targets = ["2020-01-16", "2020-01-24"]
    found = grid_with_drift(table, make_drift(3.0, 1.0), grid, target=targets, window="1D", value="freeboard")
    assert found["segments_left_out"].values.tolist() == [1, 1]
    assert found.attrs["granules"].count("pass") > 4
    for target in targets:
        alone = grid_with_drift(table, make_drift(3.0, 1.0), grid, target=target, window="1D", value="freeboard")
        assert set(alone.attrs["granules"].split()) <= set(found.attrs["granules"].split())


def test_a_target_of_another_time_zone_is_the_same_moment(grid, make_drift, make_tracks):
    table = make_tracks(passes=6)
    for target in (pd.Timestamp("2020-01-16", tz="Etc/GMT+8"), "2020-01-16T00:00-08:00"):
        found = grid_with_drift(table, make_drift(3.0, 1.0), grid, target=target, window="1D", value="freeboard")
        assert found["time"].values[0] == np.datetime64("2020-01-16T08:00")


def test_the_eulerian_grid_says_so_though_a_field_is_given(grid, make_drift, make_tracks):
    found = grid_with_drift(
        make_tracks(passes=4), make_drift(3, 1), grid, target="2020-01-16", value="freeboard", mode="eulerian"
    )
    assert found.attrs["title"].endswith("where it was measured")
    assert "velocity_source" not in found.attrs


def test_how_far_ice_went_that_is_taken_to_stand_is_not_known(grid, make_tracks):
    found = grid_with_drift(make_tracks(passes=4), None, grid, target=TARGET, value="freeboard", mode="eulerian")
    filled = found["n_segments"].values > 0
    assert np.isfinite(found["freeboard_sigma_measurement"].values[filled]).all()
    for name in ("position_sigma", "freeboard_sigma_drift", "freeboard_sigma_total"):
        assert np.isnan(found[name].values).all(), name


def test_a_tally_of_the_other_hemisphere_is_refused(grid, make_tracks):
    south = Grid.named("EASE2_S25km")
    table = make_tracks(passes=2).assign(latitude=-60.0)
    tally = tally_segments(table, south, value="freeboard")
    with pytest.raises(NoOverlapError, match="hemisphere of grid EASE2_N25km"):
        grid_with_drift(tally, None, Grid.named("EASE2_N25km"), target="2020-01-16", mode="eulerian")
