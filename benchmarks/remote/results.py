"""One run as Markdown and JSON: the tables, and the goals with what was found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.remote.ways import LOCAL, SPARE, WAYS, Way
from benchmarks.remote.whole import CHAINS
from benchmarks.report import Goal, at_least, at_most, goal_table, machine, versions

__all__ = ["Run", "to_json", "to_markdown"]

PACKAGES = (
    *("altiflow", "aiohttp", "boto3", "deflate", "fsspec", "h5coro", "h5coro-hidefix", "h5py", "numba", "numpy"),
    *("requests", "s3fs", "urllib3"),
)
MEBI = 2**20
Row = dict[str, Any]


@dataclass
class Run:
    """What one run found.

    `needed` are, by file, its size, stored bytes of what is read, the extents they are joined to, their bytes, and
    the fewest requests that hold them within 2 MiB more; `limits` what was chosen on the command line.
    """

    waits: list[float]
    granules: int
    limits: dict[str, Any]
    needed: dict[str, tuple[int, int, int, int, int]] = field(default_factory=dict)
    remote: list[Row] = field(default_factory=list)
    many: list[Row] = field(default_factory=list)
    local: list[Row] = field(default_factory=list)
    chains: list[Row] = field(default_factory=list)
    growth: float | None = None

    def of(self, file: str, way: str) -> Row:
        """Return the row of a file and a way over the network; an empty one where it was skipped."""
        return next((row for row in self.remote if (row["file"], row["way"]) == (file, way) and not row["skipped"]), {})

    def wall(self, file: str, way: str, wait: float) -> float | None:
        """Return the best wall time [s]."""
        return self.of(file, way).get("wall", {}).get(wait)

    def together(self, way: str) -> float | None:
        """Return the wall time of many granules at once [s]."""
        return next((row["wall"] for row in self.many if row["way"] == way and not row["skipped"]), None)

    def cpu(self, file: str, way: str) -> float | None:
        """Return the least CPU time from disk [s]."""
        rows = [row for row in self.local if (row["file"], row["way"]) == (file, way) and row["cpu"]]
        return min(rows[0]["cpu"]) if rows else None

    def chain(self, number: int) -> float | None:
        """Return the least CPU time of a chain [s]."""
        row = self.chains[number] if self.chains else {"cpu": []}
        return min(row["cpu"]) if row["cpu"] else None


def ratio(first: float | None, second: float | None) -> float | None:
    """Return first over second, None where one is not there."""
    return first / second if first is not None and second else None


def goals(run: Run) -> list[Goal]:
    """Return all goals with what was found."""
    found = []
    answers = [row["same"] for row in (*run.remote, *run.local, *run.many) if "same" in row]
    found.append(at_most("all", "answers that are not those of h5py to the bit", float(answers.count(False)), 0))
    for file in run.needed:
        found += _local_goals(run, file)
    for file in run.needed:
        found += _counted_goals(run, file)
    for file in run.needed:
        found += _latency_goals(run, file)
    return [*found, *_together_goals(run), *_chain_goals(run)]


def _local_goals(run: Run, file: str) -> list[Goal]:
    ours = run.cpu(file, "indexed")
    rows = (("h5py", 0.75), ("h5coro", 0.15), ("hidefix", 1.15))
    return [
        at_most("G5", f"{file}: CPU from disk, indexed over {other}", ratio(ours, run.cpu(file, other)), most)
        for other, most in rows
    ]


def _counted_goals(run: Run, file: str) -> list[Goal]:
    _, stored, extents, _, fewest = run.needed[file]
    kept, cold, thrifty = (run.of(file, name) for name in ("indexed", "first-requests", "first-bytes"))
    found = [
        at_most("G6", f"{file}, index kept: requests beyond the joined extents", _less(kept, "requests", extents), 0),
        at_most("G6", f"{file}, index kept: bytes over stored bytes", ratio(kept.get("bytes"), stored), 1.1),
        at_most("G6", f"{file}, index kept: round trips", _rounds(run, kept), 1),
        at_most(
            "issue", f"{file}, engine h5coro, no index: requests", run.of(file, "engine-h5coro").get("requests"), 12
        ),
        at_most("issue", f"{file}, no index, few_requests: requests", cold.get("requests"), 11),
    ]
    megabytes = {name: row["bytes"] / 1e6 if row else None for name, row in (("cold", cold), ("thrifty", thrifty))}
    if file == "paged":
        limit = (stored + SPARE) / 1e6
        bound = f"both at once need {fewest} for the chunks alone"
        for name, row, size in (("few_requests", cold, "cold"), ("few_bytes", thrifty, "thrifty")):
            found += [
                at_most("G6", f"{file}, no index, {name}: requests; {bound}", row.get("requests"), 6),
                at_most("G6", f"{file}, no index, {name}: round trips", _rounds(run, row), 3),
                at_most("G6", f"{file}, no index, {name}: MB (needed + 2 MiB)", megabytes[size], round(limit, 2)),
            ]
        return found
    return [
        *found,
        at_most("G6", f"{file}, no index, few_bytes: requests", thrifty.get("requests"), 50),
        at_most("G6", f"{file}, no index, few_bytes: round trips", _rounds(run, thrifty), 12),
        at_most("G6", f"{file}, no index, few_bytes: MB", megabytes["thrifty"], 10),
    ]


def _rounds(run: Run, row: Row) -> float | None:
    """Return round trips; where no answer waits, requests that are sent together do not overlap."""
    return row.get("rounds") if run.waits[-1] > 0 else None


def _less(row: Row, key: str, number: int) -> float | None:
    return abs(row[key] - number) if row else None


def _latency_goals(run: Run, file: str) -> list[Goal]:
    wait = 0.1
    if wait not in run.waits:
        return []
    ours, local = run.wall(file, "indexed", wait), run.cpu(file, "indexed")
    beyond = None if ours is None or local is None else (ours - local) / wait
    peer = run.wall(file, "h5coro", wait)
    bound = f"; {peer / wait:.1f} at most, as no way is done before one wait" if peer else ""
    return [
        at_most("G7", f"{file}, 100 ms, index kept: wall less CPU from disk, in waits", beyond, 3),
        at_least("G7", f"{file}, 100 ms: h5coro's HTTPDriver over indexed, index kept{bound}", ratio(peer, ours), 5),
    ]


def _together_goals(run: Run) -> list[Goal]:
    ours, text = run.together("indexed"), f"{run.granules} granules at once"
    peer, whole = run.together("h5coro"), run.together("first-requests")
    return [
        at_least("G7", f"{text}: h5coro's HTTPDriver over indexed, index kept", ratio(peer, ours), 10),
        at_least("G7", f"{text}: whole files (few_requests) over indexed", ratio(whole, ours), 3),
    ]


def _chain_goals(run: Run) -> list[Goal]:
    if not run.chains:
        return []
    base, *_, loop = (run.chain(number) for number in range(len(run.chains)))
    ours = {chain[:2]: run.chain(number) for number, chain in enumerate(CHAINS)}
    needed = {"engine-h5py": ("h5py", 0.6), "indexed": ("indexed with an index", 0.35)}
    found = [
        at_most(
            "G8",
            f"file to cells, CPU: engine {needed[reader][0]} and {kernel.removeprefix('altiflow-')} kernel over h5py "
            "and bincount",
            ratio(taken, base),
            needed[reader][1],
        )
        for (reader, kernel), taken in ours.items()
        if reader in needed
    ]
    grown = None if run.growth is None else run.growth / MEBI
    return [
        *found,
        at_least(
            "G8",
            "file to cells, CPU: h5coro and loop over engine indexed and numpy kernel",
            ratio(loop, ours["indexed", "altiflow-numpy"]),
            60,
        ),
        at_most("G8", "growth of peak memory from the first granule to the 60th, MiB", grown, 20),
    ]


def to_markdown(run: Run) -> str:
    """Return the whole run as Markdown."""
    told = machine()
    head = (
        "# A granule from afar and from disk\n\n"
        "Seven variables of the three strong beams of a simulated ATL10 granule, from a server on this machine that "
        "waits before every answer. Requests, bytes and round trips are counted by the server and exact; a round trip "
        "lasts from no request in flight to none again, so ways whose requests overlap by chance show fewer than they "
        "wait for. Times are the best of several turns, all ways taking theirs. Opening a connection waits for nothing "
        "here. h5coro is called as its README has it: one `readDatasets` of all 21 data sets, `block=True`, every "
        "setting left as it is. altiflow has the extra `fast` (libdeflate, numba) loaded where it is installed. Many "
        "granules at once are read up to three times, by ways that take above 4 s once. "
        f"{told['processor']}, {told['cores']} cores shared with the server, Python {told['python']}; "
        f"{run.limits['rows']:,} segments in a strong beam, {run.limits['runs']} turns; load of the machine "
        f"before {run.limits['load'][0]:.1f}, after {run.limits['load'][-1]:.1f} (far above 1, times mean little).\n"
    )
    files = ["| file | MB | stored MB needed | joined extents | MB in them |", "|---|--:|--:|--:|--:|"]
    for file, (size, stored, extents, joined, _) in run.needed.items():
        files.append(f"| {file} | {size / 1e6:.1f} | {stored / 1e6:.2f} | {extents} | {joined / 1e6:.2f} |")
    parts = [head, "\n".join(files)]
    for file in run.needed:
        parts += [f"\n## One granule, {file}\n", _remote_table(run, file)]
    if run.many:
        parts += [f"\n## {run.granules} granules in 16 threads, 30 ms, 50 MB/s a connection\n", _many_table(run)]
    parts += ["\n## From disk\n", _local_table(run)]
    if run.chains:
        parts += ["\n## From a file to cells\n", _chain_table(run)]
    parts += ["\n## Goals\n", goal_table(goals(run))]
    packages = ", ".join(f"{name} {number}" for name, number in versions(PACKAGES).items())
    return "\n".join([*parts, f"\nVersions: {packages}.\n"])


def _title(name: str, ways: Sequence[Way] = WAYS) -> str:
    return next(way.how for way in ways if way.name == name)


def _remote_table(run: Run, file: str) -> str:
    waits = run.waits
    heads = " | ".join(f"wall s, {wait * 1000:.0f} ms" for wait in waits)
    lines = [
        f"| way | requests | MB | round trips | in flight | {heads} | CPU s |",
        f"|---|--:|--:|--:|--:|{'--:|' * len(waits)}--:|",
    ]
    for row in (each for each in run.remote if each["file"] == file):
        if row["skipped"]:
            lines.append(f"| {_title(row['way'])} | {row['skipped']} |{' |' * (len(waits) + 4)}")
            continue
        counts = f"{row['requests']} | {row['bytes'] / 1e6:.2f} | {row['rounds']} | {row['in_flight']}"
        walls = " | ".join(f"{row['wall'][wait]:.3f}" for wait in waits)
        lines.append(f"| {_title(row['way'])} | {counts} | {walls} | {min(row['cpu'].values()):.3f} |")
    return "\n".join(lines)


def _many_table(run: Run) -> str:
    lines = ["| way | requests | MB | wall s | CPU s | wall over indexed |", "|---|--:|--:|--:|--:|--:|"]
    base = run.together("indexed")
    for row in run.many:
        if row["skipped"]:
            lines.append(f"| {_title(row['way'])} | | | {row['skipped']} | | |")
            continue
        times = ratio(row["wall"], base)
        counts = f"{row['requests']} | {row['bytes'] / 1e6:.0f} | {row['wall']:.2f} | {row['cpu']:.2f}"
        lines.append(f"| {_title(row['way'])} | {counts} | {'' if times is None else f'{times:.1f}'} |")
    return "\n".join(lines)


def _local_table(run: Run) -> str:
    lines = ["| file | way | CPU ms | wall ms | CPU over h5py |", "|---|---|--:|--:|--:|"]
    for row in run.local:
        if row["skipped"]:
            lines.append(f"| {row['file']} | {_title(row['way'], LOCAL)} | {row['skipped']} | | |")
            continue
        times = ratio(min(row["cpu"]), run.cpu(row["file"], "h5py"))
        figures = f"{1e3 * min(row['cpu']):.1f} | {1e3 * min(row['wall']):.1f} | {times:.2f}"
        lines.append(f"| {row['file']} | {_title(row['way'], LOCAL)} | {figures} |")
    return "\n".join(lines)


def _chain_table(run: Run) -> str:
    lines = ["| chain | CPU ms a granule | over the first |", "|---|--:|--:|"]
    for number, row in enumerate(run.chains):
        if row["skipped"]:
            lines.append(f"| {row['chain']} | {row['skipped']} | |")
            continue
        times = ratio(run.chain(number), run.chain(0))
        lines.append(f"| {row['chain']} | {1e3 * min(row['cpu']):.0f} | {times:.2f} |")
    return "\n".join(lines)


def to_json(run: Run) -> str:
    """Return the whole run as JSON."""
    whole = {"machine": machine(), "versions": versions(PACKAGES), **asdict(run)}
    return json.dumps(whole | {"goals": [asdict(goal) for goal in goals(run)]}, indent=1) + "\n"
