"""The headline experiment: Eulerian and drift-aware grids of simulated months beside the truth."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from altiflow import __version__, read_velocity
from altiflow.fusion.trajectories.advection import spread_of_days
from benchmarks.drift.figure import draw
from benchmarks.drift.report import as_markdown
from benchmarks.drift.scores import (
    GRIDS,
    find_truth,
    grid_all,
    place_errors,
    score_by_way,
    score_rows,
    score_windows,
)
from benchmarks.drift.tracks import fly, freeboard_below, measured
from benchmarks.drift.world import ERROR, SEASON, TARGET, WINDOW_DAYS, make_world, start_of

RHOS = (0.0, 0.5, 0.8)
SHOWN = 0.5
"""The case of the figure and of the finer tables."""


def run(motion: Path, seed: int, picture: Path | None) -> dict[str, Any]:
    """Return all scores, and draw the figure."""
    known = known_motion(motion, TARGET)
    tracks = fly(known.attrs["crs"], np.random.default_rng([seed, 0]))
    result: dict[str, Any] = {"altiflow": __version__, "seed": seed, "motion": motion.name, "cases": []}
    for rho in RHOS:
        # The same noise, clouds and freeboard in each case; the errors of the motion differ in rho alone.
        world = make_world(known, rho, np.random.default_rng([seed, 1]))
        truth = find_truth(world)
        case: dict[str, Any] = {"rho": rho, "place": place_errors(world, known), "grids": {}}
        case["position_sigma"] = float(spread_of_days(np.full((WINDOW_DAYS, 1), ERROR), rho)[0])
        for name, found in grid_all(world, truth, known, tracks, rho, np.random.default_rng([seed, 2])):
            on_grid = truth.on(GRIDS[name])
            case["grids"][name] = score_rows(found, on_grid)
            if rho == SHOWN and name == "25 km":
                result["spread"] = float(np.nanstd(on_grid))
                result["by_way"] = score_by_way(found["known"], on_grid)
                table = measured(tracks, freeboard_below(tracks, world), np.random.default_rng([seed, 2]))
                result["samples"] = len(table)
                result["by_window"] = score_windows(known, table, on_grid)
                if picture is not None:
                    draw(found["known"], on_grid, picture)
            print(f"rho {rho}, {name}: done", file=sys.stderr)
        result["cases"].append(case)
    result["season"] = [score_month(motion, seed, target) for target in SEASON]
    return result


def known_motion(motion: Path, target: np.datetime64) -> xr.Dataset:
    """Return the motion that is known around a target."""
    half = target - start_of(target) + np.timedelta64(14, "D")
    return read_velocity(motion, period=(target - half, target + half))


def score_month(motion: Path, seed: int, target: np.datetime64) -> dict[str, Any]:
    """Return the scores of one month of a winter, at 25 km, with tracks, clouds, ice and errors of its own."""
    known, number = known_motion(motion, target), SEASON.index(target)
    tracks = fly(known.attrs["crs"], np.random.default_rng([seed, 10, number]), target)
    world = make_world(known, SHOWN, np.random.default_rng([seed, 11, number]), target)
    truth = find_truth(world)
    name, found = next(grid_all(world, truth, known, tracks, SHOWN, np.random.default_rng([seed, 12, number])))
    print(f"{str(target)[:10]}: done", file=sys.stderr)
    return {"target": str(target)[:10], "grid": name, "rows": score_rows(found, truth.on(GRIDS[name]))}


def main() -> None:
    """Run the experiment and write or print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--motion", type=Path, required=True, help="file of NSIDC-0116 of 2018, weekly")
    parser.add_argument("--out", type=Path, help="folder for drift.md and drift.json")
    parser.add_argument("--figure", type=Path, help="picture to draw")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    found = run(options.motion, options.seed, options.figure)
    text = as_markdown(found)
    if options.out is None:
        print(text)
        return
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "drift.md").write_text(text)
    (options.out / "drift.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
