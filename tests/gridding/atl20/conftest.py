"""Daily freeboard on the grids of ATL20, and a file in the layout of the official ones, made with h5py alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyproj
import pytest
import xarray as xr

from altiflow.gridding.atl20 import write_atl20
from altiflow.gridding.frame import make_frame
from altiflow.gridding.grids.grid import Grid

FILL = np.float32(3.4028235e38)
EPOCH = np.datetime64("2018-01-01", "us")


def fill_days(grid: Grid, days: Any, seed: int = 3, *, share: float = 0.1) -> xr.Dataset:
    """Return random daily statistics with holes; the third day has no segment at all."""
    rng = np.random.default_rng(seed)
    starts = np.array(days, "datetime64[D]")
    frame = make_frame(grid, np.stack([starts, starts + 1], axis=1))
    shape = (starts.size, *grid.shape)
    count = np.where(rng.random(shape) < share, rng.integers(1, 3000, shape), 0)
    count[2:3] = 0
    held = count > 0
    numbers = {
        "length_sum": count * rng.uniform(15, 60, shape),
        "freeboard_mean": rng.normal(0.3, 0.1, shape),
        "freeboard_std": rng.uniform(0, 0.2, shape),
    }
    frame["n_segments"] = (("time", "y", "x"), count)
    for name, values in numbers.items():
        frame[name] = (("time", "y", "x"), np.where(held, values, np.nan), {"units": "m"})
    first = starts[:, None, None].astype("M8[ns]") + (rng.random(shape) * 8e13).astype("m8[ns]")
    nothing = np.datetime64("NaT", "ns")
    frame["time_first"] = (("time", "y", "x"), np.where(held, first, nothing))
    frame["time_last"] = (("time", "y", "x"), np.where(held, first + np.timedelta64(3, "s"), nothing))
    frame.attrs |= {"product": "ATL10", "releases": "006", "granules": "a b", "history": "made up"}
    return frame


@pytest.fixture(scope="session")
def north() -> xr.Dataset:
    """Five days of February 2022 on the whole northern grid."""
    return fill_days(
        Grid.named("NSIDC_PS_N25km"), ["2022-02-03", "2022-02-04", "2022-02-05", "2022-02-06", "2022-02-28"]
    )


@pytest.fixture(scope="session")
def written(north: xr.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of those days, alone in its folder, not to be changed."""
    return write_atl20(north, tmp_path_factory.mktemp("atl20"))


@pytest.fixture
def official(tmp_path: Path) -> Callable[..., Path]:
    """Return a maker of a file as release 004 prints: odd grid_mapping, quoted WKT, one delta time per group."""

    def make(layers: dict[str, dict[str, Any]], *, upward: bool = False, name: str = "", epsg: int = 3411) -> Path:
        path = tmp_path / (name or "ATL20-01_20220131235900_06231401_004_01.h5")
        whole = Grid.named("NSIDC_PS_N25km" if epsg in (3411, 3413) else "NSIDC_PS_S25km")
        with h5py.File(path, "w") as file:
            file.attrs["short_name"] = np.bytes_("ATL20")
            file.attrs["time_coverage_start"] = np.bytes_("2022-01-31T23:59:00.000000Z")
            file.attrs["time_coverage_end"] = np.bytes_("2022-03-01T00:27:44.000000Z")
            file["grid_x"] = whole.x
            file["grid_y"] = whole.y[::-1] if upward else whole.y
            file["grid_lon"] = np.full(whole.shape, 999.0)
            file["crs"] = np.zeros(1, np.int8)
            file["crs"].attrs["crs_wkt"] = np.bytes_('"' + pyproj.CRS.from_epsg(epsg).to_wkt("WKT1_GDAL"))
            file["crs"].attrs["srid"] = np.bytes_(f"urn:ogc:def:crs:EPSG::{epsg}")
            file["crs"].attrs["semi_major_axis"] = pyproj.CRS.from_epsg(epsg).ellipsoid.semi_major_metre
            for group, variables in layers.items():
                up = "../" * (1 + group.count("/"))
                for variable, values in variables.items():
                    on_grid = np.ndim(values) == 2
                    made = file.create_dataset(
                        f"{group}/{variable}", data=values[::-1] if upward and on_grid else values
                    )
                    if on_grid:
                        made.attrs["grid_mapping"] = np.bytes_(f"{up}crs: {up}grid_x {up}crs: {up}grid_y")
                        made.attrs["_FillValue"] = np.array([FILL]).astype(made.dtype)
                        made.attrs["units"] = np.bytes_("meters")
        return path

    return make


@pytest.fixture(scope="session")
def as_official() -> Callable[[xr.Dataset], dict[str, Any]]:
    """Return a maker of one group's data sets from one layer of a Dataset."""

    def convert(layer: xr.Dataset) -> dict[str, Any]:
        names = {"mean_fb": "freeboard_mean", "sigma": "freeboard_std", "length_sum": "length_sum"}
        found = {name: np.nan_to_num(layer[known].to_numpy(), nan=FILL).astype("f4") for name, known in names.items()}
        count = layer["n_segments"].to_numpy()
        found["n_segs"] = np.where(count > 0, count, FILL).astype("f4")
        start = layer["time_bnds"].to_numpy().astype("M8[us]")
        for name, moment in zip(("delta_time_beg", "delta_time_end"), start, strict=True):
            found[name] = np.array([(moment - EPOCH) / np.timedelta64(1, "s") + 0.25])
        return found

    return convert
