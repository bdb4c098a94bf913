"""Screens: named, counted rules that say which segments are dropped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from altiflow.errors import InputError
from altiflow.readers.icesat2.products import Product

__all__ = ["PRESETS", "SCREENS", "Screen", "apply_screens", "choose_screens"]

Columns = Mapping[str, npt.NDArray[np.generic]]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Screen:
    """A rule that keeps or drops segments.

    Attributes
    ----------
    name
        The name it is switched and counted by.
    meaning
        What it drops.
    keep
        Mask (n,) of the segments it keeps, from the table's columns (n,) and the product.
    needs
        Columns it looks at; it does not apply to a product that lacks one.
    """

    name: str
    meaning: str
    keep: Callable[[Columns, Product], Mask]
    needs: tuple[str, ...] = ()


def _has_position(columns: Columns, product: Product) -> Mask:
    lat, lon = columns["latitude"].astype(float), columns["longitude"].astype(float)
    placed: Mask = np.isfinite(lat) & np.isfinite(lon) & (np.abs(lat) <= 90) & (np.abs(lon) <= 360)
    return placed & ~np.isnat(columns["time"])


def _has_value(columns: Columns, product: Product) -> Mask:
    valid: Mask = np.isfinite(columns[product.value].astype(float))
    return valid


def _has_length(columns: Columns, product: Product) -> Mask:
    length = columns["segment_length"].astype(float)
    with np.errstate(invalid="ignore"):
        positive: Mask = np.isfinite(length) & (length > 0)
    return positive


SCREENS = {
    screen.name: screen
    for screen in (
        Screen("position", "no finite latitude, longitude or time", _has_position),
        Screen("fill_value", "fill or non-finite measurement", _has_value),
        Screen("segment_length", "non-finite, zero or negative length", _has_length),
        Screen("invalid_flag", "quality flag -1", lambda c, p: c["quality"] != -1, ("quality",)),
        Screen(
            "not_ice_type",
            "segment_type other than 1",
            lambda c, p: c["segment_type"] == 1,
            ("segment_type",),
        ),
        Screen("sea_surface", "ssh_flag other than 0 (leads)", lambda c, p: c["ssh_flag"] == 0, ("ssh_flag",)),
        Screen(
            "not_best_quality",
            "quality other than the best (ATL10: 1, ATL06: 0)",
            lambda c, p: c["quality"] == p.best_quality,
            ("quality",),
        ),
    )
}
"""Every screen by name, in the order they are applied."""

_DEFAULT = ("position", "fill_value", "segment_length", "invalid_flag")

PRESETS: dict[str, tuple[str, ...]] = {
    "none": (),
    "default": _DEFAULT,
    "ice": (*_DEFAULT, "not_ice_type", "sea_surface"),
    "best": (*_DEFAULT, "not_best_quality"),
}
"""Named sets of screens. Leads and flagged segments pass "default" and carry their columns."""


def choose_screens(screens: str | Sequence[str]) -> tuple[Screen, ...]:
    """Return the screens that a preset, a screen's name, or a list of either stands for, in their fixed order.

    Raises
    ------
    InputError
        If a name is neither a preset nor a screen.

    Examples
    --------
    >>> [screen.name for screen in choose_screens(["fill_value", "sea_surface"])]
    ['fill_value', 'sea_surface']
    """
    names: set[str] = set()
    for word in [screens] if isinstance(screens, str) else screens:
        if word in PRESETS:
            names.update(PRESETS[word])
        elif word in SCREENS:
            names.add(word)
        else:
            raise InputError(
                f"screen {word!r} is not known; presets are {', '.join(PRESETS)}; screens are {', '.join(SCREENS)}"
            )
    return tuple(screen for name, screen in SCREENS.items() if name in names)


def apply_screens(columns: Columns, screens: Sequence[Screen], product: Product) -> tuple[Mask, dict[str, int]]:
    """Return the mask (n,) of segments that pass every screen, and how many each dropped.

    A segment counts for the first screen that drops it, so the counts add up to what is gone.

    Raises
    ------
    InputError
        If a screen looks at a column that the product does not have.
    """
    kept = np.ones(columns["latitude"].shape, dtype=bool)
    dropped: dict[str, int] = {}
    for screen in screens:
        absent = [name for name in screen.needs if name not in columns]
        if absent:
            raise InputError(f"screen {screen.name!r} needs {', '.join(absent)}, which {product.short_name} has not")
        passes = kept & screen.keep(columns, product)
        dropped[screen.name] = int(kept.sum() - passes.sum())
        kept = passes
    return kept, dropped
