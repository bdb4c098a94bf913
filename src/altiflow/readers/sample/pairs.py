"""Simulated image pairs of a glacier in the layouts of ITS_LIVE, versions 1 and 2, and an index of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
import shapely
import xarray as xr

from altiflow.errors import InputError
from altiflow.files import whole_file
from altiflow.readers.catalogue.pairs import write_pairs
from altiflow.readers.catalogue.pairs.table import build_pairs
from altiflow.readers.sample.glacier import GLACIER, Glacier

__all__ = ["PairSample", "make_pairs"]

_FILL = -32767
_SIDE = 64
"""Cells along a side of a pair of version 2; half as many, twice the size, in version 1."""

_SEPARATIONS = (16, 16, 16, 32, 32, 48, 96, 176, 368)
_OFFSET = 1.0
"""Error of a displacement, common to all cells of a pair [m], and half of it in each cell: long pairs err less."""

_LOCKED = 300
"""From this many days on, half of the fast ice is seen at rest: features that do not move were matched."""

_WORK_EPSG = 32714
"""UTM zone that every fourth pair is on: a sample of one map would not show vectors that are not turned."""


@dataclass(frozen=True)
class PairSample:
    """Image pairs on disk.

    Attributes
    ----------
    folder
        Where they lie.
    index
        GeoParquet of all of them: a source of :func:`altiflow.search_pairs`.
    paths
        The files, by start.
    truth
        The glacier that they were made from.
    """

    folder: Path
    index: Path
    paths: tuple[Path, ...]
    truth: Glacier

    def __iter__(self) -> Iterator[Path]:
        """Iterate over the files."""
        return iter(self.paths)


@dataclass(frozen=True)
class _Pair:
    """One pair: when, of which satellite, on which map, in which version."""

    start: np.datetime64
    end: np.datetime64
    satellite: str
    epsg: int
    version: int


def make_pairs(folder: str | Path, *, seed: int = 0, pairs: int = 120) -> PairSample:
    """Write simulated image pairs of five years of a glacier, and an index of them; return what they were made from.

    Landsat 8 and Sentinel-2 pairs of 16 to 368 days, most on the polar map, every fourth on a UTM map, every eighth of
    version 1 (true ground metres, 240 m, other lattice). Each measures the mean over its interval, with errors of
    displacement common to the pair and in each cell; cells are missing; long pairs lock onto features at rest. The same
    seed gives the same files.

    Parameters
    ----------
    folder
        Where to write; made if it is not there.
    seed
        Of dates, errors and gaps.
    pairs
        How many.

    Raises
    ------
    InputError
        If the number of pairs means nothing.

    Examples
    --------
    >>> import tempfile
    >>> sample = make_pairs(tempfile.mkdtemp(), pairs=8)
    >>> len(sample.paths), sample.index.name
    (8, 'pairs.parquet')
    """
    if not 1 <= pairs <= 10_000:
        raise InputError(f"pairs must be from 1 to 10000, got {pairs!r}")
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    drawn = [_draw_pair(rng, number) for number in range(pairs)]
    written = sorted((_write_pair(target, pair, GLACIER, rng) for pair in drawn), key=lambda row: str(row["start"]))
    index = write_pairs(build_pairs(written), target / "pairs.parquet")
    return PairSample(target, index, tuple(target / Path(row["url"]).name for row in written), GLACIER)


def _draw_pair(rng: np.random.Generator, number: int) -> _Pair:
    """Return a pair of the five years from 2015."""
    days = int(_SEPARATIONS[number % len(_SEPARATIONS)])
    first = np.datetime64("2015-01-01", "s") + np.timedelta64(int(rng.integers(0, 5 * 365 - days)), "D")
    start = first + np.timedelta64(int(rng.integers(14 * 3600, 16 * 3600)), "s")
    end = start + np.timedelta64(days, "D") + np.timedelta64(int(rng.integers(-20, 20)), "s")
    version = 1 if number % 8 == 7 else 2
    satellite = "8" if version == 1 or number % 3 else "2A"
    return _Pair(start, end, satellite, _WORK_EPSG if number % 4 == 1 else GLACIER.crs, version)


def _write_pair(folder: Path, pair: _Pair, glacier: Glacier, rng: np.random.Generator) -> dict[str, Any]:
    """Write a pair and return its row of the index."""
    x, y = _axes(pair, glacier, rng)
    vx, vy, sigma = _measure(pair, glacier, x, y, rng)
    share = int(np.isfinite(vx).mean() * 100)
    stem = _name(pair, share)
    path = folder / f"{stem}.nc"
    with whole_file(path) as part:
        _dataset(pair, x, y, vx, vy, sigma, share).to_netcdf(part, engine="h5netcdf", encoding=_encoding())
    corners = [(x[i], y[j]) for i, j in ((0, 0), (-1, 0), (-1, -1), (0, -1))]
    back = pyproj.Transformer.from_crs(pair.epsg, 4326, always_xy=True)
    outline = gpd.GeoSeries([shapely.Polygon([back.transform(*corner) for corner in corners])], crs=4326).iloc[0]
    day = pair.version == 1
    kept = [moment.astype("datetime64[D]") if day else moment for moment in (pair.start, pair.end)]
    return {
        "granule": stem,
        "url": str(path.resolve()),
        "start": kept[0],
        "end": kept[1],
        "time_resolution": "day" if day else "instant",
        "mission": "landsat" if pair.satellite == "8" else "sentinel2",
        "satellite": "L8" if pair.satellite == "8" else "S2A",
        "percent_valid": float(share),
        "version": f"v{pair.version:02d}",
        "epsg": pair.epsg,
        "geometry": outline,
    }


def _name(pair: _Pair, share: int) -> str:
    """Return the name of the file, as ITS_LIVE makes it."""
    days = [str(moment)[:10].replace("-", "") for moment in (pair.start, pair.end)]
    if pair.satellite == "8":
        scenes = [f"LC08_L1GT_001113_{day}_20200901_02_T2" for day in days]
    else:
        clocks = [str(moment)[11:19].replace(":", "") for moment in (pair.start, pair.end)]
        scenes = [
            f"S2A_MSIL1C_{day}T{clock}_N0204_R081_T14CME_{day}T{clock}" for day, clock in zip(days, clocks, strict=True)
        ]
    cell = 240 if pair.version == 1 else 120
    return f"{scenes[0]}_X_{scenes[1]}_G{cell:04d}V{pair.version:02d}_P{share:03d}"


def _axes(pair: _Pair, glacier: Glacier, rng: np.random.Generator) -> tuple[npt.NDArray[np.float64], ...]:
    """Return cell centres x, y of a scene that holds the trough, shifted by some cells from pair to pair."""
    middle = glacier.centre[0] + glacier.radius * np.cos(0.8), glacier.centre[1] + glacier.radius * np.sin(0.8)
    x0, y0 = pyproj.Transformer.from_crs(glacier.crs, pair.epsg, always_xy=True).transform(*middle)
    cell, side = (240.0, _SIDE // 2) if pair.version == 1 else (120.0, _SIDE)
    offset = (112.5, 127.5) if pair.version == 1 else (52.5, 7.5)
    shift = rng.integers(-4, 5, 2)
    x = (np.floor(x0 / cell) + shift[0] + np.arange(side) - side // 2) * cell + offset[0]
    y = (np.floor(y0 / cell) + shift[1] - np.arange(side) + side // 2) * cell + offset[1]
    return x, y


def _measure(
    pair: _Pair, glacier: Glacier, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], rng: np.random.Generator
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], float]:
    """Return vx, vy (y, x) as the pair measures them [m/yr, its map and metric], and their standard error."""
    at = np.meshgrid(x, y)
    home = pyproj.Transformer.from_crs(pair.epsg, glacier.crs, always_xy=True)
    here = home.transform(*at)
    vx, vy = glacier.velocity(*here, pair.start, pair.end)
    days = float((pair.end - pair.start) / np.timedelta64(86_400, "s"))
    # A short way along the flow, carried over to the map of the pair, turns the velocity.
    length = 1.0e-3
    ahead = pyproj.Transformer.from_crs(glacier.crs, pair.epsg, always_xy=True).transform(
        here[0] + vx * length, here[1] + vy * length
    )
    moved = [(place - origin) / length for place, origin in zip(ahead, at, strict=True)]
    if pair.version == 1:
        scale = pyproj.Proj(pair.epsg).get_factors(*pyproj.Proj(pair.epsg)(*at, inverse=True)).meridional_scale
        moved = [part / scale for part in moved]
    sigma = _OFFSET * np.hypot(1, 0.5) / days * 365.0
    noisy = [
        part * 365.0 / 365.25 + (rng.normal(0, _OFFSET) + rng.normal(0, _OFFSET / 2, part.shape)) / days * 365.0
        for part in moved
    ]
    speed = np.hypot(*moved)
    if days > _LOCKED:
        rest = (speed > 200) & (rng.random(speed.shape) < 0.5)
        noisy = [np.where(rest, rng.normal(0, 2, speed.shape), part) for part in noisy]
    missing = rng.random(speed.shape) < rng.uniform(0.02, 0.4)
    return np.where(missing, np.nan, noisy[0]), np.where(missing, np.nan, noisy[1]), float(sigma)


def _dataset(
    pair: _Pair,
    x: npt.NDArray[np.float64],
    y: npt.NDArray[np.float64],
    vx: npt.NDArray[np.float64],
    vy: npt.NDArray[np.float64],
    sigma: float,
    share: int,
) -> xr.Dataset:
    """Return a pair in the layout of its version."""
    first = pair.version == 1
    mapping = ("UTM_Projection" if pair.epsg == _WORK_EPSG else "Polar_Stereographic") if first else "mapping"
    both: dict[str, Any] = {"units": "m/y" if first else "meter/year", "grid_mapping": mapping}
    errors = {"stable_rmse": sigma, "map_scale_corrected": 1} if first else {"error": sigma, "stable_shift_flag": 1}
    both |= errors | {"stable_shift": 0.0}
    taken = [str(moment).replace("-", "") for moment in (pair.start, pair.end)]
    spelling = "aquisition_date_img{}" if first else "acquisition_date_img{}"
    info: dict[str, Any] = {
        spelling.format(n + 1): float(moment[:8]) if first else moment for n, moment in enumerate(taken)
    }
    for number in (1, 2):
        info[f"mission_img{number}"] = "L" if pair.satellite == "8" else "S"
        info[f"satellite_img{number}"] = pair.satellite
    info |= {"roi_valid_percentage": float(share), "simulated": "not a measurement"}
    wkt = pyproj.CRS(pair.epsg).to_wkt(version="WKT1_GDAL")
    packed = [np.where(np.isfinite(part), np.rint(part), _FILL).astype(np.int16) for part in (vx, vy)]
    return xr.Dataset(
        {
            mapping: ((), "", {"spatial_epsg": pair.epsg, "spatial_ref": wkt}),
            "img_pair_info": ((), "", info),
            "vx": (("y", "x"), packed[0], both),
            "vy": (("y", "x"), packed[1], both),
            "x": ("x", x, {"units": "m"}),
            "y": ("y", y, {"units": "m"}),
        },
        attrs={"title": "Simulated image pair: not a measurement"},
    )


def _encoding() -> dict[str, dict[str, Any]]:
    """Return how components are packed."""
    return {name: {"_FillValue": np.int16(_FILL), "zlib": True, "shuffle": True} for name in ("vx", "vy")}
