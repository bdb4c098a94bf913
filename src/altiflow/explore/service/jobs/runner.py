"""The runner: takes jobs from the book one after the other, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from threading import Event, Thread

from altiflow.errors import RequestError
from altiflow.explore.service.jobs.book import Job, JobBook
from altiflow.explore.service.jobs.work import PLAN, REASON
from altiflow.files import folder_lock, whole_file

__all__ = ["JobRunner"]

_LOOK = 0.2
"""How often [s] the book is looked at."""
_GRACE = 10.0
"""Longest wait [s] for a process to end."""


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
    """

    def __init__(self, book: JobBook, *, most_open: int = 20, seconds: float = 6 * 3600.0) -> None:
        self.book = book
        self._most_open, self._seconds = most_open, seconds
        self._stop = Event()
        self._thread = Thread(target=self._work, name="jobs", daemon=True)

    def start(self) -> None:
        """Begin; one server at a time works on a folder."""
        self._thread.start()

    def check_room(self) -> None:
        """Raise RequestError if there are as many jobs as are allowed."""
        if self.book.count_open() >= self._most_open:
            reason = f"{self._most_open} jobs wait or run already"
            raise RequestError("", "", reason, "come back when some are done, or cancel one", 503)

    def close(self) -> None:
        """Stop; a job that runs is ended, and waits for the next start."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(2 * _GRACE)

    def _work(self) -> None:
        """Work until told to stop."""
        with folder_lock(self.book.folder):
            self.book.take_up_again()
            while not self._stop.wait(_LOOK):
                job = self.book.take()
                if job is not None:
                    self._do(job)

    def _do(self, job: Job) -> None:
        """Do one job."""
        folder = self.book.work_folder(job)
        with whole_file(folder / PLAN) as part:
            part.write_text(json.dumps(dict(job.plan)), encoding="utf-8")
        (folder / REASON).unlink(missing_ok=True)
        words = [sys.executable, "-m", "altiflow.explore.service.jobs.work", str(folder)]
        with subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as work:
            told = self._follow(job, work)
        if told is not None:
            reason = folder / REASON
            said = reason.read_text(encoding="utf-8") if reason.is_file() else told
            self.book.end(job.id, "done" if work.returncode == 0 else "failed", "" if work.returncode == 0 else said)

    def _follow(self, job: Job, work: subprocess.Popen[bytes]) -> str | None:
        """Return the last words of a process that ended by itself, or too late; None for one that was ended."""
        waited = 0.0
        while True:
            try:
                said = work.communicate(timeout=_LOOK)[1]
                return said.decode(errors="replace").strip().rpartition("\n")[2] or f"exit code {work.returncode}"
            except subprocess.TimeoutExpired:
                waited += _LOOK
            found = self.book.find(job.id)
            if self._stop.is_set() or found is None or found.state != "running":
                _end(work)
                return None
            if waited > self._seconds:
                _end(work)
                return f"it took longer than {self._seconds:g} s"


def _end(work: subprocess.Popen[bytes]) -> None:
    """End a process."""
    work.terminate()
    try:
        work.communicate(timeout=_GRACE)
    except subprocess.TimeoutExpired:
        work.kill()
        work.communicate()
