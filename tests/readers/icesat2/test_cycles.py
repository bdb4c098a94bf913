"""ATL11: heights on (reference point, cycle) as one row each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from altiflow.errors import CorruptGranuleError, MissingDataError
from altiflow.readers import Ledger, read_segments
from altiflow.readers.icesat2.engines import EngineName

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


@pytest.fixture
def early(tmp_path: Path) -> Path:
    """Return a granule in the layout of v002: heights in a group of their own, every number a float, NaN for none."""
    path = tmp_path / "ATL11_078805_0304_02_v002.h5"
    nan = np.nan
    with h5py.File(path, "w") as file:
        pair = file.create_group("pt2")
        pair.attrs["ReferenceGroundTrack"] = 788.0
        values = {
            "corrected_h/cycle_number": np.array([3, 4]),
            "corrected_h/delta_time": np.array([[1.0, 2.0], [3.0, nan], [5.0, 6.0]]),
            "corrected_h/h_corr": np.array([[10.0, 20.0], [30.0, nan], [50.0, 60.0]]),
            "corrected_h/h_corr_sigma": np.array([[0.1, 0.2], [0.3, nan], [0.5, 0.6]]),
            "corrected_h/h_corr_sigma_systematic": np.array([[1.0, 2.0], [3.0, nan], [5.0, 6.0]]),
            "corrected_h/latitude": np.array([64.0, 64.1, nan]),
            "corrected_h/longitude": np.array([-44.0, -44.1, nan]),
            "corrected_h/quality_summary": np.array([[0.0, 1.0], [0.0, nan], [0.0, 0.0]]),
            "corrected_h/ref_pt": np.array([100.0, 105.0, 110.0]),
            "cycle_stats/tide_ocean": np.array([[0.01, 0.02], [0.03, nan], [0.05, 0.06]]),
            "ref_surf/x_atc": np.array([2000.0, 2100.0, 2200.0]),
            "ref_surf/y_atc": np.array([5.0, 6.0, 7.0]),
            "ref_surf/e_slope": np.array([0.01, 0.02, 0.03]),
            "ref_surf/n_slope": np.array([0.04, 0.05, 0.06]),
            "crossing_track_data/h_corr": np.array([11.0]),
            "crossing_track_data/latitude": np.array([64.0]),
        }
        for name, data in values.items():
            pair[name] = data
    return path


@pytest.mark.parametrize("engine", ["h5coro", "h5py", "indexed"])
def test_the_early_layout_gives_the_same_columns(early: Path, small: Path, engine: EngineName) -> None:
    ledger = Ledger()
    table = read_segments(early, engine=engine, ledger=ledger)
    assert table["height"].tolist() == [10, 20, 30]
    assert table["height"].dtype == np.float32
    assert table["cycle"].tolist() == [3, 4, 3]
    assert table["ref_pt"].tolist() == [100, 100, 105]
    assert table["quality"].tolist() == [0, 1, 0]
    assert table["x_atc"].tolist() == [2000, 2000, 2100]
    assert table["slope_north"].tolist() == pytest.approx([0.04, 0.04, 0.05])
    assert table["tide_ocean"].tolist() == pytest.approx([0.01, 0.02, 0.03])
    assert table["dac"].isna().all()
    assert list(table.columns) == list(read_segments(small).columns)
    row = ledger.rows[0]
    assert (row["product"], row["segments_found"], row["absent_variables"]) == ("ATL11", 6, "dac")
    assert (row["dropped_fill_value"], row["dropped_position"]) == (0, 3)


def test_the_early_layout_is_that_of_a_published_granule(early: Path, data: Callable[[str], Path]) -> None:
    text = data("atl11/STRUCTURE.txt").read_text().split("FILE ")[1]
    published = {
        line.split()[1]: line.split(" dtype=")[1].split()[0] for line in text.splitlines() if "DATASET" in line
    }
    written: dict[str, str] = {}
    with h5py.File(early) as file:
        file.visititems(
            lambda key, node: written.update({f"/{key}": str(node.dtype)}) if isinstance(node, h5py.Dataset) else None
        )
    assert written.items() <= published.items()


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
