"""Expressions of CQL2: read from text or JSON, and not deeper or longer than can be worked out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import cql2

from altiflow.errors import RequestError

__all__ = ["LANGUAGES", "read_expression"]

LANGUAGES = ("cql2-text", "cql2-json")
_LONGEST = 8000
"""Most characters of an expression in text."""
_DEEPEST = 20
"""Deepest nesting: the parser of text goes down with the stack."""
_CHAIN = re.compile(r"(?:\bnot\s+){8}|(?:[-+*/%^]\s*){8}|(?:\^[^\^]*){8}", re.IGNORECASE)
"""Words that nest without brackets."""
_FIX = "give such as percent_valid_pixels >= 40 AND mission = 'landsat'"


def read_expression(given: Any, language: str) -> Any:
    """Return an expression as CQL2-JSON has it.

    Parameters
    ----------
    given
        Text, or for "cql2-json" JSON as text or as it was read.
    language
        "cql2-text" or "cql2-json".

    Raises
    ------
    RequestError
        If it is none, or is too long or too deep.

    Examples
    --------
    >>> read_expression("cycle IN (3, 4)", "cql2-text")
    {'op': 'in', 'args': [{'property': 'cycle'}, [3.0, 4.0]]}
    """
    found = _read_text(given) if language == "cql2-text" else _read_json(given)
    if _depth(found) > 3 * _DEEPEST:
        raise RequestError("filter", "", "the filter is nested too deeply", "write it with fewer brackets")
    return found


def _read_text(text: Any) -> Any:
    """Return the value of CQL2 text."""
    if not isinstance(text, str):
        raise RequestError("filter", str(text), f"the filter is a {type(text).__name__}, not text", _FIX)
    if len(text) > _LONGEST:
        reason = f"the filter has {len(text)} characters, and {_LONGEST} are allowed"
        raise RequestError("filter", text, reason, "shorten it, or send it as cql2-json", 413)
    if _brackets(text) > _DEEPEST or _CHAIN.search(text):
        raise RequestError("filter", text, "the filter is nested too deeply", "write it with fewer brackets")
    try:
        return cql2.parse_text(text).to_json()
    # The parser raises plain exceptions too, such as for corners of a polygon.
    except Exception as error:
        where = re.search(r"--> \d+:(\d+)", str(error))
        told = f" (character {where[1]})" if where else ""
        raise RequestError("filter", text, f"the filter is no CQL2 text{told}", _FIX) from error


def _read_json(given: Any) -> Any:
    """Return the value of JSON text, and what was read already as it is."""
    try:
        return json.loads(given) if isinstance(given, str) else given
    except (ValueError, RecursionError) as error:
        reason = f"the filter is no JSON ({type(error).__name__})"
        raise RequestError("filter", given, reason, 'give such as {"op": "=", "args": [...]}') from error


def _brackets(text: str) -> int:
    """Return how deep brackets nest.

    Examples
    --------
    >>> _brackets("(a = 1 OR (b = 2)) AND (c = 3)")
    2
    """
    depth = deepest = 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        deepest = max(deepest, depth)
    return deepest


def _depth(value: Any) -> int:
    """Return how deep lists and objects nest, without going down by the stack."""
    deepest, left = 0, [(value, 1)]
    while left:
        one, depth = left.pop()
        deepest = max(deepest, depth)
        if depth > 3 * _DEEPEST:
            return depth
        inner = one.values() if isinstance(one, Mapping) else one if isinstance(one, list) else ()
        left += [(part, depth + 1) for part in inner]
    return deepest
