"""What tracking must do whatever the scene: nothing of nothing, closure over three images, and the place on the map."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import rasterio
from affine import Affine

from altiflow import read_velocity
from altiflow.gridding import write_velocity
from altiflow.gridding.vectors import apply_matrix, transfer_matrix
from altiflow.readers.scenes import ScenePair
from altiflow.tracking import (
    TrackParameters,
    close_triplet,
    track_offsets,
    track_pair,
    tracked_field,
    write_tracked,
)
from benchmarks.tracking.scenes import make_scene, make_triplet

__all__ = ["closure", "from_flat", "round_trip", "turned_back"]

_TRANSFORM = Affine(15, 0, 465_067.5, 0, -15, 6_681_577.5)


def from_flat(size: int) -> dict[str, int]:
    """Return how many cells of even ground there are, and how many of them have a displacement."""
    scene = make_scene("trunk", size, seed=6)
    first, second = scene.first.copy(), scene.second.copy()
    third = size // 3
    first[third : 2 * third, third : 2 * third] = 9000
    second[:, : size // 6] = 65535
    flat = wrong = 0
    for search in ("coarse-to-fine", "full"):
        parameters = TrackParameters(radius=16, chips=None, search=search)
        found = track_offsets(first, second, parameters=parameters)
        inner = [(each > third + 12) & (each < 2 * third - 12) for each in (found.row, found.column)]
        even = np.ix_(*inner)
        flat += found.dx[even].size
        wrong += int(np.isfinite(found.dx[even]).sum()) + int(
            np.isfinite(found.dx[:, found.column < size // 6 - 30]).sum()
        )
    return {"flat": flat, "wrong": wrong}


def closure(size: int) -> dict[str, Any]:
    """Return what is left of the displacements between three images, of the default and of the full search."""
    one, two, three = make_triplet(size, seed=7)
    made = {}
    for name, search in (("widths 16 to 48", "coarse-to-fine"), ("full search", "full")):
        parameters = TrackParameters(radius=20, search=search)
        steps = [track_offsets(*pair, parameters=parameters) for pair in ((one, two), (two, three), (one, three))]
        found = close_triplet(*steps)
        made[name] = {"count": found.count, "median": list(found.median), "nmad": list(found.nmad)}
    return made


def round_trip(size: int) -> dict[str, float]:
    """Return how far [px] the places of a granule lie from the truth: as read by GDAL, and by read_velocity."""
    scene = make_scene("clean", size, seed=8)
    pair = ScenePair.from_arrays(
        scene.first, scene.second, transform=_TRANSFORM, crs=32607, dates=("2016-07-18", "2016-08-03")
    )
    parameters = TrackParameters(spacing=10, radius=45, chips=None)
    granule = track_pair(pair, parameters=parameters)
    corner = _TRANSFORM.c, _TRANSFORM.f
    away = 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = write_tracked(granule, Path(folder) / "pair.nc")
        field = read_velocity(path)
        away = max(away, float(abs(field["x"].values[0] - corner[0] - 75) / 15))
        away = max(away, float(abs(field["y"].values.max() - corner[1] + 75) / 15))
        same = np.array_equal(np.sort(field["vx"].values, None), np.sort(granule["vx"].values, None), equal_nan=True)
        write_velocity(tracked_field(granule), Path(folder) / "tiffs")
        for name in (f"netcdf:{path}:vx", Path(folder) / "tiffs" / "vx.tif"):
            try:
                with rasterio.open(name) as opened:
                    away = max(
                        away,
                        *(
                            abs(a - b) / 15
                            for a, b in zip(
                                (opened.transform.c, opened.transform.f, opened.transform.a, opened.transform.e),
                                (*corner, 150.0, -150.0),
                                strict=True,
                            )
                        ),
                    )
            except rasterio.errors.RasterioIOError:
                # Wheels of rasterio may lack GDAL's netCDF driver.
                continue
    return {"away": away, "values_differ": float(not same)}


def turned_back() -> float:
    """Return the largest relative error of vectors that were turned from UTM to EPSG:3413 and back."""
    rng = np.random.default_rng(9)
    x, y = rng.uniform(4e5, 6e5, 1000), rng.uniform(6.6e6, 7.2e6, 1000)
    vx, vy = rng.normal(size=(2, 1000)) * 300
    east, north = pyproj.Transformer.from_crs(32607, 3413, always_xy=True).transform(x, y)
    there = apply_matrix(transfer_matrix("EPSG:32607", "EPSG:3413", x, y, metric="map"), vx, vy)
    back = apply_matrix(transfer_matrix("EPSG:3413", "EPSG:32607", east, north, metric="map"), *there)
    return float(np.max(np.hypot(back[0] - vx, back[1] - vy) / np.hypot(vx, vy)))
