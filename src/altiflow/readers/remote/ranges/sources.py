"""Sources of bytes: the protocol, files of this machine, and what all remote ones share."""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from altiflow.errors import GranuleError, InputError, LoginError
from altiflow.readers.remote.addresses import public_url
from altiflow.readers.remote.parts import Stamp
from altiflow.readers.remote.ranges.extents import Extent
from altiflow.readers.remote.ranges.grants import Grant, Grants
from altiflow.readers.remote.ranges.lanes import Lanes
from altiflow.readers.remote.retries import PassingError, Retries, with_retries

__all__ = ["ByteSource", "Bytes", "LocalSource", "Piece", "RefusedError", "RemoteSource", "Traffic", "read_all"]

Bytes = bytes | bytearray | memoryview
"""What was read; nobody changes it."""


class Traffic:
    """Counts of what came over the network for one granule; several threads may add to them.

    Attributes
    ----------
    requests, retries
        Requests sent, redirects and retries included, and how many of them were another try.
    received
        Bytes of file content that came [bytes].
    """

    def __init__(self) -> None:
        self.requests = self.retries = self.received = 0
        self._lock = threading.Lock()

    def add(self, *, requests: int = 0, retries: int = 0, received: int = 0) -> None:
        """Add to the counts."""
        with self._lock:
            self.requests += requests
            self.retries += retries
            self.received += received


class ByteSource(Protocol):
    """A file whose bytes are read by position.

    Attributes
    ----------
    name
        What errors call it: a path, or an address without secrets.
    lanes
        Threads in which pieces of it are read at the same time.
    """

    name: str
    lanes: Lanes

    @property
    def stamp(self) -> Stamp | None:
        """Which version of the file was read, and its size; None before anything was."""

    def read(self, start: int, size: int, into: memoryview | None = None) -> Bytes:
        """Return `size` bytes from `start` on, fewer only where the file ends.

        They are put `into` memory of that size where some is given, as fresh memory costs as much as a copy.
        """

    def close(self) -> None:
        """Close the file; connections that others share stay open."""


def read_all(source: ByteSource, extents: Sequence[Extent]) -> list[Bytes]:
    """Return the bytes of all extents, asked for at once; the first error in order is raised."""
    return source.lanes.run(lambda number: source.read(extents[number].start, extents[number].size), len(extents))


class LocalSource:
    """A file of this machine.

    Parameters
    ----------
    path
        Where it is.
    lanes
        Threads to read and decode in; None for one for each core.
    """

    def __init__(self, path: Path, lanes: Lanes | None = None) -> None:
        self.name, self.lanes = str(path), lanes or Lanes(os.cpu_count() or 1)
        try:
            self._file = path.open("rb", buffering=0)
        except OSError as error:
            raise InputError(f"{path} cannot be opened: {error.strerror}") from error
        told = os.fstat(self._file.fileno())
        self._stamp = Stamp(self.name, f"{told.st_size}-{told.st_mtime_ns}", size=told.st_size)
        self._lock = threading.Lock()

    @property
    def stamp(self) -> Stamp:
        """Size and time of the last change."""
        return self._stamp

    def read(self, start: int, size: int, into: memoryview | None = None) -> Bytes:
        """Return `size` bytes from `start` on, fewer only where the file ends."""
        with self._lock:
            self._file.seek(start)
            return self._file.read(size) if into is None else into[: self._file.readinto(into)]

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class RefusedError(Exception):
    """A server wants another login than the one it was shown."""


@dataclass(frozen=True)
class Piece:
    """Bytes of a remote file, and the version they are of."""

    data: Bytes
    stamp: Stamp


class RemoteSource(ABC):
    """A remote file: tried again where that may help, let in anew where a login has expired, never two versions.

    Parameters
    ----------
    url
        Its address.
    retries
        How often a range is tried.
    grants
        The login; None for a public file.
    traffic
        Where is counted.
    lanes
        Threads in which requests are in flight.
    """

    def __init__(self, url: str, *, retries: Retries, grants: Grants | None, traffic: Traffic, lanes: Lanes) -> None:
        self.name, self.lanes = public_url(url), lanes
        self._retries, self._grants, self._traffic = retries, grants, traffic
        self._stamp: Stamp | None = None
        self._lock = threading.Lock()

    @property
    def stamp(self) -> Stamp | None:
        """Version and size as the server tells them; None before its first answer."""
        return self._stamp

    def read(self, start: int, size: int, into: memoryview | None = None) -> Bytes:
        """Return `size` bytes from `start` on, fewer only where the file ends.

        Raises
        ------
        LoginError
            If the server wants a login, also after it was renewed.
        GranuleError
            If there is no such file, it cannot be had now, the server sends something else than the bytes asked
            for, or the file changed meanwhile.
        """
        if size <= 0:
            return b""
        try:
            piece = with_retries(
                lambda: self._let_in(start, size, into),
                self._retries,
                stop=self.lanes.stop,
                noted=lambda _: self._traffic.add(retries=1),
            )
        except PassingError as error:
            raise GranuleError(f"{self.name}: {error}") from None
        self._keep_version(piece.stamp)
        return piece.data

    def close(self) -> None:
        """Forget the login; the connections are shared and stay open."""
        self._grants = None

    def _let_in(self, start: int, size: int, into: memoryview | None) -> Piece:
        """Return a piece; the login is renewed once if it is refused."""
        grant = self._grants.current() if self._grants is not None else None
        try:
            return self._ask(start, size, grant, into)
        except RefusedError as refused:
            if self._grants is None or grant is None:
                raise LoginError(f"{self.name}: {refused}; it wants a login, or the file is not public") from None
            self._traffic.add(retries=1)
            fresh = self._grants.renewed(grant)
            try:
                return self._ask(start, size, fresh, into)
            except RefusedError as again:
                told = f"{self.name}: {again}, also after the login was renewed"
                if fresh.secrets == grant.secrets:
                    told += (
                        ", which gave the same one; if it expired, log in again (`session = earthaccess.login()`), or "
                        "put a new token where it is read from"
                    )
                raise LoginError(told) from None

    @abstractmethod
    def _ask(self, start: int, size: int, grant: Grant | None, into: memoryview | None) -> Piece:
        """Return a piece; one try.

        Raises
        ------
        RefusedError
            If another login may help.
        PassingError
            If another try may help.
        LoginError, GranuleError
            If neither does.
        """

    def _keep_version(self, fresh: Stamp) -> None:
        """Remember the version, or refuse a piece of another one."""
        with self._lock:
            known = self._stamp
            if known is None:
                self._stamp = fresh
            elif known != fresh:
                raise GranuleError(f"{self.name}: the file changed while it was read; read it again")
