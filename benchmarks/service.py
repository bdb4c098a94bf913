"""The search service: loading a catalogue, and polygon searches by many clients, checked by brute force.

Both stores: the embedded one, and PostgreSQL with PostGIS where it is installed (a cluster of the benchmark's own).

python -m benchmarks.service --size 1e6 --clients 50
"""

from __future__ import annotations

import argparse
import http.client
import multiprocessing
import os
import platform
import resource
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from altiflow.explore.service import EmbeddedStore, Query, Store, make_app, start_app
from altiflow.explore.service.stores.postgis import PostgisStore, load_catalogue
from altiflow.readers import write_pairs
from altiflow.region import as_region
from benchmarks.cluster import own_cluster

FOLDER = "https://its-live-data.s3.amazonaws.com/velocity_image_pair/landsatOLI/v02/N70W050"


def make_catalogue(size: int, seed: int = 0) -> gpd.GeoDataFrame:
    """Return a pair catalogue of tilted squares beyond 60 degrees of latitude."""
    generator = np.random.default_rng(seed)
    x, y = generator.uniform(-175, 175, size), generator.choice([-1, 1], size) * generator.uniform(60, 86, size)
    angles = generator.uniform(0, np.pi, size)[:, None] + np.arange(4) * np.pi / 2
    radius = generator.uniform(0.3, 2, size)[:, None]
    up = np.clip(y[:, None] + radius / 3 * np.sin(angles), -90, 90)
    footprints = shapely.polygons(np.stack([x[:, None] + radius * np.cos(angles), up], axis=-1))
    start = np.datetime64("1985-01-01", "us") + (generator.uniform(0, 14_600, size) * 86_400e6).astype("m8[us]")
    separation = generator.integers(6, 546, size)
    end = start + separation.astype("m8[D]")
    names = [f"LC08_L1TP_{number:07d}_X_{number:07d}_G0120V02_P078" for number in range(size)]
    columns = {
        "granule": names,
        "url": [f"{FOLDER}/{name}.nc" for name in names],
        "start": start,
        "end": end,
        "mid": start + (end - start) // 2,
        "separation_days": separation.astype(float),
        "time_resolution": "day",
        "mission": "landsat",
        "satellite": "L8",
        "percent_valid": generator.uniform(0, 100, size),
        "version": "v02",
        "epsg": pd.array(np.full(size, 3413), dtype="Int32"),
    }
    return gpd.GeoDataFrame(columns, geometry=footprints, crs="EPSG:4326")


def draw_polygon(generator: np.random.Generator) -> shapely.Polygon:
    """Return a polygon of 4 to 40 corners, 1 to 6 degrees wide."""
    x, y = generator.uniform(-170, 170), generator.choice([-1, 1]) * generator.uniform(62, 84)
    angles = (np.arange(generator.integers(4, 40)) + generator.uniform(0, 0.9)) * 0.15
    angles *= 2 * np.pi / (angles[-1] + 0.15)
    radius = generator.uniform(0.5, 3)
    return shapely.Polygon(np.column_stack([x + radius * np.cos(angles), y + radius / 3 * np.sin(angles)]))


@dataclass(frozen=True)
class Measured:
    """What was found of a store: times [s] of the load, of searches one by one, and of those of many clients."""

    name: str
    load: float
    wrong: int
    rows: float
    alone: np.ndarray
    many: np.ndarray
    rate: float


def count_differences(store: Store, table: gpd.GeoDataFrame, searches: int = 20) -> tuple[int, float]:
    """Return how many of some searches have another answer than all footprints tested one by one, and the mean rows."""
    generator, wrong, rows = np.random.default_rng(1), 0, 0
    for _ in range(searches):
        area = draw_polygon(generator)
        found = store.find(Query(as_region(area)), seconds=60)
        names = {row[0] for batch in store.rows(found.places, ["granule"]) for row in batch}
        wrong += names != set(table["granule"][table.intersects(area).to_numpy()])
        rows += len(names)
    return wrong, rows / searches


def ask(url: str, seed: int, searches: int) -> list[float]:
    """Return how long [s] each search of a client takes, which keeps its connection."""
    generator, times = np.random.default_rng(seed), []
    client = http.client.HTTPConnection(urlsplit(url).netloc, timeout=300)
    for _ in range(searches):
        corners = ",".join(f"{value:.4f}" for value in shapely.get_coordinates(draw_polygon(generator)).ravel())
        begin = perf_counter()
        client.request("GET", f"/velocities/coverage/?polygon={corners}")
        answer = client.getresponse()
        answer.read()
        times.append(perf_counter() - begin)
        if answer.status != 200:
            raise RuntimeError(f"a search was answered with {answer.status}")
    client.close()
    return times


def ask_at_once(url: str, clients: int, searches: int) -> tuple[np.ndarray, float]:
    """Return how long [s] each search of many clients takes, and how many are answered a second."""
    with ThreadPoolExecutor(clients) as pool:
        begin = perf_counter()
        times = list(pool.map(lambda seed: ask(url, seed, searches), range(clients)))
        return np.concatenate(times), clients * searches / (perf_counter() - begin)


def measure(
    name: str, open_store: Callable[[], Store], table: gpd.GeoDataFrame, chosen: argparse.Namespace
) -> Measured:
    """Return what is found of a store; the clients are another process."""
    begin = perf_counter()
    store = open_store()
    load = perf_counter() - begin
    wrong, rows = count_differences(store, table)
    with (
        start_app(make_app(store)) as running,
        ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as other,
    ):
        other.submit(ask, running.url, 1000, 10).result()
        alone = np.array(other.submit(ask, running.url, 1001, 50).result())
        many, rate = other.submit(ask_at_once, running.url, chosen.clients, chosen.searches).result()
    print(f"{name}: {load:.1f} s, {wrong} wrong, p50 {np.median(many) * 1e3:.0f} ms of {chosen.clients}", flush=True)
    return Measured(name, load, wrong, rows, alone, many, rate)


@contextmanager
def found_database() -> Iterator[str | None]:
    """Yield the address of a database, None where PostgreSQL is not installed."""
    if not any(Path("/usr/share/postgresql").glob("*/extension/postgis.control")):
        yield None
        return
    with own_cluster() as address:
        yield address


def as_markdown(found: list[Measured], chosen: argparse.Namespace, load: float) -> str:
    """Return the results as a page."""
    cores, size = os.cpu_count(), int(chosen.size)
    lines = [
        "# Searches of the service",
        "",
        f"{size} footprints of four corners beyond 60 degrees of latitude; counts by year in polygons of 4 to 40 "
        f"corners, 1 to 6 degrees wide, which meet {found[0].rows:.0f} footprints in the mean. One client, and "
        f"{chosen.clients} at once with {chosen.searches} searches each, in another process of the same machine, no "
        "search asked twice. Load is from the GeoParquet file to the first answer; PostgreSQL writes to disk, and "
        "indexes. Differences are searches, of 20, whose rows are not those of all footprints tested one by one with "
        "shapely.",
        "",
        f"{cores} cores, {platform.machine()}, Python {platform.python_version()}; load of the machine before "
        f"{load:.1f}, after {os.getloadavg()[0]:.1f} (other work on it makes times longer).",
        "",
        "| store | load s | differences | one: p50 ms | p99 ms | many: p50 ms | p99 ms | searches a second |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for one in found:
        alone, many = (np.percentile(times, [50, 99]) * 1e3 for times in (one.alone, one.many))
        lines.append(
            f"| {one.name} | {one.load:.1f} | {one.wrong} | {alone[0]:.1f} | {alone[1]:.1f} | {many[0]:.0f} "
            f"| {many[1]:.0f} | {one.rate:.0f} |"
        )
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    lines += ["", f"Most memory of the process, table of the benchmark included: {most:.1f} GiB.", ""]
    return "\n".join(lines)


def main() -> None:
    """Print and write load time, differences from brute force, and quantiles of the time of a search."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=float, default=1e6)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--searches", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "service.md")
    chosen = parser.parse_args()
    table, load = make_catalogue(int(chosen.size)), os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder, found_database() as database:
        path = write_pairs(table, Path(folder) / "pairs.parquet")

        def open_postgis() -> Store:
            load_catalogue(path, str(database), quiet=True)
            return PostgisStore(str(database), "pairs")

        found = [measure("embedded (DuckDB, shapely)", lambda: EmbeddedStore(path), table, chosen)]
        if database is not None:
            found.append(measure("PostgreSQL, PostGIS", open_postgis, table, chosen))
    page = as_markdown(found, chosen, load)
    print(page)
    chosen.out.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
