"""Whole runs: two images in, velocity out, against the motion they were made with."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
import xarray as xr
from affine import Affine

import altiflow
from altiflow.errors import EmptyDataError, InputError, NoOverlapError
from altiflow.readers.ground import LAND, OCEAN
from altiflow.readers.scenes import ScenePair
from altiflow.tracking import CorrectionRule, TrackParameters, recorrect, track_pair, tracked_field, write_tracked

TRANSFORM = Affine(15, 0, 465_067.5, 0, -15, 6_681_577.5)
SCALE = 15 / 16 * 365.25
PARAMETERS = TrackParameters(spacing=8, chip=20, chips=None, radius=8)
RULE = CorrectionRule(min_count=100)
FLOW, OFFSET = (3.6, 1.3), (0.37, -0.42)
ROCK = gpd.GeoSeries([shapely.box(465_067.5, 6_681_577.5 - 120 * 15, 465_067.5 + 340 * 15, 6_681_577.5)], crs=32607)
DATES = ("2016-07-18", "2016-08-03")


@pytest.fixture(scope="module")
def pair(images: tuple[np.ndarray, np.ndarray]) -> ScenePair:
    return ScenePair.from_arrays(*images, transform=TRANSFORM, crs=32607, dates=DATES)


@pytest.fixture(scope="module")
def granule(pair: ScenePair) -> xr.Dataset:
    return track_pair(pair, parameters=PARAMETERS, ground=ROCK, rule=RULE)


def ice(granule: xr.Dataset) -> xr.Dataset:
    """Return the cells whose chips lie wholly on what moves."""
    return granule.isel(y=slice(21, 35), x=slice(2, 39))


def test_motion_is_found_without_the_offset_between_the_images(granule: xr.Dataset) -> None:
    moving = ice(granule)
    assert float(moving["dx"].median()) == pytest.approx(OFFSET[0] + FLOW[0], abs=0.01)
    assert float(moving["vx"].median()) == pytest.approx(FLOW[0] * SCALE, abs=0.01 * SCALE)
    assert float(moving["vy"].median()) == pytest.approx(-FLOW[1] * SCALE, abs=0.01 * SCALE)
    found = json.loads(granule.attrs["correction"])
    assert found["applied"]
    assert found["shift"] == pytest.approx(OFFSET, abs=0.01)
    assert np.isfinite(moving["vx"].values).mean() > 0.97
    assert "correction by stable ground applied: median of" in granule.attrs["track_log"]
    assert json.loads(granule.attrs["track_parameters"])["radius"] == 8


def test_errors_of_cells_tell_how_far_they_are_off(granule: xr.Dataset) -> None:
    moving = ice(granule)
    off = np.abs(moving["vx"] - FLOW[0] * SCALE).values
    sigma = moving["vx_error"].values
    known = np.isfinite(off)
    assert (off[known] < 3 * sigma[known] + 0.02 * SCALE).mean() > 0.9


def test_correcting_again_equals_tracking_with_that_rule(pair: ScenePair, granule: xr.Dataset, tmp_path: Path) -> None:
    rule = CorrectionRule(min_count=100, model="plane")
    fresh = track_pair(pair, parameters=PARAMETERS, ground=ROCK, rule=rule, units="m/d")
    with xr.open_dataset(write_tracked(granule, tmp_path / "pair.nc")) as opened:
        again = recorrect(opened.load(), rule=rule, units="m/d")
    for name in ("vx", "vy", "vx_error", "vy_error", "v_error"):
        np.testing.assert_array_equal(again[name].values, fresh[name].values)


def test_files_of_whole_numbers_give_what_arrays_give(landsat: tuple[Path, Path], granule: xr.Dataset) -> None:
    found = track_pair(landsat, parameters=PARAMETERS, ground=ROCK, rule=RULE)
    info = found["img_pair_info"].attrs
    assert (info["id_img1"], info["mission_img1"], info["satellite_img1"]) == ("LC80630182016200LGN00", "L", "8")
    difference = (ice(found)["vx"] - ice(granule)["vx"]).values
    assert np.nanmedian(np.abs(difference)) < 0.01 * SCALE


def test_a_prior_lets_a_small_radius_find_a_large_motion(pair: ScenePair, granule: xr.Dataset, tmp_path: Path) -> None:
    narrow = replace(PARAMETERS, radius=2)
    lost = track_pair(pair, parameters=narrow, ground=ROCK, rule=RULE)
    assert np.isfinite(ice(lost)["vx"].values).mean() < 0.1
    polar = altiflow.align_velocity(
        tracked_field(granule), altiflow.Grid.from_bounds("EPSG:3413", _polar_bounds(granule), 120.0)
    )
    altiflow.write_velocity(polar, tmp_path / "polar.nc")
    found = track_pair(pair, parameters=narrow, prior=tmp_path / "polar.nc", prior_radius=2, ground=ROCK, rule=RULE)
    moving = ice(found)
    assert np.isfinite(moving["vx"].values).mean() > 0.9
    assert float(moving["vx"].median()) == pytest.approx(FLOW[0] * SCALE, abs=0.01 * SCALE)
    assert "prior:" in found.attrs["track_log"]


def _polar_bounds(granule: xr.Dataset) -> tuple[float, float, float, float]:
    x, y = np.meshgrid(granule["x"].values, granule["y"].values)
    east, north = pyproj.Transformer.from_crs(32607, 3413, always_xy=True).transform(x, y)
    return float(east.min()), float(north.min()), float(east.max()), float(north.max())


def test_land_and_ocean_may_be_searched_less_far(pair: ScenePair) -> None:
    codes = np.zeros((37, 42), np.uint8)
    codes[:17], codes[17:, 22:] = LAND, OCEAN
    found = track_pair(pair, parameters=PARAMETERS, ground=codes, ground_radius=2, rule=RULE)
    assert "search limited to 2 px on 1114 cells" in found.attrs["track_log"]
    moving = ice(found).isel(x=slice(0, 17))
    assert float(moving["vx"].median()) == pytest.approx(FLOW[0] * SCALE, abs=0.01 * SCALE)
    # What drifts further than that on the ocean is not found there, and not made up.
    drifting = ice(found).isel(x=slice(22, None))
    assert np.isfinite(drifting["vx"].values).mean() < 0.05


def test_a_radius_on_land_does_not_limit_the_search_on_the_ice(pair: ScenePair) -> None:
    codes = np.zeros((37, 42), np.uint8)
    codes[:17] = LAND
    still = altiflow.build_field(
        np.zeros((1, 3, 3)), np.zeros((1, 3, 3)), x=[460e3, 468e3, 476e3], y=[670e4, 6.68e6, 666e4], crs=32607,
        units="m/d", time_bnds=np.array([DATES], "M8[ns]"), velocity_metric="map", metric_source="user", source="still",
    )  # fmt: skip
    found = track_pair(pair, parameters=PARAMETERS, prior=still, ground=codes, ground_radius=2, rule=RULE)
    # The ice is 4 px from where the prior has it, one more than is looked at first.
    assert np.isfinite(ice(found)["vx"].values).mean() > 0.9
    assert float(ice(found)["vx"].median()) == pytest.approx(FLOW[0] * SCALE, abs=0.01 * SCALE)
    held = track_pair(pair, parameters=PARAMETERS, prior=still, prior_radius=2, ground=codes, ground_radius=2)
    assert np.isfinite(ice(held)["vx"].values).mean() < 0.05


def test_a_speed_limits_the_search_where_the_prior_has_no_value(pair: ScenePair) -> None:
    # The prior knows the left part only; the ice of the right is 3.6 px from where it was.
    known = np.full((1, 2, 2), FLOW[0] * 15 / 16), np.full((1, 2, 2), -FLOW[1] * 15 / 16)
    half = altiflow.build_field(
        *known, x=[463e3, 466e3], y=[6.682e6, 6.676e6], crs=32607, units="m/d",
        time_bnds=np.array([DATES], "M8[ns]"), velocity_metric="map", metric_source="user", source="half",
    )  # fmt: skip
    limited = track_pair(pair, parameters=PARAMETERS, prior=half, prior_gap_speed=2 * 15 / 16)
    assert "search limited to 2 px on" in limited.attrs["track_log"]
    right, left = ice(limited).isel(x=slice(23, None)), ice(limited).isel(x=slice(0, 6))
    assert np.isfinite(right["vx"].values).mean() < 0.05
    assert np.isfinite(left["vx"].values).mean() > 0.95
    free = track_pair(pair, parameters=PARAMETERS, prior=half)
    assert np.isfinite(ice(free)["vx"].values).mean() > 0.95


def test_a_speed_sets_the_radius(pair: ScenePair) -> None:
    found = track_pair(pair, parameters=replace(PARAMETERS, radius=None), max_speed=5.0)
    assert json.loads(found.attrs["track_parameters"])["radius"] == 6
    assert found["vx"].attrs["stable_shift_reason"] == "no stable ground was given"
    assert float(ice(found)["vx"].median()) == pytest.approx((FLOW[0] + OFFSET[0]) * SCALE, abs=0.01 * SCALE)


def test_no_number_comes_from_nodata_flat_or_saturated_ground(images: tuple[np.ndarray, np.ndarray]) -> None:
    first, second = (image.copy() for image in images)
    first[:100, :100], second[:100, 200:300] = np.nan, np.nan
    first[200:, :100] = second[200:, :100] = 65535.0
    first[200:, 200:300] = 500.0
    holed = ScenePair.from_arrays(first, second, transform=TRANSFORM, crs=32607, dates=DATES)
    found = track_pair(holed, parameters=PARAMETERS)
    nodata = (slice(0, 11), slice(0, 11)), (slice(3, 10), slice(28, 35))
    flat = (slice(28, 36), slice(2, 9)), (slice(28, 36), slice(28, 34))
    for rows, columns in (*nodata, *flat):
        part = found.isel(y=rows, x=columns)
        assert not np.isfinite(part["vx"].values).any()
        assert (part["status"].values > 0).all()
    assert np.isfinite(found["vx"].values).mean() > 0.3


def test_pairs_and_options_that_mean_nothing_are_refused(pair: ScenePair, images: Any) -> None:
    tiny = ScenePair.from_arrays(*(image[:12, :12] for image in images), transform=TRANSFORM, crs=32607, dates=DATES)
    far = altiflow.build_field(
        np.ones((1, 3, 3)), np.ones((1, 3, 3)), x=[0, 1e3, 2e3], y=[0, 1e3, 2e3], crs=3413, units="m/d",
        time_bnds=np.array([DATES], "M8[ns]"), velocity_metric="map", metric_source="user", source="far away",
    )  # fmt: skip
    cases: list[tuple[Callable[[], Any], type[Exception], str]] = [
        (lambda: track_pair("a.tif"), InputError, "a ScenePair or two images"),  # type: ignore[arg-type]
        (lambda: track_pair(tiny, parameters=PARAMETERS), InputError, "fewer than 2 x 2 cells"),
        (lambda: track_pair(tiny, parameters=replace(PARAMETERS, spacing=4)), InputError, "smaller chip"),
        (lambda: track_pair(pair, parameters=PARAMETERS, max_speed=3), InputError, "both say how far"),
        (lambda: track_pair(pair, max_speed=1e6), InputError, "max_speed"),
        (lambda: track_pair(pair, prior_radius=3), InputError, "without a prior"),
        (lambda: track_pair(pair, prior_gap_speed=1.0), InputError, "prior_gap_speed=1.0 without a prior"),
        (lambda: track_pair(pair, prior=far, prior_radius=0), InputError, "prior_radius is a whole number"),
        (
            lambda: track_pair(pair, prior=far, prior_radius=0, prior_gap_speed=1.0),
            InputError,
            "prior_radius is a whole number",
        ),
        (lambda: track_pair(pair, ground_radius=3), InputError, "needs ground"),
        (lambda: track_pair(pair, ground=ROCK, ground_radius=0), InputError, "ground_radius is a whole number"),
        (lambda: track_pair(pair, ground=np.zeros((2, 2))), InputError, "it must be"),
        (lambda: track_pair(pair, ground="none.gpkg"), InputError, "no vector file"),
        (lambda: track_pair(pair, prior=far), NoOverlapError, "does not reach"),
        (lambda: track_pair(pair, parameters=PARAMETERS, units="km/h"), InputError, "units must be"),  # type: ignore[arg-type]
        (lambda: ScenePair.from_arrays(*(image * np.nan for image in images), transform=TRANSFORM, crs=32607,
                                       dates=DATES), EmptyDataError, "no valid pixel"),
    ]  # fmt: skip
    for call, error, message in cases:
        with pytest.raises(error, match=message):
            call()
