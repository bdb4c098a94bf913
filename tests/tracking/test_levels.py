"""Bright ice beside dark rock without a filter: what is far from the mean of an image is matched like the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from altiflow.tracking import TrackParameters, track_offsets

PLAIN = TrackParameters(radius=8, spacing=15, chip=20, chips=None, prefilter="none", threads=1)


def two_levels(draw: Any) -> tuple[list[Any], list[Any]]:
    """Return a pair of 16 bits of one level, and the same with its right half 50,000 higher."""
    pair = [np.rint(3000 + 25 * draw(220, shift)) for shift in ((0, 0), (-1.6, 2.3))]
    step = np.where(np.arange(220) < 110, 0, 50_000)
    return [each.astype(np.uint16) for each in pair], [(each + step).astype(np.uint16) for each in pair]


def backends() -> list[Any]:
    """Return what can be asked for, torch only where it is."""
    return [
        PLAIN,
        replace(PLAIN, chips=(16, 20, 24)),
        replace(PLAIN, search="full"),
        replace(PLAIN, search="full", backend="torch-cpu"),
    ]


@pytest.mark.parametrize("parameters", backends(), ids=["near", "widths", "full", "torch"])
def test_a_level_far_from_the_mean_changes_no_match(draw: Any, parameters: Any) -> None:
    if parameters.backend != "opencv":
        pytest.importorskip("torch", reason="torch is not installed (no extra brings it)")
    even, stepped = two_levels(draw)
    wanted, found = (track_offsets(*pair, parameters=parameters) for pair in (even, stepped))
    # Chips and all they are compared with lie on one side of the step.
    clear = (np.abs(found.column - 110) > 40)[None, :] & (wanted.status == 0)
    assert clear.sum() > 40
    assert (found.status[clear] == 0).all()
    for name, allowed in (("dx", 2e-3), ("dy", 2e-3), ("corr", 3e-4), ("del_corr", 6e-4), ("dx_error", 3e-4)):
        new, old = (getattr(each, name)[clear] for each in (found, wanted))
        np.testing.assert_allclose(new, old, atol=allowed, err_msg=name)
    assert np.nanmax(found.corr) <= 1 + 1e-4


def test_the_full_search_tells_the_correlation_of_float64_at_any_level(draw: Any) -> None:
    first, second = two_levels(draw)[1]
    found = track_offsets(first, second, parameters=replace(PLAIN, search="full"))
    one, two = first.astype(float), second.astype(float)
    checked = 0
    for i, j in np.argwhere((found.status == 0) & (np.abs(found.column - 110) > 25)[None, :]):
        top, left = int(found.row[i] - 9.5), int(found.column[j] - 9.5)
        down, right = top + round(float(found.dy[i, j])), left + round(float(found.dx[i, j]))
        chip, match = one[top : top + 20, left : left + 20], two[down : down + 20, right : right + 20]
        truth = np.corrcoef(chip.ravel(), match.ravel())[0, 1]
        assert found.corr[i, j] == pytest.approx(truth, abs=2e-4)
        checked += 1
    assert checked > 40
