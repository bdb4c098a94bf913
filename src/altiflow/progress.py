"""How far work is: bars on a terminal, and whoever else wants to know."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from tqdm import tqdm

__all__ = ["Bar", "progress_bar", "watch_progress"]

Watcher = Callable[[str, int, int], None]
"""Told what is done, how many steps of it, and of how many (0: not known)."""

_WATCHER: ContextVar[Watcher | None] = ContextVar("watcher", default=None)
_PROCESSING = "PROCESSING TASKS | "
"""What pqdm says before the label of the bar that follows the work itself."""


@contextmanager
def watch_progress(watcher: Watcher) -> Iterator[None]:
    """Tell a watcher how far the work of this thread is, whether bars are shown or not.

    Examples
    --------
    >>> told = []
    >>> with watch_progress(lambda label, done, total: told.append((label, done, total))):
    ...     with progress_bar("reading", 3, done=1, quiet=True) as bar:
    ...         _ = bar.update(2)
    >>> told
    [('reading', 1, 3), ('reading', 3, 3)]
    """
    before = _WATCHER.set(watcher)
    try:
        yield
    finally:
        _WATCHER.reset(before)


class Bar(tqdm):  # type: ignore[misc,type-arg,unused-ignore]
    """A bar that tells the watcher too, also when it is not shown; those of pqdm that hand work out say nothing."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._label = str(named.get("desc") or "").removeprefix(_PROCESSING)
        self._watcher = None if " | " in self._label else _WATCHER.get()
        self._steps, self._whole = int(named.get("initial") or 0), int(named.get("total") or 0)
        self._say(0)

    def update(self, n: float | None = 1) -> bool | None:
        """Move on by n steps."""
        self._say(int(n or 0))
        moved: bool | None = super().update(n)
        return moved

    def __iter__(self) -> Iterator[Any]:
        """Yield what is worked on, a step for each."""
        for item in super().__iter__():
            yield item
            # tqdm steps on its own while it yields, and not by update.
            self._say(1)

    def _say(self, steps: int) -> None:
        self._steps += steps
        if self._watcher is not None:
            self._watcher(self._label, self._steps, self._whole)


def progress_bar(label: str, total: int, *, done: int = 0, quiet: bool) -> Any:
    """Return a bar on stderr for `total` steps, to be used in ``with``: shown on a terminal only, and not if quiet.

    ``update(n)`` moves it on by n steps; `done` were done before.
    """
    return Bar(total=total, initial=done, desc=label, disable=quiet or not sys.stderr.isatty(), leave=False)
