"""Pair catalogues on disk: tables for programs and GIS, and plain lists of addresses."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import geopandas as gpd
import pandas as pd

from altiflow.errors import InputError
from altiflow.files import whole_file
from altiflow.readers.catalogue.pairs.sources.items import place_path
from altiflow.readers.catalogue.pairs.table import check_pairs
from altiflow.readers.table import write_table

__all__ = ["CATALOGUE_SUFFIXES", "feature_collection", "write_pairs", "write_rows"]

CATALOGUE_SUFFIXES = (".parquet", ".geojson", ".json", ".csv", ".txt")


def write_pairs(pairs: gpd.GeoDataFrame, path: str | Path) -> Path:
    """Write a pair catalogue and return the path; the file appears whole or not at all.

    Parameters
    ----------
    pairs
        A pair catalogue.
    path
        ``.parquet`` (GeoParquet with the provenance; search_pairs takes it as source), ``.geojson`` or ``.json``
        (GeoJSON, likewise), ``.csv`` (footprints as WKT) or ``.txt`` (one address a line). In the first two, paths
        that are relative to the working directory become absolute, as in an index they start where it lies.

    Raises
    ------
    InputError
        If the table is no pair catalogue, or the suffix is another.
    """
    target = Path(path)
    check_pairs(pairs)
    if target.suffix not in CATALOGUE_SUFFIXES:
        raise InputError(f"cannot write pairs to {target.name}: the suffix is one of {', '.join(CATALOGUE_SUFFIXES)}")
    if target.suffix not in (".csv", ".txt"):
        urls = [
            place_path(url, granule, Path.cwd()) for url, granule in zip(pairs["url"], pairs["granule"], strict=True)
        ]
        pairs = pairs.assign(url=pd.Series(urls, index=pairs.index, dtype=pairs["url"].dtype))
    return write_rows(pairs, target, times=("start", "end", "mid"), urls=pairs["url"])


def write_rows(table: gpd.GeoDataFrame, target: Path, *, times: Sequence[str], urls: Iterable[str]) -> Path:
    """Write a catalogue in the format of the suffix and return the path.

    Parameters
    ----------
    table
        Its column granule names the features of GeoJSON.
    target
        ``.parquet``, ``.geojson``, ``.json``, ``.csv`` or ``.txt``.
    times
        Columns of moments.
    urls
        What a list of addresses holds.
    """
    if target.suffix == ".parquet":
        return write_table(table, target)
    with whole_file(target) as part:
        if target.suffix == ".txt":
            part.write_text("".join(f"{url}\n" for url in urls))
        elif target.suffix == ".csv":
            _plain(table, times).assign(geometry=table.geometry.to_wkt()).to_csv(part, index=False)
        else:
            part.write_text(json.dumps(feature_collection(table, times)))
    return target


def _plain(table: gpd.GeoDataFrame, times: Sequence[str]) -> pd.DataFrame:
    """Return the columns but the footprint, times as ISO 8601 text with every digit."""
    plain = pd.DataFrame(table.drop(columns="geometry"))
    for name in times:
        plain[name] = [None if pd.isna(moment) else f"{moment.isoformat()}Z" for moment in plain[name]]
    return plain


def feature_collection(table: gpd.GeoDataFrame, times: Sequence[str]) -> dict[str, object]:
    """Return a GeoJSON FeatureCollection, its provenance in a member of its own."""
    plain = _plain(table, times).astype(object)
    rows = plain.where(plain.notna(), None).to_dict("records")
    shapes = [None if shape is None else shape.__geo_interface__ for shape in table.geometry]
    features = [
        {"type": "Feature", "id": row.get("granule", number), "properties": row, "geometry": shape}
        for number, (row, shape) in enumerate(zip(rows, shapes, strict=True))
    ]
    return {"type": "FeatureCollection", "altiflow": table.attrs.get("altiflow", {}), "features": features}
