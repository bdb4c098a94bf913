"""The book of jobs: what was asked for and how far it is, in a database that outlives the server."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Any, Literal
from uuid import uuid4

from altiflow.errors import InputError, RequestError

__all__ = ["Job", "JobBook", "JobState"]

JobState = Literal["waiting", "running", "done", "failed", "cancelled", "deleted"]

_COLUMNS = "id, state, asked, plan, attempts, message, submitted, started, ended"
_FILE = "jobs.sqlite"
_TABLE = (
    "CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, state TEXT NOT NULL, asked TEXT NOT NULL, "
    "plan TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, message TEXT NOT NULL DEFAULT '', "
    "submitted REAL NOT NULL, started REAL, ended REAL)"
)
_INDEXES = (
    "CREATE INDEX IF NOT EXISTS jobs_submitted ON jobs (submitted, id)",
    "CREATE INDEX IF NOT EXISTS jobs_state ON jobs (state, submitted)",
)
_OPEN = "SELECT count(*) FROM jobs WHERE state IN ('waiting', 'running')"
_PATIENCE = 30.0
"""Longest wait [s] for another process that writes to the book."""


@dataclass(frozen=True)
class Job:
    """A job.

    Attributes
    ----------
    id
        Its name, 32 hexadecimal digits.
    state
        "waiting", "running", "done", "failed", "cancelled", or "deleted": it was done, and its result is gone.
    asked
        What was asked for.
    plan
        What is to be done, ready for JSON: nothing is looked up anew when it is taken up again.
    attempts
        How often it was begun; more than once where the server stopped in between.
    message
        Why it failed, or its result is gone.
    submitted, started, ended
        Seconds since 1970; None for what has not happened.
    """

    id: str
    state: JobState
    asked: Mapping[str, Any]
    plan: Mapping[str, Any]
    attempts: int
    message: str
    submitted: float
    started: float | None
    ended: float | None


class JobBook:
    """The jobs of a folder; each has a folder of its own below it.

    Raises
    ------
    InputError
        If the folder has a book that cannot be used.

    Examples
    --------
    >>> import tempfile
    >>> book = JobBook(tempfile.mkdtemp())
    >>> job = book.add({"kind": "cube"}, {"sources": []})
    >>> book.take().id == job.id, book.take() is None, book.find(job.id).state
    (True, True, 'running')
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with self._open() as database:
                for statement in (_TABLE, *_INDEXES):
                    database.execute(statement)
        except sqlite3.Error as error:
            told = f"{self.folder / _FILE} is no book of jobs, or cannot be written ({error})"
            raise InputError(f"{told}; take another folder, or move the file away") from error

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Yield the database; what was written stands when the block ends well."""
        database = sqlite3.connect(self.folder / _FILE, timeout=_PATIENCE, isolation_level="IMMEDIATE")
        try:
            with database:
                yield database
        finally:
            database.close()

    def add(self, asked: Mapping[str, Any], plan: Mapping[str, Any], *, most_open: float = math.inf) -> Job:
        """Return a new job, which waits.

        Raises
        ------
        RequestError
            If as many wait or run already as are allowed.
        """
        name = uuid4().hex
        with self._open() as database:
            # Counted and written in one step, as others count too.
            added = database.execute(
                "INSERT INTO jobs (id, state, asked, plan, submitted) SELECT ?, 'waiting', ?, ?, ? "
                f"WHERE ({_OPEN}) < ?",
                (name, json.dumps(asked), json.dumps(plan), time(), most_open),
            )
        if added.rowcount != 1:
            raise _full(most_open)
        found = self.find(name)
        if found is None:
            raise RuntimeError(f"job {name} is not in the book it was just written to")
        return found

    def find(self, name: str) -> Job | None:
        """Return the job of a name, None if there is none."""
        with self._open() as database:
            row = database.execute(f"SELECT {_COLUMNS} FROM jobs WHERE id = ?", (name,)).fetchone()
        return None if row is None else _job(row)

    def list(self, count: int = 100, *, after: str | None = None) -> list[Job]:
        """Return so many jobs, the newest first: all, or those that stand after one, whatever comes meanwhile."""
        where = "" if after is None else "WHERE (submitted, id) < (SELECT submitted, id FROM jobs WHERE id = ?) "
        with self._open() as database:
            rows = database.execute(
                f"SELECT {_COLUMNS} FROM jobs {where}ORDER BY submitted DESC, id DESC LIMIT ?",
                (count,) if after is None else (after, count),
            ).fetchall()
        return [_job(row) for row in rows]

    def count(self) -> int:
        """Return how many jobs there are."""
        with self._open() as database:
            row = database.execute("SELECT count(*) FROM jobs").fetchone()
        return int(row[0])

    def check_room(self, most_open: float) -> None:
        """Raise RequestError if as many jobs wait or run as are allowed."""
        with self._open() as database:
            row = database.execute(_OPEN).fetchone()
        if row[0] >= most_open:
            raise _full(most_open)

    def take(self) -> Job | None:
        """Return the job that waited longest, which runs from now on; None if none waits."""
        with self._open() as database:
            row = database.execute(
                "UPDATE jobs SET state = 'running', attempts = attempts + 1, started = ? WHERE id = "
                f"(SELECT id FROM jobs WHERE state = 'waiting' ORDER BY submitted LIMIT 1) RETURNING {_COLUMNS}",
                (time(),),
            ).fetchone()
        return None if row is None else _job(row)

    def end(self, name: str, state: JobState, message: str = "") -> bool:
        """End a job that waits or runs, and return whether it did."""
        with self._open() as database:
            done = database.execute(
                "UPDATE jobs SET state = ?, message = ?, ended = ? WHERE id = ? AND state IN ('waiting', 'running')",
                (state, message[:1000], time(), name),
            )
        return done.rowcount == 1

    def forget(self, name: str, message: str) -> bool:
        """Note that the result of a job that is done is gone, and return whether it was done."""
        with self._open() as database:
            done = database.execute(
                "UPDATE jobs SET state = 'deleted', message = ? WHERE id = ? AND state = 'done'", (message, name)
            )
        return done.rowcount == 1

    def ended(self, state: JobState, before: float = math.inf) -> tuple[Job, ...]:
        """Return the jobs of a state that ended before a moment [s since 1970]."""
        with self._open() as database:
            sql = f"SELECT {_COLUMNS} FROM jobs WHERE state = ? AND ended < ?"
            rows = database.execute(sql, (state, before)).fetchall()
        return tuple(_job(row) for row in rows)

    def take_up_again(self) -> int:
        """Let jobs wait that ran when the server stopped, and return how many."""
        with self._open() as database:
            return database.execute("UPDATE jobs SET state = 'waiting' WHERE state = 'running'").rowcount

    def work_folder(self, job: Job) -> Path:
        """Return the folder of a job, made if it is not there."""
        path = self.folder / job.id
        path.mkdir(exist_ok=True)
        return path

    def result(self, job: Job) -> Path:
        """Return where the result of a job is when it is done."""
        return self.folder / job.id / str(job.plan["result"])


def _full(most_open: float) -> RequestError:
    reason = f"{most_open:g} jobs wait or run already"
    return RequestError("", "", reason, "come back when some are done, or cancel one", 503)


def _job(row: tuple[Any, ...]) -> Job:
    """Return a row as a job."""
    name, state, asked, plan, *rest = row
    return Job(name, state, json.loads(asked), json.loads(plan), *rest)
