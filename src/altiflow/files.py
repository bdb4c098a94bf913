"""Files that appear whole or not at all, and folders that one process at a time writes to."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from altiflow.errors import AltiflowError, InputError, StoreLockedError, WriteError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = ["folder_lock", "whole_file"]

_REFUSALS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM}
    | {errno.ENOTDIR, errno.ENAMETOOLONG}
)
"""What a system says of a place where no more, or nothing at all, can be written."""
_FULL = 2**16
"""A disk with less room than this is full [bytes]: libraries that do not tell why they failed leave some blocks."""


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
    WriteError
        If the disk is full, or the place may not be written to.

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
    part = target.with_name(f".{target.stem}.{uuid4().hex[:8]}.part{target.suffix}")
    with _told_of_writing(target, part):
        _make_folder(target.parent)
        try:
            yield part
            if overwrite:
                part.replace(target)
            else:
                _place_new(part, target)
        except Exception as error:
            if not isinstance(error, AltiflowError) and _is_full(target.parent):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
            raise
        finally:
            part.unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it; a file in their place is none."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from error


@contextmanager
def _told_of_writing(target: Path, part: Path) -> Iterator[None]:
    """Turn what the system says of a file that cannot be written into a typed error; errors of other files stay."""
    try:
        yield
    except OSError as error:
        named = error.filename in (None, str(part), str(target)) or Path(str(error.filename)) in target.parents
        if error.errno not in _REFUSALS or not named:
            raise
        why = os.strerror(error.errno)
        raise WriteError(f"{target} cannot be written: {why}; make room, or choose another path") from error


def _is_full(folder: Path) -> bool:
    """Return whether there is no room left where a folder is."""
    try:
        return shutil.disk_usage(folder).free < _FULL
    except OSError:
        return False


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
