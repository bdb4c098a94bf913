"""From a file to cells: what a granule takes from disk to gridded statistics, and what memory many of them take."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.candidates import CANDIDATES, Points
from benchmarks.remote.ways import BEAMS, LOCAL, Arrays, Place, missing

__all__ = ["CHAINS", "measure_chains", "memory_growth"]

CHAINS = (
    ("h5py", "numpy-bincount", "h5py, pyproj and four bincounts"),
    ("engine-h5py", "altiflow-numpy", "altiflow, engine h5py, numpy kernel"),
    ("indexed", "altiflow-numpy", "altiflow, engine indexed with an index, numpy kernel"),
    ("indexed", "altiflow-numba", "altiflow, engine indexed with an index, numba kernel"),
    ("h5coro", "point-loop", "h5coro, GeoDataFrame, a loop over points"),
)
"""Way to read, candidate that grids, and what they are called."""


def points_of(arrays: Arrays) -> Points:
    """Return the segments that have a freeboard, of all beams."""
    parts = []
    for beam in BEAMS:
        group = f"{beam}/freeboard_segment"
        height = arrays[f"{group}/beam_fb_height"]
        there = height < 1e30
        names = ("longitude", "latitude", "heights/height_segment_length_seg")
        parts.append([arrays[f"{group}/{name}"][there] for name in names] + [height[there]])
    return Points(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def measure_chains(place: Place, runs: int) -> list[dict[str, Any]]:
    """Return the CPU time of a granule by every chain, which take turns; the loop over points runs once."""
    ways = {way.name: way for way in LOCAL}
    rows, chains = [], []
    for reader, name, title in CHAINS:
        row: dict[str, Any] = {"chain": title, "cpu": [], "skipped": ""}
        rows.append(row)
        candidate, way = CANDIDATES[name], ways[reader]
        absent = [*missing(way), *(need for need in candidate.needs if not _there(need))]
        if absent:
            row["skipped"] = f"not installed: {', '.join(absent)}"
            continue

        def work(way: Any = way, candidate: Any = candidate) -> None:
            candidate.run(candidate.prepare(points_of(way.read(place))))

        chains.append((row, work, 1 if name == "point-loop" else runs))
        if name != "point-loop":
            work()
    for turn in range(runs):
        for row, work, most in chains:
            if turn < most:
                row["cpu"].append(_cpu(work))
    return rows


def memory_growth(place: Place, count: int) -> float:
    """Return by how much the peak of resident memory grows from the first granule to the last of `count` [bytes]."""
    way = next(each for each in LOCAL if each.name == "indexed")
    candidate = CANDIDATES["altiflow-numpy"]
    first = 0
    for _ in range(count):
        candidate.run(candidate.prepare(points_of(way.read(place))))
        first = first or _peak()
    return float(_peak() - first)


def _there(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module.partition(".")[0]) is not None


def _cpu(work: Callable[[], None]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
