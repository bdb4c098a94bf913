"""What the extra ``track`` brings, loaded when it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from threading import Lock
from typing import Any

from altiflow.errors import InputError

__all__ = ["load_cv2", "load_torch", "one_thread_each", "require_numba"]

_MISSING = "tracking needs {}; install it with: pip install 'altiflow[track]'"


def load_cv2() -> Any:
    """Return OpenCV.

    Raises
    ------
    InputError
        If it is not installed.
    """
    return _load("cv2", "OpenCV")


def load_torch(device: str) -> Any:
    """Return torch.

    Raises
    ------
    InputError
        If it is not installed, or "cuda" is asked for and no such card is at hand.
    """
    try:
        torch: Any = import_module("torch")
    except ImportError as error:
        raise InputError(f"backend='torch-{device}' needs torch; install it with: pip install torch") from error
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("backend='torch-cuda' finds no CUDA card; use backend='torch-cpu' or 'opencv'")
    return torch


def require_numba() -> None:
    """Raise InputError if numba is not installed."""
    if find_spec("numba") is None:
        raise InputError(_MISSING.format("numba"))


@dataclass
class _Threads:
    """How many are inside :func:`one_thread_each`, and what OpenCV had before the first of them."""

    inside: int = 0
    before: int = 0
    lock: Lock = field(default_factory=Lock)


_THREADS = _Threads()


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Keep OpenCV from starting threads of its own inside ours; the last to leave gives them back."""
    cv2 = load_cv2()
    with _THREADS.lock:
        if not _THREADS.inside:
            _THREADS.before = cv2.getNumThreads()
            cv2.setNumThreads(1)
        _THREADS.inside += 1
    try:
        yield
    finally:
        with _THREADS.lock:
            _THREADS.inside -= 1
            if not _THREADS.inside:
                cv2.setNumThreads(_THREADS.before)


def _load(module: str, name: str) -> Any:
    """Return a module; raise InputError if it is not installed."""
    try:
        return import_module(module)
    except ImportError as error:
        raise InputError(_MISSING.format(name)) from error
