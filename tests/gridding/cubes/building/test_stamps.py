"""Fields in memory, of dask or of a store: their content tells whether an interrupted build goes on."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

from altiflow import build_cube, read_velocity
from altiflow.errors import InputError
from altiflow.gridding.cubes.building.stamps import field_stamp
from altiflow.gridding.cubes.building.store import CubeStore
from altiflow.gridding.grids.grid import Grid


@pytest.fixture
def field(cube_on):
    return cube_on(32646, 784_260.0, 4)


def changed(field, name, place, value):
    other = field.copy(deep=True)
    other[name].values[place] = value
    return other


def test_equal_content_is_equal_and_any_other_is_not(field):
    known = field.assign(vx_sigma=field.vx * 0 + 1, vy_sigma=("time", np.ones(4)))
    stamp = field_stamp(known)
    assert field_stamp(known.copy(deep=True)) == stamp
    assert len(stamp) == 16
    others = [
        changed(known, "vx", (3, 11, 19), 7.0),
        changed(known, "vy", (0, 0, 0), np.nan),
        changed(known, "vx_sigma", (1, 2, 3), 2.0),
        changed(known, "vy_sigma", 2, 3.0),
        known.drop_vars("vx_sigma"),
        known.astype(np.float64),
        known.assign_coords(granule=("time", ["a", "b", "c", "other"])),
        known.isel(time=[1, 0, 2, 3]),
    ]
    stamps = [field_stamp(other) for other in others]
    assert len({stamp, *stamps}) == 1 + len(others)
    assert field_stamp(known.assign(speed=known.vx)) == stamp


def test_unread_values_are_those_in_memory_and_dask_goes_by_its_graph(field, tmp_path, monkeypatch):
    monkeypatch.setattr("altiflow.gridding.cubes.building.stamps._VALUES", 300)
    field.to_zarr(tmp_path / "a.zarr", zarr_format=2, consolidated=True)
    unread = read_velocity(tmp_path / "a.zarr")
    assert not unread.variables["vx"]._in_memory
    assert field_stamp(unread) == field_stamp(unread.load())
    blocks = [field.assign(vx=(field.vx.dims, da.from_array(field.vx.values + n))) for n in (0, 0, 1)]
    one, same, other = (field_stamp(block) for block in blocks)
    assert (one == same, one == other) == (True, False)


@pytest.mark.parametrize("lazy", [False, True])
def test_a_changed_field_of_the_same_name_is_not_gone_on_with(field, tmp_path, monkeypatch, lazy):
    def made(change):
        other = changed(field, "vx", (2, 5, 5), change)
        return other.chunk({"time": 1}) if lazy else other

    grid, target = Grid.from_centres(32646, field.x.values, field.y.values), tmp_path / "c.zarr"
    with monkeypatch.context() as patched:
        patched.setattr(CubeStore, "publish", lambda *args, **kwargs: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            build_cube(made(3.0), grid, store=target)
    with pytest.raises(InputError, match="unfinished cube of other sources"):
        build_cube(made(4.0), grid, store=target)
    assert float(build_cube(made(3.0), grid, store=target).vx[2, 5, 5]) == 3.0
