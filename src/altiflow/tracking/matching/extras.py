"""What the extra ``track`` brings, loaded when it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from altiflow.errors import InputError

__all__ = ["load_cv2", "one_thread_each", "require_numba"]


def load_cv2() -> Any:
    """Return OpenCV.

    Raises
    ------
    InputError
        If it is not installed.
    """
    return _load("cv2", "OpenCV")


def require_numba() -> None:
    """Raise InputError if numba is not installed."""
    _load("numba", "numba")


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Keep OpenCV from starting threads of its own inside ours."""
    cv2 = load_cv2()
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _load(module: str, name: str) -> Any:
    """Return a module; raise InputError if it is not installed."""
    try:
        return import_module(module)
    except ImportError as error:
        raise InputError(f"tracking needs {name}; install it with: pip install 'altiflow[track]'") from error
