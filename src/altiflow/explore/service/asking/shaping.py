"""How items are told: in which order, and which of their fields."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from altiflow.errors import RequestError
from altiflow.explore.service.asking.queryables import QUERYABLES

__all__ = ["ITEM_FIELDS", "Fields", "SortKey", "check_sort", "read_fields", "read_sort"]

_MOST = 40
"""Most names of either."""
_FIX_SORT = "give names such as datetime,-percent_valid_pixels, see /queryables"
_FIX_FIELDS = "give names such as id,properties.mission,-geometry"
_ASCENDING = {"asc": False, "desc": True}

ITEM_FIELDS = (
    "type", "stac_version", "stac_extensions", "id", "collection", "geometry", "bbox", "properties", "assets", "links",
)  # fmt: skip
"""Fields of an item."""
_ALWAYS = frozenset({*ITEM_FIELDS, "properties.datetime"} - {"properties"})
"""Fields that are told unless they are left out: with these an item is a valid one."""
_PROPERTIES = frozenset({"checksum", "proj:code"}.union(*QUERYABLES.values()) - {"id", "date_dt"})
"""Properties that may be named without ``properties.`` before them."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_:.-]{0,79}")


@dataclass(frozen=True)
class SortKey:
    """A property that items are sorted by; those that do not tell it are last, whichever way.

    Attributes
    ----------
    name
        "collection", or a name of ``QUERYABLES``.
    descending
        Whether the greatest is first.
    """

    name: str
    descending: bool = False


@dataclass(frozen=True)
class Fields:
    """Fields of items that are wanted.

    Attributes
    ----------
    include
        What is told besides what makes a valid item.
    exclude
        What is not told, whatever else is said.

    Examples
    --------
    >>> item = {"id": "a", "bbox": [0, 1, 2, 3], "properties": {"datetime": None, "rgt": 3, "cycle": 4}}
    >>> Fields(("properties.rgt",), ("bbox",)).of(item)
    {'id': 'a', 'properties': {'datetime': None, 'rgt': 3}}
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def of(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of an item that are wanted."""
        told = {name: value for name, value in item.items() if name != "properties" and self._wants(name)}
        whole = "properties" in self.include
        properties = {
            name: value
            for name, value in item["properties"].items()
            if (whole or self._wants(f"properties.{name}")) and f"properties.{name}" not in self.exclude
        }
        if properties and "properties" not in self.exclude:
            told["properties"] = properties
        return told

    def _wants(self, name: str) -> bool:
        return (name in _ALWAYS or name in self.include) and name not in self.exclude


def read_sort(given: Any) -> tuple[SortKey, ...]:
    """Return the order of a request: text of an address, or a list of ``{"field": ..., "direction": ...}``.

    Raises
    ------
    RequestError
        If it means nothing; whether there are such properties is for :func:`check_sort` to say.

    Examples
    --------
    >>> read_sort("-properties.datetime,id")
    (SortKey(name='datetime', descending=True), SortKey(name='id', descending=False))
    >>> read_sort([{"field": "rgt", "direction": "desc"}])
    (SortKey(name='rgt', descending=True),)
    """
    if isinstance(given, str):
        # A plus in an address is a space to those who read it.
        parts = [part.strip() for part in given.split(",")]
        pairs = [(part.lstrip("+-") if part[1:2] not in ("+", "-") else "", part[:1] == "-") for part in parts]
    elif isinstance(given, list):
        pairs = [_pair(one) for one in given]
    else:
        raise RequestError("sortby", str(given), f"sortby is a {type(given).__name__}, not a list", _FIX_SORT)
    if len(pairs) > _MOST:
        raise RequestError("sortby", "", f"sortby has {len(pairs)} names, and {_MOST} are allowed", _FIX_SORT, 413)
    for name, _ in pairs:
        if not _NAME.fullmatch(name):
            raise RequestError("sortby", ascii(given), f"sortby holds {ascii(name)[:40]}, which is no name", _FIX_SORT)
    return tuple(SortKey(name.removeprefix("properties."), descending) for name, descending in pairs)


def _pair(one: Any) -> tuple[str, bool]:
    """Return the name of an object of JSON, and whether the greatest is first."""
    field = one.get("field") if isinstance(one, Mapping) else None
    direction = one.get("direction", "asc") if isinstance(one, Mapping) else None
    if not isinstance(field, str) or not isinstance(direction, str) or direction not in _ASCENDING:
        fix = 'give such as [{"field": "properties.datetime", "direction": "desc"}]'
        raise RequestError("sortby", str(one), "sortby holds what names no field and direction", fix)
    return field, _ASCENDING[direction]


def check_sort(keys: Sequence[SortKey], kinds: Sequence[str]) -> None:
    """Raise RequestError for a name that no item of these kinds of catalogues is sorted by."""
    known = dict.fromkeys(["collection", *(name for kind in kinds for name in QUERYABLES[kind])])
    for key in keys:
        if key.name not in known:
            reason = f"items are not sorted by {key.name[:80]!r}"
            raise RequestError("sortby", key.name, reason, f"known are {', '.join(known)}")


def read_fields(given: Any) -> Fields:
    """Return the fields of a request: text of an address, or ``{"include": [...], "exclude": [...]}``.

    A property that no item tells is no error (STAC API - Fields, 1.0.0).

    Raises
    ------
    RequestError
        If it means nothing, or names what items do not have.

    Examples
    --------
    >>> read_fields("id,mission,-geometry")
    Fields(include=('id', 'properties.mission'), exclude=('geometry',))
    >>> read_fields({"exclude": ["properties.rgt"]})
    Fields(include=(), exclude=('properties.rgt',))
    """
    if isinstance(given, str):
        parts = [part.strip() for part in given.split(",")]
        told = {
            "include": [part.removeprefix("+") for part in parts if not part.startswith("-")],
            "exclude": [part[1:] for part in parts if part.startswith("-")],
        }
    elif isinstance(given, Mapping) and not set(given) - {"include", "exclude"}:
        told = {name: given.get(name) or [] for name in ("include", "exclude")}
    else:
        raise RequestError("fields", str(given), "fields is no object of include and exclude", _FIX_FIELDS)
    for names in told.values():
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise RequestError("fields", str(names), "fields holds no list of names", _FIX_FIELDS)
        if len(names) > _MOST:
            raise RequestError(
                "fields", "", f"fields has {len(names)} names, and {_MOST} are allowed", _FIX_FIELDS, 413
            )
    return Fields(*(tuple(dict.fromkeys(_field(name) for name in told[side])) for side in ("include", "exclude")))


def _field(name: str) -> str:
    """Return the full name of a field."""
    if name in ITEM_FIELDS or (name.startswith("properties.") and _NAME.fullmatch(name)):
        return name
    if name in _PROPERTIES:
        return f"properties.{name}"
    reason = f"items have no field {ascii(name)[:80]}"
    raise RequestError("fields", name, reason, f"known are {', '.join(ITEM_FIELDS)} and properties.NAME")
