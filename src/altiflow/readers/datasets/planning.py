"""Which granules a run has to read: those that are new, failed before, or changed."""

from __future__ import annotations

import filecmp
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from altiflow.errors import AltiflowError, EmptyDataError, InputError
from altiflow.readers.catalogue.names import granule_key, parse_granule_name, try_granule_name
from altiflow.readers.catalogue.tables.newest import newest_files, release_order
from altiflow.readers.datasets.account import Account
from altiflow.readers.datasets.granules import file_modified, remote_version
from altiflow.readers.datasets.layout import holds_dataset, read_settings
from altiflow.readers.icesat2.granule import granule_product, granule_stem
from altiflow.readers.icesat2.products import product_named
from altiflow.readers.remote.addresses import public_url, url_file_name
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
        If the data set has granules that are not among them, and `absent` is "refuse"; or two files whose names are
        no granule's have one name.
    """
    asked, left = _newest(places, account, sources)
    if absent != "remove":
        _check_names(asked, account, sources)
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
        if row is None:
            return True
        lost = account.find_lost(key)
        return bool(lost) or (row["granule"] not in kept and _changed(asked[key], row, sources))

    keys = sorted(asked)
    wanted = map_each(missing, keys, workers=_ASKED_AT_A_TIME)
    chosen = [asked[key] for key, wants in zip(keys, wanted, strict=True) if wants]
    account.begin([granule_stem(place) for place in chosen])
    return chosen


def _newest(
    places: Sequence[Place], account: Account, sources: Sources
) -> tuple[dict[str, Place], list[tuple[Place, str]]]:
    """Return the newest file of each granule by its key, and the others with the name of the one chosen."""
    newest, others = newest_files(places)
    left = [(place, url_file_name(str(other))) for place, other in others]
    asked: dict[str, Place] = {}
    for place in newest:
        name = granule_stem(place)
        key = granule_key(name)
        known = account.rows.get(key)
        if key in asked:
            if not _same_content(asked[key], place, sources):
                raise InputError(
                    f"{public_url(str(asked[key]))} and {public_url(str(place))} have one name, no granule's, and "
                    "different content; a data set knows its granules by their names, so give one of them another"
                )
            left.append((place, url_file_name(str(asked[key]))))
        elif known and _has_told(known) and release_order(known["granule"]) > release_order(name):
            left.append((place, known["granule"]))
            asked[key] = known["path"] if is_remote(known["path"]) else Path(known["path"])
        else:
            asked[key] = place
    return asked, left


def _check_names(asked: dict[str, Place], account: Account, sources: Sources) -> None:
    """Refuse files whose names are no granule's, where the data set has another file of that name."""
    for key, place in asked.items():
        row = account.rows.get(key)
        if row is None or not row["parts"] or try_granule_name(row["granule"]) or _same_place(row["path"], place):
            continue
        if _changed(place, row, sources) and not _came_over(place, row):
            raise InputError(
                f"the data set has {row['granule']} of {row['path']}, and {public_url(str(place))} is another file of "
                "that name; give it another name, or pass allow_shrink=True to put it in the place of that one"
            )


def _same_place(known: str, place: Place) -> bool:
    """Return whether the path or address in a ledger is that of a file."""
    if is_remote(known) or is_remote(place):
        return known == public_url(str(place))
    return Path(known).resolve() == Path(place).resolve()


def _came_over(place: Place, row: dict[str, Any]) -> bool:
    """Return whether a file of this machine is as large as the one that was read from an address."""
    if is_remote(place) or not is_remote(row["path"]) or not Path(place).is_file():
        return False
    return bool(row["file_version"].endswith(f" {Path(place).stat().st_size}"))


def _same_content(one: Place, other: Place, sources: Sources) -> bool:
    """Return whether two files, or two addresses by what their servers say, hold the same."""
    if is_remote(one) != is_remote(other):
        return False
    if is_remote(one):
        version = remote_version(str(one), sources)
        return version != "" and version == remote_version(str(other), sources)
    try:
        return filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False


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
    if try_granule_name(row["granule"]):
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
