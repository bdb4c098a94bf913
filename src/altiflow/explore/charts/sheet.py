"""The sheet a chart is drawn on: one pair of axes, heading above, small print below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.dates import AutoDateLocator, num2date
from matplotlib.figure import Figure
from matplotlib.ticker import Formatter

from altiflow.explore.cartography.furniture import MONTHS
from altiflow.explore.cartography.sheet import add_axes, new_figure
from altiflow.explore.cartography.style import EDGE, PALE, TEXT, text_style
from altiflow.version import __version__

__all__ = ["chart_axes", "date_axis", "group_legend"]

_WIDTH, _HEIGHT = 6.4, 3.0


def chart_axes(title: str, note: str, *, beside: float = 0.3) -> tuple[Figure, Any]:
    """Return a figure with heading and small print, and its axes; `beside` is the room at the right [inch]."""
    figure = new_figure(_WIDTH + 0.8 + beside, _HEIGHT + 1.55)
    axes = add_axes(figure, (0.8, 0.95, _WIDTH, _HEIGHT))
    wide, high = figure.get_size_inches()
    figure.text(0.8 / wide, 1 - 0.32 / high, title, va="center", **text_style("heading"))
    small = "  ·  ".join(part for part in (note, f"altiflow {__version__}") if part)
    figure.text(0.8 / wide, 0.16 / high, small, va="center", **text_style("note"))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set(color=EDGE, linewidth=0.7)
    axes.tick_params(**TEXT["tick"])
    axes.grid(axis="y", color=PALE, linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def date_axis(axes: Any) -> None:
    """Give the horizontal axis dates that can be read: the year stands at the first tick and wherever it changes."""
    axes.xaxis.set_major_locator(AutoDateLocator(minticks=3, maxticks=8))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(_Dates())


class _Dates(Formatter):
    """Writes ticks of time as years, months, days or hours, in English whatever the locale."""

    def __call__(self, number: float, pos: int | None = None) -> str:
        return self.format_ticks([number])[0]

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        days = [num2date(value) for value in values]  # type: ignore[no-untyped-call]
        hours = any((day.hour, day.minute) != (0, 0) for day in days)
        months, dates = any(day.month > 1 for day in days), any(day.day > 1 for day in days)
        texts, before = [], None
        for day in days:
            if hours:
                text = f"{day:%H:%M}"
            else:
                text = " ".join(
                    ([str(day.day)] if dates else []) + ([MONTHS[day.month - 1]] if months or dates else [])
                )
            head = (day.year, day.month, day.day) if hours else (day.year,)
            if head != before:
                date = f"{day.day} {MONTHS[day.month - 1]} {day.year}" if hours else str(day.year)
                text = f"{text}\n{date}" if text else date
            texts.append(text)
            before = head
        return texts


def group_legend(axes: Any) -> None:
    """Write the legend of groups beside the chart."""
    legend = axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0, fontsize=8)
    for text in legend.get_texts():
        text.set(**text_style("panel"))
