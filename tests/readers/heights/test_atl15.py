"""Gridded heights in the published layout become Datasets with a CRS, from the top down."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pyproj
import pytest

from altiflow.errors import (
    CorruptGranuleError,
    EmptyDataError,
    InputError,
    MissingDataError,
    UnsupportedFormatError,
    WrongProductError,
)
from altiflow.readers import read_atl14, read_atl15

X, Y = np.arange(5) * 40_000.0 - 200_000.0, np.arange(4) * 40_000.0 - 2_400_000.0
DAYS = np.array([365.25, 456.5625])
FILL = np.float32(3.4028235e38)


def truth(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return a height that tells x from y."""
    return x[None, :] / 1e5 + y[:, None] / 1e6


def put(group: h5py.Group, name: str, values: np.ndarray, units: str) -> None:
    """Write a data set as the product does."""
    node = group.create_dataset(name, data=values, fillvalue=FILL if values.dtype == np.float32 else None)
    node.attrs["units"] = np.bytes_(units)
    if values.dtype == np.float32:
        node.attrs["_FillValue"] = np.array([FILL])


def axes(group: h5py.Group, days: np.ndarray | None = None) -> None:
    """Write coordinates and grid mapping; y ascends, as the product has it."""
    put(group, "x", X, "meters")
    put(group, "y", Y, "meters")
    mapping = group.create_dataset("Polar_Stereographic", data=np.int32(0))
    for key, value in pyproj.CRS.from_epsg(3413).to_cf().items():
        if value is not None:
            mapping.attrs[key] = np.bytes_(value.encode()) if isinstance(value, str) else value
    if days is not None:
        put(group, "time", days, "days since 2018-01-01")


@pytest.fixture
def change(tmp_path: Path) -> Path:
    path = tmp_path / "ATL15_GL_0329_40km_005_02.nc"
    with h5py.File(path, "w") as file:
        file.attrs["short_name"] = np.bytes_("ATL15")
        for name, value, units, days in (
            ("delta_h", "delta_h", "meters", DAYS),
            ("dhdt_lag1", "dhdt", "meters years^-1", DAYS.mean(keepdims=True)),
        ):
            group = file.create_group(name)
            axes(group, days)
            layers = np.stack([truth(X, Y) * (n + 1) for n in range(days.size)]).astype("f4")
            layers[0, 0, 0] = FILL
            put(group, value, layers, units)
            put(group, f"{value}_sigma", np.full(layers.shape, 0.1, "f4"), units)
            put(group, "ice_area", np.full(layers.shape, 1.5e9, "f4"), "meters^2")
        put(file["delta_h"], "data_count", np.ones((4, 5), "i4"), "counts")
    return path


@pytest.fixture
def surface(tmp_path: Path) -> Path:
    path = tmp_path / "ATL14_GL_0329_100m_005_02.nc"
    with h5py.File(path, "w") as file:
        file.attrs["short_name"] = np.bytes_("ATL14")
        axes(file)
        put(file, "h", truth(X, Y).astype("f4"), "meters")
        put(file, "h_sigma", np.full((4, 5), 0.2, "f4"), "meters")
    return path


def test_change_of_height_comes_with_times_crs_and_from_the_top_down(change: Path) -> None:
    found = read_atl15(change)
    assert found["delta_h"].dims == ("time", "y", "x")
    assert found["y"].to_numpy().tolist() == Y[::-1].tolist()
    expected = np.stack([truth(X, Y), 2 * truth(X, Y)])
    expected[0, 0, 0] = np.nan
    np.testing.assert_allclose(found["delta_h"], expected[:, ::-1], rtol=1e-6)
    assert found["time"].to_numpy().astype("M8[s]").astype(str).tolist() == [
        "2019-01-01T06:00:00",
        "2019-04-02T13:30:00",
    ]
    assert pyproj.CRS.from_wkt(found["crs"].attrs["spatial_ref"]).equals(
        pyproj.CRS.from_epsg(3413), ignore_axis_order=True
    )
    assert found["data_count"].dims == ("y", "x")
    assert found["delta_h"].attrs == {"units": "meters", "grid_mapping": "crs"}
    rate = read_atl15(change, layer="dhdt_lag1")
    assert {"dhdt", "dhdt_sigma", "ice_area"} <= set(rate)
    assert rate.attrs == {"product": "ATL15", "granules": change.stem, "layer": "dhdt_lag1"}


def test_height_comes_without_time(surface: Path) -> None:
    found = read_atl14(surface)
    np.testing.assert_allclose(found["h"], truth(X, Y)[::-1], rtol=1e-6)
    assert found["h"].dims == ("y", "x")


def test_a_point_on_the_map_has_the_height_of_its_place(surface: Path) -> None:
    found = read_atl14(surface)
    crs = pyproj.CRS.from_wkt(found["crs"].attrs["spatial_ref"])
    place = pyproj.Transformer.from_crs("EPSG:3413", "EPSG:4326", always_xy=True).transform(-121_000.0, -2_362_000.0)
    x, y = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(*place)
    assert float(found["h"].sel(x=x, y=y, method="nearest")) == pytest.approx(-1.2 - 2.36, abs=1e-6)


def test_what_is_missing_or_another_product_is_named(change: Path, surface: Path, tmp_path: Path) -> None:
    with pytest.raises(WrongProductError, match="is ATL15, not ATL14"):
        read_atl14(change)
    with pytest.raises(WrongProductError, match="is ATL14, not ATL15"):
        read_atl15(surface)
    with pytest.raises(InputError, match="layer='lag9'"):
        read_atl15(change, layer="lag9")  # type: ignore[arg-type]
    with pytest.raises(MissingDataError, match="no group dhdt_lag4; it has delta_h, dhdt_lag1"):
        read_atl15(change, layer="dhdt_lag4")
    with pytest.raises(InputError, match="no file"):
        read_atl14(tmp_path / "nothing.nc")
    (tmp_path / "page.nc").write_text("<html>")
    with pytest.raises(UnsupportedFormatError, match="not an HDF5 file"):
        read_atl14(tmp_path / "page.nc")
    with h5py.File(change, "r+") as file:
        del file["delta_h/Polar_Stereographic"]
        del file["dhdt_lag1/dhdt"]
    with pytest.raises(MissingDataError, match="states the CRS"):
        read_atl15(change)
    with pytest.raises(MissingDataError, match="dhdt_lag1 lacks dhdt"):
        read_atl15(change, layer="dhdt_lag1")
    with h5py.File(surface, "r+") as file:
        del file["h"]
        file["h"] = np.zeros((5, 4), "f4")
    with pytest.raises(CorruptGranuleError, match=r"/h is \(5, 4\), its grid is \(4, 5\)"):
        read_atl14(surface)
    whole = surface.read_bytes()
    for tenth in range(1, 10):
        surface.write_bytes(whole[: len(whole) * tenth // 10])
        with pytest.raises(CorruptGranuleError, match="truncated"):
            read_atl14(surface)


def test_time_in_another_unit_is_refused(change: Path) -> None:
    with h5py.File(change, "r+") as file:
        file["delta_h/time"].attrs["units"] = np.bytes_("years")
    with pytest.raises(CorruptGranuleError, match="is in 'years'"):
        read_atl15(change)


def test_a_window_and_a_period_are_those_of_the_whole(change: Path, surface: Path) -> None:
    bounds = (X[1], Y[0], X[3], Y[2])
    whole, part = read_atl15(change), read_atl15(change, bounds=bounds, period=("2019-04-01", "2020"))
    assert part.identical(whole.isel(time=[1], y=slice(1, 4), x=slice(1, 4)))
    assert read_atl14(surface, bounds=bounds).identical(read_atl14(surface).isel(y=slice(1, 4), x=slice(1, 4)))
    with pytest.raises(EmptyDataError, match="cell centres"):
        read_atl14(surface, bounds=(0.0, 0.0, 1.0, 1.0))
