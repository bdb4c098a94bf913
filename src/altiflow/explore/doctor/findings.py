"""Findings: what an examination says of one thing each, and as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "State", "findings_text"]

State = Literal["ok", "note", "problem"]
"""Fine; not there, but only some uses need it; or altiflow does not work as it should."""


@dataclass(frozen=True)
class Finding:
    """What was found of one thing.

    Attributes
    ----------
    part
        What it belongs to: "environment", "packages", "extras", "logins" or "machine".
    name
        The thing.
    state
        See :data:`State`.
    text
        What was found.
    fix
        What to do about it; empty if nothing.
    """

    part: str
    name: str
    state: State
    text: str
    fix: str = ""


def findings_text(findings: Iterable[Finding]) -> str:
    """Return lines for a terminal, part by part.

    Examples
    --------
    >>> print(findings_text([Finding("extras", "dask", "note", "not installed", 'pip install "altiflow[dask]"')]))
    extras
      note     dask: not installed
               -> pip install "altiflow[dask]"
    """
    lines: list[str] = []
    part = ""
    for one in findings:
        if one.part != part:
            lines += ["", one.part] if lines else [one.part]
            part = one.part
        lines.append(f"  {one.state:<8} {one.name}: {one.text}")
        if one.fix:
            lines.append(f"           -> {one.fix}")
    return "\n".join(lines)
