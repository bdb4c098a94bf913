"""The comparison with the truth finds what is wrong."""

from __future__ import annotations

import math

import pytest

from altiflow.errors import TruthError
from altiflow.explore.truth import TruthReport, check_truth, compare_truth
from altiflow.fusion import sample_velocity
from altiflow.gridding import Grid, grid_segments, window_with_data
from altiflow.readers import make_sample, read_segments, read_velocity

GOOD = TruthReport(200_000, 10, 1e-12, 0.05, 0, 0.0, 0.02)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> tuple:
    sample = make_sample(tmp_path_factory.mktemp("sample"), granules=2)
    table = read_segments(sample.granules)
    grid = window_with_data(table, Grid.named("EASE2_N25km"))
    fused = sample_velocity(table, read_velocity(sample.motion))
    return sample.truth, fused, grid_segments(table, grid, value="freeboard", freq="MS")


def test_a_right_result_is_within_the_limits(parts: tuple) -> None:
    truth, fused, gridded = parts
    report = compare_truth(fused, gridded, truth, value="freeboard")
    assert report.grid_difference < 1e-9
    assert report.velocity_difference < 0.1
    assert report.velocity_missing == 0
    assert abs(report.freeboard_bias) < 0.002


@pytest.mark.parametrize("name", ["n_segments", "length_mean", "freeboard_mean", "freeboard_std", "freeboard_max"])
def test_any_wrong_statistic_is_found(parts: tuple, name: str) -> None:
    truth, fused, gridded = parts
    spoilt = gridded.assign({name: gridded[name] * 1.001 + 1e-3})
    assert compare_truth(fused, spoilt, truth, value="freeboard").grid_difference > 1e-4


def test_a_cell_too_many_or_too_few_is_found(parts: tuple) -> None:
    truth, fused, gridded = parts
    assert compare_truth(fused.iloc[: len(fused) // 2], gridded, truth, value="freeboard").grid_difference == math.inf


def test_wrong_and_missing_velocity_are_found(parts: tuple) -> None:
    truth, fused, gridded = parts
    swapped = fused.assign(vx=fused["vy"], vy=fused["vx"])
    swapped.attrs = fused.attrs
    assert compare_truth(swapped, gridded, truth, value="freeboard").velocity_difference > 1
    holed = fused.assign(vx=fused["vx"].where(fused["latitude"] > 80))
    holed.attrs = fused.attrs
    assert compare_truth(holed, gridded, truth, value="freeboard").velocity_missing > 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"grid_difference": 1e-6}, "plain loop"),
        ({"grid_difference": math.nan}, "plain loop"),
        ({"velocity_difference": 0.2}, "velocity differs"),
        ({"velocity_difference": math.nan}, "velocity differs"),
        ({"velocity_missing": 1}, "no velocity"),
        ({"segments": 99_999}, "at least"),
    ],
)
def test_each_limit_is_enforced(change: dict, words: str) -> None:
    check_truth(GOOD)
    with pytest.raises(TruthError, match=words):
        check_truth(TruthReport(**{**GOOD.to_dict(), **change}))
