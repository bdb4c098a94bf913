"""Image pairs on any map that all measure one motion."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyproj
import pytest
import xarray as xr

from altiflow.gridding.vectors import convert_metric, jacobian
from altiflow.readers.field import build_field

HOME = "EPSG:3413"
TRUTH = (100.0, 50.0)
"""Motion along the axes of EPSG:3413 [m of the map per year of 365 days], the same everywhere."""


def pair_dataset(epsg: int, centre, *, cell=120.0, size=(40, 50), offset=(0.0, 0.0), metric="map", truth=TRUTH, **info):
    """Return an image pair in the layout of ITS_LIVE around a place given as longitude and latitude."""
    x0, y0 = pyproj.Transformer.from_crs(4326, epsg, always_xy=True).transform(*centre)
    x = (np.floor(x0 / cell) + np.arange(size[1]) - size[1] // 2) * cell + offset[0]
    y = (np.floor(y0 / cell) - np.arange(size[0]) + size[0] // 2) * cell + offset[1]
    at = np.meshgrid(x, y)
    back = np.linalg.inv(jacobian(epsg, HOME, *at))
    vx, vy = (
        back[..., 0, 0] * truth[0] + back[..., 0, 1] * truth[1],
        back[..., 1, 0] * truth[0] + back[..., 1, 1] * truth[1],
    )
    if metric == "ground":
        vx, vy = convert_metric(vx, vy, *at, crs=epsg, source="map", target="ground")
    told = {
        "acquisition_date_img1": "20200101T00:00:00",
        "acquisition_date_img2": "20200117T00:00:00",
        **{f"{key}_img{n}": value for n in (1, 2) for key, value in {"mission": "L", "satellite": "8"}.items()},
        **info,
    }
    both = {"units": "meter/year", "grid_mapping": "mapping", "_FillValue": np.float32(-32767)}
    both |= {"map_scale_corrected": 1} if metric == "ground" else {}
    return xr.Dataset(
        {
            "mapping": ((), "", {"spatial_epsg": epsg}),
            "img_pair_info": ((), "", told),
            "vx": (("y", "x"), vx.astype("f4"), {**both, "error": 10.0}),
            "vy": (("y", "x"), vy.astype("f4"), {**both, "error": 20.0}),
            "x": ("x", x),
            "y": ("y", y),
        }
    )


def pair_cube(epsg: int, west: float, count: int) -> xr.Dataset:
    """Return a cube of `count` granules as a field of many layers, 20 cells wide, from x [m] on."""
    bounds = np.datetime64("2020-01-01", "ns") + np.arange(count)[:, None] * np.timedelta64(1, "D")
    bounds = bounds + np.array([0, 16]) * np.timedelta64(1, "D")
    vx = np.broadcast_to(np.arange(count, dtype="f4")[:, None, None] + west / 1e6, (count, 12, 20)).copy()
    return build_field(
        vx, -vx, x=west + 120.0 * np.arange(20), y=3.31e6 - 120.0 * np.arange(12), time_bnds=bounds, crs=epsg,
        units="m/yr", year_days=365.0, velocity_metric="map", metric_source="assumed", source=f"cube {west:.0f}",
        layers={"granule": [f"pair{n}" for n in range(count)]},
    )  # fmt: skip


@pytest.fixture
def cube_on() -> Callable[[int, float, int], xr.Dataset]:
    """Return a maker of cubes; see `pair_cube`."""
    return pair_cube


@pytest.fixture
def write_pair(tmp_path: Path) -> Callable[..., Path]:
    """Return a writer of image pairs; see `pair_dataset`."""

    def write(name: str, epsg: int = 3413, centre=(-139.5, 60.0), **changes) -> Path:
        dataset = pair_dataset(epsg, centre, **changes)
        dataset.to_netcdf(tmp_path / f"{name}_G0120V02_P099.nc", engine="h5netcdf")
        return tmp_path / f"{name}_G0120V02_P099.nc"

    return write


@pytest.fixture
def days() -> Callable[[int, int], dict[str, str]]:
    """Return a maker of dates of a pair: days after 2020-01-01."""

    def dates(first: int, last: int) -> dict[str, str]:
        stamps = np.datetime64("2020-01-01") + np.array([first, last])
        return {f"acquisition_date_img{n + 1}": f"{str(day).replace('-', '')}T00:00:00" for n, day in enumerate(stamps)}

    return dates
