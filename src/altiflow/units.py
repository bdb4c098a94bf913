"""Velocity units: one spelling each, one conversion, the length of the year stated."""

from __future__ import annotations

from altiflow.errors import InputError

__all__ = ["YEAR_DAYS", "canonical_unit", "convert_factor"]

YEAR_DAYS = 365.25
"""Days in a year (Julian; ATL11 ``t_scale`` = 31557600 s). autoRIFT granules divide by 365.0 instead."""

_METRES = {"m": 1.0, "cm": 0.01, "km": 1000.0}
_LENGTHS = {"m": "m", "meter": "m", "meters": "m", "metre": "m", "metres": "m", "cm": "cm", "km": "km"}
_TIMES = {
    "s": "s",
    "sec": "s",
    "second": "s",
    "d": "d",
    "day": "d",
    "yr": "yr",
    "y": "yr",
    "a": "yr",
    "year": "yr",
}


def canonical_unit(unit: str) -> str:
    """Return the one spelling of a velocity unit, such as ``"cm s-1"``.

    Raises
    ------
    InputError
        If `unit` is not a length per time that altiflow knows.

    Examples
    --------
    >>> canonical_unit("cm / s"), canonical_unit("meter/year"), canonical_unit("m y-1")
    ('cm s-1', 'm yr-1', 'm yr-1')
    """
    parts = unit.strip().lower().replace("**-1", "-1").replace("^-1", "-1").replace("-1", "").replace("/", " ")
    words = parts.split()
    if len(words) != 2 or words[0] not in _LENGTHS or words[1] not in _TIMES:
        raise InputError(
            f"velocity unit {unit!r} is not known; use a length (m, cm, km) per time (s, d, yr), e.g. 'm yr-1'"
        )
    return f"{_LENGTHS[words[0]]} {_TIMES[words[1]]}-1"


def convert_factor(
    source: str, target: str, *, source_year_days: float = YEAR_DAYS, target_year_days: float = YEAR_DAYS
) -> float:
    """Return the number that turns a velocity in `source` units into `target` units.

    Parameters
    ----------
    source, target
        Velocity units in any spelling :func:`canonical_unit` takes.
    source_year_days, target_year_days
        Length of the year [d] behind a unit per year; 365.0 for autoRIFT granules.

    Raises
    ------
    InputError
        If a unit is not known.

    Examples
    --------
    >>> round(convert_factor("cm/s", "km/d"), 12)
    0.864
    >>> round(convert_factor("m/yr", "m/yr", source_year_days=365.0), 9)
    1.000684932
    """
    return _per_second(source, source_year_days) / _per_second(target, target_year_days)


def _per_second(unit: str, year_days: float) -> float:
    """Return the unit in metres per second."""
    length, time = canonical_unit(unit).removesuffix("-1").split()
    seconds = {"s": 1.0, "d": 86400.0, "yr": year_days * 86400.0}[time]
    return _METRES[length] / seconds
