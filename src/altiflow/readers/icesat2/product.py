"""What a product is: the variables a segment table takes of it, and where each release keeps them."""

from __future__ import annotations

from dataclasses import dataclass

from altiflow.readers.icesat2.beams import BEAMS

__all__ = ["COMMON_VARIABLES", "DELTA_TIME_EPOCH", "Layout", "Product", "Variable"]

DELTA_TIME_EPOCH = "2018-01-01"
"""UTC = 2018-01-01 + delta_time: no leap second since, so no GPS offset either (the granules' own
``data_start_utc`` agrees to the microsecond)."""


@dataclass(frozen=True)
class Variable:
    """One column of a segment table.

    Attributes
    ----------
    name
        Column name.
    dtype
        NumPy dtype of the column.
    unit
        Unit, "1" for none.
    meaning
        One line for the data dictionary.
    missing
        What an optional integer column holds where the granule lacks it; floats hold NaN. ``None`` makes the
        variable required.
    """

    name: str
    dtype: str
    unit: str
    meaning: str
    missing: float | None = None


@dataclass(frozen=True)
class Layout:
    """Where one release family of a product keeps its variables.

    Attributes
    ----------
    name
        Name of the layout.
    group
        Segment group below the beam group; its presence tells the layout.
    paths
        Path of each variable below the beam group, by column name.
    sections
        Path of each section variable below the beam group (empty where the product has none).
    probe
        Path of a variable that tells the layout where its group does not; empty where the group does.
    cycles
        Path of the cycle numbers where variables lie on (point, cycle); empty where they lie on segments.
    """

    name: str
    group: str
    paths: dict[str, str]
    sections: dict[str, str]
    cycles: str = ""
    probe: str = ""


@dataclass(frozen=True)
class Product:
    """An along-track product: its columns, its layouts, and what its screens look at.

    Attributes
    ----------
    short_name
        The archive's short name.
    title
        What it is.
    value
        Column of the main measurement.
    best_quality
        Value of `quality` that marks the best segments.
    variables
        Columns read from the granule.
    section_variables
        Columns looked up from the section a segment belongs to.
    layouts
        Known layouts, in the order they are tried: newest first, unless a variable of an old one tells it.
    nominal_length
        Segment length [m] where the product has no such variable.
    tracks
        Groups that hold its segments: beams, or pairs of them.
    """

    short_name: str
    title: str
    value: str
    best_quality: int
    variables: tuple[Variable, ...]
    section_variables: tuple[Variable, ...]
    layouts: tuple[Layout, ...]
    nominal_length: float | None = None
    tracks: tuple[str, ...] = BEAMS

    @property
    def units(self) -> dict[str, str]:
        """Unit of every column of the table that has one."""
        own = {v.name: v.unit for v in (*self.variables, *self.section_variables)}
        return {**{v.name: v.unit for v in COMMON_VARIABLES}, **own, "segment_length": "m"}


COMMON_VARIABLES = (
    Variable("granule", "str", "1", "file name without the archive's processed_ prefix and the extension"),
    Variable("beam", "str", "1", "ground track gt1l ... gt3r; ATL11: pair of them pt1 ... pt3"),
    Variable("spot", "int8", "1", "ATLAS spot 1 ... 6; 0 where the orientation cannot be told"),
    Variable("strong", "bool", "1", "spot 1, 3 or 5"),
    Variable("time", "datetime64[us]", "UTC", "2018-01-01 + delta_time"),
    Variable("latitude", "float64", "degrees_north", "WGS84 latitude"),
    Variable("longitude", "float64", "degrees_east", "WGS84 longitude"),
    Variable("x_atc", "float64", "m", "along-track distance from the equator crossing"),
)
"""Columns every product's table starts with."""
