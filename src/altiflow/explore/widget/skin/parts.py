"""Parts of skins: the style sheet, fields with a name, counts as bars, figures, and code with a button to copy it."""

from __future__ import annotations

import html
import io
from collections.abc import Mapping
from typing import Any

import ipywidgets
import pandas as pd
from matplotlib.figure import Figure

__all__ = ["STYLE", "TWO_LINES", "CodeBox", "bars", "button", "close_all", "named", "note", "png_of"]

STYLE = """<style>
.altiflow { container-type: inline-size; }
.altiflow-places { grid-template: "left panels" auto "pictures panels" 1fr / minmax(0, 1fr) 430px; }
@container (max-width: 800px) {
  .altiflow-places { grid-template: "left" "panels" "pictures" / minmax(0, 1fr); }
}
.altiflow-left { grid-area: left; }
.altiflow-panels { grid-area: panels; }
.altiflow-pictures { grid-area: pictures; }
.altiflow-map .leaflet-container { background: #edf2f6; }
.altiflow-map .leaflet-container { font-size: 12px; }
.altiflow-picking .leaflet-draw { display: none; }
.altiflow-legend { background: rgba(255,255,255,0.93); padding: 6px 26px 4px 18px; width: 230px; line-height: 1.3;
  font-size: 12px; color: #222; }
.altiflow-legend .bar { height: 11px; margin-top: 3px; border: 1px solid #333; }
.altiflow-legend .ticks { position: relative; height: 20px; }
.altiflow-legend .ticks span { position: absolute; transform: translateX(-50%); text-align: center; }
.altiflow-legend .ticks i { display: block; width: 1px; height: 4px; background: #333; margin: 0 auto; }
.altiflow-legend .ticks b { font-weight: normal; font-size: 11px; line-height: 14px; display: block; }
.altiflow-bars { display: grid; grid-template-columns: max-content 1fr max-content; gap: 1px 8px; font-size: 12px;
  line-height: 16px; align-items: center; margin: 2px 0 6px 0; }
.altiflow-bars i { display: block; height: 10px; background: #2b5c8a; min-width: 1px; }
.altiflow-months { display: grid; grid-template-columns: repeat(12, 1fr); gap: 3px; font-size: 11px; line-height: 14px;
  text-align: center; align-items: end; margin: 2px 0 6px 0; }
.altiflow-months i { display: block; background: #2b5c8a; }
.altiflow-note { font-size: 13px; line-height: 1.35; overflow-wrap: anywhere; }
.altiflow-bad { color: #8c2f16; }
.altiflow-code pre { font-size: 12px; line-height: 1.4; max-height: 260px; overflow: auto; background: #f5f5f5;
  color: #222; border: 1px solid #ccc; padding: 8px; margin: 4px 0; white-space: pre-wrap; overflow-wrap: anywhere; }
</style>"""

_COPY = (
    "const r=document.createRange();r.selectNodeContents(this.parentNode.querySelector('pre'));"
    "const s=window.getSelection();s.removeAllRanges();s.addRange(r);document.execCommand('copy');"
    "this.textContent='copied';setTimeout(()=>{this.textContent='copy'},1500)"
)

TWO_LINES = "42px"
"""Room of a message of two lines, kept above buttons also while there is none: they stay where they are."""


class CodeBox:
    """Code that can be selected, and copied by a button.

    Attributes
    ----------
    box
        The widget.
    """

    def __init__(self) -> None:
        self.box = ipywidgets.HTML(layout=ipywidgets.Layout(width="100%"))
        self.box.add_class("altiflow-code")
        self.show("")

    def show(self, code: str) -> None:
        """Show code, or that there is none."""
        text = html.escape(code) if code else "# what is done here stands here as Python"
        # Text can be copied by a page itself without a permission, which an address without https never gets.
        copy = f'<button class="jupyter-button" onclick="{html.escape(_COPY)}">copy</button>' if code else ""
        self.box.value = f"<div>{copy}<pre>{text}</pre></div>"


def named(name: str, widget: Any, *, tip: str = "") -> Any:
    """Return a widget with its name to the left, in a row of usual width."""
    label = ipywidgets.Label(name, tooltip=tip, layout=ipywidgets.Layout(width="112px", flex="0 0 auto"))
    widget.layout.width, widget.layout.flex = "auto", "1 1 auto"
    widget.layout.min_width = "60px"
    return ipywidgets.HBox([label, widget], layout=ipywidgets.Layout(width="100%"))


def button(text: str, *, tip: str = "", style: str = "") -> ipywidgets.Button:
    """Return a button as wide as its text."""
    made = ipywidgets.Button(description=text, tooltip=tip, button_style=style)
    made.layout.width = "auto"
    return made


def close_all(widget: ipywidgets.Widget, *, but: ipywidgets.Widget | None = None) -> None:
    """Close a widget and all that it holds, children, layers, layouts and styles, but what another one holds too."""
    kept = {} if but is None else _held_by(but)
    for each in [one for number, one in _held_by(widget).items() if number not in kept]:
        each.close()


def _held_by(widget: ipywidgets.Widget) -> dict[int, ipywidgets.Widget]:
    """Return a widget and all that it holds by their identities."""
    found, waiting = {id(widget): widget}, [widget]
    while waiting:
        for value in waiting.pop().trait_values().values():
            for held in value if isinstance(value, (list, tuple)) else (value,):
                if isinstance(held, ipywidgets.Widget) and id(held) not in found:
                    found[id(held)] = held
                    waiting.append(held)
    return found


def note(text: str, *, is_bad: bool = False) -> str:
    """Return a message as HTML."""
    return f'<div class="altiflow-note{" altiflow-bad" if is_bad else ""}">{html.escape(text)}</div>'


def bars(counts: dict[str, pd.DataFrame]) -> str:
    """Return counts by facets as HTML: a line with a bar for each value, months beside each other."""
    parts = []
    for facet, table in counts.items():
        values = dict(zip(table[facet].astype(object), table["count"].astype(int), strict=True))
        body = _columns(values) if facet == "month" else _lines(values)
        parts.append(f"<b style='font-size:12px'>by {facet}</b>{body}")
    return "".join(parts)


def _lines(values: Mapping[Any, int]) -> str:
    """Return counts as lines with bars."""
    most = max(values.values(), default=1)
    lines = [
        f"<span>{'not told' if pd.isna(value) else html.escape(str(value))}</span>"
        f"<i style='width:{count / most * 100:.1f}%'></i><span>{count:,}</span>"
        for value, count in values.items()
    ]
    return f"<div class='altiflow-bars'>{''.join(lines)}</div>"


def _columns(values: Mapping[Any, int]) -> str:
    """Return counts of twelve months as columns."""
    known = {int(month): count for month, count in values.items() if not pd.isna(month)}
    most = max(known.values(), default=1)
    columns = [
        f"<div>{known.get(month, 0):,}<i style='height:{known.get(month, 0) / most * 36:.0f}px'></i>{name}</div>"
        for month, name in enumerate("JFMAMJJASOND", 1)
    ]
    lost = sum(values.values()) - sum(known.values())
    return f"<div class='altiflow-months'>{''.join(columns)}</div>" + (f"not told: {lost:,}" if lost else "")


def png_of(figure: Figure) -> bytes:
    """Return a figure as PNG."""
    held = io.BytesIO()
    figure.savefig(held, format="png", dpi=110)
    return held.getvalue()
