"""ATL20 files read: the official layout as others have printed it, either way up, and what is wrong named."""

from __future__ import annotations

import h5py
import numpy as np
import pyproj
import pytest

from altiflow.errors import (
    CorruptGranuleError,
    GridMismatchError,
    InputError,
    MissingDataError,
    UnsupportedFormatError,
    WrongProductError,
)
from altiflow.gridding.grids.grid import Grid
from altiflow.readers.atl20 import read_atl20

FILL = np.float32(3.4028235e38)
NAME = "ATL20-02_20190201010615_00370101_004_01.h5"


@pytest.fixture
def made(tmp_path):
    """Return a maker of a southern file of February 2019, one cell filled, to be spoilt."""

    def make(name=NAME, spoil=None, upward=False):
        grid = Grid.named("NSIDC_PS_S25km")
        path = tmp_path / name
        with h5py.File(path, "w") as file:
            file.attrs["short_name"] = np.bytes_("ATL20")
            file.attrs["time_coverage_start"] = np.bytes_("2019-01-31T23:50:00.000000Z")
            file.attrs["time_coverage_end"] = np.bytes_("2019-03-01T00:27:44.000000Z")
            file["grid_x"], file["grid_y"] = grid.x, grid.y[::-1] if upward else grid.y
            file["crs"] = np.zeros(1, np.int8)
            file["crs"].attrs["crs_wkt"] = np.bytes_('"' + pyproj.CRS.from_epsg(3412).to_wkt("WKT1_GDAL"))
            for number, group in enumerate(("monthly", "daily/day02", "daily/day28")):
                values = np.full(grid.shape, FILL)
                values[-4 if upward else 3, 7] = 0.25 + number
                for variable in ("mean_fb", "sigma", "length_sum"):
                    file[f"{group}/{variable}"] = values
                    file[f"{group}/{variable}"].attrs["_FillValue"] = np.array([FILL])
                file[f"{group}/n_segs"] = np.where(values < 9, 4, np.iinfo("i4").max).astype("i4")
                file[f"{group}/delta_time_beg"] = np.array([34300800.5 + 86400 * number])
                file[f"{group}/delta_time_end"] = np.array([34304400.0 + 86400 * number])
            if spoil:
                spoil(file)
        return path

    return make


@pytest.mark.parametrize("upward", [False, True])
def test_layers_under_our_names(made, upward):
    found = read_atl20(made(upward=upward))
    assert (found.month, found.hemisphere) == ("2019-02", "south")
    grid = Grid.from_dataset(found.monthly)
    assert grid == Grid.from_dataset(found.daily) == Grid.named("NSIDC_PS_S25km")
    assert found.monthly.time_bnds.values.astype("M8[D]").astype(str).tolist() == [["2019-02-01", "2019-03-01"]]
    assert found.daily.time.values.astype("M8[D]").astype(str).tolist() == ["2019-02-02", "2019-02-28"]
    assert found.daily.freeboard_mean.notnull().sum() == 2
    assert found.daily.freeboard_mean[:, 3, 7].values.tolist() == [1.25, 2.25]
    assert found.monthly.freeboard_std[0, 3, 7] == 0.25
    assert found.monthly.n_segments.sum() == 4
    assert found.monthly.n_segments.dtype == "int64"
    assert found.monthly.length_mean[0, 3, 7] == 0.25 / 4
    assert found.monthly.data_begin.values[0] == np.datetime64("2019-02-02T00:00:00.500")
    assert found.monthly.monthly_mean == "mean_of_days"


def test_month_without_coverage_is_that_of_the_data_or_the_name(made):
    def without(file):
        del file.attrs["time_coverage_start"]

    def without_both(file):
        without(file)
        del file["monthly/delta_time_beg"]

    assert read_atl20(made(spoil=without, name="other.h5")).month == "2019-02"
    assert read_atl20(made(spoil=without_both)).month == "2019-02"
    with pytest.raises(MissingDataError, match="month"):
        read_atl20(made(spoil=without_both, name="other.h5"))


def drop(*names):
    """Return what takes objects out of a file."""

    def spoil(file):
        for name in names:
            del file[name]

    return spoil


def replace(name, values):
    """Return what puts other values in a data set."""

    def spoil(file):
        del file[name]
        file[name] = values

    return spoil


def state(epsg):
    """Return what states another CRS."""

    def spoil(file):
        file["crs"].attrs["crs_wkt"] = pyproj.CRS.from_epsg(epsg).to_wkt()

    return spoil


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (drop("grid_y"), MissingDataError, "grid_y"),
        (drop("monthly"), MissingDataError, "monthly"),
        (drop("daily"), MissingDataError, "daily"),
        (drop("daily/day28/sigma", "daily/day28/n_segs"), MissingDataError, "day28 lacks sigma, n_segs"),
        (replace("monthly/mean_fb", np.zeros((316, 332))), CorruptGranuleError, "swapped"),
        (replace("grid_x", np.arange(316) * 25e3), WrongProductError, "grid_x"),
        (replace("grid_x", np.arange(316) * 12.5e3 - 3.9375e6), WrongProductError, "grid_x"),
        (lambda file: file.move("daily/day28", "daily/day29"), CorruptGranuleError, "2019-02"),
        (lambda file: file.attrs.update({"short_name": "ATL21"}), WrongProductError, "ATL21"),
        (state(3976), GridMismatchError, r"EPSG:3976.*EPSG:3412"),
        (state(3411), GridMismatchError, r"EPSG:3411.*EPSG:3412"),
    ],
)
def test_what_is_wrong_is_named(made, spoil, error, words):
    with pytest.raises(error, match=words):
        read_atl20(made(spoil=spoil))


def test_a_name_of_the_other_hemisphere(made):
    with pytest.raises(CorruptGranuleError, match=r"north.*south"):
        read_atl20(made(name=NAME.replace("-02", "-01")))


def test_no_file_no_hdf5_half_a_file(made, tmp_path):
    with pytest.raises(InputError, match="no file"):
        read_atl20(tmp_path / "none.h5")
    (tmp_path / "a.h5").write_text("no")
    with pytest.raises(UnsupportedFormatError):
        read_atl20(tmp_path / "a.h5")
    path = made()
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(CorruptGranuleError, match="download it again"):
        read_atl20(path)
