"""HDF5 files: is it one, is it whole, and can it hold what it says it does."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from altiflow.errors import CorruptGranuleError, InputError, UnsupportedFormatError
from altiflow.readers.remote.ranges import BlockCache, SourceFile

__all__ = [
    "DAMAGE",
    "DEFLATE_RATIO",
    "check_claim",
    "check_hdf5",
    "check_head",
    "open_hdf5",
    "size_of",
    "telling_damage",
]

DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, MemoryError, OverflowError)
"""What h5py raises of files that are damaged."""

DEFLATE_RATIO = 1_100
"""Deflate makes of one byte no more than 1032 (zlib, technical details)."""
_SMALL = 2**26
"""Data sets up to this [bytes] may be larger than a file, as those are that were never written."""

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# Byte offset of the end-of-file address by superblock version (HDF5 File Format Specification, section II.A).
_END_ADDRESS = {0: 40, 1: 44, 2: 28, 3: 28}


def check_hdf5(path: Path) -> None:
    """Refuse a file that is missing, not HDF5, or shorter than it says itself.

    Raises
    ------
    InputError
        If there is no such file.
    UnsupportedFormatError
        If it is not HDF5.
    CorruptGranuleError
        If it is truncated.
    """
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    with path.open("rb") as file:
        head = file.read(96)
    check_head(path.name, head, path.stat().st_size)


def check_head(name: str, head: bytes, actual: int) -> None:
    """Refuse what its first bytes show not to be HDF5, or to be longer than `actual` [bytes].

    Raises
    ------
    UnsupportedFormatError
        If it is not HDF5.
    CorruptGranuleError
        If it is truncated.
    """
    if not head.startswith(_SIGNATURE):
        raise UnsupportedFormatError(f"{name} is not an HDF5 file (it starts with {head[:8]!r})")
    version = head[8] if len(head) > 8 else -1
    if version not in _END_ADDRESS:
        raise UnsupportedFormatError(f"{name} has HDF5 superblock version {version}, which is not known")
    size_byte, start = (13 if version < 2 else 9), _END_ADDRESS[version]
    width = head[size_byte] if len(head) > size_byte else 0
    expected = int.from_bytes(head[start : start + width], "little")
    if len(head) < 48 or width not in (4, 8) or expected > actual:
        raise CorruptGranuleError(
            f"{name} is truncated: it should hold {expected} bytes and holds {actual}; download it again"
        )


@contextmanager
def telling_damage(place: Path | SourceFile, told: str) -> Iterator[None]:
    """Turn what h5py raises of damaged files into one typed error that begins with `told`.

    What reading the blocks of a remote file raised is raised in its place.

    Raises
    ------
    CorruptGranuleError
        If h5py fails.
    """
    try:
        yield
    except DAMAGE as error:
        if isinstance(place, SourceFile) and place.error is not None:
            raise place.error from error
        raise CorruptGranuleError(f"{told}: {error}") from error


def open_hdf5(place: Path | SourceFile, name: str) -> h5py.File:
    """Return an open file, one of this machine or the blocks of a remote one, that errors call `name`.

    Raises
    ------
    CorruptGranuleError
        If the HDF5 library cannot open it.
    """
    with telling_damage(place, f"{name} cannot be opened as HDF5"):
        return h5py.File(place, "r")


def size_of(place: Path | SourceFile | BlockCache) -> int:
    """Return the size of a file [bytes]."""
    return place.stat().st_size if isinstance(place, Path) else place.size()


def check_claim(where: str, shape: tuple[int, ...], itemsize: int, size: int) -> None:
    """Refuse a data set that claims to hold more than a file of `size` [bytes] can.

    Raises
    ------
    CorruptGranuleError
        If it does, as damaged headers do.
    """
    claimed = math.prod(shape) * itemsize
    if claimed > max(DEFLATE_RATIO * size, _SMALL):
        raise CorruptGranuleError(f"{where} claims to hold {claimed} bytes, shape {shape}; it is damaged")
