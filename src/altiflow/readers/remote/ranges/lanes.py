"""Lanes: the threads that fetch and decode, shared by all files that are read together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from altiflow.stop import Stop

__all__ = ["Lanes"]

Result = TypeVar("Result")


class Lanes:
    """Threads for as many pieces at a time, made when they are first needed.

    Work that is given to them must not give them work in its turn, or all could wait for each other.

    Parameters
    ----------
    count
        How many.
    stop
        Told when a run is interrupted; asked by what reads.

    Examples
    --------
    >>> lanes = Lanes(2)
    >>> lanes.run(lambda number: number**2, 4)
    [0, 1, 4, 9]
    >>> lanes.close()
    """

    def __init__(self, count: int, stop: Stop | None = None) -> None:
        self._count, self.stop = count, stop or Stop()
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    def run(self, work: Callable[[int], Result], count: int) -> list[Result]:
        """Return what `work` returns for 0 ... count - 1; a single one is done in this thread.

        Raises
        ------
        Exception
            The first error in order, once nothing of it runs any more.
        """
        if count < 2:
            return [work(number) for number in range(count)]
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._count, thread_name_prefix="altiflow-lane")
            under_way = [self._pool.submit(work, number) for number in range(count)]
        try:
            with self.stop.on_interrupt():
                return [each.result() for each in under_way]
        finally:
            for each in under_way:
                each.cancel()
            wait(under_way)

    def close(self) -> None:
        """End the threads; those that an interrupted run left at work end by themselves."""
        with self._lock:
            if self._pool is not None:
                self._pool.shutdown(wait=not self.stop.told, cancel_futures=True)
                self._pool = None
