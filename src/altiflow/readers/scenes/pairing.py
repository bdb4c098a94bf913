"""Pairing: which images can be tracked together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import shapely

__all__ = ["tell_unpaired"]

_DRIFT = 0.01
"""Pixels by which two lattices may run apart over an image."""


def tell_unpaired(first: Mapping[str, Any], second: Mapping[str, Any]) -> str:
    """Return why two images cannot be tracked, "" where nothing is known that forbids it.

    Parameters
    ----------
    first, second
        Rows of :func:`list_scenes` or :func:`altiflow.search_scenes`; the first is the earlier one.

    Examples
    --------
    >>> tell_unpaired({"epsg": 32607, "start": "2016-07-18"}, {"epsg": 32608, "start": "2016-08-03"})
    'another map (EPSG:32608, not EPSG:32607)'
    """
    problem = next((f"{told['problem']}" for told in (first, second) if told.get("problem")), "")
    if problem:
        return problem
    if not pd.Timestamp(first["start"]) < pd.Timestamp(second["start"]):
        return "not taken after the first"
    for name, prefix in (("epsg", "EPSG:"), ("map", "")):
        one, two = first.get(name), second.get(name)
        if _known(one) and _known(two) and one != two:
            return f"another map ({prefix}{two}, not {prefix}{one})"
    if _known(first.get("pixel")) and _known(second.get("pixel")):
        size, other = float(first["pixel"]), float(second["pixel"])
        sides: list[Any] = [told.get(side) for told in (first, second) for side in ("rows", "columns")]
        count = max((int(side) for side in sides if _known(side)), default=1)
        if not abs(size - other) * count <= _DRIFT * size:
            return f"pixels of another size ({other:g} m, not {size:g} m)"
    here, there = first.get("geometry"), second.get("geometry")
    apart = isinstance(here, shapely.Geometry) and isinstance(there, shapely.Geometry) and not here.intersects(there)
    return "they show different ground" if apart else ""


def _known(value: Any) -> bool:
    return value is not None and value is not pd.NA and value == value
