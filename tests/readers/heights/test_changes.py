"""Height-change cubes of ITS_LIVE in the forms of the archive and of the cloud become one form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
from altiflow.readers import read_height_change

X = -1_600_000.0 + 1920.0 * np.arange(6)
Y = -300_000.0 - 1920.0 * np.arange(4)
DAYS = np.array([23_361.25, 23_391.5, 23_726.0])
"""Since 1950-01-01: 2013-12-17 06:00, 2014-01-16 12:00, 2014-12-17."""
MOMENTS = ["2013-12-17T06:00", "2014-01-16T12:00", "2014-12-17T00:00"]
CHANGE = np.round(np.arange(72.0).reshape(3, 4, 6) / 7 - 4, 2)
ERROR = np.round(0.05 + np.arange(72.0).reshape(3, 4, 6) / 1000, 3)


def pack(file: h5py.File, name: str, values: np.ndarray, scale: float) -> h5py.Dataset:
    """Write a variable as the producer does: 16 bits, deflated and shuffled, the first cell without data."""
    whole = np.round(values / scale).astype("i2")
    whole[..., 0, 0] = -32767
    node = file.create_dataset(name, data=whole, compression="gzip", shuffle=True)
    node.attrs["_FillValue"] = np.array([-32767], "i2")
    if scale != 1.0:
        node.attrs["scale_factor"] = scale
    return node


def frame(file: h5py.File, x: np.ndarray = X, y: np.ndarray = Y, days: np.ndarray = DAYS) -> None:
    """Write the axes; time counts from 1950."""
    for name, values, units in (("x", x, "m"), ("y", y, "m"), ("time", days, "days since 1950-01-01")):
        file[name] = values
        file[name].attrs.update({"units": np.bytes_(units)})
    file["time"].attrs["calendar"] = "proleptic_gregorian"


@pytest.fixture
def archived(tmp_path: Path) -> Path:
    """Return a file in the form of NSIDC-0782."""
    path = tmp_path / "ANT_G1920_GroundedIceHeight_v01.nc"
    with h5py.File(path, "w") as file:
        file.attrs.update({"Conventions": "CF-1.8", "title": "MEaSUREs ITS_LIVE Antarctic Grounded Ice Sheet"})
        frame(file)
        mapping = file.create_dataset("mapping", data=np.float32(0))
        crs = pyproj.CRS.from_epsg(3031)
        mapping.attrs.update({"spatial_epsg": 3031.0, "crs_wkt": crs.to_wkt(), "spatial_ref": crs.to_wkt()})
        pack(file, "height_change", CHANGE, 0.01).attrs["units"] = "m"
        file["height_change"].attrs["long_name"] = "change in height relative to 2013-12-16"
        pack(file, "height_change_rmse", ERROR, 0.001).attrs["units"] = "none"
        pack(file, "height", np.full((4, 6), 1234.0), 1.0).attrs["units"] = "m"
        flag = file.create_dataset("quality_flag", data=np.tile(np.arange(6, dtype="u1") % 4, (3, 4, 1)))
        flag.attrs["_FillValue"] = np.uint8(0)
        flag.attrs["flag_meanings"] = "no_data high_quality_data low_quality_data pole_hole"
        file["glacier_basin"] = np.full((4, 6), 21, "u1")
    return path


@pytest.fixture
def clouded(tmp_path: Path) -> Path:
    """Return a file of Greenland in the form of the cloud: other names, y ascending, its CRS a number."""
    path = tmp_path / "Greenland_G1920V01_IceSheetGlacierIceHeight.nc"
    with h5py.File(path, "w") as file:
        file.attrs["epsg_number"] = np.array([3413], "i4")
        frame(file, y=Y[::-1])
        for name, values in (("dh", CHANGE), ("rms", ERROR), ("dfac_gemb", CHANGE / 10)):
            node = file.create_dataset(name, data=values[:, ::-1].astype("f4"), fillvalue=np.float32(np.nan))
            node.attrs["units"] = "m"
        file["mask"] = np.ones((4, 6), "u1")
    return path


def expected(values: np.ndarray) -> np.ndarray:
    """Return what was packed, without the first cell."""
    found = values.copy()
    found[..., 0, 0] = np.nan
    return found


def test_the_form_of_the_archive_comes_unpacked_with_times_and_crs(archived: Path) -> None:
    found = read_height_change(archived)
    assert found["height_change"].dims == ("time", "y", "x")
    np.testing.assert_allclose(found["height_change"], expected(CHANGE), atol=2e-6)
    np.testing.assert_allclose(found["height_change_rmse"], expected(ERROR), atol=2e-7)
    np.testing.assert_allclose(found["height"], expected(np.full((4, 6), 1234.0)))
    assert found["height_change"].dtype == np.float32
    assert found["y"].to_numpy().tolist() == Y.tolist()
    assert found["time"].to_numpy().astype("M8[m]").astype(str).tolist() == MOMENTS
    crs = pyproj.CRS.from_wkt(found["crs"].attrs["spatial_ref"])
    assert crs.equals(pyproj.CRS.from_epsg(3031), ignore_axis_order=True)
    assert found["height_change"].attrs["units"] == found["height_change_rmse"].attrs["units"] == "m"
    assert "2013-12-16" in found["height_change"].attrs["long_name"]
    assert found["quality_flag"].dtype == np.uint8
    assert found["quality_flag"].attrs["flag_meanings"].endswith("pole_hole")
    assert found["glacier_basin"].dims == ("y", "x")
    assert found.attrs["product"] == "ITS_LIVE height change"
    assert found.attrs["layer"] == "height_change"


def test_the_form_of_the_cloud_gets_the_same_names_and_runs_from_the_top_down(clouded: Path) -> None:
    found = read_height_change(clouded)
    assert {"height_change", "height_change_rmse", "dfac_gemb", "mask"} < set(found)
    assert found["y"].to_numpy().tolist() == Y.tolist()
    np.testing.assert_allclose(found["height_change"], CHANGE, rtol=1e-6)
    assert pyproj.CRS.from_wkt(found["crs"].attrs["spatial_ref"]).to_epsg() == 3413


def test_a_window_and_a_period_are_those_of_the_whole(archived: Path, clouded: Path) -> None:
    bounds, period = (X[2], Y[3], X[4], Y[1]), ("2014-01-16T12:00", "2014-12-17")
    for path in (archived, clouded):
        whole, part = read_height_change(path), read_height_change(path, bounds=bounds, period=period)
        assert part.identical(whole.isel(time=[1], y=slice(1, 4), x=slice(2, 5)))
    with pytest.raises(EmptyDataError, match="cell centres with y"):
        read_height_change(archived, bounds=(X[0], 0.0, X[5], 10.0))
    with pytest.raises(EmptyDataError, match="covers 2013-12-17 to 2014-12-17"):
        read_height_change(archived, period=("1990", "1991"))
    with pytest.raises(InputError, match="period="):
        read_height_change(archived, period=("2015", "2014"))


def test_a_crs_is_asked_for_where_none_is_stated(clouded: Path) -> None:
    with h5py.File(clouded, "a") as file:
        del file.attrs["epsg_number"]
    with pytest.raises(MissingDataError, match="CRS, which is not guessed"):
        read_height_change(clouded)
    given = read_height_change(clouded, crs=3413)
    assert pyproj.CRS.from_wkt(given["crs"].attrs["spatial_ref"]).to_epsg() == 3413
    with pytest.raises(InputError, match="crs='nowhere' is no CRS"):
        read_height_change(clouded, crs="nowhere")


def without(name: str) -> Any:
    """Return what takes a variable out."""

    def spoil(file: h5py.File) -> None:
        del file[name]

    return spoil


def reshaped(file: h5py.File) -> None:
    del file["height_change"]
    file["height_change"] = np.zeros((3, 6, 4), "i2")


def of_years(file: h5py.File) -> None:
    file["time"].attrs["units"] = "years since 1950-01-01"


def of_julius(file: h5py.File) -> None:
    file["time"].attrs["calendar"] = "julian"


def timeless(file: h5py.File) -> None:
    file["time"][1] = np.nan


def of_another(file: h5py.File) -> None:
    file.attrs["short_name"] = "ATL15"


@pytest.mark.parametrize(
    ("spoil", "error", "said"),
    [
        (without("height_change"), MissingDataError, "lacks height_change"),
        (without("time"), MissingDataError, "lacks time"),
        (without("mapping"), MissingDataError, "states the CRS"),
        (reshaped, CorruptGranuleError, r"is \(3, 6, 4\), its grid is \(3, 4, 6\)"),
        (of_years, CorruptGranuleError, "years since 1950-01-01"),
        (of_julius, CorruptGranuleError, "calendar julian"),
        (timeless, CorruptGranuleError, "layers without a time"),
        (of_another, WrongProductError, "is ATL15, not ITS_LIVE height change"),
    ],
)
def test_what_is_wrong_is_named(spoil: Any, error: type[Exception], said: str, archived: Path) -> None:
    with h5py.File(archived, "a") as file:
        spoil(file)
    with pytest.raises(error, match=said):
        read_height_change(archived)


def test_damaged_files_are_told(archived: Path, tmp_path: Path) -> None:
    with h5py.File(archived) as file:
        chunk = file["height_change"].id.get_chunk_info(0)
    whole = archived.read_bytes()
    for tenth in range(10):
        archived.write_bytes(whole[: len(whole) * tenth // 10])
        with pytest.raises(CorruptGranuleError if tenth else UnsupportedFormatError):
            read_height_change(archived)
    spoilt = bytearray(whole)
    spoilt[chunk.byte_offset + chunk.size // 2] ^= 0xFF
    archived.write_bytes(spoilt)
    with pytest.raises(CorruptGranuleError, match="cannot be read"):
        read_height_change(archived)
    for content in (b"", b"<!DOCTYPE html><title>Earthdata Login</title>" * 9):
        archived.write_bytes(content)
        with pytest.raises(UnsupportedFormatError, match="not an HDF5 file"):
            read_height_change(archived)
    with pytest.raises(InputError, match="no file"):
        read_height_change(tmp_path / "none.nc")
