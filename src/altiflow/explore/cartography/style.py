"""The style of all figures, in one place: sizes of text, colours of lines and areas, dots per inch."""

from __future__ import annotations

from typing import Any

__all__ = [
    "BAND",
    "COAST",
    "DPI",
    "EDGE",
    "GROUPS",
    "INK",
    "LAND",
    "LONGEST",
    "MARK",
    "MARKERS",
    "PALE",
    "REPORT_DPI",
    "SCREEN_DPI",
    "SEA",
    "SMALL_MAP",
    "TEXT",
    "text_style",
]

LONGEST, SMALL_MAP = 6.4, 2.9
"""Longer side of a map that stands alone, and of one among others [inch]."""

DPI, SCREEN_DPI, REPORT_DPI = 180, 100, 110
"""Of files, of notebooks and of reports."""

SEA, LAND, COAST, EDGE = "#edf2f6", "#d8d3c8", "#6f6a60", "#333333"
"""What lies under the cells: sea without data, land, its coast, and the frame of a map or chart."""

INK, BAND, MARK, PALE = "#2b5c8a", "#a9c4dd", "#b5502f", "#e3e3e3"
"""Of charts: what is shown, the same where it lies behind something, what is marked on it, and lines of a grid.

INK and MARK are told apart by any eye, and in grey.
"""

GROUPS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#222222", "#8c6d1f")
"""Groups of a chart or footprints: the colours of Okabe and Ito (2008), which colour-blind readers tell apart, but for
their yellow, which is lost on white."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
"""Marks of the same groups, so that colour is not all that tells them."""

TEXT: dict[str, dict[str, Any]] = {
    "heading": {"fontsize": 11.5, "color": "#111111", "weight": "bold"},
    "period": {"fontsize": 8.5, "color": "#555555"},
    "panel": {"fontsize": 8, "color": "#333333"},
    "label": {"fontsize": 8.5, "color": "#222222"},
    "tick": {"labelsize": 7.5, "labelcolor": "#333333", "color": "#333333", "width": 0.5, "length": 3},
    "small": {"fontsize": 7.5, "color": "#333333"},
    "note": {"fontsize": 6.3, "color": "#666666"},
}
"""Texts of a figure, by what they are."""


def text_style(kind: str) -> dict[str, Any]:
    """Return the keywords of a kind of text."""
    return dict(TEXT[kind])
