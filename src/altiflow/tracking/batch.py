"""Batches: a list of image pairs to granules, going on where an interrupted run stopped."""

from __future__ import annotations

import csv
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr

from altiflow.errors import AltiflowError, InputError
from altiflow.files import whole_file
from altiflow.readers.catalogue.moments import Moment
from altiflow.readers.remote import public_url
from altiflow.readers.remote.ranges import is_remote
from altiflow.readers.scenes import ScenePair, read_scene_pair
from altiflow.readers.scenes.acquisition import find_acquisition
from altiflow.readers.scenes.opening import Nodata, open_scene
from altiflow.tracking.pairs import GroundSource, track_pair
from altiflow.tracking.parameters import TrackParameters
from altiflow.tracking.product.layout import image_id
from altiflow.tracking.product.velocity import SpeedUnit
from altiflow.tracking.product.writing import Packing, granule_name, write_tracked
from altiflow.tracking.stable import CorrectionRule
from altiflow.units import YEAR_DAYS
from altiflow.workers import each_done

__all__ = ["REPORT", "TrackPlan", "read_pair_list", "track_pairs"]

REPORT = "report.csv"
"""Name of the account of a batch, in its folder."""

_COLUMNS = ("first", "second", "status", "granule", "cells", "measured", "corrected", "seconds", "reason")
_FIRST, _SECOND = ("first_url", "first", "image1"), ("second_url", "second", "image2")
_DATES = ("first_date", "second_date")
_SIGNATURE = "track_plan"


@dataclass(frozen=True)
class TrackPlan:
    """How every pair of a batch is read and tracked; see :func:`altiflow.read_scene_pair` and :func:`track_pair`.

    Attributes
    ----------
    parameters, max_speed, prior, prior_radius, ground, ground_crs, ground_radius, rule, units, year_days
        As for :func:`track_pair`.
    bounds, region, band, nodata
        As for :func:`altiflow.read_scene_pair`.
    packing
        As for :func:`write_tracked`.
    """

    parameters: TrackParameters = field(default_factory=TrackParameters)
    max_speed: float | None = None
    prior: xr.Dataset | str | Path | None = None
    prior_radius: int | None = None
    ground: GroundSource = None
    ground_crs: Any = None
    ground_radius: int | None = None
    rule: CorrectionRule = field(default_factory=CorrectionRule)
    units: SpeedUnit = "m/yr"
    year_days: float = YEAR_DAYS
    bounds: tuple[float, float, float, float] | None = None
    region: Any = None
    band: int = 1
    nodata: Nodata = "auto"
    packing: Packing = "float"

    def read(self, first: str | Path, second: str | Path, dates: tuple[Moment, Moment] | None = None) -> ScenePair:
        """Return two images as this plan reads them."""
        return read_scene_pair(
            first,
            second,
            bounds=self.bounds,
            region=self.region,
            dates=dates,
            band=self.band,
            nodata=self.nodata,
        )

    def track(self, pair: ScenePair) -> xr.Dataset:
        """Return the granule of a pair."""
        granule = track_pair(
            pair,
            parameters=self.parameters,
            max_speed=self.max_speed,
            prior=self.prior,
            prior_radius=self.prior_radius,
            ground=self.ground,
            ground_crs=self.ground_crs,
            ground_radius=self.ground_radius,
            rule=self.rule,
            units=self.units,
            year_days=self.year_days,
        )
        return granule.assign_attrs({_SIGNATURE: self.signature})

    @property
    def signature(self) -> str:
        """What tells granules of this plan from those of another, as JSON; threads do not."""
        told: dict[str, Any] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        told["parameters"] = {**asdict(self.parameters), "threads": None}
        told["rule"] = asdict(self.rule)
        return json.dumps(told, default=_shown, sort_keys=True)


def read_pair_list(path: str | Path) -> list[dict[str, str]]:
    """Return the rows of a list of pairs: a CSV file with a header.

    Columns ``first`` and ``second`` (or ``first_url`` and ``second_url``, as :func:`altiflow.pair_scenes` gives them)
    are paths or addresses; relative paths start in the folder of the list. ``first_date`` and ``second_date``, where
    there are any, say when the images were taken. Other columns are left alone.

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
        names = [next((name for name in known if name in columns), None) for known in (_FIRST, _SECOND)]
        if None in names:
            raise InputError(f"{source.name} has the columns {', '.join(columns) or 'none'}; it needs first and second")
        rows = list(reader)
    if not rows:
        raise InputError(f"{source.name} lists no pair")
    found = []
    for line, row in enumerate(rows, start=2):
        one, two = (str(row[str(name)] or "").strip() for name in names)
        if not one or not two:
            raise InputError(f"{source.name}, line {line}, names only one image; give first and second")
        dates = {name: str(row.get(name) or "").strip() for name in _DATES}
        found.append({"first": _placed(one, source.parent), "second": _placed(two, source.parent), **dates})
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
        Track pairs anew whose granule is there. Otherwise a granule of the same plan is left as it is, and one of
        another plan is a failure.
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
    rows = _rows(pairs)
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    used = plan or TrackPlan()
    work = partial(_track_row, folder=target, plan=used, overwrite=overwrite)
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


def _track_row(row: Mapping[str, str], folder: Path, plan: TrackPlan, overwrite: bool) -> dict[str, Any]:
    """Return the account of one pair, tracked or found there."""
    began = time.perf_counter()
    dates = (row.get("first_date") or None, row.get("second_date") or None)
    path = folder / _name_of(row, dates, plan)
    if path.exists() and not overwrite:
        return _found_there(path, plan)
    granule = plan.track(plan.read(row["first"], row["second"], dates if any(dates) else None))
    write_tracked(granule, path, packing=plan.packing, overwrite=overwrite)
    return {"status": "tracked", **_counts(granule, path), "seconds": round(time.perf_counter() - began, 3)}


def _name_of(row: Mapping[str, str], dates: tuple[str | None, str | None], plan: TrackPlan) -> str:
    """Return the file name that the granule of a pair will have; of the images no more than the heads are read."""
    ids, width = [], 0.0
    for place, date in zip((row["first"], row["second"]), dates, strict=True):
        with open_scene(place, band=plan.band, nodata=plan.nodata) as scene:
            ids.append(image_id(scene.name, find_acquisition(place, scene.tags, date)))
            width = width or scene.transform.a
    return granule_name(ids[0], ids[1], plan.parameters.spacing * width)


def _found_there(path: Path, plan: TrackPlan) -> dict[str, Any]:
    """Return the account of a granule that is there."""
    try:
        with xr.open_dataset(path, engine="h5netcdf") as granule:
            if granule.attrs.get(_SIGNATURE) == plan.signature:
                return {"status": "there", **_counts(granule, path), "seconds": 0.0}
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path.name} is there and cannot be read; pass overwrite=True to track it anew") from error
    raise InputError(f"{path.name} is there, tracked in another way; choose another folder, or pass overwrite=True")


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
        rows = read_pair_list(pairs)
    else:
        records = pairs.to_dict("records") if isinstance(pairs, pd.DataFrame) else [dict(row) for row in pairs]
        rows = []
        for record in records:
            one, two = (next((record[name] for name in known if name in record), None) for known in (_FIRST, _SECOND))
            if not one or not two:
                raise InputError(f"a pair needs first and second, got {record!r}")
            dates = {name: str(record.get(name) or "") for name in _DATES}
            rows.append({"first": str(one), "second": str(two), **dates})
    if not rows:
        raise InputError("the list of pairs is empty; give at least one")
    named = [(row["first"], row["second"]) for row in rows]
    twice = [names for names in named if named.count(names) > 1]
    if twice:
        raise InputError(f"the pair {public_url(twice[0][0])}, {public_url(twice[0][1])} is there twice; name it once")
    return rows


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


def _shown(value: Any) -> Any:
    """Return a value that JSON does not know in words, or by what tells its content from any other."""
    if isinstance(value, np.ndarray):
        return f"array {value.shape} {hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()}"
    if isinstance(value, (gpd.GeoDataFrame, gpd.GeoSeries)):
        return f"outlines {hashlib.sha256(b''.join(value.geometry.to_wkb())).hexdigest()}"
    if isinstance(value, xr.Dataset):
        return str(value.attrs.get("source", "Dataset"))
    return str(value)
