"""Colours of a kind of variable: values, counts, uncertainties, and what has a sign."""

from __future__ import annotations

__all__ = ["is_signed", "usual_colours"]

_SIGNED = ("_difference", "_anomaly", "_trend", "_growth", "divergence", "vorticity", "dhdt", "height_change_rate")
_UNSURE = ("_sigma", "_sigma_passes", "_std", "_mad")
_COUNTS = (
    "n_segments",
    "n_passes",
    "n_sections",
    "n_parcels",
    "n_days",
    "n_years",
    "n_used",
    "length_sum",
)


def is_signed(variable: str) -> bool:
    """Return whether a variable is a change, whose zero is the middle of its colours.

    Examples
    --------
    >>> is_signed("freeboard_difference"), is_signed("freeboard_mean"), is_signed("divergence_sigma")
    (True, False, False)
    """
    return variable.endswith(_SIGNED)


def usual_colours(variable: str) -> str:
    """Return the colours of a kind of variable, so that an uncertainty or a count is not taken for the value.

    Examples
    --------
    >>> [usual_colours(name) for name in ("freeboard_mean", "freeboard_sigma", "n_segments", "freeboard_difference")]
    ['viridis', 'YlOrBr', 'cividis', 'coolwarm']
    """
    plain = variable.removesuffix("_eulerian")
    if is_signed(plain):
        # Its middle is grey, not the white of a sea without data.
        return "coolwarm"
    if plain.endswith(_UNSURE) or "_sigma_" in plain:
        return "YlOrBr"
    return "cividis" if plain.endswith(_COUNTS) else "viridis"
