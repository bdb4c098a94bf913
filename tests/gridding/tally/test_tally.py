"""The tally: the same bits in any order and partition of whole beams, the same numbers in any other."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altiflow.errors import EmptyDataError, InputError
from altiflow.gridding.bucket import grid_segments
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.kernel import STATE
from altiflow.gridding.kernel.single import BLOCK
from altiflow.gridding.tally import Tally, merge_tallies, tally_segments

GRID = Grid.named("EASE2_N6.25km").window(slice(1280, 1600), slice(1280, 1600))
OPTIONS = {"value": ["freeboard", "height"], "quantiles": 0.001, "histogram": [0.0, 0.2, 0.5, 1.0]}


@pytest.fixture(scope="module")
def table(make_passes):
    return make_passes()


@pytest.fixture(scope="module")
def whole(table):
    return tally_segments(table, GRID, **OPTIONS)


def tally(table, **options):
    return tally_segments(table, GRID, **(OPTIONS | options))


def close(one: Tally, two: Tally) -> None:
    """Equal keys and counts; sums, means and details equal to 1e-12."""
    assert one.passes.names == two.passes.names
    for name in ("value", "unit", "cell", "bin", "count", "low", "high", "first", "last"):
        assert (one.records.states[name] == two.records.states[name]).all(), name
    for name in ("weight", "weight2", "mean"):
        assert one.records.states[name] == pytest.approx(two.records.states[name], rel=1e-12), name
    scale = one.records.states["weight"] * np.maximum(one.records.states["mean"] ** 2 * 1e-9, 1e-6)
    assert (np.abs(one.records.states["m2"] - two.records.states["m2"]) <= 1e-6 * scale + 1e-12).all()
    for name, detail in one.records.details.items():
        assert (detail["key"] == two.records.details[name]["key"]).all()
        assert detail["amount"] == pytest.approx(two.records.details[name]["amount"], rel=1e-12)


def test_records_are_in_order_and_add_up_to_the_table(table, whole):
    keys = [whole.records.states[name] for name in ("value", "bin", "cell", "unit")]
    order = np.lexsort(keys[::-1])
    assert (order == np.arange(order.size)).all()
    assert whole.count == len(table)
    weights = whole.records.states["weight"][whole.records.states["value"] == 0]
    assert weights.sum() == pytest.approx(table.segment_length.astype(float).sum(), rel=1e-12)
    assert len(whole.passes.names) == 12
    assert np.unique(whole.records.states["bin"]).size == 2


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_whole_beams_in_any_partition_and_order_give_the_same_bits(data, table, whole, bits):
    beams = [part for _, part in table.groupby(["granule", "beam"], sort=False)]
    order = data.draw(st.permutations(range(len(beams))))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(beams) - 1), max_size=5)))
    groups = np.split(np.array(order), cuts)
    parts = [tally(pd.concat([beams[i] for i in group])) for group in groups]
    merged = parts[0]
    if data.draw(st.booleans()):
        for part in parts[1:]:
            merged = merged + part
    else:
        merged = merge_tallies(parts)
    assert bits(merged) == bits(whole)


@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_any_other_split_and_order_gives_the_same_numbers(data, table, whole):
    seed = data.draw(st.integers(0, 2**31))
    rng = np.random.default_rng(seed)
    rows = table.iloc[rng.permutation(len(table))]
    groups = np.array_split(np.arange(len(rows)), data.draw(st.integers(1, 6)))
    merged = merge_tallies([tally(rows.iloc[group]) for group in groups])
    close(merged, whole)


def test_a_pass_longer_than_a_block_is_the_same_beside_others(make_passes, bits):
    long = make_passes(granules=1, rows=BLOCK + 5000, seed=4)
    others = make_passes(granules=3, rows=300, seed=5)
    others["granule"] = others["granule"] + "x"
    together = tally(pd.concat([others.iloc[:900], long, others.iloc[900:]]))
    apart = tally(long) + tally(others)
    assert bits(together) == bits(apart)


def test_shuffled_rows_of_one_pass_are_the_same_beside_others(make_passes, bits):
    wild = make_passes(granules=1, rows=5000, seed=6).sample(frac=1.0, random_state=0)
    calm = make_passes(granules=1, rows=5000, seed=7)
    calm["granule"] = "calm"
    assert bits(tally(pd.concat([wild, calm]))) == bits(tally(calm) + tally(wild))


def test_both_engines_give_the_same_cells_and_sums_to_rounding(table):
    pytest.importorskip("numba", reason="numba is not installed (extra fast)")
    close(tally(table, engine="numpy"), tally(table, engine="numba"))


def test_arrow_and_pandas_give_the_same_bits(table, whole, bits):
    plain = pd.DataFrame(table.drop(columns="geometry"))
    plain.attrs = dict(table.attrs)
    arrow = pa.Table.from_pandas(pd.DataFrame(plain.to_dict("list")).astype(plain.dtypes.to_dict()))
    told = tally_segments(plain, GRID, **OPTIONS)
    assert bits(told) == bits(whole)
    assert tally_segments(arrow, GRID, **OPTIONS).records.states.tobytes() == whole.records.states.tobytes()


def test_points_in_the_grids_own_crs_stay_where_they_are(table, whole):
    moved = tally(table.to_crs("EPSG:6931"))
    assert (moved.records.states["cell"] == whole.records.states["cell"]).mean() > 0.999
    assert moved.count == whole.count


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_coarser_grids_come_from_the_records_exactly(table, whole, factor):
    direct = tally_segments(table, GRID.coarsen(factor), **OPTIONS)
    close(whole.coarsen(factor), direct)
    noise = direct.records.states["noise"]
    assert whole.coarsen(factor).records.states["noise"] == pytest.approx(noise, rel=1e-12, nan_ok=True)
    close(whole.coarsen(2).coarsen(2), whole.coarsen(4))
    if factor == 4:
        named = Grid.named("EASE2_N25km")
        close(whole.coarsen(named), tally_segments(table, named, **OPTIONS))


@pytest.mark.parametrize("freq", [None, "D", "MS", "QS-DEC", "YS", "7D"])
def test_longer_periods_come_from_the_records_exactly(table, whole, freq):
    from_days = whole.to_dataset(freq)
    direct = grid_segments(table, GRID, value="freeboard", freq=freq)
    assert (from_days.n_segments.to_numpy() == direct.n_segments.to_numpy()).all()
    assert (from_days.n_passes.to_numpy() == direct.n_passes.to_numpy()).all()
    assert (from_days.n_sections.to_numpy() == direct.n_sections.to_numpy()).all()
    for name in ("freeboard_mean", "freeboard_std", "freeboard_sigma", "length_sum", "freeboard_min", "freeboard_max"):
        np.testing.assert_allclose(from_days[name], direct[name], rtol=1e-12, atol=1e-13, err_msg=name)


def test_a_pass_over_midnight_is_one_pass_of_a_month(table, whole):
    days, month = whole.to_dataset("D"), whole.to_dataset("QS-DEC")
    assert int(days.n_passes.sum()) > int(month.n_passes.sum())
    assert int(days.n_segments.sum()) == int(month.n_segments.sum())


def test_a_winter_is_any_period(whole):
    winter = whole.to_dataset(periods=[["2018-11-01", "2019-01-31"]])
    assert 0 < int(winter.n_segments.sum()) < whole.count
    assert winter.time_bnds.to_numpy().astype("datetime64[D]").tolist()[0][0].year == 2018
    with pytest.raises(InputError, match="cut through the tally's time bins of 86400 s"):
        whole.to_dataset(periods=[["2018-11-01", "2019-01-30T12:00"]])


def test_granules_are_removed_and_selected_to_the_bit(table, whole, bits):
    gone = whole.granules[1]
    rest = tally(table[table.granule != gone])
    assert bits(whole.remove([gone])) == bits(rest)
    assert bits(rest + tally(table[table.granule == gone])) == bits(whole)
    assert bits(whole.select([gone])) == bits(tally(table[table.granule == gone]))
    with pytest.raises(InputError, match="no granule nonesuch"):
        whole.remove(["nonesuch"])


def test_what_cannot_be_merged_is_refused(table, whole):
    with pytest.raises(InputError, match="3411"):
        whole + tally_segments(table, Grid.named("NSIDC_PS_N25km"), **OPTIONS)
    with pytest.raises(InputError, match=whole.grid.signature):
        whole + tally_segments(table, Grid.named("EASE2_N25km"), **OPTIONS)
    for changed in ({"value": "freeboard"}, {"weight": None}, {"step": "h"}, {"quantiles": "exact"}, {"histogram": ()}):
        with pytest.raises(InputError, match=r"different (values|weight|options)"):
            whole + tally(table, **changed)
    other = table.copy()
    other.attrs["altiflow"] = table.attrs["altiflow"] | {"product": "ATL06"}
    with pytest.raises(InputError, match=r"different product.*ATL10 and ATL06"):
        whole + tally(other)
    with pytest.raises(InputError, match="no tally to merge"):
        merge_tallies([])
    with pytest.raises(InputError, match="not made of whole cells"):
        whole.coarsen(Grid.named("NSIDC_PS_N25km"))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"step": "MS"}, "step must be 'D', 'h', a number of seconds"),
        ({"step": 7000}, "divides a day"),
        ({"quantiles": "many"}, "quantiles must be"),
        ({"quantiles": -1.0}, "positive resolution"),
        ({"histogram": [1.0, 0.0]}, "ascending edges"),
        ({"value": "thickness"}, "no column thickness"),
        ({"value": []}, "at least one column"),
        ({"weight": "granule"}, "must hold numbers"),
        ({"engine": "fortran"}, "engine must be"),
    ],
)
def test_senseless_arguments_are_refused(table, changed, message):
    with pytest.raises(InputError, match=message):
        tally(table, **changed)


def test_nothing_to_count_is_said(table):
    with pytest.raises(EmptyDataError, match="no rows"):
        tally(table.iloc[:0])
    with pytest.raises(EmptyDataError, match=f"not one of the {len(table)} rows"):
        tally(table.assign(freeboard=np.nan), value="freeboard")


def test_rows_that_do_not_count_are_counted(table):
    broken = table.copy()
    broken.loc[3, "freeboard"] = np.nan
    broken.loc[5, "segment_length"] = -1.0
    broken.loc[7, "segment_length"] = np.inf
    broken.loc[9, "time"] = pd.NaT
    found = tally(broken)
    assert found.passes.left_out.sum(axis=0).tolist() == [4, 3]
    assert found.count == len(table) - 4
    assert found.to_dataset().attrs["segments_left_out"] == 4
    assert tally(broken, step=None).passes.left_out.sum(axis=0).tolist() == [3, 2]
    far = Grid.named("EASE2_S25km")
    outside = tally_segments(table, far, value="freeboard")
    assert outside.count == 0
    assert outside.to_dataset().attrs["segments_outside_grid"] == len(table)


def test_constant_values_have_no_scatter_and_single_ones_no_spread(table):
    found = tally(table.assign(freeboard=np.float32(0.1)), value="freeboard")
    assert (found.records.states["m2"] == 0.0).all()
    assert (found.to_dataset().freeboard_std.to_numpy()[found.to_dataset().n_segments.to_numpy() > 0] == 0).all()


def test_minimum_count_and_length_empty_the_others_but_not_their_count(whole):
    full = whole.to_dataset("MS", crop=True)
    few = whole.to_dataset("MS", crop=True, min_count=100)
    long = whole.to_dataset("MS", crop=True, min_weight=4000.0)
    assert (few.n_segments == full.n_segments).all()
    assert (np.isfinite(few.freeboard_mean) == (full.n_segments >= 100)).all()
    assert (np.isfinite(long.freeboard_mean) == (full.length_sum >= 4000.0)).all()


def test_sizes_are_sparse(whole):
    assert whole.records.states.nbytes < 5e5
    assert STATE.itemsize == 80
