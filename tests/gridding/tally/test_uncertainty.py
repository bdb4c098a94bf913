"""Simulated passes with known errors: each sigma covers the truth as often as it should, and the naive ones do not.

The surface is flat at 0, so that a mean is its own error. Photons have white noise along the track, with a size that
changes with place; a segment is their mean over its length, and begins a fraction of its length after the one before,
so that neighbours share photons. All segments of a reference-surface section share one more error.
"""

from __future__ import annotations

import functools

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.tally import tally_segments

FINE = Grid.named("EASE2_N6.25km").window(slice(1280, 1376), slice(1280, 1320))
SPACING, SECTION = 125.0, 10_000.0
LOW, HIGH = 0.58, 0.75
"""1 sigma covers 68 % of normal errors."""
TRACKS = 120
"""At most; several passes run along fewer rows of cells."""


@functools.lru_cache(maxsize=2)
def simulate(passes, overlap, surface, *, own=0.0, seed=0):
    """Return a table: `passes` along rows of cells, segments `overlap` spacings long, errors in metres.

    `surface` is the 1-sigma of the sections, which the table tells; `own` that of errors of 10 km which it does not.
    """
    rng = np.random.default_rng(seed)
    rows, cols = min(FINE.shape[0], TRACKS // passes), FINE.shape[1]
    width, count = FINE.resolution[0], int(cols * FINE.resolution[0] / SPACING)
    tracks = rows * passes
    place = np.arange(count + overlap - 1) * SPACING
    # 1-sigma of the photons of one spacing [m]: up to twice as large in some places as in others.
    size = 0.09 * (1.5 + 0.5 * np.sin(place / 9e3 + rng.uniform(0, 6.28, (tracks, 1))))
    photons = rng.normal(0.0, size)
    window = np.lib.stride_tricks.sliding_window_view
    noise = window(photons, overlap, axis=1).mean(axis=2)
    variance = window(size**2, overlap, axis=1).sum(axis=2) / overlap**2
    middle = place[:count] + overlap * SPACING / 2
    section = ((middle + rng.uniform(0, SECTION, (tracks, 1))) // SECTION).astype(np.int32)
    told = surface * rng.uniform(0.7, 1.3, (tracks, int(section.max()) + 1))
    shared = told * rng.standard_normal(told.shape) + own * rng.standard_normal(told.shape)
    told, shared = (np.take_along_axis(array, section, axis=1) for array in (told, shared))
    track = np.arange(tracks)[:, None]
    x = FINE.bounds[0] + np.minimum(middle, cols * width - 1.0) + 0.0 * track
    y = FINE.bounds[3] - (track % rows + 0.5) * width + 0.0 * middle
    columns = {"freeboard": noise + shared, "freeboard_sigma": np.sqrt(variance + told**2), "refsurf_sigma": told}
    columns |= {"refsurf_ndx": section, "x_atc": middle + 0.0 * track, "number": track + 0 * section}
    table = pd.DataFrame({name: array.ravel() for name, array in columns.items()})
    names = np.array([f"ATL10-{number:04d}" for number in range(tracks)])
    table = table.assign(granule=pd.Categorical.from_codes(table.pop("number"), names), beam="gt1r")
    table["time"], table["segment_length"] = pd.Timestamp("2020-01-15"), overlap * SPACING
    return gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(x.ravel(), y.ravel()), crs="EPSG:6931")


@functools.lru_cache(maxsize=8)
def simulated(passes, overlap, surface, own=0.0):
    """Return the tally of simulated passes."""
    return tally_segments(simulate(passes, overlap, surface, own=own), FINE, value="freeboard")


def covered(error, sigma):
    """Return the share of cells whose error is within 1 sigma."""
    known = np.isfinite(sigma)
    return float((np.abs(error[known]) <= sigma[known]).mean())


def cells(tally):
    """Return mean, standard deviation, count, formal and empirical sigma of the filled cells."""
    found = tally.to_dataset()
    filled = found.n_segments.to_numpy() > 0
    names = ("freeboard_mean", "freeboard_std", "n_segments", "freeboard_sigma", "freeboard_sigma_passes")
    return tuple(found[name].to_numpy()[filled] for name in names)


@pytest.mark.parametrize("overlap", [1, 2, 8])
@pytest.mark.parametrize("surface", [0.0, 0.04])
def test_the_formal_sigma_covers_the_truth_and_the_naive_one_does_not(overlap, surface):
    mean, std, count, sigma, _ = cells(simulated(1, overlap, surface))
    assert mean.size > 3800
    assert LOW < covered(mean, sigma) < HIGH
    # Not only as often as it should, but of the right size.
    assert np.sqrt(np.mean((mean / sigma) ** 2)) == pytest.approx(1.0, abs=0.06)
    naive = covered(mean, std / np.sqrt(count))
    if surface or overlap == 8:
        assert naive < 0.40
    elif overlap == 2:
        assert naive < 0.56
    else:
        assert LOW < naive < HIGH


def test_without_columns_of_sections_the_errors_they_share_look_independent():
    table = simulate(1, 2, 0.04)
    blind = tally_segments(table.drop(columns=["refsurf_ndx", "refsurf_sigma"]), FINE, value="freeboard")
    mean, _, _, sigma, _ = cells(blind)
    assert covered(mean, sigma) < 0.45
    assert "n_sections" not in blind.to_dataset()


def test_without_places_along_the_track_overlap_is_not_seen():
    table = simulate(1, 8, 0.0)
    with_places, without = (tally_segments(t, FINE, value="freeboard") for t in (table, table.drop(columns="x_atc")))
    mean, _, _, sigma, _ = cells(without)
    assert covered(mean, sigma) < 0.40
    assert np.median(cells(with_places)[3] / sigma) == pytest.approx(np.sqrt(8), rel=0.02)


@pytest.mark.parametrize("passes", [6, 12])
def test_the_scatter_of_passes_covers_the_truth_whatever_its_cause(passes):
    mean, _, count, sigma, empirical = cells(simulated(passes, 2, 0.0, own=0.05))
    assert LOW < covered(mean, empirical) < HIGH
    assert np.sqrt(np.mean(empirical**2) / np.mean(mean**2)) == pytest.approx(1.0, abs=0.07)
    # The formal one knows nothing of errors that the product does not tell.
    assert covered(mean, sigma) < 0.50
    assert (count > 100).all()


def test_both_sigmas_agree_where_the_product_tells_all_errors():
    mean, _, _, sigma, empirical = cells(simulated(10, 2, 0.04))
    assert LOW < covered(mean, sigma) < HIGH
    assert LOW < covered(mean, empirical) < HIGH
    assert np.sqrt(np.mean(empirical**2) / np.mean(sigma**2)) == pytest.approx(1.0, abs=0.07)


@pytest.mark.parametrize("factor", [2, 4])
def test_coarser_cells_keep_coverage_and_the_sigma_of_the_segments(factor):
    fine = simulated(1, 2, 0.04)
    coarse = fine.coarsen(2) if factor == 2 else fine.coarsen(2).coarsen(2)
    direct = tally_segments(simulate(1, 2, 0.04), coarse.grid, value="freeboard")
    mean, _, _, sigma, empirical = cells(coarse)
    for one, two in zip(cells(coarse), cells(direct), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-12, atol=1e-16)
    assert LOW < covered(mean, sigma) < HIGH
    assert np.isfinite(empirical).all()
    assert np.sqrt(np.mean((mean / sigma) ** 2)) == pytest.approx(1.0, abs=0.12)


def test_variances_of_cells_must_not_be_added_because_sections_lie_in_several():
    fine = simulated(1, 2, 0.04)
    found, whole = fine.to_dataset(), fine.coarsen(4).to_dataset()
    weight, sigma = found.length_sum.to_numpy()[0], found.freeboard_sigma.to_numpy()[0]

    def blocks(array):
        return array.reshape(array.shape[0] // 4, 4, array.shape[1] // 4, 4).sum(axis=(1, 3))

    added = np.sqrt(blocks((weight * sigma) ** 2)) / blocks(weight)
    mean, right = whole.freeboard_mean.to_numpy()[0], whole.freeboard_sigma.to_numpy()[0]
    assert (added < 0.95 * right).mean() > 0.9
    assert covered(mean, added) < covered(mean, right) - 0.05
