"""Filters: expressions of CQL2 as sets of rows, each of which a store can find exactly."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from altiflow.errors import InputError, RequestError
from altiflow.explore.service.asking.places import geojson_region, text_region
from altiflow.explore.service.asking.queryables import FAR, GEOMETRY, QUERYABLES, Queryable
from altiflow.explore.service.limits import ServiceLimits
from altiflow.explore.service.stores import Test
from altiflow.readers.catalogue.moments import as_moment
from altiflow.region import Region

__all__ = ["Beside", "Every", "Filter", "Has", "Some", "Untold", "Within", "make_filter"]

_MOST = 40
"""Most comparisons of a filter; each may be a search of its own."""
_OPPOSITE = {"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_KNOWN = "and, or, not, =, <>, <, <=, >, >=, between, in, isNull and s_intersects"


@dataclass(frozen=True)
class Has:
    """Rows that meet all tests."""

    tests: tuple[Test, ...]


@dataclass(frozen=True)
class Beside:
    """Rows that meet one test and not another."""

    test: Test
    other: Test


@dataclass(frozen=True)
class Untold:
    """Rows that do not meet a test."""

    test: Test


@dataclass(frozen=True)
class Within:
    """Rows whose footprint meets a region, or, if `outside`, those that have a footprint which does not."""

    region: Region
    outside: bool = False


@dataclass(frozen=True)
class Every:
    """Rows in all of several sets; all rows where there are none."""

    parts: tuple[Filter, ...] = ()


@dataclass(frozen=True)
class Some:
    """Rows in any of several sets; no row where there are none."""

    parts: tuple[Filter, ...] = ()


Filter: TypeAlias = Has | Beside | Untold | Within | Every | Some
"""A set of rows."""


def make_filter(expression: Any, kind: str, kinds: Sequence[str], limits: ServiceLimits) -> Filter:
    """Return the rows of one kind of catalogue for which an expression is true.

    What compares with a value that a row does not tell is neither true nor false; so is its opposite.

    Parameters
    ----------
    expression
        CQL2 as JSON.
    kind
        "pairs" or "granules".
    kinds
        All kinds that are searched: what none of them has is refused, and what this one lacks is told by no row.
    limits
        Of places.

    Raises
    ------
    RequestError
        If it means nothing, or cannot be worked out exactly.

    Examples
    --------
    >>> asked = {"op": "not", "args": [{"op": "<", "args": [{"property": "cycle"}, 3]}]}
    >>> make_filter(asked, "granules", ["granules"], ServiceLimits())
    Has(tests=(Test(column='cycle', op='>=', value=3),))
    """
    return _Maker(kind, kinds, limits).make(expression, True)


class _Maker:
    """Makes a filter of an expression; `wanted` False makes that of its opposite."""

    def __init__(self, kind: str, kinds: Sequence[str], limits: ServiceLimits) -> None:
        self._own = QUERYABLES[kind]
        self._all = {name: one for each in kinds for name, one in QUERYABLES[each].items()}
        self._limits = limits
        self._count = 0
        self._makers: dict[str, Callable[[str, list[Any], bool], Filter]] = {
            "and": self._join,
            "or": self._join,
            "not": self._turn,
            "between": self._between,
            "in": self._in,
            "isNull": self._untold,
            "s_intersects": self._meets,
            **dict.fromkeys(_OPPOSITE, self._compare),
        }

    def make(self, told: Any, wanted: bool) -> Filter:
        """Return the filter of an expression."""
        if isinstance(told, bool):
            self._add(1)
            return Every() if told is wanted else Some()
        if not isinstance(told, Mapping) or not isinstance(told.get("args"), list):
            raise _refused(told, "the filter holds what is no condition")
        word = told.get("op")
        if not isinstance(word, str) or word not in self._makers:
            raise _refused(word, f"the operator {str(word)[:40]} is not supported")
        self._add(word not in ("and", "or", "not"))
        return self._makers[word](word, told["args"], wanted)

    def _add(self, count: int) -> None:
        """Count conditions, and refuse too many."""
        self._count += count
        if self._count > _MOST:
            reason = f"the filter has more than {_MOST} conditions"
            raise RequestError("filter", "", reason, "ask in several searches, or with IN", 413)

    def _join(self, word: str, args: list[Any], wanted: bool) -> Filter:
        if not args:
            raise _refused(word, f"{word} joins nothing")
        parts = tuple(self.make(one, wanted) for one in args)
        return Every(parts) if (word == "and") is wanted else Some(parts)

    def _turn(self, word: str, args: list[Any], wanted: bool) -> Filter:
        (one,) = _count(word, args, 1)
        return self.make(one, not wanted)

    def _compare(self, word: str, args: list[Any], wanted: bool) -> Filter:
        first, second = _count(word, args, 2)
        if _is_property(second) and not _is_property(first):
            first, second, word = second, first, _TURNED.get(word, word)
        property_ = self._property(first)
        op = word if wanted else _OPPOSITE[word]
        return Some() if property_ is None else _comparison(property_, op, second)

    def _between(self, word: str, args: list[Any], wanted: bool) -> Filter:
        one, low, high = _count(word, args, 3)
        parts = (self._compare(">=", [one, low], wanted), self._compare("<=", [one, high], wanted))
        return Every(parts) if wanted else Some(parts)

    def _in(self, word: str, args: list[Any], wanted: bool) -> Filter:
        one, values = _count(word, args, 2)
        if not isinstance(values, list) or not 0 < len(values) <= self._limits.page:
            raise _refused(values, f"in has no list of 1 to {self._limits.page} values")
        property_ = self._property(one)
        if property_ is None:
            return Some()
        if property_.kind != "moment":
            return _listed(property_, values, wanted)
        self._add(len(values) - 1)
        parts = tuple(_comparison(property_, "=" if wanted else "<>", value) for value in values)
        return Some(parts) if wanted else Every(parts)

    def _untold(self, word: str, args: list[Any], wanted: bool) -> Filter:
        (one,) = _count(word, args, 1)
        property_ = self._property(one)
        if property_ is None:
            return Every() if wanted else Some()
        return Untold(property_.told) if wanted else Has((property_.told,))

    def _meets(self, word: str, args: list[Any], wanted: bool) -> Filter:
        first, second = _count(word, args, 2)
        if _is_property(second):
            first, second = second, first
        if not (_is_property(first) and first["property"] == GEOMETRY):
            raise _refused(first, f"s_intersects compares {GEOMETRY} with a place")
        return Within(self._place(second), outside=not wanted)

    def _place(self, told: Any) -> Region:
        """Return a place."""
        box = told.get("bbox") if isinstance(told, Mapping) else None
        if not isinstance(box, list):
            return geojson_region("filter", told, self._limits)
        if len(box) not in (4, 6) or not all(_is_number(one) for one in box):
            raise _refused(box, "a bbox is no list of four numbers")
        flat = box if len(box) == 4 else [*box[:2], *box[3:5]]
        return text_region("bbox", ",".join(map(repr, flat)), self._limits)

    def _property(self, told: Any) -> Queryable | None:
        """Return what a property is, None for one that these rows do not have but others that are searched do."""
        name = told["property"] if _is_property(told) else None
        if name is None:
            raise _refused(told, "a condition compares something else than a property with a value")
        if name not in self._all:
            reason = f"there is no property {name[:80]!r} to filter by"
            raise RequestError("filter", name, reason, f"known are {', '.join(self._all)}")
        return self._own.get(name)


def _refused(value: Any, reason: str) -> RequestError:
    return RequestError("filter", value, reason, f"use {_KNOWN} on the properties of /queryables")


def _count(word: str, args: list[Any], count: int) -> list[Any]:
    """Return the arguments of an operator, as many as it has."""
    if len(args) != count:
        raise _refused(word, f"{word} has {len(args)} arguments, not {count}")
    return args


def _is_property(told: Any) -> bool:
    return isinstance(told, Mapping) and isinstance(told.get("property"), str)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300


def _comparison(one: Queryable, op: str, value: Any) -> Filter:
    """Return the rows whose value compares so with another."""
    if one.kind == "text":
        return _compare_text(one, op, value)
    below, low, high, above = _limits_of(one, value)
    column = one.column
    under, over = Has((Test(column, "<=", below),)), Has((Test(column, ">=", above),))
    found: dict[str, Filter] = {
        "<": under,
        ">": over,
        "<=": Has((Test(column, "<=", high),)),
        ">=": Has((Test(column, ">=", low),)),
        "=": Has((Test(column, ">=", low), Test(column, "<=", high))),
        "<>": Some((under, over)),
    }
    return found[op]


def _compare_text(one: Queryable, op: str, value: Any) -> Filter:
    """Return the rows whose text compares so with another."""
    if op in ("=", "<>"):
        return _listed(one, [value], op == "=")
    same = Test(one.column, "in", (_text(one, value),))
    side = Test(one.column, ">=" if op[0] == ">" else "<=", value)
    return Has((side,)) if op.endswith("=") else Beside(side, same)


def _listed(one: Queryable, values: list[Any], wanted: bool) -> Filter:
    """Return the rows whose value is in a list, or is told and not in it."""
    listed: tuple[str | float | int, ...]
    if one.kind == "text":
        listed = tuple(dict.fromkeys(_text(one, value) for value in values))
    else:
        numbers = [_number(one, value) for value in values]
        # No whole number is the same as one with a fraction.
        fitting = [
            number for number in numbers if one.kind == "number" or (number == int(number) and abs(number) < FAR)
        ]
        listed = tuple(dict.fromkeys(float(n) if one.kind == "number" else int(n) for n in fitting))
    if not listed:
        return Some() if wanted else Has((one.told,))
    test = Test(one.column, "in", listed)
    return Has((test,)) if wanted else Beside(one.told, test)


def _text(one: Queryable, value: Any) -> str:
    if not isinstance(value, str):
        raise _refused(value, f"{one.column} is text, and is compared with something else")
    if any(ord(letter) < 32 or 0xD800 <= ord(letter) < 0xE000 for letter in value):
        raise _refused(ascii(value), "the filter holds a control character, or half of a letter")
    return value


def _number(one: Queryable, value: Any) -> float:
    if not _is_number(value):
        raise _refused(value, f"{one.column} is a number, and is compared with something else")
    return float(value)


def _limits_of(one: Queryable, value: Any) -> tuple[Any, Any, Any, Any]:
    """Return the last value below another, the first and last that are the same, and the first above."""
    if one.kind == "moment":
        return _moments(value)
    number = _number(one, value)
    if one.kind == "number":
        return math.nextafter(number, -math.inf), number, number, math.nextafter(number, math.inf)
    number = min(max(number, -float(FAR)), float(FAR))
    low, high = math.ceil(number), math.floor(number)
    return low - 1, low, high, high + 1


def _moments(value: Any) -> tuple[datetime, datetime, datetime, datetime]:
    """Return the same of a moment; a day is meant whole."""
    named = value if isinstance(value, Mapping) else {"timestamp": value}
    text = named.get("timestamp", named.get("date"))
    if not isinstance(text, str):
        raise _refused(value, "a moment is compared with something else")
    try:
        low, high = as_moment(text, "filter", last=False), as_moment(text, "filter", last=True)
        if low is None or high is None:
            raise InputError("filter: no moment")
        least = timedelta(microseconds=1)
        # Nothing is above the last moment there is.
        return low - least, low, high, high + least if high < datetime.max else datetime.max
    except (ValueError, OverflowError) as error:
        raise _refused(text, f"{text[:40]!r} is no moment") from error
