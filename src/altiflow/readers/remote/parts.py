"""Unfinished files: how far a transfer came, and of which version of the file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from altiflow.files import whole_file
from altiflow.readers.remote.retries import PassingError

__all__ = ["Part", "Stamp", "file_checksum", "has_checksum"]

_BLOCK = 2**20


@dataclass(frozen=True)
class Stamp:
    """Which version of a remote file a part is of.

    Attributes
    ----------
    url
        Where it comes from, without secrets.
    etag, modified
        The server's ETag and Last-Modified; "" where it tells none.
    size
        Size of the whole file [bytes], None where it is not told.
    """

    url: str
    etag: str = ""
    modified: str = ""
    size: int | None = None

    @property
    def validator(self) -> str:
        """What tells this version from others in If-Range: a strong ETag, or the time of the change; "" for nothing."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified

    @property
    def version(self) -> str:
        """ETag, else the time of the last change, and the size; "" without either, as files change in place too.

        Examples
        --------
        >>> Stamp("https://h/a.h5", etag="W/7", size=9).version, Stamp("https://h/a.h5", size=9).version
        ('W/7 9', '')
        """
        told = self.etag or self.modified
        return f"{told} {self.size}" if told and self.size is not None else told


class Part:
    """The unfinished file beside `target`: ``<name>.part``, with its stamp in ``<name>.part.json``.

    `expected` is the checksum that the file must have, as "algorithm:digits"; "" where none is known.
    """

    def __init__(self, target: Path, expected: str = "") -> None:
        self.target = target
        self.expected = expected
        self.path = target.with_name(f"{target.name}.part")
        self.stamp_path = target.with_name(f"{target.name}.part.json")

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return self.path.stat().st_size if self.path.exists() else 0

    def stamp(self, url: str) -> Stamp | None:
        """Return the stamp of a part of `url` that can be continued; None if there is none."""
        try:
            stamp = Stamp(**json.loads(self.stamp_path.read_text()))
        except (OSError, ValueError, TypeError):
            return None
        return stamp if self.size and stamp.url == url and stamp.validator else None

    @contextmanager
    def writing(self, stamp: Stamp, *, start: int) -> Iterator[IO[bytes]]:
        """Yield the part, opened to be written from byte `start` on; nobody else may write it meanwhile."""
        self.target.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            _lock(file, self.path)
            file.truncate(start)
            with whole_file(self.stamp_path) as fresh:
                fresh.write_text(json.dumps(asdict(stamp)))
            yield file

    def finish(self) -> str:
        """Give the file its name and return its SHA-256.

        Raises
        ------
        PassingError
            If it has another checksum than expected; it is removed, to be fetched anew.
        """
        if not has_checksum(self.path, self.expected):
            self.discard()
            raise PassingError(f"what came does not have the checksum {self.expected} of the catalogue")
        checksum = file_checksum(self.path)
        self.path.replace(self.target)
        self.stamp_path.unlink(missing_ok=True)
        return checksum

    def discard(self) -> None:
        """Remove what is there."""
        self.path.unlink(missing_ok=True)
        self.stamp_path.unlink(missing_ok=True)


def file_checksum(path: Path, algorithm: str = "sha256") -> str:
    """Return the checksum of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def has_checksum(path: Path, expected: str) -> bool:
    """Return whether a file has a checksum "algorithm:digits"; "" and algorithms that Python lacks are not checked."""
    algorithm, _, digits = expected.partition(":")
    return algorithm not in hashlib.algorithms_available or file_checksum(path, algorithm) == digits.lower()


def _lock(file: IO[bytes], path: Path) -> None:
    """Hold the file for this process until it is closed, where the system can.

    Raises
    ------
    PassingError
        If another process is writing it.
    """
    try:
        import fcntl
    except ImportError:  # pragma: no cover - systems without fcntl
        return
    locks: Any = fcntl
    try:
        locks.flock(file, locks.LOCK_EX | locks.LOCK_NB)
    except BlockingIOError:
        raise PassingError(f"another download is writing {path.name}") from None
