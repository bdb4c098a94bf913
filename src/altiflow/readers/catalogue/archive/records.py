"""Granule records: one UMM-G record of the archive as one row of a search result."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from altiflow.errors import SearchError
from altiflow.readers.catalogue.names import name_columns
from altiflow.readers.remote.ranges.web import LOOPBACK
from altiflow.region import enclose_ring, wrap_longitudes

__all__ = ["read_record"]

_UNIT_BYTES = {"B": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30, "TB": 2**40}
"""Bytes in a size unit of UMM-G; the archive's ingest system divides by powers of 1024."""
_ALGORITHMS = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-512": "sha512"}
"""Algorithms of UMM-G whose checksums can be compared, under the names Python gives them."""
_DATA_FILE = re.compile(r"\.(h5|hdf5|nc|nc4|he5|hdf|tif)$", re.IGNORECASE)


def read_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of a UMM-G record.

    Parameters
    ----------
    record
        One item of a ``granules.umm_json`` answer, with ``meta`` and ``umm``.

    Returns
    -------
    dict
        Columns of a catalogue, times as ISO 8601 text; None where the record is silent.

    Raises
    ------
    SearchError
        If the record lacks what UMM-G demands.
    """
    try:
        umm = record["umm"]
        name = _file_name(umm)
        start, end = _period(umm.get("TemporalExtent", {}))
        files = umm.get("DataGranule", {}).get("ArchiveAndDistributionInformation", [])
        https, s3 = (_links(umm.get("RelatedUrls", []), scheme) for scheme in ("https", "s3"))
        named = name_columns(name)
        return {
            "granule": _DATA_FILE.sub("", name),
            **_collection(umm["CollectionReference"]),
            **named,
            "start": start or named.get("start"),
            "end": end,
            "size_mb": _size(files, name),
            "checksum": _checksum(files, name),
            "url_https": next(iter(https), None),
            "url_s3": next(iter(s3), None),
            "more_https": " ".join(https[1:]) or None,
            "geometry": _footprint(umm.get("SpatialExtent", {}).get("HorizontalSpatialDomain", {})),
        }
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, shapely.GEOSException) as error:
        where = record.get("meta", {}).get("concept-id", "without an id")
        raise SearchError(f"granule record {where} is not in the UMM-G form: {error!r}") from error


def _file_name(umm: Mapping[str, Any]) -> str:
    """Return the file name: the producer's where it is told, as older records are named otherwise."""
    identifiers = umm.get("DataGranule", {}).get("Identifiers", [])
    told = {item["IdentifierType"]: item["Identifier"] for item in identifiers}
    return str(told.get("ProducerGranuleId") or umm["GranuleUR"])


def _collection(told: Mapping[str, Any]) -> dict[str, str | None]:
    """Return product and version, None where the collection is told by its title alone, as UMM-G allows."""
    if "EntryTitle" in told:
        return {"product": None, "version": None}
    return {"product": str(told["ShortName"]), "version": str(told["Version"])}


def _period(extent: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return the first and last moment, ISO 8601; None where the record tells none, as UMM-G allows."""
    if not extent:
        return None, None
    if "SingleDateTime" in extent:
        return extent["SingleDateTime"], extent["SingleDateTime"]
    both = extent["RangeDateTime"]
    return both["BeginningDateTime"], both.get("EndingDateTime", both["BeginningDateTime"])


def _size(files: Iterable[Mapping[str, Any]], name: str) -> float | None:
    """Return the size [2**20 bytes] of the data file, or of all files if none has its name."""
    known = [(str(item.get("Name", "")), size) for item in files if (size := _file_size(item)) is not None]
    own = [size for file, size in known if file == name]
    return sum(own or [size for _, size in known]) if known else None


def _file_size(item: Mapping[str, Any]) -> float | None:
    """Return the size [2**20 bytes] of one file, None if the record is silent."""
    if "SizeInBytes" in item:
        return float(item["SizeInBytes"]) / 2**20
    unit = _UNIT_BYTES.get(str(item.get("SizeUnit", "")).upper())
    return float(item["Size"]) * unit / 2**20 if unit and "Size" in item else None


def _checksum(files: Iterable[Mapping[str, Any]], name: str) -> str | None:
    """Return the checksum of the data file as "algorithm:digits", None where it is not told."""
    for item in files:
        told = item.get("Checksum")
        algorithm = _ALGORITHMS.get(str(told.get("Algorithm", "")).upper()) if told else None
        if told and algorithm and item.get("Name") == name:
            return f"{algorithm}:{str(told['Value']).lower()}"
    return None


def _links(links: Iterable[Mapping[str, Any]], scheme: str) -> list[str]:
    """Return the addresses of the data files with `scheme`, each file once."""
    wanted = {"GET DATA", "GET DATA VIA DIRECT ACCESS"}
    told = [str(link["URL"]) for link in links if link.get("Type") in wanted]
    found = [url for url in told if url.startswith(f"{scheme}://") or (scheme == "https" and _is_here(url))]
    # Check sums and metadata are sometimes listed as data too.
    files = [url for url in found if _DATA_FILE.search(url)]
    once: dict[str, str] = {}
    for url in files:
        once.setdefault(url.rpartition("/")[2], url)
    return list(once.values()) or found[:1]


def _is_here(url: str) -> bool:
    """Return whether an address is of this machine, where nobody reads along: a local archive has no https."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname in LOOPBACK


def _footprint(domain: Mapping[str, Any]) -> BaseGeometry | None:
    """Return the footprint, longitudes -180 to 180, cut at the antimeridian; None if there is no outline."""
    geometry = domain.get("Geometry", {})
    shapes = [_polygon(item) for item in geometry.get("GPolygons", [])]
    shapes += [_rectangle(item) for item in geometry.get("BoundingRectangles", [])]
    shapes = shapes or [_line(item) for item in geometry.get("Lines", [])]
    shapes = shapes or [shapely.Point(p["Longitude"], p["Latitude"]) for p in geometry.get("Points", [])]
    joined = shapely.union_all(shapes)
    return None if joined.is_empty else joined


def _corners(points: Iterable[Mapping[str, float]]) -> npt.NDArray[np.float64]:
    """Return longitudes and latitudes, (2, n) [degrees]."""
    return np.array([(point["Longitude"], point["Latitude"]) for point in points], dtype=float).T


def _polygon(item: Mapping[str, Any]) -> BaseGeometry:
    """Return a GPolygon without its exclusive zones."""
    outer = enclose_ring(*_corners(item["Boundary"]["Points"]))
    zones = item.get("ExclusiveZone", {}).get("Boundaries", [])
    holes = [enclose_ring(*_corners(zone["Points"])) for zone in zones]
    return shapely.difference(outer, shapely.union_all(holes)) if holes else outer


def _rectangle(item: Mapping[str, float]) -> BaseGeometry:
    """Return a bounding rectangle; west above east crosses the antimeridian."""
    west, east = item["WestBoundingCoordinate"], item["EastBoundingCoordinate"]
    south, north = item["SouthBoundingCoordinate"], item["NorthBoundingCoordinate"]
    return wrap_longitudes(shapely.box(west, south, east + 360.0 * (east < west), north))


def _line(item: Mapping[str, Any]) -> BaseGeometry:
    """Return a ground track."""
    longitude, latitude = _corners(item["Points"])
    return wrap_longitudes(shapely.LineString(np.column_stack([np.unwrap(longitude, period=360.0), latitude])))
