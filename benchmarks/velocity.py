"""Velocity from image pairs: a loop over pixels with scipy's least squares beside invert_displacements."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy.linalg

from benchmarks.measure import peak_rise, time_runs

__all__ = ["Case", "draw_cube", "loop_over_pixels", "measure_cases", "velocity_table"]

EPOCH = np.datetime64("2000-01-01", "ns")
GOAL = 20.0
"""Times that the loop over pixels should take of what altiflow takes, CPU time per pixel."""
MAX_ROUNDS = 10
MAD = 1.4826
ROUNDING = 1e-9
"""Residuals below this share of the largest velocity are none."""


@dataclass(frozen=True)
class Case:
    """One cube, one model.

    Attributes
    ----------
    title
        One line for the table.
    cube
        A velocity cube with sigmas for each layer.
    options
        Arguments of invert_displacements.
    pixels
        Rows and columns that the loop takes (n, 2); its time is scaled to all that hold values.
    """

    title: str
    cube: Any
    options: dict[str, Any]
    pixels: Any


def draw_cube(pairs: int, side: int, *, share: float, seed: int = 0) -> Any:
    """Return a cube of side x side pixels of seasonal flow, six years, pairs of 16 to 365 days, a share of it there."""
    from altiflow.readers.field import build_field

    rng = np.random.default_rng(seed)
    days = rng.choice([16.0, 32.0, 96.0, 180.0, 365.0], pairs)
    start = rng.uniform(0, 6 * 365.25, pairs)
    end = start + days
    turn = 2 * np.pi / 365.25
    mean = 1000 + 300 * (np.cos(turn * start) - np.cos(turn * end)) / (turn * days)
    sigma = 20 * 16 / days
    shape = (pairs, side, side)
    gone = rng.uniform(size=shape) > share
    components = []
    for scale in (1.0, -0.4):
        values = (scale * mean[:, None, None] + rng.normal(size=shape) * sigma[:, None, None]).astype(np.float32)
        values[rng.uniform(size=shape) < 0.005] += 4000
        values[gone] = np.nan
        components.append(values)
    bounds = EPOCH + np.round(np.stack([start, end], axis=1) * 86400e9).astype("m8[ns]")
    return build_field(
        *components,
        x=np.arange(side) * 120.0,
        y=np.arange(side) * 120.0,
        time_bnds=bounds,
        crs=3413,
        units="m/yr",
        year_days=365.25,
        velocity_metric="map",
        metric_source="user",
        source="simulated",
        vx_sigma=sigma,
        vy_sigma=sigma * 1.2,
    )


def read_tibet(path: Path) -> Any:
    """Return the cube of one glacier that ITS_LIVE's book keeps: 47,892 pairs, 37 x 40 pixels, a twentieth valid."""
    import zarr

    from altiflow.readers.field import build_field

    store = zarr.open(str(path), mode="r")
    components = []
    for name in ("vx", "vy"):
        packed = store[name][:]
        components.append(np.where(packed == -32767, np.float32(np.nan), packed.astype(np.float32)))
    images = [(np.asarray(store[f"acquisition_date_img{one}"][:]) * 86400e9).astype("M8[ns]") for one in (1, 2)]
    return build_field(
        *components,
        x=store["x"][:],
        y=store["y"][:],
        time_bnds=np.sort(np.stack(images, axis=1), axis=1),
        crs=32646,
        units="m/yr",
        year_days=365.0,
        velocity_metric="map",
        metric_source="assumed",
        source="ITS_LIVE",
        vx_sigma=np.asarray(store["vx_error"][:], float),
        vy_sigma=np.asarray(store["vy_error"][:], float),
    )


def design(cube: Any, options: dict[str, Any]) -> tuple[Any, Any]:
    """Return a function that gives the means of the model's functions over some pairs, and which pairs it holds."""
    from altiflow.gridding.cubes.inversion.models import make_model
    from altiflow.gridding.cubes.layers import find_bins, layer_spans

    spans = layer_spans(cube)
    bins = find_bins(cube, options.get("periods", "YS"))
    model = make_model(options["model"], bins, level=options.get("level", "annual"))
    held = model.means(spans.start, spans.end)[1]
    return lambda layers: model.means(spans.start[layers], spans.end[layers])[0], held


def loop_over_pixels(case: Case, rows: Callable[[Any], Any], held: Any) -> Any:
    """Return solutions and standard errors (pixels, 2 components, 2, p), one pixel after the other, by scipy.

    `rows` gives the matrix of some layers: made for each pixel, or taken from one that was made before the clock.
    """
    mad = case.options.get("outlier_mad", 6.0)
    found = np.full((len(case.pixels), 2, 2, rows(np.arange(1)).shape[1]), np.nan)
    parts = [(case.cube[name].values, case.cube[f"{name}_sigma"].values) for name in ("vx", "vy")]
    for place, (row, col) in enumerate(case.pixels):
        series = [(values[:, row, col].astype(np.float64), sigma) for values, sigma in parts]
        valid = held.copy()
        for values, sigma in series:
            valid &= np.isfinite(values) & (sigma > 0)
        valid = np.flatnonzero(valid)
        design, used = rows(valid), np.ones(valid.size, dtype=bool)
        series = [(values[valid], 1 / sigma[valid]) for values, sigma in series]
        if mad is not None:
            for values, _ in series:
                away = np.abs(values - np.median(values))
                used &= away <= mad * MAD * np.median(away)
        for _ in range(MAX_ROUNDS):
            kept = np.ones(valid.size, dtype=bool)
            for component, (values, root) in enumerate(series):
                weighted = design[used] * root[used, None]
                solved = scipy.linalg.lstsq(weighted, values[used] * root[used], cond=1e-10)[0]
                found[place, component, 0] = solved
                if mad is not None:
                    away = np.abs(values - design @ solved) * root
                    free = away[used & (away > ROUNDING * np.abs(solved).max() * root.max())]
                    kept &= away <= max(mad * MAD * np.median(free) if free.size else 0.0, mad)
            if mad is None or (kept == used).all():
                break
            used = kept
        for component, (_, root) in enumerate(series):
            weighted = design[used] * root[used, None]
            covariance = scipy.linalg.pinvh(weighted.T @ weighted)
            found[place, component, 1] = np.sqrt(np.diag(covariance))
    return found


def worst_difference(case: Case, result: Any, found: Any) -> float:
    """Return the largest difference of velocities where altiflow gives one, relative to the largest of the pixel."""
    worst = 0.0
    for place, (row, col) in enumerate(case.pixels):
        for component, name in enumerate(("vx", "vy")):
            mine = result[name].values[:, row, col]
            theirs = found[place, component, 0, : mine.size]
            known = np.isfinite(mine)
            if known.any():
                worst = max(worst, float(np.abs(mine - theirs)[known].max() / np.abs(theirs[known]).max()))
    return worst


def measure_cases(cases: Iterator[Case], runs: int) -> list[dict[str, Any]]:
    """Return what both take on each case, CPU and wall time a pixel that holds values, and their difference."""
    from altiflow import invert_displacements

    told = []
    for case in cases:
        pixels = int(np.isfinite(case.cube["vx"].values).any(axis=0).sum())

        def ours(case: Case = case) -> Any:
            return invert_displacements(case.cube, **case.options)

        result, peak, _ = peak_rise(ours)
        cpu, wall = time_runs(ours, runs)
        make, held = design(case.cube, case.options)
        whole = make(np.arange(held.size))
        careful = partial(loop_over_pixels, case, whole.__getitem__, held)
        answer = careful()
        loops = [time_runs(each, runs) for each in (careful, partial(loop_over_pixels, case, make, held))]
        mine = [float(np.median(one)) / pixels * 1e6 for one in (cpu, wall)]
        theirs = [[float(np.median(one)) / len(case.pixels) * 1e6 for one in loop] for loop in loops]
        told.append(
            {
                "case": case.title,
                "unknowns": whole.shape[1],
                "pixels": pixels,
                "altiflow_us": mine[0],
                "altiflow_wall_us": mine[1],
                "careful_us": theirs[0][0],
                "plain_us": theirs[1][0],
                "careful_ratio": theirs[0][0] / mine[0],
                "plain_ratio": theirs[1][0] / mine[0],
                "plain_wall_ratio": theirs[1][1] / mine[1],
                "difference": worst_difference(case, result, answer),
                "peak_mb": peak / 1e6,
            }
        )
        print(f"{case.title}: {told[-1]['plain_ratio']:.1f}", file=sys.stderr, flush=True)
    return told


def velocity_table(told: list[dict[str, Any]]) -> str:
    """Return a Markdown table."""
    lines = [
        "| cube and model | unknowns | altiflow, CPU µs a pixel | loop, CPU µs a pixel | loop / altiflow, CPU | wall "
        "| careful loop / altiflow, CPU | largest difference | peak memory, MB |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for one in told:
        lines.append(
            f"| {one['case']} | {one['unknowns']} | {one['altiflow_us']:.0f} | {one['plain_us']:.0f} | "
            f"{one['plain_ratio']:.1f} | {one['plain_wall_ratio']:.1f} | {one['careful_ratio']:.1f} | "
            f"{one['difference']:.0e} | {one['peak_mb']:.0f} |"
        )
    met = [sum(one[f"{word}_ratio"] >= GOAL for one in told) for word in ("plain", "plain_wall", "careful")]
    goal = (
        f"Goal, {GOAL:.0f} times the loop: met in {met[0]} of {len(told)} cases in CPU time, in {met[1]} in wall time"
    )
    lines += ["", f"{goal}, and against the careful loop in {met[2]}."]
    return "\n".join(lines)


def list_cases(side: int, pairs: int, sample: int, tibet: Path | None) -> Iterator[Case]:
    """Yield the cases, the real cube last."""
    rng = np.random.default_rng(1)
    cube = draw_cube(pairs, side, share=0.7)
    pixels = rng.integers(0, side, (sample, 2))
    plain, robust = {"outlier_mad": None}, {"outlier_mad": 6.0}
    for name, options in (
        ("annual", {"model": "annual"}),
        ("annual and wave", {"model": "seasonal"}),
        ("12 months", {"model": "cyclic"}),
        ("every quarter", {"model": "piecewise", "periods": "QS"}),
    ):
        for word, more in (("", plain), (", outliers out", robust)):
            yield Case(f"{pairs} pairs, 70 % there: {name}{word}", cube, options | more, pixels)
    if tibet is not None:
        cube = read_tibet(tibet)
        there = np.argwhere(np.isfinite(cube["vx"].values).any(axis=0))
        pixels = there[rng.integers(0, len(there), max(4, sample // 5))]
        for name, options in (("annual", {"model": "annual"}), ("annual and wave", {"model": "seasonal"})):
            for word, more in (("", plain), (", outliers out", robust)):
                yield Case(f"Tibet, 47,892 pairs, 5 % there: {name}{word}", cube, options | more, pixels)


def main() -> None:
    """Measure, print the table and write it if told where."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.velocity")
    parser.add_argument("--side", type=int, default=64, help="pixels of the simulated cube along x and y")
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--sample", type=int, default=40, help="pixels that the loop takes")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--tibet", type=Path, help="folder of the real cube, single_glacier_itslive.zarr")
    parser.add_argument("--out", type=Path, help="folder for velocity.md and velocity.json")
    asked = parser.parse_args()
    told = measure_cases(list_cases(asked.side, asked.pairs, asked.sample, asked.tibet), asked.runs)
    table = velocity_table(told)
    print(table)
    if asked.out is not None:
        asked.out.mkdir(parents=True, exist_ok=True)
        (asked.out / "velocity.md").write_text(f"# Velocity from image pairs\n\n{table}\n")
        (asked.out / "velocity.json").write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
