"""How often ground is covered, against sums over all pairs; and the empirical sigma of passes of unequal weight."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from altiflow.errors import InputError
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.tally import tally_segments
from altiflow.gridding.tally.building.overlap import overlap_factors


@pytest.mark.parametrize("by_length", [True, False])
@pytest.mark.parametrize(("stretch", "ordered"), [(2e4, False), (2e5, False), (2e5, True), (200, True)])
def test_factors_are_the_sums_over_all_pairs(by_length, stretch, ordered):
    rng = np.random.default_rng(0)
    place, length = rng.uniform(2e7, 2e7 + stretch, 800), rng.lognormal(4, 1, 800)
    place = np.sort(place) if ordered else place
    unit = rng.integers(0, 3, 800).astype(np.int32)
    shared = np.minimum.outer(place + length / 2, place + length / 2) - np.maximum.outer(
        place - length / 2, place - length / 2
    )
    shared = np.clip(shared, 0, None) * (unit[:, None] == unit)
    expected = shared.sum(axis=1) / length if by_length else (shared / length).sum(axis=1)
    found = overlap_factors(place, length, unit, by_length=by_length)
    assert found == pytest.approx(np.maximum(expected, 1.0), rel=1e-8)


def test_segments_that_do_not_touch_have_no_overlap():
    unit = np.zeros(3, np.int32)
    assert overlap_factors([0.0, 60.0, 900.0], [100.0, 10.0, 40.0], unit).tolist() == [1.0, 1.0, 1.0]
    assert overlap_factors([0.0, 0.0, np.nan], [40.0, 40.0, 40.0], unit).tolist() == [2.0, 2.0, 1.0]
    assert overlap_factors([0.0, 0.0], [40.0, -1.0], unit[:2]).tolist() == [1.0, 1.0]
    assert overlap_factors([], [], unit[:0]).size == 0


def table(means, weights, **columns):
    """One segment per pass, all in one cell."""
    count = len(means)
    return pd.DataFrame(
        {
            "longitude": np.zeros(count),
            "latitude": np.full(count, 80.0),
            "granule": [f"g{i}" for i in range(count)],
            "beam": "gt1r",
            "time": pd.Timestamp("2020-01-01"),
            "freeboard": means,
            "segment_length": weights,
            **columns,
        }
    )


def tallied(frame, **options):
    return tally_segments(frame, Grid.named("EASE2_N25km"), **({"value": "freeboard"} | options))


def test_the_empirical_sigma_is_the_jackknife_by_hand():
    found = tallied(table([0.2, 0.3, 0.7], [10.0, 20.0, 30.0])).to_dataset(crop=True)
    mean = (2.0 + 6.0 + 21.0) / 60.0
    left_out = np.array([27.0 / 50.0, 23.0 / 40.0, 8.0 / 30.0])
    expected = np.sqrt(2 / 3 * ((left_out - mean) ** 2).sum())
    assert float(found.freeboard_sigma_passes.max()) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("weights", [(1.0, 1.0), (4.0, 1.0), (100.0, 1.0)])
def test_passes_of_unequal_weight_do_not_hide_their_scatter(weights):
    rng = np.random.default_rng(1)
    share = np.array(weights) / sum(weights)
    truth = np.sqrt((share**2).sum())
    cells = 600
    frame = table(rng.normal(0, 1, 2 * cells), np.tile(weights, cells))
    frame["granule"] = np.tile(["a", "b"], cells)
    frame["longitude"] = np.repeat(np.arange(cells) % 200 * 1.8, 2)
    frame["latitude"] = np.repeat(75.0 - 5.0 * (np.arange(cells) // 200), 2)
    found = tallied(frame).to_dataset()
    filled = found.n_passes.to_numpy() == 2
    assert filled.sum() == cells
    assert found.freeboard_mean.to_numpy()[filled].std() == pytest.approx(truth, rel=0.1)
    assert np.sqrt((found.freeboard_sigma_passes.to_numpy()[filled] ** 2).mean()) == pytest.approx(truth, rel=0.15)


def one_section(count, *, ndx=7, **columns):
    """Return segments of one pass, of one section unless told otherwise, each with 3 cm of its own and 4 cm of it."""
    stated = {"granule": "a", "refsurf_ndx": ndx, "refsurf_sigma": 0.04, "freeboard_sigma": 0.05, **columns}
    return table(np.full(count, 0.3), np.full(count, 50.0), **stated)


def sigma_of(frame, **options):
    return float(tallied(frame).to_dataset(crop=True, **options).freeboard_sigma.max())


@pytest.mark.parametrize("count", [1, 4, 100, 2500])
def test_the_error_of_a_section_stays_however_many_segments_it_has(count):
    apart = one_section(count, x_atc=np.arange(count) * 60.0)
    assert sigma_of(apart) == pytest.approx(np.sqrt(0.04**2 + 0.03**2 / count), rel=1e-9)


@pytest.mark.parametrize(("spacing", "times"), [(50.0, 1), (25.0, 2), (6.25, 8)])
def test_the_independent_part_grows_with_how_often_the_ground_is_covered(spacing, times):
    """Of a strong beam about twice, of a weak one 6.5 to 9 times; the ends of the chain are covered less."""
    count = 4000
    frame = one_section(count, x_atc=np.arange(count) * spacing, refsurf_sigma=0.0, freeboard_sigma=0.03)
    assert sigma_of(frame) == pytest.approx(0.03 * np.sqrt(times / count), rel=5e-3)


def test_overlapping_segments_have_the_mean_of_the_thinned_ones():
    place = np.arange(400) * 25.0
    value = 0.3 + 0.1 * np.sin(place / 700.0)
    doubled = one_section(400, x_atc=place).assign(freeboard=value)
    means = [float(tallied(part).to_dataset(crop=True).freeboard_mean.max()) for part in (doubled, doubled[::2])]
    assert means[0] == pytest.approx(means[1], abs=5e-4)
    # The same photons, told twice: not the root of two more certain.
    assert sigma_of(doubled) == pytest.approx(sigma_of(doubled[::2]), rel=1e-2)


@pytest.mark.parametrize("rho", [0.0, 0.5, 1.0])
def test_neighbouring_sections_may_be_correlated(rho):
    """Against the double sum over the sections of a pass; another pass has its own, whatever their numbers."""
    ndx = np.array([3, 3, 4, 6, 4])
    one = one_section(5, ndx=ndx, x_atc=np.arange(5) * 60.0, freeboard_sigma=0.04)
    two = one_section(5, ndx=ndx, x_atc=np.arange(5) * 60.0, freeboard_sigma=0.04, granule="b")
    amount, number = np.array([2.0, 2.0, 1.0]) / 5 * 0.04, np.array([3, 4, 6])
    apart = np.abs(number[:, None] - number)
    expected = np.sqrt(amount @ np.where(apart == 0, 1.0, rho**apart) @ amount)
    assert sigma_of(one, section_rho=rho) == pytest.approx(expected, rel=1e-12)
    assert sigma_of(pd.concat([one, two]), section_rho=rho) == pytest.approx(expected / np.sqrt(2), rel=1e-12)
    if rho == 1:
        assert expected == pytest.approx(0.04)


def test_a_correlation_of_sections_that_is_none_is_refused():
    for rho in (-0.1, 1.5, np.nan):
        with pytest.raises(InputError, match="section_rho is a correlation"):
            sigma_of(one_section(3), section_rho=rho)


def test_tallies_with_and_without_sections_are_not_mixed():
    plain = tallied(table([0.2, 0.3], [10.0, 20.0]))
    known = tallied(table([0.4], [10.0], granule="x", refsurf_ndx=1, refsurf_sigma=0.1))
    for one, two in ((plain, known), (known, plain)):
        with pytest.raises(InputError, match=r"different details.*refsurf_ndx and refsurf_sigma"):
            one + two


def test_periods_that_cannot_be_told_apart_are_refused():
    whole = tallied(table([0.2, 0.3], [10.0, 20.0]))
    for periods in (
        [["2020-02-01", "2020-03-01"], ["2020-01-01", "2020-02-01"]],
        [["2020-01-01", "2020-03-01"], ["2020-02-01", "2020-04-01"]],
        [["2020-02-01", "2020-01-01"]],
    ):
        with pytest.raises(InputError, match="without overlap"):
            whole.to_dataset(periods=periods)
    undated = tallied(table([0.2], [10.0]), step=None)
    with pytest.raises(InputError, match="periods= needs a tally with time bins"):
        undated.to_dataset(periods=[["2020-01-01", "2020-02-01"], ["2020-02-01", "2020-03-01"]])


def test_quantiles_on_exact_ties_are_the_smaller_value():
    frame = table([1.0, 2.0, 3.0, 4.0], [0.1, 0.2, 0.3, 0.6])
    found = tallied(frame, quantiles="exact").to_dataset(crop=True, quantiles=[0.25, 0.5, 1.0])
    assert [float(found[f"freeboard_{name}"].max()) for name in ("q25", "median", "q100")] == [2.0, 3.0, 4.0]
