"""Of several versions, revisions and copies of the same data, the newest."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from altiflow.readers.catalogue.names import granule_key, name_columns, try_granule_name
from altiflow.readers.remote.addresses import url_file_name

__all__ = ["keep_newest", "newest_files", "release_order"]

Place = Path | str
Order = tuple[list[int], int, int]


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
    highest: dict[Any, Order] = {}
    for row in rows:
        if row.get("revision") is None:
            product = row.get("product")
            highest[product] = max(_order(row), highest.get(product, _order(row)))
    newest: dict[tuple[Any, str], Mapping[str, Any]] = {}
    for row in rows:
        if row.get("revision") is None and _order(row) < highest[row.get("product")]:
            continue
        key = _same_data(row)
        if key not in newest or _order(row) > _order(newest[key]):
            newest[key] = row
    return list(newest.values())


def newest_files(places: Sequence[Place]) -> tuple[list[Place], list[tuple[Place, Place]]]:
    """Return the newest file of each granule in the order given, and each of the others with the one chosen.

    Of copies of one revision a whole granule goes before a subset, and a larger file before a smaller one; else the
    first is chosen. Files whose names are no granule's are each a granule of its own.

    Examples
    --------
    >>> newest_files(["ATL10-01_20220107195849_02531401_006_02.h5", "atl10-01_20220107195850_02531401_007_01.h5"])
    (['atl10-01_20220107195850_02531401_007_01.h5'], [('ATL10-01_20220107195849_02531401_006_02.h5', 'atl10...h5')])
    >>> newest_files(["a/flight.h5", "b/flight.h5"])
    (['a/flight.h5', 'b/flight.h5'], [])
    """
    files: dict[str, list[Place]] = {}
    given = list(dict.fromkeys(places))
    for place in given:
        name = url_file_name(str(place))
        files.setdefault(granule_key(name) if try_granule_name(name) else f"/{place}", []).append(place)
    best = {key: max(same, key=_rank) if len(same) > 1 else same[0] for key, same in files.items()}
    left = [(place, best[key]) for key, same in files.items() for place in same if place != best[key]]
    gone = {place for place, _ in left}
    return [place for place in given if place not in gone], left


def release_order(name: str) -> Order:
    """Return what sorts releases and revisions of a granule from old to new, by its name.

    Examples
    --------
    >>> release_order("ATL11_135803_0316_005_01") > release_order("ATL11_135803_0311_005_02")
    True
    """
    return _order({"granule": name, "version": "", **name_columns(name)})


def _rank(place: Place) -> tuple[Order, bool, int]:
    """Return what sorts files of one granule from the least to the most wanted."""
    name = url_file_name(str(place))
    known = try_granule_name(name)
    whole = known is not None and Path(name).stem.upper() == known.stem
    here = Path(place)
    return release_order(name), whole, here.stat().st_size if here.is_file() else 0


def _same_data(row: Mapping[str, Any]) -> tuple[Any, str]:
    """Return what two versions of one granule have in common."""
    name = str(row["granule"])
    return ("" if try_granule_name(name) else row.get("product")), granule_key(name)


def _order(row: Mapping[str, Any]) -> Order:
    """Return what sorts old before new: version, last cycle, revision."""
    name = try_granule_name(str(row["granule"]))
    last_cycle = (name.last_cycle if name else None) or 0
    version = [int(digits) for digits in re.findall(r"\d+", str(row["version"] or ""))]
    return version, last_cycle, row.get("revision") or 0
