"""What each way takes: one granule over a network that waits, many at once, and one from disk."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import requests

from benchmarks.remote.ways import LOCAL, WAYS, Arrays, Place, Way, missing

__all__ = ["ROOT", "load_fast", "many", "measure_local", "measure_remote", "serving"]

ROOT = Path(__file__).resolve().parents[2]
DEAR = 4.0
"""A way that took longer is not run again at this wait [s]."""
Row = dict[str, Any]


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Yield the address of a server of the files in a folder; S3 clients are told that it is their endpoint."""
    command = [sys.executable, "-m", "benchmarks.remote.server", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        try:
            assert server.stdout is not None
            address = f"http://127.0.0.1:{int(server.stdout.readline())}"
            os.environ |= {"AWS_ENDPOINT_URL": address, "AWS_DEFAULT_REGION": "us-west-2", "NO_PROXY": "127.0.0.1"}
            yield address
        finally:
            server.terminate()


def load_fast() -> None:
    """Load what the extra ``fast`` brings, where it is installed, as whoever grids has it loaded."""
    for module in ("numba", "deflate"):
        if find_spec(module) is not None:
            import_module(module)


def tell(address: str, what: str) -> Any:
    """Return the server's counts, which begin anew, after telling it something."""
    return requests.get(f"{address}/{what}", timeout=30).json()


def measure_remote(place: Place, waits: Sequence[float], runs: int, ways: Sequence[Way] = WAYS) -> list[Row]:
    """Return counts and times of every way, which take turns; all answers are compared with h5py's."""
    expected = next(way for way in LOCAL if way.name == "h5py").read(place)
    rows = []
    for way in ways:
        row: Row = {"file": place.path.parent.name, "way": way.name, "wall": {}, "cpu": {}, "skipped": ""}
        rows.append(row)
        if absent := missing(way):
            row["skipped"] = f"not installed: {', '.join(absent)}"
            print(f"{way.name}: skipped, {row['skipped']}", flush=True)
            continue
        tell(place.endpoint, "wait/0")
        row["same"] = _same(way.read(place), expected)
    there = [(way, row) for way, row in zip(ways, rows, strict=True) if not row["skipped"]]
    for wait in waits:
        tell(place.endpoint, f"wait/{wait}")
        for _ in range(runs):
            for way, row in there:
                if row["wall"].get(wait, 0.0) < DEAR:
                    _run_once(place, way, row, wait)
    tell(place.endpoint, "wait/0")
    return rows


def _run_once(place: Place, way: Way, row: Row, wait: float) -> None:
    """Enter one run: the best times, and the counts of the server."""
    tell(place.endpoint, "counts")
    wall, cpu, _ = _timed(lambda: way.read(place))
    row |= tell(place.endpoint, "counts")
    row["wall"][wait] = min(wall, row["wall"].get(wait, wall))
    row["cpu"][wait] = min(cpu, row["cpu"].get(wait, cpu))


def _timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Return wall and CPU time of all threads [s], and what came of it."""
    start, used = time.perf_counter(), time.process_time()
    found = work()
    return time.perf_counter() - start, time.process_time() - used, found


def _same(found: Arrays, expected: Arrays) -> bool:
    """Return whether values and types are the same to the bit."""
    types = all(path in found and np.asarray(found[path]).dtype == each.dtype for path, each in expected.items())
    return types and all(np.asarray(found[path]).tobytes() == each.tobytes() for path, each in expected.items())


def measure_local(place: Place, runs: int) -> list[Row]:
    """Return CPU times of every way from disk, which take turns."""
    expected: Arrays = {}
    rows = []
    for way in LOCAL:
        row: Row = {"file": place.path.parent.name, "way": way.name, "cpu": [], "wall": [], "skipped": ""}
        rows.append(row)
        if absent := missing(way):
            row["skipped"] = f"not installed: {', '.join(absent)}"
            continue
        way.read(place)
    there = [(way, row) for way, row in zip(LOCAL, rows, strict=True) if not row["skipped"]]
    expected = next(way for way, _ in there if way.name == "h5py").read(place)
    for _ in range(runs):
        for way, row in there:
            wall, cpu, found = _timed(lambda way=way: way.read(place))  # type: ignore[misc]
            row["wall"].append(wall)
            row["cpu"].append(cpu)
            row["same"] = row.get("same", True) and _same(found, expected)
    return rows


def many(place: Place, way: Way, count: int, limit: float) -> Row:
    """Return the time of `count` granules in 16 threads, in a process that is stopped after `limit` [s]."""
    row: Row = {"file": place.path.parent.name, "way": way.name, "skipped": ""}
    if absent := missing(way):
        return row | {"skipped": f"not installed: {', '.join(absent)}"}
    command = [sys.executable, "-m", "benchmarks.remote.timing", way.name, str(place.path), place.url, str(place.index)]
    tell(place.endpoint, "counts")
    try:
        done = subprocess.run(
            [*command, str(count)], cwd=ROOT, capture_output=True, text=True, timeout=limit, check=False
        )
    except subprocess.TimeoutExpired:
        return row | {"skipped": f"stopped after {limit:.0f} s"}
    if done.returncode:
        return row | {"skipped": f"failed: {done.stderr.strip().splitlines()[-1][:160]}"}
    return row | json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Read so many granules at once by one way and print the times."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    for name in ("way", "path", "url", "index", "count"):
        parser.add_argument(name)
    told = parser.parse_args()
    load_fast()
    place = Place(Path(told.path), told.url, Path(told.index))
    way = next(each for each in WAYS if each.name == told.way)
    expected = next(each for each in LOCAL if each.name == "h5py").read(place)
    # Modules are imported, and indexes made, before the clock starts; connections are not open yet.
    way.read(place)
    row: Row = {"same": True}
    for _ in range(3):
        place.shared.clear()
        tell(place.endpoint, "counts")
        with ThreadPoolExecutor(16) as pool:
            wall, cpu, found = _timed(lambda: list(pool.map(lambda _: way.read(place), range(int(told.count)))))
        row |= tell(place.endpoint, "counts")
        row |= {"wall": min(wall, row.get("wall", wall)), "cpu": min(cpu, row.get("cpu", cpu))}
        row["same"] &= all(_same(each, expected) for each in found)
        if wall > DEAR:
            break
    print(json.dumps(row), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
