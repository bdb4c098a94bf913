"""Limits: how much one request may ask for."""

from __future__ import annotations

from dataclasses import dataclass, fields

from altiflow.errors import InputError

__all__ = ["ServiceLimits"]

_DAY = 86_400.0


@dataclass(frozen=True)
class ServiceLimits:
    """How much one request may ask for; more is refused with what to do about it.

    Attributes
    ----------
    vertices
        Most corners of a polygon.
    area_km2
        Largest area of a polygon or box [km2], on the sphere with the area of the Earth, which has 5.1e8.
    rows
        Most rows of an answer; counts by year have no such limit.
    seconds
        Longest search, series or tile [s], at most a day.
    page
        Most items of a page of ``/search``.
    values
        Most values of a list, such as of tracks.
    query_bytes, body_bytes
        Longest question in an address and in a body [bytes].

    Raises
    ------
    InputError
        If a limit is not above 0, or the time is longer than a day.

    Examples
    --------
    >>> ServiceLimits(rows=0)
    Traceback (most recent call last):
    altiflow.errors.InputError: limit rows must be above 0, got 0
    """

    vertices: int = 2000
    area_km2: float = 1.5e8
    rows: int = 500_000
    seconds: float = 20.0
    page: int = 1000
    values: int = 50
    query_bytes: int = 60_000
    body_bytes: int = 1_000_000

    def __post_init__(self) -> None:
        """Refuse limits that let nothing through."""
        for field in fields(self):
            if not getattr(self, field.name) > 0:
                raise InputError(f"limit {field.name} must be above 0, got {getattr(self, field.name)!r}")
        # Clocks of threads and databases count no further than some weeks.
        if self.seconds > _DAY:
            raise InputError(f"limit seconds must be above 0 and at most {_DAY:g}, a day, got {self.seconds!r}")
