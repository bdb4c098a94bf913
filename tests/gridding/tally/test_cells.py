"""Statistics of cells against exact rational arithmetic over their segments, and against the product's own numbers."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from fractions import Fraction

import h5py
import numpy as np
import pandas as pd
import pyproj
import pytest

from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.kernel import reduce_cells
from altiflow.gridding.tally import tally_segments
from altiflow.readers import read_segments

ATL10_REAL = "atl10/processed_ATL10-01_20220107195849_02531401_006_01.h5"
ATL06_REAL = "atl06/processed_ATL06_20191106230008_06270503_006_01.h5"
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
EDGES = (-10.0, 0.0, 0.1, 0.25, 0.5, 1.0, 2000.0, 9000.0)
ONE_CELL = Grid.from_bounds("EPSG:6931", (-8e6, -8e6, 8e6, 8e6), 16e6)


@pytest.fixture(params=["numpy", "numba"])
def engine(request):
    """Return both engines, the second where it is installed."""
    if request.param == "numba":
        pytest.importorskip("numba", reason="numba is not installed (extra fast)")
    return request.param


def random_table():
    """Return 2500 segments of nine passes and three days, with ties, lengths over four decades and no sections."""
    rng = np.random.default_rng(11)
    size = 2500
    return pd.DataFrame(
        {
            "granule": rng.choice(["a", "b", "c"], size),
            "beam": rng.choice(["gt1l", "gt2l", "gt3l"], size),
            "time": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 3 * 86_400_000, size), "ms"),
            "longitude": rng.uniform(-180, 180, size),
            "latitude": rng.uniform(89.0, 90.0, size),
            "segment_length": np.exp(rng.uniform(0, 9, size)),
            "freeboard": np.round(rng.normal(0.3, 0.2, size), 2),
        }
    )


@pytest.fixture(scope="module", params=["atl10", "atl06", "random"])
def case(request, data):
    """Return a table, the value in it, and its statistics on a grid of 12.5 km."""
    if request.param == "random":
        table, value = random_table(), "freeboard"
    else:
        value = "freeboard" if request.param == "atl10" else "height"
        table = read_segments(data(ATL10_REAL if request.param == "atl10" else ATL06_REAL), beams="all")
    tally = tally_segments(
        table, Grid.named("EASE2_N12.5km"), value=value, quantiles="exact", histogram=EDGES, step="D"
    )
    return table, value, tally, tally.to_dataset("D", quantiles=SHARES, crop=True)


def groups(table, found):
    """Yield (time, row, col) of the Dataset and the rows of the table that belong there, by PROJ and a floor."""
    forward = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:6931", always_xy=True)
    x, y = forward.transform(table.longitude.to_numpy(), table.latitude.to_numpy())
    col = np.floor((x - float(found.x[0])) / 12.5e3 + 0.5).astype(int)
    row = np.floor((float(found.y[0]) - y) / 12.5e3 + 0.5).astype(int)
    day = (
        table.time.to_numpy().astype("datetime64[D]") - found.time_bnds.to_numpy()[0, 0].astype("datetime64[D]")
    ).astype(int)
    members = defaultdict(list)
    for number, key in enumerate(zip(day, row, col, strict=True)):
        members[key].append(number)
    for key, numbers in members.items():
        yield key, table.iloc[numbers]


def exact(rows, value, weight="segment_length"):
    """Return sum of w, sum of w^2, mean and variance as fractions."""
    values = [Fraction(float(number)) for number in rows[value]]
    weights = [Fraction(float(number)) for number in rows[weight]]
    total = sum(weights)
    mean = sum(w * h for w, h in zip(weights, values, strict=True)) / total
    variance = sum(w * (h - mean) ** 2 for w, h in zip(weights, values, strict=True)) / total
    return total, sum(w * w for w in weights), mean, variance


def inverted_cdf(values, weights, share):
    """Return the smallest value at which the cumulative weight reaches its share of the whole, in fractions."""
    order = np.argsort(values, kind="stable")
    whole, reached = sum(map(Fraction, weights.tolist())), Fraction(0)
    for place in order:
        reached += Fraction(float(weights[place]))
        if reached >= Fraction(str(share)) * whole:
            return values[place]
    raise AssertionError("a share above 1")


def test_moments_counts_extremes_and_times(case):
    table, value, tally, found = case
    cells = 0
    for key, rows in groups(table, found):
        cells += 1
        here = {name: found[name].to_numpy()[key] for name in found.data_vars if found[name].dims[:1] == ("time",)}
        total, _, mean, variance = exact(rows, value)
        assert here["n_segments"] == len(rows)
        assert here["n_passes"] == len(set(zip(rows.granule, rows.beam, strict=True)))
        assert here["length_sum"] == pytest.approx(float(total), rel=1e-14)
        assert here["length_mean"] == pytest.approx(float(total / len(rows)), rel=1e-14)
        assert here[f"{value}_mean"] == pytest.approx(float(mean), rel=1e-14, abs=1e-15)
        assert here[f"{value}_std"] == pytest.approx(math.sqrt(variance), rel=1e-12, abs=0.0)
        assert here[f"{value}_min"] == float(rows[value].min())
        assert here[f"{value}_max"] == float(rows[value].max())
        assert here["time_first"] == rows.time.min().to_datetime64()
        assert here["time_last"] == rows.time.max().to_datetime64()
        if "n_sections" in here:
            assert here["n_sections"] == len(set(zip(rows.granule, rows.beam, rows.refsurf_ndx, strict=True)))
    assert cells == int((found.n_segments > 0).sum()) > 2
    assert int(found.n_segments.sum()) == len(table) == tally.count


def test_records_hold_the_sums_of_weights_and_of_their_squares(case):
    table, value, tally, _ = case
    weights = {name: Fraction(0) for name in tally.passes.names}
    squares = dict(weights)
    for (granule, beam), rows in table.groupby(["granule", "beam"], observed=True):
        weights[str(granule), str(beam)], squares[str(granule), str(beam)], *_ = exact(rows, value)
    states = tally.records.states
    for number, name in enumerate(tally.passes.names):
        mine = states["unit"] == number
        assert states["weight"][mine].sum() == pytest.approx(float(weights[name]), rel=1e-13)
        assert states["weight2"][mine].sum() == pytest.approx(float(squares[name]), rel=1e-13)


def test_quantiles_spread_and_mode(case):
    table, value, _, found = case
    names = dict(zip(SHARES, ("q05", "q25", "median", "q75", "q95"), strict=True))
    for key, rows in groups(table, found):
        values, weights = rows[value].to_numpy(float), rows.segment_length.to_numpy(float)
        for share, name in names.items():
            assert found[f"{value}_{name}"].to_numpy()[key] == inverted_cdf(values, weights, share), (name, key)
        away = np.abs(values - inverted_cdf(values, weights, 0.5))
        assert found[f"{value}_mad"].to_numpy()[key] == inverted_cdf(away, weights, 0.5)
        heaviest = Counter()
        for h, w in zip(values.tolist(), weights.tolist(), strict=True):
            heaviest[h] += Fraction(w)
        most = max(heaviest.values())
        assert found[f"{value}_mode"].to_numpy()[key] in [
            h for h, w in heaviest.items() if w >= most * (1 - Fraction(1, 10**13))
        ]


def test_quantiles_are_those_of_numpy():
    table = random_table()
    found = tally_segments(table, ONE_CELL, value="freeboard", quantiles="exact").to_dataset(quantiles=SHARES)
    names = ("q05", "q25", "median", "q75", "q95")
    expected = np.quantile(table.freeboard, SHARES, method="inverted_cdf", weights=table.segment_length)
    assert [float(found[f"freeboard_{name}"].squeeze()) for name in names] == expected.tolist()
    rounded = tally_segments(table, ONE_CELL, value="freeboard", quantiles=0.05).to_dataset(quantiles=SHARES)
    off = [float(rounded[f"freeboard_{name}"].squeeze()) for name in names] - expected
    assert np.abs(off).max() <= 0.025 + 1e-12


def test_histograms_are_those_of_numpy(case):
    table, value, _, found = case
    inside = 0.0
    for key, rows in groups(table, found):
        values, weights = rows[value].to_numpy(float), rows.segment_length.to_numpy(float)
        expected, _ = np.histogram(values, bins=EDGES, weights=weights)
        weight = found[f"{value}_histogram"].to_numpy()[(slice(None), *key)]
        np.testing.assert_allclose(weight, expected, rtol=1e-12, atol=1e-9)
        inside += expected.sum()
    assert float(found[f"{value}_histogram"].sum()) == pytest.approx(inside, rel=1e-12)


def one_cell(values, weights, passes=1, engine="auto"):
    """Return mean and standard deviation of one cell, its rows dealt out to passes in turn."""
    values = np.asarray(values, float)
    table = pd.DataFrame({"h": values, "segment_length": weights, "longitude": 0.0, "latitude": 80.0})
    table["time"], table["granule"] = pd.Timestamp("2020-01-01"), "a"
    table["beam"] = np.char.add("b", (np.arange(values.size) % passes).astype(str))
    found = tally_segments(table, ONE_CELL, value="h", engine=engine).to_dataset()
    _, _, mean, variance = exact(table, "h")
    return float(found.h_mean.squeeze()), float(found.h_std.squeeze()), mean, variance


@pytest.mark.parametrize("passes", [1, 5])
@pytest.mark.parametrize(
    ("offset", "spread", "outlier", "accuracy"),
    [
        (3e3, 0.1, 0.0, 1e-12),  # Offset over spread 3e4.
        (3e3, 0.001, 0.0, 1e-9),
        (-3e3, 0.1, 0.0, 1e-12),
        (5e7, 0.1, 0.0, 1e-9),  # Like delta_time.
        (0.0, 1e-9, 0.0, 1e-12),
        (3e3, 0.1, 1e4, 1e-12),  # The first value far from all others.
        (0.0, 1e-3, 1e6, 1e-9),
    ],
)
def test_small_scatter_on_large_heights_is_kept(engine, passes, offset, spread, outlier, accuracy):
    rng = np.random.default_rng(5)
    values = offset + rng.normal(0, spread, 3000)
    values[0] += outlier
    mean, std, true_mean, true_variance = one_cell(values, rng.lognormal(3, 1, 3000), passes, engine)
    assert mean == pytest.approx(float(true_mean), rel=4e-16, abs=1e-12 * spread + 1e-18 * outlier)
    assert abs(Fraction(std) ** 2 / true_variance - 1) <= accuracy


@pytest.mark.parametrize("value", [0.1, 3000.1, -7e-30, 5e7 + 0.3, 0.0])
@pytest.mark.parametrize("passes", [1, 7])
def test_equal_values_have_no_scatter_at_all(engine, value, passes):
    weights = np.random.default_rng(6).lognormal(3, 2, 500)
    mean, std, _, _ = one_cell(np.full(500, value), weights, passes, engine)
    assert mean == value
    assert std == 0.0


def test_one_segment_is_its_own_mean(engine):
    mean, std, _, _ = one_cell([2999.37], [0.1], engine=engine)
    assert (mean, std) == (2999.37, 0.0)


def test_section_means_and_histograms_of_the_product_through_the_tally(data):
    path = data(ATL10_REAL)
    table = read_segments(path, beams="all")
    table["beam"] = table["beam"].astype(str) + " " + table["refsurf_ndx"].astype(str)
    edges = np.arange(162) * 0.025 - 0.0125
    tally = tally_segments(table, ONE_CELL, value="freeboard")
    counts = tally_segments(table, ONE_CELL, value="freeboard", weight=None, histogram=edges)
    states, bins = tally.records.states, counts.records.details["histogram"]
    known = 0
    with h5py.File(path) as file:
        for number, (_, name) in enumerate(tally.passes.names):
            beam, section = name.split()
            group = file[f"{beam}/reference_surface_section"]
            place = group["fbswath_ndx"][:].tolist().index(int(section))
            (record,) = np.flatnonzero(states["unit"] == number)
            assert states["mean"][record] == pytest.approx(group["beam_fb_refsurf"][place], abs=1e-5)
            own = bins[bins["record"] == record]
            histogram = np.zeros(161, int)
            histogram[own["key"].astype(int)] = own["count"]
            assert histogram.tolist() == group["beam_fb_hist_refsurf"][place].tolist()
            rows = table[table.beam == name]
            by_key = reduce_cells(rows.refsurf_ndx, rows.freeboard, rows.segment_length)
            assert by_key.mean[0] == pytest.approx(states["mean"][record], rel=1e-14)
            known += 1
    assert known == 11


@pytest.mark.parametrize("name", [ATL10_REAL, "atl10/processed_ATL10-01_20220103200708_01921401_006_01.h5"])
def test_leads_of_the_product_against_fractions(data, name):
    beams = []
    with h5py.File(data(name)) as file:
        for beam in (beam for beam in file if beam.startswith("gt") and f"{beam}/leads/lead_height" in file):
            leads = file[f"{beam}/leads"]
            names = ("longitude", "latitude", "delta_time", "lead_height", "lead_length")
            beams.append(pd.DataFrame({"beam": beam} | {name: leads[name][...] for name in names}))
    leads = pd.concat(beams, ignore_index=True).query(
        "abs(lead_height) < 1e30 and lead_length > 0 and lead_length < 1e30"
    )
    leads = leads.assign(granule="g", time=pd.Timestamp("2018-01-01") + pd.to_timedelta(leads["delta_time"], "s"))
    assert len(leads) > 10
    found = tally_segments(leads, Grid.named("EASE2_N12.5km"), value="lead_height", weight="lead_length").to_dataset(
        "D"
    )
    cells = 0
    for key, rows in groups(leads, found):
        total, _, mean, variance = exact(rows, "lead_height", "lead_length")
        here = {name: found[name].to_numpy()[key] for name in ("n_segments", "lead_length_sum", "lead_height_mean")}
        assert here["n_segments"] == len(rows)
        assert here["lead_length_sum"] == pytest.approx(float(total), rel=1e-14)
        assert here["lead_height_mean"] == pytest.approx(float(mean), rel=1e-14, abs=1e-15)
        assert found.lead_height_std.to_numpy()[key] == pytest.approx(math.sqrt(variance), rel=1e-12, abs=0.0)
        cells += 1
    assert cells == int((found.n_segments > 0).sum()) > 1
