"""Pools: the ways in which work on many items is done, in threads, in processes or on a cluster."""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from typing import Any, Generic, TypeVar

from altiflow.errors import AltiflowError, InputError
from altiflow.progress import Bar
from altiflow.stop import Stop

__all__ = ["Outcome", "attempt", "in_pool", "in_processes", "in_threads", "on_cluster"]

Item = TypeVar("Item")
Result = TypeVar("Result")

_DEATHS = 3
"""Worker processes may die this often before the work is given up."""


@dataclass(frozen=True)
class Outcome(Generic[Result]):
    """What became of one item.

    Attributes
    ----------
    index
        Place of the item in the sequence.
    result
        What the function returned; None if it raised.
    error
        What it raised; None if it returned.
    """

    index: int
    result: Result | None = None
    error: Exception | None = None


def attempt(function: Callable[[Item], Result], index: int, item: Item) -> Outcome[Result]:
    """Return what becomes of one item."""
    try:
        return Outcome(index, function(item))
    except Exception as error:
        return Outcome(index, error=error)


def in_threads(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int,
    stop: Stop,
    first_error: bool,
    label: str,
    hidden: bool,
) -> list[Outcome[Result]]:
    """Return the outcomes of all items, or with `first_error` at least of those up to the first that fails."""
    # pqdm's own threads wait, after an interrupt, until all is done; what it builds upon takes others. It is imported
    # here as it chooses its progress bar then, and warns in notebooks that lack widgets.
    from pqdm._base import _parallel_process

    failed = len(items)

    def begin(index: int) -> Outcome[Result] | None:
        nonlocal failed
        if stop.told or (first_error and index > failed):
            return None
        with stop.on_interrupt():
            outcome = attempt(function, index, items[index])
        if outcome.error is not None:
            failed = min(failed, index)
        return outcome

    class Pool(ThreadPoolExecutor):
        """Threads that are told to end before they are waited for, and begin no more, where the wait is broken off."""

        def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
            if kind is not None:
                stop.tell()
            self.shutdown(cancel_futures=kind is not None)

    with stop.on_interrupt():
        done = _parallel_process(
            range(len(items)),
            begin,
            workers,
            Pool,
            exception_behaviour="immediate",
            tqdm_class=Bar,
            desc=label,
            disable=hidden,
            leave=False,
        )
    return [outcome for outcome in done if outcome is not None]


def in_processes(
    function: Callable[[Item], Result], items: Sequence[Item], workers: int, halted: Callable[[], bool]
) -> Generator[Outcome[Result], None, None]:
    """Yield the outcomes of spawned processes; those of a pool that breaks are done again by a new one."""
    try:
        pickle.dumps(function)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise InputError(f"{function!r} cannot be sent to a process: {error}; use a function of a module") from error
    waiting = deque(range(len(items)))
    deaths = 0
    while waiting:
        running: dict[Future[Result], int] = {}
        # A forked process inherits the locks of threads it does not have, so processes are spawned.
        pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
        try:
            yield from _drain(pool, function, items, waiting, running, 2 * workers, halted)
        except BrokenProcessPool as error:
            waiting.extendleft(sorted(running.values(), reverse=True))
            deaths += 1
            if deaths == _DEATHS:
                raise AltiflowError(
                    f"worker processes died {deaths} times, the last while they worked on {items[waiting[0]]!r} or one "
                    "of the next few: most often there is too little memory, so use fewer workers; in a script, the "
                    "call must be under if __name__ == '__main__':"
                ) from error
        finally:
            _end_processes(pool)


def _end_processes(pool: ProcessPoolExecutor) -> None:
    """Wait for the processes of a pool; an interrupt meanwhile ends them, as they would outlive this one."""
    processes = list((getattr(pool, "_processes", None) or {}).values())
    try:
        pool.shutdown(cancel_futures=True)
    except BaseException:
        for process in processes:
            process.terminate()
        raise


def in_pool(
    function: Callable[[Item], Result], items: Sequence[Item], workers: int, stop: Stop, halted: Callable[[], bool]
) -> Generator[Outcome[Result], None, None]:
    """Yield the outcomes of threads, as they come."""
    pool = ThreadPoolExecutor(workers)
    try:
        with stop.on_interrupt():
            yield from _drain(pool, function, items, deque(range(len(items))), {}, 2 * workers, halted)
    finally:
        pool.shutdown(cancel_futures=True)


def _drain(
    pool: Executor,
    function: Callable[[Item], Result],
    items: Sequence[Item],
    waiting: deque[int],
    running: dict[Future[Result], int],
    limit: int,
    halted: Callable[[], bool],
) -> Generator[Outcome[Result], None, None]:
    """Yield outcomes of a pool, no more than `limit` items in it at a time."""
    while waiting or running:
        if halted():
            waiting.clear()
            for future in [future for future in running if future.cancel()]:
                del running[future]
        while waiting and len(running) < limit:
            future = pool.submit(function, items[waiting[0]])
            running[future] = waiting.popleft()
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            error = future.exception()
            if isinstance(error, BrokenProcessPool):
                raise error
            index = running.pop(future)
            if error is None:
                yield Outcome(index, future.result())
            elif isinstance(error, Exception):
                yield Outcome(index, error=error)
            else:
                raise error


def _result_of(future: Any) -> Any:
    """Return what a future of a cluster comes to; work that kills the workers that do it is an item that fails."""
    try:
        return future.result()
    except import_module("distributed").KilledWorker as error:
        raise AltiflowError(
            f"workers of the cluster died while at it, {error.allowed_failures + 1} times; give them more memory or "
            "fewer threads"
        ) from error


def on_cluster(
    function: Callable[[Item], Result], items: Sequence[Item], client: Any, halted: Callable[[], bool]
) -> Generator[Outcome[Result], None, None]:
    """Yield the outcomes of a Dask cluster, with a few items per thread on it at a time."""
    waiting = deque(range(len(items)))
    places: dict[str, tuple[int, Any]] = {}
    queue: Any = import_module("distributed").as_completed()

    def send() -> None:
        index = waiting.popleft()
        future = client.submit(function, items[index], pure=False)
        places[future.key] = index, future
        queue.add(future)

    try:
        for _ in range(min(len(items), 4 * max(1, sum(client.nthreads().values())))):
            send()
        while places:
            future = next(queue)
            index, _ = places.pop(future.key)
            if waiting and not halted():
                send()
            yield attempt(_result_of, index, future)
    finally:
        client.cancel([future for _, future in places.values()])
