"""Parameters of the service: their names, aliases, meaning and how their text is read; OpenAPI is made of these."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from altiflow.errors import RequestError

__all__ = ["Parameter", "limit_parameter", "openapi_parameters", "read_parameters", "whole_number"]

Convert = Callable[[str], Any]


@dataclass(frozen=True)
class Parameter:
    """A parameter of a request.

    Attributes
    ----------
    name
        Its name.
    meaning
        What it says, for OpenAPI.
    convert
        Returns the value of its text; raises ValueError for one that means nothing.
    fix
        What to give instead of a value that means nothing.
    aliases
        Other names of it.
    schema
        Its JSON Schema.
    several
        Whether it may stand several times, which is as if its values were joined by commas.
    """

    name: str
    meaning: str
    convert: Convert
    fix: str
    aliases: tuple[str, ...] = ()
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    several: bool = False


def read_parameters(given: Iterable[tuple[str, str]], known: Sequence[Parameter]) -> dict[str, Any]:
    """Return the values of a request by the names of the parameters; one that is empty is as if it were not there.

    Raises
    ------
    RequestError
        If a name is not known, a value means nothing, or one parameter has two values.

    Examples
    --------
    >>> days = Parameter("min_separation", "Least days.", float, "give a number", aliases=("min_interval",))
    >>> read_parameters([("min_interval", "6"), ("min_separation", "6")], [days])
    {'min_separation': 6.0}
    >>> read_parameters([("min_interval", "six")], [days])
    Traceback (most recent call last):
    altiflow.errors.RequestError: min_interval='six' means nothing here; give a number
    """
    names = {name: one for one in known for name in (one.name, *one.aliases)}
    texts: dict[str, tuple[str, str]] = {}
    for name, text in given:
        parameter = names.get(name)
        if parameter is None:
            listed = ", ".join(one.name for one in known)
            raise RequestError(name[:80], text, f"there is no parameter {name[:80]!r}", f"known are {listed}")
        if not text.strip():
            continue
        if any(ord(letter) < 32 or ord(letter) == 127 or 0xD800 <= ord(letter) < 0xE000 for letter in text):
            raise RequestError(
                name, ascii(text), f"{name} holds a control character, or half of a letter", parameter.fix
            )
        said, before = texts.get(parameter.name, (name, text))
        if before != text and not parameter.several:
            reason = f"{name}={text[:40]!r} contradicts {said}={before[:40]!r}"
            raise RequestError(name, text, reason, "give one of them")
        texts[parameter.name] = (name, text if before == text else f"{before},{text}")
    return {one.name: _value(one, *texts[one.name]) for one in known if one.name in texts}


def limit_parameter(what: str, *, usual: int, most: int) -> Parameter:
    """Return the parameter that says how many of something a page has; more than is allowed is as much as is."""
    return Parameter(
        "limit",
        f"{what} of a page.",
        lambda text: min(whole_number(text, least=1), most),
        f"give a whole number from 1 to {most}",
        schema={"type": "integer", "minimum": 1, "default": usual},
    )


def whole_number(text: str, *, least: int) -> int:
    """Return the whole number of a text.

    Raises
    ------
    ValueError
        If it is none, is below `least`, or has more than twelve digits.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and int(text) >= least):
        raise ValueError(text)
    return int(text)


def _value(parameter: Parameter, name: str, text: str) -> Any:
    """Return the value of a text."""
    try:
        return parameter.convert(text)
    except RequestError:
        raise
    except (ValueError, OverflowError) as error:
        reason = str(error).partition(";")[0] if str(error).startswith(parameter.name) else ""
        raise RequestError(name, text, reason or f"{name}={text[:80]!r} means nothing here", parameter.fix) from error


def openapi_parameters(known: Sequence[Parameter]) -> dict[str, Any]:
    """Return parameters, and their aliases, in the form of OpenAPI 3.1."""
    told = []
    for one in known:
        schema = dict(one.schema)
        told.append({"name": one.name, "in": "query", "description": one.meaning, "schema": schema})
        told += [
            {"name": alias, "in": "query", "description": f"The same as {one.name}.", "schema": schema}
            for alias in one.aliases
        ]
    return {"parameters": told}
