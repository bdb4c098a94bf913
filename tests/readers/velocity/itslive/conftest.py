"""Image pairs and cubes in the layouts of ITS_LIVE."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyproj
import pytest
import xarray as xr
import zarr

FILL = -32767
WKT = pyproj.CRS(32646).to_wkt()


def speed(value: int, *, shape=(3, 4)) -> np.ndarray:
    """Return int16 velocities of one value with every kind of fill in the first row."""
    values = np.full(shape, value, dtype="i2")
    values[..., 0, :3] = [FILL, 32767, -32768]
    return values


@pytest.fixture
def pair(tmp_path: Path) -> Callable[..., Path]:
    """Return a maker of image pairs of version 1 or 2; `info` changes the description of the images."""

    def make(name="LC08_A_X_LC08_B_G0120V02_P061.nc", *, version=2, info=None, vx=-400, vy=300, **changes) -> Path:
        first = version == 2
        dates = ("acquisition_date_img{}", "20200101T10:20:30.25") if first else ("aquisition_date_img{}", 20200101.0)
        told = {
            dates[0].format(1): dates[1],
            dates[0].format(2): "20200117T10:20:24" if first else 20200117.0,
            **{f"mission_img{n}": "L" for n in (1, 2)},
            **{f"satellite_img{n}": 8 if first else 8.0 for n in (1, 2)},
            "roi_valid_percentage": 61.0,
            **(info or {}),
        }
        told = {key: value for key, value in told.items() if value is not None}
        mapping = "mapping" if first else "UTM_Projection"
        both = {"units": "meter/year" if first else "m/y", "grid_mapping": mapping, "_FillValue": np.int16(FILL)}
        both |= {"error": 12.5, "stable_shift": 3.0, "stable_shift_flag": 1} if first else {}
        both |= {} if first else {"stable_rmse": 186.74, "stable_shift_applied": 2.0, "map_scale_corrected": 1}
        chips = np.full((3, 4), 480, dtype="u2")
        chips[0, 0] = 0
        dataset = xr.Dataset(
            {
                mapping: ((), "", changes.get("stated", {"spatial_epsg": 32646})),
                "img_pair_info": ((), "", told),
                "vx": (("y", "x"), speed(vx), both),
                "vy": (("y", "x"), speed(vy), both),
                "v": (("y", "x"), speed(500), both),
                "chip_size_width": (("y", "x"), chips, {"_FillValue": np.uint16(0)}),
                "chip_size_height": (("y", "x"), chips * 0 + (480 if first else 65535), {"_FillValue": np.uint16(0)}),
                "interp_mask": (("y", "x"), np.eye(3, 4, dtype="u1"), {"_FillValue": np.uint8(0)}),
                "x": ("x", 784252.5 + 120.0 * np.arange(4)),
                "y": ("y", 3315787.5 - 120.0 * np.arange(3)),
            }
        ).drop_vars(changes.get("without", []))
        dataset.to_netcdf(tmp_path / name, engine="h5netcdf")
        return tmp_path / name

    return make


def cube_parts(count: int) -> dict[str, tuple]:
    """Return the variables of a cube of `count` pairs: the second has the middle of the first, and turned images."""
    day = np.timedelta64(1, "D") / np.timedelta64(1, "ns")
    first = np.array(["2020-01-01", "2020-01-25", *["2021-06-01"] * (count - 2)], dtype="M8[ns]")
    second = np.array(["2020-01-17", "2019-12-24", *["2021-07-01"] * (count - 2)], dtype="M8[ns]")
    first[2:] += np.arange(count - 2) * np.timedelta64(1, "D")
    days = [dates.astype("i8") / day for dates in (first, second)]
    since = {"units": "days since 1970-01-01", "calendar": "proleptic_gregorian"}
    layer = ("mid_date", "y", "x")
    declared = {"missing_value": FILL, "units": "meter/year", "grid_mapping": "mapping"}
    vx = np.stack([speed(10 * n) for n in range(count)])
    urls = np.array([f"https://data.example/pair/{n:03d}_X_{n:03d}_G0120V02_P099.nc" for n in range(count)], "U1024")
    return {
        "mapping": ((), np.int64(0), {"crs_wkt": WKT, "spatial_ref": WKT}),
        "vx": (layer, vx, declared),
        "vy": (layer, -vx - 2 * (vx == FILL).astype("i2") * vx, declared),
        "interp_mask": (layer, np.zeros_like(vx, "u1"), {"missing_value": 0}),
        "chip_size_width": (layer, np.full_like(vx, 240, "u2"), {"missing_value": 0}),
        "landice": (("y", "x"), np.array([[1, 0, 255, 1]] * 3, "u1"), {"missing_value": 255}),
        "vx_error": (layer[:1], np.arange(count, dtype="f4") + 1, {"_FillValue": np.float32(FILL)}),
        "vy_error": (layer[:1], np.full(count, FILL, "f4"), {"_FillValue": np.float32(FILL)}),
        "mid_date": (layer[:1], (days[0] + days[1]) / 2, since),
        "acquisition_date_img1": (layer[:1], days[0], since),
        "acquisition_date_img2": (layer[:1], days[1], since),
        "granule_url": (layer[:1], urls),
        "mission_img1": (layer[:1], np.array(["L", "S"] + ["S"] * (count - 2))),
        "mission_img2": (layer[:1], np.array(["L", "S"] + ["S"] * (count - 2))),
        "satellite_img1": (layer[:1], np.array(["8", "2A"] + ["2B"] * (count - 2))),
        "satellite_img2": (layer[:1], np.array(["8", "2B"] + ["2B"] * (count - 2))),
        "roi_valid_percentage": (layer[:1], np.full(count, 99, "f4")),
        "x": ("x", 784252.5 + 120.0 * np.arange(4)),
        "y": ("y", 3315787.5 - 120.0 * np.arange(3)),
    }


@pytest.fixture
def cube(tmp_path: Path) -> Callable[..., Path]:
    """Return a maker of cubes in Zarr (format 2, as ITS_LIVE writes them)."""

    def make(
        name="ITS_LIVE_vel_EPSG32646_G0120_X750000_Y3350000.zarr", *, count=5, chunks=(4, 2, 2), **changes
    ) -> Path:
        parts = cube_parts(count)
        parts |= changes.get("parts", {})
        for absent in changes.get("without", []):
            del parts[absent]
        root = zarr.open_group(str(tmp_path / name), mode="w", zarr_format=2)
        root.attrs["title"] = "ITS_LIVE datacube of image pair velocities"
        for key, (dims, values, *attrs) in parts.items():
            dims, values = ((dims,) if isinstance(dims, str) else dims), np.asarray(values)
            own = chunks if values.ndim == 3 else values.shape
            array = root.create_array(key, shape=values.shape, chunks=own, dtype=values.dtype, fill_value=None)
            array[...] = values
            told = {k: v.item() if isinstance(v, np.generic) else v for k, v in (attrs[0] if attrs else {}).items()}
            array.attrs.update({"_ARRAY_DIMENSIONS": list(dims), **told})
        zarr.consolidate_metadata(root.store, zarr_format=2)
        return tmp_path / name

    return make
