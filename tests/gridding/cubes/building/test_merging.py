"""Pairs that come more than once are one layer, each cell from the first that has it."""

from __future__ import annotations

import numpy as np
import pytest

from altiflow import Grid
from altiflow.gridding.cubes import build_cube


@pytest.mark.parametrize("lazy", [False, True])
def test_a_pair_in_two_neighbouring_cubes_is_one_layer_without_a_seam(cube_on, tmp_path, lazy):
    if lazy:
        pytest.importorskip("dask")
    left, right = cube_on(32646, 784_260.0, 5), cube_on(32646, 784_260.0 + 20 * 120, 6)
    grid = Grid.from_centres(32646, np.append(left.x.values, right.x.values), left.y.values)
    cube = build_cube([left, right], grid, store=None if lazy else tmp_path / "c.zarr").load()
    assert cube.sizes["time"] == 6
    assert cube.attrs["layers_merged"] == 5
    np.testing.assert_array_equal(cube.vx.values[:5, :, :20], left.vx.values)
    np.testing.assert_array_equal(cube.vx.values[:, :, 20:], right.vx.values)
    assert np.isnan(cube.vx.values[5, :, :20]).all()
    if not lazy:
        assert cube.valid_cells.values.tolist() == [480.0] * 5 + [240.0]


def test_a_pair_that_comes_again_after_another_keeps_the_lazy_layers_apart(cube_on, tmp_path, monkeypatch):
    pytest.importorskip("dask")
    monkeypatch.setattr("altiflow.gridding.cubes.building.plan._LAYERS", 1)
    west = 784_260.0
    left, right = (cube_on(32646, start, 1) for start in (west, west + 20 * 120))
    between = (left + 50.0).assign_attrs(left.attrs).assign_coords(granule=("time", ["other"]))
    named = zip((left, between, right), "abc", strict=True)
    fields = [one.assign_attrs(source=name) for one, name in named]
    grid = Grid.from_centres(32646, np.append(left.x.values, right.x.values), left.y.values)
    stored = build_cube(fields, grid, store=tmp_path / "c.zarr").load()
    assert stored.granule.values.tolist() == ["pair0", "other"]
    np.testing.assert_array_equal(stored.vx.values[0], np.hstack([left.vx.values[0], right.vx.values[0]]))
    lazy = build_cube(fields, grid).load()
    np.testing.assert_array_equal(lazy.vx.values, stored.vx.values)


def test_layers_that_are_no_pairs_are_never_merged_by_name(cube_on, tmp_path):
    field = cube_on(32646, 784_260.0, 3).drop_vars("granule")
    layers = [field.isel(time=[n]) for n in range(3)]
    grid = Grid.from_centres(32646, field.x.values, field.y.values)
    cube = build_cube(layers, grid, store=tmp_path / "c.zarr")
    assert (cube.sizes["time"], cube.attrs["layers_merged"]) == (3, 0)
    np.testing.assert_array_equal(cube.vx.values, field.vx.values)


def test_two_files_of_one_pair_fill_each_other(cube_on, tmp_path):
    pytest.importorskip("dask")
    whole = cube_on(32646, 784_260.0, 1)
    west, east = whole.isel(x=slice(0, 11)), whole.isel(x=slice(9, 20))
    grid = Grid.from_centres(32646, whole.x.values, whole.y.values)
    stored = build_cube([west, east], grid, store=tmp_path / "c.zarr")
    np.testing.assert_array_equal(stored.vx.values, whole.vx.values)
    np.testing.assert_array_equal(build_cube([west, east], grid).vx.values, whole.vx.values)


def test_many_shared_pairs_are_merged_in_few_steps(cube_on, tmp_path):
    pytest.importorskip("dask")
    left, right = cube_on(32646, 784_260.0, 200), cube_on(32646, 784_260.0 + 10 * 120, 200)
    grid = Grid.from_centres(32646, np.union1d(left.x.values, right.x.values), left.y.values)
    cube = build_cube([left, right], grid)
    assert len(cube.vx.__dask_graph__()) < 2_000
    np.testing.assert_array_equal(cube.vx.values[:, :, :20], left.vx.values)
    np.testing.assert_array_equal(cube.vx.values[:, :, 20:], right.vx.values[:, :, 10:])
