"""Catalogues on disk: tables for programs and GIS, and plain lists of addresses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely
from shapely.geometry import shape

from altiflow.errors import InputError, UnsupportedFormatError
from altiflow.readers.catalogue.pairs.files import CATALOGUE_SUFFIXES, feature_collection, write_rows
from altiflow.readers.catalogue.tables.columns import build_catalogue, check_catalogue, type_columns
from altiflow.readers.remote.addresses import table_addresses
from altiflow.readers.table import read_file

__all__ = [
    "catalogue_features",
    "coincident_features",
    "read_addresses",
    "read_catalogue",
    "write_catalogue",
    "write_coincident",
]

_TIMES = ("start", "end")


def write_catalogue(catalogue: gpd.GeoDataFrame, path: str | Path) -> Path:
    """Write a catalogue and return the path; the file appears whole or not at all.

    Parameters
    ----------
    catalogue
        What :func:`search_granules` or :func:`as_catalogue` returns.
    path
        ``.parquet`` (GeoParquet with the provenance), ``.geojson`` or ``.json`` (GeoJSON, likewise), ``.csv``
        (footprints as WKT) or ``.txt`` (one address a line). :func:`read_catalogue` reads the first two.

    Raises
    ------
    InputError
        If the table is no catalogue, or the suffix is another.
    """
    target = Path(path)
    check_catalogue(catalogue)
    if target.suffix not in CATALOGUE_SUFFIXES:
        raise InputError(
            f"cannot write a catalogue to {target.name}: the suffix is one of {', '.join(CATALOGUE_SUFFIXES)}"
        )
    urls = list(table_addresses(catalogue)) if target.suffix == ".txt" else []
    return write_rows(catalogue, target, times=_TIMES, urls=urls)


def catalogue_features(catalogue: gpd.GeoDataFrame) -> dict[str, Any]:
    """Return a catalogue as a GeoJSON FeatureCollection, its provenance in a member of its own."""
    return feature_collection(check_catalogue(catalogue), _TIMES)


def write_coincident(pairs: gpd.GeoDataFrame, path: str | Path) -> Path:
    """Write what :func:`find_coincident` returns and return the path; the file appears whole or not at all.

    Parameters
    ----------
    pairs
        One row per granule and velocity file.
    path
        ``.parquet``, ``.geojson``, ``.json`` or ``.csv``.

    Raises
    ------
    InputError
        If the suffix is another.
    """
    target = Path(path)
    known = CATALOGUE_SUFFIXES[:-1]
    if target.suffix not in known:
        raise InputError(f"cannot write pairs of granules to {target.name}: the suffix is one of {', '.join(known)}")
    return write_rows(pairs, target, times=(), urls=())


def coincident_features(pairs: gpd.GeoDataFrame) -> dict[str, Any]:
    """Return what :func:`find_coincident` returns as a GeoJSON FeatureCollection."""
    return feature_collection(pairs, ())


def read_catalogue(path: str | Path) -> gpd.GeoDataFrame:
    """Return a catalogue that :func:`write_catalogue` wrote as GeoParquet or GeoJSON, provenance included.

    Raises
    ------
    InputError
        If there is no such file, or it lacks a column.
    UnsupportedFormatError
        If it is no such table.
    """
    source = Path(path)
    if not source.is_file():
        raise InputError(f"there is no catalogue at {source}")
    if source.suffix in (".geojson", ".json"):
        return _read_geojson(source)
    if source.suffix != ".parquet":
        raise InputError(f"cannot read a catalogue from {source.name}: the suffix is .parquet, .geojson or .json")
    table = check_catalogue(read_file(source), source.name)
    return type_columns(pd.DataFrame(table.drop(columns="geometry")), table.geometry, table.attrs.get("altiflow"))


def _read_geojson(source: Path) -> gpd.GeoDataFrame:
    """Return the catalogue of a FeatureCollection."""
    try:
        mapping: Any = json.loads(source.read_text())
        rows = [
            {**feature["properties"], "geometry": feature["geometry"] and shape(feature["geometry"])}
            for feature in mapping["features"]
        ]
        lacking = {"granule", "product"} - set.intersection(*map(set, rows)) if rows else set()
        told = mapping.get("altiflow", {})
    except (ValueError, KeyError, TypeError, AttributeError, shapely.GEOSException) as error:
        told = f"{type(error).__name__}: {error}"
        raise UnsupportedFormatError(f"{source.name} is no catalogue in GeoJSON ({told})") from error
    if lacking:
        raise InputError(f"{source.name} lacks the column {', '.join(sorted(lacking))}; write_catalogue writes it")
    return build_catalogue(rows, told)


def read_addresses(path: str | Path) -> dict[str, str]:
    """Return the addresses in a file, with the checksum that the file of each must have, "" where it is not told.

    Parameters
    ----------
    path
        A catalogue or a table of image pairs (``.parquet``, ``.geojson``, ``.json``, ``.csv``), or a ``.txt`` file of
        one address a line; empty lines and those that begin with # are left out.

    Raises
    ------
    InputError
        If there is no such file, or it holds no address.
    UnsupportedFormatError
        If it cannot be read.
    """
    source = Path(path)
    if not source.is_file():
        raise InputError(f"there is no list of files at {source}")
    if source.suffix == ".txt":
        found = dict.fromkeys(_address_lines(source), "")
    elif source.suffix == ".parquet":
        found = table_addresses(read_file(source))
    else:
        found = table_addresses(_plain_table(source))
    if not found:
        raise InputError(f"{source.name} lists no file")
    return found


def _address_lines(source: Path) -> list[str]:
    """Return the lines of a list of addresses, without empty ones and remarks."""
    try:
        lines = [line.strip() for line in source.read_text(encoding="utf-8").splitlines()]
    except ValueError as error:
        raise UnsupportedFormatError(f"{source.name} is no list of addresses: {error}") from error
    found = [line for line in lines if line and not line.startswith("#")]
    if found and found[0].startswith("<"):
        raise UnsupportedFormatError(f"{source.name} is a web page and no list of addresses; get the list again")
    return found


def _plain_table(source: Path) -> pd.DataFrame:
    """Return the columns of a CSV or GeoJSON file as text."""
    try:
        if source.suffix == ".csv":
            return pd.read_csv(source, dtype=str)
        return pd.DataFrame([feature["properties"] for feature in json.loads(source.read_text())["features"]])
    except (ValueError, KeyError, TypeError) as error:
        told = f"{type(error).__name__}: {error}".strip()
        raise UnsupportedFormatError(f"{source.name} is no table of files ({told})") from error
