"""Gathering: all arrays of the beams asked for in one go, and of a region its rows only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from altiflow.readers.icesat2.engines import Engine, Rows, Spans
from altiflow.readers.icesat2.products import Layout
from altiflow.readers.icesat2.stretches import Track, find_stretches
from altiflow.region import Region

__all__ = ["Gathered", "gather_beams"]

Array = npt.NDArray[np.generic]

_SPARED = 2**18
"""Bytes that looking for the rows first must be able to spare: less time than the wait for another answer takes."""


@dataclass(frozen=True)
class Gathered:
    """What was read of a granule; it stands where the engine stood.

    Attributes
    ----------
    arrays
        Array of each path, None where the granule has no such data set.
    left_out
        Segments of each beam that lie outside the stretches in the region, and were not read.
    """

    arrays: dict[str, Array | None]
    left_out: dict[str, int] = field(default_factory=dict)

    def read(self, paths: Sequence[str]) -> dict[str, Array | None]:
        """Return the arrays as they were read."""
        return {path: self.arrays[path] for path in paths}


def gather_beams(engine: Engine, layout: Layout, beams: Sequence[str], region: Region | None) -> Gathered:
    """Return the arrays that the tables of these beams need.

    With a region, positions are read first, and of everything else along the segments only the stretches of rows in
    the region; everything at once where that brings no more bytes.

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
    shapes = engine.shapes(everything)
    tracks = _tracks(layout, beams, shapes)
    whole = engine.cost(everything)
    first = engine.cost([track.latitude for track in tracks.values()], thrift="few_bytes")
    if not tracks or (whole is not None and first is not None and whole - first < _SPARED):
        return Gathered(engine.read(everything))
    found = find_stretches(engine, tracks, region)
    rows: dict[str, Spans] = {}
    for beam, spans in found.spans.items():
        rows |= {path: spans for path in wanted[beam] if shapes[path] == (tracks[beam].rows,)}
    # An empty stretch is no reason to read sections.
    idle = {beam for beam, spans in found.spans.items() if not spans}
    rest = [path for path in everything if path not in found.arrays and path.split("/")[0] not in idle]
    arrays = _read_rest(engine, rest, {path: rows[path] for path in rest if path in rows}, whole, found.spent)
    left_out = {
        beam: tracks[beam].rows - sum(last - first for first, last in spans) for beam, spans in found.spans.items()
    }
    return Gathered(dict.fromkeys(everything) | arrays | found.arrays, left_out)


def _tracks(layout: Layout, beams: Sequence[str], shapes: Mapping[str, tuple[int, ...] | None]) -> dict[str, Track]:
    """Return where the beams keep their positions, of those that have as many of both."""
    tracks: dict[str, Track] = {}
    for beam in beams:
        latitude, longitude = (f"{beam}/{layout.paths[name]}" for name in ("latitude", "longitude"))
        shape = shapes[latitude]
        if shape is not None and len(shape) == 1 and shape == shapes[longitude]:
            tracks[beam] = Track(latitude, longitude, shape[0])
    return tracks


def _read_rest(
    engine: Engine, paths: Sequence[str], rows: Rows, whole: int | None, spent: int
) -> dict[str, Array | None]:
    """Return the arrays; gaps between chunks are read through only while all of it is less than the `whole`."""
    usual = engine.cost(paths, rows)
    tight = usual is not None and whole is not None and spent + usual > whole
    return engine.read(paths, rows, thrift="few_bytes" if tight else "few_requests")
