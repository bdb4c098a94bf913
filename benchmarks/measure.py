"""One candidate in a process of its own: CPU time, wall time and peak memory above its inputs."""

from __future__ import annotations

import argparse
import ctypes
import gc
import importlib
import json
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.candidates import CANDIDATES, Candidate, Cells, Points
from benchmarks.synthetic import load_tracks

__all__ = ["Measured", "cpu_seconds", "load_cells", "load_points", "measure", "peak_rise", "pooled", "time_runs"]

WARM_UP = 100_000
"""Segments of the run that loads libraries and compiled code, before anything is measured."""
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Measured:
    """What one candidate took on `size` segments.

    Attributes
    ----------
    cpu, wall
        CPU time (user and system, all threads) and wall time of each run [s].
    peak
        Peak resident memory of the first whole run above what was resident before it [bytes].
    peak_from
        How `peak` was taken: "kernel" (the kernel's own high-water mark, reset before the run) or "sampled".
    state_bytes
        Bytes of the answer for each occupied cell, where the candidate keeps an answer of arrays.
    problem
        Why there is nothing; "" otherwise.
    """

    name: str
    size: int
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    peak: int | None = None
    peak_from: str = ""
    state_bytes: float | None = None
    problem: str = ""

    @property
    def seconds(self) -> float:
        """Median CPU time [s]; NaN where there is none."""
        return median(self.cpu) if self.cpu else float("nan")


def measure(name: str, folder: Path, size: int, *, runs: int, limit: float, answer: Path | None = None) -> Measured:
    """Return what candidate `name` takes, from a fresh interpreter; `answer` is where its cells are written."""
    missing = _missing(CANDIDATES[name])
    if missing:
        return Measured(name, size, problem=f"not installed: {', '.join(missing)}")
    command = [sys.executable, "-m", "benchmarks.measure", name, str(folder), str(size), "--runs", str(runs)]
    if answer is not None:
        command += ["--answer", str(answer)]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return Measured(name, size, problem=f"stopped after {limit:.0f} s")
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"ended with code {done.returncode}"]
        return Measured(name, size, problem=f"failed: {lines[-1][:160]}")
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def pooled(first: Measured, second: Measured) -> Measured:
    """Return the runs of both processes as one measurement; the second's problem, if it has one."""
    if second.problem:
        return second
    peak = max(first.peak or 0, second.peak or 0)
    return replace(first, cpu=first.cpu + second.cpu, wall=first.wall + second.wall, peak=peak)


def _missing(candidate: Candidate) -> list[str]:
    """Return the modules a candidate needs that are not there."""
    missing = []
    for module in candidate.needs:
        try:
            found = find_spec(module)
        except ModuleNotFoundError:
            found = None
        if found is None:
            missing.append(module)
    return missing


def load_points(folder: Path, size: int) -> Points:
    """Return the first `size` segments of the tracks in `folder`."""
    tracks = load_tracks(folder, size)
    names = ("longitude", "latitude", "segment_length", "freeboard")
    return Points(*(tracks[name] for name in names))


def load_cells(path: Path) -> Cells:
    """Return cells written by a candidate's process."""
    with np.load(path) as found:
        return Cells(**{name: found[name] for name in found.files})


def cpu_seconds() -> float:
    """Return CPU time of this process, all its threads, and its ended children, so far [s]."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def time_runs(work: Callable[[], Any], runs: int) -> tuple[list[float], list[float]]:
    """Return CPU and wall time of each of `runs` calls [s]."""
    cpu, wall = [], []
    for _ in range(runs):
        gc.collect()
        before, start = cpu_seconds(), time.perf_counter()
        found = work()
        wall.append(time.perf_counter() - start)
        cpu.append(cpu_seconds() - before)
        del found
    return cpu, wall


def peak_rise(work: Callable[[], Any]) -> tuple[Any, int, str]:
    """Return what `work` returns, its peak resident memory above that before [bytes], and how that was taken."""
    gc.collect()
    _trim()
    try:
        Path("/proc/self/clear_refs").write_text("5")
        before = _status("VmHWM")
        found = work()
        return found, max(_status("VmHWM") - before, 0), "kernel"
    except OSError:
        return _sampled_rise(work)


def _status(name: str) -> int:
    """Return a size from this process's status [bytes]."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"no {name} here")


def _sampled_rise(work: Callable[[], Any]) -> tuple[Any, int, str]:
    """Return the same from a thread that looks every 2 ms."""
    import psutil

    process, ended = psutil.Process(), threading.Event()
    before = peak = process.memory_info().rss

    def look() -> None:
        nonlocal peak
        while not ended.wait(0.002):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        found = work()
        peak = max(peak, process.memory_info().rss)
    finally:
        ended.set()
        watcher.join()
    return found, peak - before, "sampled"


def _trim() -> None:
    """Give freed memory back, so that the run measured next cannot hide in it."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError):
        return


def _state_bytes(found: Any) -> float | None:
    """Return bytes per cell of an answer that is a frozen value of arrays."""
    if not hasattr(found, "cell") or not found.cell.size:
        return None
    return float(sum(getattr(found, each.name).nbytes for each in fields(found)) / found.cell.size)


def main() -> None:
    """Measure one candidate and print the outcome as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(CANDIDATES))
    parser.add_argument("folder", type=Path)
    parser.add_argument("size", type=int)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--answer", type=Path)
    told = parser.parse_args()
    candidate = CANDIDATES[told.name]
    for module in candidate.needs:
        importlib.import_module(module)
    points = load_points(told.folder, told.size)
    candidate.run(candidate.prepare(points.head(WARM_UP)))
    given = candidate.prepare(points)
    found, peak, peak_from = peak_rise(lambda: candidate.run(given))
    state_bytes = _state_bytes(found)
    if told.answer is not None and candidate.cells is not None:
        cells = candidate.cells(found)
        np.savez(told.answer, **{name: each for name, each in vars(cells).items() if each is not None})
    del found
    cpu, wall = time_runs(lambda: candidate.run(given), told.runs)
    print(json.dumps(asdict(Measured(told.name, told.size, cpu, wall, peak, peak_from, state_bytes))))


if __name__ == "__main__":
    main()
