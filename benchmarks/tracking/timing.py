"""Time of tracking beside that of the loop, in runs that alternate; memory of large images in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from altiflow.tracking import TrackParameters, track_offsets
from benchmarks.measure import ROOT, cpu_seconds
from benchmarks.tracking.reference import track_plainly
from benchmarks.tracking.scenes import Scene

__all__ = ["cold_seconds", "compare_times", "large_ratio", "tile_memory"]

_COLD_RUNS = 5
FINE, DEFAULT = (10, 45), (20, 10)
"""Spacing and radius [px] of a dense search, and of a plain one."""


def compare_times(scene: Scene, ways: dict[str, TrackParameters], runs: int) -> list[dict[str, Any]]:
    """Return CPU seconds of the loop and of all ways, at two settings."""
    rows = []
    for spacing, radius in (FINE, DEFAULT):
        middles = (np.arange(scene.dx.shape[0] // spacing) * spacing + spacing // 2,) * 2

        def loop(middles: Any = middles, radius: int = radius) -> Any:
            return track_plainly(scene.first, scene.second, middles, chip=20, radius=radius)

        works: dict[str, Callable[[], Any]] = {"loop": loop}
        for name, parameters in ways.items():
            told = replace(parameters, spacing=spacing, radius=radius)
            works[name] = lambda told=told: track_offsets(scene.first, scene.second, parameters=told)
            works[name]()
        rows += [{"spacing": spacing, "radius": radius, **row} for row in _alternate(works, middles[0].size ** 2, runs)]
    return rows


def _alternate(works: dict[str, Callable[[], Any]], cells: int, runs: int) -> list[dict[str, Any]]:
    """Return CPU and wall seconds of works in runs that alternate, and how many times as long the loop takes."""
    cpu: dict[str, list[float]] = {name: [] for name in works}
    wall: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(runs):
        for name, work in works.items():
            before, start = cpu_seconds(), time.perf_counter()
            work()
            wall[name].append(time.perf_counter() - start)
            cpu[name].append(cpu_seconds() - before)
    return [
        {
            "way": name,
            "cells": cells,
            "cpu": cpu[name],
            "wall": wall[name],
            "ratio": median(cpu["loop"]) / median(cpu[name]),
            "wall_ratio": median(wall["loop"]) / median(wall[name]),
        }
        for name in works
    ]


def large_ratio(first: Any, second: Any, parameters: TrackParameters, *, part: int = 2000) -> dict[str, float]:
    """Return the CPU seconds of a large pair and of the loop, which is run on the cells of a part [px] of it.

    The loop takes one cell after the other: what a cell takes, and what the filter of whole images takes, tell the time
    of all. Of two runs of each the shorter counts, as the first finds memory that nobody has touched.
    """
    spacing, radius = parameters.spacing, parameters.reach
    middles = [np.arange(size // spacing) * spacing + spacing // 2 for size in first.shape]
    nothing, some = np.zeros(0, int), [each[each < part] for each in middles]
    corner = first[:part, :part], second[:part, :part]

    def seconds(work: Callable[[], Any]) -> float:
        taken = []
        for _ in range(2):
            before = cpu_seconds()
            work()
            taken.append(cpu_seconds() - before)
        return min(taken)

    def plain(images: Any, chosen: Any) -> float:
        return seconds(lambda: track_plainly(*images, chosen, chip=parameters.chip, radius=radius))

    cell = (plain(corner, some) - plain(corner, (nothing, nothing))) / (some[0].size * some[1].size)
    loop = plain((first, second), (nothing, nothing)) + cell * middles[0].size * middles[1].size
    ours = seconds(lambda: track_offsets(first, second, parameters=parameters))
    return {"loop": loop, "cpu": ours, "ratio": loop / ours}


def tile_memory(size: int) -> dict[str, float]:
    """Return the peak memory [bytes] and wall seconds of a new process that tracks a whole tile, images included."""
    script = (
        "import json, resource, time\n"
        "import numpy as np\n"
        "from altiflow.tracking import TrackParameters, track_offsets\n"
        "rng = np.random.default_rng(0)\n"
        f"first, second = (np.empty(({size}, {size}), np.uint16) for _ in range(2))\n"
        "block = rng.integers(2000, 12000, (1098, 1098), np.uint16)\n"
        f"for top in range(0, {size}, 1098):\n"
        f"    for left in range(0, {size}, 1098):\n"
        "        part = first[top : top + 1098, left : left + 1098]\n"
        "        part[:] = np.roll(block, (7 * top // 1098, left // 1098), (0, 1))[: part.shape[0], : part.shape[1]]\n"
        "second[:, 3:] = first[:, :-3]\n"
        "second[:, :3] = first[:, -3:]\n"
        "start = time.perf_counter()\n"
        "found = track_offsets(first, second, parameters=TrackParameters(threads=2))\n"
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        "kept = float(np.isfinite(found.dx).mean())\n"
        "print(json.dumps({'peak': peak, 'wall': time.perf_counter() - start, 'kept': kept}))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True)
    return {"size": size, **json.loads(done.stdout)}


def cold_seconds(size: int) -> dict[str, float]:
    """Return wall and CPU seconds of a new process that tracks a pair, compiled code on disk: medians of five.

    The first such process of an installation, which compiles, is timed once: "first_wall" and "first_cpu".
    """
    script = (
        "import numpy as np\n"
        "from altiflow.tracking import TrackParameters, track_offsets\n"
        f"image = np.random.default_rng(0).integers(0, 60000, ({size}, {size}), np.uint16)\n"
        "parameters = TrackParameters(radius=45, chips=None)\n"
        "track_offsets(image, np.roll(image, 3, axis=1), parameters=parameters)\n"
    )
    times = []
    with TemporaryDirectory() as folder:
        for _ in range(1 + _COLD_RUNS):
            before, start = cpu_seconds(), time.perf_counter()
            told = {**os.environ, "NUMBA_CACHE_DIR": folder}
            subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, env=told)
            times.append((time.perf_counter() - start, cpu_seconds() - before))
    wall, cpu = zip(*times, strict=True)
    return {"wall": median(wall[1:]), "cpu": median(cpu[1:]), "first_wall": wall[0], "first_cpu": cpu[0]}
