"""From a file to cells: what a granule takes from disk to gridded statistics, and what memory many of them take."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.candidates import CANDIDATES, Points
from benchmarks.remote.timing import ROOT
from benchmarks.remote.ways import BEAMS, LOCAL, Arrays, Place, missing

__all__ = ["CHAINS", "measure_chains", "memory_growth"]

CHAINS = (
    ("h5py", "numpy-bincount", "h5py, pyproj and four bincounts"),
    ("engine-h5py", "altiflow-numpy", "altiflow, engine h5py, numpy kernel"),
    ("engine-h5py", "altiflow-numba", "altiflow, engine h5py, numba kernel"),
    ("indexed", "altiflow-numpy", "altiflow, engine indexed with an index, numpy kernel"),
    ("indexed", "altiflow-numba", "altiflow, engine indexed with an index, numba kernel"),
    ("h5coro", "point-loop", "h5coro, GeoDataFrame, a loop over points"),
)
"""Way to read, candidate that grids, and what they are called; altiflow's grid beam by beam and merge."""


def beam_points(arrays: Arrays, beam: str) -> Points:
    """Return the segments of a beam that have a freeboard."""
    group = f"{beam}/freeboard_segment"
    height = arrays[f"{group}/beam_fb_height"]
    there = height < 1e30
    names = ("longitude", "latitude", "heights/height_segment_length_seg")
    return Points(*(arrays[f"{group}/{name}"][there] for name in names), height[there])


def grid_granule(arrays: Arrays, name: str) -> Any:
    """Return the cells of a granule by a candidate."""
    candidate = CANDIDATES[name]
    beams = [beam_points(arrays, beam) for beam in BEAMS]
    if name in ("altiflow-numpy", "altiflow-numba"):
        from altiflow.gridding.kernel import merge_cells

        found = [candidate.run(points) for points in beams]
        engine = "numba" if name == "altiflow-numba" else "numpy"
        return merge_cells([each.cell for each in found], [_states(each) for each in found], engine=engine)
    columns = ("longitude", "latitude", "length", "freeboard")
    whole = Points(*(np.concatenate([getattr(points, column) for points in beams]) for column in columns))
    return candidate.run(candidate.prepare(whole))


def _states(cells: Any) -> Any:
    """Return statistics of cells as states that can be merged."""
    from altiflow.gridding.kernel import STATE

    states = np.zeros(cells.cell.size, STATE)
    names = {"count": "count", "weight": "weight_sum", "mean": "mean", "m2": "m2"}
    for name, column in names.items():
        states[name] = getattr(cells, column)
    return states


def measure_chains(place: Place, runs: int) -> list[dict[str, Any]]:
    """Return the CPU time of a granule by every chain, which take turns; the loop over points runs once."""
    ways = {way.name: way for way in LOCAL}
    rows, chains = [], []
    for reader, name, title in CHAINS:
        row: dict[str, Any] = {"chain": title, "cpu": [], "skipped": ""}
        rows.append(row)
        way = ways[reader]
        absent = [*missing(way), *(need for need in CANDIDATES[name].needs if not _there(need))]
        if absent:
            row["skipped"] = f"not installed: {', '.join(absent)}"
            continue

        def work(way: Any = way, name: str = name) -> None:
            grid_granule(way.read(place), name)

        chains.append((row, work, 1 if name == "point-loop" else runs))
        if name != "point-loop":
            work()
    for turn in range(runs):
        for row, work, most in chains:
            if turn < most:
                row["cpu"].append(_cpu(work))
    return rows


def memory_growth(place: Place, count: int) -> float:
    """Return by how much the peak of resident memory grows from the first granule to the last of `count` [bytes].

    A process of its own finds it: the peak of this one is past.
    """
    command = [sys.executable, "-m", "benchmarks.remote.whole", str(place.path), str(place.index), str(count)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def main() -> None:
    """Print the growth."""
    path, index, count = sys.argv[1:]
    place = Place(Path(path), "", Path(index))
    way = next(each for each in LOCAL if each.name == "indexed")
    peaks = []
    for _ in range(int(count)):
        grid_granule(way.read(place), "altiflow-numpy")
        peaks.append(_peak())
    print(peaks[-1] - peaks[0])


def _peak() -> int:
    """Return the peak of resident memory of this process [bytes]; that of getrusage holds its parent's too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def _there(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module.partition(".")[0]) is not None


def _cpu(work: Callable[[], None]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
