"""Forms: the parameters of a frozen value as questions with help, read from the value itself."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any, Generic, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from altiflow.errors import InputError
from altiflow.explore.widget.calls import Variable, call_text

__all__ = ["Form", "Kind", "Question", "ask_about"]

Kind = Literal["whole number", "number", "word", "whole numbers", "text"]
Value = TypeVar("Value")

_UNIT = re.compile(r"\[([^\]]+)\]")
_HEAD = re.compile(r"^(?P<names>[a-z_]+(?:, [a-z_]+)*)$")
_NOTHING = ("", "none", "-")


@dataclass(frozen=True)
class Question:
    """A parameter that is asked for.

    Attributes
    ----------
    name
        As the value calls it.
    kind
        What is given.
    default
        What it is where nothing is said.
    optional
        Whether it may be left empty, which is None.
    words
        What may be chosen, for a word.
    help
        What the value's own description says of it.
    unit
        Of a number, "" without.
    """

    name: str
    kind: Kind
    default: Any
    optional: bool
    words: tuple[str, ...]
    help: str
    unit: str

    @property
    def label(self) -> str:
        """Name and unit, to stand beside the question."""
        plain = self.name.replace("_", " ")
        return f"{plain} [{self.unit}]" if self.unit else plain

    def parse(self, given: Any) -> Any:
        """Return what is meant by a text, or by a value as it is.

        Raises
        ------
        InputError
            If the text cannot be read.
        """
        if not isinstance(given, str) or self.kind == "word":
            return given
        text = given.strip()
        if self.kind == "text":
            return text or None
        if text.lower() in _NOTHING:
            if self.optional:
                return None
            raise InputError(f"{self.name} is empty; give a {self.kind}, such as {self.shown(self.default)}")
        try:
            if self.kind == "whole numbers":
                return tuple(int(part) for part in re.split(r"[,\s]+", text.strip("()[], ")))
            return int(text) if self.kind == "whole number" else _number(text)
        except ValueError as error:
            example = self.shown((16, 24) if self.kind == "whole numbers" else self.default or 1)
            raise InputError(
                f"{self.name}={text!r} cannot be read; give {self.kind.removesuffix('s')}s, such as {example}"
            ) from error

    def shown(self, value: Any) -> str:
        """Return a value as text that :meth:`parse` reads."""
        if value is None:
            return ""
        return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


class Form(Generic[Value]):
    """A frozen value that is filled in answer by answer; it always is one that its class allows.

    Parameters
    ----------
    kind
        The class: a frozen dataclass that refuses what means nothing.
    names
        Which of its parameters; all where not given.
    helped_by
        What describes them, if the class refers to others.
    words
        What may be chosen for parameters whose type is text, such as names that were registered.

    Examples
    --------
    >>> from altiflow.tracking import TrackParameters
    >>> form = Form(TrackParameters)
    >>> form.set("spacing", "8")
    >>> form.value.spacing, form.code("parameters")
    (8, 'parameters = af.TrackParameters(spacing=8)')
    """

    def __init__(
        self,
        kind: type[Value],
        names: Sequence[str] = (),
        helped_by: Sequence[Any] = (),
        words: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.kind = kind
        self.questions = ask_about(kind, names, helped_by, words)
        self.value: Value = kind()

    def answers(self) -> dict[str, Any]:
        """Return all parameters by name."""
        return {name: getattr(self.value, name) for name in self.questions}

    def changes(self) -> dict[str, Any]:
        """Return the parameters that are not what they are by default."""
        return {name: value for name, value in self.answers().items() if value != self.questions[name].default}

    def set(self, name: str, given: Any) -> None:
        """Answer a question, by a text or a value.

        Raises
        ------
        InputError
            If there is none of that name, or the class refuses the value: its words say what is allowed.
        """
        if name not in self.questions:
            raise InputError(f"there is no parameter {name!r}; there are {', '.join(self.questions)}")
        self.value = self.kind(**{**self.answers(), name: self.questions[name].parse(given)})

    def fill(self, value: Value) -> None:
        """Take all answers from a value."""
        if not isinstance(value, self.kind):
            raise InputError(f"a {type(value).__name__} is no {self.kind.__name__}")
        self.value = value

    def code(self, result: str) -> str:
        """Return the call that makes the value."""
        told = {name: Variable("None") if value is None else value for name, value in self.changes().items()}
        return call_text(self.kind.__name__, result=result, **told)


def ask_about(
    kind: type[Any],
    names: Sequence[str] = (),
    helped_by: Sequence[Any] = (),
    words: Mapping[str, Sequence[str]] | None = None,
) -> Mapping[str, Question]:
    """Return the questions of a frozen dataclass, by name: types, choices, defaults and help are its own.

    Parameters
    ----------
    kind, names, helped_by, words
        As for :class:`Form`.

    Raises
    ------
    InputError
        If a parameter is of a type that cannot be asked for, or has no default.

    Examples
    --------
    >>> from altiflow.tracking import CorrectionRule
    >>> ask_about(CorrectionRule)["model"].words
    ('median', 'mode', 'plane', 'none')
    """
    hints = get_type_hints(kind)
    texts: dict[str, str] = {}
    for one in (kind, *helped_by):
        texts |= _descriptions(one.__doc__ or "")
    found = {}
    for each in fields(kind):
        if names and each.name not in names:
            continue
        if each.default is MISSING:
            raise InputError(f"{kind.__name__}.{each.name} has no default, so it cannot be asked for")
        what, choices, optional = _kind_of(hints[each.name], f"{kind.__name__}.{each.name}")
        if words and each.name in words:
            what, choices, optional = "word", tuple(words[each.name]), False
        text = texts.get(each.name, "")
        unit = _UNIT.search(text) if what != "word" else None
        found[each.name] = Question(each.name, what, each.default, optional, choices, text, unit[1] if unit else "")
    return found


def _kind_of(hint: Any, name: str) -> tuple[Kind, tuple[str, ...], bool]:
    """Return what a type is asked for as, its words, and whether it may be None."""
    parts = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    plain = [part for part in parts if part is not type(None)]
    optional = len(plain) < len(parts)
    if len(plain) == 1 and get_origin(plain[0]) is Literal:
        return "word", tuple(map(str, get_args(plain[0]))), optional
    if Any in plain or str in plain:
        return "text", (), True
    kinds: dict[Any, Kind] = {int: "whole number", float: "number", tuple[int, ...]: "whole numbers"}
    if len(plain) != 1 or plain[0] not in kinds:
        raise InputError(f"{name} is {hint}, which cannot be asked for")
    return kinds[plain[0]], (), optional


def _descriptions(text: str) -> dict[str, str]:
    """Return what the section of attributes or parameters of a description says, by name."""
    found: dict[str, str] = {}
    section = re.search(r"(?:Attributes|Parameters)\n\s*-+\n(.*?)(?:\n\s*\n\s*[A-Z]\w+\n\s*-+\n|\Z)", text, re.DOTALL)
    lines = section[1].splitlines() if section else []
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    names: list[str] = []
    for line in lines:
        head = _HEAD.match(line[margin:].rstrip())
        if head:
            names = head["names"].split(", ")
        elif line.strip():
            for name in names:
                found[name] = f"{found.get(name, '')} {_plain(line.strip())}".strip()
    return found


def _plain(line: str) -> str:
    """Return a line without marks of reStructuredText."""
    return re.sub(r":\w+:`~?([^`]+)`", r"\1", line).replace("``", "").replace("`", "")


def _number(text: str) -> float:
    """Return a number, whole where it is written so."""
    return cast(float, int(text)) if text.lstrip("+-").isdigit() else float(text)
