"""The search: which granules the archive has, as a table with a footprint each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import shapely

from altiflow.errors import EmptyDataError, InputError
from altiflow.readers.catalogue.archive.records import read_record
from altiflow.readers.catalogue.archive.service import Archive, Area, open_archive
from altiflow.readers.catalogue.moments import Moment, as_moment
from altiflow.readers.catalogue.tables.columns import build_catalogue
from altiflow.readers.catalogue.tables.newest import keep_newest
from altiflow.readers.remote.retries import Retries
from altiflow.region import Region, as_region

if TYPE_CHECKING:
    import earthaccess

__all__ = ["search_granules"]

_FIRST_DATA = datetime(2018, 10, 13)
"""First day of ICESat-2 science data."""
_RING_STEP = 0.5
"""Longest side [degrees] of a ring that is sent: the archive follows great circles, the region does not."""
_RING_CORNERS = 120
"""Most corners of a ring that is sent; more would not fit into the address of a request."""


def search_granules(
    product: str,
    *,
    region: Any,
    start: Moment,
    end: Moment,
    version: str = "latest",
    session: earthaccess.Auth | None = None,
    endpoint: str | None = None,
    timeout: float = 60.0,
    retries: Retries | None = None,
) -> gpd.GeoDataFrame:
    """Return the granules of a product that meet a region and a period, sorted by start.

    Parameters
    ----------
    product
        Short name, such as "ATL10" or "NSIDC-0776"; any product that the archive holds in the cloud. NSIDC-0116 is
        not searched for but found by year: :func:`find_motion`.
    region
        Anything :func:`altiflow.region.as_region` takes; None for everywhere. Polygons that are too long to
        send, or that reach a pole, are searched by their bounding boxes: more granules, never fewer
        (``attrs["altiflow"]["search"]["region_sent_as"]`` tells; :func:`filter_catalogue` with the same region
        leaves out footprints that do not meet it).
    start, end
        First and last moment (UTC); None leaves that side open. A day, month or year without a time of day
        ("2019-04-20", "2019-04", ``datetime.date``) is meant whole.
    version
        "latest" keeps, of each piece of each track, the highest version and its highest revision; "006"
        keeps that version only.
    session
        An authenticated ``earthaccess.Auth`` for restricted products; None searches anonymously. Nobody is
        ever logged in or asked for a password here.
    endpoint
        Root of another deployment of the search service, such as
        ``"https://cmr.uat.earthdata.nasa.gov/search/"``.
    timeout
        Longest wait for one answer, or for the next piece of it [s].
    retries
        How often, and how soon, the archive is asked again where it is busy; ``Retries()`` by default.

    Returns
    -------
    geopandas.GeoDataFrame
        A catalogue, one row per granule: granule, product, version, revision, start, end (datetime64[us], UTC),
        rgt, cycle, hemisphere, orientation ("unknown"), size_mb [2**20 bytes], checksum, url_https, url_s3,
        more_https, path (missing) and geometry (footprint, EPSG:4326, None where the archive tells none).
        ``attrs["altiflow"]`` holds what was asked, and how many granules a newer version or revision replaced
        (``superseded``).

    Raises
    ------
    InputError
        If an argument means nothing, or the archive has no such product or version.
    EmptyDataError
        If no granule meets the search.
    LoginError
        If the archive wants a login.
    SearchError
        If it cannot be reached or does not answer as it should.

    Notes
    -----
    Versions of a granule of a product whose names altiflow does not know cannot be told to belong together;
    "latest" then keeps the highest version found.

    Examples
    --------
    >>> search_granules("ATL10", region=(170, 60, -170, 72), start="2022-02", end="2022-01")
    Traceback (most recent call last):
    altiflow.errors.InputError: start 2022-02-01 00:00:00 is after end 2022-01-31 23:59:59
    """
    short_name = _check_product(product)
    where = None if region is None else as_region(region)
    first, last = as_moment(start, "start", last=False, unit="s"), as_moment(end, "end", last=True, unit="s")
    if first and last and first > last:
        raise InputError(f"start {first} is after end {last}")
    archive = open_archive(session, endpoint=endpoint, timeout=timeout, retries=retries)
    collections = _choose_collections(archive, short_name, version)
    records: dict[str, Mapping[str, Any]] = {}
    areas = _areas(where)
    for area in areas:
        records |= archive.find_granules(list(collections), area=area, start=first, end=last)
    asked = {
        "product": short_name,
        "version": version,
        "versions_searched": sorted(set(collections.values())),
        "region": None if where is None else where.to_dict(),
        "region_sent_as": areas[0][0] if areas[0] else None,
        "start": None if first is None else first.isoformat(),
        "end": None if last is None else last.isoformat(),
        "endpoint": archive.endpoint,
    }
    if not records:
        raise EmptyDataError(_explain_nothing(asked, where, last))
    rows = [_row(record, short_name, collections) for record in records.values()]
    kept = keep_newest(rows)
    told = {"product": short_name, "search": asked, "superseded": len(rows) - len(kept), "screens": {}}
    return build_catalogue(kept, told)


def _row(record: Mapping[str, Any], product: str, collections: Mapping[str, str]) -> dict[str, Any]:
    """Return the row of a record; product and version are those that were asked for where it does not tell them."""
    row = read_record(record)
    if row["product"] is None:
        held = record.get("meta", {}).get("collection-concept-id")
        row |= {"product": product, "version": collections.get(held)}
    return row


def _check_product(product: str) -> str:
    """Return the short name as the archive writes it."""
    if not isinstance(product, str) or not re.fullmatch(r"[A-Za-z0-9][\w.-]*", product.strip(), re.ASCII):
        raise InputError(f"product is a short name such as 'ATL10' or 'ATL06', got {product!r}")
    name = product.strip()
    return name.upper() if re.fullmatch(r"atl\d\d(ql)?", name, re.IGNORECASE) else name


def _choose_collections(archive: Archive, product: str, version: str) -> dict[str, str]:
    """Return the version of each collection to search, by concept id."""
    found = archive.find_versions(product)
    if not found:
        raise InputError(f"product {product!r}: the archive at {archive.endpoint} has none of that short name")
    if version == "latest":
        return found
    chosen = {key: told for key, told in found.items() if told.lstrip("0") == str(version).lstrip("0")}
    if not chosen:
        held = ", ".join(sorted(found.values()))
        raise InputError(f"version {version!r} of {product} is not in the archive; it has {held}")
    return chosen


def _areas(region: Region | None) -> list[Area | None]:
    """Return the areas to ask for one after the other; together they hold the region."""
    if region is None:
        return [None]
    parts = [shapely.Polygon(part.exterior) for part in shapely.get_parts(region.geometry)]
    rings = [shapely.segmentize(part.normalize(), _RING_STEP).reverse().exterior for part in parts]
    sendable = all(
        ring.is_ccw and len(ring.coords) <= _RING_CORNERS and max(abs(ring.bounds[1]), abs(ring.bounds[3])) < 90
        for ring in rings
    )
    boxes = all(part.equals(shapely.box(*part.bounds)) for part in parts)
    if boxes or not sendable or len(rings) > len(region.bboxes):
        return [("bounding_box", box) for box in region.bboxes]
    return [("polygon", tuple(ring.coords)) for ring in rings]


def _explain_nothing(asked: Mapping[str, Any], region: Region | None, last: datetime | None) -> str:
    """Return the message for a search without results."""
    text = (
        f"no granule of {asked['product']} (versions {', '.join(asked['versions_searched'])}) "
        f"from {asked['start'] or 'the beginning'} to {asked['end'] or 'now'} "
        f"in {'the whole world' if region is None else region}"
    )
    if last is not None and last < _FIRST_DATA and asked["product"].startswith("ATL"):
        return f"{text}; ICESat-2 data begin on {_FIRST_DATA:%Y-%m-%d}"
    hints = "widen the period or the region, and check the order (west, south, east, north)"
    if asked["version"] != "latest":
        hints += ", or try version='latest'"
    return f"{text}; {hints}"
