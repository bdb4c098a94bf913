"""Retries: what is worth another try, how often, and after how long a wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from altiflow.errors import InputError
from altiflow.stop import Stop

__all__ = ["BUSY", "PassingError", "Retries", "wait_asked_for", "with_retries"]

BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP statuses that may pass."""

Result = TypeVar("Result")


class PassingError(Exception):
    """Something that may be gone at the next try; `wait` is how long the server asks to wait [s], if it does."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


@dataclass(frozen=True)
class Retries:
    """How often, and how soon, something is tried again.

    Attributes
    ----------
    attempts
        Tries in all, the first included.
    wait
        Wait before the second try [s]; it doubles with every further one.
    longest
        Longest wait [s], whatever a server asks for.

    Examples
    --------
    >>> [Retries(wait=1.0, longest=5.0).pause(after) for after in (1, 2, 3, 4)]
    [1.0, 2.0, 4.0, 5.0]
    """

    attempts: int = 4
    wait: float = 1.0
    longest: float = 60.0

    def __post_init__(self) -> None:
        """Refuse numbers that mean nothing."""
        if self.attempts < 1 or not 0 <= self.wait < float("inf") or not self.longest >= 0:
            raise InputError(f"retries need attempts from 1 on and waits from 0 on, got {self!r}")

    def pause(self, failed: int, asked: float | None = None) -> float:
        """Return the wait after so many failed tries [s]: what the server asked for, or twice the last one."""
        return min(self.wait * 2.0 ** (failed - 1) if asked is None else max(asked, 0.0), self.longest)


def with_retries(
    work: Callable[[], Result],
    retries: Retries,
    *,
    stop: Stop | None = None,
    noted: Callable[[PassingError], None] | None = None,
) -> Result:
    """Return what `work` returns; it is called again after each :class:`PassingError`, until tries run out.

    `noted` is called with each error after which there is another try; there is none, nor a wait, once `stop` is told.

    Raises
    ------
    PassingError
        The last one, its text telling how often it was tried.

    Examples
    --------
    >>> answers = iter([PassingError("busy"), 5])
    >>> def ask():
    ...     answer = next(answers)
    ...     if isinstance(answer, Exception):
    ...         raise answer
    ...     return answer
    >>> with_retries(ask, Retries(wait=0.0))
    5
    """
    going = stop or Stop()
    for failed in range(1, retries.attempts + 1):
        going.check()
        try:
            return work()
        except PassingError as error:
            if failed == retries.attempts:
                tried = "" if failed == 1 else f" ({failed} tries)"
                raise PassingError(f"{error}{tried}") from None
            if noted is not None:
                noted(error)
            going.sleep(retries.pause(failed, error.wait))
    raise AssertionError("retries have at least one attempt")  # pragma: no cover


def wait_asked_for(headers: Mapping[str, str]) -> float | None:
    """Return the wait that a Retry-After header asks for [s], None if there is none that can be read.

    Examples
    --------
    >>> wait_asked_for({"Retry-After": "3"}), wait_asked_for({"Retry-After": "soon"})
    (3.0, None)
    """
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0) if moment.tzinfo else None
