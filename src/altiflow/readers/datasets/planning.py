"""Which granules a run has to read: those that are new, failed before, or changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from altiflow.errors import AltiflowError, EmptyDataError, InputError
from altiflow.readers.catalogue.names import granule_key, parse_granule_name
from altiflow.readers.datasets.account import Account
from altiflow.readers.datasets.granules import file_modified, remote_version
from altiflow.readers.datasets.layout import holds_dataset, read_settings
from altiflow.readers.icesat2.granule import granule_product, granule_stem
from altiflow.readers.icesat2.products import product_named
from altiflow.readers.remote.addresses import url_file_name
from altiflow.readers.remote.ranges import Sources, is_remote
from altiflow.workers import map_each

__all__ = ["Absent", "dataset_product", "plan_granules"]

Place = Path | str
Absent = Literal["refuse", "remove", "keep"]
"""What is done with granules of a data set that a run does not ask for."""

_ASKED_AT_A_TIME = 8
"""Servers are asked for the versions of so many files at a time."""


def plan_granules(places: Sequence[Place], account: Account, absent: Absent, sources: Sources) -> list[Place]:
    """Return the granules to read, enter those that another revision supersedes, and see to those no longer there.

    Raises
    ------
    InputError
        If the data set has granules that are not among them, and `absent` is "refuse".
    """
    asked, left = _newest(places, account)
    gone = sorted(key for key in account.rows if key not in asked)
    good = [account.rows[key]["granule"] for key in gone if _has_told(account.rows[key])]
    if good and absent == "refuse":
        more = f" and {len(good) - 3} more" if len(good) > 3 else ""
        raise InputError(
            f"the data set has {', '.join(good[:3])}{more}, which this run does not ask for; pass allow_shrink=True "
            "to take out what is not asked for, or append=True to leave it in"
        )
    for key in gone if absent != "keep" else ():
        account.remove(key)
    account.supersede(left)
    kept = {granule for _, granule in left}

    def missing(key: str) -> bool:
        row = account.rows.get(key)
        return row is None or (row["granule"] not in kept and _changed(asked[key], row, sources))

    keys = sorted(asked)
    wanted = map_each(missing, keys, workers=_ASKED_AT_A_TIME)
    return [asked[key] for key, wants in zip(keys, wanted, strict=True) if wants]


def _newest(places: Sequence[Place], account: Account) -> tuple[dict[str, Place], list[tuple[Place, str]]]:
    """Return the highest revision of each granule by its key, and the others with the name of the one chosen."""
    asked: dict[str, Place] = {}
    left: list[tuple[Place, str]] = []
    for place in sorted(places, key=lambda place: _revision(granule_stem(place)), reverse=True):
        key = granule_key(granule_stem(place))
        newer, known = asked.get(key), account.rows.get(key)
        if newer is not None:
            left.append((place, url_file_name(str(newer))))
        elif known and _has_told(known) and _revision(known["granule"]) > _revision(granule_stem(place)):
            left.append((place, known["granule"]))
            asked[key] = known["path"] if is_remote(known["path"]) else Path(known["path"])
        else:
            asked[key] = place
    return asked, left


def _has_told(row: dict[str, Any]) -> bool:
    """Return whether a granule was read, with rows or none, be it before it failed."""
    return bool(row["status"] in ("read", "empty") or row["parts"])


def _changed(place: Place, row: dict[str, Any], sources: Sources) -> bool:
    """Return whether a granule has to be read again: it failed before, or is another file than the one read.

    A remote file whose name tells a revision is the one read if the name is the same, as the archives never change
    such a file; of others the server is asked for the version.
    """
    if row["status"] == "failed" or row["granule"] != granule_stem(place) or is_remote(row["path"]) != is_remote(place):
        return True
    if not is_remote(place):
        try:
            return bool(row["bytes"] != Path(place).stat().st_size or row["modified"] != file_modified(place))
        except OSError:
            # Reading it tells what is amiss.
            return True
    if _revision(row["granule"])[1]:
        return False
    return not row["file_version"] or row["file_version"] != remote_version(str(place), sources)


def dataset_product(places: Sequence[Place], folder: Path, sources: Sources) -> str:
    """Return the product of a data set, else of the first granule that tells it.

    Raises
    ------
    AltiflowError
        If there is no granule, or none of them tells it.
    """
    if holds_dataset(folder):
        return read_settings(folder).product
    problem: AltiflowError | None = None
    for place in places:
        try:
            return product_named(parse_granule_name(str(place)).product).short_name
        except InputError:
            try:
                return granule_product(place, sources).short_name
            except AltiflowError as error:
                problem = problem or error
    raise problem or EmptyDataError("granules: there is none")


def _revision(name: str) -> tuple[str, int]:
    """Return release and revision that the name of a granule tells, by which they are in order."""
    try:
        found = parse_granule_name(name)
    except InputError:
        return "", 0
    return found.version, found.revision
