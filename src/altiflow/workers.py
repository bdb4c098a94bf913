"""One executor for work on many granules: serial or threads, ordered results, errors kept."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from tqdm import tqdm

__all__ = ["map_each"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_each(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    workers: int = 1,
    label: str = "",
    quiet: bool = True,
) -> list[Result]:
    """Return ``[function(item) for item in items]``, in order, on `workers` threads.

    An exception in any call is raised here (pqdm alone would put it into the list).

    Parameters
    ----------
    function, items
        What to do, and for what.
    workers
        Number of threads; 1 runs in the calling thread.
    label
        What the progress bar says.
    quiet
        Show no progress bar. Bars go to stderr and only to a terminal.

    Examples
    --------
    >>> map_each(abs, [-1, 2, -3], workers=2)
    [1, 2, 3]
    """
    hidden = quiet or not sys.stderr.isatty()
    if workers <= 1 or len(items) <= 1:
        shown: Iterable[Item] = tqdm(items, desc=label, disable=hidden, leave=False)
        return [function(item) for item in shown]
    # pqdm chooses its progress bar when it is imported, and warns in notebooks that lack widgets.
    from pqdm.threads import pqdm

    return list(
        pqdm(
            items,
            function,
            n_jobs=workers,
            exception_behaviour="immediate",
            desc=label,
            disable=hidden,
            leave=False,
        )
    )
