"""Keeping: results stay while they are downloaded, and are deleted when they are asked to be, or are old."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep, time
from typing import IO

from altiflow.errors import RequestError
from altiflow.explore.service.jobs.book import Job, JobBook

if sys.platform != "win32":
    import fcntl

__all__ = ["delete_old", "delete_result", "give_up", "open_result"]

_DAY = 86_400.0
_PATIENCE = 1.0
"""Longest wait [s] for a download that is about to end, before a result is deleted as asked."""


def open_result(path: Path) -> IO[bytes] | None:
    """Return an open result, which no server deletes until it is closed; None if it is not there.

    The system lets go of it when the process ends, however it ends.
    """
    try:
        held = path.open("rb")
    except OSError:
        return None
    if not _lock(held, exclusive=False) or not path.is_file():
        held.close()
        return None
    return held


def delete_result(book: JobBook, job: Job, reason: str, *, patience: float = 0.0) -> bool:
    """Delete the result of a job that is done, and return whether it was; not while it is downloaded.

    A download that ends within `patience` [s] is waited for: who has all of it may ask before its answer is closed.
    """
    with _all_but_read(book.result(job), patience) as free:
        if not free or not book.forget(job.id, reason):
            return False
        shutil.rmtree(book.folder / job.id, ignore_errors=True)
        return True


def give_up(book: JobBook, job: Job) -> None:
    """Cancel a job that waits or runs, or delete the result of one that is done.

    Raises
    ------
    RequestError
        If it ended otherwise, or its result is being downloaded.
    """
    if book.end(job.id, "cancelled"):
        return
    # It may have ended since it was looked up.
    found = book.find(job.id) or job
    if found.state == "done":
        if delete_result(book, found, "its result was deleted as asked", patience=_PATIENCE):
            return
        found = book.find(job.id) or job
    if found.state == "done":
        raise RequestError("job", job.id, "its result is being downloaded", "come back when that is done", 409)
    raise RequestError("job", job.id, f"the job is {found.state} already", "leave it as it is", 409)


def delete_old(book: JobBook, days: float) -> int:
    """Delete what ended so many days ago, and what was left of jobs that are gone; return how many results went.

    A result that is downloaded now stays until the next time.
    """
    before = time() - days * _DAY
    reason = f"its result was deleted {days:g} days after it was made"
    count = sum(delete_result(book, job, reason) for job in book.ended("done", before))
    for job in (*book.ended("failed", before), *book.ended("cancelled"), *book.ended("deleted")):
        # One that is looked at again and again has no folder any more.
        if (book.folder / job.id).is_dir():
            shutil.rmtree(book.folder / job.id, ignore_errors=True)
    return count


@contextmanager
def _all_but_read(path: Path, patience: float) -> Iterator[bool]:
    """Yield whether nobody reads a file, and keep new readers away meanwhile; a file that is not there is free."""
    try:
        held = path.open("rb")
    except OSError:
        yield True
        return
    with held:
        deadline = monotonic() + patience
        while not (free := _lock(held, exclusive=True)) and monotonic() < deadline:
            sleep(0.05)
        yield free


def _lock(held: IO[bytes], *, exclusive: bool) -> bool:
    """Return whether an open file is held, alone or with other readers."""
    if sys.platform == "win32":
        # A file that is open cannot be deleted there.
        return True
    try:
        fcntl.flock(held.fileno(), (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
