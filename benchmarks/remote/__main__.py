"""Make the granules, serve them, read them every way, and write what was found."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from benchmarks.full_granule import NAME, write_full_granule
from benchmarks.remote.results import Run, to_json, to_markdown
from benchmarks.remote.timing import load_fast, many, measure_local, measure_remote, serving, tell
from benchmarks.remote.ways import WAYS, Place, stored_bytes
from benchmarks.remote.whole import measure_chains, memory_growth

TOGETHER = ("indexed", "indexed-s3", "first-requests", "h5coro", "h5coro-s3", "hidefix", "fsspec", "s3fs", "s3fs-first")
"""Ways of which many granules are read at once."""


def main() -> None:
    """Run all of it."""
    told = _arguments()
    load_fast()
    limits = {"rows": int(told.rows), "runs": told.runs, "limit_s": told.limit, "load": [os.getloadavg()[0]]}
    run = Run(told.waits, told.granules, limits)
    for kind in ("plain", "paged"):
        path = told.folder / kind / NAME
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            write_full_granule(path, rows=int(told.rows), paged=kind == "paged")
        run.needed[kind] = (path.stat().st_size, *stored_bytes(path))
    with tempfile.TemporaryDirectory() as index, serving(told.folder) as address:
        places = {
            kind: Place(told.folder / kind / NAME, f"{address}/{kind}/{NAME}", Path(index)) for kind in run.needed
        }
        for place in places.values():
            run.local += measure_local(place, 3 * told.runs)
            run.remote += measure_remote(place, told.waits, told.runs)
        if told.granules:
            tell(address, "wait/0.03")
            tell(address, "rate/5e7")
            for way in (each for each in WAYS if each.name in TOGETHER):
                run.many.append(many(places["plain"], way, told.granules, told.limit))
                print(run.many[-1], flush=True)
        if told.chains:
            run.growth = memory_growth(places["plain"], 60)
            run.chains = measure_chains(places["plain"], told.runs)
    run.limits["load"].append(os.getloadavg()[0])
    print(to_markdown(run))
    if told.out is not None:
        told.out.mkdir(parents=True, exist_ok=True)
        (told.out / "remote.md").write_text(to_markdown(run))
        (told.out / "remote.json").write_text(to_json(run))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.remote", description=__doc__)
    parser.add_argument("--rows", type=float, default=1e5, help="segments in a strong beam")
    parser.add_argument(
        "--waits", type=float, nargs="*", default=[0.0, 0.03, 0.1], help="waits before an answer [s], longest last"
    )
    parser.add_argument("--runs", type=int, default=5, help="turns of every way")
    parser.add_argument("--granules", type=int, default=20, help="granules at once; 0 leaves that out")
    parser.add_argument("--limit", type=float, default=60.0, help="time after which these are stopped [s]")
    parser.add_argument("--chains", action=argparse.BooleanOptionalAction, default=True, help="from file to cells too")
    parser.add_argument("--quick", action="store_true", help="two turns")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "altiflow-remote")
    parser.add_argument("--out", type=Path, help="folder for remote.md and remote.json")
    told = parser.parse_args()
    if told.quick:
        told.runs, told.limit = 2, 60.0
    return told


if __name__ == "__main__":
    main()
