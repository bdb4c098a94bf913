"""One executor for work on many items: serial, threads, processes or a Dask cluster; ordered results, errors kept."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from itertools import takewhile
from typing import Any, Literal, TypeVar, overload

from altiflow.errors import InputError
from altiflow.pools import Outcome, attempt, in_pool, in_processes, in_threads, on_cluster
from altiflow.progress import progress_bar
from altiflow.stop import Stop

__all__ = ["Kind", "Outcome", "check_workers", "each_done", "map_each"]

Kind = Literal["threads", "processes"]
Item = TypeVar("Item")
Result = TypeVar("Result")


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
        outcomes = in_threads(function, items, workers, ending, on_error == "raise", label, hidden)
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
        source = on_cluster(function, items, client, halted)
    elif kind == "threads" and workers > 1 and len(items) > 1:
        source = in_pool(function, items, min(workers, len(items)), stop or Stop(), halted)
    elif workers > 1 and len(items) > 1:
        source = in_processes(function, items, min(workers, len(items)), halted)
    else:
        begun = takewhile(lambda _: not halted(), enumerate(items))
        source = (attempt(function, index, item) for index, item in begun)
    with closing(source), progress_bar(label, len(items), quiet=quiet) as bar:
        for outcome in source:
            bar.update()
            yield outcome


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
