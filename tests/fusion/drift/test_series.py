"""Series of targets in a folder: made once, made anew where something changed, the same by any number of workers."""

from __future__ import annotations

import pickle
import shutil

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from altiflow.errors import EmptyDataError, InputError
from altiflow.fusion import DriftPlan, drift_series, grid_with_drift
from altiflow.fusion.drift.gridding import load_cargo
from altiflow.gridding import TallyStore, tally_segments

TARGETS = pd.date_range("2020-01-24", "2020-02-06", freq="4D")
PLAN = DriftPlan(window="6D", sigma="2 km d-1", mode="both")


@pytest.fixture
def weekly(make_drift):
    starts = np.arange(np.datetime64("2020-01-01"), np.datetime64("2020-03-04"), np.timedelta64(7, "D"))
    speed = np.linspace(-5, 9, starts.size)[:, None, None]
    return make_drift(speed, 3.0, bounds=[(start, start + 7) for start in starts])


def leave_file(path):
    """Leave a file of an earlier run."""
    xr.Dataset(attrs={"drift_signature": "of an earlier run"}).to_netcdf(path, engine="h5netcdf")


def read_all(paths):
    return [path.read_bytes() for path in paths]


def test_files_hold_what_grid_with_drift_returns(grid, weekly, make_tracks, tmp_path):
    table, small = make_tracks(), grid
    found = drift_series(table, weekly, small, tmp_path, targets=TARGETS, plan=PLAN, value="freeboard")
    assert (found.made, found.kept, found.empty) == (TARGETS.size, 0, 0)
    assert [path.name for path in found.paths][:2] == ["drift_20200124.nc", "drift_20200128.nc"]
    whole = xr.open_mfdataset(
        found.paths, combine="nested", concat_dim="time", data_vars="minimal", coords="minimal", compat="override"
    )
    alone = grid_with_drift(
        table, weekly, small, target=TARGETS, window="6D", sigma="2 km d-1", mode="both", value="freeboard"
    )
    for name in ("freeboard_mean", "freeboard_difference", "n_segments", "position_sigma", "segments_lost"):
        np.testing.assert_array_equal(whole[name].values, alone[name].values, err_msg=name)
    assert list(whole["time"].values) == list(TARGETS.to_numpy())


def test_a_second_run_makes_nothing_and_a_new_day_only_the_targets_around_it(grid, weekly, make_tracks, tmp_path):
    small, table = grid, make_tracks()
    first, later = table[table["time"] < "2020-02-05"], table[table["time"] >= "2020-02-05"]
    store = TallyStore.create(tmp_path / "winter", tally_segments(first, small, value="freeboard"))
    targets = TARGETS[1:]
    options = {"targets": targets, "plan": DriftPlan(window="6D")}
    one = drift_series(store, weekly, small, tmp_path / "out", **options)
    bits = dict(zip(one.paths, read_all(one.paths), strict=True))
    again = drift_series(store, weekly, small, tmp_path / "out", **options)
    assert (again.made, again.kept) == (0, targets.size)
    assert read_all(again.paths) == list(bits.values())
    store.add(tally_segments(later, small, value="freeboard"))
    grown = drift_series(store, weekly, small, tmp_path / "out", **options)
    around = [target for target in targets if target + pd.Timedelta("6D") >= later["time"].min()]
    assert 0 < len(around) < targets.size
    assert (grown.made, grown.kept) == (len(around), targets.size - len(around))
    fresh = drift_series(store, weekly, small, tmp_path / "fresh", **options)
    assert read_all(fresh.paths) == read_all(grown.paths)


def test_another_layer_of_motion_costs_the_targets_that_it_moves(grid, weekly, make_tracks, tmp_path):
    small, table = grid, make_tracks()
    options = {"targets": TARGETS[[0, -1]], "plan": DriftPlan(window="6D"), "value": "freeboard"}
    drift_series(table, weekly, small, tmp_path, **options)
    changed = weekly.copy(deep=True)
    changed["vx"][-2] += 1.0
    assert drift_series(table, changed, small, tmp_path, **options).kept == 1
    changed["vx"][:] += 1.0
    assert drift_series(table, changed, small, tmp_path, **options).kept == 0


def test_the_bits_are_the_same_by_two_processes(grid, weekly, make_tracks, tmp_path):
    small, table = grid, make_tracks()
    targets, plan = pd.date_range("2020-01-22", periods=2), DriftPlan(window="6D", sigma="2 km d-1")
    one, two = (
        drift_series(
            table, weekly, small, tmp_path / str(n), targets=targets, plan=plan, value="freeboard", workers=n, block=1
        )
        for n in (1, 2)
    )
    assert [path.name for path in one.paths] == [path.name for path in two.paths]
    assert read_all(one.paths) == read_all(two.paths)


@pytest.mark.parametrize("tallied", [False, True])
def test_a_process_is_sent_what_lies_around_its_targets_and_no_more(grid, make_tracks, tallied):
    table = make_tracks(passes=20)
    table.loc[::50, "freeboard"] = np.nan
    table.loc[[7, 8], "time"] = pd.NaT
    source = tally_segments(table, grid, value="freeboard") if tallied else table
    whole = load_cargo(source, grid, value="freeboard", weight="segment_length", parcel=6250.0)
    start, end = np.quantile(whole.seconds, [0.6, 0.8])
    part = whole.within(start, end)
    low, high = np.searchsorted(whole.seconds, start), np.searchsorted(whole.seconds, end, side="right")
    assert part.seconds.size == high - low
    assert part.fingerprint(0, high - low) == whole.fingerprint(low, high)
    assert part.left_out(start, end) == whole.left_out(start, end) > 0
    assert len(pickle.dumps(part)) < 0.4 * len(pickle.dumps(whole))
    some = np.arange(3, 50)
    moved = [cargo.lay(first + some, 1e4 + some, -5e3 + 0.0 * some) for cargo, first in ((part, 0), (whole, low))]
    for name in ("cell", "weight", "count", "mean"):
        np.testing.assert_array_equal(getattr(moved[0], name), getattr(moved[1], name))
    assert moved[0].tally.records.states.tobytes() == moved[1].tally.records.states.tobytes()
    assert whole.within(end + 1e9, end + 2e9).seconds.size == 0


def test_the_bits_are_the_same_on_a_cluster(grid, weekly, make_tracks, tmp_path):
    distributed = pytest.importorskip("distributed")
    store = TallyStore.create(tmp_path / "winter", tally_segments(make_tracks(), grid, value="freeboard"))
    options = {"targets": TARGETS[:3], "plan": DriftPlan(window="6D"), "block": 2}
    here = drift_series(store, weekly, grid, tmp_path / "here", **options)
    local = {"n_workers": 1, "threads_per_worker": 2, "processes": False, "dashboard_address": None}
    with distributed.LocalCluster(**local) as cluster, distributed.Client(cluster) as client:
        there = drift_series(store, weekly, grid, tmp_path / "there", client=client, **options)
    assert [path.name for path in here.paths] == [path.name for path in there.paths]
    # HDF5 lays a file out as its objects are closed, which threads of one process may do in another order.
    for one, two in zip(here.paths, there.paths, strict=True):
        with xr.open_dataset(one, engine="h5netcdf") as mine, xr.open_dataset(two, engine="h5netcdf") as theirs:
            assert mine.identical(theirs)
            for name in mine.variables:
                assert mine[name].dtype == theirs[name].dtype
                assert mine[name].values.tobytes() == theirs[name].values.tobytes(), name


def test_targets_without_segments_have_no_file_and_are_counted(grid, weekly, make_tracks, tmp_path):
    small, table = grid, make_tracks(passes=4)
    targets = ["2020-01-16", "2020-02-10T06:00"]
    leave_file(tmp_path / "drift_20200210T060000.nc")
    found = drift_series(
        table, weekly, small, tmp_path, targets=targets, plan=DriftPlan(window="2D"), value="freeboard"
    )
    assert (found.made, found.empty) == (1, 1)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["drift_20200116.nc"]
    with pytest.raises(EmptyDataError, match="no segment lies within 2D of any of 1 targets"):
        drift_series(
            table, weekly, small, tmp_path, targets="2020-02-10", plan=DriftPlan(window="2D"), value="freeboard"
        )


def test_files_that_no_series_made_are_neither_removed_nor_overwritten(grid, weekly, make_tracks, tmp_path):
    table, plan = make_tracks(passes=4), DriftPlan(window="2D")
    for name in ("drift_20200116.nc", "drift_20200220.nc"):
        (tmp_path / name).write_text("somebody's")
    with pytest.raises(InputError, match=r"drift_20200116\.nc is no file of a series and would be overwritten"):
        drift_series(table, weekly, grid, tmp_path, targets="2020-01-16", plan=plan, value="freeboard")
    with pytest.raises(EmptyDataError):
        drift_series(table, weekly, grid, tmp_path, targets="2020-02-20", plan=plan, value="freeboard")
    assert [path.read_text() for path in sorted(tmp_path.iterdir())] == ["somebody's"] * 2


def test_a_folder_that_is_a_file_is_refused(grid, weekly, make_tracks, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file; name a folder"):
        drift_series(make_tracks(passes=2), weekly, grid, tmp_path / "file", targets=TARGETS, value="freeboard")


CHANGES = {
    "freeboard_sigma": lambda table: 0.2,
    "refsurf_sigma": lambda table: 0.019,
    "refsurf_ndx": lambda table: 1,
    "granule": lambda table: table["granule"] + "x",
    "beam": lambda table: np.where(np.arange(len(table)) % 2, "gt1l", "gt2l"),
    "x_atc": lambda table: np.arange(len(table)) * 20.0,
    "time": lambda table: table["time"] + np.where(np.arange(len(table)) % 2, 1, -1) * np.timedelta64(1, "ms"),
}


@pytest.mark.parametrize("tallied", [False, True])
def test_whatever_of_the_segments_changes_the_file_is_made_anew(grid, weekly, make_tracks, tmp_path, tallied):
    table = make_tracks(passes=2).assign(refsurf_ndx=np.tile(np.arange(400) // 10, 2), refsurf_sigma=0.01)
    options = {"targets": "2020-01-16", "plan": DriftPlan(window="2D", mode="eulerian"), "value": "freeboard"}

    def run(rows, folder):
        source = tally_segments(rows, grid, value="freeboard") if tallied else rows
        return drift_series(source, weekly, grid, folder, **options)

    first = tmp_path / "first"
    assert run(table, first).made == 1
    assert run(table.copy(), first).kept == 1
    for name, change in CHANGES.items():
        shutil.copytree(first, tmp_path / name)
        assert run(table.assign(**{name: change(table)}), tmp_path / name).made == 1, name


def test_another_unit_of_the_ice_makes_the_file_anew(grid, weekly, make_tracks, tmp_path):
    axis = (np.arange(121) - 60) * 25e3
    share = xr.DataArray(np.full((121, 121), 0.9), dims=("y", "x"), coords={"y": axis, "x": axis})
    for units in ("1", "%"):
        ice = xr.Dataset({"concentration": share.assign_attrs(units=units)}, attrs={"crs": "EPSG:6931"})
        plan = DriftPlan(window="2D", ice=ice)
        found = drift_series(
            make_tracks(passes=2), weekly, grid, tmp_path, targets="2020-01-16", plan=plan, value="freeboard"
        )
        assert found.made == 1


def test_the_bits_do_not_depend_on_the_targets_that_are_worked_on_together(grid, weekly, make_tracks, tmp_path):
    table = make_tracks(passes=20)
    table.loc[::50, "freeboard"] = np.nan
    store = TallyStore.create(tmp_path / "winter", tally_segments(table, grid, value="freeboard"))
    options = {"targets": pd.date_range("2020-01-16", "2020-01-20", freq="2D"), "plan": DriftPlan(window="2D")}
    for source in (store, table):
        value = None if source is store else "freeboard"
        folders = [tmp_path / f"{'store' if source is store else 'table'}{block}" for block in (1, 8)]
        one, two = (
            drift_series(source, weekly, grid, folder, value=value, block=block, **options)
            for folder, block in zip(folders, (1, 8), strict=True)
        )
        assert read_all(one.paths) == read_all(two.paths)
        with xr.open_dataset(one.paths[0]) as first:
            assert int(first["segments_left_out"][0]) == (48 if source is store else 49)


def test_the_file_of_a_target_that_a_store_has_nothing_for_goes(grid, weekly, make_tracks, tmp_path):
    store = TallyStore.create(tmp_path / "winter", tally_segments(make_tracks(passes=4), grid, value="freeboard"))
    stale = tmp_path / "out" / "drift_20200220.nc"
    stale.parent.mkdir()
    leave_file(stale)
    plan = DriftPlan(window="2D")
    found = drift_series(store, weekly, grid, stale.parent, targets=["2020-01-16", "2020-02-20"], plan=plan, block=1)
    assert (found.made, found.empty) == (1, 1)
    assert not stale.exists()


def test_another_day_of_ice_costs_the_targets_around_it(grid, weekly, make_tracks, tmp_path):
    axis, days = (np.arange(121) - 60) * 25e3, pd.date_range("2020-01-10", "2020-02-05")
    coords = {"time": days, "y": axis, "x": axis}
    ice = xr.DataArray(np.full((days.size, 121, 121), 0.9), dims=("time", "y", "x"), coords=coords)
    ice = ice.assign_attrs(units="1", crs="EPSG:6931")
    later = ice.copy(deep=True)
    later[-1] = 0.8
    options = {"targets": ["2020-01-18", "2020-02-02"], "value": "freeboard"}
    table = make_tracks(passes=40)
    first = drift_series(table, weekly, grid, tmp_path, plan=DriftPlan(window="2D", ice=ice), **options)
    again = drift_series(table, weekly, grid, tmp_path, plan=DriftPlan(window="2D", ice=later), **options)
    assert (first.made, again.made, again.kept) == (2, 1, 1)


def test_ice_that_is_no_concentration_is_refused(grid, weekly, make_tracks, tmp_path):
    plan, table = DriftPlan(window="2D", ice="ice.nc"), make_tracks(passes=2)
    with pytest.raises(InputError, match="ice is a DataArray or Dataset"):
        drift_series(table, weekly, grid, tmp_path, targets="2020-01-16", plan=plan, value="freeboard")
