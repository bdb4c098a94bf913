"""Partials of 1,000 granules merged: altiflow's states and tallies beside dense grids and pandas."""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any, Literal

import numpy as np

from benchmarks.accuracy import compare
from benchmarks.candidates.points import COLS, ROWS, Cells, cells_from_sums
from benchmarks.measure import time_runs
from benchmarks.synthetic import draw_granule

__all__ = ["Merged", "Partials", "draw_partials", "measure_merging", "merging_table"]

STRETCH = 20.0
"""Segments of the partials are this much longer than real ones: the same cells in a twentieth of the points."""
FRESH = 20
"""Dense merges timed, out of the thousand."""


@dataclass(frozen=True)
class Partials:
    """One granule each: altiflow's (cell, states), peers' sums, and altiflow's tallies.

    Attributes
    ----------
    states
        (cell (m,), states (m,)) of each granule.
    sums
        Arrays (5, m): cell, N, and the sums of L, L h and L h^2.
    tallies
        One tally a granule; empty where the package makes none, which `untallied` explains.
    """

    states: list[tuple[Any, Any]]
    sums: list[Any]
    tallies: list[Any]
    untallied: str


@dataclass(frozen=True)
class Merged:
    """What a merge took.

    Attributes
    ----------
    title
        One line for the table.
    seconds
        Median CPU time of merging all partials [s]; NaN where it did not run.
    state_bytes
        Bytes of one granule's partial.
    cells, mean, std
        Cells that differ, and largest relative difference of mean and standard deviation, from extended
        precision; None where there is no such answer.
    note
        What the reader must know.
    disk_bytes
        Bytes a granule in a file of all; NaN where it is not written.
    """

    title: str
    seconds: float
    state_bytes: float
    cells: int | None = None
    mean: float | None = None
    std: float | None = None
    note: str = ""
    disk_bytes: float = math.nan


def draw_partials(number: int, seed: int = 0) -> Partials:
    """Return the partials of `number` synthetic granules."""
    from altiflow import Grid

    grid = Grid.named("EASE2_S6.25km")
    states, sums, tallies, untallied = [], [], [], ""
    for each in range(number):
        granule = draw_granule(each, seed=seed, stretch=STRETCH)
        if granule["latitude"].size == 0:
            continue
        states.append(_state(granule, grid))
        sums.append(_sums(*states[-1]))
        if not untallied:
            try:
                tallies.append(_tally(granule, grid))
            except (ImportError, AttributeError, TypeError) as problem:
                tallies, untallied = [], f"no tally: {problem}"
    return Partials(states, sums, tallies, untallied)


def _state(granule: dict[str, Any], grid: Any) -> tuple[Any, Any]:
    """Return cell numbers and states of one granule."""
    from altiflow.gridding.kernel import cell_finder, merge_states, run_reducer, run_starts, sort_rows

    cell = cell_finder(grid)(granule["longitude"], granule["latitude"])
    order = sort_rows(cell)
    starts = run_starts(cell[order][1:] != cell[order][:-1])
    value, weight = granule["freeboard"][order], granule["segment_length"][order]
    states = run_reducer("numpy")(starts, value, weight)
    return cell[order][starts].astype(np.int64), merge_states(states, np.arange(starts.size))


def _sums(cell: Any, states: Any) -> Any:
    """Return cell, N and the sums of L, L h and L h^2, (5, m)."""
    first = states["weight"] * states["mean"]
    return np.stack([cell, states["count"], states["weight"], first, states["m2"] + first * states["mean"]])


def _tally(granule: dict[str, Any], grid: Any) -> Any:
    """Return altiflow's tally of one granule."""
    import pandas as pd

    from altiflow.gridding.tally import tally_segments

    table = pd.DataFrame(granule).astype({"granule": str, "beam": str})
    return tally_segments(table, grid, value="freeboard", step=None)


def _merge_states(partials: Partials, engine: Literal["numpy", "numba"] = "numpy") -> Any:
    """Merge states, in the order of the granules."""
    from altiflow.gridding.kernel import merge_cells

    cells, states = zip(*partials.states, strict=True)
    return merge_cells(cells, states, engine=engine)


def _state_cells(found: Any) -> Cells:
    cell, states = found
    weight = np.ascontiguousarray(states["weight"])
    std = np.sqrt(states["m2"] / weight)
    return Cells(cell, states["count"], weight, weight / states["count"], states["mean"], std)


def _merge_tallies(partials: Partials) -> Any:
    """Merge tallies with the package's own function."""
    from altiflow.gridding.tally import merge_tallies

    return merge_tallies(partials.tallies)


def _tally_cells(tally: Any) -> Cells:
    """Return the cells of a tally: its records merged in their own order."""
    from altiflow.gridding.kernel import merge_states, run_starts, sort_rows

    states = tally.records.states
    states = states[sort_rows(states["cell"])]
    starts = run_starts(states["cell"][1:] != states["cell"][:-1])
    return _state_cells((states["cell"][starts], merge_states(states, starts)))


def _add_at(partials: Partials) -> Any:
    """Add sparse sums into four dense grids."""
    grids = np.zeros((4, ROWS * COLS))
    for part in partials.sums:
        grids[:, part[0].astype(np.int64)] += part[1:]
    return grids


def _dense_cells(grids: Any) -> Cells:
    cell = np.flatnonzero(grids[0])
    return cells_from_sums(cell, *grids[:, cell])


def _concat(partials: Partials) -> Any:
    """Concatenate tables and group by cell."""
    import pandas as pd

    names = ["cell", "n", "w", "wh", "whh"]
    tables = [pd.DataFrame(part.T, columns=names) for part in partials.sums]
    return pd.concat(tables, ignore_index=True).groupby("cell").sum()


def _concat_cells(found: Any) -> Cells:
    found = found.reset_index()
    return cells_from_sums(*(found[name].to_numpy() for name in ("cell", "n", "w", "wh", "whh")))


def _exact_cells(partials: Partials) -> Cells:
    """Return the answer in extended precision, by two passes over all partials."""
    cell, states = (np.concatenate(parts) for parts in zip(*partials.states, strict=True))
    order = np.argsort(cell, kind="stable")
    cell, states = cell[order], states[order]
    starts = np.flatnonzero(np.concatenate([[True], cell[1:] != cell[:-1]]))
    weight, mean, m2 = (states[name].astype(np.longdouble) for name in ("weight", "mean", "m2"))
    total = np.add.reduceat(weight, starts)
    joint = np.add.reduceat(weight * mean, starts) / total
    away = mean - np.repeat(joint, np.diff(starts, append=cell.size))
    std = np.sqrt(np.add.reduceat(m2 + weight * away * away, starts) / total).astype(float)
    count = np.add.reduceat(np.ascontiguousarray(states["count"]), starts)
    return Cells(cell[starts], count, total.astype(float), (total / count).astype(float), joint.astype(float), std)


def measure_merging(number: int = 1000, runs: int = 5, seed: int = 0) -> list[Merged]:
    """Return what merging takes in each way, altiflow's states first."""
    partials = draw_partials(number, seed)
    true = _exact_cells(partials)
    granules = len(partials.sums)
    state = sum(cell.nbytes + states.nbytes for cell, states in partials.states) / granules
    plain = sum(part.nbytes for part in partials.sums) / granules
    ways: list[tuple[str, Callable[[Partials], Any], Callable[[Any], Cells], float]] = [
        ("altiflow, merge_cells, numpy", _merge_states, _state_cells, state),
        *_compiled(state),
        ("sparse sums added into dense grids", _add_at, _dense_cells, plain),
        ("pandas concat and groupby sum", _concat, _concat_cells, plain),
    ]
    found = []
    for title, work, cells, held in ways:
        away = compare(cells(work(partials)), true)
        cpu, _ = time_runs(lambda work=work: work(partials), runs)  # type: ignore[misc]
        found.append(Merged(title, median(cpu), held, away.cells, away.mean, away.std))
    found.insert(1, _measure_tallies(partials, true, runs))
    found.append(_measure_dense(granules, runs))
    return found


def _compiled(state: float) -> list[tuple[str, Callable[[Partials], Any], Callable[[Any], Cells], float]]:
    """Return the compiled merge, where numba is installed."""
    if find_spec("numba") is None:
        return []
    return [("altiflow, merge_cells, numba", partial(_merge_states, engine="numba"), _state_cells, state)]


def _measure_tallies(partials: Partials, true: Cells, runs: int) -> Merged:
    """Return what the package's own merge takes."""
    title = "altiflow, merge_tallies"
    if not partials.tallies:
        return Merged(title, math.nan, math.nan, note=partials.untallied)
    held = sum(tally.records.states.nbytes for tally in partials.tallies) / len(partials.tallies)
    try:
        away = compare(_tally_cells(_merge_tallies(partials)), true)
    except (ImportError, AttributeError, TypeError) as problem:
        return Merged(title, math.nan, held, note=f"no merge: {problem}")
    cpu, _ = time_runs(lambda: _merge_tallies(partials), runs)
    note = "keeps a record for each granule and beam, so that they can be removed; cells are made later"
    disk = _disk_bytes(_merge_tallies(partials)) / len(partials.tallies)
    note += f"; {disk / 1e3:.0f} kB a granule in a file"
    return Merged(title, median(cpu), held, away.cells, away.mean, away.std, note, disk)


def _disk_bytes(tally: Any) -> int:
    """Return the bytes of a tally as a file."""
    from altiflow import write_tally

    with tempfile.TemporaryDirectory() as folder:
        return write_tally(tally, Path(folder) / "all.tally.parquet").stat().st_size


def _measure_dense(granules: int, runs: int) -> Merged:
    """Return what adding four dense grids a granule takes, from a few additions."""
    total, grids = np.ones((4, ROWS * COLS)), np.ones((4, ROWS * COLS))

    def add() -> None:
        for _ in range(FRESH):
            np.add(total, grids, out=total)

    add()
    cpu, _ = time_runs(add, runs)
    scaled = median(cpu) * granules / FRESH
    return Merged("dense grids added", scaled, grids.nbytes, note=f"{FRESH} additions, scaled to {granules}")


def merging_table(found: list[Merged]) -> str:
    """Return the outcome as a Markdown table of ratios to the first row."""
    lines = [
        "| merge | CPU, ratio | bytes a granule, ratio | cells that differ | mean | sd | CPU s | note |",
        "|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    first = found[0]
    for each in found:
        far = ["" if number is None else f"{number:.1e}" for number in (each.mean, each.std)]
        cells = "" if each.cells is None else str(each.cells)
        ratios = f"{each.seconds / first.seconds:.2f} | {each.state_bytes / first.state_bytes:.2f}"
        line = f"| {each.title} | {ratios} | {cells} | {' | '.join(far)} | {each.seconds:.3f} | {each.note} |"
        lines.append(line.replace(" nan ", "  "))
    return "\n".join(lines)


def main() -> None:
    """Measure merging, print the table and write it if told where."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--granules", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--out", type=Path, help="folder for merging.md")
    told = parser.parse_args()
    table = merging_table(measure_merging(told.granules, told.runs))
    print(table)
    if told.out is not None:
        told.out.mkdir(parents=True, exist_ok=True)
        (told.out / "merging.md").write_text(f"# Merging {told.granules} granules\n\n{table}\n")


if __name__ == "__main__":
    main()
