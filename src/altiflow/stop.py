"""How work in other threads is told to end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Stop"]


class Stop:
    """A word from the thread that is interrupted to those that work for it: given once, and never taken back.

    An interrupt reaches the main thread alone. What takes long elsewhere asks here, block by block, whether to go on.

    Examples
    --------
    >>> stop = Stop()
    >>> stop.check()
    >>> with stop.on_interrupt():
    ...     raise ValueError("no interrupt")
    Traceback (most recent call last):
    ValueError: no interrupt
    >>> stop.told
    False
    """

    def __init__(self) -> None:
        self._event = threading.Event()

    @property
    def told(self) -> bool:
        """Whether work is to end."""
        return self._event.is_set()

    def tell(self) -> None:
        """Let work end."""
        self._event.set()

    def check(self) -> None:
        """Go on, or raise KeyboardInterrupt if work is to end."""
        if self.told:
            raise KeyboardInterrupt

    def sleep(self, seconds: float) -> None:
        """Wait, or raise KeyboardInterrupt as soon as work is to end."""
        self._event.wait(seconds)
        self.check()

    @contextmanager
    def on_interrupt(self) -> Iterator[None]:
        """Let work end where this one is interrupted, or given up before its end; errors are none of both."""
        try:
            yield
        except Exception:
            raise
        except BaseException:
            self.tell()
            raise
