"""Patience: work for an answer that is waited for no longer than allowed."""

from __future__ import annotations

from collections.abc import Callable
from threading import Semaphore, Thread
from time import monotonic
from typing import Generic, TypeVar

from altiflow.errors import RequestError

__all__ = ["Patience"]

Result = TypeVar("Result")

_AT_ONCE = 8
"""Most answers that are worked on at a time, those included that nobody waits for any more."""


class _Box(Generic[Result]):
    """What became of a piece of work."""

    result: Result
    error: BaseException | None = None


class Patience:
    """Waits for answers up to a limit; work that takes longer ends by itself, and what it read may serve the next.

    Parameters
    ----------
    seconds
        Longest wait [s].

    Examples
    --------
    >>> Patience(20.0).ask(lambda: 2 + 2)
    4
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._room = Semaphore(_AT_ONCE)

    def ask(self, work: Callable[[], Result]) -> Result:
        """Return what the work returns, or raise what it raises.

        Raises
        ------
        RequestError
            If it takes longer than allowed.
        """
        deadline = monotonic() + self._seconds
        if not self._room.acquire(timeout=self._seconds):
            raise self._late()
        box: _Box[Result] = _Box()

        def run() -> None:
            try:
                box.result = work()
            except BaseException as error:
                box.error = error
            finally:
                self._room.release()

        # Python cannot end a thread; one that is late does not keep the server from ending.
        thread = Thread(target=run, name="answer", daemon=True)
        thread.start()
        thread.join(max(deadline - monotonic(), 0.0))
        if thread.is_alive():
            raise self._late()
        if box.error is not None:
            raise box.error
        return box.result

    def _late(self) -> RequestError:
        reason = f"the answer took longer than {self._seconds:g} s"
        return RequestError("", "", reason, "ask again in a while, as what was read may be kept", 503)
