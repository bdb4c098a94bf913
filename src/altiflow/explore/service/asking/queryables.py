"""Queryables: which properties of items a filter may name, and the columns that hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from altiflow.explore.service.stores import Test

__all__ = ["FAR", "GEOMETRY", "QUERYABLES", "Queryable", "queryables_schema"]

GEOMETRY = "geometry"
"""The one property that is a place."""
Kind = Literal["text", "number", "whole", "moment"]

FAR = 2**40
"""Beyond any whole number in a catalogue."""
_LEAST: Mapping[str, Any] = {"text": "", "number": float("-inf"), "whole": -FAR, "moment": datetime(1, 1, 1)}


@dataclass(frozen=True)
class Queryable:
    """A property of items.

    Attributes
    ----------
    column
        Of the store.
    kind
        "text", "number", "whole" or "moment".
    meaning
        In words.
    """

    column: str
    kind: Kind
    meaning: str

    @property
    def told(self) -> Test:
        """What rows meet that tell it."""
        return Test(self.column, ">=", _LEAST[self.kind])

    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        types = {"text": "string", "number": "number", "whole": "integer", "moment": "string"}
        told = {"title": self.meaning, "type": types[self.kind]}
        return told | ({"format": "date-time"} if self.kind == "moment" else {})


_ID = Queryable("granule", "text", "Name of the item")
_VERSION = Queryable("version", "text", "Version of the product")
_START = Queryable("start", "moment", "First moment")

QUERYABLES: Mapping[str, Mapping[str, Queryable]] = {
    "pairs": {
        "id": _ID,
        "datetime": Queryable("mid", "moment", "Middle of the two images"),
        "start_datetime": _START,
        "end_datetime": Queryable("end", "moment", "Last moment"),
        "separation_days": Queryable("separation_days", "number", "Days between the images"),
        "date_dt": Queryable("separation_days", "number", "The same as separation_days"),
        "percent_valid_pixels": Queryable("percent_valid", "number", "Share of valid pixels [percent]"),
        "mission": Queryable("mission", "text", "Missions of the images"),
        "satellite": Queryable("satellite", "text", "Satellites of the images"),
        "time_resolution": Queryable("time_resolution", "text", "instant or day"),
        "epsg": Queryable("epsg", "whole", "Code of the map"),
        "version": _VERSION,
    },
    "granules": {
        "id": _ID,
        "datetime": Queryable("start", "moment", "First moment"),
        "start_datetime": _START,
        "end_datetime": Queryable("finish", "moment", "Last moment"),
        "product": Queryable("product", "text", "Name of the product"),
        "revision": Queryable("revision", "whole", "Revision of the granule"),
        "rgt": Queryable("rgt", "whole", "Reference ground track"),
        "cycle": Queryable("cycle", "whole", "Cycle"),
        "hemisphere": Queryable("hemisphere", "text", "north or south"),
        "orientation": Queryable("orientation", "text", "Orientation of the spacecraft"),
        "size_mb": Queryable("size_mb", "number", "Size [MB]"),
        "version": _VERSION,
    },
}
"""Properties of the items of each kind of catalogue, by their names."""


def queryables_schema(kinds: list[str], address: str) -> dict[str, Any]:
    """Return the JSON Schema of the properties that items of all these kinds have."""
    names = [name for name in QUERYABLES[kinds[0]] if all(name in QUERYABLES[kind] for kind in kinds)]
    place = {"title": "Footprint", "$ref": "https://geojson.org/schema/Geometry.json"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": address,
        "type": "object",
        "title": "Properties that a filter may name",
        "properties": {GEOMETRY: place, **{name: QUERYABLES[kinds[0]][name].schema() for name in names}},
        "additionalProperties": False,
    }
