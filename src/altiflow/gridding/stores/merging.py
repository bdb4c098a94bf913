"""Parts of many files made and merged: in one order whoever does it and when, here, by processes or on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, TypeVar

from altiflow.errors import AltiflowError, InputError
from altiflow.gridding.stores.sources import file_name
from altiflow.progress import progress_bar
from altiflow.workers import Outcome, each_done

__all__ = ["Batch", "FileError", "MergeTree", "run_here", "run_on_cluster", "split_batches"]

Node = TypeVar("Node")
Batch = tuple[Path | str, ...]

_BATCH = 16
"""Most files of one task."""
_BATCH_BYTES = 2**28
_REMOTE_BYTES = 2**26


class FileError(Exception):
    """A file that failed and why; it travels from a worker to whoever asked."""

    def __init__(self, place: Path | str, error: AltiflowError) -> None:
        super().__init__(place, error)
        self.place, self.error = place, error


class MergeTree(Generic[Node]):
    """Parts that wait for their neighbours.

    Node i of a level is made of nodes 2i and 2i + 1 of the level below; a last one without a neighbour goes up as it
    is. So a batch of a power of two files is a node, and the merges are the same for any such batch.

    Parameters
    ----------
    size
        Number of parts, 1 or more.

    Examples
    --------
    >>> tree = MergeTree(3)
    >>> for index in (2, 0, 1):
    ...     tree.add(index, str(index), lambda one, other: f"({one} {other})")
    >>> tree.root
    '((0 1) 2)'
    """

    root: Node

    def __init__(self, size: int) -> None:
        self._sizes = [size]
        while self._sizes[-1] > 1:
            self._sizes.append((self._sizes[-1] + 1) // 2)
        self._waiting: dict[tuple[int, int], Node] = {}

    def add(self, index: int, part: Node, merge: Callable[[Node, Node], Node]) -> None:
        """Put a part in its place, and merge what can be merged."""
        pair = self.place(0, index, part)
        while pair is not None:
            level, index, one, other = pair
            del pair
            pair = self.place(level, index, merge(one, other))

    def place(self, level: int, index: int, node: Node) -> tuple[int, int, Node, Node] | None:
        """Put a node in its place; return where the next one goes and its halves, None if it must wait.

        The last node of all is kept as ``root``.
        """
        while self._sizes[level] > 1 and index ^ 1 >= self._sizes[level]:
            level, index = level + 1, index // 2
        if self._sizes[level] == 1:
            self.root = node
            return None
        if (level, index ^ 1) not in self._waiting:
            self._waiting[level, index] = node
            return None
        other = self._waiting.pop((level, index ^ 1))
        return (level + 1, index // 2, *((other, node) if index % 2 else (node, other)))


def split_batches(paths: Sequence[Path | str], *, workers: int, batch: int | None) -> list[Batch]:
    """Return the files in batches of a power of two, which are whole branches of the tree.

    Parameters
    ----------
    paths
        One or more, or addresses, which count as files of 64 MiB.
    workers
        How many work on batches at a time.
    batch
        Files of one batch, rounded down; None takes 16, or fewer where files are large or there are few.

    Raises
    ------
    InputError
        If `batch` is less than 1.

    Examples
    --------
    >>> [len(batch) for batch in split_batches([Path("a.h5")] * 30, workers=2, batch=10)]
    [8, 8, 8, 6]
    """
    if batch is not None and batch < 1:
        raise InputError(f"batch must be 1 or more files, got {batch!r}")
    most = batch
    if most is None:
        size = sum(_file_size(path) for path in paths) / len(paths)
        most = int(min(_BATCH, _BATCH_BYTES / max(size, 1.0), len(paths) / max(workers, 1)))
    count = 1 << (max(most, 1).bit_length() - 1)
    return [tuple(paths[first : first + count]) for first in range(0, len(paths), count)]


def _file_size(path: Path | str) -> int:
    """Return the size of a file [bytes]; 0 where it is not there."""
    if isinstance(path, str):
        return _REMOTE_BYTES
    return path.stat().st_size if path.is_file() else 0


def run_here(
    make: Callable[[Batch], Node],
    merge: Callable[[Node, Node], Node],
    batches: Sequence[Batch],
    *,
    workers: int,
    quiet: bool,
) -> Node:
    """Return the parts of all batches, made by this process or by `workers` others, merged.

    Parameters
    ----------
    make, merge
        Functions that workers can import: a batch to a part, two parts to one.
    batches
        One or more.
    workers
        Number of processes; 1 for this one.
    quiet
        Show no progress bar.

    Raises
    ------
    FileError
        For the first file, in order, that fails.
    AltiflowError
        If worker processes die again and again.
    """
    tree: MergeTree[Node] = MergeTree(len(batches))
    failed: Outcome[Node] | None = None
    done: set[int] = set()
    with closing(each_done(make, batches, workers=workers, label="tallying", quiet=quiet)) as outcomes:
        for outcome in outcomes:
            done.add(outcome.index)
            if outcome.error is not None and (failed is None or outcome.index < failed.index):
                failed = outcome
            elif failed is None and outcome.result is not None:
                tree.add(outcome.index, outcome.result, merge)
            if failed is not None and done.issuperset(range(failed.index)):
                break
    if failed is not None and failed.error is not None:
        raise failed.error
    return tree.root


def run_on_cluster(
    client: Any,
    make: Callable[[Batch], Any],
    merge: Callable[[Any, Any], Any],
    batches: Sequence[Batch],
    *,
    quiet: bool,
) -> Any:
    """Return the parts of all batches merged by the workers; only the last one comes here.

    Work of a worker that dies is done again by others. Merges go before new batches, so that few parts wait.

    Parameters
    ----------
    client
        A :class:`dask.distributed.Client`.
    make, merge
        Functions that workers can import: a batch to a part, two parts to one.
    batches
        One or more.
    quiet
        Show no progress bar.

    Raises
    ------
    FileError
        For the first file, in order, that fails.
    AltiflowError
        If workers die again and again over one batch.
    """
    tree: MergeTree[Any] = MergeTree(len(batches))
    places: dict[str, tuple[int, int, Any]] = {}
    queue: Any = import_module("distributed").as_completed()

    def send(level: int, index: int, function: Callable[..., Any], *parts: Any) -> None:
        future = client.submit(function, *parts, pure=False, priority=level)
        places[future.key] = level, index, future
        queue.add(future)

    for index, batch in enumerate(batches):
        send(0, index, make, batch)
    failed: tuple[int, int, Any] | None = None
    try:
        with progress_bar("tallying", len(batches), quiet=quiet) as bar:
            while places and (failed is None or _earlier(places, failed)):
                level, index, future = places.pop(next(queue).key)
                bar.update(level == 0)
                if future.status in ("error", "cancelled"):
                    failed = min(failed or (level, index, future), (level, index, future), key=lambda place: place[:2])
                elif failed is None and (pair := tree.place(level, index, future)) is not None:
                    send(pair[0], pair[1], merge, *pair[2:])
        if failed is not None:
            raise _reason(failed, batches)
        return tree.root.result()
    finally:
        client.cancel([future for _, _, future in places.values()])


def _earlier(places: dict[str, tuple[int, int, Any]], failed: tuple[int, int, Any]) -> bool:
    """Return whether a batch before the one that failed is not done."""
    return any((level, index) < failed[:2] for level, index, _ in places.values() if failed[0] == 0 == level)


def _reason(failed: tuple[int, int, Any], batches: Sequence[Batch]) -> BaseException:
    """Return the exception to raise for a task that failed."""
    level, index, future = failed
    error: BaseException = future.exception()
    if isinstance(error, AltiflowError | FileError):
        return error
    files = [file_name(place) for batch in batches[index << level : (index + 1) << level] for place in batch]
    return AltiflowError(
        f"the cluster failed on the files {files[0]} to {files[-1]}: {type(error).__name__}: {error}; with "
        "KilledWorker most often for lack of memory: give workers more of it, or take a smaller batch"
    )
