"""Trying again: as often as was said, and no sooner than a server asks for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from altiflow.errors import LoginError
from altiflow.readers.remote import Retries
from altiflow.readers.remote.retries import PassingError, wait_asked_for, with_retries

QUICK = Retries(attempts=3, wait=0.001)


def test_waits() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert wait_asked_for({"Retry-After": later}) == pytest.approx(90, abs=2)
    assert wait_asked_for({}) is None
    calls = []

    def work() -> None:
        calls.append(1)
        raise PassingError("busy")

    with pytest.raises(PassingError, match=r"busy \(2 tries\)"):
        with_retries(work, Retries(attempts=2, wait=0.0))
    assert len(calls) == 2
    with pytest.raises(LoginError):
        with_retries(lambda: (_ for _ in ()).throw(LoginError("no")), QUICK)


def test_a_wait_in_other_digits_is_none() -> None:
    assert wait_asked_for({"Retry-After": "\u00b2"}) is None
    assert wait_asked_for({"Retry-After": "\u0663"}) is None
