"""Which beams are strong."""

from __future__ import annotations

import pytest

from altiflow.errors import InputError, OrientationError
from altiflow.readers.icesat2.beams import BEAMS, check_beams, spot_numbers


def test_backward_puts_the_strong_beams_left_and_forward_right() -> None:
    backward, forward = (spot_numbers([o], {}, granule="G") for o in (0, 1))
    assert [backward[beam] for beam in BEAMS] == [1, 2, 3, 4, 5, 6]
    assert [forward[beam] for beam in BEAMS] == [6, 5, 4, 3, 2, 1]


def test_the_beam_groups_go_before_the_orientation() -> None:
    assert spot_numbers([0], {"gt1r": "strong", "gt1l": "weak"}, granule="G")["gt1r"] == 5
    assert spot_numbers(None, {"gt2l": "strong"}, granule="G")["gt2l"] == 3


def test_transition_contradiction_and_ignorance_are_refused_by_name() -> None:
    with pytest.raises(OrientationError, match=r"GRANULE.*turning"):
        spot_numbers([2], {}, granule="GRANULE")
    with pytest.raises(OrientationError, match="turning"):
        spot_numbers([0, 1], {}, granule="G")
    with pytest.raises(OrientationError, match="contradict"):
        spot_numbers([0], {"gt1l": "strong", "gt1r": "strong"}, granule="G")
    with pytest.raises(OrientationError, match="neither"):
        spot_numbers(None, {}, granule="G")
    assert set(spot_numbers([2], {}, granule="G", transition="keep").values()) == {0}


@pytest.mark.parametrize("beams", ["best", "gt1l", [], ["gt4l"]])
def test_beams_that_mean_nothing_are_refused(beams: object) -> None:
    with pytest.raises(InputError, match="beams="):
        check_beams(beams)  # type: ignore[arg-type]
