"""A catalogue collected from what lists files: folders, lists of names, dumps of STAC services and indexes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import geopandas as gpd
import pyarrow as pa
import pyarrow.parquet as pq

from altiflow.errors import EmptyDataError, InputError, UnsupportedFormatError
from altiflow.readers.catalogue.archive.motion import motion_columns
from altiflow.readers.catalogue.conversion import as_catalogue, link_columns, motion_row
from altiflow.readers.catalogue.local import list_granules
from altiflow.readers.catalogue.names import name_columns, try_granule_name
from altiflow.readers.catalogue.pairs.naming import MotionName, PairName, parse_velocity_name
from altiflow.readers.catalogue.pairs.request import PairSearch
from altiflow.readers.catalogue.pairs.sources import read_index, read_item
from altiflow.readers.catalogue.pairs.sources.items import asset_url, read_footprint
from altiflow.readers.catalogue.pairs.table import build_pairs, row_of_name
from altiflow.readers.catalogue.tables.columns import CATALOGUE_COLUMNS, build_catalogue

__all__ = ["CatalogueKind", "collect_catalogue", "granules_of_items"]

CatalogueKind = Literal["pairs", "granules"]
"""What the rows of a catalogue are: image pairs of velocity, or granules of altimetry and other products."""

Row = dict[str, Any]
Found = Iterator[tuple[CatalogueKind | None, Row]]
"""Rows, each with its kind; None for a name that means nothing, which stands in the row as ``name``."""

_LINES = (".ndjson", ".jsonl")
_JSON = (".json", ".geojson")
_PARQUET = (".parquet", ".geoparquet")
_DATA = (".nc", ".h5", ".hdf5")
_FORMS = (
    "a folder of granules or image pairs, a .txt of names or addresses, STAC items (.json, .geojson, .ndjson), "
    "or an index (.parquet, or a folder of them)"
)


def collect_catalogue(
    sources: str | Path | Iterable[str | Path],
    *,
    kind: CatalogueKind | None = None,
    footprints: Literal["none", "read"] = "none",
    quiet: bool = True,
) -> gpd.GeoDataFrame:
    r"""Return one catalogue of all that files and folders list, of image pairs or of granules.

    Parameters
    ----------
    sources
        One or several of these: a folder of granules or image pairs, which are told by their names; a ``.txt`` with a
        name, path or address a line; STAC items (an item collection as ``.json`` or ``.geojson``, or ``.ndjson`` with
        an item a line); an index of ITS_LIVE (``.parquet``, or a folder of them in partitions); a catalogue that
        :func:`write_catalogue` or :func:`write_pairs` wrote; the catalogue of cubes of ITS_LIVE.
    kind
        "pairs" or "granules", where both are there.
    footprints
        "read" opens the ICESat-2 granules of folders for their ground tracks; names alone tell no footprint.
    quiet
        Show no progress bar.

    Returns
    -------
    geopandas.GeoDataFrame
        A pair catalogue, or a catalogue. ``attrs["altiflow"]`` counts the rows that stood there twice
        (``duplicates``), and lists the names that are of no known form (``unknown_names``).

    Raises
    ------
    InputError
        If a source is not there, is of no known form, or both kinds are there and none is asked for.
    EmptyDataError
        If nothing of the kind is listed.
    UnsupportedFormatError
        If a file is damaged.

    Examples
    --------
    >>> import tempfile
    >>> names = Path(tempfile.mkdtemp()) / "names.txt"
    >>> written = names.write_text("ATL10-01_20220107195849_02531401_006_02.h5\nreadme.md\n")
    >>> found = collect_catalogue(names)
    >>> found["product"].tolist(), found.attrs["altiflow"]["unknown_names"]
    (['ATL10'], ['readme.md'])
    """
    given = [Path(sources)] if isinstance(sources, (str, Path)) else [Path(source) for source in sources]
    if not given:
        raise InputError(f"sources is empty; give {_FORMS}")
    if kind is not None and kind not in get_args(CatalogueKind):
        raise InputError(f"kind={kind!r} means nothing; use {', '.join(map(repr, get_args(CatalogueKind)))}")
    rows: dict[CatalogueKind, list[Row]] = {"pairs": [], "granules": []}
    unknown: list[str] = []
    for source in given:
        for found, row in _rows_of(source, footprints, quiet):
            if found is None:
                unknown.append(str(row["name"]))
            else:
                rows[found].append(row)
    chosen = kind or _only_kind(rows, given)
    if not rows[chosen]:
        raise EmptyDataError(f"{_named(given)} lists no {chosen}; {len(unknown)} names are of no known form")
    table = build_pairs(rows["pairs"]) if chosen == "pairs" else _build_granules(rows["granules"])
    table.attrs["altiflow"] |= {"sources": [source.name for source in given], "unknown_names": sorted(unknown)}
    return table


def _only_kind(rows: Mapping[CatalogueKind, list[Row]], given: list[Path]) -> CatalogueKind:
    """Return the one kind of which there are rows."""
    kinds = [kind for kind, listed in rows.items() if listed]
    if len(kinds) > 1:
        counts = " and ".join(f"{len(rows[kind])} {kind}" for kind in kinds)
        raise InputError(f"{_named(given)} lists {counts}, which are catalogues of their own; pass kind='pairs' first")
    return kinds[0] if kinds else "granules"


def _named(given: list[Path]) -> str:
    return ", ".join(source.name or str(source) for source in given)


def _rows_of(source: Path, footprints: Literal["none", "read"], quiet: bool) -> Found:
    """Yield the rows of one source."""
    suffix = source.suffix.lower()
    if not source.exists():
        raise InputError(f"source {str(source)!r}: no such file or folder; give {_FORMS}")
    if source.is_dir():
        yield from _folder_rows(source, footprints, quiet)
    elif suffix == ".txt":
        yield from (_row_of_name(line.strip()) for line in _text(source).splitlines() if line.strip())
    elif suffix in _LINES:
        yield from _items(_read_lines(source), source.name)
    elif suffix in _JSON:
        yield from _json_rows(source)
    elif suffix in _PARQUET:
        yield from _table_rows(source)
    else:
        raise InputError(f"source {source.name!r} is of no known form; give {_FORMS}")


def _text(source: Path) -> str:
    """Return the text of a file."""
    try:
        return source.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnsupportedFormatError(f"{source.name} is no text in UTF-8 ({error})") from error


def _folder_rows(folder: Path, footprints: Literal["none", "read"], quiet: bool) -> Found:
    """Yield the rows of a folder: of an index in it, or of the data files in it."""
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file.name[0] not in "._")
    if any(file.suffix.lower() in _PARQUET for file in files):
        for file in files:
            if file.suffix.lower() in _PARQUET:
                yield from _table_rows(file)
        return
    data = [file for file in files if file.suffix.lower() in _DATA]
    granules = [file for file in data if try_granule_name(file.name)]
    if granules:
        listed = list_granules(granules, footprints=footprints, quiet=quiet)
        yield from (("granules", row) for row in listed.to_dict("records"))
    yield from (_row_of_name(str(file)) for file in data if not try_granule_name(file.name))


def _row_of_name(name: str) -> tuple[CatalogueKind | None, Row]:
    """Return the row of a name, path or address alone."""
    told = name_columns(name.rpartition("/")[2])
    if told:
        return "granules", {**told, **link_columns(name)}
    try:
        parsed = parse_velocity_name(name)
    except InputError:
        return None, {"name": name}
    if isinstance(parsed, MotionName):
        return "granules", motion_row(parsed, name)
    return ("pairs", row_of_name(parsed, name)) if isinstance(parsed, PairName) else (None, {"name": name})


def _read_lines(source: Path) -> Iterator[Any]:
    """Yield the values of a file with JSON in each line."""
    for number, line in enumerate(_text(source).splitlines(), 1):
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError as error:
                raise UnsupportedFormatError(f"{source.name}, line {number}, is no JSON: {error}") from error


def _json_rows(source: Path) -> Found:
    """Yield the rows of a collection of STAC items, an index in GeoJSON or a catalogue."""
    try:
        features = json.loads(_text(source))["features"]
        first = features[0] if features else {}
        columns, has_assets = set(first.get("properties") or {}), bool(first.get("assets"))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise UnsupportedFormatError(f"{source.name} is no GeoJSON FeatureCollection: {error!r}") from error
    if has_assets:
        yield from _items(iter(features), source.name)
    elif "zarr_url" in columns or {"granule", "product"} <= columns:
        yield from (("granules", row) for row in as_catalogue(source).to_dict("records"))
    else:
        yield from (("pairs", row) for row in read_index(source, PairSearch(source=str(source))))


def _items(items: Iterator[Any], name: str) -> Found:
    """Yield the rows of STAC items, of granules by the name that is their id, else of image pairs."""
    for item in items:
        if not isinstance(item, Mapping):
            raise UnsupportedFormatError(f"{name} holds {str(item)[:40]!r}, which is no STAC item")
        told = _columns_of_id(str(item.get("id")))
        yield ("granules", _granule_item(item, told, name)) if told else ("pairs", read_item(item))


def _columns_of_id(name: str) -> Row:
    """Return what the name of a granule, or of a file of sea-ice motion, tells; nothing of another one."""
    told: Row = name_columns(name)
    if told:
        return told
    try:
        parsed = parse_velocity_name(f"{name.removesuffix('.nc')}.nc")
    except InputError:
        return {}
    return dict(motion_columns(parsed)) if isinstance(parsed, MotionName) else {}


def granules_of_items(items: Iterable[Any], name: str) -> gpd.GeoDataFrame:
    """Return the catalogue of the granules among STAC items that a file or service of this name gave."""
    return _build_granules([row for kind, row in _items(iter(items), name) if kind == "granules"])


def _granule_item(item: Mapping[str, Any], told: Row, name: str) -> Row:
    """Return the row of a STAC item of a granule."""
    try:
        properties, moment = item["properties"], item["properties"].get("datetime")
        period = [properties.get(key) or moment for key in ("start_datetime", "end_datetime")]
        row = {"start": period[0] or told["start"], "end": period[1], "geometry": read_footprint(item.get("geometry"))}
        url = asset_url(item.get("assets") or {})
        return {**told, **row, **(link_columns(url) if url else {})}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UnsupportedFormatError(f"item {item.get('id')} of {name} is no STAC item: {error!r}") from error


def _table_rows(source: Path) -> Found:
    """Yield the rows of a Parquet file, of granules or of image pairs."""
    try:
        columns = set(pq.read_schema(source).names)
    except (pa.ArrowException, OSError) as error:
        raise UnsupportedFormatError(f"{source.name} is no Parquet file: {error}") from error
    if columns >= set(CATALOGUE_COLUMNS):
        yield from (("granules", row) for row in as_catalogue(source).to_dict("records"))
    else:
        yield from (("pairs", row) for row in read_index(source, PairSearch(source=str(source))))


def _build_granules(rows: list[Row]) -> gpd.GeoDataFrame:
    """Return rows as a catalogue, each granule once; the first one stays."""
    once: dict[str, Row] = {}
    for row in rows:
        once.setdefault(str(row["granule"]), row)
    products = sorted({str(row["product"]) for row in once.values()})
    told = {"product": "+".join(products), "duplicates": len(rows) - len(once), "screens": {}}
    return build_catalogue(once.values(), told)
