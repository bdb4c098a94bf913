"""Units of velocity and flux: one spelling each, one conversion, the length of the year stated."""

from __future__ import annotations

from altiflow.errors import InputError

__all__ = ["MONTH_DAYS", "YEAR_DAYS", "canonical_unit", "convert_factor", "flux_factor"]

YEAR_DAYS = 365.25
"""Days in a year (Julian; ATL11 ``t_scale`` = 31557600 s). autoRIFT granules divide by 365.0 instead."""

MONTH_DAYS = YEAR_DAYS / 12
"""Days in a month of a flux, 30.4375."""

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


_AMOUNTS = {"m2": ("area", 1.0), "km2": ("area", 1e6), "m3": ("volume", 1.0), "km3": ("volume", 1e9)}
_AMOUNTS |= {"kg": ("mass", 1.0), "Gt": ("mass", 1e12)}
_SECONDS = {"s": 1.0, "d": 86400.0, "month": MONTH_DAYS * 86400.0, "yr": YEAR_DAYS * 86400.0}


def flux_factor(source: str, target: str) -> float:
    """Return the number that turns a flux in `source` units into `target` units.

    Parameters
    ----------
    source, target
        An area (m2, km2), volume (m3, km3) or mass (kg, Gt) per time (s-1, d-1, month-1 of 30.4375 days, yr-1 of 365.25
        days), such as "km3 month-1".

    Raises
    ------
    InputError
        If a unit is not known, or the two are not of one kind.

    Examples
    --------
    >>> round(flux_factor("m3 s-1", "km3 month-1"), 7), round(flux_factor("Gt yr-1", "kg s-1"), 1)
    (0.0026298, 31688.1)
    """
    (kind, one), (other, two) = (_flux_unit(unit) for unit in (source, target))
    if kind != other:
        raise InputError(f"{source!r} is a flux of {kind}, {target!r} one of {other}; there is no factor between them")
    return one / two


def _flux_unit(unit: str) -> tuple[str, float]:
    """Return the kind of a flux, and its unit in m2, m3 or kg per second."""
    amount, _, time = unit.partition(" ")
    if amount not in _AMOUNTS or time.removesuffix("-1") not in _SECONDS or not time.endswith("-1"):
        raise InputError(
            f"flux unit {unit!r} is not known; use one of {', '.join(_AMOUNTS)} per one of {', '.join(_SECONDS)}, "
            "e.g. 'km3 month-1'"
        )
    kind, size = _AMOUNTS[amount]
    return kind, size / _SECONDS[time.removesuffix("-1")]


def _per_second(unit: str, year_days: float) -> float:
    """Return the unit in metres per second."""
    length, time = canonical_unit(unit).removesuffix("-1").split()
    seconds = {"s": 1.0, "d": 86400.0, "yr": year_days * 86400.0}[time]
    return _METRES[length] / seconds
