"""A cube of 1,000 image pairs on three maps: altiflow's store beside what notebooks do, in memory and in truth."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import xarray as xr

from altiflow import Grid
from altiflow.gridding.cubes import build_cube
from altiflow.gridding.vectors import jacobian

__all__ = ["WAYS", "draw_pairs", "main"]

HOME = 3413
MAPS = (3413, 32607, 32608)
CENTRE = (-139.5, 60.0)
TRUTH = (300.0, -120.0)
"""Motion along the axes of the target map [m/yr of the map], the same in all pairs."""
ROOT = Path(__file__).resolve().parents[1]


def draw_pairs(folder: Path, count: int, side: int) -> list[Path]:
    """Return the paths of image pairs of `side` x `side` cells of 120 m, written once."""
    rng = np.random.default_rng(4)
    paths = []
    for number in range(count):
        epsg = MAPS[number % len(MAPS)]
        path = folder / f"LC08_{number:04d}_X_LC08_{number:04d}_G0120V02_P090.nc"
        paths.append(path)
        if path.exists():
            continue
        x0, y0 = pyproj.Transformer.from_crs(4326, epsg, always_xy=True).transform(*CENTRE)
        x = (round(x0 / 120) + np.arange(side) - side // 2) * 120.0 + 52.5
        y = (round(y0 / 120) - np.arange(side) + side // 2) * 120.0 + 7.5
        back = np.linalg.inv(jacobian(epsg, HOME, x0, y0))
        vx, vy = back @ np.array(TRUTH)
        values = [np.rint(v + rng.normal(0, 5, (side, side))).astype("i2") for v in (vx, vy)]
        start = np.datetime64("2015-01-01") + number
        stamps = [str(day).replace("-", "") + "T12:00:00" for day in (start, start + 16)]
        told = {f"acquisition_date_img{n + 1}": stamp for n, stamp in enumerate(stamps)}
        told |= {f"{key}_img{n}": value for n in (1, 2) for key, value in {"mission": "L", "satellite": "8"}.items()}
        attrs = {"units": "meter/year", "grid_mapping": "mapping", "_FillValue": np.int16(-32767), "error": 5.0}
        dataset = xr.Dataset(
            {
                "mapping": ((), "", {"spatial_epsg": epsg, "crs_wkt": pyproj.CRS(epsg).to_wkt()}),
                "img_pair_info": ((), "", told),
                "vx": (("y", "x"), values[0], attrs),
                "vy": (("y", "x"), values[1], attrs),
                "x": ("x", x),
                "y": ("y", y),
            }
        )
        encoding = {name: {"zlib": True, "shuffle": True} for name in ("vx", "vy")}
        dataset.to_netcdf(path, engine="h5netcdf", encoding=encoding)
    return paths


def target(side: int) -> Grid:
    """Return the grid of the cube: ITS_LIVE's lattice, `side` cells of 120 m across."""
    x, y = pyproj.Transformer.from_crs(4326, HOME, always_xy=True).transform(*CENTRE)
    half = side * 60.0
    return Grid.its_live(HOME, bounds=(x - half, y - half, x + half, y + half))


def with_altiflow(paths: list[Path], side: int, folder: Path) -> tuple[float, float]:
    """Return the mean motion of a cube that altiflow writes to a store."""
    cube = build_cube(paths, target(side), store=folder / "cube.zarr", replace=True)
    sums, count = np.zeros(2), 0
    for first in range(0, cube.sizes["time"], 50):
        part = cube[["vx", "vy"]].isel(time=slice(first, first + 50)).load()
        valid = np.isfinite(part.vx.values)
        sums += [float(part[name].values[valid].sum(dtype=float)) for name in ("vx", "vy")]
        count += int(valid.sum())
    return float(sums[0] / count), float(sums[1] / count)


def with_reproject_match(paths: list[Path], side: int, folder: Path) -> tuple[float, float]:
    """Return the mean motion of a cube as notebooks build it: components warped as pictures, stacked in memory."""
    import rioxarray  # noqa: F401  the accessor .rio

    grid = target(side)
    like = xr.DataArray(np.zeros(grid.shape, "f4"), coords={"y": grid.y, "x": grid.x}, dims=("y", "x"))
    like = like.rio.write_crs(HOME)
    layers = []
    for path in paths:
        with xr.open_dataset(path, engine="h5netcdf") as pair:
            epsg = int(pair["mapping"].attrs["spatial_epsg"])
            both = pair[["vx", "vy"]].load().rio.write_crs(epsg)
            layers.append(both.rio.reproject_match(like))
    cube = xr.concat(layers, dim="mid_date")
    return float(cube.vx.mean()), float(cube.vy.mean())


WAYS: dict[str, Callable[[list[Path], int, Path], tuple[float, float]]] = {
    "altiflow": with_altiflow,
    "reproject_match": with_reproject_match,
}


def measure(way: str, folder: Path, count: int, side: int) -> dict[str, Any]:
    """Return mean motion, CPU time [s] and peak resident memory [bytes] of one way, from a fresh interpreter."""
    command = [sys.executable, "-m", "benchmarks.cube", "--run", way, "--folder", str(folder)]
    command += ["--pairs", str(count), "--side", str(side)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--side", type=int, default=400, help="cells of a pair and of the cube along a side")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "altiflow-cube-bench")
    parser.add_argument("--run", choices=[*WAYS], help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    paths = draw_pairs(given.folder, given.pairs, given.side)
    if given.run:
        begun = time.process_time()
        mean = WAYS[given.run](paths, given.side, given.folder)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"mean": mean, "cpu": time.process_time() - begun, "peak": peak}))
        return
    found = {way: measure(way, given.folder, given.pairs, given.side) for way in WAYS}
    base = found["altiflow"]
    print(f"{given.pairs} pairs of {given.side} x {given.side} cells; truth {TRUTH} m/yr\n")
    print("| way | CPU, ratio | peak memory | mean vx, vy [m/yr] |\n|---|---|---|---|")
    for way, row in found.items():
        vx, vy = row["mean"]
        print(f"| {way} | {row['cpu'] / base['cpu']:.2f} | {row['peak'] / 2**30:.2f} GiB | {vx:.1f}, {vy:.1f} |")


if __name__ == "__main__":
    main()
