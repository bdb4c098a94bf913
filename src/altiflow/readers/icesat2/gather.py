"""Gathering: all arrays of the beams asked for in one go, and of a region its rows only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from altiflow.readers.icesat2.engines import Engine
from altiflow.readers.icesat2.products import Layout
from altiflow.region import Region

__all__ = ["Gathered", "gather_beams"]

Array = npt.NDArray[np.generic]

_LARGEST = 1e300


@dataclass(frozen=True)
class Gathered:
    """What was read of a granule; it stands where the engine stood.

    Attributes
    ----------
    arrays
        Array of each path, None where the granule has no such data set.
    left_out
        Segments of each beam that lie before or behind all those in the region, and were not read.
    """

    arrays: dict[str, Array | None]
    left_out: dict[str, int] = field(default_factory=dict)

    def read(self, paths: Sequence[str]) -> dict[str, Array | None]:
        """Return the arrays as they were read."""
        return {path: self.arrays[path] for path in paths}


def gather_beams(engine: Engine, layout: Layout, beams: Sequence[str], region: Region | None) -> Gathered:
    """Return the arrays that the tables of these beams need.

    With a region, positions are read first, and of everything else along the segments only the rows from the first
    to the last segment in the region.

    Parameters
    ----------
    engine
        The open granule.
    layout
        Where it keeps its variables.
    beams
        Beams, or pairs of them.
    region
        Where segments are wanted; None for everywhere.
    """
    wanted = {beam: [f"{beam}/{path}" for path in layout.paths.values()] for beam in beams}
    sections = [f"{beam}/{path}" for beam in beams for path in layout.sections.values()]
    everything = [path for paths in wanted.values() for path in paths] + sections
    engine.expect(everything, ())
    if region is None or layout.cycles:
        return Gathered(engine.read(everything))
    places = {beam: tuple(f"{beam}/{layout.paths[name]}" for name in ("latitude", "longitude")) for beam in beams}
    arrays = engine.read([path for pair in places.values() for path in pair])
    spans = {beam: _span(arrays[pair[0]], arrays[pair[1]], region) for beam, pair in places.items()}
    shapes = engine.shapes(everything)
    rows: dict[str, tuple[int, int]] = {}
    left_out: dict[str, int] = {}
    for beam, span in spans.items():
        if span is None:
            continue
        first, last, count = span
        left_out[beam] = count - (last - first)
        rows |= {path: (first, last) for path in wanted[beam] if shapes[path] == (count,)}
        for path in places[beam]:
            values = arrays[path]
            arrays[path] = None if values is None else values[first:last]
    # An empty stretch is no reason to read sections.
    idle = {beam for beam, span in spans.items() if span is not None and span[0] == span[1]}
    rest = [path for path in everything if path not in arrays and path.split("/")[0] not in idle]
    found = engine.read(rest, {path: span for path, span in rows.items() if path in rest})
    return Gathered(dict.fromkeys(everything) | found | arrays, left_out)


def _span(latitude: Array | None, longitude: Array | None, region: Region) -> tuple[int, int, int] | None:
    """Return first row in the region, the one after the last, and the number of rows; None where it cannot be told."""
    if latitude is None or longitude is None or latitude.ndim != 1 or latitude.shape != longitude.shape:
        return None
    lat, lon = (np.where(np.abs(values) < _LARGEST, values, np.nan).astype(float) for values in (latitude, longitude))
    inside = np.flatnonzero(region.contains(lon, lat))
    return (int(inside[0]), int(inside[-1]) + 1, lat.size) if inside.size else (0, 0, lat.size)
