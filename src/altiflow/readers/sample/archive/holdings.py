"""What a local archive holds, and which of it a query means: records in the archive's own form (UMM-G)."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from altiflow.readers.catalogue.local import list_granules

__all__ = ["Holdings"]

Query = Mapping[str, Sequence[str]]
"""Values of each parameter of a query, as :func:`urllib.parse.parse_qs` gives them."""

_SWATH = 0.1
"""Footprints reach so far beyond the ground tracks [degrees]; the archive's outlines are generous too."""


class Holdings:
    """Granules of this machine as the records of an archive.

    Parameters
    ----------
    granules
        Files and folders, as :func:`list_granules` takes them; every version and revision is held.
    root
        Address below which their files are.
    """

    def __init__(self, granules: Any, root: str) -> None:
        table = list_granules(granules, version="all", footprints="read")
        self.files = {Path(path).name: Path(path) for path in table["path"]}
        self._table = table.set_geometry([_footprint(tracks) for tracks in table.geometry])
        self._root = root

    def collections(self, query: Query) -> list[dict[str, Any]]:
        """Return the collections of a short name, one per version."""
        versions = {(row.product, row.version) for row in self._table.itertuples()}
        return [
            {
                "meta": {"concept-id": _collection(product, version), "provider-id": "LOCAL"},
                "umm": {"ShortName": product, "Version": version},
            }
            for product, version in sorted(versions)
            if product in query.get("short_name", (product,))
        ]

    def granules(self, query: Query) -> list[dict[str, Any]]:
        """Return the records that meet the collections, the area and the period of a query, in order of time."""
        rows = self._table
        wanted = _values(query, "concept_id")
        if wanted:
            ids = [_collection(*pair) for pair in zip(rows["product"], rows["version"], strict=True)]
            rows = rows[[held in wanted for held in ids]]
        areas = [shapely.box(*_numbers(text)) for text in _values(query, "bounding_box")]
        areas += [shapely.Polygon(np.reshape(_numbers(text), (-1, 2))) for text in _values(query, "polygon")]
        for area in areas:
            rows = rows[rows.intersects(area)]
        for text in _values(query, "temporal"):
            first, last = text.split(",")
            if first:
                rows = rows[rows["end"].dt.tz_localize("UTC") >= pd.Timestamp(first)]
            if last:
                rows = rows[rows["start"].dt.tz_localize("UTC") <= pd.Timestamp(last)]
        return [self._record(row) for _, row in gpd.GeoDataFrame(rows).iterrows()]

    def _record(self, row: Any) -> dict[str, Any]:
        """Return the UMM-G record of a granule."""
        path = Path(row["path"])
        content = path.read_bytes()
        told = {
            "Name": path.name,
            "SizeInBytes": len(content),
            "Checksum": {"Value": hashlib.md5(content, usedforsecurity=False).hexdigest(), "Algorithm": "MD5"},
        }
        period = {"BeginningDateTime": f"{row['start'].isoformat()}Z", "EndingDateTime": f"{row['end'].isoformat()}Z"}
        outlines = [{"Boundary": {"Points": _points(part)}} for part in shapely.get_parts(row["geometry"])]
        return {
            "meta": {
                "concept-id": f"G{zlib.crc32(path.name.encode())}-LOCAL",
                "native-id": path.name,
                "provider-id": "LOCAL",
            },
            "umm": {
                "GranuleUR": path.name,
                "CollectionReference": {"ShortName": row["product"], "Version": row["version"]},
                "TemporalExtent": {"RangeDateTime": period},
                "SpatialExtent": {"HorizontalSpatialDomain": {"Geometry": {"GPolygons": outlines}}},
                "RelatedUrls": [{"URL": f"{self._root}/{path.name}", "Type": "GET DATA"}],
                "DataGranule": {
                    "Identifiers": [{"Identifier": path.name, "IdentifierType": "ProducerGranuleId"}],
                    "ArchiveAndDistributionInformation": [told],
                },
            },
        }


def _collection(product: str, version: str) -> str:
    """Return the concept id of a product's version."""
    return f"C{zlib.crc32(f'{product} {version}'.encode())}-LOCAL"


def _values(query: Query, name: str) -> Sequence[str]:
    """Return the values of a parameter, which may be written as a list."""
    return query.get(name) or query.get(f"{name}[]") or ()


def _numbers(text: str) -> list[float]:
    """Return numbers that are separated by commas."""
    return [float(part) for part in text.split(",")]


def _footprint(tracks: BaseGeometry | None) -> BaseGeometry | None:
    """Return the outline of ground tracks, without holes."""
    if tracks is None or tracks.is_empty:
        return None
    near = tracks.simplify(_SWATH / 10).buffer(_SWATH, quad_segs=4).simplify(_SWATH / 4)
    swath = near.intersection(shapely.box(-180, -90, 180, 90))
    return shapely.MultiPolygon([shapely.Polygon(part.exterior) for part in shapely.get_parts(swath)])


def _points(part: Any) -> list[dict[str, float]]:
    """Return the corners of a polygon, anticlockwise and closed, as UMM-G has them."""
    ring = shapely.geometry.polygon.orient(part).exterior.coords
    return [{"Longitude": longitude, "Latitude": latitude} for longitude, latitude in ring]
