"""Panels: what all of them have, actions that never raise, one after the other or in a thread, and their code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import altiflow
from altiflow.errors import AltiflowError, InputError
from altiflow.explore.widget.observing import Observed
from altiflow.explore.widget.script import Script
from altiflow.explore.widget.work import Work

__all__ = ["Panel", "new_path"]


class Panel(Observed):
    """State of a panel without a skin. Tells "changed", "found", "drawn" and "failed".

    An action returns its result, or None where it failed, and then ``message`` says why; nothing is raised.

    Parameters
    ----------
    library
        Whose functions are called; altiflow itself where not given.

    Attributes
    ----------
    message
        What came of the last action, or why it failed.
    work
        What runs in a thread of its own; see :meth:`start`.
    """

    def __init__(self, library: Any = altiflow) -> None:
        super().__init__()
        self.message = ""
        self.work = Work()
        self._script = Script(library)

    @property
    def code(self) -> str:
        """All calls so far, to be pasted into a script."""
        return self._script.text

    @property
    def results(self) -> dict[str, Any]:
        """Results by the names that they have in the code."""
        return dict(self._script.values)

    def start(self, title: str, action: Callable[[], Any]) -> bool:
        """Begin an action in a thread, and return whether it began: not while another one runs."""
        begun = self.work.begin(title, action)
        if not begun:
            self._fail(f"{self.work.title or 'something'} is not done yet; wait for it, or give it up")
        return begun

    def _try(self, action: Callable[[], Any]) -> Any:
        """Return what an action returns; where it fails, None."""
        self.message = ""
        try:
            return action()
        except AltiflowError as error:
            self._fail(str(error))
        except KeyboardInterrupt:
            self._fail("given up")
            raise
        except Exception as error:
            # Whatever a library below raises is said to the user, whose notebook goes on.
            self._fail(f"{type(error).__name__}: {error}")
        return None

    def _fail(self, message: str) -> None:
        self.message = message
        self.tell("failed")

    def _drawn(self, figure: Any) -> Any:
        """Return a figure, of which who listens is told."""
        if figure is not None:
            self.tell("drawn")
        return figure

    def _changed(self, message: str = "") -> None:
        self.message = message
        self.tell("changed")

    def _found(self, found: Any, message: str) -> Any:
        self.message = message
        self.tell("found")
        return found


def new_path(path: str | Path, what: str) -> Path:
    """Return a path where nothing is yet.

    Raises
    ------
    InputError
        If no name is given, or a file is there.
    """
    if not str(path).strip():
        raise InputError(f"no file is named for {what}; give one")
    target = Path(str(path).strip())
    if target.is_file() or (target.is_dir() and any(target.iterdir())):
        raise InputError(f"{target} is there already, and nothing is replaced; choose another name")
    return target
