"""Whether time a segment and peak memory stay the same from a million segments to fifty."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.candidates import CANDIDATES
from benchmarks.measure import Measured, measure
from benchmarks.synthetic import default_folder, make_tracks, parse_size

__all__ = ["scaling_table"]

SIZES = ("1e6", "1e7", "5e7")
NAMES = ("altiflow-numpy", "altiflow-numba", "numpy-bincount", "duckdb")


def scaling_table(found: list[Measured]) -> str:
    """Return time a segment as a ratio to that of the candidate's smallest size, and peak memory, as Markdown."""
    lines = [
        "| candidate | segments | CPU a segment, ratio to the smallest | peak memory above inputs, MB | ns a segment |",
        "|---|--:|--:|--:|--:|",
    ]
    first: dict[str, float] = {}
    for each in found:
        title = CANDIDATES[each.name].title
        if each.problem:
            lines.append(f"| {title} | {each.size:.3g} | {each.problem} | | |")
            continue
        spent = each.seconds / each.size
        ratio = spent / first.setdefault(each.name, spent)
        peak = "" if each.peak is None else f"{each.peak / 1e6:.0f}"
        lines.append(f"| {title} | {each.size:.3g} | {ratio:.2f} | {peak} | {spent * 1e9:.1f} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, print the table and write it if told where."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.scaling")
    parser.add_argument("--sizes", nargs="+", type=parse_size, default=[parse_size(size) for size in SIZES])
    parser.add_argument("--only", nargs="+", choices=sorted(CANDIDATES), default=NAMES)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--limit", type=float, default=1800.0, help="longest time of one process [s]")
    parser.add_argument("--folder", type=Path, default=default_folder(), help="where the tracks are kept")
    parser.add_argument("--out", type=Path, help="folder for scaling.md")
    told = parser.parse_args()
    sizes = sorted(told.sizes)
    tracks = make_tracks(told.folder, sizes[-1])
    found = []
    for name in told.only:
        for size in sizes:
            found.append(measure(name, tracks, size, runs=told.runs, limit=told.limit))
            print(f"{name} {size:,}: {found[-1].problem or 'done'}", file=sys.stderr, flush=True)
    table = scaling_table(found)
    print(table)
    if told.out is not None:
        told.out.mkdir(parents=True, exist_ok=True)
        (told.out / "scaling.md").write_text(f"# Scaling\n\n{table}\n")


if __name__ == "__main__":
    main()
