"""Catalogues for the tests of the service: footprints all over the globe, some across the antimeridian."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
import xarray as xr

from altiflow.readers.catalogue import build_catalogue, write_catalogue, write_pairs
from altiflow.readers.catalogue.pairs.table import build_pairs
from altiflow.readers.field import build_field
from altiflow.region import enclose_ring, wrap_longitudes

SATELLITES = [("landsat", "L8"), ("landsat", "L7+L8"), ("sentinel1", "S1A"), ("landsat+sentinel2", "L8+S2A")]
"""Missions and satellites of pairs, two joined."""


def footprint(generator: np.random.Generator, number: int) -> Any:
    """Return a footprint: mostly tilted squares, some round a pole, some across 180 degrees, some with a hole."""
    if number % 29 == 0:
        return None
    if number % 17 == 0:
        pole = 1 if number % 2 else -1
        lon = np.linspace(0, 360, 13)
        return enclose_ring(lon, pole * (84 + 3 * generator.uniform() + np.cos(np.radians(lon))))
    x, y = generator.uniform(-180, 180), generator.uniform(-83, 83)
    size, turn = generator.uniform(0.2, 6), generator.uniform(0, np.pi)
    angles = turn + np.arange(4) * np.pi / 2
    ring = np.column_stack([x + size * np.cos(angles), np.clip(y + size / 3 * np.sin(angles), -90, 90)])
    area = shapely.Polygon(ring)
    if number % 7 == 0:
        area = area.difference(shapely.Point(x, y).buffer(size / 6))
    return wrap_longitudes(area)


def make_pairs(count: int = 3000, seed: int = 0) -> gpd.GeoDataFrame:
    """Return a pair catalogue."""
    generator = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        start = datetime(1985, 3, 1) + timedelta(minutes=int(generator.integers(0, 20_000_000)))
        mission, satellite = SATELLITES[number % len(SATELLITES)]
        rows.append(
            {
                "granule": f"pair{number:05d}",
                "url": f"/mnt/pair{number:05d}.nc" if number % 41 == 0 else f"https://host.org/v02/pair{number:05d}.nc",
                "start": start,
                "end": start + timedelta(days=float(generator.integers(6, 546)) + 0.25 * (number % 2)),
                "time_resolution": "instant",
                "mission": mission,
                "satellite": satellite,
                "percent_valid": np.nan if number % 31 == 0 else float(number % 100),
                "version": f"v0{number % 3}",
                "epsg": 3413,
                "geometry": footprint(generator, number),
            }
        )
    return build_pairs(rows)


def make_granules(count: int = 800, seed: int = 1) -> gpd.GeoDataFrame:
    """Return a catalogue of granules, tracks and areas."""
    generator = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        start = datetime(2018, 10, 14) + timedelta(minutes=int(generator.integers(0, 2_500_000)))
        shape = footprint(generator, number)
        if shape is not None and number % 3 == 0:
            shape = wrap_longitudes(shapely.LineString([[170, 60], [185, 75], [200, 83]])) if number % 2 else shape
        rows.append(
            {
                "granule": f"ATL10-01_{number:05d}",
                "product": ["ATL10", "ATL06"][number % 2],
                "version": "006",
                "revision": number % 3,
                "start": None if number % 37 == 0 else start,
                "end": None if number % 5 == 0 else start + timedelta(minutes=20),
                "rgt": number % 1387 + 1,
                "cycle": number % 9 + 1,
                "hemisphere": ["north", "south", None][number % 3],
                "url_https": None if number % 11 == 0 else f"https://host.org/ATL10-01_{number:05d}.h5",
                "path": f"/mnt/ATL10-01_{number:05d}.h5" if number % 11 == 0 else None,
                "geometry": shape,
            }
        )
    return build_catalogue(rows)


@dataclass(frozen=True)
class Both:
    """Two catalogues, and their files."""

    pairs: gpd.GeoDataFrame
    granules: gpd.GeoDataFrame
    pairs_file: Path
    granules_file: Path


def write_both(folder: Path) -> Both:
    """Return two catalogues that were written into a folder."""
    pairs, granules = make_pairs(), make_granules()
    return Both(
        pairs,
        granules,
        write_pairs(pairs, folder / "pairs.parquet"),
        write_catalogue(granules, folder / "granules.parquet"),
    )


BOUNDS = np.array([["2019-01-01", "2019-01-17"], ["2019-02-01", "2019-02-17"]], "M8[ns]")


def make_field(metric: str = "ground", crs: int = 3413, origin: tuple[float, float] = (-4e5, -2.4e6)) -> xr.Dataset:
    """Return two layers of 200 x 160 cells of 1 km: 10 m/yr west of the middle, 1000 m/yr east of it, a hole."""
    x = origin[0] + 1000.0 * np.arange(160) + 500
    y = origin[1] - 1000.0 * np.arange(200) - 500
    vx = np.where(np.arange(160) < 80, 6.0, 600.0) * np.ones((2, 200, 1))
    vy = vx * 8 / 6
    vx[:, 90:110, 20:40] = np.nan
    vx[1] *= 2
    vy[1] *= 2
    return build_field(
        vx,
        vy,
        x=x,
        y=y,
        time_bnds=BOUNDS,
        crs=crs,
        units="m/yr",
        year_days=365.25,
        velocity_metric=metric,
        metric_source="user",
        source="test",
    )
