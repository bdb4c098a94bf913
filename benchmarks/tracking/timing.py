"""CPU time of tracking beside that of the loop, in runs that alternate."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np

from altiflow.tracking import TrackParameters, track_offsets
from benchmarks.measure import ROOT, cpu_seconds
from benchmarks.tracking.reference import track_plainly
from benchmarks.tracking.scenes import Scene

__all__ = ["cold_seconds", "compare_times"]

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
        taken: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(runs):
            for name, work in works.items():
                before = cpu_seconds()
                work()
                taken[name].append(cpu_seconds() - before)
        cells = middles[0].size ** 2
        for name, seconds in taken.items():
            ratio = median(taken["loop"]) / median(seconds)
            rows.append(
                {"spacing": spacing, "radius": radius, "way": name, "cells": cells, "cpu": seconds, "ratio": ratio}
            )
    return rows


def cold_seconds(size: int) -> dict[str, float]:
    """Return wall and CPU seconds of a new process that tracks a pair, compiled code on disk."""
    script = (
        "import numpy as np\n"
        "from altiflow.tracking import TrackParameters, track_offsets\n"
        f"image = np.random.default_rng(0).integers(0, 60000, ({size}, {size}), np.uint16)\n"
        "parameters = TrackParameters(radius=45, chips=None, threads=1)\n"
        "track_offsets(image, np.roll(image, 3, axis=1), parameters=parameters)\n"
    )
    before, start = cpu_seconds(), time.perf_counter()
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)
    return {"wall": time.perf_counter() - start, "cpu": cpu_seconds() - before}
