"""Page: a report as one HTML file that needs nothing else, built of headings, tables, figures and text."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from io import BytesIO
from pathlib import Path

from matplotlib.figure import Figure

from altiflow.explore.cartography.style import REPORT_DPI
from altiflow.files import whole_file

__all__ = ["Page"]

_STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 62rem; color: #1c1c1c; background: #fff;
       font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
h1 { font-size: 1.55rem; line-height: 1.25; margin: 0 0 .3rem; }
h2 { font-size: 1.12rem; margin: 2.4rem 0 .6rem; padding-bottom: .25rem; border-bottom: 1px solid #d9d9d9; }
p { margin: .4rem 0 .8rem; }
.lead { color: #555; }
nav a { margin-right: 1rem; white-space: nowrap; }
a { color: #2b5c8a; }
.sum { display: flex; flex-wrap: wrap; gap: .6rem; margin: 1.1rem 0; }
.sum div { border: 1px solid #dcdcdc; border-radius: 6px; padding: .45rem .8rem; min-width: 8rem; }
.sum b { display: block; font-size: 1.15rem; font-variant-numeric: tabular-nums; }
.sum span { color: #555; font-size: .85rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .88rem; margin: .3rem 0 .8rem; }
th, td { text-align: left; padding: .28rem .8rem .28rem 0; border-bottom: 1px solid #ececec; vertical-align: top; }
th { color: #444; font-weight: 600; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
td:first-child { min-width: 7rem; }
tr.bad td { background: #fbeae5; }
figure { margin: 0 0 1.2rem; }
figure img { max-width: 100%; height: auto; }
figcaption { color: #555; font-size: .85rem; }
pre { background: #f5f5f3; padding: .7rem .9rem; overflow-x: auto; font-size: .85rem; border-radius: 4px;
      white-space: pre-wrap; overflow-wrap: anywhere; }
@media (max-width: 40rem) { figure { overflow-x: auto; } figure img { max-width: none; width: 38rem; }
                            th, td { padding-right: .6rem; }
                            td:first-child { max-width: 11rem; overflow-wrap: anywhere; } .sum div { flex: 1 1 40%; } }
summary { cursor: pointer; margin: .3rem 0 .6rem; color: #2b5c8a; }
.warn { border-left: 4px solid #b5502f; background: #fbeae5; padding: .5rem .9rem; }
.good { border-left: 4px solid #4a7d4f; background: #edf5ed; padding: .5rem .9rem; }
@media print { nav { display: none; } h2 { break-after: avoid; } figure, tr { break-inside: avoid; } }
"""


class Page:
    """An HTML page that is put together from top to bottom."""

    def __init__(self, title: str, lead: str) -> None:
        self.title, self.lead = title, lead
        self._parts: list[str] = []
        self._sections: list[tuple[str, str]] = []

    def section(self, title: str) -> None:
        """Begin a section; it gets a link at the top."""
        name = f"s{len(self._sections) + 1}"
        self._sections.append((name, title))
        self._parts.append(f'<h2 id="{name}">{escape(title)}</h2>')

    def text(self, text: str, kind: str = "") -> None:
        """Add a paragraph; `kind` is "warn" or "good" for one that stands out."""
        mark = f' class="{escape(kind)}"' if kind else ""
        self._parts.append(f"<p{mark}>{escape(text)}</p>")

    def figures(self, numbers: Iterable[tuple[str, str]]) -> None:
        """Add a row of large numbers with what they are."""
        boxes = "".join(f"<div><b>{escape(number)}</b><span>{escape(what)}</span></div>" for number, what in numbers)
        self._parts.append(f'<div class="sum">{boxes}</div>')

    def table(
        self, heads: Sequence[str], rows: Iterable[Sequence[object]], *, bad: Sequence[bool] = (), folded: str = ""
    ) -> None:
        """Add a table; numbers go to the right, rows that are bad stand out, and a folded one opens at its heading."""
        marks = list(bad)
        held = [tuple(row) for row in rows]
        lines = [f"<tr>{''.join(_head(head, [row[n] for row in held]) for n, head in enumerate(heads))}</tr>"]
        for place, row in enumerate(held):
            mark = ' class="bad"' if place < len(marks) and marks[place] else ""
            lines.append(f"<tr{mark}>{''.join(_cell(value) for value in row)}</tr>")
        whole = f'<div class="scroll"><table>{"".join(lines)}</table></div>'
        self._parts.append(f"<details><summary>{escape(folded)}</summary>{whole}</details>" if folded else whole)

    def picture(self, figure: Figure, alt: str, caption: str = "") -> None:
        """Add a figure as a picture inside the page, with words for those who cannot see it."""
        buffer = BytesIO()
        figure.savefig(buffer, format="png", dpi=REPORT_DPI, metadata={"Software": None})
        held = base64.b64encode(buffer.getvalue()).decode()
        under = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
        self._parts.append(
            f'<figure><img src="data:image/png;base64,{held}" alt="{escape(alt, quote=True)}">{under}</figure>'
        )

    def code(self, text: str) -> None:
        """Add text as it is to be typed."""
        self._parts.append(f"<pre>{escape(text)}</pre>")

    def html(self) -> str:
        """Return the page."""
        links = "".join(f'<a href="#{name}">{escape(title)}</a> ' for name, title in self._sections)
        return (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(self.title)}</title><style>{_STYLE}</style></head><body>\n"
            f'<h1>{escape(self.title)}</h1><p class="lead">{escape(self.lead)}</p><nav>{links}</nav>\n'
            + "\n".join(self._parts)
            + "\n</body></html>\n"
        )

    def write(self, path: str | Path) -> Path:
        """Write the page; it appears whole or not at all."""
        target = Path(path)
        with whole_file(target) as part:
            part.write_text(self.html(), encoding="utf-8")
        return target


def _head(text: str, values: Sequence[object]) -> str:
    """Return the head of a column, at the side where its values are."""
    right = any(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    kind = ' class="n"' if right else ""
    return f"<th{kind}>{escape(text)}</th>"


def _cell(value: object) -> str:
    """Return a cell of a table."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return f"<td>{escape(str(value))}</td>"
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f'<td class="n">{text}</td>'
