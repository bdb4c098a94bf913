"""What catalogues, ledgers and data sets account for, in a few lines of text."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from altiflow.errors import AltiflowError
from altiflow.readers import Ledger, as_catalogue, list_granules, read_table
from altiflow.readers.catalogue import CATALOGUE_COLUMNS, find_local_granules
from altiflow.readers.catalogue.pairs.table import PAIR_COLUMNS
from altiflow.readers.datasets.account import Account, lost_parts, parts_of
from altiflow.readers.datasets.layout import read_settings

__all__ = ["catalogue_lines", "dataset_lines", "find_catalogue", "folder_lines", "is_catalogue", "ledger_lines"]

_SHOWN = 20
"""Granules that are named one by one."""
_COINCIDENT = {"altimetry", "velocity", "altimetry_row", "velocity_row", "dt_days"}


def find_catalogue(path: Path) -> list[str]:
    """Return what a file of granules, image pairs, cubes or coincident rows tells; [] where it is something else."""
    if path.suffix == ".parquet" and _columns(path) >= _COINCIDENT:
        return _coincident_lines(read_table(path))
    return catalogue_lines(as_catalogue(path)) if is_catalogue(path) else []


def is_catalogue(path: Path) -> bool:
    """Return whether a file, by its columns or its suffix, is a catalogue of granules, image pairs or cubes."""
    if path.suffix == ".parquet":
        columns = _columns(path)
        return any(columns >= set(names) - {"geometry"} for names in (CATALOGUE_COLUMNS, PAIR_COLUMNS))
    return path.is_file() and path.suffix in (".geojson", ".json")


def _columns(path: Path) -> set[str]:
    """Return the columns of a Parquet file; none where it is something else."""
    try:
        return set(pq.read_schema(path).names)
    except (pa.ArrowException, OSError):
        return set()


def folder_lines(folder: Path) -> list[str]:
    """Return what the names of the granules in a folder tell; [] where none is in it, or it is a Zarr store."""
    if any((folder / name).exists() for name in ("zarr.json", ".zgroup", ".zmetadata")):
        return []
    try:
        table = list_granules(folder, version="all")
    except AltiflowError:
        return []
    others = len(find_local_granules(folder)) - len(table)
    more = [f"besides      {others} HDF5 files whose names are no granule's"] if others else []
    return [
        *catalogue_lines(table),
        *more,
        "inside       altiflow search --source tells footprints; altiflow read reads",
    ]


def catalogue_lines(table: gpd.GeoDataFrame) -> list[str]:
    """Return what a catalogue holds."""
    if not len(table):
        return ["catalogue    no row"]
    first, last = table["start"], table["end"].fillna(table["start"])
    dated, undated = first.notna().any(), int(first.isna().sum())
    placed = table[table.geometry.notna()]
    versions = table.groupby(["product", table["version"].fillna("")], sort=True).size()
    lines = [f"catalogue    {_counted(len(table), 'row')}"]
    lines += [
        f"product      {product}{' version ' + version if version else ''}: {count}"
        for (product, version), count in versions.items()
    ]
    if dated:
        lines.append(f"time         {_minute(first.min())} to {_minute(last.max())} UTC")
    if undated:
        lines.append(f"undated      {undated}")
    if table["size_mb"].notna().any():
        told = int(table["size_mb"].notna().sum())
        lines.append(f"size         {table['size_mb'].sum():.1f} MB" + _of(told, len(table)))
    if table["rgt"].notna().any():
        cycles = table["cycle"].dropna()
        lines.append(f"tracks       {table['rgt'].nunique()}, cycles {cycles.min()} to {cycles.max()}")
    if table["hemisphere"].notna().any():
        lines.append(f"hemispheres  {_tally(table['hemisphere'].dropna())}")
    if len(placed):
        lines.append(f"extent       {_extent(placed.total_bounds)}" + _of(len(placed), len(table)))
    else:
        lines.append("extent       not told: no row has a footprint")
    places = [f"{table[name].notna().sum()} {noun}" for name, noun in _PLACES.items() if table[name].notna().any()]
    return [*lines, f"files        {', '.join(places) or 'no address and no path'}", *_left_out(table)]


_PLACES = {"path": "on this machine", "url_https": "by https", "url_s3": "by s3", "checksum": "with a checksum"}
"""Columns that tell of the file, and how they are told of."""


def ledger_lines(ledger: Ledger) -> list[str]:
    """Return the account in a ledger, and why granules are not in it one by one."""
    return [f"ledger       {ledger.summary()}", *_account_lines(ledger)]


def dataset_lines(folder: Path) -> list[str]:
    """Return settings, files and account of a data set."""
    told, ledger = read_settings(folder), Account(folder).ledger()
    beams = told.beams if isinstance(told.beams, str) else ",".join(told.beams)
    parts = [part for row in ledger.rows for part in parts_of(row)]
    size = sum((folder / part).stat().st_size for part in parts if (folder / part).exists())
    lost = [part for row in ledger.rows for part in lost_parts(folder, row)]
    lines = [
        f"data set     {told.product}, beams {beams}, in folders of {', '.join(told.partition) or 'none'}",
        f"screens      {', '.join(told.screens) or 'none'}; points as {told.geometry}",
        f"region       {_shortened(told.region)}",
        f"granules     {ledger.summary()}",
        f"files        {len(parts)} in {_counted(len({Path(part).parent for part in parts}), 'folder')}, "
        f"{size / 1e6:.1f} MB" + (f"; {len(lost)} are gone or damaged: read the granules again" if lost else ""),
    ]
    return [*lines, *(f"lost         {part}" for part in lost[:_SHOWN]), *_account_lines(ledger)]


def _account_lines(ledger: Ledger) -> list[str]:
    """Return what was dropped, when and where segments are, what reading took, and what went wrong."""
    table = ledger.table
    if not len(table):
        return []
    lines = []
    drops = {str(name).removeprefix("dropped_"): int(table[name].sum()) for name in table if "dropped_" in str(name)}
    if any(drops.values()):
        lines.append(f"dropped      {', '.join(f'{name} {count}' for name, count in drops.items() if count)}")
    releases = _tally(table.loc[table["release"] != "", "release"])
    if releases:
        lines.append(f"releases     {releases}")
    if table["segments_kept"].any():
        lines.append(f"time         {_minute(table['time_first'].min())} to {_minute(table['time_last'].max())} UTC")
        if table["west"].notna().any():
            edges = (table["west"].min(), table["south"].min(), table["east"].max(), table["north"].max())
            lines.append(f"extent       {_extent(edges)}")
    requests, retries = table["requests"].sum(), table["retries"].sum()
    network = f", {requests} requests, {retries} repeated" if requests else ""
    lines.append(f"read         {table['bytes'].sum() / 1e6:.1f} MB in {table['seconds'].sum():.1f} s{network}")
    lacking = Counter(name for text in table["absent_variables"] for name in text.split(",") if name)
    if lacking:
        lines.append(f"lacking      {', '.join(f'{name} in {count}' for name, count in sorted(lacking.items()))}")
    told = [f"{row['status']:<12} {row['granule']}: {row['reason']}" for row in ledger.rows if row["reason"]]
    return [*lines, *told[:_SHOWN], *([f"... and {len(told) - _SHOWN} more"] if len(told) > _SHOWN else [])]


def _coincident_lines(table: gpd.GeoDataFrame) -> list[str]:
    """Return what coincident rows hold."""
    apart = table["dt_days"].dropna()
    lines = [
        f"coincident   {_counted(len(table), 'pair')} of {_counted(table['altimetry'].nunique(), 'granule')} and "
        f"{_counted(table['velocity'].nunique(), 'velocity file')}"
    ]
    if len(apart):
        lines.append(f"apart        {apart.min():g} to {apart.max():g} days, {int((apart == 0).sum())} overlap in time")
    if len(apart) < len(table):
        lines.append(f"undated      {len(table) - len(apart)}")
    return [*lines, f"extent       {_extent(table.total_bounds)}"]


def _left_out(table: gpd.GeoDataFrame) -> list[str]:
    """Return what searches and filters left out of a catalogue."""
    told = table.attrs.get("altiflow", {})
    left = [f"{count} by {name}" for name, count in told.get("screens", {}).items() if count]
    left += [f"{told['superseded']} with a newer version"] if told.get("superseded") else []
    return [f"left out     {', '.join(left)}"] if left else []


def _tally(values: pd.Series) -> str:
    """Return each value and how often it is there."""
    return ", ".join(f"{value} {count}" for value, count in sorted(Counter(values).items()))


def _extent(edges: Any) -> str:
    """Return bounds (west, south, east, north) as text."""
    west, south, east, north = np.asarray(edges, float)
    return f"{west:.3f} to {east:.3f} E, {south:.3f} to {north:.3f} N"


def _minute(moment: pd.Timestamp) -> str:
    """Return a moment without its seconds."""
    return f"{moment:%Y-%m-%d %H:%M}"


def _of(some: int, every: int) -> str:
    """Return of how many rows something is told, where it is not of all."""
    return "" if some == every else f", told of {some}"


def _shortened(text: str | None) -> str:
    """Return a region as text that fits into a line."""
    return "none" if text is None else text if len(text) <= 60 else f"{text[:57]}..."


def _counted(number: int, noun: str) -> str:
    """Return a number and its noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
