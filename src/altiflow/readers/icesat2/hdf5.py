"""HDF5 files: is it one, is it whole, and what its string attributes say, whichever way they were written."""

from __future__ import annotations

import math
from pathlib import Path

import h5py
import numpy as np

from altiflow.errors import CorruptGranuleError, InputError, UnsupportedFormatError

__all__ = ["DAMAGE", "check_claim", "check_hdf5", "open_hdf5", "text_attribute_of"]

DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, MemoryError, OverflowError)
"""What h5py raises of files that are damaged."""

_DEFLATE_RATIO = 1_100
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
    if not head.startswith(_SIGNATURE):
        raise UnsupportedFormatError(f"{path.name} is not an HDF5 file (it starts with {head[:8]!r})")
    version = head[8] if len(head) > 8 else -1
    if version not in _END_ADDRESS:
        raise UnsupportedFormatError(f"{path.name} has HDF5 superblock version {version}, which is not known")
    size_byte, start = (13 if version < 2 else 9), _END_ADDRESS[version]
    width = head[size_byte] if len(head) > size_byte else 0
    expected = int.from_bytes(head[start : start + width], "little")
    actual = path.stat().st_size
    if len(head) < 48 or width not in (4, 8) or expected > actual:
        raise CorruptGranuleError(
            f"{path.name} is truncated: it should hold {expected} bytes and holds {actual}; download it again"
        )


def open_hdf5(path: Path) -> h5py.File:
    """Return an open file.

    Raises
    ------
    CorruptGranuleError
        If the HDF5 library cannot open it.
    """
    try:
        return h5py.File(path, "r")
    except DAMAGE as error:
        raise CorruptGranuleError(f"{path.name} cannot be opened as HDF5: {error}") from error


def check_claim(path: Path, name: str, shape: tuple[int, ...], itemsize: int) -> None:
    """Refuse a data set that claims to hold more than a file of that size can.

    Raises
    ------
    CorruptGranuleError
        If it does, as damaged headers do.
    """
    size = math.prod(shape) * itemsize
    if size > max(_DEFLATE_RATIO * path.stat().st_size, _SMALL):
        raise CorruptGranuleError(f"{path.name}: {name} claims to hold {size} bytes, shape {shape}; it is damaged")


def text_attribute_of(file: h5py.File, group: str, name: str, granule: str) -> str | None:
    """Return attribute `name` of a group as text, None where it is absent or not text.

    Raises
    ------
    CorruptGranuleError
        If it is there and cannot be read.
    """
    try:
        node = file.get(group)
        value = None if node is None else node.attrs.get(name)
    except DAMAGE as error:
        raise CorruptGranuleError(f"{granule}: attribute {name} of {group} cannot be read: {error}") from error
    if isinstance(value, np.ndarray):
        value = value.flat[0] if value.size == 1 else None
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return str(value).strip() if isinstance(value, str) else None
