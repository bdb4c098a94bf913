"""The question of a STAC search, by GET and by POST, as one value."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from altiflow.errors import InputError, RequestError
from altiflow.explore.service.asking.expressions import LANGUAGES, read_expression
from altiflow.explore.service.asking.filters import Filter, make_filter
from altiflow.explore.service.asking.parameters import Parameter, read_parameters
from altiflow.explore.service.asking.places import geojson_region, text_region
from altiflow.explore.service.asking.shaping import Fields, SortKey, read_fields, read_sort
from altiflow.explore.service.limits import ServiceLimits
from altiflow.explore.service.stores import Query, Test
from altiflow.readers.catalogue.moments import as_moment
from altiflow.region import Region

__all__ = ["ItemSearch", "item_parameters", "read_body", "read_query"]

_TOKEN = re.compile(r"(?P<collection>[01])\.(?P<place>[0-9]{1,15})")
_OPEN = ("", "..")
_TEXTS = ("collections", "ids", "bbox", "datetime", "limit", "token", "filter-lang", "filter-crs")
_BODY = (*_TEXTS, "intersects", "filter", "sortby", "fields")


@dataclass(frozen=True)
class ItemSearch:
    """What items are wanted, and which page of them.

    Attributes
    ----------
    region
        Where; None for everywhere.
    period
        First and last moment, as ISO 8601; None for an open side.
    collections, ids
        Names; empty for all.
    limit
        Items of a page.
    after
        (collection, place) from which the page begins; None for the first one.
    expression
        Filter in CQL2, as JSON has it; None for none.
    sort
        What items are sorted by; empty for the order of the catalogues.
    fields
        Which fields of items are told; None for all.
    """

    region: Region | None = None
    period: tuple[str | None, str | None] = (None, None)
    collections: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    limit: int = 10
    after: tuple[int, int] | None = None
    expression: Any = None
    sort: tuple[SortKey, ...] = ()
    fields: Fields | None = None

    def query(self, kind: str) -> Query:
        """Return the query of the rows, those whose period meets the one that is asked for."""
        first, last = (as_moment(one, "datetime", last=bool(side)) for side, one in enumerate(self.period))
        tests = [Test("end" if kind == "pairs" else "finish", ">=", first)] if first else []
        tests += [Test("start", "<=", last)] if last else []
        tests += [Test("granule", "in", self.ids)] if self.ids else []
        return Query(self.region, tuple(tests))

    def filter(self, kind: str, kinds: Sequence[str], limits: ServiceLimits) -> Filter | None:
        """Return the filter of the rows of one kind, of all that are searched; None where all are wanted."""
        return None if self.expression is None else make_filter(self.expression, kind, kinds, limits)


def item_parameters(limits: ServiceLimits) -> tuple[Parameter, ...]:
    """Return the parameters of ``GET /search``."""
    return (
        Parameter("collections", "Names of collections, with commas.", str, "give names of /collections"),
        Parameter("ids", "Names of items, with commas.", str, "give names of items"),
        Parameter(
            "bbox",
            "west,south,east,north [degrees]; west above east crosses the antimeridian.",
            lambda text: text_region("bbox", _flat_box(text), limits),
            "give west,south,east,north",
        ),
        Parameter(
            "intersects",
            "A GeoJSON geometry.",
            lambda text: geojson_region("intersects", _json(text), limits),
            "give a GeoJSON geometry",
        ),
        Parameter("datetime", "A moment, or first/last with .. for an open side (RFC 3339).", _period, _FIX_PERIOD),
        Parameter(
            "limit",
            "Items of a page.",
            lambda text: _limit(int(text), limits),
            f"give a whole number from 1 to {limits.page}",
            schema={"type": "integer", "minimum": 1, "default": 10},
        ),
        Parameter("token", "Where the page begins, from the link to it.", _after, "follow the link named next"),
        Parameter("filter", "Condition on the properties of /queryables, in CQL2.", str, "see /queryables"),
        Parameter(
            "filter-lang",
            "Language of the filter; cql2-text in an address, cql2-json in a body where not given.",
            _language,
            f"give {' or '.join(LANGUAGES)}",
            schema={"type": "string", "enum": list(LANGUAGES)},
        ),
        Parameter(
            "filter-crs",
            "CRS of places in the filter.",
            _degrees,
            f"give {_CRS84}, or leave it out",
            schema={"type": "string", "enum": [_CRS84]},
        ),
        Parameter(
            "sortby",
            "Properties that items are sorted by, with commas, the greatest first after -; what is not told is last.",
            read_sort,
            "give names such as datetime,-percent_valid_pixels",
            schema={"type": "string", "example": "-datetime,id"},
        ),
        Parameter(
            "fields",
            "Fields that are told besides those of a valid item, and after - those that are not, with commas.",
            read_fields,
            "give names such as properties.mission,-geometry",
            schema={"type": "string", "example": "properties.mission,-geometry"},
        ),
    )


_CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
_FIX_PERIOD = "give a moment such as 2019-04-20T00:00:00Z, or first/last"


def _language(text: str) -> str:
    """Return a language if it is known."""
    if text not in LANGUAGES:
        raise ValueError(text)
    return text


def _degrees(text: str) -> str:
    """Return the one CRS that places may have."""
    if text != _CRS84:
        raise ValueError(text)
    return text


def _flat_box(text: str) -> str:
    """Return a box without heights, which nothing here has."""
    parts = text.split(",")
    return ",".join((parts[0], parts[1], parts[3], parts[4])) if len(parts) == 6 else text


def _json(text: str) -> Any:
    """Return the value of JSON text."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("intersects is nested too deeply") from error


def _period(text: str) -> tuple[str | None, str | None]:
    """Return the sides of a period."""
    sides = text.split("/")
    if len(sides) > 2 or all(side.strip() in _OPEN for side in sides):
        raise ValueError(text)
    first, last = (None if side.strip() in _OPEN else side.strip() for side in (sides[0], sides[-1]))
    begin, end = as_moment(first, "datetime", last=False), as_moment(last, "datetime", last=True)
    if begin and end and begin > end:
        raise InputError(f"datetime {text[:60]!r} ends before it begins")
    return first, last


def _limit(number: int, limits: ServiceLimits) -> int:
    """Return the size of a page, not more than is allowed."""
    if number < 1:
        raise ValueError(number)
    return min(number, limits.page)


def _after(text: str) -> tuple[int, int]:
    """Return where a page begins."""
    found = _TOKEN.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return int(found["collection"]), int(found["place"])


def read_query(given: Iterable[tuple[str, str]], limits: ServiceLimits) -> ItemSearch:
    """Return the search of a question in an address.

    Raises
    ------
    RequestError
        If it means nothing.
    """
    values = read_parameters(given, item_parameters(limits))
    return _search(values, limits, values.get("filter"), "cql2-text")


def read_body(body: bytes, limits: ServiceLimits) -> ItemSearch:
    """Return the search of a question in JSON.

    Raises
    ------
    RequestError
        If it is no JSON object, or means nothing.
    """
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestError("body", "", f"the body is no JSON ({type(error).__name__})", "send a JSON object") from error
    if not isinstance(told, Mapping):
        raise RequestError("body", str(told)[:40], "the body is no JSON object", "send a JSON object")
    unknown = [str(name) for name in told if name not in _BODY]
    if unknown:
        reason = f"there is no parameter {unknown[0][:80]!r}"
        raise RequestError(unknown[0][:80], "", reason, f"known are {', '.join(_BODY)}")
    texts = {name: _as_text(name, value) for name, value in told.items() if value is not None and name in _TEXTS}
    values = read_parameters(texts.items(), item_parameters(limits))
    if told.get("intersects") is not None:
        values["intersects"] = geojson_region("intersects", told["intersects"], limits)
    for name, read in (("sortby", read_sort), ("fields", read_fields)):
        if told.get(name) is not None:
            values[name] = read(told[name])
    return _search(values, limits, told.get("filter"), "cql2-json")


def _as_text(name: str, value: Any) -> str:
    """Return a value of JSON as it would stand in an address."""
    if isinstance(value, list):
        if all(isinstance(one, (str, int, float)) and not isinstance(one, bool) for one in value):
            return ",".join(map(str, value))
    elif isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return str(value)
    raise RequestError(name, str(value), f"{name} is a {type(value).__name__}", "give text, a number or a list of them")


def _search(values: dict[str, Any], limits: ServiceLimits, given: Any, language: str) -> ItemSearch:
    """Return the search of checked values, and of a filter."""
    if "bbox" in values and "intersects" in values:
        raise RequestError("bbox", "", "bbox and intersects are both given", "give the one or the other")
    named = {name: _names(name, values.get(name, ""), limits) for name in ("collections", "ids")}
    return ItemSearch(
        region=values.get("bbox", values.get("intersects")),
        period=values.get("datetime", (None, None)),
        limit=values.get("limit", 10),
        after=values.get("token"),
        sort=values.get("sortby", ()),
        fields=values.get("fields"),
        expression=None if given is None else read_expression(given, values.get("filter-lang", language)),
        **named,
    )


def _names(name: str, text: str, limits: ServiceLimits) -> tuple[str, ...]:
    """Return the names of a list, not too many."""
    names = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    if len(names) > limits.page:
        raise RequestError(name, text, f"{name} has {len(names)} names", f"give at most {limits.page}", 413)
    return names
