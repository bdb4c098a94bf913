"""What only the inside of a granule tells: its ground track, its period, and how the spacecraft flew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import shapely

from altiflow.errors import CorruptGranuleError
from altiflow.readers.catalogue.tables.columns import Orientation
from altiflow.readers.hdf5 import check_hdf5
from altiflow.readers.icesat2.beams import BEAMS, PAIRS
from altiflow.readers.icesat2.products import DELTA_TIME_EPOCH
from altiflow.region import wrap_longitudes

__all__ = ["read_track"]

Floats = npt.NDArray[np.float64]

_GROUPS = (
    "freeboard_segment",
    "freeboard_beam_segment/beam_freeboard",
    "sea_ice_segments",
    "land_ice_segments",
    "",
)
"""Where segments lie below a beam, in ATL10, ATL10 before release 006, ATL07, ATL06 and ATL11."""
_STRIDE_DEGREES = 0.01
"""Latitude between two corners of a track that is kept; nearer ones are left out."""
_BREAK_DEGREES = 2.0
"""Latitude that two neighbouring segments are apart where the track is cut: nothing was measured between them."""
_ORIENTATIONS: dict[int, Orientation] = {0: "backward", 1: "forward", 2: "transition"}


def read_track(path: Path) -> dict[str, Any]:
    """Return the columns of a catalogue that a granule itself tells: start, end, orientation and geometry.

    The footprint is the ground tracks of all beams with segments, as lines whose corners are segments of the granule
    at least 0.01 degrees of latitude apart, cut where no segment is for 2 degrees and at the antimeridian; missing
    where the granule has no segment.

    Raises
    ------
    InputError, UnsupportedFormatError, CorruptGranuleError
        If the file is not there, no HDF5, or damaged.
    """
    check_hdf5(path)
    try:
        with h5py.File(path) as file:
            beams = [found for beam in (*BEAMS, *PAIRS) if beam in file and (found := _segments(file[beam]))]
            orientation = _orientation(file)
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise CorruptGranuleError(f"{path.name}: its segments cannot be read ({error}); download it again") from error
    lines = [line for longitude, latitude, _ in beams for line in _lines(longitude, latitude)]
    moments = np.concatenate([times for _, _, times in beams]) if beams else np.empty(0)
    first, last = (_moment(moments.min()), _moment(moments.max())) if moments.size else (None, None)
    geometry = shapely.union_all([wrap_longitudes(line) for line in lines]) if lines else None
    return {"start": first, "end": last, "orientation": orientation, "geometry": geometry}


def _segments(beam: h5py.Group) -> tuple[Floats, Floats, Floats] | None:
    """Return longitude, latitude [degrees] and delta_time [s] of the segments of a beam, in the order of the file."""
    for name in _GROUPS:
        group = beam.get(name) if name else beam
        if not isinstance(group, h5py.Group) or "latitude" not in group:
            continue
        longitude, latitude = (np.asarray(group[word], dtype=float) for word in ("longitude", "latitude"))
        times = np.asarray(group["delta_time"], dtype=float)
        real = np.isfinite(longitude) & (np.abs(longitude) <= 360.0) & (np.abs(latitude) <= 90.0)
        if times.ndim > 1:
            # Passes of many cycles: a point is there even where one of them is not.
            return longitude[real], latitude[real], times[np.isfinite(times) & (np.abs(times) < _FOREVER)]
        real &= np.isfinite(times) & (np.abs(times) < _FOREVER)
        return (longitude[real], latitude[real], times[real]) if real.any() else None
    return None


_FOREVER = 1e10
"""Seconds beyond which a time is a fill value."""


def _lines(longitude: Floats, latitude: Floats) -> list[shapely.LineString]:
    """Return the track of a beam, longitudes continuous."""
    pieces = np.split(np.arange(latitude.size), np.flatnonzero(np.abs(np.diff(latitude)) > _BREAK_DEGREES) + 1)
    lines = []
    for piece in pieces:
        lon, lat = np.unwrap(longitude[piece], period=360.0), latitude[piece]
        # Near the turning point of the orbit latitude hardly changes while longitude does.
        way = np.abs(np.diff(lat, prepend=lat[0])) + np.abs(np.diff(lon, prepend=lon[0])) * np.cos(np.radians(lat))
        step = np.floor(np.cumsum(way) / _STRIDE_DEGREES)
        keep = np.append(True, np.diff(step) > 0)
        keep[-1] = True
        corners = np.column_stack([lon[keep], lat[keep]])
        corners[:, 0] -= 360.0 * np.round(corners[0, 0] / 360.0)
        lines.append(shapely.LineString(corners if len(corners) > 1 else np.repeat(corners, 2, axis=0)))
    return lines


def _orientation(file: h5py.File) -> Orientation:
    """Return how the spacecraft flew."""
    if "orbit_info/sc_orient" not in file:
        return "unknown"
    values = {int(value) for value in np.atleast_1d(file["orbit_info/sc_orient"][()])}
    if len(values) > 1 and any(pair in file for pair in PAIRS):
        # Passes of many cycles: the spacecraft turned between them, not while it measured.
        return "unknown"
    return _ORIENTATIONS.get(values.pop(), "unknown") if len(values) == 1 else "transition"


def _moment(seconds: float) -> np.datetime64:
    """Return delta_time as a moment (UTC)."""
    return np.datetime64(DELTA_TIME_EPOCH, "us") + np.timedelta64(round(seconds * 1e6), "us")
