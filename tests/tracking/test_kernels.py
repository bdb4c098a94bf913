"""Kernels of others beside the built-in ones, ensembles of ways to track, and the report that compares them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr
from affine import Affine

from altiflow.errors import EmptyDataError, GridMismatchError, InputError
from altiflow.readers.scenes import ScenePair
from altiflow.tracking import (
    ChipMatches,
    ChipTask,
    TrackParameters,
    combine_offsets,
    compare_granules,
    kernel_names,
    register_kernel,
    track_offsets,
    track_pair,
)
from altiflow.tracking.matching import kernels
from altiflow.tracking.matching.full.subpixel import chip_shift
from altiflow.tracking.status import AMBIGUOUS, EDGE, FILLED, FLAT, NO_CONVERGENCE, NODATA, OUTLIER

SMALL = TrackParameters(spacing=16, chip=24, chips=None, radius=4, threads=1)
SHIFT = (0.6, -0.3)


def by_phase(task: ChipTask) -> ChipMatches:
    """Return displacements of less than a pixel by Fourier transforms; NaN where a chip passes the rim."""
    shape = task.rows.size, task.columns.size
    found, half = np.full((6, *shape), np.nan), task.parameters.chip // 2
    for i, row in enumerate(task.rows):
        for j, column in enumerate(task.columns):
            window = slice(row - half, row + half), slice(column - half, column + half)
            if row >= half and column >= half and task.first[window].shape == (2 * half, 2 * half):
                one, two = task.first[window], task.second[window]
                found[:2, i, j] = chip_shift(one, two)
                found[2, i, j] = np.corrcoef(one.ravel(), two.ravel())[0, 1]
                found[3:, i, j] = 0.5, 0.1, 0.1
    return ChipMatches(*found)


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    yield
    kernels._KERNELS.clear()


@pytest.fixture
def images(draw: Any) -> tuple[Any, Any]:
    return draw(200), draw(200, SHIFT)


def granule_of(images: tuple[Any, Any], parameters: TrackParameters) -> xr.Dataset:
    pair = ScenePair.from_arrays(
        *images, transform=Affine(10, 0, 5e5, 0, -10, 7e6), crs=32607, dates=("2020-01-01", "2020-01-11")
    )
    return track_pair(pair, parameters=parameters, units="m/d")


def test_a_kernel_of_others_goes_the_whole_way(images: tuple[Any, Any]) -> None:
    register_kernel("phase", by_phase)
    assert kernel_names() == ("coarse-to-fine", "full", "phase")
    parameters = replace(SMALL, search="phase")
    assert TrackParameters.from_json(parameters.to_json()) == parameters
    found = track_offsets(*images, parameters=parameters)
    known = np.isfinite(found.dx)
    assert known.mean() > 0.7
    # Without a match that moves along, what leaves the chip draws towards nought.
    assert float(np.nanmedian(found.dx)) == pytest.approx(0.6, abs=0.15)
    assert (found.status[0] == EDGE).all()
    assert set(np.unique(found.chip[known])) == {24}
    granule = granule_of(images, parameters)
    assert float(granule["vx"].median()) == pytest.approx(0.6, abs=0.15)
    assert float(granule["vy"].median()) == pytest.approx(0.3, abs=0.1)


def test_no_kernel_makes_numbers_of_nothing(images: tuple[Any, Any]) -> None:
    def bold(task: ChipTask) -> ChipMatches:
        one = np.ones((task.rows.size, task.columns.size))
        return ChipMatches(one, 0 * one, one, one, one, one)

    register_kernel("bold", bold)
    first, second = (image.copy() for image in images)
    first[60:100, 60:100] = np.nan
    second[:, 160:] = np.nan
    found = track_offsets(first, second, parameters=replace(SMALL, search="bold"))
    known = np.isfinite(found.dx)
    rows, cols = found.row[:, None], found.column[None, :]
    hole = (np.abs(rows - 80) < 20 + 12) & (np.abs(cols - 80) < 20 + 12)
    assert not known[hole].any()
    assert not known[:, found.column > 156].any()
    assert (found.status[hole] == NODATA).all()
    assert known.sum() > 20

    register_kernel("nan", lambda task: ChipMatches(*[np.full((task.rows.size, task.columns.size), np.nan)] * 6))
    nothing = track_offsets(*images, parameters=replace(SMALL, search="nan"))
    assert not np.isfinite(nothing.dx).any()
    assert set(np.unique(nothing.status)) == {EDGE, NO_CONVERGENCE}


def test_kernels_that_mean_nothing_are_refused(images: tuple[Any, Any]) -> None:
    with pytest.raises(InputError, match="no kernel 'phase'; use one of coarse-to-fine, full"):
        TrackParameters(search="phase")
    register_kernel("phase", by_phase)
    register_kernel("phase", by_phase)
    for name in ("phase", "full"):
        with pytest.raises(InputError, match="already"):
            register_kernel(name, lambda task: by_phase(task))
    register_kernel("small", lambda task: ChipMatches(*np.zeros((6, 2, 2))))
    with pytest.raises(InputError, match=r"the kernel answers dx \(2, 2\)"):
        track_offsets(*images, parameters=replace(SMALL, search="small"))


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (0, np.inf, "dx=inf"),
        (1, 1e30, r"dy=1e\+30"),
        (2, 5.0, "corr=5"),
        (3, -np.inf, "del_corr=-inf"),
        (4, -0.1, "dx_error=-0.1"),
        (5, np.inf, "dy_error=inf"),
    ],
)
def test_answers_that_no_match_can_have_are_refused(
    images: tuple[Any, Any], place: int, value: float, told: str
) -> None:
    def odd(task: ChipTask) -> ChipMatches:
        layers = np.full((6, task.rows.size, task.columns.size), 0.5)
        layers[place, 3, 3] = value
        return ChipMatches(*layers)

    register_kernel("odd", odd)
    with pytest.raises(InputError, match=told):
        track_offsets(*images, parameters=replace(SMALL, search="odd"))


@pytest.mark.parametrize("answer", [None, "text", ChipMatches(*[np.array("x")] * 6)])
def test_what_is_no_answer_is_refused(images: tuple[Any, Any], answer: Any) -> None:
    register_kernel("mute", lambda task: answer)
    with pytest.raises(InputError, match="no ChipMatches"):
        track_offsets(*images, parameters=replace(SMALL, search="mute"))


def test_no_kernel_makes_numbers_of_even_ground(images: tuple[Any, Any]) -> None:
    def bold(task: ChipTask) -> ChipMatches:
        one = np.ones((task.rows.size, task.columns.size))
        return ChipMatches(one, 0 * one, one, one, one, one)

    register_kernel("bold", bold)
    first = images[0].copy()
    first[60:120, 60:120] = 7.0
    # The filter brings what is beside even ground into it; without it nothing is there.
    parameters = replace(SMALL, search="bold", prefilter="none")
    for one, two in ((first, images[1]), (images[1], first)):
        found = track_offsets(one, two, parameters=parameters)
        inner = [(each > 75) & (each < 105) for each in (found.row, found.column)]
        assert (found.status[np.ix_(*inner)] == FLAT).all()
        assert np.isfinite(found.dx).sum() > 20


def test_no_kernel_looks_farther_than_it_was_asked_to(images: tuple[Any, Any]) -> None:
    def far(task: ChipTask) -> ChipMatches:
        one = np.ones((task.rows.size, task.columns.size))
        return ChipMatches(np.where(np.arange(task.columns.size) % 2, 4.2, 5.3) * one, 0 * one, one, one, one, one)

    register_kernel("far", far)
    plain = replace(SMALL, search="far", coherence=None, median_threshold=None)
    found = track_offsets(*images, parameters=plain)
    inner = found.status[2:-2, 2:-2]
    odd = np.arange(found.dx.shape[1])[2:-2] % 2 == 1
    assert (inner[:, odd] == 0).all()
    assert (inner[:, ~odd] == AMBIGUOUS).all()
    zero = np.zeros(found.dx.shape)
    held = track_offsets(*images, parameters=plain, prior=(zero, zero), prior_radius=2)
    assert not np.isfinite(held.dx).any()


def test_one_report_compares_ways_and_their_ensemble(images: tuple[Any, Any]) -> None:
    register_kernel("phase", by_phase)
    ways = {
        "near": SMALL, "full": replace(SMALL, search="full", radius=6), "phase": replace(SMALL, search="phase")
    }  # fmt: skip
    granules = {name: granule_of(images, each) for name, each in ways.items()}
    still = np.ones(granules["near"]["vx"].shape, bool)
    report = compare_granules(granules, static=still)
    assert list(report.index) == list(ways)
    assert (report["kept"] > 0.5).all()
    assert report["shared"].nunique() == 1
    assert report.loc["near", "nmad_vx"] < report.loc["phase", "nmad_vx"]
    assert report.loc["near", "static_bias_x"] == pytest.approx(0.6, abs=0.02)
    assert report.loc["near", "median_vx"] == pytest.approx(0, abs=0.05)
    members = [track_offsets(*images, parameters=each) for each in ways.values()]
    whole = combine_offsets(members, least=2)
    known = np.isfinite(whole.dx)
    assert known.mean() >= max(np.isfinite(each.dx).mean() for each in members[:2]) - 0.05
    assert float(np.nanmedian(whole.dx)) == pytest.approx(0.6, abs=0.03)
    assert (whole.status[known] == 0).all()


def test_an_ensemble_is_the_median_of_those_that_agree(images: tuple[Any, Any]) -> None:
    one = track_offsets(*images, parameters=SMALL)
    moved = [replace(one, dx=one.dx + np.float32(by)) for by in (0.1, 0.3)]
    lone = replace(one, dx=one.dx + np.float32(5))
    whole = combine_offsets([one, *moved, lone], least=3)
    known = np.isfinite(one.dx)
    np.testing.assert_allclose(whole.dx[known], one.dx[known] + 0.1, atol=1e-6)
    spread = 1.4826 * 0.1
    np.testing.assert_allclose(whole.dx_error[known], np.hypot(one.dx_error[known], spread), rtol=1e-5)
    apart = combine_offsets([one, lone], least=2)
    assert not np.isfinite(apart.dx).any()
    assert (apart.status[known] == OUTLIER).all()
    np.testing.assert_array_equal(apart.status[~known], one.status[~known])
    for members, least in (([one], 1), ([one, one], 3)):
        with pytest.raises(InputError, match="two or more members"):
            combine_offsets(members, least=least)
    with pytest.raises(GridMismatchError, match="different lattices"):
        combine_offsets([one, replace(one, row=one.row + 1)])


def test_an_ensemble_knows_of_fillings_and_has_no_covariance_beyond_its_errors(images: tuple[Any, Any]) -> None:
    one = track_offsets(*images, parameters=SMALL)
    known = np.isfinite(one.dx)
    loose = replace(
        one, dx_error=one.dx_error * 10, dy_error=one.dy_error * 10, dxy_covariance=one.dx_error * one.dy_error * 90
    )
    whole = combine_offsets([loose, one, one])
    assert (np.abs(whole.dxy_covariance[known]) <= whole.dx_error[known] * whole.dy_error[known]).all()
    filled = replace(one, interpolated=known)
    assert (combine_offsets([filled, one]).status[known] == FILLED).all()
    unknown = replace(one, dx_error=one.dx_error * np.nan, dy_error=one.dy_error * np.nan)
    assert np.isnan(combine_offsets([unknown, unknown]).dx_error).all()
    np.testing.assert_array_equal(combine_offsets([unknown, one]).dx_error[known], one.dx_error[known])


def test_what_cannot_be_compared_is_refused(images: tuple[Any, Any]) -> None:
    one = granule_of(images, SMALL)
    moved = one.assign_coords(x=one["x"] + 10)
    other = one.copy()
    other["vx"] = one["vx"].assign_attrs(units="meter/year")
    nothing = one.copy()
    nothing["vx"] = one["vx"] * np.nan
    nothing["vx"].attrs = one["vx"].attrs
    cases: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"a": one}, InputError, "nothing to compare"),
        ({"a": one, "b": one.drop_vars("vx")}, InputError, "no vx"),
        ({"a": one, "b": moved}, GridMismatchError, "different cells"),
        ({"a": one, "b": other}, InputError, "meter/year"),
        ({"a": one, "b": nothing}, EmptyDataError, "no cell"),
    ]
    for granules, error, message in cases:
        with pytest.raises(error, match=message):
            compare_granules(granules)
