"""Pair catalogues on disk: tables for programs and GIS, and plain lists of addresses."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import pandas as pd

from altiflow.errors import InputError
from altiflow.files import whole_file
from altiflow.readers.catalogue.pairs.sources.items import place_path
from altiflow.readers.catalogue.pairs.table import check_pairs
from altiflow.readers.table import write_table

__all__ = ["write_pairs"]

_KINDS = (".parquet", ".geojson", ".json", ".csv", ".txt")


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
    if target.suffix not in _KINDS:
        raise InputError(f"cannot write pairs to {target.name}: the suffix is one of {', '.join(_KINDS)}")
    if target.suffix not in (".csv", ".txt"):
        urls = [
            place_path(url, granule, Path.cwd()) for url, granule in zip(pairs["url"], pairs["granule"], strict=True)
        ]
        pairs = pairs.assign(url=pd.Series(urls, index=pairs.index, dtype=pairs["url"].dtype))
    if target.suffix == ".parquet":
        return _write_parquet(pairs, target)
    with whole_file(target) as part:
        if target.suffix == ".txt":
            part.write_text("".join(f"{url}\n" for url in pairs["url"]))
        elif target.suffix == ".csv":
            _plain(pairs).assign(geometry=pairs.geometry.to_wkt()).to_csv(part, index=False)
        else:
            part.write_text(json.dumps(_collection(pairs)))
    return target


def _write_parquet(pairs: gpd.GeoDataFrame, target: Path) -> Path:
    """Write GeoParquet; where footprints are missing, without the boxes that need all of them."""
    if len(pairs) and not pairs.geometry.isna().any():
        return write_table(pairs, target)
    bare = pairs.copy()
    bare.attrs = {}
    with whole_file(target) as part:
        bare.to_parquet(part)
    return target


def _plain(pairs: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return the columns but the footprint, times as ISO 8601 text with every digit."""
    plain = pd.DataFrame(pairs.drop(columns="geometry"))
    for name in ("start", "end", "mid"):
        plain[name] = plain[name].map(lambda moment: moment.isoformat() + "Z")
    return plain


def _collection(pairs: gpd.GeoDataFrame) -> dict[str, object]:
    """Return a GeoJSON FeatureCollection, its provenance in a member of its own."""
    plain = _plain(pairs).astype(object)
    rows = plain.where(plain.notna(), None).to_dict("records")
    shapes = [None if shape is None else shape.__geo_interface__ for shape in pairs.geometry]
    features = [
        {"type": "Feature", "id": row["granule"], "properties": row, "geometry": shape}
        for row, shape in zip(rows, shapes, strict=True)
    ]
    return {"type": "FeatureCollection", "altiflow": pairs.attrs.get("altiflow", {}), "features": features}
