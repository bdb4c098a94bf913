"""Filtered searches: the rows that meet a query and a filter, worked out of searches of the store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from altiflow.explore.service.asking.filters import Beside, Every, Filter, Has, Some, Untold, Within
from altiflow.explore.service.stores import Found, Query, Test
from altiflow.region import as_region

__all__ = ["find_filtered"]

Find = Callable[[Query], Found]
"""What finds the rows of a query."""

_GLOBE = as_region((-180.0, -90.0, 180.0, 90.0))


def find_filtered(find: Find, query: Query, wanted: Filter) -> Found:
    """Return the rows of a query that are in a filter's set; those without a footprint are not counted."""
    if isinstance(wanted, Has):
        return _bare(find(_with(query, *wanted.tests)))
    if isinstance(wanted, Beside):
        return _without(find(_with(query, wanted.test)), find(_with(query, wanted.other)))
    if isinstance(wanted, Untold):
        return _without(find(query), find(_with(query, wanted.test)))
    if isinstance(wanted, Within):
        return _placed(find, query, wanted)
    if isinstance(wanted, Every):
        return _every(find, query, wanted)
    return _some(find, query, wanted)


def _with(query: Query, *tests: Test) -> Query:
    return replace(query, tests=(*query.tests, *tests))


def _bare(found: Found) -> Found:
    return replace(found, without_footprint=0)


def _kept(found: Found, kept: npt.NDArray[np.bool_]) -> Found:
    return Found(found.places[kept], found.years[kept], found.public[kept])


def _without(found: Found, other: Found) -> Found:
    """Return what is in the first and not in the second."""
    return _kept(found, ~np.isin(found.places, other.places, assume_unique=True))


def _both(found: Found, other: Found) -> Found:
    """Return what is in both."""
    return _kept(found, np.isin(found.places, other.places, assume_unique=True))


def _placed(find: Find, query: Query, wanted: Within) -> Found:
    """Return what meets a region, or has a footprint and does not."""
    there = find(Query(wanted.region, query.tests))
    if not wanted.outside:
        return _bare(there) if query.region is None else _both(find(query), there)
    return _without(find(query if query.region is not None else replace(query, region=_GLOBE)), there)


def _every(find: Find, query: Query, wanted: Every) -> Found:
    """Return what is in all parts; plain tests are left to the store, all at once."""
    tests = [test for part in wanted.parts if isinstance(part, Has) for test in part.tests]
    query = _with(query, *tests)
    left = [part for part in wanted.parts if not isinstance(part, Has)]
    if not left:
        return _bare(find(query))
    found = find_filtered(find, query, left[0])
    for part in left[1:]:
        if not len(found.places):
            break
        found = _both(found, find_filtered(find, query, part))
    return found


def _some(find: Find, query: Query, wanted: Some) -> Found:
    """Return what is in any part."""
    parts = [find_filtered(find, query, part) for part in wanted.parts]
    if not parts:
        return Found(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, bool))
    places, first = np.unique(np.concatenate([part.places for part in parts]), return_index=True)
    years, public = (np.concatenate([getattr(part, name) for part in parts])[first] for name in ("years", "public"))
    return Found(places, years, public)
