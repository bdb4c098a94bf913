"""Batches: a list of image pairs to granules, going on where an interrupted run stopped."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from datetime import time as clock
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from altiflow.errors import AltiflowError, InputError
from altiflow.files import whole_file
from altiflow.readers.catalogue.moments import as_moment
from altiflow.readers.catalogue.pairs.naming import find_scene
from altiflow.readers.remote import public_url
from altiflow.readers.remote.ranges import is_remote
from altiflow.readers.scenes.acquisition import find_acquisition
from altiflow.readers.scenes.opening import open_scene
from altiflow.tracking.plan import TrackPlan
from altiflow.tracking.product.layout import image_id
from altiflow.tracking.product.velocity import SIGNATURE
from altiflow.tracking.product.writing import IMAGES, granule_name, images_key, write_tracked
from altiflow.workers import each_done

__all__ = ["REPORT", "read_pair_list", "track_pairs"]

REPORT = "report.csv"
"""Name of the account of a batch, in its folder."""

_COLUMNS = ("first", "second", "status", "granule", "cells", "measured", "corrected", "seconds", "reason")
_FIRST, _SECOND = ("first_url", "first", "image1"), ("second_url", "second", "image2")
_DATES = (("first_date", "start"), ("second_date", "end"))
_ABSENT = ("", "nan", "nat", "none", "null", "<na>")


def read_pair_list(path: str | Path) -> list[dict[str, str]]:
    """Return the rows of a list of pairs: a CSV file with a header.

    Columns ``first`` and ``second`` (or ``first_url`` and ``second_url``, as :func:`altiflow.pair_scenes` gives them)
    are paths or addresses; relative paths start in the folder of the list. ``first_date`` and ``second_date``, else
    ``start`` and ``end``, say when the images were taken, where there are any. Other columns are left alone.

    Raises
    ------
    InputError
        If there is no such file, or it lacks a column or a value.
    """
    source = Path(path)
    if not source.is_file():
        raise InputError(f"there is no list of pairs {source}")
    with source.open(newline="", encoding="utf-8-sig") as opened:
        reader = csv.DictReader(opened)
        columns = list(reader.fieldnames or ())
        if any(not set(known) & set(columns) for known in (_FIRST, _SECOND)):
            raise InputError(f"{source.name} has the columns {', '.join(columns) or 'none'}; it needs first and second")
        rows = list(reader)
    if not rows:
        raise InputError(f"{source.name} lists no pair")
    found = []
    for line, row in enumerate(rows, start=2):
        one, two = _value(row, _FIRST), _value(row, _SECOND)
        if not one or not two:
            raise InputError(f"{source.name}, line {line}, names only one image; give first and second")
        places = (_placed(one, source.parent), _placed(two, source.parent))
        found.append({"first": places[0], "second": places[1], **_times(row, places)})
    return found


def _value(row: Mapping[str, Any], names: Sequence[str]) -> str:
    """Return the first of some columns that has a value, as text; "" where none has."""
    texts = ("" if row.get(name) is None else str(row[name]).strip() for name in names)
    return next((text for text in texts if text.lower() not in _ABSENT), "")


def _times(row: Mapping[str, Any], places: tuple[str, str]) -> dict[str, str]:
    """Return when the two images of a row were taken, "" where it does not tell.

    The start and end of a table that is made of names are midnights: there the image itself may tell the time of day.
    """
    found = {}
    for (date, start), place in zip(_DATES, places, strict=True):
        text = _value(row, (start,))
        moment = as_moment(text or None, start, last=False)
        whole_day = moment is not None and moment == datetime.combine(moment, clock.min)
        given = "" if whole_day and find_scene(place) is not None else text
        found[date] = _value(row, (date,)) or given
    return found


def track_pairs(
    pairs: str | Path | pd.DataFrame | Sequence[Mapping[str, Any]],
    folder: str | Path,
    *,
    plan: TrackPlan | None = None,
    on_error: Literal["raise", "skip"] = "skip",
    overwrite: bool = False,
    workers: int = 1,
    client: Any = None,
    quiet: bool = True,
) -> pd.DataFrame:
    """Track a list of pairs, write a granule each, and return the account.

    Parameters
    ----------
    pairs
        A CSV file as :func:`read_pair_list` reads it, a table such as :func:`altiflow.pair_scenes` gives, or rows.
    folder
        Where to write; the account is ``report.csv`` in it.
    plan
        How to read and track.
    on_error
        "skip" tells in the account why a pair failed, and goes on; "raise" stops.
    overwrite
        Track pairs anew whose granule is there. Otherwise a granule of the same plan, images and times is left as it
        is, and any other is a failure.
    workers
        Processes; each pair uses as many threads as its parameters say.
    client
        A :class:`dask.distributed.Client` to work on instead.
    quiet
        Show no progress bar.

    Returns
    -------
    pandas.DataFrame
        One row per pair, in order: first, second, status ("tracked", "there", "failed"), granule (file name), cells,
        measured (cells with a velocity), corrected, seconds, reason.

    Raises
    ------
    InputError
        If the list or a word means nothing, or a pair is there twice.
    AltiflowError
        With ``on_error="raise"``: whatever the first pair that fails raises.
    """
    if on_error not in ("raise", "skip"):
        raise InputError(f"on_error={on_error!r} means nothing; use 'raise' or 'skip'")
    rows, used = _rows(pairs), plan or TrackPlan()
    _check_names(rows, used.band)
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    work = partial(_track_row, folder=target, plan=used, signature=used.signature, overwrite=overwrite)
    account: list[dict[str, Any]] = [{} for _ in rows]
    for outcome in each_done(work, rows, workers=workers, client=client, label="tracking", quiet=quiet):
        row = rows[outcome.index]
        told: dict[str, Any] = {"first": public_url(row["first"]), "second": public_url(row["second"])}
        error = outcome.error
        if error is not None:
            if on_error == "raise" or not isinstance(error, (AltiflowError, OSError)):
                raise error
            told |= {"status": "failed", "reason": f"{type(error).__name__}: {error}"}
        else:
            told |= dict(outcome.result or {})
        account[outcome.index] = told
        # Written after each pair: an interrupted batch has its account too.
        _write_account([known for known in account if known], target / REPORT)
    return _table(account)


def _track_row(
    row: Mapping[str, str], folder: Path, plan: TrackPlan, signature: str, overwrite: bool
) -> dict[str, Any]:
    """Return the account of one pair, tracked or found there."""
    began = time.perf_counter()
    dates = (row.get("first_date") or None, row.get("second_date") or None)
    name, images = _heads(row, dates, plan)
    path = folder / name
    if path.exists() and not overwrite:
        return _found_there(path, {SIGNATURE: signature, IMAGES: images})
    granule = plan.track(plan.read(row["first"], row["second"], dates if any(dates) else None), signature)
    granule.attrs[IMAGES] = images
    write_tracked(granule, path, packing=plan.packing, overwrite=overwrite)
    return {"status": "tracked", **_counts(granule, path), "seconds": round(time.perf_counter() - began, 3)}


def _heads(row: Mapping[str, str], dates: tuple[str | None, str | None], plan: TrackPlan) -> tuple[str, str]:
    """Return the file name that the granule of a pair will have, and its images: places, band and times as JSON.

    No more than the heads of the images are read. The name tells places and band, but not times: a time that is put
    right does not leave the granule of the wrong one beside the new one.
    """
    ids, times, width = [], [], 0.0
    for place, date in zip((row["first"], row["second"]), dates, strict=True):
        with open_scene(place, band=plan.band, nodata=plan.nodata) as scene:
            taken = find_acquisition(place, scene.tags, date)
            ids.append(image_id(scene.name, taken))
            times.append(str(taken.time))
            width = width or scene.transform.a
    places = _images(row)
    name = granule_name(ids[0], ids[1], plan.parameters.spacing * width, images_key(places, plan.band))
    return name, json.dumps({"places": places, "band": plan.band, "times": times})


def _found_there(path: Path, expected: Mapping[str, str]) -> dict[str, Any]:
    """Return the account of a granule that is there, if it was made of these images by this plan."""
    try:
        with xr.open_dataset(path, engine="h5netcdf") as granule:
            others = [name for name, text in expected.items() if granule.attrs.get(name) != text]
            if not others:
                return {"status": "there", **_counts(granule, path), "seconds": 0.0}
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path.name} is there and cannot be read; pass overwrite=True to track it anew") from error
    why = "tracked in another way" if SIGNATURE in others else "with other times of its images"
    raise InputError(f"{path.name} is there, {why}; choose another folder, or pass overwrite=True")


def _counts(granule: xr.Dataset, path: Path) -> dict[str, Any]:
    return {
        "granule": path.name,
        "cells": int(granule["vx"].size),
        "measured": int(np.isfinite(granule["vx"].values).sum()),
        "corrected": bool(granule["vx"].attrs.get("stable_shift_flag", 0)),
        "reason": str(granule["vx"].attrs.get("stable_shift_reason", "")),
    }


def _rows(pairs: Any) -> list[dict[str, str]]:
    """Return the rows of a list of pairs."""
    if isinstance(pairs, (str, Path)):
        return read_pair_list(pairs)
    records: list[Any] = pairs.to_dict("records") if isinstance(pairs, pd.DataFrame) else [dict(row) for row in pairs]
    rows = []
    for record in records:
        one, two = _value(record, _FIRST), _value(record, _SECOND)
        if not one or not two:
            raise InputError(f"a pair needs first and second, got {record!r}")
        rows.append({"first": one, "second": two, **_times(record, (one, two))})
    if not rows:
        raise InputError("the list of pairs is empty; give at least one")
    return rows


def _check_names(rows: Sequence[Mapping[str, str]], band: int) -> None:
    """Refuse two pairs whose granules would have one name."""
    seen: set[str] = set()
    for row in rows:
        key = images_key(_images(row), band)
        if key in seen:
            raise InputError(
                f"the pair {public_url(row['first'])}, {public_url(row['second'])} is there twice; name it once "
                "(what follows the ? of an address does not count; use two folders if it must)"
            )
        seen.add(key)


def _images(row: Mapping[str, str]) -> list[str]:
    """Return where the two images are, without what may be secret."""
    places = (row["first"], row["second"])
    return [public_url(place) if "://" in place else str(Path(place).resolve()) for place in places]


def _placed(place: str, folder: Path) -> str:
    return place if is_remote(place) or Path(place).is_absolute() else str(folder / place)


def _table(account: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return the account as a table."""
    table = pd.DataFrame(list(account), columns=list(_COLUMNS))
    for name in ("cells", "measured"):
        table[name] = table[name].fillna(0).astype("int64")
    table["corrected"] = table["corrected"].eq(True)
    table["seconds"] = table["seconds"].astype(float).fillna(0.0)
    for name in ("granule", "reason"):
        table[name] = [text if isinstance(text, str) else "" for text in table[name]]
    return table


def _write_account(account: Sequence[Mapping[str, Any]], path: Path) -> None:
    with whole_file(path) as part:
        _table(account).to_csv(part, index=False)
