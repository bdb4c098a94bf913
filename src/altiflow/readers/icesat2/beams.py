"""Beams: which are asked for, which are strong, and which ATLAS spot each is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from altiflow.errors import InputError, OrientationError

__all__ = ["BEAMS", "PAIRS", "BeamChoice", "check_beams", "is_strong", "pair_of", "spot_numbers"]

BEAMS = ("gt1l", "gt1r", "gt2l", "gt2r", "gt3l", "gt3r")
"""The six ground tracks, left to right."""

PAIRS = ("pt1", "pt2", "pt3")
"""The three pairs of ground tracks that ATL11 combines, left to right."""

BeamChoice = Literal["strong", "weak", "all"] | Sequence[str]

_SPOTS = {0: (1, 2, 3, 4, 5, 6), 1: (6, 5, 4, 3, 2, 1)}
"""ATLAS spots of gt1l ... gt3r by ``sc_orient`` (0 backward, 1 forward); ATL03 ATBD, beam numbering."""


def check_beams(beams: BeamChoice) -> BeamChoice:
    """Return `beams`, refused unless it is "strong", "weak", "all" or names of ground tracks.

    Raises
    ------
    InputError
        If it is something else.
    """
    if isinstance(beams, str):
        if beams not in ("strong", "weak", "all"):
            raise InputError(f"beams={beams!r} means nothing; use 'strong', 'weak', 'all' or a list such as ['gt1l']")
        return beams
    unknown = [beam for beam in beams if beam not in BEAMS]
    if unknown or not beams:
        raise InputError(f"beams={list(beams)!r} must name ground tracks among {', '.join(BEAMS)}")
    return tuple(beams)


def pair_of(beam: str) -> str:
    """Return the pair that a ground track belongs to.

    Examples
    --------
    >>> pair_of("gt2l"), pair_of("gt2r")
    ('pt2', 'pt2')
    """
    return f"pt{beam[2]}"


def is_strong(spot: int) -> bool:
    """Return whether an ATLAS spot is strong: 1, 3 and 5 are."""
    return spot in (1, 3, 5)


def spot_numbers(
    orientation: npt.ArrayLike | None,
    beam_types: dict[str, str],
    *,
    granule: str,
    transition: Literal["refuse", "keep"] = "refuse",
) -> dict[str, int]:
    """Return the ATLAS spot of each beam.

    Parameters
    ----------
    orientation
        ``orbit_info/sc_orient`` (n,): 0 backward, 1 forward, 2 transition; None where the granule lacks it.
    beam_types
        "strong" or "weak" of each beam group that says so itself; it goes before `orientation`.
    granule
        Named in errors.
    transition
        What to do with a granule taken while the spacecraft turned: "refuse", or "keep" its beams as spot 0
        where their groups do not tell either.

    Raises
    ------
    OrientationError
        In transition (unless kept), if nothing tells the orientation, or if the sources contradict each other.

    Examples
    --------
    >>> spot_numbers([1], {}, granule="G")["gt1l"]
    6
    """
    values = set() if orientation is None else {int(v) for v in np.atleast_1d(np.asarray(orientation))}
    if (2 in values or {0, 1} <= values) and transition == "refuse":
        raise OrientationError(
            f"{granule}: the spacecraft was turning (sc_orient {sorted(values)}), so strong and weak beams are not "
            "certain; leave the granule out, or pass transition='keep'"
        )
    told = {_orientation_of(beam, kind) for beam, kind in beam_types.items() if kind in ("strong", "weak")}
    if len(told) > 1:
        raise OrientationError(f"{granule}: its beam groups contradict each other about which beams are strong")
    known = told or values & {0, 1}
    if len(known) == 1:
        return dict(zip(BEAMS, _SPOTS[known.pop()], strict=True))
    if transition == "keep":
        return dict.fromkeys(BEAMS, 0)
    raise OrientationError(
        f"{granule}: neither the beam groups (atlas_beam_type) nor orbit_info/sc_orient tell which beams are strong; "
        "pass transition='keep' with beams='all' to read them all the same"
    )


def _orientation_of(beam: str, kind: str) -> int:
    """Return sc_orient as one beam implies it: strong left beams fly backward."""
    return 0 if (kind == "strong") == beam.endswith("l") else 1
