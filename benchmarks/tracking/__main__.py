"""Accuracy and speed of tracking beside a plain loop, on scenes with known truth, in one run."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from altiflow import __version__
from altiflow.tracking import Offsets, TrackParameters, track_offsets
from benchmarks.measure import peak_rise
from benchmarks.tracking.checks import closure, from_flat, round_trip, turned_back
from benchmarks.tracking.outside import Outside, OutsideError, run_autorift, run_pycorr
from benchmarks.tracking.reference import Plain, track_plainly
from benchmarks.tracking.report import as_markdown
from benchmarks.tracking.scenes import GROUND, Kind, Scene, make_scene
from benchmarks.tracking.scores import score
from benchmarks.tracking.timing import cold_seconds, compare_times, large_ratio, tile_memory

WAYS = {
    "widths 16 to 48": TrackParameters(radius=45, threads=1),
    "chip 20": TrackParameters(radius=45, chips=None, threads=1),
    "full search": TrackParameters(radius=45, search="full", threads=1),
}
"""Ways of tracking that are compared with the loop: the default, one chip, and all displacements."""
SCENES: dict[Kind, float] = {
    "trunk": 1,
    "clean": 0.6,
    "hard": 0.6,
    "ramp-clean": 0.5,
    "ramp": 1,
    "ramp-hard": 1,
    "trunk-opaque": 1,
    "hard-opaque": 0.6,
}
"""Kinds of scene, and their size as a share of that of the largest."""
RAMP_RADIUS = 5
OUTSIDE_SCENES = ("trunk", "hard")
"""Scenes that other programs are run on."""
_BESIDE = 64


def middles_of(found: Offsets) -> tuple[Any, Any]:
    """Return the pixels behind the middles of chips."""
    return (found.row + 0.5).astype(int), (found.column + 0.5).astype(int)


def score_scene(kind: Kind, scene: Scene) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Return scores of the loop and of all ways, and how the full search compares with the loop."""
    radius = RAMP_RADIUS if kind.startswith("ramp") else WAYS["chip 20"].reach
    found = {
        name: track_offsets(scene.first, scene.second, parameters=replace(parameters, radius=radius))
        for name, parameters in WAYS.items()
    }
    middles = middles_of(found["full search"])
    plain = track_plainly(scene.first, scene.second, middles, chip=20, radius=radius)
    rows = [
        {"scene": kind, "way": name, **score(scene, middles, each, rim=60)}
        for name, each in {**found, "loop": plain}.items()
    ]
    return rows, same_peaks(found["full search"], plain)


def same_peaks(found: Offsets, plain: Plain) -> dict[str, float]:
    """Return how often the full search and the loop have the same best whole displacement, and how far they are apart.

    Cells that both have are compared; a peak of the spline lies within a pixel of the best whole displacement.
    """
    both = np.isfinite(found.dx) & np.isfinite(plain.whole_x)
    near = (np.abs(found.dx - plain.whole_x) <= 1) & (np.abs(found.dy - plain.whole_y) <= 1)
    apart = np.hypot(found.dx - plain.dx, found.dy - plain.dy)[both & near]
    return {
        "cells": int(both.sum()),
        "same_peak": float(near[both].mean()),
        "same_correlation": float((np.abs(found.corr - plain.corr)[both] < 1e-5).mean()),
        "peak_apart_99": float(np.quantile(apart, 0.99)),
    }


def score_outside(kind: Kind, scene: Scene, programs: dict[str, Callable[..., Outside]]) -> list[dict[str, Any]]:
    """Return scores and times of other programs, or why there are none."""
    rows: list[dict[str, Any]] = []
    for name, program in programs.items():
        try:
            found = program(scene=scene, chip=20, spacing=10, radius=WAYS["chip 20"].reach)
        except (OutsideError, OSError) as error:
            rows.append({"scene": kind, "way": name, "problem": str(error)})
            continue
        scores = score(scene, found.middles, found, rim=60)
        rows.append({"scene": kind, "way": name, **scores, "cpu": found.cpu, "wall": found.wall})
    return rows


def without_data(size: int) -> dict[str, int]:
    """Return how many cells there are without data enough in a scene with nodata in both images, and with a value."""
    scene = make_scene("trunk", size, seed=5, wedge=True)
    seen = [each > 0 for each in (scene.first, scene.second)]
    found = track_offsets(
        scene.first, scene.second, valid_first=seen[0], valid_second=seen[1], parameters=WAYS["widths 16 to 48"]
    )
    lacking, beside = np.zeros(found.shape, bool), np.pad(seen[1], _BESIDE)
    for i, row in enumerate((found.row + 0.5).astype(int)):
        for j, col in enumerate((found.column + 0.5).astype(int)):
            if np.isfinite(found.dx[i, j]):
                half = int(found.chip[i, j]) // 2
                down, right = round(float(found.dy[i, j])), round(float(found.dx[i, j]))
                one = seen[0][row - half : row + half, col - half : col + half]
                top, left = row + down - half + _BESIDE, col + right - half + _BESIDE
                two = beside[top : top + 2 * half, left : left + 2 * half]
                lacking[i, j] = one.mean() < 1 or two.mean() < 0.89
    nodata = (found.status & 1) > 0
    return {"nodata": int(nodata.sum()), "wrong": int(lacking.sum() + np.isfinite(found.dx[nodata]).sum())}


def run(
    size: int, large: int, tile: int, seed: int, runs: int, outside: dict[str, Callable[..., Outside]] | None = None
) -> dict[str, Any]:
    """Return all scores and times; `outside` are other programs by name."""
    made: dict[str, Any] = {"altiflow": __version__, "size": size, "seed": seed, "ground": GROUND, "accuracy": []}
    made["outside"] = []
    kinds: list[str] = list(SCENES)
    for kind, share in SCENES.items():
        # Opaque clouds lie on the same scene as thin ones.
        scene = make_scene(kind, round(size * share), seed=seed + kinds.index(kind.removesuffix("-opaque")))
        rows, same = score_scene(kind, scene)
        made["accuracy"] += rows
        if kind in OUTSIDE_SCENES:
            made["outside"] += score_outside(kind, scene, outside or {})
        print(f"{kind}: scored", file=sys.stderr)
        if kind == "trunk":
            threads = {"full search, two threads": replace(WAYS["full search"], threads=2)}
            made["times"] = compare_times(scene, {**WAYS, **threads}, runs)
            made["same"] = same
            both = [np.tile(each, (large // size + 1,) * 2)[:large, :large] for each in (scene.first, scene.second)]
    made["nodata"] = without_data(size // 2)
    made["flat"] = from_flat(max(size // 4, 240))
    made["closure"] = closure(max(size // 2, 300))
    made["round_trip"], made["turned_back"] = round_trip(max(size // 4, 240)), turned_back()
    made["cold"] = cold_seconds(size)
    if large:
        for name in ("chip 20", "widths 16 to 48"):
            parameters = replace(WAYS[name], threads=2)
            found, peak, _ = peak_rise(lambda chosen=parameters: track_offsets(*both, parameters=chosen))
            row = {
                "size": large,
                "cells": int(found.dx.size),
                "peak": peak,
                "images": sum(each.nbytes for each in both),
            }
            if name == "chip 20":
                row |= large_ratio(*both, WAYS[name])
            made.setdefault("large", {})[name] = row
    if tile:
        made["tile"] = tile_memory(tile)
    return made


def main() -> None:
    """Run the comparison and write or print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=2000, help="pixels along an axis of the largest scene")
    parser.add_argument("--large", type=int, default=0, help="pixels along an axis of the pair whose memory is taken")
    parser.add_argument("--tile", type=int, default=0, help="pixels along an axis of a whole tile, such as 10980")
    parser.add_argument("--runs", type=int, default=2, help="alternating runs of what is timed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pycorr", type=Path, help="path of pycorr_iceflow_v1.1.py, to run it on the same scenes")
    parser.add_argument("--pycorr-python", default=sys.executable, help="the interpreter that has what it needs")
    parser.add_argument("--autorift", help="an interpreter that can import autoRIFT, to run it on the same scenes")
    parser.add_argument("--out", type=Path, help="folder for tracking.md and tracking.json")
    options = parser.parse_args()
    # One thread everywhere: CPU time is what is compared.
    import_module("cv2").setNumThreads(1)
    outside: dict[str, Callable[..., Outside]] = {}
    if options.pycorr is not None:
        outside["pycorr"] = partial(run_pycorr, options.pycorr, python=options.pycorr_python)
    if options.autorift is not None:
        outside["autoRIFT"] = partial(run_autorift, options.autorift)
    found = run(options.size, options.large, options.tile, options.seed, options.runs, outside)
    text = as_markdown(found)
    if options.out is None:
        print(text)
        return
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "tracking.md").write_text(text)
    (options.out / "tracking.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
