"""A real pair: two images of Landsat 8 over Yahtse Glacier, rock outlines, and what another tool found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
import xarray as xr
from scipy.ndimage import generic_filter
from scipy.stats import theilslopes

from altiflow.readers.ground import LAND
from altiflow.readers.scenes import read_scene_pair
from altiflow.tracking import TrackParameters, stable_statistics, terrain_quality, track_pair

PIXEL = 15.0


@pytest.fixture(scope="module")
def granule(data: Callable[[str], Path]) -> xr.Dataset:
    first, second = (data(f"images/LC80630182016{day}LGN00_B8_yahtse.TIF") for day in (200, 216))
    pair = read_scene_pair(first, second)
    assert pair.separation_days == pytest.approx(16.0, abs=1e-3)
    assert pair.acquired[0].time_source == "metadata"
    return track_pair(
        pair,
        parameters=TrackParameters(spacing=8, radius=20),
        ground=data("images/StEliasMtn_utm7v_rock.gmt"),
        ground_crs="EPSG:32607",
    )


def test_rock_stands_still_after_correction(granule: xr.Dataset) -> None:
    correction = json.loads(granule.attrs["correction"])
    assert correction["applied"]
    # The images lie a tenth to a fifth of a pixel apart.
    assert 0.03 < abs(correction["shift"][0]) < 0.3
    assert 0.03 < abs(correction["shift"][1]) < 0.4
    scale = PIXEL / float(granule["img_pair_info"].attrs["date_dt"]) * 365.25
    rock = granule["ground"].values == LAND
    found = stable_statistics(granule["vx"].values / scale, granule["vy"].values / scale, rock)
    assert found.count > 1000
    assert max(map(abs, found.median)) <= 0.02
    assert max(found.nmad) <= 0.1
    spread = terrain_quality(granule, rock)
    assert max(map(abs, spread.peak)) <= 0.1 * scale
    assert max(spread.sigma) <= 0.1 * scale


def test_the_glacier_flows_to_the_sea_and_speeds_up_on_its_way(granule: xr.Dataset) -> None:
    trunk = granule.sel(x=slice(477_000, 478_500), y=slice(6_677_500, 6_675_500))
    front = granule.sel(x=slice(479_000, 480_500), y=slice(6_670_500, 6_669_000))
    day = 365.25
    assert 1.0 < float(trunk["v"].median()) / day < 4.0
    assert 5.0 < float(front["v"].median()) / day < 20.0
    assert float(trunk["vy"].median()) < 0 < float(trunk["vx"].median())
    assert np.isfinite(granule["vx"].values).mean() > 0.8


def test_it_agrees_with_another_tool_whose_east_is_reversed(granule: xr.Dataset, data: Callable[[str], Path]) -> None:
    """The other tool's offsets are metres; most of the map stands still, which flattens the slope over all of it."""
    good = (granule["corr"] > 0.5) & (granule["del_corr"] > 0.2)
    own = {"east": PIXEL * granule["dx"].where(good), "north": -PIXEL * granule["dy"].where(good)}
    distance = np.hypot(own["east"], own["north"])
    for axis, over_all, moving in (("east", -0.84, -1.0), ("north", 0.76, 1.06)):
        with rasterio.open(data(f"images/2016200_2016216_r32x32_s32x32_{axis}xyz.tif")) as opened:
            other = opened.read(1, masked=True).filled(np.nan)
            x, y = (opened.bounds[side] + (np.arange(n) + 0.5) * step for side, n, step in (
                (0, opened.width, 120.0), (3, opened.height, -120.0)))  # fmt: skip
        with np.errstate(all="ignore"):
            apart = np.abs(other - generic_filter(other, np.nanmedian, 5))
        mine = own[axis].interp(x=x, y=y, method="nearest").values
        far = distance.interp(x=x, y=y, method="nearest").values
        known = np.isfinite(other) & np.isfinite(mine) & (apart < PIXEL)
        for chosen, expected, tolerance in ((known, over_all, 0.1), (known & (far > PIXEL), moving, 0.12)):
            places = np.random.default_rng(0).permutation(np.flatnonzero(chosen))[:2000]
            slope = theilslopes(other.flat[places], mine.flat[places])[0]
            assert slope == pytest.approx(expected, abs=tolerance)
