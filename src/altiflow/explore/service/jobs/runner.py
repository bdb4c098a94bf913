"""The runner: takes jobs from the book one after the other, each in a process of its own."""

from __future__ import annotations

import json
import logging
import math
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from altiflow.errors import AltiflowError, StoreLockedError
from altiflow.explore.service.jobs.book import Job, JobBook
from altiflow.explore.service.jobs.keeping import delete_old
from altiflow.explore.work import PLAN, PROGRESS, REASON
from altiflow.files import folder_lock, whole_file

__all__ = ["JobRunner"]

PROGRAM = (sys.executable, "-m", "altiflow.explore.work")
"""What does the work of a job; it is told the job's folder and the process that begins it."""
_LOG = logging.getLogger(__name__)
_LOOK = 0.2
"""How often [s] the book is looked at."""
_GRACE = 10.0
"""Longest wait [s] for a process to end."""
_RETRY = 10.0
"""How long [s] a book that cannot be used is let alone."""
_TIDY = 600.0
"""How often [s] old results are looked for."""


class JobRunner:
    """Works on the jobs of a book until it is closed; those that ran when a server stopped are taken up again.

    Parameters
    ----------
    book
        The jobs.
    most_open
        Most jobs that wait or run at a time.
    seconds
        Longest time of a job [s].
    keep_days
        How long the result of a job stays [d].
    """

    def __init__(
        self, book: JobBook, *, most_open: int = 20, seconds: float = 6 * 3600.0, keep_days: float = 30.0
    ) -> None:
        self.book = book
        self._most_open, self._seconds, self._keep_days = most_open, seconds, keep_days
        self._tidied = -math.inf
        self._stop = Event()
        self._thread = Thread(target=self._work, name="jobs", daemon=True)

    def start(self) -> None:
        """Begin; of several servers with one folder, one works, and another goes on when that one ends."""
        self._thread.start()

    def submit(self, asked: Any, plan: Callable[[Any], Mapping[str, Any]]) -> Job:
        """Return a new job, whose plan is made only where there is room for it.

        Raises
        ------
        RequestError
            If as many jobs wait or run as are allowed, or what is asked for means nothing.
        """
        self.book.check_room(self._most_open)
        # Others may have asked while the plan was made.
        return self.book.add(asked, plan(asked), most_open=self._most_open)

    def close(self) -> None:
        """Stop; a job that runs is ended, and waits for the next start."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(2 * _GRACE)

    def _work(self) -> None:
        """Work until told to stop, as soon as no other server works on the folder."""
        while not self._stop.wait(_LOOK):
            try:
                with folder_lock(self.book.folder):
                    self.book.take_up_again()
                    while not self._stop.wait(_LOOK):
                        self._tidy()
                        self._do_next()
            except StoreLockedError:
                continue
            # Whatever it is, jobs that wait are not to wait for ever.
            except Exception:
                _LOG.exception("the book of jobs in %s cannot be used now", self.book.folder)
                self._stop.wait(_RETRY)

    def _tidy(self) -> None:
        """Delete old results, now and then."""
        if monotonic() - self._tidied >= _TIDY:
            self._tidied = monotonic()
            delete_old(self.book, self._keep_days)

    def _do_next(self) -> None:
        """Do the job that waited longest; one that cannot be begun fails, and the others go on."""
        job = self.book.take()
        if job is None:
            return
        try:
            self._do(job)
        except (OSError, AltiflowError) as error:
            told = (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__
            told = _without_places(told, job.plan, self.book.folder / job.id)
            self.book.end(job.id, "failed", f"the server cannot do it: {told}")

    def _do(self, job: Job) -> None:
        """Do one job."""
        folder = self.book.work_folder(job)
        with whole_file(folder / PLAN) as part:
            part.write_text(json.dumps(dict(job.plan)), encoding="utf-8")
        for name in (REASON, PROGRESS):
            (folder / name).unlink(missing_ok=True)
        # In a session of its own, as Ctrl-C in the server's terminal is not meant for the work.
        with subprocess.Popen(
            [*PROGRAM, str(folder), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as work:
            try:
                told = self._follow(job, work)
            finally:
                _end(work)
        if told is not None:
            reason = folder / REASON
            said = reason.read_text(encoding="utf-8") if reason.is_file() else told
            done = work.returncode == 0
            self.book.end(job.id, "done" if done else "failed", "" if done else _without_places(said, job.plan, folder))
        found = self.book.find(job.id)
        if found is None or found.state == "cancelled":
            shutil.rmtree(folder, ignore_errors=True)

    def _follow(self, job: Job, work: subprocess.Popen[bytes]) -> str | None:
        """Return the last words of a process that ended by itself, or too late; None for one that is to be ended."""
        deadline = monotonic() + self._seconds
        while True:
            with suppress(subprocess.TimeoutExpired):
                said = work.communicate(timeout=_LOOK)[1]
                # What stops a server may tell all its processes, so that the work ends a moment before.
                if work.returncode == -signal.SIGTERM and self._stop.wait(_GRACE):
                    return None
                return said.decode(errors="replace").strip().rpartition("\n")[2] or f"exit code {work.returncode}"
            self._tidy()
            found = self.book.find(job.id)
            if self._stop.is_set() or found is None or found.state != "running":
                return None
            if monotonic() > deadline:
                _end(work)
                return f"it took longer than {self._seconds:g} s"


def _without_places(said: str, plan: Mapping[str, Any], folder: Path) -> str:
    """Return a reason without the folders of the sources and of the job, nor secrets in addresses.

    Examples
    --------
    >>> sources = {"sources": ["/data/a/b.nc", "https://host/c.nc?signature=abc"]}
    >>> _without_places("no such file: /data/a/b.nc", sources, Path("/jobs"))
    'no such file: b.nc'
    >>> _without_places("too many tries: /c.nc?signature=abc", sources, Path("/jobs"))
    'too many tries: /c.nc?...'
    """
    for parts in (urlsplit(source) for source in plan["sources"] if "://" in source):
        for secret in (parts.netloc.rpartition("@")[0], parts.query):
            said = said.replace(secret, "...") if secret else said
    folders = {str(Path(source).parent) for source in plan["sources"] if "://" not in source} - {".", "/"}
    folders |= {str(folder), str(folder.resolve())}
    for name in sorted(folders, key=len, reverse=True):
        said = said.replace(f"{name}{os.sep}", "").replace(name, "its folder")
    return said


def _end(work: subprocess.Popen[bytes]) -> None:
    """End a process, if it runs."""
    if work.poll() is not None:
        return
    work.terminate()
    try:
        work.communicate(timeout=_GRACE)
    except subprocess.TimeoutExpired:
        work.kill()
        work.communicate()
