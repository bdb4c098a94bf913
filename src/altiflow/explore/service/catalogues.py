"""A served catalogue: its store, and what requests of all kinds ask of it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import Any

import numpy as np

from altiflow.errors import RequestError
from altiflow.explore.service.asking.filters import Filter
from altiflow.explore.service.filtered import find_filtered
from altiflow.explore.service.limits import ServiceLimits
from altiflow.explore.service.stores import Found, Query, Store
from altiflow.explore.service.stores.store import NO_YEAR

__all__ = ["ServedCatalogue", "count_years"]

_REMEMBERED = 8
"""Searches whose rows are remembered, for the next page and for the addresses after the counts."""
_MOST_ROWS = 10_000_000
"""Most rows that are remembered of all these searches but the last; each takes 13 bytes."""


@dataclass(frozen=True, eq=False)
class ServedCatalogue:
    """A catalogue as requests see it.

    Attributes
    ----------
    store
        Where its rows are.
    limits
        How much one request may ask for.
    show_paths
        Whether rows that are on the server's disk alone are answered with their path; else they are left out and
        counted.
    """

    store: Store
    limits: ServiceLimits
    show_paths: bool = False
    _found: OrderedDict[tuple[int, Query, Filter | None], Found] = field(default_factory=OrderedDict, repr=False)
    _lock: Any = field(default_factory=Lock, repr=False)

    def find(self, query: Query, wanted: Filter | None = None) -> Found:
        """Return which rows meet a query, and are in a filter's set where there is one.

        Raises
        ------
        RequestError
            If it takes longer than allowed.
        """
        # Of a catalogue that was replaced nothing is remembered.
        asked = (self.store.version, query, wanted)
        with self._lock:
            if asked in self._found:
                self._found.move_to_end(asked)
                return self._found[asked]
        found = self._look(query, wanted)
        with self._lock:
            self._found[asked] = found
            held = sum(len(one.places) for one in self._found.values())
            while len(self._found) > _REMEMBERED or (held > _MOST_ROWS and len(self._found) > 1):
                held -= len(self._found.popitem(last=False)[1].places)
        return found

    def _look(self, query: Query, wanted: Filter | None) -> Found:
        """Return what the store finds; a filter may take several searches, all of them as long as one."""
        deadline = monotonic() + self.limits.seconds

        def find(part: Query) -> Found:
            left = deadline - monotonic()
            if left <= 0:
                raise TimeoutError("the search took too long")
            return self.store.find(part, seconds=left)

        try:
            if wanted is None:
                return find(query)
            # Rows of a catalogue are not to be joined with those of the one that replaces it.
            while True:
                version = self.store.version
                found = find_filtered(find, query, wanted)
                if self.store.version == version:
                    return found
        except TimeoutError as error:
            reason = f"the search took longer than {self.limits.seconds:g} s"
            raise RequestError("", "", reason, "ask for a smaller area or a shorter period", 503) from error

    def shown(self, found: Found) -> Found:
        """Return the rows found that have an address to give."""
        if self.show_paths or found.public.all():
            return found
        return Found(found.places[found.public], found.years[found.public], found.public[found.public], 0)

    def check_rows(self, found: Found) -> Found:
        """Return what is found itself.

        Raises
        ------
        RequestError
            If it is more than one answer may hold.
        """
        if len(found.places) > self.limits.rows:
            reason = f"{len(found.places)} rows are found, and {self.limits.rows} are allowed"
            fix = "ask for a smaller area or a shorter period; coverage counts them by year"
            raise RequestError("", "", reason, fix, 413)
        return found

    def urls(self, found: Found) -> Iterator[list[Mapping[str, Any]]]:
        """Yield the addresses of rows in batches."""
        for batch in self.store.rows(found.places, ("address", "local")):
            yield [{"url": address or local} for address, local in batch]

    def rows(self, places: Any, columns: Sequence[str]) -> Iterator[list[dict[str, Any]]]:
        """Yield columns of rows in batches."""
        for batch in self.store.rows(places, columns):
            yield [dict(zip(columns, values, strict=True)) for values in batch]


def count_years(found: Found) -> list[Mapping[str, Any]]:
    """Return how many rows there are of each year; the year of those that tell no time is None, and last."""
    years, counts = np.unique(found.years, return_counts=True)
    told: list[Mapping[str, Any]] = [
        {"year": int(year), "count": int(count)} for year, count in zip(years, counts, strict=True)
    ]
    if told and told[0]["year"] == NO_YEAR:
        told = [*told[1:], {"year": None, "count": told[0]["count"]}]
    return told
