"""The value that says how to track."""

from __future__ import annotations

import json
from typing import Any

import pytest

from altiflow.errors import InputError
from altiflow.tracking import TrackParameters, fastest_motion, search_radius


def test_json_gives_back_the_same_value() -> None:
    given = TrackParameters(spacing=7, chips=(16, 64), radius=12, prefilter="box", prefilter_width=2.5, threads=3)
    assert TrackParameters.from_json(given.to_json()) == given
    assert json.loads(given.to_json())["chips"] == [16, 64]
    assert TrackParameters.from_json("{}") == TrackParameters()
    assert TrackParameters.from_json('{"chips": null}').widths == (20,)


@pytest.mark.parametrize("text", ["", "[1]", '{"chipp": 3}', '{"chip": "20"}', "null"])
def test_other_json_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        TrackParameters.from_json(text)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"spacing": 0}, "spacing=0"),
        ({"spacing": 2.5}, "spacing=2.5"),
        ({"chip": 21}, "use 22"),
        ({"chip": 4}, "chip=4"),
        ({"chip": True}, "chip=True"),
        ({"chips": ()}, "chips="),
        ({"chips": (32, 16)}, "use \\(16, 32\\)"),
        ({"chips": (16, 17)}, "use 18"),
        ({"radius": 0}, "radius=0"),
        ({"radius": 10**6}, "radius=1000000"),
        ({"search": "all"}, "coarse-to-fine"),
        ({"prefilter": "hp"}, "gaussian"),
        ({"prefilter_width": 0.0}, "prefilter_width"),
        ({"prefilter_width": float("nan")}, "prefilter_width"),
        ({"min_valid_first": 1.5}, "min_valid_first"),
        ({"min_valid_second": 0}, "min_valid_second"),
        ({"corr_min": 2}, "corr_min"),
        ({"median_threshold": 0}, "median_threshold"),
        ({"backend": "gpu"}, "torch-cuda"),
        ({"backend": "torch-cpu"}, "is for search='full'"),
        ({"snr_min": -1}, "snr_min"),
        ({"coherence": 0}, "coherence"),
        ({"min_clump": 0}, "min_clump"),
        ({"fill_gaps": -1}, "fill_gaps"),
        ({"threads": 0}, "threads"),
    ],
)
def test_absurd_values_are_refused(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        TrackParameters(**wrong)


def test_radius_and_speed_are_one_thing() -> None:
    assert search_radius(30, days=15, pixel=10) == 45
    assert search_radius(30.01, days=15, pixel=10) == 46
    assert search_radius(1e-3, days=1, pixel=10) == 1
    for radius in (1, 9, 100):
        assert search_radius(fastest_motion(radius, days=16, pixel=15), days=16, pixel=15) == radius


@pytest.mark.parametrize("wrong", [{"days": 0}, {"days": -16}, {"pixel": 0}, {"max_speed": float("nan")}])
def test_radius_of_nothing_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError):
        search_radius(**{"max_speed": 10, "days": 16, "pixel": 15, **wrong})


def test_a_radius_beyond_reason_is_refused() -> None:
    with pytest.raises(InputError, match="give a prior"):
        search_radius(1000, days=365, pixel=10)
