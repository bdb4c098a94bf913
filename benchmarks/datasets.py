"""Data sets: bytes that a small area reads, before and after sorting and pushing filters down; and memory."""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyarrow as pa

from altiflow.readers import read_segments, read_table, read_to_dataset
from altiflow.readers.datasets import reading
from altiflow.readers.datasets.geoparquet import with_geometry, write_parquet
from benchmarks.full_granule import write_full_granule

__all__ = ["bytes_read", "peak_memory"]

COLUMNS = ["freeboard"]
CHILD = """
import resource, sys
from altiflow.readers import read_to_dataset
ledger = read_to_dataset(sys.argv[1], sys.argv[2], workers=int(sys.argv[3]))
print(sum(row["segments_kept"] for row in ledger.rows), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


class Counted(io.FileIO):
    """A file that counts the bytes read of it."""

    total = 0

    def read(self, size: int = -1, /) -> bytes:
        """Return bytes, counted."""
        data = super().read(size)
        Counted.total += len(data)
        return data


def counted(work: Callable[[], Any]) -> tuple[int, int]:
    """Return the bytes that something reads, and how many rows it returns."""
    Counted.total = 0
    return len(work()), Counted.total


def granules(folder: Path, count: int, rows: int) -> list[Path]:
    """Return granules in the full layout, one file under several names."""
    folder.mkdir()
    first = write_full_granule(folder / "one.h5", rows=rows)
    names = [f"ATL10-02_2019{1 + n // 28:02d}{1 + n % 28:02d}000000_{1 + n:04d}0201_006_01.h5" for n in range(count)]
    for name in names:
        (folder / name).hardlink_to(first)
    first.unlink()
    return [folder / name for name in names]


def bytes_read(rows: int, share: float) -> list[tuple[str, int, int]]:
    """Return way, rows found and bytes read for the columns place and freeboard in the south-most `share` of rows."""
    found = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        granule = granules(folder / "in", 1, rows)
        whole = read_segments(granule, screens="none")
        south = float(np.quantile(whole["latitude"], share))
        box = (-180.0, -90.0, 180.0, south)
        everything = folder / "geopandas.parquet"
        whole.to_parquet(everything, compression="zstd", write_covering_bbox=True)
        beams = folder / "beams.parquet"
        write_in_order(whole, beams)
        read_to_dataset(granule, folder / "out", screens="none")
        part = next((folder / "out").rglob("ATL10*.parquet"))
        total = part.stat().st_size
        found.append(("whole file of the data set", len(whole), total))
        for name, path in (
            ("geopandas' file, its filter", everything),
            ("rows beam after beam, geopandas' filter", beams),
            ("stretches of the track, geopandas' filter", part),
        ):
            with Counted(path) as file:
                got, taken = counted(lambda file=file: gpd.read_parquet(file, columns=[*COLUMNS, "geometry"], bbox=box))
            found.append((name, got, taken))
        reading.open_part = Counted
        got, taken = counted(lambda: read_table(folder / "out", region=box, columns=COLUMNS))
        found.append(("stretches of the track, read_table", got, taken))
        got, taken = counted(lambda: read_table(folder / "out", columns=COLUMNS))
        found.append(("all rows, read_table", got, taken))
    return found


def write_in_order(table: gpd.GeoDataFrame, path: Path) -> None:
    """Write a table as the data set does but for the order: rows as read, one beam after the other."""
    plain = table.drop(columns="geometry")
    x, y = (table[name].to_numpy() for name in ("longitude", "latitude"))
    arrow, geo = with_geometry(pa.Table.from_pandas(plain, preserve_index=False), x, y, encoding="WKB")
    write_parquet(arrow, path, geo=geo, metadata={})


def peak_memory(counts: list[int], rows: int, workers: int) -> list[tuple[int, int, float]]:
    """Return granules, segments and peak resident memory [MiB] of runs of their own."""
    found = []
    for count in counts:
        with tempfile.TemporaryDirectory() as place:
            granules(Path(place) / "in", count, rows)
            command = [sys.executable, "-c", CHILD, f"{place}/in", f"{place}/out", str(workers)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            kept, peak = (int(word) for word in done.stdout.split())
            found.append((count, kept, peak / (2**20 if sys.platform == "darwin" else 2**10)))
    return found


def report(told: argparse.Namespace) -> str:
    """Return both tables as Markdown."""
    ways = bytes_read(told.rows, told.share)
    lines = [
        f"One granule of {ways[0][1]} segments; freeboard and place of the south-most {told.share:.0%} of them:",
        "",
        "| way | rows found | bytes read |",
        "|---|---|---|",
        *(f"| {name} | {rows} | {size} |" for name, rows, size in ways),
        "",
        f"Peak memory of read_to_dataset, {told.workers} threads, a process for each run:",
        "",
        "| granules | segments | peak MiB |",
        "|---|---|---|",
    ]
    peaks = peak_memory(told.granules, told.small, told.workers)
    return "\n".join([*lines, *(f"| {count} | {kept} | {peak:.0f} |" for count, kept, peak in peaks)])


def main() -> None:
    """Print both tables, and write them if told where."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="segments of a strong beam")
    parser.add_argument("--share", type=float, default=0.02)
    parser.add_argument("--granules", type=int, nargs="+", default=[20, 200])
    parser.add_argument("--small", type=int, default=10_000, help="segments of a strong beam where memory is measured")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, help="folder for datasets.md")
    told = parser.parse_args()
    table = report(told)
    print(table)
    if told.out is not None:
        told.out.mkdir(parents=True, exist_ok=True)
        (told.out / "datasets.md").write_text(f"# Data sets: bytes and memory\n\n{table}\n")


if __name__ == "__main__":
    main()
