"""Files that appear whole or not at all, and folders that one process at a time writes to."""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from altiflow.errors import InputError, StoreLockedError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = ["folder_lock", "whole_file"]


@contextmanager
def whole_file(path: str | Path, *, overwrite: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside `path`; it is renamed to `path` if all goes well and removed if not.

    The folder is made if it is not there. The temporary name keeps the suffix, which many writers go by. With
    ``overwrite=False`` a file that another process has put there in the meantime stays.

    Raises
    ------
    FileExistsError
        If `path` is there in the end and is not to be overwritten.
    IsADirectoryError
        If `path` is a folder.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "new" / "a.txt"
    >>> with whole_file(target) as part:
    ...     written = part.write_text("done")
    >>> target.read_text(), [found.name for found in target.parent.iterdir()]
    ('done', ['a.txt'])
    """
    target = Path(path)
    if not target.name or target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder, and a file is to be written", str(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.stem}.{uuid4().hex[:8]}.part{target.suffix}")
    try:
        yield part
        if overwrite:
            part.replace(target)
        else:
            _place_new(part, target)
    finally:
        part.unlink(missing_ok=True)


def _place_new(part: Path, target: Path) -> None:
    """Give a file its name in one step that fails if there is one of that name."""
    try:
        os.link(part, target)
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError:
        # A disk without hard links: an empty file takes the name, and the whole one its place.
        target.touch(exist_ok=False)
        part.replace(target)


@contextmanager
def folder_lock(folder: Path, *, name: str = "lock") -> Iterator[None]:
    """Keep other writers out; the system lets go of the lock when the process ends, however it ends.

    Raises
    ------
    StoreLockedError
        If another writer is at work.
    InputError
        If the file system has no locks.
    """
    path = folder / name
    with path.open("a+", encoding="utf-8") as held:
        try:
            _lock_file(held.fileno())
        except (BlockingIOError, PermissionError) as error:
            who = path.read_text(encoding="utf-8") or "another process"
            raise StoreLockedError(f"{who} is writing to the store at {folder}; try again when it is done") from error
        except OSError as error:
            raise InputError(f"{path} cannot be locked ({error}); put the store on a disk that has locks") from error
        held.truncate(0)
        held.write(f"process {os.getpid()} on {socket.gethostname()}")
        held.flush()
        yield


def _lock_file(number: int) -> None:
    """Lock an open file, or raise OSError."""
    if sys.platform == "win32":
        # Locked bytes cannot be read on Windows, so one far beyond the text is.
        os.lseek(number, 2**20, os.SEEK_SET)
        msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
