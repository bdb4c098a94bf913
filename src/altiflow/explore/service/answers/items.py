"""Items: rows of a catalogue as STAC items, and catalogues as STAC collections."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import numpy as np
import shapely

from altiflow.explore.service.stores.query import read_shapes
from altiflow.explore.service.stores.store import COLUMNS

__all__ = ["COLLECTIONS", "ITEM_COLUMNS", "footprint_json", "make_collection", "make_item", "moment_text"]

STAC_VERSION = "1.0.0"
QUERYABLES_LINK = "http://www.opengis.net/def/rel/ogc/1.0/queryables"
COLLECTIONS = {"pairs": "itslive-granules", "granules": "icesat2-granules"}
"""Name of the collection of each kind of catalogue; that of pairs is the name that ITS_LIVE's own service has."""

ITEM_COLUMNS = {kind: (*columns, "address", "local", "wkb") for kind, columns in COLUMNS.items()}
"""Columns that an item is made of."""

_TITLES = {"pairs": "Image pairs of ice velocity", "granules": "Granules of altimetry"}
_TOLD_ELSEWHERE = ("granule", "url", "start", "end", "mid", "path", "url_https", "url_s3", "address", "local", "wkb")
_RENAMED = {"percent_valid": "percent_valid_pixels"}


def make_item(kind: str, row: Mapping[str, Any], root: str, *, show_path: bool = False) -> dict[str, Any]:
    """Return a row as a STAC item (version 1.0.0 of the specification).

    Parameters
    ----------
    kind
        "pairs" or "granules".
    row
        The columns ``ITEM_COLUMNS[kind]``.
    root
        Address of the service, without a slash at its end.
    show_path
        Whether a file that is on this machine alone is shown with its path.
    """
    address = row["address"] or (row["local"] if show_path else None)
    shape = None if row["wkb"] is None else read_shapes(row["wkb"])
    collection = COLLECTIONS[kind]
    here = f"{root}/collections/{collection}"
    item: dict[str, Any] = {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "stac_extensions": [],
        "id": row["granule"],
        "collection": collection,
        "geometry": footprint_json(shape),
        "properties": _properties(row),
        "assets": {} if address is None else {"data": _asset(address)},
        "links": [
            {"rel": "self", "href": f"{here}/items/{quote(row['granule'], safe='')}", "type": "application/geo+json"},
            {"rel": "collection", "href": here, "type": "application/json"},
            {"rel": "parent", "href": here, "type": "application/json"},
            {"rel": "root", "href": f"{root}/", "type": "application/json"},
        ],
    }
    if shape is not None and item["geometry"] is not None:
        item["bbox"] = list(shape.bounds)
    return item


def footprint_json(shape: Any) -> dict[str, Any] | None:
    """Return a footprint as GeoJSON; None where it has no corner, or one that is no number.

    Examples
    --------
    >>> footprint_json(shapely.Point(1, 2)), footprint_json(shapely.Polygon())
    ({'type': 'Point', 'coordinates': [1.0, 2.0]}, None)
    """
    if shape is None or shape.is_empty or not np.isfinite(shapely.get_coordinates(shape)).all():
        return None
    told: dict[str, Any] = json.loads(shapely.to_geojson(shape))
    return told


def _asset(address: str) -> dict[str, Any]:
    """Return where the data are."""
    kind = "application/x-netcdf" if address.endswith(".nc") else "application/x-hdf5"
    return {"href": address, "type": kind, "roles": ["data"]}


def _properties(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the other columns, those that tell nothing left out; the moment is the middle, or the start."""
    start, end = row["start"], row["end"] or row["start"]
    told = {
        _RENAMED.get(name, name): value
        for name, value in row.items()
        if name not in _TOLD_ELSEWHERE and value is not None and not (isinstance(value, float) and math.isinf(value))
    }
    if row.get("epsg") is not None:
        told["proj:code"] = f"EPSG:{row['epsg']}"
    if start is not None:
        told |= {"start_datetime": moment_text(start), "end_datetime": moment_text(end)}
    middle = row.get("mid") or start
    return {"datetime": None if middle is None else moment_text(middle), **told}


def moment_text(moment: datetime) -> str:
    """Return a moment (UTC) as RFC 3339 has it.

    Examples
    --------
    >>> moment_text(datetime(2019, 4, 20, 12, 30, 0, 500000))
    '2019-04-20T12:30:00.500000Z'
    """
    return f"{moment.isoformat()}Z"


def make_collection(kind: str, extent: Mapping[str, Any], root: str) -> dict[str, Any]:
    """Return a catalogue as a STAC collection; `extent` is that of its store."""
    name = COLLECTIONS[kind]
    here = f"{root}/collections/{name}"
    period = [None if extent[side] is None else moment_text(extent[side]) for side in ("start", "end")]
    return {
        "type": "Collection",
        "stac_version": STAC_VERSION,
        "id": name,
        "title": _TITLES[kind],
        "description": f"{_TITLES[kind]}, as the catalogue of this service lists them.",
        "license": "other",
        "extent": {
            "spatial": {"bbox": [extent["bbox"] or [-180.0, -90.0, 180.0, 90.0]]},
            "temporal": {"interval": [period]},
        },
        "links": [
            {"rel": "self", "href": here, "type": "application/json"},
            {"rel": "items", "href": f"{here}/items", "type": "application/geo+json"},
            {"rel": QUERYABLES_LINK, "href": f"{here}/queryables", "type": "application/schema+json"},
            {"rel": "root", "href": f"{root}/", "type": "application/json"},
            {"rel": "parent", "href": f"{root}/", "type": "application/json"},
        ],
    }
