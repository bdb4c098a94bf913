"""Reading a granule of full size over a network that waits: altiflow's engines beside what people use today."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import requests

from altiflow.readers.icesat2.engines import open_engine
from altiflow.readers.remote.ranges import RemoteAccess, Sources, coalesce
from benchmarks.full_granule import NAME, write_full_granule

__all__ = ["WAYS", "main"]

BEAMS = ("gt1l", "gt2l", "gt3l")
VARIABLES = (
    "latitude",
    "longitude",
    "delta_time",
    "beam_fb_height",
    "beam_fb_quality_flag",
    "heights/height_segment_length_seg",
    "heights/height_segment_type",
)
PATHS = [f"{beam}/freeboard_segment/{name}" for beam in BEAMS for name in VARIABLES]
Arrays = dict[str, np.ndarray]


def with_engine(url: str, engine: Any, index: Path | None) -> Arrays:
    """Return the arrays by one of altiflow's engines."""
    sources = Sources(RemoteAccess(index=index))
    with open_engine(url, engine, sources=sources) as granule:
        found = granule.read(PATHS)
    sources.close()
    return {path: values for path, values in found.items() if values is not None}


def with_h5coro(url: str, index: Path | None) -> Arrays:
    """Return them by h5coro and its own HTTP driver."""
    from h5coro.h5coro import H5Coro
    from h5coro.webdriver import HTTPDriver

    with H5Coro(url, HTTPDriver, credentials={}) as file:
        promise = file.readDatasets(list(PATHS), block=True)
        return {path: promise[path] for path in PATHS}


def with_fsspec(url: str, index: Path | None) -> Arrays:
    """Return them by h5py on fsspec's HTTP file, as it comes."""
    import fsspec

    with fsspec.filesystem("http", skip_instance_cache=True).open(url) as remote, h5py.File(remote) as file:
        return {path: file[path][()] for path in PATHS}


WAYS: dict[str, Callable[[str, Path | None], Arrays]] = {
    "indexed, index kept": lambda url, index: with_engine(url, "indexed", index),
    "indexed, cold": lambda url, index: with_engine(url, "indexed", None),
    "h5coro engine": lambda url, index: with_engine(url, "h5coro", None),
    "h5py engine": lambda url, index: with_engine(url, "h5py", None),
    "h5coro's HTTPDriver": with_h5coro,
    "h5py + fsspec": with_fsspec,
}


def stored_bytes(path: Path) -> tuple[int, int]:
    """Return stored bytes of what is read, and the extents they lie in, from h5py's own chunk table."""
    starts, sizes = [], []
    with h5py.File(path) as file:
        for name in PATHS:
            node = file[name].id
            for number in range(node.get_num_chunks()):
                chunk = node.get_chunk_info(number)
                starts.append(chunk.byte_offset)
                sizes.append(chunk.size)
    return sum(sizes), len(coalesce(starts, sizes))


def measure(base: str, kind: str, waits: list[float], runs: int, index: Path) -> list[dict[str, Any]]:
    """Return requests, bytes and times of every way; all answers are compared with those of h5py."""
    url, rows = f"{base}/{kind}/{NAME}", []
    expected: Arrays = {}
    for name, way in WAYS.items():
        row: dict[str, Any] = {"file": kind, "way": name}
        way(url, index)
        for wait in waits:
            requests.get(f"{base}/wait/{wait}", timeout=10)
            times, cpu = [], []
            for _ in range(runs):
                requests.get(f"{base}/counts", timeout=10)
                start, used = time.perf_counter(), time.process_time()
                found = way(url, index)
                times.append(time.perf_counter() - start)
                cpu.append(time.process_time() - used)
                row |= requests.get(f"{base}/counts", timeout=10).json()
            row[f"wall_{wait * 1000:.0f}ms"], row["cpu"] = min(times), min(cpu)
        expected = expected or found
        row["same"] = all(np.array_equal(found[path], expected[path]) for path in PATHS)
        rows.append(row)
        print(json.dumps(row), flush=True)
    return rows


def many(base: str, wait: float, count: int, index: Path) -> dict[str, float]:
    """Return the times of `count` granules at once in 16 threads, by altiflow with an index and by h5coro."""
    requests.get(f"{base}/wait/{wait}", timeout=10)
    url, told = f"{base}/plain/{NAME}", {}
    for name in ("indexed, index kept", "h5coro's HTTPDriver"):
        start = time.perf_counter()
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda _, way=WAYS[name]: way(url, index), range(count)))
        told[name] = time.perf_counter() - start
    return told


def main() -> None:
    """Make the granules, serve them, read them every way, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=float, default=1e5, help="segments in a strong beam")
    parser.add_argument("--waits", type=float, nargs="*", default=[0.0, 0.03, 0.1], help="latency [s]")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--granules", type=int, default=0, help="granules at once, besides")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "altiflow-remote")
    told = parser.parse_args()
    for kind in ("plain", "paged"):
        path = told.folder / kind / NAME
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            write_full_granule(path, rows=int(told.rows), paged=kind == "paged")
        needed, extents = stored_bytes(path)
        print(f"{kind}: {path.stat().st_size / 1e6:.1f} MB, needed {needed / 1e6:.2f} MB in {extents} extents")
    command = [sys.executable, "-m", "benchmarks.range_server", str(told.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server, tempfile.TemporaryDirectory() as index:
        try:
            assert server.stdout is not None
            base = f"http://127.0.0.1:{int(server.stdout.readline())}"
            for kind in ("plain", "paged"):
                measure(base, kind, told.waits, told.runs, Path(index))
            if told.granules:
                print(json.dumps(many(base, 0.03, told.granules, Path(index))))
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
