"""Catalogues on disk: tables for programs and GIS, and plain lists of addresses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import shapely
from shapely.geometry import shape

from altiflow.errors import InputError, UnsupportedFormatError
from altiflow.readers.catalogue.pairs.files import CATALOGUE_SUFFIXES, write_rows
from altiflow.readers.catalogue.tables.columns import CATALOGUE_COLUMNS, build_catalogue, check_catalogue
from altiflow.readers.remote.addresses import table_addresses
from altiflow.readers.table import read_table

__all__ = ["read_catalogue", "write_catalogue"]

TIMES = ("start", "end")


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
    return write_rows(catalogue, target, times=TIMES, urls=urls)


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
    table = check_catalogue(read_table(source), source.name)
    again = build_catalogue(table[list(CATALOGUE_COLUMNS)].to_dict("records"), table.attrs.get("altiflow"))
    return again


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
        raise UnsupportedFormatError(f"{source.name} is no catalogue in GeoJSON: {error!r}") from error
    if lacking:
        raise InputError(f"{source.name} lacks the column {', '.join(sorted(lacking))}; write_catalogue writes it")
    return build_catalogue(rows, told)
