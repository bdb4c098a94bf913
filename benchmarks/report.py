"""One run as a Markdown table of ratios, goals met or missed, and JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.accuracy import Difference, PrecisionChecks, ProjChecks
from benchmarks.candidates import CANDIDATES
from benchmarks.measure import Measured
from benchmarks.merging import Merged, merging_table

__all__ = ["Goal", "Run", "at_least", "at_most", "goal_table", "goals", "machine", "to_json", "to_markdown", "versions"]

BASELINE = "altiflow-numpy"
BYTES = 24
"""Bytes of inputs a segment."""
PACKAGES = (
    "altiflow",
    "affine",
    "boost-histogram",
    "dask",
    "duckdb",
    "flox",
    "geopandas",
    "numba",
    "numpy",
    "numpy-groupies",
    "pandas",
    "polars",
    "pyarrow",
    "pyproj",
    "pyresample",
    "scipy",
    "shapely",
)


@dataclass(frozen=True)
class Goal:
    """One goal: what is needed and what was found; `met` is None where it was not measured."""

    number: str
    text: str
    needed: str
    found: str
    met: bool | None


@dataclass(frozen=True)
class Run:
    """Everything one run of the benchmark found.

    `baselines` are altiflow's numpy path on the sizes that other candidates are capped at, by size; `unrest` is the
    baseline's CPU time in its slowest round over that in its quickest.
    """

    size: int
    measured: list[Measured]
    baselines: dict[int, Measured]
    unrest: float
    differences: dict[str, Difference]
    proj: list[ProjChecks]
    precision: list[PrecisionChecks]
    merged: list[Merged]

    def of(self, name: str) -> Measured | None:
        """Return a candidate's measurement, None where there is none."""
        return next((each for each in self.measured if each.name == name and each.cpu), None)

    def ratio(self, name: str, to: str = BASELINE) -> float | None:
        """Return CPU time a segment of one candidate over that of another, on the same segments where possible."""
        found, other = self.of(name), self.of(to)
        if found is None or other is None:
            return None
        if to == BASELINE:
            other = self.baselines[found.size]
        return (found.seconds / found.size) / (other.seconds / other.size)


def machine() -> dict[str, Any]:
    """Return cores, processor and Python; no names of hosts or paths."""
    model = platform.machine()
    information = Path("/proc/cpuinfo")
    if information.is_file():
        lines = [line for line in information.read_text().splitlines() if line.startswith("model name")]
        model = lines[0].partition(":")[2].strip() if lines else model
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Return the version of each package, "not installed" where it is not."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def goals(run: Run) -> list[Goal]:
    """Return the goals of gridding and merging, with what this run found."""
    ratios = [
        ("G1", "numpy + pyproj + bincount, CPU over altiflow numpy", "numpy-bincount", BASELINE, 5.0),
        ("G1", "geopandas vectorised, CPU over altiflow numpy", "geopandas", BASELINE, 40.0),
        ("G1", "point loop at 10^6, CPU over altiflow numpy", "point-loop", BASELINE, 400.0),
        ("G1", "DuckDB, CPU over altiflow numpy", "duckdb", BASELINE, 2.5),
        ("G2", "altiflow numpy, CPU over altiflow numba", BASELINE, "altiflow-numba", 3.0),
        ("G2", "DuckDB, CPU over altiflow numba", "duckdb", "altiflow-numba", 10.0),
        ("G2", "boost-histogram, CPU over altiflow numba", "boost-histogram", "altiflow-numba", 15.0),
    ]
    found = [at_least(number, text, run.ratio(name, to), least) for number, text, name, to, least in ratios]
    read = run.ratio("read", "altiflow-numba")
    found.append(at_least("G2", "numba's share of one reading of the inputs, %", read and 100.0 * read, 10.0))
    for name in (BASELINE, "altiflow-numba"):
        each = run.of(name)
        peak = each.peak / 2**20 if each and each.peak is not None else None
        found.append(at_most("G3", f"{name}: peak memory above the inputs, MiB", peak, 32.0))
    each = run.of(BASELINE)
    found.append(at_most("G3", "bytes of answer a cell", each.state_bytes if each else None, 40.0))
    return [*found, *_accuracy_goals(run), *_merging_goals(run.merged)]


def _accuracy_goals(run: Run) -> list[Goal]:
    found = []
    for each in run.proj:
        text = f"{each.engine}: points of {each.points:.3g} in another cell than PROJ's"
        found.append(at_most("G4", text, each.cells, 0))
    for each in run.proj[:1]:
        found.append(at_most("G4", "largest difference from PROJ's x or y, m (100 km off the pole)", each.metres, 1e-6))
    for hard in run.precision:
        text = f"{hard.engine}: relative error of the variance, 3000 m with a spread of 0.1 m"
        found.append(at_most("G4", text, hard.relative, 1e-9))
        text = f"{hard.engine}: single or constant cells whose variance is not exactly 0"
        found.append(at_most("G4", text, hard.nonzero + hard.negative, 0))
    return found


def _merging_goals(merged: list[Merged]) -> list[Goal]:
    found = []
    for each in merged:
        if each.title.startswith("altiflow"):
            milliseconds = 1e3 * each.seconds if each.seconds == each.seconds else None
            kept = each.disk_bytes if each.disk_bytes == each.disk_bytes else each.state_bytes
            kilobytes = kept / 1e3 if kept == kept else None
            where = "in a file" if each.disk_bytes == each.disk_bytes else "in memory"
            found.append(at_most("G10", f"{each.title}: 1,000 partials, CPU ms", milliseconds, 100.0))
            found.append(at_most("G10", f"{each.title}: partial of a granule {where}, kB", kilobytes, 50.0))
    return found


def at_least(number: str, text: str, found: float | None, least: float) -> Goal:
    """Return the goal that `found` is at least so much; None where it was not measured."""
    if found is None:
        return Goal(number, text, f">= {least:g}", "not measured", None)
    return Goal(number, text, f">= {least:g}", f"{found:.3g}", found >= least)


def at_most(number: str, text: str, found: float | None, most: float) -> Goal:
    """Return the goal that `found` is at most so much; None where it was not measured."""
    if found is None:
        return Goal(number, text, f"<= {most:g}", "not measured", None)
    return Goal(number, text, f"<= {most:g}", f"{found:.3g}", found <= most)


def to_markdown(run: Run) -> str:
    """Return the whole run as Markdown."""
    told = machine()
    head = (
        f"# Gridding {run.size:,} segments\n\n"
        f"Ratios to altiflow's numpy path on the same segments: CPU time, median of {len(run.measured[0].cpu)} runs "
        "after a warm-up, each candidate in processes of its own, in turns. "
        f"{told['processor']}, {told['cores']} cores, Python {told['python']}. The baseline's slowest round took "
        f"{run.unrest:.2f} times its quickest. Goals are set for 10^7 segments (the point loop for 10^6): at other "
        "sizes they are for orientation.\n"
    )
    rows = [
        "| candidate | CPU a segment, ratio | peak memory above inputs, MB | cells that differ | sum L | mean L "
        "| mean | sd | sd not 0 | CPU s | wall s | segments | note |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|",
        *(_row(run, each) for each in sorted(run.measured, key=_by_speed)),
    ]
    parts = [head, "\n".join(rows), "\n## Goals\n", goal_table(goals(run))]
    if run.merged:
        parts += ["\n## Merging the partials of 1,000 granules\n", merging_table(run.merged)]
    packages = ", ".join(f"{name} {number}" for name, number in versions().items())
    return "\n".join([*parts, f"\nVersions: {packages}.\n"])


def goal_table(found: Iterable[Goal]) -> str:
    """Return goals as a table: met, missed or not measured."""
    aims = ["| goal | what | needed | found | |", "|---|---|--:|--:|---|"]
    words = {True: "met", False: "**missed**", None: "not measured"}
    for goal in found:
        aims.append(f"| {goal.number} | {goal.text} | {goal.needed} | {goal.found} | {words[goal.met]} |")
    return "\n".join(aims)


def _by_speed(each: Measured) -> float:
    """Return CPU time a segment; those without one come last."""
    return each.seconds / each.size if each.cpu else float("inf")


def _row(run: Run, each: Measured) -> str:
    """Return one line of the table of candidates."""
    candidate = CANDIDATES[each.name]
    if each.problem:
        return f"| {candidate.title} | {' | '.join([''] * 11)} | {each.problem} |"
    ratio, peak = run.ratio(each.name), "" if each.peak is None else f"{each.peak / 1e6:.0f}"
    wall = sorted(each.wall)[len(each.wall) // 2]
    note = candidate.note
    if each.size < run.size:
        note = f"capped at {each.size:.3g} segments{'; ' if note else ''}{note}"
    columns = [
        candidate.title,
        "" if ratio is None else f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}",
        peak,
        *_differences(run.differences.get(each.name)),
        f"{each.seconds:.3f}",
        f"{wall:.3f}",
        f"{each.size:.3g}",
        note,
    ]
    return f"| {' | '.join(columns)} |"


def _differences(found: Difference | None) -> list[str]:
    """Return the six columns of differences."""
    if found is None:
        return [""] * 6
    far = (found.weight_sum, found.weight_mean, found.mean, found.std)
    figures = ["none" if number is None else f"{number:.1e}" for number in far]
    return [str(found.cells), *figures, "none" if found.nonzero is None else str(found.nonzero)]


def to_json(run: Run) -> str:
    """Return the whole run as JSON."""
    whole = {
        "machine": machine(),
        "versions": versions(),
        "size": run.size,
        "unrest": run.unrest,
        "ratios": {each.name: run.ratio(each.name) for each in run.measured},
        "measured": [asdict(each) for each in run.measured],
        "baselines": [asdict(each) for each in run.baselines.values()],
        "differences": {name: asdict(each) for name, each in run.differences.items()},
        "goals": [asdict(goal) for goal in goals(run)],
        "merging": [{k: None if v != v else v for k, v in asdict(each).items()} for each in run.merged],
    }
    return json.dumps(whole, indent=1) + "\n"
