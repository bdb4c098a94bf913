"""The sheet a chart is drawn on: one pair of axes, heading above, small print below."""

from __future__ import annotations

from typing import Any

from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from altiflow.explore.cartography.sheet import add_axes, new_figure
from altiflow.version import __version__

__all__ = ["BAND", "INK", "MARK", "chart_axes", "date_axis"]

INK = "#2b5c8a"
"""Colour of what is shown."""

BAND = "#a9c4dd"
"""The same, where it lies behind something."""

MARK = "#b5502f"
"""Colour of what is marked on it; told from the other by any eye, and in grey."""

_WIDTH, _HEIGHT = 6.4, 3.0


def chart_axes(title: str, note: str) -> tuple[Figure, Any]:
    """Return a figure with heading and small print, and its axes."""
    figure = new_figure(_WIDTH + 1.1, _HEIGHT + 1.55)
    axes = add_axes(figure, (0.8, 0.95, _WIDTH, _HEIGHT))
    wide, high = figure.get_size_inches()
    figure.text(0.8 / wide, 1 - 0.32 / high, title, fontsize=11.5, color="#111111", weight="bold", va="center")
    small = "  ·  ".join(part for part in (note, f"altiflow {__version__}") if part)
    figure.text(0.8 / wide, 0.16 / high, small, fontsize=6.3, color="#666666", va="center")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set(color="#333333", linewidth=0.7)
    axes.tick_params(labelsize=7.5, width=0.5, length=3, color="#333333", labelcolor="#333333")
    axes.grid(axis="y", color="#e3e3e3", linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def date_axis(axes: Any) -> None:
    """Give the horizontal axis dates that can be read."""
    locator = AutoDateLocator(minticks=3, maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
