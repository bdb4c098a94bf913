"""Velocity at points and parcels carried for a fortnight: scipy, point by point and all at once, beside altiflow."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.interpolate import RegularGridInterpolator
from scipy.ndimage import map_coordinates

from benchmarks.measure import peak_rise, time_runs

__all__ = ["Drift", "Way", "draw_drift", "fusion_table", "measure_ways"]

GOAL = 20.0
"""Times that the loop over parcels should take of what altiflow takes, CPU time per parcel."""
EPOCH = np.datetime64("2000-01-01", "ns")
DAY = 86400.0
DAYS = 15
WEEKS = 26
CELL = 25e3


@dataclass(frozen=True)
class Drift:
    """A field of weekly motion as all need it.

    Attributes
    ----------
    field
        A velocity field.
    axes
        Middles of the layers [s since 2000], y and x [m].
    values
        Velocity [m/s], (time, y, x, 2).
    """

    field: Any
    axes: tuple[Any, Any, Any]
    values: Any


@dataclass(frozen=True)
class Way:
    """One way to do one task.

    Attributes
    ----------
    task
        "velocity at points" or "15 days of RK4".
    name
        Of the way.
    size
        Points it takes.
    run
        Returns two arrays (size,): components, or places.
    loop
        Whether it goes point by point.
    """

    task: str
    name: str
    size: int
    run: Callable[[], tuple[Any, Any]]
    loop: bool = False


def draw_drift(side: int, *, seed: int = 0) -> Drift:
    """Return half a year of weekly motion on side x side cells of 25 km: smooth eddies of some 10 km a day."""
    from altiflow.readers.field import build_field

    rng = np.random.default_rng(seed)
    axis = (np.arange(side) - (side - 1) / 2) * CELL
    x, y = np.meshgrid(axis, axis)
    values = np.zeros((WEEKS, side, side, 2))
    for _ in range(12):
        k, m = rng.normal(0, 1 / 6e5, 2)
        phase = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.4, WEEKS))[:, None, None]
        wave = 0.04 * np.sin(k * x + m * y + phase)
        values += np.stack([-m * wave, k * wave], axis=-1) / np.hypot(k, m)
    starts = np.datetime64("2018-01-01", "ns") + 7 * np.arange(WEEKS) * np.timedelta64(86400, "s")
    bounds = np.stack([starts, starts + np.timedelta64(7 * 86400, "s")], axis=-1)
    field = build_field(
        values[..., 0],
        values[..., 1],
        x=axis,
        y=axis,
        time_bnds=bounds,
        crs="EPSG:3408",
        units="m/s",
        velocity_metric="map",
        metric_source="user",
        source="simulated",
    )
    middles = (starts - EPOCH) / np.timedelta64(1, "s") + 3.5 * DAY
    return Drift(field, (middles, axis, axis), values)


def draw_points(drift: Drift, size: int, *, seed: int = 1) -> tuple[Any, Any, Any]:
    """Return x, y [m] and noons [s] of points that stay on the field for a fortnight."""
    rng = np.random.default_rng(seed)
    reach = 0.7 * drift.axes[2][-1]
    x, y = rng.uniform(-reach, reach, (2, size))
    # A day's step from noon ends where a week's middle is, so that all ways take the same steps.
    return x, y, drift.axes[0][0] + DAY * rng.integers(0, 7 * (WEEKS - 1) - DAYS, size)


def rk4(velocity: Callable[[Any, Any, Any], Any], x: Any, y: Any, seconds: Any) -> tuple[Any, Any]:
    """Return places after a fortnight of steps of a day; `velocity` returns (..., 2)."""
    place = np.stack([x, y], axis=-1)
    for day in range(DAYS):
        now = seconds + day * DAY
        k_1 = velocity(place[..., 0], place[..., 1], now)
        half = place + DAY / 2 * k_1
        k_2 = velocity(half[..., 0], half[..., 1], now + DAY / 2)
        half = place + DAY / 2 * k_2
        k_3 = velocity(half[..., 0], half[..., 1], now + DAY / 2)
        whole = place + DAY * k_3
        k_4 = velocity(whole[..., 0], whole[..., 1], now + DAY)
        place = place + DAY / 6 * (k_1 + 2 * k_2 + 2 * k_3 + k_4)
    return place[..., 0], place[..., 1]


def list_ways(drift: Drift, points: int, parcels: int, sample: int) -> Iterator[Way]:
    """Yield all ways; altiflow is the first of each task."""
    from altiflow.fusion.fields.layers import sample_points
    from altiflow.fusion.trajectories import advect_arrays, motion_of

    table = RegularGridInterpolator(drift.axes, drift.values)
    spacing = [axis[1] - axis[0] for axis in drift.axes]

    def by_table(x: Any, y: Any, seconds: Any) -> Any:
        return table(np.stack([seconds, y, x], axis=-1))

    def by_table_of_one(x: Any, y: Any, seconds: Any) -> Any:
        return table((seconds, y, x))

    def by_map(x: Any, y: Any, seconds: Any) -> Any:
        at = [(value - axis[0]) / step for value, axis, step in zip((seconds, y, x), drift.axes, spacing, strict=True)]
        return np.stack([map_coordinates(drift.values[..., k], at, order=1) for k in (0, 1)], axis=-1)

    x, y, seconds = draw_points(drift, points)
    task = "velocity at points"
    moments = EPOCH + np.rint(seconds * 1e9).astype("m8[ns]")

    def sampled() -> tuple[Any, Any]:
        found = sample_points(drift.field, x, y, moments, method="linear", time_method="linear")
        return found.vx, found.vy

    def looped() -> tuple[Any, Any]:
        found = np.array([by_table_of_one(*one) for one in zip(x[:sample], y[:sample], seconds[:sample], strict=True)])
        return found[:, 0], found[:, 1]

    yield Way(task, "altiflow", points, sampled)
    yield Way(task, "RegularGridInterpolator, a loop over points", sample, looped, loop=True)
    yield Way(task, "RegularGridInterpolator, all at once", points, lambda: tuple(by_table(x, y, seconds).T))
    yield Way(task, "map_coordinates, all at once", points, lambda: tuple(by_map(x, y, seconds).T))
    task = f"{DAYS} days of RK4"
    motion = motion_of(drift.field)
    start = (x[:parcels], y[:parcels], seconds[:parcels])

    def advected(engine: Any) -> tuple[Any, Any]:
        found = advect_arrays(motion, *start, start[2] + DAYS * DAY, engine=engine)
        return found.x, found.y

    def carried() -> tuple[Any, Any]:
        some = zip(*(part[:sample] for part in start), strict=True)
        found = np.array([rk4(by_table_of_one, *one) for one in some])
        return found[:, 0], found[:, 1]

    yield Way(task, "altiflow, numba", parcels, lambda: advected("numba"))
    yield Way(task, "altiflow, numpy", parcels, lambda: advected("numpy"))
    yield Way(task, "RegularGridInterpolator, a loop over parcels", sample, carried, loop=True)
    yield Way(task, "RegularGridInterpolator, all at once", parcels, lambda: rk4(by_table, *start))
    yield Way(task, "map_coordinates, all at once", parcels, lambda: rk4(by_map, *start))


def measure_ways(ways: Iterator[Way], runs: int) -> list[dict[str, Any]]:
    """Return what each way takes a point, CPU and wall time, and its difference from altiflow's first."""
    told: list[dict[str, Any]] = []
    first: dict[str, tuple[Any, Any]] = {}
    for way in ways:
        answer, peak, _ = peak_rise(way.run)
        cpu, wall = (float(np.median(each)) / way.size * 1e6 for each in time_runs(way.run, runs))
        base = first.setdefault(way.task, answer)
        off = max(float(np.abs(a - b[: way.size]).max()) for a, b in zip(answer, base, strict=True))
        mine = next((one for one in told if one["task"] == way.task), {"cpu_us": cpu, "wall_us": wall})
        told.append(
            {
                "task": way.task,
                "way": way.name,
                "points": way.size,
                "cpu_us": cpu,
                "wall_us": wall,
                "ratio": cpu / mine["cpu_us"],
                "wall_ratio": wall / mine["wall_us"],
                "difference": off,
                "peak_mb": peak / 1e6,
                "loop": way.loop,
            }
        )
        print(f"{way.task}, {way.name}: {told[-1]['ratio']:.2f}", file=sys.stderr, flush=True)
    return told


def fusion_table(told: list[dict[str, Any]]) -> str:
    """Return a Markdown table."""
    lines = [
        "| task | way | points | CPU µs a point | CPU, altiflow = 1 | wall, altiflow = 1 | largest difference | "
        "peak memory, MB |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    units = {"velocity at points": "m/s"}
    for one in told:
        lines.append(
            f"| {one['task']} | {one['way']} | {one['points']:,} | {one['cpu_us']:.2f} | {one['ratio']:.2f} | "
            f"{one['wall_ratio']:.2f} | {one['difference']:.0e} {units.get(one['task'], 'm')} | {one['peak_mb']:.0f} |"
        )
    met = [f"{one['task']}: {one['ratio']:.0f} times" for one in told if one["loop"]]
    word = "met" if all(one["ratio"] >= GOAL for one in told if one["loop"]) else "missed"
    return "\n".join([*lines, "", f"Goal, {GOAL:.0f} times the loop in CPU time: {word} ({'; '.join(met)})."])


def main() -> None:
    """Measure, print the table and write it if told where."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.fusion")
    parser.add_argument("--side", type=int, default=361, help="cells of the field along x and y")
    parser.add_argument("--points", type=float, default=1e6)
    parser.add_argument("--parcels", type=float, default=1e5)
    parser.add_argument("--sample", type=int, default=200, help="points and parcels that the loops take")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path, help="folder for fusion.md and fusion.json")
    asked = parser.parse_args()
    ways = list_ways(draw_drift(asked.side), int(asked.points), int(asked.parcels), asked.sample)
    told = measure_ways(ways, asked.runs)
    table = fusion_table(told)
    print(table)
    if asked.out is not None:
        asked.out.mkdir(parents=True, exist_ok=True)
        (asked.out / "fusion.md").write_text(f"# Velocity at points, and parcels that move with it\n\n{table}\n")
        (asked.out / "fusion.json").write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
