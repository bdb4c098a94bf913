"""A column of a catalogue: its name, type, unit and meaning."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CatalogueColumn"]


@dataclass(frozen=True)
class CatalogueColumn:
    """A column of a catalogue.

    Attributes
    ----------
    name
        The column.
    dtype
        Its type in pandas.
    unit
        Unit, "" for none.
    meaning
        What it says.
    """

    name: str
    dtype: str
    unit: str
    meaning: str
