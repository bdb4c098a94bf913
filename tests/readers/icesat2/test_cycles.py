"""ATL11: heights on (reference point, cycle) as one row each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from altiflow.errors import CorruptGranuleError, MissingDataError
from altiflow.readers import Ledger, read_segments

FILL = 3.4028235e38
GRANULE = "atl11/processed_ATL11_135803_0311_004_01.h5"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Return a granule of two points and three cycles in one pair; one height is fill."""
    path = tmp_path / "ATL11_000101_0305_006_01.h5"
    with h5py.File(path, "w") as file:
        file.attrs["short_name"] = "ATL11"
        pair = file.create_group("pt2")
        height = np.array([[1.0, 2.0, FILL], [4.0, 5.0, 6.0]], np.float32)
        values = {
            "latitude": np.array([70.0, 70.001]),
            "longitude": np.array([-40.0, -40.001]),
            "ref_pt": np.array([10, 13], np.int32),
            "cycle_number": np.array([3, 4, 5], np.int8),
            "delta_time": np.arange(6.0).reshape(2, 3),
            "h_corr": height,
            "h_corr_sigma": height / 100,
            "quality_summary": np.zeros((2, 3), np.int8),
            "ref_surf/x_atc": np.array([0.0, 60.0]),
        }
        for name, data in values.items():
            pair[name] = data
    return path


@pytest.mark.parametrize("engine", ["h5coro", "h5py"])
def test_every_point_and_cycle_with_a_height_is_a_row(small: Path, engine: str) -> None:
    ledger = Ledger()
    table = read_segments(small, engine=engine, ledger=ledger)
    assert table["height"].tolist() == [1, 2, 4, 5, 6]
    assert table["cycle"].tolist() == [3, 4, 3, 4, 5]
    assert table["ref_pt"].tolist() == [10, 10, 13, 13, 13]
    assert table["x_atc"].tolist() == [0, 0, 60, 60, 60]
    assert (table["time"] - np.datetime64("2018-01-01")).dt.total_seconds().tolist() == [0, 1, 3, 4, 5]
    assert set(table["beam"]) == {"pt2"}
    assert not table["strong"].any()
    assert table["slope_east"].isna().all()
    assert (ledger.rows[0]["segments_found"], ledger.rows[0]["segments_kept"]) == (6, 5)


def test_a_ground_track_stands_for_its_pair(small: Path) -> None:
    assert len(read_segments(small, beams=["gt2r"])) == 5
    assert len(read_segments(small, beams=["gt1l", "gt3r"])) == 0
    assert len(read_segments(small, beams="weak")) == 5


def test_a_granule_without_cycle_numbers_is_refused(small: Path) -> None:
    with h5py.File(small, "a") as file:
        del file["pt2/cycle_number"]
    with pytest.raises(MissingDataError, match="cycle_number"):
        read_segments(small)


def test_an_array_of_another_size_is_refused(small: Path) -> None:
    with h5py.File(small, "a") as file:
        del file["pt2/h_corr"]
        file["pt2/h_corr"] = np.zeros((2, 2), np.float32)
    with pytest.raises(CorruptGranuleError, match="h_corr"):
        read_segments(small)


def test_the_real_granule_comes_out_as_the_file_has_it(data: Callable[[str], Path]) -> None:
    path = data(GRANULE)
    table = read_segments(path)
    count = 0
    with h5py.File(path) as file:
        for pair in ("pt1", "pt2", "pt3"):
            height, moments = file[pair]["h_corr"][:], file[pair]["delta_time"][:]
            points, cycles = np.nonzero((height < 1e30) & (moments < 1e300))
            mine = table[table["beam"] == pair]
            assert np.array_equal(mine["height"], height[points, cycles])
            assert np.array_equal(mine["cycle"], file[pair]["cycle_number"][:][cycles])
            assert np.array_equal(mine["ref_pt"], file[pair]["ref_pt"][:][points])
            assert np.array_equal(mine["latitude"], file[pair]["latitude"][:][points])
            assert np.array_equal(mine["slope_east"], file[pair]["ref_surf/e_slope"][:][points])
            count += points.size
    assert len(table) == count == 32377
