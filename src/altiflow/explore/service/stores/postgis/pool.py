"""The pool: connections that are kept open and lent to one request at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock
from typing import Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from altiflow.errors import DatabaseError, InputError
from altiflow.explore.service.stores.postgis.address import Database

__all__ = ["Pool"]

Result = TypeVar("Result")

_PASSING = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.UndefinedTable)
"""What another attempt may not meet: a connection that is lost, and a load that was dropped after it was looked up."""


class Pool:
    """Connections of one database that only read; opened when needed, at most so many.

    Parameters
    ----------
    database
        Which.
    size
        Most connections at a time; who comes later waits.

    Raises
    ------
    InputError
        If `size` is below 1.
    """

    def __init__(self, database: Database, size: int) -> None:
        if size < 1:
            raise InputError(f"connections={size!r} lets nobody ask; give 1 or more")
        self.database = database
        self._room = BoundedSemaphore(size)
        self._idle: list[psycopg.Connection[Any]] = []
        self._lock = Lock()
        self._closed = False

    def ask(self, work: Callable[[psycopg.Connection[Any]], Result], *, seconds: float) -> Result:
        """Return what `work` makes of a connection; once more with a new one if the connection turns out to be lost.

        Raises
        ------
        TimeoutError
            If none is free for so many seconds, or a statement takes too long.
        DatabaseError
            If the database cannot be reached, or refuses.
        """
        if not self._room.acquire(timeout=seconds):
            raise TimeoutError("the search took too long: all connections are busy")
        try:
            with self.database.errors():
                try:
                    with self._lent() as connection:
                        return work(connection)
                except psycopg.errors.QueryCanceled:
                    raise
                except _PASSING:
                    pass
                # A server that went away took all connections with it.
                self._forget()
                with self._lent() as connection:
                    return work(connection)
        finally:
            self._room.release()

    @contextmanager
    def _lent(self) -> Iterator[psycopg.Connection[Any]]:
        """Yield a connection, and keep it if it is fit for the next one."""
        connection = self._take()
        try:
            yield connection
        finally:
            with self._lock:
                fit = not (connection.closed or self._closed)
                fit = fit and connection.info.transaction_status == TransactionStatus.IDLE
                if fit:
                    self._idle.append(connection)
            if not fit:
                connection.close()

    def _take(self) -> psycopg.Connection[Any]:
        """Return a connection that nobody else has."""
        with self._lock:
            if self._closed:
                raise DatabaseError(f"the store of {self.database} is closed; open another")
            if self._idle:
                return self._idle.pop()
        return self.database.connect(reading="only")

    def _forget(self) -> None:
        """Close what nobody has."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def close(self) -> None:
        """Close all connections; those that are lent, when they come back."""
        self._closed = True
        self._forget()
