"""The search service of before: its parameters, and the answers it left on disks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import geopandas as gpd
import numpy as np
import shapely

from altiflow.errors import InputError, UnsupportedFormatError
from altiflow.readers.catalogue.pairs.request import PairSearch, make_search
from altiflow.readers.catalogue.pairs.table import pairs_from_names
from altiflow.region import Region, as_region, enclose_ring

__all__ = ["read_legacy_answer", "search_from_legacy"]

_SYNONYMS = {"min_interval": "min_separation", "max_interval": "max_separation"}
_FORMER = ("serialization", "compression")
"""How the service was to write its answer: without meaning here."""


def search_from_legacy(parameters: str | Mapping[str, Any], *, source: str | Path | None = None) -> PairSearch:
    """Return the search that parameters of the former ITS_LIVE search service ask for.

    Parameters
    ----------
    parameters
        A mapping, or the address that was asked: polygon ("lon,lat,lon,lat,..."), bbox ("west,south,east,north"),
        start, end, percent_valid_pixels, min_separation and max_separation (also min_interval and max_interval),
        mission, version; serialization and compression are taken and mean nothing.
    source
        Where to search, as in :func:`search_pairs`.

    Raises
    ------
    InputError
        If a parameter is not known, stands twice under two names, or means nothing.

    Notes
    -----
    No period is assumed, unlike by some clients of that service, which left the years before 2000 out.

    Examples
    --------
    >>> search = search_from_legacy({
    ...     "polygon": "-101.1555,-74.7387,-99.1172,-75.0879,-99.8797,-75.46,-102.425,-74.925,-101.1555,-74.7387",
    ...     "start": "1984-01-01", "end": "2020-01-01", "percent_valid_pixels": 40, "min_interval": 6,
    ... })
    >>> search.min_separation, search.end, [round(value, 2) for value in search.region.bounds]
    (6.0, '2020-01-01T23:59:59.999999', [-102.42, -75.46, -99.12, -74.74])
    """
    given = dict(parse_qsl(urlsplit(parameters).query)) if isinstance(parameters, str) else dict(parameters)
    values: dict[str, Any] = {}
    for key, value in given.items():
        name = _SYNONYMS.get(key, key)
        if value is None or value == "" or key in _FORMER:
            continue
        if name in values and values[name] != value:
            raise InputError(f"{key}={value!r} contradicts {name}={values[name]!r}; give one of them")
        values[name] = value
    places = {name: values.pop(name) for name in ("polygon", "bbox") if name in values}
    known = ("start", "end", "percent_valid_pixels", "min_separation", "max_separation", "mission", "version")
    unknown = [name for name in values if name not in known]
    if unknown:
        raise InputError(f"{', '.join(unknown)}: no such parameter; known are polygon, bbox, {', '.join(known)}")
    if len(places) > 1:
        raise InputError("polygon and bbox are both given; the former service took the one or the other")
    region = None if not places else _polygon(places["polygon"]) if "polygon" in places else _box(places["bbox"])
    return make_search(region=region, source=source, **values)


def _numbers(value: Any, argument: str) -> list[float]:
    """Return the numbers of a text, or of a list."""
    try:
        parts = value.split(",") if isinstance(value, str) else list(value)
        return [float(part) for part in parts]
    except (TypeError, ValueError):
        raise InputError(f"{argument} is numbers separated by commas, got {value!r}") from None


def _box(value: Any) -> Region:
    numbers = _numbers(value, "bbox")
    if len(numbers) != 4:
        raise InputError(f"bbox is west,south,east,north, got {len(numbers)} numbers")
    west, south, east, north = numbers
    # Clients of the service wrote corners in any order of latitude.
    return as_region((west, min(south, north), east, max(south, north)))


def _polygon(value: Any) -> Region:
    """Return the region of a ring of longitudes and latitudes; one that crosses the antimeridian is understood."""
    numbers = _numbers(value, "polygon")
    if len(numbers) < 6 or len(numbers) % 2:
        raise InputError(f"polygon is lon,lat of three corners or more, got {len(numbers)} numbers")
    lon, lat = np.asarray(numbers, dtype=float).reshape(-1, 2).T
    if not (np.isfinite(lon).all() and (np.abs(lat) <= 90).all()):
        raise InputError("polygon has latitudes outside -90 to 90; the order is lon,lat")
    if (lon[0], lat[0]) != (lon[-1], lat[-1]):
        lon, lat = np.append(lon, lon[0]), np.append(lat, lat[0])
    area = shapely.Polygon(np.column_stack([lon, lat]))
    if np.abs(np.diff(lon)).max() > 180.0:
        area = enclose_ring(lon, lat)
    return as_region(area)


def read_legacy_answer(answer: str | Path | Iterable[Any]) -> gpd.GeoDataFrame:
    """Return the pairs of an answer of the former search service as a pair catalogue.

    Parameters
    ----------
    answer
        A file, its text, or what JSON made of it: a list of addresses, or of objects with ``url``. Several answers
        in one file, written one after the other (``[...][...]``), are read as one.

    Returns
    -------
    geopandas.GeoDataFrame
        As of :func:`pairs_from_names`: without footprints; dates are those of the names.

    Raises
    ------
    InputError
        If it is no such answer, or an address is not of a pair.
    UnsupportedFormatError
        If a file is not JSON, or ends before it is complete.

    Examples
    --------
    >>> one = "LC08_L1GT_007011_20130819_20200912_02_T2_X_LC08_L1GT_007011_20140806_20200911_02_T2_G0120V02_P044.nc"
    >>> two = one.replace("P044", "P045").replace("20140806", "20140722")
    >>> len(read_legacy_answer(f'[{{"url": "https://host/{one}"}}][{{"url": "https://host/{two}"}}]'))
    2
    """
    if isinstance(answer, (str, Path)):
        text = str(answer)
        if isinstance(answer, Path) or not text.lstrip().startswith(("[", "{")):
            path = Path(answer)
            if not path.is_file():
                raise InputError(f"answer {text[:80]!r} is no file and no JSON")
            text = path.read_text()
        answer = _decode(text)
    return pairs_from_names([_address(entry) for entry in answer])


def _decode(text: str) -> list[Any]:
    """Return the entries of all JSON values that follow each other in a text."""
    decoder, place, entries = json.JSONDecoder(), 0, []
    while (found := re.compile(r"[\s,]*").match(text, place)) and (place := found.end()) < len(text):
        try:
            value, place = decoder.raw_decode(text, place)
        except ValueError as error:
            raise UnsupportedFormatError(
                f"the answer is not JSON, or not complete, from character {place} on: {text[place : place + 40]!r}"
            ) from error
        entries += value if isinstance(value, list) else [value]
    return entries


def _address(entry: Any) -> str:
    """Return the address in an entry."""
    url = entry.get("url") if isinstance(entry, Mapping) else entry
    if not isinstance(url, str) or not url:
        raise InputError(f"entry {str(entry)[:80]!r} of the answer has no address (url)")
    return url
