"""Moments as a user writes them: a day, month or year meant whole, or a point in time."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Literal

import numpy as np
import pandas as pd

from altiflow.errors import InputError

__all__ = ["Moment", "as_moment"]

Moment = str | date | datetime | np.datetime64 | None

_WHOLE = re.compile(r"\d{4}(-\d\d){0,2}")
"""A day, a month or a year."""


def as_moment(value: Moment, argument: str, *, last: bool, unit: Literal["us", "s"] = "us") -> datetime | None:
    """Return the first or last microsecond (or second) that `value` means (UTC, naive).

    A day, month or year without a time of day is meant whole.

    Raises
    ------
    InputError
        If it is no date.

    Examples
    --------
    >>> as_moment("2019", "end", last=True)
    datetime.datetime(2019, 12, 31, 23, 59, 59, 999999)
    """
    if value is None:
        return None
    whole = isinstance(value, str) and _WHOLE.fullmatch(value.strip())
    try:
        if whole or (isinstance(value, date) and not isinstance(value, datetime)):
            span = pd.Period(str(value).strip())
            return (span.end_time if last else span.start_time).floor(unit).to_pydatetime()
        if not isinstance(value, (str, datetime, np.datetime64)):
            raise TypeError(f"a {type(value).__name__} is no moment")
        moment = pd.Timestamp(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"{argument} is a date such as '2019-04-20', got {value!r} ({error})") from error
    if pd.isna(moment):
        raise InputError(f"{argument} is a date such as '2019-04-20' or None, got {value!r}")
    return (moment.tz_convert("UTC").tz_localize(None) if moment.tz else moment).floor(unit).to_pydatetime()
