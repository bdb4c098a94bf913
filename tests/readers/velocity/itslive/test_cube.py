"""Cubes are opened unread, every pair a layer of its own."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import zarr

from altiflow.errors import (
    CorruptGranuleError,
    EmptyDataError,
    FieldError,
    InputError,
    MissingDataError,
    UnsupportedFormatError,
    WrongProductError,
)
from altiflow.readers import read_velocity


def test_every_pair_is_a_layer_though_middles_are_shared(cube):
    field = read_velocity(cube())
    assert field.sizes["time"] == 5
    assert field.time.values[0] == field.time.values[1]
    assert field.granule.values[:2].tolist() == ["000_X_000_G0120V02_P099", "001_X_001_G0120V02_P099"]
    assert field.time_bnds.values[1].astype("M8[D]").astype(str).tolist() == ["2019-12-24", "2020-01-25"]
    assert field.satellite.values[:2].tolist() == ["L8", "S2A+S2B"]
    assert field.mission.values[:2].tolist() == ["landsat", "sentinel2"]
    assert field.separation_days.values[:2].tolist() == [16.0, 32.0]


def test_nothing_is_read_before_it_is_asked_for(cube, monkeypatch):
    path = cube()
    field = read_velocity(path)
    assert not field.vx.variable._in_memory
    part = field.vx.isel(y=slice(1, 3), x=slice(0, 2))
    shutil.rmtree(path / "vx" / "0.0.1", ignore_errors=True)
    for name in ("0.0.1", "1.0.1"):
        (path / "vx" / name).unlink(missing_ok=True)
        (path / "vx" / name).write_bytes(b"damaged")
    assert part.values[1].tolist() == [[10.0, 10.0], [10.0, 10.0]]


def test_no_fill_gets_through(cube):
    field = read_velocity(cube())
    vx, vy = field.vx.values, field.vy.values
    assert np.isnan(vx[:, 0, :3]).all()
    assert (vx[2, 1:] == 20).all()
    assert (vy[2, 1:] == -20).all()
    assert field.vx_sigma.values.tolist() == [1, 2, 3, 4, 5]
    assert np.isnan(field.vy_sigma.values).all()
    assert field.landice.values[0].tolist()[:2] == [1.0, 0.0]
    assert np.isnan(field.landice.values[0, 2])


def test_layers_of_a_period(cube):
    field = read_velocity(cube(), period=("2020-01-20", "2020-02-01"))
    assert field.granule.values.tolist() == ["001_X_001_G0120V02_P099"]
    assert field.vx.values[0, 1, 1] == 10.0
    with pytest.raises(EmptyDataError, match="no layer touches"):
        read_velocity(cube(), period=("2030-01-01", "2031-01-01"))


def test_dask_arrays_on_request(cube):
    pytest.importorskip("dask")
    plain, chunked = read_velocity(cube()), read_velocity(cube(), chunks="store")
    assert chunked.vx.chunks == ((4, 1), (2, 1), (2, 2))
    np.testing.assert_array_equal(plain.vx.values, chunked.vx.values)


def test_a_missing_chunk_is_not_ice_at_rest(cube):
    path = cube()
    (path / "vy" / "0.1.0").unlink()
    with pytest.raises(CorruptGranuleError, match="lacks 1 of 8 chunks of vy, which would read as no motion"):
        read_velocity(path)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"without": ["granule_url"]}, WrongProductError, "lacks 'granule_url'"),
        ({"without": ["acquisition_date_img2"]}, WrongProductError, "lacks 'acquisition_date_img2'"),
        ({"parts": {"mapping": ((), np.int64(0), {})}}, InputError, "states no CRS"),
        ({"without": ["vx"]}, UnsupportedFormatError, "of no velocity product"),
        (
            {"count": 2, "parts": {"acquisition_date_img1": ("mid_date", np.zeros(2), {})}},
            CorruptGranuleError,
            "no units",
        ),
    ],
)
def test_what_a_cube_lacks_is_named(cube, changes, error, message):
    with pytest.raises(error, match=message):
        read_velocity(cube(**changes))


def test_dates_of_a_calendar_that_is_none_are_refused(cube):
    path = cube()
    store = zarr.open_group(str(path), mode="r+")
    store["acquisition_date_img2"].attrs["calendar"] = "360_day"
    zarr.consolidate_metadata(store.store, zarr_format=2)
    with pytest.raises(CorruptGranuleError, match=r"real calendar.*360_day"):
        read_velocity(path)


def test_units_that_are_no_velocity_are_refused(cube):
    path = cube()
    store = zarr.open_group(str(path), mode="r+")
    store["vx"].attrs["units"] = "pixel"
    zarr.consolidate_metadata(store.store, zarr_format=2)
    with pytest.raises(FieldError, match="'pixel'"):
        read_velocity(path)


def test_a_pair_without_a_date_is_named(cube):
    path = cube()
    zarr.open_group(str(path))["acquisition_date_img1"][3] = np.nan
    with pytest.raises(MissingDataError, match="1 of 5 pairs lack the date"):
        read_velocity(path)


class TestRealCube:
    PATH = "itslive/cube/single_glacier_itslive.zarr"

    def test_layers_are_the_pairs_of_the_store(self, data):
        store = zarr.open_group(str(data(self.PATH)), mode="r")
        field = read_velocity(data(self.PATH))
        assert field.sizes == {"time": 47_892, "y": 37, "x": 40, "nv": 2}
        assert np.unique(store["mid_date"][:]).size == 26_715
        urls = store["granule_url"][:2000]
        assert field.granule.values[:2000].tolist() == [str(url).rsplit("/", 1)[1].removesuffix(".nc") for url in urls]
        assert field.attrs["crs"] == "EPSG:32646"
        # date_dt of the store is float32 of the same difference.
        np.testing.assert_allclose(field.separation_days.values, store["date_dt"][:], rtol=2e-7)

    @pytest.mark.parametrize(("row", "col"), [(12, 13), (20, 30), (0, 0)])
    def test_pixels_equal_the_store(self, data, row, col):
        store = zarr.open_group(str(data(self.PATH)), mode="r")
        pixel = read_velocity(data(self.PATH)).isel(y=row, x=col)
        for name in ("vx", "vy"):
            raw = store[name][:, row, col].astype(float)
            raw[raw == -32767] = np.nan
            np.testing.assert_array_equal(pixel[name].values, raw)
