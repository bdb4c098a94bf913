"""The search service: loading a catalogue, and polygon searches by many clients, checked by brute force.

python -m benchmarks.service --size 1e6 --clients 50
"""

from __future__ import annotations

import argparse
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

import geopandas as gpd
import numpy as np
import pandas as pd
import requests
import shapely

from altiflow.explore.service import EmbeddedStore, Query, make_app, start_app
from altiflow.readers import write_pairs
from altiflow.region import as_region

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


def count_differences(store: EmbeddedStore, table: gpd.GeoDataFrame, searches: int = 10) -> int:
    """Return how many of some searches have another answer than all footprints tested one by one."""
    generator, wrong = np.random.default_rng(1), 0
    for _ in range(searches):
        area = draw_polygon(generator)
        found = store.find(Query(as_region(area)), seconds=60)
        names = {row[0] for batch in store.rows(found.places, ["granule"]) for row in batch}
        wrong += names != set(table["granule"][table.intersects(area).to_numpy()])
    return wrong


def ask(url: str, seed: int, searches: int) -> list[float]:
    """Return how long [s] each search of a client takes."""
    generator, session, times = np.random.default_rng(seed), requests.Session(), []
    for _ in range(searches):
        corners = ",".join(f"{value:.4f}" for value in shapely.get_coordinates(draw_polygon(generator)).ravel())
        begin = perf_counter()
        session.get(f"{url}/velocities/coverage/", params={"polygon": corners}, timeout=300).raise_for_status()
        times.append(perf_counter() - begin)
    return times


def main() -> None:
    """Print load time, differences from brute force, and quantiles of the time of a search."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=float, default=1e6)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--searches", type=int, default=6)
    chosen = parser.parse_args()
    table = make_catalogue(int(chosen.size))
    with tempfile.TemporaryDirectory() as folder:
        path = write_pairs(table, Path(folder) / "pairs.parquet")
        begin = perf_counter()
        store = EmbeddedStore(path)
        print(f"loaded {store.size} footprints in {perf_counter() - begin:.1f} s")
    print(f"searches that differ from brute force: {count_differences(store, table)}")
    with start_app(make_app(store)) as running, ThreadPoolExecutor(chosen.clients) as pool:
        begin = perf_counter()
        found = pool.map(lambda seed: ask(running.url, seed, chosen.searches), range(chosen.clients))
        times = np.concatenate(list(found))
        rate = times.size / (perf_counter() - begin)
    half, most = np.percentile(times, [50, 99]) * 1e3
    print(f"{chosen.clients} clients: p50 {half:.0f} ms, p99 {most:.0f} ms, {rate:.1f} searches a second")


if __name__ == "__main__":
    main()
