"""Segment tables on disk: writing and reading GeoParquet, against what geopandas does."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa

from altiflow.readers import write_table
from altiflow.readers.datasets.geoparquet import with_geometry, write_parquet
from altiflow.readers.table import read_arrow
from benchmarks.measure import cpu_seconds, time_runs

__all__ = ["compare"]


def segments(size: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Return columns of segments along tracks: time, length, freeboard, type, beam and place."""
    rng = np.random.default_rng(seed)
    along = np.arange(size) % 100_000
    track = np.arange(size) // 100_000
    return {
        "time": (np.datetime64("2020-01-01", "us") + (track * 5_700_000_000 + along * 3_000).astype("m8[us]")),
        "segment_length": rng.gamma(4, 10, size).astype("f4"),
        "freeboard": rng.gamma(2, 0.15, size).astype("f4"),
        "segment_type": rng.integers(0, 9, size).astype("i1"),
        "beam": (track % 6).astype("i1"),
        "longitude": (track * 24.7 + along * 2e-4 + rng.normal(0, 1e-6, size)) % 360 - 180,
        "latitude": 60 + along * 2.5e-4 + rng.normal(0, 1e-6, size),
    }


def compare(size: int, runs: int) -> list[dict[str, Any]]:
    """Return CPU [s] of writing and of reading one column, and bytes a segment, of each way."""
    columns = segments(size)
    place = columns["longitude"], columns["latitude"]
    plain = {name: values for name, values in columns.items() if name not in ("longitude", "latitude")}
    frame = gpd.GeoDataFrame(pd.DataFrame(plain), geometry=gpd.points_from_xy(*place), crs="EPSG:4326")

    def ours(encoding: Any) -> Callable[[Path], None]:
        def write(path: Path) -> None:
            arrow, geo = with_geometry(pa.table(plain), *place, encoding=encoding)
            write_parquet(arrow, path, geo=geo, metadata={})

        return write

    def table(path: Path) -> None:
        write_table(frame, path, order="rows")

    def theirs(**options: Any) -> Callable[[Path], None]:
        return lambda path: gpd.GeoDataFrame(
            pd.DataFrame(plain), geometry=gpd.points_from_xy(*place), crs="EPSG:4326"
        ).to_parquet(path, compression="zstd", **options)

    ways: dict[str, Callable[[Path], None]] = {
        "geopandas, WKB": theirs(),
        "geopandas, WKB and boxes": theirs(write_covering_bbox=True),
        "altiflow, WKB and boxes": ours("WKB"),
        "altiflow, points": ours("point"),
        "altiflow, write_table of a GeoDataFrame": table,
    }
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, write) in enumerate(ways.items()):
            path = Path(folder) / f"{number}.parquet"
            cpu, _ = time_runs(lambda write=write, path=path: write(path), runs)
            read = gpd.read_parquet if name.startswith("geopandas") else _column
            back, _ = time_runs(lambda read=read, path=path: read(path), runs)
            size_each = path.stat().st_size / size
            found.append({"way": name, "write": median(cpu), "bytes": size_each, "read": median(back)})
    return found


def _column(path: Path) -> Any:
    return read_arrow(path, columns=["freeboard"])["freeboard"].to_numpy()


def main() -> None:
    """Print the comparison; ratios are to geopandas with zstd and WKB."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    told = parser.parse_args()
    started = cpu_seconds()
    rows = compare(told.size, told.runs)
    base = rows[0]
    print(f"{told.size} segments, median CPU of {told.runs} runs\n")
    print("| way | write s | ratio | bytes/segment | ratio | read s | ratio |\n|---|---|---|---|---|---|---|")
    for row in rows:
        cells = [f"{row[key]:.3g} | {row[key] / base[key]:.3g}" for key in ("write", "bytes", "read")]
        print(f"| {row['way']} | {' | '.join(cells)} |")
    print(f"\nCPU of it all: {cpu_seconds() - started:.0f} s")


if __name__ == "__main__":
    main()
