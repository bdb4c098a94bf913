"""Work: one thing at a time in a thread of its own, with how far it is, and given up when asked to."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from threading import Lock, Thread
from typing import Any

from altiflow.explore.widget.observing import Observed
from altiflow.progress import watch_progress

__all__ = ["Work"]


class Work(Observed):
    """One thing at a time: tells "changed" when it begins, goes on and ends.

    What raises is not told here: the action keeps it for its panel.

    Attributes
    ----------
    title
        What is done, empty when nothing is.
    step, done, total
        Step of it, and how many of how many are done; total 0 where that is not known.
    """

    def __init__(self) -> None:
        super().__init__()
        self.title = self.step = ""
        self.done = self.total = 0
        self.is_given_up = False
        self._lock = Lock()
        self._thread: Thread | None = None
        self._is_open = False

    @property
    def is_running(self) -> bool:
        """Whether something is done."""
        return self._thread is not None

    def begin(self, title: str, action: Callable[[], Any]) -> bool:
        """Do something in a thread of its own, and return whether it began: not while something else is done."""
        with self._lock:
            if self._thread is not None:
                return False
            self.title, self.step, self.done, self.total, self.is_given_up = title, "", 0, 0, False
            self._thread = Thread(target=self._do, args=(action,), name="widget", daemon=True)
        self.tell("changed")
        self._thread.start()
        return True

    def give_up(self) -> None:
        """Interrupt what is done, as Ctrl-C would: it ends after the step that it is in."""
        with self._lock:
            thread = self._thread
            if thread is None or thread.ident is None or self.is_given_up or not self._is_open:
                return
            self.is_given_up = True
            interrupt = ctypes.py_object(KeyboardInterrupt)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), interrupt)
        self.tell("changed")

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until all is done, and return whether it is."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)
        return self._thread is None

    def _do(self, action: Callable[[], Any]) -> None:
        try:
            self._is_open = True
            with watch_progress(self._on_progress):
                action()
            # Beyond this an interrupt would come too late, and hit what it is not meant for.
            with self._lock:
                self._is_open = False
        except KeyboardInterrupt:
            self.is_given_up = True
        finally:
            self._is_open, self._thread, self.title, self.step = False, None, "", ""
            self.tell("changed")

    def _on_progress(self, label: str, done: int, total: int) -> None:
        """Tell how far it is, a hundred times at most."""
        coarse = max(total // 100, 1)
        told = label == self.step and total == self.total and done % coarse and done != total
        self.step, self.done, self.total = label, done, total
        if not told:
            self.tell("changed")
