"""The script: what a panel did, as lines that do it again, and what the lines made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import altiflow
from altiflow.errors import InputError
from altiflow.explore.widget.calls import Variable, call_text

__all__ = ["Script"]

_COLUMN = re.compile(r'list\((\w+)\["(\w+)"\]\)')
_HEAD = "import altiflow as af"


class Script:
    """Calls of the library that were made one after the other, as text, with their results by name.

    What is called is what is written: the same function with the same arguments.

    Parameters
    ----------
    library
        Where the functions are; altiflow itself where not given.

    Examples
    --------
    >>> script = Script()
    >>> script.call("as_region", (-50, 69, -48, 70), result="region").bounds
    (-50.0, 69.0, -48.0, 70.0)
    >>> print(script.text)
    import altiflow as af
    <BLANKLINE>
    region = af.as_region((-50, 69, -48, 70))
    """

    def __init__(self, library: Any = altiflow) -> None:
        self._library = library
        self._lines: list[str] = []
        self.values: dict[str, Any] = {}

    @property
    def text(self) -> str:
        """The lines, to be pasted into a script; empty if nothing was done."""
        return "\n".join([_HEAD, "", *self._lines]) if self._lines else ""

    def call(self, function: str, *given: Any, result: str = "", named: Mapping[str, Any] | None = None) -> Any:
        """Return the answer of a function, and keep the call and, under the name `result`, the answer.

        Parameters
        ----------
        function
            Public name of the library.
        given, named
            Arguments; named ones that are None are left out. A :class:`Variable` is an earlier result, or
            ``list(result["column"])`` of one.
        result
            Name of the answer; empty for none.

        Raises
        ------
        InputError
            If a variable is not there. What the function raises goes on; the call is not kept then.
        """
        told = {name: value for name, value in (named or {}).items() if value is not None}
        arguments = [self._resolve(value) for value in given]
        answer = getattr(self._library, function)(
            *arguments, **{name: self._resolve(value) for name, value in told.items()}
        )
        self._lines.append(call_text(function, *given, result=result, **told))
        if result:
            self.values[result] = answer
        return answer

    def keep(self, result: str, text: str, value: Any) -> None:
        """Keep a line of plain Python that makes a result out of earlier ones, and what it makes."""
        self._lines.append(f"{result} = {text}")
        self.values[result] = value

    def forget(self, *names: str) -> None:
        """Let go of results, which are then no longer there for calls that follow."""
        for name in names:
            self.values.pop(name, None)

    def clear(self) -> None:
        """Begin anew, without lines and results."""
        self._lines.clear()
        self.values.clear()

    def _resolve(self, value: Any) -> Any:
        """Return the value of an argument."""
        if not isinstance(value, Variable):
            return value
        if value == "None":
            return None
        column = _COLUMN.fullmatch(value)
        name = column[1] if column else str(value)
        if name not in self.values:
            raise InputError(f"there is no {name} yet; make it first")
        return list(self.values[name][column[2]]) if column else self.values[name]
