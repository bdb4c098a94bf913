"""Status: how far a panel is, what it says, and its code, below everything else of its skin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import ipywidgets

from altiflow.explore.widget.panel import Panel
from altiflow.explore.widget.skin.parts import CodeBox, button, note, png_of

__all__ = ["Shown", "Status"]

Shown = Literal["here", "elsewhere"]
"""Whether picture and code stand in the panel, or where who holds it puts them."""


class Status:
    """Progress, message, picture and code of a panel.

    Parameters
    ----------
    panel
        Whose.
    changed
        Called whenever the panel tells something, or begins or ends work.
    shown
        Whether picture and code stand here, or elsewhere.

    Attributes
    ----------
    box
        The widget.
    picture
        What is shown of the results.
    """

    def __init__(self, panel: Panel, changed: Callable[[], None], shown: Shown = "here") -> None:
        self._panel, self._changed = panel, changed
        self._bar = ipywidgets.FloatProgress(min=0.0, max=1.0, layout=ipywidgets.Layout(width="40%"))
        self._step = ipywidgets.Label("")
        self._quit = button("give up", tip="End what runs, after the part that it is at.")
        self._quit.on_click(lambda _: panel.work.give_up())
        self._progress = ipywidgets.HBox([self._bar, self._step, self._quit])
        self._note = ipywidgets.HTML("")
        self._said = ipywidgets.HTML("")
        self.picture = ipywidgets.Image(format="png", layout=ipywidgets.Layout(max_width="100%", display="none"))
        self._code = CodeBox() if shown == "here" else None
        own = [] if self._code is None else [self.picture, self._code.box]
        self.box = ipywidgets.VBox([self._progress, self._note, self._said, *own])
        panel.listen("changed", self._on_change)
        panel.listen("found", self._on_change)
        panel.listen("failed", lambda: self._say(is_bad=True))
        panel.work.listen("changed", self._on_work)
        self._show_work()

    @property
    def note(self) -> str:
        """The message, as HTML."""
        return str(self._note.value)

    @property
    def code(self) -> str:
        """The code, as HTML; empty where it stands elsewhere."""
        return "" if self._code is None else str(self._code.box.value)

    def say(self, text: str) -> None:
        """Show more lines about the results."""
        self._said.value = "".join(note(line) for line in text.splitlines())

    def show(self, figure: Any) -> None:
        """Show a figure, or none."""
        self.picture.value = b"" if figure is None else png_of(figure)
        self.picture.layout.display = "none" if figure is None else "block"
        self._show_code()

    def _show_code(self) -> None:
        if self._code is not None:
            self._code.show(self._panel.code)

    def _on_change(self) -> None:
        self._say(is_bad=False)
        self._changed()

    def _on_work(self) -> None:
        self._show_work()
        self._changed()

    def _show_work(self) -> None:
        work = self._panel.work
        self._progress.layout.display = "flex" if work.is_running else "none"
        self._bar.value = work.done / work.total if work.total else 0.0
        step = f": {work.step}, {work.done} of {work.total}" if work.step else ""
        self._step.value = "ending ..." if work.is_given_up else f"{work.title}{step}"
        self._quit.disabled = work.is_given_up

    def _say(self, *, is_bad: bool) -> None:
        self._note.value = note(self._panel.message, is_bad=is_bad) if self._panel.message else ""
        self._show_code()
