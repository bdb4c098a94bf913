"""One executor for work on many items: serial, threads, processes or a Dask cluster; ordered results, errors kept."""

from __future__ import annotations

import pickle
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from importlib import import_module
from itertools import takewhile
from multiprocessing import get_context
from typing import Any, Generic, Literal, TypeVar, overload

from tqdm import tqdm

from altiflow.errors import AltiflowError, InputError
from altiflow.stop import Stop

__all__ = ["Kind", "Outcome", "check_workers", "each_done", "map_each", "progress_bar"]

Kind = Literal["threads", "processes"]
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


@overload
def map_each(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    workers: int = 1,
    kind: Kind = "threads",
    client: Any = None,
    stop: Stop | None = None,
    on_error: Literal["raise"] = "raise",
    label: str = "",
    quiet: bool = True,
) -> list[Result]: ...


@overload
def map_each(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    workers: int = 1,
    kind: Kind = "threads",
    client: Any = None,
    stop: Stop | None = None,
    on_error: Literal["return"],
    label: str = "",
    quiet: bool = True,
) -> list[Result | Exception]: ...


def map_each(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    workers: int = 1,
    kind: Kind = "threads",
    client: Any = None,
    stop: Stop | None = None,
    on_error: Literal["raise", "return"] = "raise",
    label: str = "",
    quiet: bool = True,
) -> list[Any]:
    """Return ``[function(item) for item in items]``, in order, whatever the workers.

    After an interrupt (Ctrl-C) nothing more is begun and what is in work is waited for; a second one leaves at once.

    Parameters
    ----------
    function, items
        What to do, and for what. Processes and clusters need a function of a module, not a lambda.
    workers
        Number of threads or processes; 1 runs in the calling thread.
    kind
        "threads" for work that waits or runs in compiled code, "processes" for work in Python.
    client
        A :class:`dask.distributed.Client`; the work is done on its cluster, whatever `workers` and `kind` say.
    stop
        Told when all is interrupted, for functions that ask it whether to go on.
    on_error
        "raise" raises the exception of the first item, in order, that fails, and begins no more; "return" puts
        exceptions into the list in the place of results.
    label
        What the progress bar says.
    quiet
        Show no progress bar. Bars go to stderr and only to a terminal.

    Raises
    ------
    InputError
        If a word is not known, there are no workers, or the function cannot be sent to a process.
    AltiflowError
        If worker processes die again and again.

    Examples
    --------
    >>> map_each(abs, [-1, 2, -3], workers=2)
    [1, 2, 3]
    >>> map_each(int, ["1", "two"], on_error="return")
    [1, ValueError("invalid literal for int() with base 10: 'two'")]
    """
    if on_error not in ("raise", "return"):
        raise InputError(f"on_error={on_error!r} means nothing; use 'raise' or 'return'")
    check_workers(workers, kind)
    if client is None and kind == "threads" and workers > 1 and len(items) > 1:
        ending, hidden = stop or Stop(), quiet or not sys.stderr.isatty()
        outcomes = _in_threads(function, items, workers, ending, on_error == "raise", label, hidden)
        return _ordered(iter(outcomes), len(items), on_error)
    count = workers if kind == "processes" else 1
    with closing(each_done(function, items, workers=count, client=client, label=label, quiet=quiet)) as outcomes_done:
        return _ordered(outcomes_done, len(items), on_error)


def each_done(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    workers: int = 1,
    kind: Kind = "processes",
    client: Any = None,
    stop: Stop | None = None,
    halted: Callable[[], bool] = lambda: False,
    label: str = "",
    quiet: bool = True,
) -> Generator[Outcome[Result], None, None]:
    """Yield the outcome of each item as soon as it is there; no more than a few are held at a time.

    Parameters
    ----------
    function, items
        What to do, and for what.
    workers, kind
        Number of processes (spawned) or threads; 1 runs in the calling thread. Where a process is killed its work is
        done again.
    halted
        Asked before items are begun: once it returns True no more are, and the outcomes of those in work are the last.
    client, stop, label, quiet
        As for :func:`map_each`.

    Raises
    ------
    InputError
        If `kind` is not known, there are no workers, or the function cannot be sent to a process.
    AltiflowError
        If worker processes die again and again.

    Examples
    --------
    >>> [(outcome.index, outcome.result) for outcome in each_done(abs, [-1, 2])]
    [(0, 1), (1, 2)]
    """
    check_workers(workers, kind)
    if client is not None:
        source = _on_cluster(function, items, client, halted)
    elif kind == "threads" and workers > 1 and len(items) > 1:
        source = _in_pool(function, items, min(workers, len(items)), stop or Stop(), halted)
    elif workers > 1 and len(items) > 1:
        source = _in_processes(function, items, min(workers, len(items)), halted)
    else:
        begun = takewhile(lambda _: not halted(), enumerate(items))
        source = (_attempt(function, index, item) for index, item in begun)
    with closing(source), progress_bar(label, len(items), quiet=quiet) as bar:
        for outcome in source:
            bar.update()
            yield outcome


def progress_bar(label: str, total: int, *, quiet: bool) -> Any:
    """Return a bar on stderr for `total` steps, to be used in ``with``: shown on a terminal only, and not if quiet.

    ``update(n)`` moves it on by n steps.
    """
    return tqdm(total=total, desc=label, disable=quiet or not sys.stderr.isatty(), leave=False)


def check_workers(workers: int, kind: Kind = "threads") -> None:
    """Raise InputError for workers that mean nothing."""
    if kind not in ("threads", "processes"):
        raise InputError(f"kind={kind!r} means nothing; use 'threads' or 'processes'")
    if workers < 1:
        raise InputError(f"workers={workers!r} means nothing; use 1 or more")


def _ordered(outcomes: Iterator[Outcome[Result]], size: int, on_error: Literal["raise", "return"]) -> list[Any]:
    """Return the results in order; raise the first error, in order, once all before it are done."""
    found: list[Outcome[Result] | None] = [None] * size
    failed = size
    for outcome in outcomes:
        found[outcome.index] = outcome
        if on_error == "raise" and outcome.error is not None:
            failed = min(failed, outcome.index)
        if failed < size and all(found[:failed]):
            break
    told = [outcome for outcome in found if outcome is not None]
    if failed < size:
        raise next(outcome.error for outcome in told if outcome.error is not None)
    return [outcome.result if outcome.error is None else outcome.error for outcome in told]


def _attempt(function: Callable[[Item], Result], index: int, item: Item) -> Outcome[Result]:
    """Return what becomes of one item."""
    try:
        return Outcome(index, function(item))
    except Exception as error:
        return Outcome(index, error=error)


def _in_threads(
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

    def attempt(index: int) -> Outcome[Result] | None:
        nonlocal failed
        if stop.told or (first_error and index > failed):
            return None
        with stop.on_interrupt():
            outcome = _attempt(function, index, items[index])
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
            attempt,
            workers,
            Pool,
            exception_behaviour="immediate",
            tqdm_class=tqdm,
            desc=label,
            disable=hidden,
            leave=False,
        )
    return [outcome for outcome in done if outcome is not None]


def _in_processes(
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


def _in_pool(
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


def _on_cluster(
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
            yield _attempt(lambda done: done.result(), index, future)
    finally:
        client.cancel([future for _, future in places.values()])
