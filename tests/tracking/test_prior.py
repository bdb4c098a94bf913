"""The displacement a velocity field makes one expect: units, axes, metric and layers, against pyproj's end points."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyproj
import pytest
import xarray as xr
from affine import Affine

from altiflow import build_field
from altiflow.errors import FieldError, NoOverlapError
from altiflow.readers.scenes import ScenePair
from altiflow.tracking.prior import expect_offsets

DATES = ("2020-06-01", "2020-06-17")
ROW = COLUMN = np.arange(9.5, 200, 20.0)


def pair_at(crs: str = "EPSG:32607", left: float = 465_000.0, top: float = 6_681_000.0) -> ScenePair:
    image = np.random.default_rng(0).normal(size=(200, 200))
    return ScenePair.from_arrays(image, image, transform=Affine(15, 0, left, 0, -15, top), crs=crs, dates=DATES)


def field_at(crs: str, pair: ScenePair, vx: float, vy: float, **options: Any) -> xr.Dataset:
    """Return a field of one velocity about a pair, on another map."""
    x0, y0 = pyproj.Transformer.from_crs(pair.crs, crs, always_xy=True).transform(*pair.xy(100.0, 100.0))
    x, y = float(x0) + np.arange(-40, 41) * 240.0, float(y0) - np.arange(-40, 41) * 240.0
    shape = (len(options.get("time_bnds", [0])), y.size, x.size)
    told = {
        "time_bnds": np.array([DATES], "M8[ns]"), "units": "m/yr", "year_days": 365.0, "velocity_metric": "map",
        "metric_source": "user", "source": "made", **options,
    }  # fmt: skip
    return build_field(np.full(shape, vx), np.full(shape, vy), x=x, y=y, crs=crs, **told)


def test_on_the_same_map_it_is_speed_times_days_over_pixels() -> None:
    pair = pair_at()
    dx, dy = expect_offsets(field_at("EPSG:32607", pair, 730.0, -365.0), pair, ROW, COLUMN)
    np.testing.assert_allclose(dx, 2.0 * 16 / 15, rtol=1e-12)
    np.testing.assert_allclose(dy, 1.0 * 16 / 15, rtol=1e-12)
    daily = field_at("EPSG:32607", pair, 2.0, -1.0, units="m/d", year_days=None)
    np.testing.assert_allclose(expect_offsets(daily, pair, ROW, COLUMN)[0], dx, rtol=1e-12)


@pytest.mark.parametrize("metric", ["map", "ground"])
def test_on_another_map_vectors_end_where_points_that_move_end(metric: str) -> None:
    """The polar map is turned by 96 degrees here and its scale is 1.036."""
    pair = pair_at()
    field = field_at("EPSG:3413", pair, 800.0, 300.0, velocity_metric=metric)
    dx, dy = expect_offsets(field, pair, ROW, COLUMN)
    x, y = (part.ravel() for part in np.meshgrid(pair.xy(0, COLUMN)[0], pair.xy(ROW, 0)[1]))
    there = pyproj.Transformer.from_crs(pair.crs, "EPSG:3413", always_xy=True)
    start = np.array(there.transform(x, y))
    # A hundredth of the way, so that the maps are straight; then times a hundred.
    step = np.array([800.0, 300.0])[:, None] / 365 * 16 / 100
    if metric == "ground":
        step = step * pyproj.Proj("EPSG:3413").get_factors(-141.6, 60.2).meridional_scale
    end = np.array(there.transform(*(start + step), direction="INVERSE"))
    move = (end - np.array([x, y])) * 100
    tolerance = 1e-3 if metric == "ground" else 1e-5
    np.testing.assert_allclose(dx.ravel(), move[0] / 15, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(dy.ravel(), -move[1] / 15, rtol=tolerance, atol=tolerance)


def test_layers_count_by_the_days_they_share_and_all_where_none_does() -> None:
    pair = pair_at()
    bounds = np.array(
        [["2020-05-01", "2020-06-05"], ["2020-06-05", "2020-08-01"], ["2021-01-01", "2021-02-01"]], "M8[ns]"
    )
    field = field_at("EPSG:32607", pair, 365.0, 0.0, time_bnds=bounds)
    field["vx"] = field["vx"] * xr.DataArray([1.0, 2.0, 9.0], dims="time")
    dx, _ = expect_offsets(field, pair, ROW, COLUMN)
    np.testing.assert_allclose(dx, (1 * 4 + 2 * 12) / 16 * 16 / 15, rtol=1e-12)
    late = field.isel(time=[2, 2]).assign_coords(time_bnds=field["time_bnds"].isel(time=[2, 2]))
    np.testing.assert_allclose(expect_offsets(late, pair, ROW, COLUMN)[0], 9 * 16 / 15, rtol=1e-12)


def test_no_value_stays_no_value_and_the_shift_of_lattices_is_left_out() -> None:
    pair = pair_at()
    field = field_at("EPSG:32607", pair, 365.0, 0.0)
    field["vx"][0, :40] = np.nan
    dx, dy = expect_offsets(field, pair, ROW, COLUMN)
    assert np.isnan(dx[0]).all()
    assert (np.isnan(dx) == np.isnan(dy)).all()
    np.testing.assert_allclose(dx[-1], 16 / 15, rtol=1e-12)
    shifted = ScenePair(*(getattr(pair, name) for name in _FIELDS), shift=(0.25, 0.0))
    np.testing.assert_allclose(expect_offsets(field, shifted, ROW, COLUMN)[0][-1], 16 / 15 - 0.25, rtol=1e-12)


_FIELDS = ("first", "second", "valid_first", "valid_second", "transform", "crs", "acquired")


def test_priors_that_are_none_are_refused() -> None:
    pair = pair_at()
    field = field_at("EPSG:32607", pair, 365.0, 0.0)
    with pytest.raises(NoOverlapError, match="does not reach the images"):
        expect_offsets(field.assign_coords(x=field["x"] + 1e6), pair, ROW, COLUMN)
    with pytest.raises(NoOverlapError, match="has no value where"):
        expect_offsets(field.assign(vx=field["vx"] * np.nan), pair, ROW, COLUMN)
    with pytest.raises(FieldError, match="velocity_kind is 'displacement'"):
        expect_offsets(
            field_at("EPSG:32607", pair, 1.0, 0.0, velocity_kind="displacement", units="m"), pair, ROW, COLUMN
        )
    with pytest.raises(FieldError, match="no variable 'vx'"):
        expect_offsets(xr.Dataset(), pair, ROW, COLUMN)
