"""Fields on a grid and in time bins: hand cases, analytic motion, and what must not matter."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyproj
import pytest
import xarray as xr

from altiflow.errors import FieldError, InputError
from altiflow.fusion.fields.align import align_velocity
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.remap import patches
from altiflow.gridding.vectors import east_north, reproject_vectors
from altiflow.readers.field import check_field
from altiflow.units import convert_factor

GRID = Grid.from_bounds("EPSG:3413", (-2e5, -2e6, 2e5, -1.7e6), 25e3)
TWO_PAIRS = (("2020-01-01", "2020-01-21"), ("2020-01-11", "2020-02-10"))
MONTH = np.array([["2020-01-01", "2020-02-01"]], dtype="datetime64[ns]")


def rotation_field(make_field, crs, x, y, omega=1e-6, **attrs):
    """Return solid rotation about the pole in map coordinates [cm/s]."""
    return make_field(-omega * 100 * y[:, None], omega * 100 * x[None, :], x=x, y=y, crs=crs, **attrs)


def flip(field):
    return field.isel(y=slice(None, None, -1))


def test_the_same_grid_gives_the_field_back_to_the_bit(make_field):
    rng = np.random.default_rng(5)
    vx, vy = rng.normal(size=(2, *GRID.shape))
    vx[2, 3] = np.nan
    found = align_velocity(make_field(vx, vy, x=GRID.x, y=GRID.y), GRID)
    assert np.array_equal(found["vx"].values[0], vx, equal_nan=True)
    assert np.isnan(found["vy"].values[0, 2, 3])
    assert found["valid"].values.sum() == vx.size - 1
    assert found.attrs["resample_method"] == "bilinear"


def test_result_is_a_field_and_a_gridded_dataset(make_field):
    field = make_field(1.0, 2.0, x=GRID.x, y=GRID.y, sigma=0.5, units="m yr-1", year_days=365.25)
    grid = Grid.named("EASE2_N25km").window(slice(430, 450), slice(380, 395))
    for time in (None, MONTH):
        found = align_velocity(field, grid, time=time)
        assert Grid.from_dataset(found) == grid
        assert check_field(found) is not None
        assert found["vx"].dims == ("time", "y", "x")
        assert found["vx"].attrs["grid_mapping"] == "crs"
        assert found["vx"].attrs["units"] == "m yr-1"
        assert found["y"].values[0] > found["y"].values[-1]
        stated = {name: found.attrs[name] for name in ("crs", "units", "velocity_metric", "year_days", "source")}
        assert stated == {
            "crs": "EPSG:6931",
            "units": "m yr-1",
            "velocity_metric": "map",
            "year_days": 365.25,
            "source": "synthetic motion",
        }


def test_two_overlapping_pairs_in_one_month(make_field):
    vx = np.array([1.0, 2.0])[:, None, None] * np.ones(GRID.shape)
    vx[1, 0, 0] = np.nan
    vx[:, 0, 1] = np.nan
    sigma = np.array([0.3, 0.4])[:, None, None]
    found = align_velocity(make_field(vx, 0.0, x=GRID.x, y=GRID.y, bounds=TWO_PAIRS, sigma=sigma), GRID, time=MONTH)
    # 20 days of the first pair and 21 of the second lie in January.
    assert found["vx"].values[0, 5, 5] == pytest.approx((20 * 1 + 21 * 2) / 41, rel=1e-14)
    assert found["vx_sigma"].values[0, 5, 5] == pytest.approx(np.hypot(20 * 0.3, 21 * 0.4) / 41, rel=1e-14)
    assert found["overlap_days"].values[0, 0, :3].tolist() == [20.0, 0.0, 41.0]
    assert found["count"].values[0, 0, :3].tolist() == [1, 0, 2]
    assert found["vx"].values[0, 0, 0] == pytest.approx(1.0)
    assert np.isnan(found["vx"].values[0, 0, 1])
    assert found["time"].values[0] == MONTH[0, 0]
    assert np.array_equal(found["time_bnds"].values, MONTH)


def test_mean_of_identical_layers_and_of_one(make_field):
    week = ("2020-01-01", "2020-01-08")
    one = align_velocity(make_field(3.0, 1.0, x=GRID.x, y=GRID.y, bounds=[week], sigma=2.0), GRID, time=MONTH)
    four = align_velocity(make_field(3.0, 1.0, x=GRID.x, y=GRID.y, bounds=[week] * 4, sigma=2.0), GRID, time=MONTH)
    assert one["vx_sigma"].values == pytest.approx(np.full((1, *GRID.shape), 2.0))
    assert four["vx_sigma"].values == pytest.approx(np.full((1, *GRID.shape), 1.0))
    assert four["vx"].values == pytest.approx(one["vx"].values)


def test_layers_outside_the_bins_weigh_nothing(make_field):
    bounds = [("2020-01-01", "2020-01-08"), ("2020-03-01", "2020-03-08")]
    field = make_field(np.array([1.0, 9.0])[:, None, None], 0.0, x=GRID.x, y=GRID.y, bounds=bounds)
    found = align_velocity(field, GRID, time=pd.date_range("2020-01-01", periods=4, freq="MS"))
    assert found["vx"].values[0, 0, 0] == 1.0
    assert np.isnan(found["vx"].values[1]).all()
    assert found["vx"].values[2, 0, 0] == 9.0
    assert found["overlap_days"].values[:, 0, 0].tolist() == [7.0, 0.0, 7.0]


def test_snapshots_in_a_bin_weigh_equally(make_field):
    bounds = [(day, day) for day in ("2020-01-01", "2020-01-30", "2020-02-01")]
    field = make_field(
        np.array([1.0, 4.0, 7.0])[:, None, None], 0.0, x=GRID.x, y=GRID.y, bounds=bounds, time_rule="instant"
    )
    found = align_velocity(field, GRID, time=MONTH)
    assert found["vx"].values[0, 0, 0] == 2.5
    assert found["count"].values[0, 0, 0] == 2
    assert np.isnan(found["overlap_days"].values).all()
    assert found.attrs["time_rule"] == "interval_mean"


def test_an_undated_field_is_the_same_in_every_bin(make_field):
    field = make_field(1.0, 2.0, x=GRID.x, y=GRID.y, bounds=[("NaT", "NaT")], time_rule="undated")
    found = align_velocity(field, GRID, time=pd.date_range("2020-01-01", periods=3, freq="MS"))
    assert (found["vx"].values == 1.0).all()
    assert np.isnan(found["overlap_days"].values).all()
    # The bins are those of the altimetry: the velocity is still undated, so it is not a dated field.
    assert found.attrs["time_rule"] == "undated"
    with pytest.raises(FieldError, match="undated"):
        check_field(found)
    assert np.isnat(align_velocity(field, GRID)["time_bnds"].values).all()


def test_several_undated_layers_have_no_bin(make_field):
    field = make_field(1.0, 2.0, x=GRID.x, y=GRID.y, bounds=[("NaT", "NaT")] * 2, time_rule="undated")
    with pytest.raises(FieldError, match="isel"):
        align_velocity(field, GRID, time=MONTH)


def test_displacements_are_refused(make_field):
    field = make_field(1.0, 2.0, x=GRID.x, y=GRID.y, velocity_kind="displacement", units="km")
    with pytest.raises(FieldError, match="divide vx, vy"):
        align_velocity(field, GRID)


@pytest.mark.parametrize("metric", ["map", "ground"])
@pytest.mark.parametrize("target", ["EASE2_N25km", "NSIDC_PS_WGS84_N25km", "EASE_Nl25km"])
def test_solid_rotation_stays_zonal_on_every_map(make_field, metric, target):
    x, y = np.arange(-12, 13) * 25067.525 + 9e5, np.arange(-10, 11) * 25067.525 - 8e5
    field = rotation_field(make_field, "EPSG:3408", x, y, velocity_metric=metric)
    found = align_velocity(field, Grid.named(target), method="bilinear")
    # In the outer half cell the outermost values hold, so only points between the centres are exact.
    cells = np.meshgrid(found["x"], found["y"])
    back = pyproj.Transformer.from_crs(found.attrs["crs"], "EPSG:3408", always_xy=True).transform(*cells)
    inside = (back[0] > x[0]) & (back[0] < x[-1]) & (back[1] > y[0]) & (back[1] < y[-1])
    vx, vy = (found[name].values[0][inside] for name in ("vx", "vy"))
    map_x, map_y = (part[inside] for part in cells)
    east, north = east_north(vx, vy, map_x, map_y, crs=found.attrs["crs"], metric=metric)
    assert inside.sum() > 400
    curvature = {"EASE_Nl25km": 1e-9, "EASE2_N25km": 1e-7}.get(target, 2e-5)
    assert np.abs(north).max() < curvature * east.max()
    if metric == "map":
        geodetic = pyproj.Transformer.from_crs(found.attrs["crs"], "EPSG:4326", always_xy=True)
        sine = np.sin(np.radians(geodetic.transform(map_x, map_y)[1]))
        radius = 6371228.0 if target == "EASE_Nl25km" else 6378137.0 / np.sqrt(1 - 0.00669437999014 * sine**2)
        assert east == pytest.approx(1e-4 * radius * np.sqrt(1 - sine**2), rel=max(curvature, 1e-6))


@pytest.mark.parametrize("target", ["EASE2_N25km", "EASE2_N100km", "NSIDC_PS_WGS84_N25km"])
@pytest.mark.parametrize("method", ["auto", "nearest"])
def test_the_order_of_rows_changes_nothing_to_the_bit(make_field, target, method):
    rng = np.random.default_rng(6)
    x, y = np.arange(30) * 25067.525 - 4e5, np.arange(25) * 25067.525 - 1.5e6
    vx, vy = rng.normal(size=(2, 2, 25, 30))
    vx[rng.random(vx.shape) < 0.2] = np.nan
    field = make_field(vx, vy, x=x, y=y, crs="EPSG:3408", bounds=TWO_PAIRS, sigma=0.1)
    for time in (None, MONTH):
        one = align_velocity(field, Grid.named(target), time=time, method=method)
        two = align_velocity(flip(field), Grid.named(target), time=time, method=method)
        assert int(one["valid"].sum()) > 0
        xr.testing.assert_identical(one, two)


def test_the_order_of_rows_does_not_matter_for_fine_fields(make_field):
    x, y = -2e5 + np.arange(400) * 120.0, -2.2e6 + np.arange(300) * 120.0
    vx, vy = np.random.default_rng(7).normal(size=(2, 300, 400))
    field = make_field(vx, vy, x=x, y=y)
    grid = Grid.from_bounds("EPSG:6931", (-1.8e6, -1.45e6, -1.65e6, -1.35e6), 1000)
    one, two = align_velocity(field, grid), align_velocity(flip(field), grid)
    assert one.attrs["resample_method"] == "area"
    assert int(one["valid"].sum()) > 500
    xr.testing.assert_identical(one, two)


def test_patches_do_not_show(make_field, monkeypatch):
    x, y = -2e5 + np.arange(100) * 1200.0, -2.2e6 + np.arange(90) * 1200.0
    vx, vy = np.random.default_rng(8).normal(size=(2, 90, 100))
    grid = Grid.from_bounds("EPSG:6931", (-1.8e6, -1.5e6, -1.6e6, -1.3e6), 3000)
    whole = align_velocity(make_field(vx, vy, x=x, y=y), grid)
    monkeypatch.setattr(patches, "_PATCH_POINTS", 40)
    pieces = align_velocity(make_field(vx, vy, x=x, y=y), grid)
    assert int(whole["valid"].sum()) > 500
    assert np.nanmax(np.abs(pieces["vx"].values - whole["vx"].values)) < 1e-10
    assert np.array_equal(pieces["valid"].values, whole["valid"].values)


def test_matrices_between_nodes_are_as_good_as_the_nodes(make_field):
    x, y = -2e5 + np.arange(200) * 120.0, -2.2e6 + np.arange(200)[::-1] * 120.0
    field = make_field(3.0, -4.0, x=x, y=y)
    grid = Grid.from_bounds("EPSG:6931", (-1.8e6, -1.5e6, -1.6e6, -1.3e6), 240)
    found = align_velocity(field, grid)
    valid = found["valid"].values[0]
    map_x, map_y = (part[valid] for part in np.meshgrid(grid.x, grid.y))
    source = pyproj.Transformer.from_crs("EPSG:6931", "EPSG:3413", always_xy=True).transform(map_x, map_y)
    vx, vy, _ = reproject_vectors(3.0, -4.0, *source, source_crs="EPSG:3413", target_crs="EPSG:6931", metric="map")
    inside = (source[0] > x[1]) & (source[0] < x[-2]) & (source[1] > y[-2]) & (source[1] < y[1])
    assert inside.sum() > 5000
    assert np.hypot(found["vx"].values[0][valid] - vx, found["vy"].values[0][valid] - vy)[inside].max() < 5e-7


def test_area_mean_of_a_fine_field_is_the_mean_of_its_cells(make_field):
    x, y = np.arange(40) * 1000.0 + 500, np.arange(40)[::-1] * 1000.0 + 500
    vx = np.random.default_rng(9).normal(size=(40, 40))
    grid = Grid.from_bounds("EPSG:3413", (0, 0, 40e3, 40e3), 10e3)
    found = align_velocity(make_field(vx, 1.0, x=x, y=y), grid)
    means = vx.reshape(4, 10, 4, 10).mean(axis=(1, 3))
    assert found.attrs["resample_method"] == "area"
    # Ten points a side lie on the ten source centres of a cell.
    assert found["vx"].values[0] == pytest.approx(means, abs=1e-12)


def test_variances_turn_with_the_vectors(make_field):
    x, y = np.arange(-20, 20) * 25e3, np.arange(-20, 20) * 25e3 - 1.5e6
    field = make_field(0.0, 0.0, x=x, y=y, velocity_metric="ground", sigma=0.0)
    field["vx_sigma"][:] = 3.0
    field["vy_sigma"][:] = 1.0
    found = align_velocity(field, Grid.named("EASE2_N25km"))
    sigma = found["vx_sigma"].values[found["valid"].values]
    # Turned by 45 degrees both axes see half of either variance.
    assert sigma == pytest.approx(np.full(sigma.size, np.sqrt(5.0)), rel=1e-6)


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_nothing_invalid_leaks(make_field, bad):
    vx = np.ones(GRID.shape)
    vx[4, 4] = bad
    found = align_velocity(make_field(vx, 1.0, x=GRID.x, y=GRID.y), GRID)
    assert np.isnan(found["vx"].values[0, 4, 4])
    assert np.isnan(found["vy"].values[0, 4, 4])
    assert found["valid"].values.sum() == vx.size - 1


def test_a_valid_mask_is_obeyed(make_field):
    field = make_field(1.0, 1.0, x=GRID.x, y=GRID.y)
    field["valid"] = field["vx"] > 0
    field["valid"][0, 2, 2] = False
    assert np.isnan(align_velocity(field, GRID)["vx"].values[0, 2, 2])


def test_the_same_motion_in_other_units_is_the_same_motion(make_field):
    grid = Grid.named("EASE2_N25km").window(slice(430, 450), slice(380, 395))
    results = []
    for units, year in (("cm s-1", None), ("m d-1", None), ("m yr-1", 365.25), ("m yr-1", 365.0)):
        factor = convert_factor("m d-1", units, target_year_days=year or 365.25)
        field = make_field(2.0 * factor, -1.0 * factor, x=GRID.x, y=GRID.y, units=units, year_days=year)
        found = align_velocity(field, grid)
        back = convert_factor(found.attrs["units"], "m d-1", source_year_days=found.attrs.get("year_days", 365.25))
        results.append(found["vx"].values * back)
    for other in results[1:]:
        assert np.allclose(other, results[0], rtol=1e-12, equal_nan=True)


def test_a_field_elsewhere_leaves_the_grid_empty(make_field):
    far = Grid.from_bounds("EPSG:3031", (1e6, 1e6, 1.2e6, 1.2e6), 25e3)
    found = align_velocity(make_field(1.0, 1.0, x=GRID.x, y=GRID.y), far, time=MONTH)
    assert not found["valid"].values.any()
    assert not found["count"].values.any()


def test_single_precision_stays_single(make_field):
    field = make_field(1.0, 1.0, x=GRID.x, y=GRID.y, sigma=0.1)
    for name in ("vx", "vy"):
        field[name] = field[name].astype("float32")
    assert align_velocity(field, GRID)["vx"].dtype == np.float32


def test_an_unknown_method_is_refused(make_field):
    with pytest.raises(InputError, match="'cubic'"):
        align_velocity(make_field(1.0, 1.0, x=GRID.x, y=GRID.y), GRID, method="cubic")
