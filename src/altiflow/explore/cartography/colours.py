"""Colours of a kind of variable: values, counts, uncertainties, and what has a sign."""

from __future__ import annotations

from functools import cache

import matplotlib
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.colors import Colormap, ListedColormap

from altiflow.errors import InputError
from altiflow.explore.cartography.style import GROUPS

__all__ = ["OWN_COLOURS", "colour_map", "is_count", "is_signed", "name_groups", "usual_colours"]

Floats = npt.NDArray[np.float64]

_SIGNED = ("_difference", "_anomaly", "_trend", "_growth", "divergence", "vorticity", "dhdt", "height_change_rate")
_MIDDLES = ("_passes", "_mean", "_median", "_mode", "_min", "_max")
_UNSURE = ("_sigma", "_sigma_passes", "_sigma_total", "_std", "_mad")
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

OWN_COLOURS: dict[str, tuple[tuple[float, float, float], ...]] = {
    "difference": ((36.0, 14.0, -50.0), (88.0, 0.0, 0.0), (36.0, 40.0, 34.0)),
    "uncertainty": ((90.0, -4.0, 36.0), (62.0, 34.0, 46.0), (22.0, 24.0, 10.0)),
}
"""Corners of the package's own colour maps in CIELAB (D65): between them colours are equally far apart.

The middle of a difference is grey, not the white of a sea without data; blue and red-brown stay apart to every kind of
colour-blind eye, and are equally dark. The palest uncertainty is still told from the sea.
"""

_WHITE = (0.95047, 1.0, 1.08883)
# sRGB from XYZ (IEC 61966-2-1).
_TO_RGB = ((3.2406255, -1.537208, -0.4986286), (-0.9689307, 1.8757561, 0.0415175), (0.0557101, -0.2040211, 1.0569959))


def is_signed(variable: str) -> bool:
    """Return whether a variable is a change, whose zero is the middle of its colours.

    Examples
    --------
    >>> is_signed("freeboard_difference"), is_signed("freeboard_mean"), is_signed("divergence_sigma")
    (True, False, False)

    What a cell holds of a change is a change, but for its spread:

    >>> is_signed("dhdt_mean"), is_signed("dhdt_median_eulerian"), is_signed("dhdt_std")
    (True, True, False)
    """
    plain = variable.removesuffix("_eulerian")
    for each in _MIDDLES:
        plain = plain.removesuffix(each)
    return plain.endswith(_SIGNED)


def usual_colours(variable: str) -> str:
    """Return the colours of a kind of variable, so that an uncertainty or a count is not taken for the value.

    Examples
    --------
    >>> [usual_colours(name) for name in ("freeboard_mean", "freeboard_sigma", "n_segments", "freeboard_difference")]
    ['viridis', 'uncertainty', 'cividis', 'difference']
    """
    plain = variable.removesuffix("_eulerian")
    if is_signed(plain):
        return "difference"
    if plain.endswith(_UNSURE) or "_sigma_" in plain:
        return "uncertainty"
    return "cividis" if is_count(plain) else "viridis"


def is_count(variable: str) -> bool:
    """Return whether a variable counts something, so that 0 is nothing."""
    return variable.removesuffix("_eulerian").endswith(_COUNTS)


def colour_map(cmap: str | Colormap) -> Colormap:
    """Return a colour map by name: "difference" and "uncertainty" are the package's own, all else matplotlib's.

    Raises
    ------
    InputError
        If neither has one of that name.

    Examples
    --------
    >>> colour_map("difference").N, colour_map("viridis").name
    (255, 'viridis')
    """
    if isinstance(cmap, Colormap):
        return cmap
    if cmap in OWN_COLOURS:
        return _own_map(cmap)
    try:
        return matplotlib.colormaps[cmap]
    except KeyError:
        own = " or ".join(map(repr, OWN_COLOURS))
        raise InputError(f"there is no colour map {cmap!r}; take e.g. 'viridis' or 'cividis', or {own}") from None


def name_groups(table: pd.DataFrame, by: str) -> pd.Series:
    """Return the group of each row: its value in a column as text, "other" beyond as many as can be told apart.

    Raises
    ------
    InputError
        If there is no such column.

    Examples
    --------
    >>> name_groups(pd.DataFrame({"satellite": ["S1A", None]}), "satellite").tolist()
    ['S1A', 'unknown']
    """
    if by not in table:
        raise InputError(f"by={by!r} is no column; there are {', '.join(map(str, table.columns))}")
    names = table[by].astype(object).where(table[by].notna(), "unknown").astype(str)
    counts = names.value_counts()
    if len(counts) <= len(GROUPS):
        return names
    return names.where(names.isin(list(counts.index[: len(GROUPS) - 1])), "other")


@cache
def _own_map(name: str) -> Colormap:
    """Return one of the package's own colour maps; its number of colours is odd, so that one is the middle."""
    corners = np.asarray(OWN_COLOURS[name])
    lengths = np.linalg.norm(np.diff(corners, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(lengths)]) / lengths.sum()
    # What has two sides has its middle in the middle, whatever their lengths.
    along = np.linspace(0.0, 1.0, len(corners)) if name == "difference" else along
    steps = np.linspace(0.0, 1.0, 255)
    lab = np.column_stack([np.interp(steps, along, corners[:, part]) for part in range(3)])
    return ListedColormap(_rgb_of(lab), name=name)


def _rgb_of(lab: Floats) -> Floats:
    """Return sRGB (n, 3) of CIELAB (n, 3) under D65 (CIE 15:2004)."""
    light = (lab[:, 0] + 16.0) / 116.0
    parts = np.column_stack([light + lab[:, 1] / 500.0, light, light - lab[:, 2] / 200.0])
    edge = 6.0 / 29.0
    xyz = np.where(parts > edge, parts**3, 3.0 * edge**2 * (parts - 4.0 / 29.0)) * np.array(_WHITE)
    linear = np.clip(xyz @ np.array(_TO_RGB).T, 0.0, 1.0)
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.clip(curved, 0.0, 1.0))
