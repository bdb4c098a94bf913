"""Segment tables on disk: writing and reading GeoParquet, against what geopandas does."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from altiflow.readers import read_segments, read_to_dataset, write_table
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
    """Return the least CPU [s] of writing and of reading one column, and bytes a segment, of each way."""
    columns = segments(size)
    place = columns["longitude"], columns["latitude"]
    plain = {name: values for name, values in columns.items() if name not in ("longitude", "latitude")}
    frame = gpd.GeoDataFrame(pd.DataFrame(plain), geometry=gpd.points_from_xy(*place), crs="EPSG:4326")

    def ours(encoding: Any) -> Callable[[Path], None]:
        def write(path: Path) -> None:
            arrow, geo = with_geometry(pa.table(plain), *place, encoding=encoding)
            write_parquet(arrow, path, geo=geo, metadata={})

        return write

    def without_boxes(path: Path) -> None:
        arrow, geo = with_geometry(pa.table(plain), *place, encoding="WKB")
        del geo["columns"]["geometry"]["covering"]
        write_parquet(arrow.drop_columns("bbox"), path, geo=geo, metadata={})

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
        "altiflow, WKB alone": without_boxes,
        "altiflow, points": ours("point"),
        "altiflow, write_table of a GeoDataFrame": table,
    }
    found: list[dict[str, Any]] = [{"way": name, "write": [], "read": []} for name in ways]
    with tempfile.TemporaryDirectory() as folder:
        # All ways take their turn, and then again, so that a busy minute does not fall on one alone.
        for turn in range(runs + 1):
            for row, (name, write) in zip(found, ways.items(), strict=True):
                path = Path(folder) / "a.parquet"
                read = gpd.read_parquet if name.startswith("geopandas") else _column
                wrote, _ = time_runs(partial(write, path), 1)
                got, _ = time_runs(partial(read, path), 1)
                row["bytes"] = path.stat().st_size / size
                if turn:
                    row["write"] += wrote
                    row["read"] += got
    return [row | {"write": min(row["write"]), "read": min(row["read"])} for row in found]


def _column(path: Path) -> Any:
    return read_arrow(path, columns=["freeboard"])["freeboard"].to_numpy()


def in_columns(size: int) -> dict[str, dict[str, float]]:
    """Return the compressed bytes a segment of each column, by way: the points alone are most of a table."""
    columns = segments(size)
    place = columns["longitude"], columns["latitude"]
    plain = {name: values for name, values in columns.items() if name not in ("longitude", "latitude")}
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.parquet"
        points = gpd.points_from_xy(*place)
        gpd.GeoDataFrame(pd.DataFrame(plain), geometry=points, crs="EPSG:4326").to_parquet(path, compression="zstd")
        found["geopandas, WKB"] = column_bytes(path)
        for name, encoding in (("altiflow, WKB and boxes", "WKB"), ("altiflow, points", "point")):
            arrow, geo = with_geometry(pa.table(plain), *place, encoding=encoding)  # type: ignore[arg-type]
            write_parquet(arrow, path, geo=geo, metadata={})
            found[name] = column_bytes(path)
    return found


def of_granule(granule: Path) -> dict[str, float]:
    """Return the bytes a segment of the whole table of a granule, by way."""
    table = read_segments(granule, screens="none", beams="all")
    found = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        table.to_parquet(folder / "a.parquet", compression="zstd")
        found["geopandas, WKB"] = (folder / "a.parquet").stat().st_size / len(table)
        for name, geometry in (("altiflow, WKB and boxes", "WKB"), ("altiflow, points", "point")):
            out = folder / geometry
            read_to_dataset(granule, out, screens="none", beams="all", geometry=geometry)  # type: ignore[arg-type]
            sizes = [file.stat().st_size for file in out.rglob("*.parquet") if file.name[0] != "_"]
            found[name] = sum(sizes) / len(table)
    return found


def column_bytes(path: Path) -> dict[str, float]:
    """Return the compressed bytes a row of each column of a file; parts of one column are added up."""
    metadata = pq.read_metadata(path)
    found: dict[str, float] = {}
    for group in (metadata.row_group(number) for number in range(metadata.num_row_groups)):
        for column in (group.column(number) for number in range(group.num_columns)):
            name = column.path_in_schema.split(".")[0]
            found[name] = found.get(name, 0.0) + column.total_compressed_size / metadata.num_rows
    return found


def report(told: argparse.Namespace) -> str:
    """Return the comparison as Markdown; ratios are to geopandas with zstd and WKB."""
    rows = compare(told.size, told.runs)
    base, lines = rows[0], [f"{told.size} segments, least CPU of {told.runs} runs", ""]
    lines += ["| way | write s | ratio | bytes/segment | ratio | read s | ratio |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        cells = [f"{row[key]:.3g} | {row[key] / base[key]:.3g}" for key in ("write", "bytes", "read")]
        lines.append(f"| {row['way']} | {' | '.join(cells)} |")
    split = in_columns(told.size)
    names = [*next(iter(split.values())), "bbox"]
    lines += ["", "Bytes a segment by column:", "", f"| way | {' | '.join(names)} |", "|---" * (1 + len(names)) + "|"]
    lines += [f"| {way} | {' | '.join(f'{got.get(name, 0):.2f}' for name in names)} |" for way, got in split.items()]
    for path in told.granule:
        sizes = of_granule(path)
        lines += ["", f"The whole table of {path.stem}:", "", "| way | bytes/segment | ratio |", "|---|---|---|"]
        lines += [f"| {way} | {size:.1f} | {size / sizes['geopandas, WKB']:.3f} |" for way, size in sizes.items()]
    return "\n".join(lines)


def main() -> None:
    """Print the comparison, and write it if told where."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--granule", type=Path, nargs="*", default=[], help="granules whose tables are compared too")
    parser.add_argument("--out", type=Path, help="folder for tables.md")
    told = parser.parse_args()
    started = cpu_seconds()
    table = report(told)
    print(f"{table}\n\nCPU of it all: {cpu_seconds() - started:.0f} s")
    if told.out is not None:
        told.out.mkdir(parents=True, exist_ok=True)
        (told.out / "tables.md").write_text(f"# Tables on disk\n\n{table}\n")


if __name__ == "__main__":
    main()
