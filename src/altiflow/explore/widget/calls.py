"""Calls: what a panel does, as a line of Python that does the same in a script."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import PurePath
from typing import Any

import numpy as np

from altiflow.region import Region

__all__ = ["Variable", "call_text"]

_WIDTH = 100


def call_text(function: str, *given: Any, result: str = "", **named: Any) -> str:
    """Return a call of ``altiflow`` as text that can be pasted into a script after ``import altiflow as af``.

    Parameters
    ----------
    function
        Public name, such as ``search_pairs``.
    given, named
        Arguments; named ones that are None are left out. A :class:`Variable` is a name of the script.
    result
        Variable that takes the answer; empty for none.

    Examples
    --------
    >>> print(call_text("search_pairs", (-50, 69, -48, 70), result="pairs", start="2019", end=None))
    pairs = af.search_pairs((-50, 69, -48, 70), start="2019")
    """
    written = [_written(value) for value in given]
    written += [f"{name}={_written(value)}" for name, value in named.items() if value is not None]
    head = f"{result} = af.{function}" if result else f"af.{function}"
    line = f"{head}({', '.join(written)})"
    if len(line) <= _WIDTH:
        return line
    return "\n".join([f"{head}(", *(f"    {one}," for one in written), ")"])


class Variable(str):
    """Name of a variable of the script, written without quotes."""


def _written(value: Any) -> str:
    """Return a value as Python."""
    if isinstance(value, Variable):
        return str(value)
    if isinstance(value, Region):
        return _written(value.wkt)
    if isinstance(value, (str, PurePath)):
        text = repr(str(value))
        return f'"{text[1:-1]}"' if text[0] == "'" and '"' not in text else text
    if isinstance(value, np.datetime64):
        return f'"{value.astype("datetime64[s]")}"'
    if isinstance(value, date):
        return f'"{value.isoformat()}"'
    if isinstance(value, np.generic):
        return repr(value.item())
    if isinstance(value, (tuple, list)):
        return _several(value, "()" if isinstance(value, tuple) else "[]")
    return repr(value)


def _several(values: Iterable[Any], brackets: str) -> str:
    """Return several values in brackets."""
    written = [_written(one) for one in values]
    tail = "," if brackets == "()" and len(written) == 1 else ""
    return f"{brackets[0]}{', '.join(written)}{tail}{brackets[1]}"
