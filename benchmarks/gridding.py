"""The gridding step beside what people use today: one run, one table of ratios, every answer compared."""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.accuracy import Difference, compare, precision_checks, proj_checks, reference
from benchmarks.candidates import CANDIDATES, Cells
from benchmarks.measure import Measured, load_cells, load_points, measure, pooled
from benchmarks.merging import measure_merging
from benchmarks.report import BASELINE, Run, to_json, to_markdown
from benchmarks.synthetic import default_folder, make_tracks, parse_size

__all__ = ["run_benchmark"]

ENGINES = ("altiflow-numpy", "altiflow-numba")


def run_benchmark(
    folder: Path,
    names: list[str],
    *,
    size: int,
    rounds: int,
    runs: int,
    limit: float,
    scattered: int,
    granules: int,
    seed: int,
) -> Run:
    """Return what a whole run finds.

    Parameters
    ----------
    folder
        Where the tracks are kept.
    names
        Candidates; the baseline is measured whether named or not.
    size
        Segments; a capped candidate is run on fewer, and so is the baseline beside it.
    rounds, runs, limit
        Processes of each candidate, timed runs in each, and how long one may take [s].
    scattered
        Random points whose cells are compared with PROJ's; 0 leaves the checks of exactness out.
    granules
        Partials that are merged; 0 leaves merging out.
    seed
        Of the tracks.
    """
    tracks = make_tracks(folder, size, seed)
    sizes = {name: min(size, CANDIDATES[name].cap or size) for name in names}
    with tempfile.TemporaryDirectory(prefix="altiflow-answers-") as place:
        answers = Path(place)
        wanted = [(BASELINE, each) for each in sorted({size, *sizes.values()}, reverse=True)]
        wanted += [(name, each) for name, each in sizes.items() if name != BASELINE]
        found = _in_rounds(wanted, tracks, rounds=rounds, runs=runs, limit=limit, answers=answers)
        baselines = {each: found[name, each] for name, each in wanted if name == BASELINE}
        measured = [baselines[size], *(each for (name, _), each in found.items() if name != BASELINE)]
        differences = _compared(tracks, measured, answers)
    working = [each.name.removeprefix("altiflow-") for each in measured if each.name in ENGINES and each.cpu]
    proj, precision = [], []
    if scattered:
        points = load_points(tracks, size)
        proj = [proj_checks(points, engine, scattered) for engine in working]
        precision = [precision_checks(engine) for engine in working]
    merged = measure_merging(granules, max(rounds * runs, 5)) if granules and working else []
    return Run(size, measured, baselines, _unrest(baselines[size], rounds), differences, proj, precision, merged)


def _in_rounds(
    wanted: list[tuple[str, int]], tracks: Path, *, rounds: int, runs: int, limit: float, answers: Path
) -> dict[tuple[str, int], Measured]:
    """Return what each candidate takes at its size, all of them once a round, so that unrest falls on all alike."""
    found: dict[tuple[str, int], Measured] = {}
    for turn in range(rounds):
        for name, size in wanted:
            before = found.get((name, size))
            if before is not None and before.problem:
                continue
            answer = answers / f"{name}-{size}.npz" if turn == 0 else None
            now = measure(name, tracks, size, runs=runs, limit=limit, answer=answer)
            found[name, size] = pooled(before, now) if before is not None else now
            told = now.problem or f"{now.seconds:.3f} CPU s"
            print(f"{turn + 1}/{rounds} {name:16} {size:>10,}  {told}", file=sys.stderr, flush=True)
    return found


def _unrest(baseline: Measured, rounds: int) -> float:
    """Return the baseline's median CPU time in its slowest round over that in its quickest."""
    if not baseline.cpu:
        return math.nan
    medians = [median(part) for part in np.array_split(baseline.cpu, rounds)]
    return float(max(medians) / min(medians))


def _compared(tracks: Path, measured: list[Measured], answers: Path) -> dict[str, Difference]:
    """Return how far each answer is from the reference on the same segments."""
    true: dict[int, Cells] = {}
    found = {}
    for each in measured:
        path = answers / f"{each.name}-{each.size}.npz"
        if path.is_file():
            if each.size not in true:
                true[each.size] = reference(load_points(tracks, each.size))
            found[each.name] = compare(load_cells(path), true[each.size])
    return found


def main() -> None:
    """Run, print the table, and write it with its JSON."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.gridding")
    parser.add_argument("--size", type=parse_size, default=parse_size("1e7"), help="segments, such as 1e6, 1e7 or 5e7")
    parser.add_argument("--out", type=Path, help="folder for gridding-SIZE.md and gridding-SIZE.json")
    parser.add_argument("--only", nargs="+", choices=sorted(CANDIDATES), help="these candidates, not all")
    parser.add_argument("--rounds", type=int, default=3, help="times that each candidate gets a process")
    parser.add_argument("--runs", type=int, default=2, help="timed runs in each process")
    parser.add_argument("--limit", type=float, default=1800.0, help="longest time of one candidate's process [s]")
    parser.add_argument("--scattered", type=int, default=4_000_000, help="random points compared with PROJ; 0: none")
    parser.add_argument("--granules", type=int, default=1000, help="partials merged; 0: none")
    parser.add_argument("--seed", type=int, default=0, help="of the synthetic tracks")
    parser.add_argument("--folder", type=Path, default=default_folder(), help="where the tracks are kept")
    told = parser.parse_args()
    found = run_benchmark(
        told.folder,
        told.only or list(CANDIDATES),
        size=told.size,
        rounds=told.rounds,
        runs=told.runs,
        limit=told.limit,
        scattered=told.scattered,
        granules=told.granules,
        seed=told.seed,
    )
    table = to_markdown(found)
    print(table)
    if told.out is not None:
        told.out.mkdir(parents=True, exist_ok=True)
        (told.out / f"gridding-{told.size}.md").write_text(table)
        (told.out / f"gridding-{told.size}.json").write_text(to_json(found))


if __name__ == "__main__":
    main()
