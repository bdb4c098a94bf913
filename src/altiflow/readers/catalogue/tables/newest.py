"""Of several versions and revisions of the same data, the newest."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from altiflow.readers.catalogue.names import try_granule_name

__all__ = ["keep_newest"]

_MONTHLY = {"ATL20", "ATL21"}


def keep_newest(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return, of all rows for the same data, the one with the highest version and revision.

    Parameters
    ----------
    rows
        granule and version each, with revision where it is told. Versions of a granule whose name altiflow does not
        know cannot be told to belong together: of those, the highest version of each product is kept.

    Examples
    --------
    >>> names = ["ATL10-01_20220107195849_02531401_006_02", "ATL10-01_20220107195850_02531401_007_01"]
    >>> kept = keep_newest([{"granule": n, "version": n[-6:-3], "revision": int(n[-2:])} for n in names])
    >>> [row["version"] for row in kept]
    ['007']
    """
    highest: dict[Any, tuple[list[int], int, int]] = {}
    for row in rows:
        if row.get("revision") is None:
            product = row.get("product")
            highest[product] = max(_order(row), highest.get(product, _order(row)))
    newest: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for row in rows:
        if row.get("revision") is None and _order(row) < highest[row.get("product")]:
            continue
        key = _same_data(row)
        if key not in newest or _order(row) > _order(newest[key]):
            newest[key] = row
    return list(newest.values())


def _same_data(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what two versions of one granule have in common."""
    name = try_granule_name(str(row["granule"]))
    if name is None:
        return (row.get("product"), row["granule"])
    if name.start is None:
        # An ATL11 granule grows with every cycle; its track does not.
        return name.product, name.rgt, name.segment
    if name.product in _MONTHLY:
        return name.product, name.hemisphere, name.start.year, name.start.month
    return name.product, name.hemisphere, name.rgt, name.cycle, name.segment


def _order(row: Mapping[str, Any]) -> tuple[list[int], int, int]:
    """Return what sorts old before new: version, last cycle, revision."""
    name = try_granule_name(str(row["granule"]))
    last_cycle = (name.last_cycle if name else None) or 0
    version = [int(digits) for digits in re.findall(r"\d+", str(row["version"] or ""))]
    return version, last_cycle, row.get("revision") or 0
