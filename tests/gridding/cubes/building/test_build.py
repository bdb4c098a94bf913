"""Pairs of any map come onto one grid, turned right, each a layer, the same whatever the way there."""

from __future__ import annotations

import shutil

import numpy as np
import pyproj
import pytest
import xarray as xr

from altiflow import Grid, invert_displacements, read_velocity, series_at
from altiflow.errors import CorruptGranuleError, FieldError, InputError, NoOverlapError
from altiflow.gridding.cubes import build_cube
from altiflow.gridding.cubes.building.store import CubeStore
from altiflow.gridding.vectors import jacobian

CENTRE = (-139.5, 60.0)


def home_grid(half=1200.0, cell=120) -> Grid:
    x, y = pyproj.Transformer.from_crs(4326, 3413, always_xy=True).transform(*CENTRE)
    return Grid.its_live(3413, bounds=(x - half, y - half, x + half, y + half), cell=cell)


def contents(store) -> dict[str, bytes]:
    return {str(path.relative_to(store)): path.read_bytes() for path in sorted(store.rglob("*")) if path.is_file()}


def test_one_motion_on_four_maps_is_one_motion(write_pair, tmp_path):
    codes = (3413, 32607, 32608, 6931)
    paths = [write_pair(f"LC08_{epsg}", epsg, satellite_img1=str(n)) for n, epsg in enumerate(codes)]
    cube = build_cube(paths, home_grid(), store=tmp_path / "cube.zarr").load()
    assert cube.sizes["time"] == 4
    assert np.isfinite(cube.vx.values).all()
    np.testing.assert_allclose(cube.vx.values, 100.0, rtol=2e-6)
    np.testing.assert_allclose(cube.vy.values, 50.0, rtol=4e-6)
    assert cube.attrs["crs"] == "EPSG:3413"
    assert (cube.attrs["velocity_metric"], cube.attrs["year_days"]) == ("map", 365.0)


def test_a_vector_of_utm_turns_by_96_degrees_on_the_polar_map(write_pair, tmp_path):
    x, y = pyproj.Transformer.from_crs(4326, 32607, always_xy=True).transform(-140.0, 60.0)
    path = write_pair("LC08_utm", 32607, (-140.0, 60.0))
    with xr.open_dataset(path, decode_cf=False) as raw:
        turned = raw.load()
    turned["vx"][:], turned["vy"][:] = 100.0, 0.0
    turned.to_netcdf(path, engine="h5netcdf")
    px, py = pyproj.Transformer.from_crs(32607, 3413, always_xy=True).transform(x, y)
    grid = Grid.its_live(3413, bounds=(px - 300, py - 300, px + 300, py + 300))
    cube = build_cube([path], grid, store=tmp_path / "c.zarr")
    row, col = grid.rowcol(px, py)
    vx, vy = (float(cube[name][0, row, col]) for name in ("vx", "vy"))
    assert np.degrees(np.arctan2(vy, vx)) == pytest.approx(-95.87, abs=5e-3)
    assert np.hypot(vx, vy) == pytest.approx(103.98, abs=0.02)


def test_covariances_turn_with_the_vectors(write_pair, tmp_path):
    grid = home_grid()
    cube = build_cube([write_pair("LC08_a", 32607)], grid, store=tmp_path / "c.zarr")
    row, col = 10, 10
    x, y = pyproj.Transformer.from_crs(3413, 32607, always_xy=True).transform(grid.x[col], grid.y[row])
    turn = jacobian(32607, 3413, x, y)
    expected = turn @ np.diag([100.0, 400.0]) @ turn.T
    found = [float(cube[name][0, row, col]) for name in ("vx_sigma", "vy_sigma", "vxy_covariance")]
    assert found == pytest.approx([expected[0, 0] ** 0.5, expected[1, 1] ** 0.5, expected[0, 1]], rel=1e-5)
    assert abs(found[2]) > 20


def test_versions_of_two_lattices_and_metrics_share_one_grid(write_pair, tmp_path):
    first = write_pair("LE07_v1", cell=240.0, offset=(112.5, 127.5), metric="ground", size=(30, 30))
    second = write_pair("LC08_v2", offset=(52.5, 7.5))
    with pytest.raises(FieldError, match=r"in map and in ground metres.*metric='map'"):
        build_cube([first, second], home_grid(), store=tmp_path / "c.zarr")
    cube = build_cube([first, second], home_grid(), store=tmp_path / "c.zarr", metric="map").load()
    assert np.isfinite(cube.vx.values).all()
    np.testing.assert_allclose(cube.vx.values, 100.0, rtol=1e-5)
    np.testing.assert_allclose(cube.vy.values, 50.0, rtol=1e-5)


def test_pairs_with_one_middle_are_all_there_in_order_of_time(write_pair, days, tmp_path):
    paths = [write_pair(name, **days(*span)) for name, span in {"c": (8, 24), "b": (0, 32), "a": (0, 16)}.items()]
    cube = build_cube(paths, home_grid(), store=tmp_path / "c.zarr")
    assert [str(name)[0] for name in cube.granule.values] == ["a", "b", "c"]
    assert cube.time.values[1] == cube.time.values[2]
    shuffled = build_cube(paths[::-1], home_grid(), store=tmp_path / "d.zarr")
    xr.testing.assert_equal(cube.load(), shuffled.load())


def make_many(write_pair, days) -> list:
    return [
        write_pair(f"LC08_{n:02d}", (3413, 32607)[n % 2], truth=(100.0 + n, 50.0 - n), size=(40, 50), **days(n, n + 16))
        for n in range(7)
    ]


def test_an_interrupted_build_goes_on_and_gives_the_same_files(write_pair, days, tmp_path, monkeypatch):
    monkeypatch.setattr("altiflow.gridding.cubes.building.plan._LAYERS", 2)
    paths = make_many(write_pair, days)
    whole = build_cube(paths, home_grid(), store=tmp_path / "whole.zarr")
    written = []
    note = CubeStore.note

    def stop(self, piece: str) -> None:
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(piece)
        note(self, piece)

    with monkeypatch.context() as patched:
        patched.setattr(CubeStore, "note", stop)
        with pytest.raises(KeyboardInterrupt):
            build_cube(paths, home_grid(), store=tmp_path / "cut.zarr")
    assert not (tmp_path / "cut.zarr").exists()
    with pytest.raises(InputError, match="unfinished cube of other sources or options"):
        build_cube(paths[:3], home_grid(), store=tmp_path / "cut.zarr")
    build_cube(paths, home_grid(), store=tmp_path / "cut.zarr")
    assert contents(tmp_path / "cut.zarr") == contents(tmp_path / "whole.zarr")
    assert whole.sizes["time"] == 7
    assert [path.name for path in tmp_path.iterdir() if "part" in path.name] == []


def test_layers_per_chunk_do_not_show(write_pair, days, tmp_path, monkeypatch):
    paths = make_many(write_pair, days)
    one = build_cube(paths, home_grid(), store=tmp_path / "one.zarr").load()
    monkeypatch.setattr("altiflow.gridding.cubes.building.plan._LAYERS", 2)
    monkeypatch.setattr("altiflow.gridding.cubes.building.plan._SIDES", (8, 8))
    two = build_cube(paths, home_grid(), store=tmp_path / "two.zarr").load()
    xr.testing.assert_equal(one, two)


def test_dask_arrays_are_the_store(write_pair, days, tmp_path):
    pytest.importorskip("dask")
    paths = make_many(write_pair, days)
    stored = build_cube(paths, home_grid(), store=tmp_path / "one.zarr").load()
    lazy = build_cube(paths, home_grid())
    assert lazy.vx.chunks is not None
    for name in ("vx", "vy", "vx_sigma", "vy_sigma", "vxy_covariance"):
        np.testing.assert_array_equal(lazy[name].values, stored[name].values)


def test_a_cube_that_came_meanwhile_is_not_overwritten(write_pair, tmp_path, monkeypatch):
    publish = CubeStore.publish

    def late(self, *args, **kwargs):
        (tmp_path / "c.zarr").mkdir()
        (tmp_path / "c.zarr" / "theirs").write_text("kept")
        return publish(self, *args, **kwargs)

    monkeypatch.setattr(CubeStore, "publish", late)
    with pytest.raises(InputError, match=r"something came to .*c\.zarr meanwhile"):
        build_cube([write_pair("a")], home_grid(), store=tmp_path / "c.zarr")
    assert (tmp_path / "c.zarr" / "theirs").read_text() == "kept"


def test_cells_outside_the_region_are_empty(write_pair, tmp_path):
    grid = home_grid()
    region = (-139.51, 59.99, -139.49, 60.0)
    cube = build_cube([write_pair("a")], grid, store=tmp_path / "c.zarr", region=region)
    lon, lat = grid.lonlat()
    inside = (lon >= -139.51) & (lon <= -139.49) & (lat >= 59.99) & (lat <= 60.0)
    assert 0 < inside.sum() < inside.size
    np.testing.assert_array_equal(np.isfinite(cube.vx.values[0]), inside)
    with pytest.raises(InputError, match="no cell of"):
        build_cube([write_pair("a")], grid, store=tmp_path / "d.zarr", region=(10, 70, 11, 71))


def test_int16_in_steps(write_pair, tmp_path):
    path = write_pair("a", truth=(100.04, -50.06))
    cube = build_cube([path], home_grid(), store=tmp_path / "c.zarr", precision=0.1)
    assert cube.vx.values[0, 5, 5] == pytest.approx(100.0, abs=1e-4)
    assert cube.vy.values[0, 5, 5] == pytest.approx(-50.1, abs=1e-4)
    with xr.open_dataset(tmp_path / "c.zarr", engine="zarr", decode_cf=False) as raw:
        assert (raw.vx.dtype, raw.vx.attrs["_FillValue"]) == (np.int16, -32767)
    with pytest.raises(InputError, match=r"precision=0\.001 cannot hold vx of 100"):
        build_cube([path], home_grid(), store=tmp_path / "d.zarr", precision=0.001)
    coarse = build_cube([path], home_grid(), store=tmp_path / "e.zarr", precision=50.0)
    assert (coarse.vx_sigma.values > 0).all()


def test_a_run_killed_between_two_variables_loses_nothing(write_pair, days, tmp_path, monkeypatch):
    paths = make_many(write_pair, days)
    whole = build_cube(paths, home_grid(), store=tmp_path / "whole.zarr").load()
    array = CubeStore._array
    for last in ("vx", "vy", "vx_sigma", "vy_sigma", "vxy_covariance"):
        reached, store = [], tmp_path / f"{last}.zarr"

        def stop(self, root, name: str, last=last, reached=reached):
            # Reading vx comes first; then every variable is written, this one not any more.
            if name == last and reached:
                raise KeyboardInterrupt
            reached.append(name)
            return array(self, root, name)

        with monkeypatch.context() as patched:
            patched.setattr(CubeStore, "_array", stop)
            with pytest.raises(KeyboardInterrupt):
                build_cube(paths, home_grid(), store=store)
        xr.testing.assert_equal(whole, build_cube(paths, home_grid(), store=store).load())


def test_sources_outside_the_period_are_counted(cube_on, write_pair, days, tmp_path):
    paths = make_many(write_pair, days)
    field = cube_on(32646, 784_260.0, 4)
    cube = build_cube(paths, home_grid(), store=tmp_path / "c.zarr", period=("2020-01-20", "2020-02-01"))
    assert (cube.sizes["time"], cube.attrs["sources_outside_period"]) == (3, 4)
    grid = Grid.from_centres(32646, field.x.values, field.y.values)
    cut = build_cube(field, grid, store=tmp_path / "d.zarr", period=("2020-01-18", "2020-02-01"))
    assert cut.sizes["time"] == 2
    with pytest.raises(NoOverlapError, match="4 have no layer in the period"):
        build_cube(paths[:4], home_grid(), store=tmp_path / "e.zarr", period=("2030-01-20", "2030-02-01"))


def test_a_source_that_changed_is_not_gone_on_with(write_pair, days, tmp_path, monkeypatch):
    monkeypatch.setattr("altiflow.gridding.cubes.building.plan._LAYERS", 2)
    paths = make_many(write_pair, days)
    with monkeypatch.context() as patched:
        patched.setattr(CubeStore, "publish", lambda *args, **kwargs: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            build_cube(paths, home_grid(), store=tmp_path / "c.zarr")
    paths[3] = write_pair("LC08_03", 32607, truth=(7.0, 7.0), **days(3, 19))
    with pytest.raises(InputError, match="unfinished cube"):
        build_cube(paths, home_grid(), store=tmp_path / "c.zarr")
    shutil.rmtree(tmp_path / ".c.part.zarr")
    assert build_cube(paths, home_grid(), store=tmp_path / "c.zarr").sizes["time"] == 7


def test_a_cube_of_a_cube_keeps_the_covariance_and_series_turn_it_back(write_pair, tmp_path):
    path = write_pair("LC08_a", 32607)
    cube = build_cube([path], home_grid(), store=tmp_path / "a.zarr")
    again = build_cube(tmp_path / "a.zarr", home_grid(), store=tmp_path / "b.zarr")
    np.testing.assert_array_equal(again.vxy_covariance.values, cube.vxy_covariance.values)
    x, y = (float(cube[name][10]) for name in ("x", "y"))
    other = read_velocity(path).isel(x=slice(0, 2), y=slice(0, 2))
    other["x"], other["y"] = ("x", [0.0, 120.0]), ("y", [120.0, 0.0])
    far = other.assign_coords(granule=("time", ["other"]))
    place = pyproj.Transformer.from_crs(3413, 32607, always_xy=True).transform(x, y)
    series = series_at([far, cube], [place], crs=32607)
    assert (series.vx_sigma.values[1, 0], series.vy_sigma.values[1, 0]) == pytest.approx((10.0, 20.0), rel=1e-4)
    assert series.vxy_covariance.values[1, 0] == pytest.approx(0.0, abs=0.02)


def test_a_long_source_of_fine_cells_is_taken_in_tiles_of_its_own_cells(cube_on, tmp_path, monkeypatch):
    fine = cube_on(32646, 784_260.0, 30)
    grid = Grid.from_bounds(32646, (784_200, 3_308_620, 786_600, 3_310_060), 480)
    whole = build_cube(fine, grid, store=tmp_path / "a.zarr").load()
    monkeypatch.setattr("altiflow.gridding.cubes.building.pieces._WINDOW", 30 * 100)
    monkeypatch.setattr("altiflow.gridding.cubes.building.pieces._STACK", 128)
    tiled = build_cube(fine, grid, store=tmp_path / "b.zarr").load()
    xr.testing.assert_equal(whole, tiled)
    assert np.isfinite(whole.vx.values).all()


class TestWhatIsWrong:
    def test_no_source_reaches_the_grid(self, write_pair, tmp_path):
        with pytest.raises(NoOverlapError, match=r"none of 1 sources reaches the grid.*a_G0120V02_P099\.nc, EPSG:3413"):
            build_cube([write_pair("a", centre=(10.0, 75.0))], home_grid(), store=tmp_path / "c.zarr")

    def test_sources_outside_are_counted(self, write_pair, tmp_path):
        paths = [write_pair("a"), write_pair("b", centre=(10.0, 75.0))]
        cube = build_cube(paths, home_grid(), store=tmp_path / "c.zarr")
        assert (cube.sizes["time"], cube.attrs["sources_given"], cube.attrs["sources_outside"]) == (1, 2, 1)

    def test_a_damaged_source_is_raised_or_named(self, write_pair, tmp_path):
        good, bad = write_pair("a"), write_pair("b")
        bad.write_bytes(bad.read_bytes()[:300])
        with pytest.raises(CorruptGranuleError, match="b_G0120V02"):
            build_cube([good, bad], home_grid(), store=tmp_path / "c.zarr")
        cube = build_cube([good, bad], home_grid(), store=tmp_path / "c.zarr", on_error="skip")
        assert cube.sizes["time"] == 1
        assert "b_G0120V02_P099.nc" in cube.attrs["sources_failed"]

    def test_a_pair_named_twice_is_one_layer(self, write_pair, tmp_path):
        path = write_pair("a")
        other = tmp_path / "copy" / path.name
        other.parent.mkdir()
        shutil.copy(path, other)
        cube = build_cube([path, other, path], home_grid(), store=tmp_path / "c.zarr")
        assert (cube.sizes["time"], cube.attrs["layers_merged"]) == (1, 1)

    def test_a_pair_of_fill_is_a_layer_without_a_valid_cell(self, write_pair, tmp_path):
        path = write_pair("a")
        with xr.open_dataset(path, decode_cf=False) as raw:
            empty = raw.load()
        empty["vx"][:] = -32767
        empty.to_netcdf(path, engine="h5netcdf")
        cube = build_cube([path], home_grid(), store=tmp_path / "c.zarr")
        assert cube.valid_cells.values.tolist() == [0.0]
        assert np.isnan(cube.vy.values).all()

    def test_a_pair_without_errors_has_none(self, write_pair, tmp_path):
        path = write_pair("a")
        with xr.open_dataset(path, decode_cf=False) as raw:
            silent = raw.load()
        for name in ("vx", "vy"):
            del silent[name].attrs["error"]
        silent.to_netcdf(path, engine="h5netcdf")
        cube = build_cube([path], home_grid(), store=tmp_path / "c.zarr").load()
        assert np.isfinite(cube.vx.values).all()
        assert "vx_sigma" not in cube
        assert np.isfinite(invert_displacements(cube, "YS").vx.values).any()

    def test_a_store_that_is_there_is_not_overwritten_unasked(self, write_pair, tmp_path):
        path = write_pair("a")
        build_cube([path], home_grid(), store=tmp_path / "c.zarr")
        with pytest.raises(InputError, match=r"something at .* already"):
            build_cube([path], home_grid(), store=tmp_path / "c.zarr")
        build_cube([path], home_grid(1500.0), store=tmp_path / "c.zarr", replace=True)
        assert read_velocity(tmp_path / "c.zarr").sizes["x"] == home_grid(1500.0).shape[1]

    def test_an_undated_mosaic_is_no_layer(self, write_pair, tmp_path):
        field = read_velocity(write_pair("a"))
        bounds = np.full((1, 2), np.datetime64("NaT", "ns"))
        field = field.drop_vars([name for name in field.coords if name not in ("x", "y")])
        field = field.assign_coords(time=bounds[:, 0], time_bnds=(("time", "nv"), bounds))
        with pytest.raises(FieldError, match="is undated, and every layer of a cube is an interval"):
            build_cube(field.assign_attrs(time_rule="undated"), home_grid(), store=tmp_path / "c.zarr")

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"on_error": "hope"}, "on_error must be"),
            ({"precision": -1}, "positive step"),
            ({"method": "cubic"}, "method"),
        ],
    )
    def test_words_that_mean_nothing(self, write_pair, tmp_path, changes, message):
        with pytest.raises(InputError, match=message):
            build_cube([write_pair("a")], home_grid(), store=tmp_path / "c.zarr", **changes)

    def test_a_grid_is_asked_for(self, write_pair):
        with pytest.raises(InputError, match="grid must be a Grid"):
            build_cube([write_pair("a")], (0, 0, 1, 1))


def test_the_real_granule_comes_onto_its_own_lattice_unchanged(data, tmp_path):
    name = "LE07_L1GT_001113_20121118_20161127_01_T2_X_LE07_L1GT_232113_20121104_20161127_01_T2_G0240V01_P059.nc"
    field = read_velocity(data(f"itslive/granule/{name}"))
    grid = Grid.its_live(3031, bounds=(-1.70e6, -3.4e5, -1.60e6, -2.3e5), cell=240)
    cube = build_cube([data(f"itslive/granule/{name}")], grid, store=tmp_path / "c.zarr")
    np.testing.assert_array_equal(cube.vx.values, field.vx.sel(x=cube.x, y=cube.y).values)
    assert cube.valid_cells.item() == 106_889
    assert cube.attrs["velocity_metric"] == "ground"


def test_a_cube_grows_by_being_built_of_itself_and_new_pairs(write_pair, days, tmp_path):
    paths = make_many(write_pair, days)
    first = build_cube(paths[:5], home_grid(), store=tmp_path / "c.zarr").load()
    grown = build_cube([tmp_path / "c.zarr", *paths[4:]], home_grid(), store=tmp_path / "c.zarr", replace=True).load()
    assert sorted(grown.granule.values) == sorted(path.stem for path in paths)
    assert grown.attrs["layers_merged"] == 1
    place = {name: index for index, name in enumerate(grown.granule.values)}
    kept = grown.isel(time=[place[name] for name in first.granule.values[:4]])
    np.testing.assert_array_equal(kept.vx.values, first.vx.values[:4])
    assert list(tmp_path.glob(".c*")) == []
