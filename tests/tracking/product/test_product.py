"""The tracked granule: velocities by hand, its file in xarray, altiflow and GDAL, and correction without tracking."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import xarray as xr
from affine import Affine

from altiflow import Grid, build_cube, check_field, read_velocity, write_netcdf, write_velocity
from altiflow.errors import InputError, WrongProductError
from altiflow.readers.scenes import ScenePair
from altiflow.tracking.offsets import Offsets
from altiflow.tracking.parameters import TrackParameters
from altiflow.tracking.product import (
    add_velocity,
    lay_out,
    recorrect,
    rename_as_pycorr,
    restore_offsets,
    tracked_field,
    tracked_name,
    write_tracked,
)
from altiflow.tracking.stable import CorrectionRule

Maker = Callable[..., xr.Dataset]
YEAR = 365.25
SCALE = 15 / 16 * YEAR
"""Metres per year of a pixel of 15 m in 16 days."""


def test_velocity_is_displacement_over_time_along_the_axes_of_the_map(granule_of: Maker) -> None:
    granule = granule_of()
    ice = granule.isel(y=slice(16, None), x=slice(1, None))
    assert float(ice["vx"].median()) == pytest.approx(4 * SCALE, rel=2e-3)
    # Down in the image is towards lower y.
    assert float(ice["vy"].median()) == pytest.approx(-2 * SCALE, rel=2e-3)
    np.testing.assert_allclose(ice["v"], np.hypot(ice["vx"], ice["vy"]), rtol=1e-6)
    rock = granule.isel(y=slice(0, 14), x=slice(1, None))
    assert abs(float(rock["vx"].median())) < 0.01 * SCALE
    assert (granule["vx"].attrs["units"], granule["vx"].attrs["year_days"]) == ("meter/year", YEAR)
    daily = granule_of(units="m/d")
    np.testing.assert_allclose(daily["vx"] * YEAR, granule["vx"], rtol=1e-6)
    assert "year_days" not in daily["vx"].attrs
    np.testing.assert_allclose(granule_of(year_days=365.0)["vx"], granule["vx"] * (365 / YEAR), rtol=1e-6)


def test_errors_are_those_of_match_and_correction_and_of_the_speed_by_a_monte_carlo(granule_of: Maker) -> None:
    granule = granule_of()
    correction = json.loads(granule.attrs["correction"])
    shift_error = 1.2533 * correction["nmad"][0] / np.sqrt(correction["independent"])
    expected = np.hypot(0.05, shift_error) * SCALE
    np.testing.assert_allclose(granule["vx_error"].isel(x=5, y=5), expected, rtol=1e-5)
    cell = granule.isel(x=5, y=20)
    rng = np.random.default_rng(0)
    # Down in the image is against the y axis, so the covariance changes its sign.
    assert float(cell["vxy_covariance"]) == pytest.approx(-0.001 * SCALE**2, rel=1e-5)
    across = float(cell["vxy_covariance"])
    spread = [[float(cell["vx_error"]) ** 2, across], [across, float(cell["vy_error"]) ** 2]]
    vx, vy = rng.multivariate_normal([float(cell["vx"]), float(cell["vy"])], spread, 200_000).T
    assert float(cell["v_error"]) == pytest.approx(np.hypot(vx, vy).std(), rel=0.02)


def test_speed_error_is_finite_where_nothing_moves(pair: ScenePair, offsets: Offsets) -> None:
    still = replace(offsets, dx=np.zeros_like(offsets.dx), dy=np.zeros_like(offsets.dy))
    granule = add_velocity(lay_out(pair, still, parameters=TrackParameters(spacing=8)))
    expected = np.sqrt((0.05**2 + 0.04**2) / 2) * SCALE
    assert float(granule["v_error"][5, 5]) == pytest.approx(expected, rel=1e-5)


def test_cells_without_displacement_say_why_and_have_no_number(granule_of: Maker) -> None:
    granule = granule_of()
    empty = granule["status"] == 4
    assert int(empty.sum()) == 30
    for name in ("vx", "vy", "v", "vx_error", "vy_error", "v_error", "dx", "corr"):
        assert not np.isfinite(granule[name].values[empty.values]).any()
    assert set(np.unique(granule["chip_size_width"].values[empty.values])) == {0}
    assert set(np.unique(granule["chip_size_width"].values[~empty.values])) == {24 * 15}
    assert int(granule["interp_mask"].sum()) == 1
    assert granule["status"].attrs["flag_meanings"].split()[:3] == ["nodata", "flat", "edge"]


def test_the_file_opens_in_gdal_at_the_same_place_to_the_pixel(granule_of: Maker, tmp_path: Path) -> None:
    granule = granule_of()
    path = write_tracked(granule, tmp_path / "pair.nc")
    with rasterio.open(f"netcdf:{path}:vx") as opened:
        # Cells of 8 pixels begin at the corner of the image.
        assert opened.transform.almost_equals(Affine(120, 0, 465_067.5, 0, -120, 6_681_577.5))
        assert opened.crs.to_epsg() == 32607
        np.testing.assert_array_equal(opened.read(1), granule["vx"].values)
        row, column = opened.index(float(granule["x"][7]), float(granule["y"][3]))
        assert (row, column) == (3, 7)


def test_it_reads_back_as_a_velocity_field_with_errors_of_each_cell(granule_of: Maker, tmp_path: Path) -> None:
    granule = granule_of()
    field = read_velocity(write_tracked(granule, tmp_path / "pair.nc"))
    check_field(field)
    np.testing.assert_array_equal(field["vx"].values[0], granule["vx"].values)
    np.testing.assert_array_equal(field["vy_sigma"].values[0], granule["vy_error"].values)
    np.testing.assert_array_equal(field["corr"].values[0], granule["corr"].values)
    for name in ("snr", "vxy_covariance"):
        np.testing.assert_array_equal(field[name].values[0], granule[name].values)
    assert (granule["vxy_covariance"].attrs["units"], field["vxy_covariance"].attrs["units"]) == (
        "meter2/year2", "(m yr-1)2",
    )  # fmt: skip
    assert (granule["dxy_covariance"].attrs["units"], granule["snr"].attrs["units"]) == ("pixel2", "1")
    told = {name: field.attrs[name] for name in ("crs", "units", "velocity_metric", "metric_source", "year_days")}
    assert told == {
        "crs": "EPSG:32607", "units": "m yr-1", "velocity_metric": "map", "metric_source": "file", "year_days": YEAR,
    }  # fmt: skip
    assert field.attrs["source"].endswith("in LC80630182016201LGN00 and LC80630182016216LGN00")
    assert field["time_bnds"].values.astype("M8[ms]").astype(str).tolist() == [
        ["2016-07-18T20:37:06.100", "2016-08-03T20:37:06.100"]
    ]
    assert field["satellite"].values.tolist() == ["L8"]
    assert float(field["stable_shift_x"][0]) == pytest.approx(-0.3 * SCALE, rel=0.01)
    assert int(field["interp_mask"].sum()) == 1
    same = tracked_field(granule, "pair.nc")
    xr.testing.assert_identical(same, field)


def test_whole_numbers_of_its_live_lose_half_a_metre_and_count_what_does_not_fit(
    granule_of: Maker, tmp_path: Path
) -> None:
    granule = granule_of()
    granule["vx"][3, 3] = 40_000.0
    field = read_velocity(write_tracked(granule, tmp_path / "packed.nc", packing="its_live"))
    with xr.open_dataset(tmp_path / "packed.nc", decode_cf=False) as raw:
        assert raw["vx"].dtype == np.int16
        assert (raw["vx"].attrs["_FillValue"], raw["vx"].attrs["packing_lost"]) == (-32767, 1)
        assert int(raw["vx"][3, 3]) == int(raw["vx"][3, 0]) == -32767
    difference = np.abs(field["vx"].values[0] - granule["vx"].values)
    assert np.nanmax(difference) <= 0.5 + 1e-3
    assert np.isfinite(difference).sum() == np.isfinite(granule["vx"].values).sum() - 1


def test_whole_numbers_are_refused_per_day_and_errors_are_never_made_smaller(granule_of: Maker, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="packing='its_live' keeps whole numbers"):
        write_tracked(granule_of(units="m/d"), tmp_path / "daily.nc", packing="its_live")
    assert not list(tmp_path.iterdir())
    granule = granule_of()
    granule["vx_error"][3, 3:6] = [0.2, 7.2, 32_766.5]
    write_tracked(granule, tmp_path / "packed.nc", packing="its_live")
    with xr.open_dataset(tmp_path / "packed.nc", decode_cf=False) as raw:
        assert raw["vx_error"].values[3, 3:6].tolist() == [1, 8, -32767]
        assert raw["vx_error"].attrs["packing_lost"] == 1
    with xr.open_dataset(tmp_path / "packed.nc") as back:
        for name in ("vx_error", "vy_error", "v_error"):
            known = np.isfinite(back[name].values)
            assert (back[name].values >= granule[name].values)[known].all()


def test_what_is_corrected_anew_is_no_longer_what_its_plan_made(granule_of: Maker) -> None:
    granule = granule_of().assign_attrs(track_plan="{}")
    again = recorrect(granule, rule=CorrectionRule(model="none"))
    assert ("track_plan" in granule.attrs, "track_plan" in again.attrs) == (True, False)
    lines = [line for line in again.attrs["track_log"].splitlines() if line.startswith("correction by stable ground")]
    assert lines == ["correction by stable ground not applied: not asked for"]
    assert again.attrs["track_log"].splitlines()[0] == granule.attrs["track_log"].splitlines()[0] == "made"
    usual = recorrect(again)
    assert usual.attrs["track_log"] == granule.attrs["track_log"]
    assert "correction by stable ground applied: " in usual.attrs["track_log"]


def test_granules_stack_into_a_cube(granule_of: Maker, tmp_path: Path) -> None:
    paths = [write_tracked(granule_of(seed=number), tmp_path / f"pair{number}.nc") for number in range(3)]
    grid = Grid.from_centres("EPSG:32607", *(granule_of()[axis].values for axis in ("x", "y")))
    cube = build_cube(paths, grid)
    assert dict(cube.sizes) == {"time": 3, "y": 30, "x": 40, "nv": 2}
    first = granule_of(seed=0)
    layer = cube.isel(time=int(np.flatnonzero(cube["granule"].values == "pair0")[0]))
    np.testing.assert_allclose(layer["vx"].values, first["vx"].values, rtol=1e-6)
    np.testing.assert_allclose(layer["vx_sigma"].values, first["vx_error"].values, rtol=1e-5)


def test_geotiffs_of_it_are_told_apart_and_read_back(granule_of: Maker, tmp_path: Path) -> None:
    field = tracked_field(granule_of(), "pair.nc")
    write_velocity(field, tmp_path / "tiffs")
    names = sorted(path.name for path in (tmp_path / "tiffs").iterdir())
    assert {"vx.tif", "vy.tif", "vx_sigma.tif", "vy_sigma.tif", "corr.tif", "interp_mask.tif"} <= set(names)
    with rasterio.open(tmp_path / "tiffs" / "vx.tif") as opened:
        assert opened.transform.almost_equals(Affine(120, 0, 465_067.5, 0, -120, 6_681_577.5))
    back = read_velocity(tmp_path / "tiffs")
    np.testing.assert_array_equal(back["vx"].values, field["vx"].values)


def test_correcting_again_equals_a_fresh_run(granule_of: Maker, tmp_path: Path) -> None:
    rule = CorrectionRule(model="plane", min_count=100)
    fresh = granule_of(rule=rule, units="m/d")
    path = write_tracked(granule_of(), tmp_path / "pair.nc")
    with xr.open_dataset(path) as opened:
        again = recorrect(opened.load(), rule=rule, units="m/d")
    for name in ("vx", "vy", "v", "vx_error", "dx", "dy"):
        np.testing.assert_array_equal(again[name].values, fresh[name].values)
    assert json.loads(again.attrs["correction"]) == json.loads(fresh.attrs["correction"])
    assert recorrect(fresh).attrs["correction"] == granule_of().attrs["correction"]
    assert recorrect(fresh)["vx"].attrs["units"] == "meter/day"
    bare = recorrect(fresh, rule=CorrectionRule(model="none"), units="m/yr")
    np.testing.assert_allclose(bare["vx"].values, bare["dx"].values * SCALE, rtol=1e-5)
    assert bare["vx"].attrs["stable_shift_reason"] == "not asked for"


def test_displacements_come_back_as_they_went_in(pair: ScenePair, offsets: Offsets, tmp_path: Path) -> None:
    granule = add_velocity(lay_out(pair, offsets, parameters=TrackParameters(spacing=8)))
    path = write_tracked(granule, tmp_path / "pair.nc")
    with xr.open_dataset(path) as opened:
        back = restore_offsets(opened.load())
    for name in ("row", "column", "dx", "dy", "dx_error", "corr", "del_corr", "chip", "status", "interpolated"):
        np.testing.assert_array_equal(getattr(back, name), getattr(offsets, name), err_msg=name)


def test_the_part_of_a_pixel_between_the_lattices_is_added_once(pair: ScenePair, offsets: Offsets) -> None:
    shifted = replace(pair, shift=(0.25, -0.4))
    parameters = TrackParameters(spacing=8)
    plain = add_velocity(lay_out(pair, offsets, parameters=parameters))
    moved = add_velocity(lay_out(shifted, offsets, parameters=parameters))
    for name, expected in (("vx", 0.25), ("vy", 0.4)):
        difference = (moved[name] - plain[name]).values[:, 1:]
        np.testing.assert_allclose(difference, expected * SCALE, rtol=1e-4)


def test_files_are_not_overwritten_and_what_is_no_granule_is_refused(granule_of: Maker, tmp_path: Path) -> None:
    granule = granule_of()
    path = write_tracked(granule, tmp_path / "pair.nc")
    before = path.read_bytes()
    with pytest.raises(InputError, match="is there already"):
        write_tracked(granule, path)
    assert path.read_bytes() == before
    write_tracked(granule, path, overwrite=True)
    assert [found.name for found in tmp_path.iterdir()] == ["pair.nc"]
    cases: list[tuple[Callable[[], Any], type[Exception], str]] = [
        (lambda: write_tracked(granule, tmp_path / "pair.tif"), InputError, "would hold NetCDF"),
        (lambda: write_tracked(granule, tmp_path / "x.nc", packing="int8"), InputError, "packing must"),  # type: ignore[arg-type]
        (lambda: write_tracked(granule.drop_vars("vx"), tmp_path / "x.nc"), InputError, "no 'vx'"),
        (lambda: recorrect(xr.Dataset()), InputError, "no granule that altiflow tracked"),
        (lambda: recorrect(granule, units="km/d"), InputError, "units must"),  # type: ignore[arg-type]
        (lambda: recorrect(granule, year_days=300), InputError, "year_days"),
        (lambda: recorrect(granule, stable=np.ones((2, 2), bool)), InputError, "lay the mask"),
        (lambda: tracked_field(xr.Dataset()), WrongProductError, "lacks 'vx'"),
        (lambda: tracked_name(xr.Dataset()), InputError, "img_pair_info"),
    ]
    for call, error, message in cases:
        with pytest.raises(error, match=message):
            call()
    assert tracked_name(granule) == "LC80630182016201LGN00_X_LC80630182016216LGN00_G0120.nc"


def test_a_granule_goes_under_the_names_of_pycorr(granule_of: Maker, tmp_path: Path) -> None:
    granule = granule_of(units="m/d")
    found = rename_as_pycorr(granule)
    for name, of in (("vv", "v"), ("vx_masked", "vx"), ("del_i", "dx"), ("del_j", "dy"), ("d2jdx2", "curvature_y")):
        np.testing.assert_array_equal(found[name].values, granule[of].values)
    assert found["vv"].attrs["units"] == "meter/day"
    # GDAL takes the place from the grid mapping, whatever the names are.
    path = write_netcdf(found, tmp_path / "pair_hp.nc")
    with xr.open_dataset(path) as opened:
        assert opened["del_i"].attrs["grid_mapping"] == "mapping" or opened["del_i"].encoding["grid_mapping"]
        np.testing.assert_array_equal(opened["lgo_mask"].values, granule["ground"].values)
    with pytest.raises(InputError, match="no granule"):
        rename_as_pycorr(granule.drop_vars("v"))
