"""The query: what rows of a catalogue are wanted, as values that every database understands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import shapely

from altiflow.readers.catalogue.moments import Moment, as_moment
from altiflow.readers.catalogue.pairs import PairSearch
from altiflow.region import Region

__all__ = ["Query", "Test", "granule_query", "meets", "pair_query", "read_shapes", "shapes_of", "where_clause"]

_SIDES = {"middle": ("mid", "mid"), "inside": ("start", "end"), "touching": ("end", "start")}
"""For each rule, what is not before the first moment of a period, and what is not after its last."""

_BOX = "(xmax >= {0} AND ymax >= {0} AND xmin <= {0} AND ymin <= {0})"
"""Footprints whose box meets a box, its edges given as west, south, east, north."""


@dataclass(frozen=True)
class Test:
    """A condition on one column; rows without a value do not meet it.

    Attributes
    ----------
    column
        Column of the catalogue.
    op
        ">=", "<=", "in" (one of several values), "month" (of a moment, one of several).
    value
        What it is compared with; a tuple for "in" and "month".
    """

    column: str
    op: Literal[">=", "<=", "in", "month"]
    value: Any


@dataclass(frozen=True)
class Query:
    """What rows are wanted: those that meet every test, and whose footprint meets the region.

    Attributes
    ----------
    region
        Where; None for everywhere, rows without a footprint too.
    tests
        Conditions on columns.
    """

    region: Region | None = None
    tests: tuple[Test, ...] = ()


def pair_query(search: PairSearch) -> Query:
    """Return the query of a search for image pairs, with the meaning of :func:`altiflow.filter_pairs`.

    Examples
    --------
    >>> pair_query(PairSearch(mission=("landsat", "sentinel1"))).tests[0].value
    ('landsat', 'landsat+sentinel1', 'sentinel1', 'sentinel1+landsat')
    """
    early, late = _SIDES[search.period_rule]
    limits: list[tuple[str, Literal[">=", "<="], Any]] = [
        (early, ">=", as_moment(search.start, "start", last=False)),
        (late, "<=", as_moment(search.end, "end", last=True)),
        ("separation_days", ">=", search.min_separation),
        ("separation_days", "<=", search.max_separation),
        ("percent_valid", ">=", search.percent_valid_pixels or None),
    ]
    tests = [Test(column, op, value) for column, op, value in limits if value is not None]
    if search.months:
        tests.append(Test("mid", "month", search.months))
    for column, words in (("mission", search.mission), ("satellite", search.satellite)):
        if words:
            tests.append(Test(column, "in", _joined(words)))
    if search.version:
        tests.append(Test("version", "in", search.version))
    return Query(search.region, tuple(tests))


def _joined(words: Sequence[str]) -> tuple[str, ...]:
    """Return what two images of these missions or satellites may be called together."""
    return tuple(sorted({one if one == two else f"{one}+{two}" for one, two in product(words, repeat=2)}))


def granule_query(
    *,
    region: Region | None = None,
    start: Moment = None,
    end: Moment = None,
    product: Sequence[str] = (),
    version: Sequence[str] = (),
    cycle: Sequence[int] = (),
    rgt: Sequence[int] = (),
    hemisphere: str | None = None,
) -> Query:
    """Return the query of a search for granules, with the meaning of :func:`altiflow.filter_catalogue`.

    A row without an end is the moment of its start; one without a start is in no period.
    """
    first, last = as_moment(start, "start", last=False), as_moment(end, "end", last=True)
    tests = [Test("finish", ">=", first)] if first is not None else []
    tests += [Test("start", "<=", last)] if last is not None else []
    listed = {"product": product, "version": version, "cycle": cycle, "rgt": rgt}
    tests += [Test(column, "in", tuple(values)) for column, values in listed.items() if values]
    tests += [Test("hemisphere", "in", (hemisphere,))] if hemisphere else []
    return Query(region, tuple(tests))


def shapes_of(region: Region) -> tuple[Any, ...]:
    """Return shapes of which a footprint that is in the region meets at least one.

    These are the region itself and, as the antimeridian is one line with two longitudes, what lies on that line as seen
    from the other side; :meth:`altiflow.Region.meets` in shapes.

    Examples
    --------
    >>> from altiflow.region import as_region
    >>> [str(shape) for shape in shapes_of(as_region((-180, 60, -170, 72)))[1:]]
    ['LINESTRING (180 72, 180 60)']
    """
    found = [region.geometry]
    west, _, east, _ = region.geometry.bounds
    for edge, there in ((east, 180.0), (west, -180.0)):
        if edge == there:
            line = shapely.intersection(region.geometry, shapely.LineString([(edge, -90), (edge, 90)]))
            seen = shapely.transform(line, lambda corners, edge=edge: corners - np.array([2 * edge, 0.0]))
            found += [] if shapely.covers(region.geometry, seen) else [seen]
    return tuple(found)


def meets(shapes: Sequence[Any], footprints: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return which footprints (n,), in WKB, meet at least one of some shapes."""
    read = read_shapes(footprints)
    met = np.zeros(len(footprints), dtype=bool)
    for shape in shapes:
        shapely.prepare(shape)
        met |= shapely.intersects(shape, read)
    return met


def read_shapes(footprints: Any) -> Any:
    """Return shapes from WKB, one or (n,); corners that are no numbers are taken as they are."""
    with np.errstate(invalid="ignore"):
        return shapely.from_wkb(footprints)


def where_clause(query: Query, mark: str, box: str = _BOX) -> tuple[str, list[Any]]:
    """Return a query in SQL, all its values as parameters, the region by its boxes alone.

    Parameters
    ----------
    query
        What is wanted. Columns come from this module, never from a request.
    mark
        How the database marks a parameter, "?" or "%s".
    box
        The condition that a footprint's box meets one whose west, south, east and north it is given, all as ``{0}``.

    Examples
    --------
    >>> where_clause(Query(tests=(Test("cycle", "in", (3, 4)), Test("start", "<=", 9))), "?")
    ('"cycle" IN (?, ?) AND "start" <= ?', [3, 4, 9])
    >>> where_clause(Query(), "?")
    ('TRUE', [])
    """
    parts: list[str] = []
    values: list[Any] = []
    for test in query.tests:
        column = f'"{test.column}"'
        if test.op in (">=", "<="):
            parts.append(f"{column} {test.op} {mark}")
            values.append(test.value)
        else:
            subject = f"extract(month FROM {column})" if test.op == "month" else column
            parts.append(f"{subject} IN ({', '.join([mark] * len(test.value))})")
            values.extend(test.value)
    if query.region is not None:
        boxes = [*query.region.bboxes, *(shape.bounds for shape in shapes_of(query.region)[1:])]
        parts.append(f"({' OR '.join([box.format(mark)] * len(boxes))})")
        values.extend(edge for found in boxes for edge in found)
    return " AND ".join(parts) or "TRUE", values
