"""HDF5 files before anyone reads them: is it one, and is it whole."""

from __future__ import annotations

from pathlib import Path

from altiflow.errors import CorruptGranuleError, InputError, UnsupportedFormatError

__all__ = ["check_hdf5", "check_head"]

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
