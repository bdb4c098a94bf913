"""Comparisons: our own file to float32 rounding, and a file made in the official layout with known differences."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from altiflow.errors import GridMismatchError, InputError, NoOverlapError
from altiflow.gridding.atl20 import compare_atl20, mean_of_days, pooled_mean, write_atl20_months
from altiflow.gridding.frame import crs_variable
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.tally import tally_segments
from altiflow.readers.atl20 import read_atl20
from altiflow.readers.segments import read_segments

COLUMNS = ["layer", "variable", "both", "only_file", "only_ours", "mean_difference", "rms", "max_abs", "p95_abs"]


def test_own_file_differs_by_the_rounding_of_float32(written, north):
    found = compare_atl20(written, north)
    table = found.table
    assert list(table.columns) == [*COLUMNS, "correlation", "share_within"]
    assert len(table) == 4 * (1 + 28)
    assert not table[["only_file", "only_ours"]].to_numpy().any()
    filled = table[table.both > 0]
    assert set(filled.layer) == {"monthly", "day03", "day04", "day06", "day28"}
    heights = filled[filled.variable.isin(["mean_fb", "sigma"])]
    assert heights.max_abs.max() <= 2.0**-25
    assert filled[filled.variable == "length_sum"].max_abs.max() <= 2.0**-24 * 4 * 3000 * 60
    assert (filled[filled.variable == "n_segs"].max_abs == 0).all()
    assert (filled.share_within == 1).all()
    assert filled.correlation.min() > 1 - 1e-12
    assert (found.days_in_file, found.days_in_ours, found.monthly_mean) == (28, 5, "mean_of_days")


def test_a_month_may_be_given_alone_and_the_pooled_one_differs(written, north):
    ours = compare_atl20(written, mean_of_days(north), month="2022-02")
    pooled = compare_atl20(written, pooled_mean(north))
    assert len(ours.table) == len(pooled.table) == 4
    assert ours.table.max_abs[0] <= 2.0**-25
    assert pooled.monthly_mean == "pooled"
    expected = (pooled_mean(north) - mean_of_days(north)).freeboard_mean.to_numpy()
    assert pooled.table.max_abs[0] == pytest.approx(np.nanmax(np.abs(expected)), rel=1e-5)
    assert pooled.table.rms[0] == pytest.approx(np.sqrt(np.nanmean(expected**2)), rel=1e-5)
    assert pooled.table.variable.tolist() == ["mean_fb", "sigma", "length_sum", "n_segs"]


def test_the_days_of_a_file_give_its_month(written):
    assert compare_atl20(written, read_atl20(written).daily).table.max_abs[0] < 1e-6


def test_official_layout_with_known_differences(north, official, as_official):
    first, second, *_ = (north.isel(time=number) for number in (0, 1))
    layers = {
        "monthly": as_official(mean_of_days(north).isel(time=0)),
        "daily/day03": as_official(first),
        "daily/day04": as_official(second),
        "daily/day09": as_official(first),
    }
    held = np.argwhere(first.n_segments.to_numpy() > 0)
    none = np.argwhere(first.n_segments.to_numpy() == 0)
    changed = layers["daily/day03"]
    for row, col in held[:100]:
        changed["mean_fb"][row, col] -= np.float32(0.01)
    for row, col in held[100:107]:
        for name in ("mean_fb", "sigma", "length_sum", "n_segs"):
            changed[name][row, col] = np.float32(3.4028235e38)
    for row, col in none[:3]:
        changed["mean_fb"][row, col], changed["n_segs"][row, col] = 0.2, 5
    path = official(layers, upward=True)
    found = compare_atl20(path, north)
    assert (found.month, found.hemisphere, found.days_in_file, found.days_in_ours) == ("2022-02", "north", 3, 5)
    table = found.table.set_index(["layer", "variable"])
    row, size = table.loc[("day03", "mean_fb")], len(held)
    assert (row.both, row.only_file, row.only_ours) == (size - 7, 3, 7)
    assert row.mean_difference == pytest.approx(0.01 * 100 / (size - 7), rel=1e-4)
    assert row.rms == pytest.approx(0.01 * np.sqrt(100 / (size - 7)), rel=1e-4)
    assert row.max_abs == pytest.approx(0.01, abs=1e-6)
    assert row.share_within == pytest.approx(1 - 100 / (size - 7), abs=1e-12)
    assert 0.99 < row.correlation < 1
    assert table.loc[("day03", "sigma")].share_within == 1
    assert table.loc[("day03", "sigma")].only_file == 0
    assert table.loc[("day03", "n_segs")].only_file == 3
    assert table.loc[("day04", "mean_fb")].max_abs <= 2.0**-25
    assert table.loc[("monthly", "sigma")].max_abs <= 2.0**-25
    assert (table.loc[("day09", "mean_fb")].both, table.loc[("day09", "mean_fb")].only_file) == (0, size)
    assert table.loc[("day06", "n_segs")].only_ours == int((north.n_segments[3] > 0).sum())
    assert "3 in the file, 5 in ours" in found.text
    assert len(found.text.splitlines()) == 10


def test_report_is_written(written, north, tmp_path):
    found = compare_atl20(written, mean_of_days(north))
    table = pd.read_csv(found.write(tmp_path / "new" / "a.csv"))
    pd.testing.assert_frame_equal(table, found.table, check_exact=False)
    text = found.write(tmp_path / "a.md").read_text()
    assert text.count("\n| monthly |") == 4
    assert "2022-02" in text
    with pytest.raises(InputError, match=r"csv or \.md"):
        found.write(tmp_path / "a.txt")


def test_refusals(written, north):
    with pytest.raises(InputError, match="2022-02"):
        compare_atl20(written, north, month="2022-03")
    other = north.assign_coords(time_bnds=north.time_bnds + np.timedelta64(365, "D"))
    with pytest.raises(NoOverlapError, match="2023-02"):
        compare_atl20(written, other)
    wgs = north.assign(crs=crs_variable(Grid.named("NSIDC_PS_WGS84_N25km")))
    with pytest.raises(GridMismatchError, match=r"EPSG:3413"):
        compare_atl20(written, wgs)
    south = Grid.named("NSIDC_PS_S25km").window(slice(0, 4), slice(0, 4))
    small = north.isel(y=slice(0, 4), x=slice(0, 4)).assign_coords(x=south.x, y=south.y)
    with pytest.raises(NoOverlapError, match="north"):
        compare_atl20(written, small.assign(crs=crs_variable(south)))
    with pytest.raises(InputError, match="freeboard_std"):
        compare_atl20(written, north.drop_vars("freeboard_std"))
    with pytest.raises(InputError, match="one day or of one calendar month"):
        compare_atl20(written, north.assign_coords(time_bnds=north.time_bnds + np.timedelta64(6, "h")))


def test_a_real_granule_from_segments_to_parity(data, tmp_path):
    table = read_segments([data("atl10/processed_ATL10-01_20220107195849_02531401_006_01.h5")])
    tally = tally_segments(table, Grid.named("NSIDC_PS_N25km"), value="freeboard", step="D")
    (path,) = write_atl20_months(tally, tmp_path, release="006")
    assert path.name == "ATL20-01_202201_006_altiflow.h5"
    written = read_atl20(path)
    assert written.monthly.n_segments.sum() == tally.count == len(table)
    assert str(written.monthly.data_begin.values[0])[:13] == "2022-01-07T20"
    found = compare_atl20(path, tally.to_dataset("MS"))
    # One day: its mean is the month's, pooled or not.
    assert found.table.both[0] == 4
    assert not found.table[["only_file", "only_ours"]].to_numpy().any()
    assert found.table.max_abs[:2].max() < 1e-7
