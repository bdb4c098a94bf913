"""Stretches: the rows along the beams that lie in a region, found with as few bytes as can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from altiflow.readers.icesat2.engines import Engine, Spans
from altiflow.region import Region

__all__ = ["Stretches", "Track", "find_stretches"]

Array = npt.NDArray[np.generic]

_LARGEST = 1e300
_GAP = 256
"""Rows between two stretches that are read rather than left out: fewer than a chunk of any product."""
_MOST = 16
"""Stretches of one beam at most: a track passes most regions a few times, and each is asked for by itself."""
_STEP = 2**18
"""Bytes that a step of its own must be able to spare: less time than the wait for another answer takes."""


@dataclass(frozen=True)
class Track:
    """Where a beam keeps its positions: paths of both, and the number of rows."""

    latitude: str
    longitude: str
    rows: int


@dataclass(frozen=True)
class Stretches:
    """What was found.

    Attributes
    ----------
    spans
        Spans of rows of each beam; every row in the region is in one of them.
    arrays
        Positions in those spans, by path.
    spent
        Bytes it took, where the engine tells them.
    """

    spans: dict[str, Spans] = field(default_factory=dict)
    arrays: dict[str, Array | None] = field(default_factory=dict)
    spent: int = 0


def find_stretches(engine: Engine, tracks: Mapping[str, Track], region: Region) -> Stretches:
    """Return the stretches of rows of each beam that lie in a region, and their positions.

    All latitudes are read first, and longitudes only in the stretches whose latitude is one of the region. No order
    along the track is relied on, so that no row is lost, whatever the file. Both are read at once where a step of
    its own could spare little.

    Parameters
    ----------
    engine
        The open granule.
    tracks
        Where each beam keeps its positions.
    region
        Where segments are wanted.
    """
    latitudes, longitudes = ([getattr(track, name) for track in tracks.values()] for name in ("latitude", "longitude"))
    together = not _pays(engine, latitudes, longitudes)
    first = latitudes + longitudes * together
    spent = engine.cost(first, thrift="few_bytes") or 0
    arrays = engine.read(first, thrift="few_bytes")
    likely = {beam: [(0, track.rows)] for beam, track in tracks.items()}
    if not together:
        likely = {beam: _spans(_in_band(arrays[track.latitude], region)) for beam, track in tracks.items()}
        rows = {track.longitude: likely[beam] for beam, track in tracks.items() if likely[beam]}
        spent += engine.cost(list(rows), rows, thrift="few_bytes") or 0
        arrays |= engine.read(list(rows), rows, thrift="few_bytes")
    found = Stretches(spent=spent)
    for beam, track in tracks.items():
        _keep(found, beam, track, arrays, likely[beam], region)
    return found


def _pays(engine: Engine, latitudes: list[str], longitudes: list[str]) -> bool:
    """Return whether a step for latitudes alone may spare enough; True where that is not known."""
    both = engine.cost(latitudes + longitudes, thrift="few_bytes")
    alone = engine.cost(latitudes, thrift="few_bytes")
    return both is None or alone is None or both - alone >= _STEP


def _in_band(latitude: Array | None, region: Region) -> npt.NDArray[np.intp]:
    """Return the rows whose latitude is one of the region."""
    lat = _degrees(latitude)
    near = np.zeros(lat.shape, dtype=bool)
    for _, south, _, north in region.bboxes:
        near |= (lat >= south) & (lat <= north)
    return np.flatnonzero(near)


def _keep(
    found: Stretches, beam: str, track: Track, arrays: Mapping[str, Array | None], likely: Spans, region: Region
) -> None:
    """Add the stretches of one beam, of rows whose longitude was read in the `likely` ones."""
    rows = _rows(likely)
    longitude, latitude = arrays.get(track.longitude), arrays[track.latitude]
    if latitude is None or (longitude is None and rows.size):  # pragma: no cover - their shapes were told
        return
    here = latitude[rows]
    lon = here[:0] if longitude is None else longitude
    spans = _spans(rows[region.contains(_degrees(lon), _degrees(here))])
    if not np.isin(_rows(spans), rows).all():
        # Of many stretches others were put together than before; no longitude was read between.
        spans = list(likely)
    kept = np.searchsorted(rows, _rows(spans))
    found.spans[beam] = spans
    found.arrays[track.latitude], found.arrays[track.longitude] = here[kept], lon[kept]


def _degrees(values: Array | None) -> npt.NDArray[np.float64]:
    """Return positions as floats, fill as NaN."""
    angles = np.asarray(values if values is not None else (), np.float64)
    return np.where(np.abs(angles) < _LARGEST, angles, np.nan)


def _spans(rows: npt.NDArray[np.intp]) -> list[tuple[int, int]]:
    """Return the stretches of these rows (n,), in order; those close together are one, as are the closest of many.

    Examples
    --------
    >>> _spans(np.array([5, 6, 200, 1000]))
    [(5, 201), (1000, 1001)]
    """
    if not rows.size:
        return []
    gaps = np.diff(rows)
    breaks = np.flatnonzero(gaps > _GAP)
    breaks = np.sort(breaks[np.argsort(-gaps[breaks], kind="stable")[: _MOST - 1]])
    firsts, lasts = rows[np.r_[0, breaks + 1]], rows[np.r_[breaks, rows.size - 1]] + 1
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))


def _rows(spans: Spans) -> npt.NDArray[np.intp]:
    """Return the rows of spans (n,)."""
    return np.concatenate([np.arange(0), *(np.arange(first, last) for first, last in spans)])
