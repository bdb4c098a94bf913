"""Both engines give the same arrays, and neither fails in silence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from altiflow.errors import CorruptGranuleError, InputError, UnsupportedFormatError
from altiflow.readers.icesat2.engines import open_engine

REAL = [
    "atl10/ATL10_subset_bounding_box_reference.h5",
    "atl10/processed_ATL10-01_20220103200708_01921401_006_01.h5",
    "atl10/processed_ATL10-01_20220104070710_01991401_006_01.h5",
    "atl10/processed_ATL10-01_20220107195849_02531401_006_01.h5",
    "atl06/ATL06_subset_by_shapefile_reference.h5",
    "atl06/processed_ATL06_20190420093051_03380303_005_01.h5",
    "atl06/processed_ATL06_20191106230008_06270503_006_01.h5",
    "atl06/processed_ATL06_20211102121853_06271303_006_01.h5",
]


@pytest.fixture
def tricky(tmp_path: Path) -> Path:
    """Return a file with everything h5coro is silent or wrong about."""
    path = tmp_path / "tricky.h5"
    with h5py.File(path, "w", libver=("earliest", "v108")) as file:
        file["plain"] = np.arange(4, dtype="f8")
        file["big"] = np.array([1.0, 2.0], dtype=">f4")
        file["big_integer"] = np.array([1, 2], dtype=">i4")
        file["empty"] = np.empty(0, dtype="i2")
        file["strings"] = np.array(["a", "bb"], dtype=h5py.string_dtype())
        file.create_dataset("unwritten", shape=(5,), dtype="f4", chunks=(2,), fillvalue=-9.0)
        file.create_dataset("colour", data=np.array([0, 1]), dtype=h5py.enum_dtype({"RED": 0, "BLUE": 1}))
        file["scalar"] = np.int8(3)
        file["table"] = np.arange(6, dtype="i4").reshape(2, 3)
    return path


@pytest.mark.parametrize("name", REAL)
def test_both_engines_agree_on_every_numeric_data_set_of_a_real_granule(name: str, data: Callable[[str], Path]) -> None:
    path = data(name)
    numeric: list[str] = []
    with h5py.File(path) as file:
        file.visititems(
            lambda key, node: (
                numeric.append(key) if isinstance(node, h5py.Dataset) and node.dtype.kind in "iuf" else None
            )
        )
    with open_engine(path, "h5coro") as first, open_engine(path, "h5py") as second:
        ours, oracle = first.read(numeric), second.read(numeric)
    assert len(numeric) > 200
    for key in numeric:
        assert ours[key].dtype == oracle[key].dtype
        assert ours[key].shape == oracle[key].shape
        assert ours[key].tobytes() == oracle[key].tobytes()


@pytest.mark.parametrize("engine", ["h5coro", "h5py"])
def test_missing_empty_unwritten_scalar_and_2d_are_what_hdf5_means(tricky: Path, engine: str) -> None:
    with open_engine(tricky, engine) as granule:
        found = granule.read(["plain", "absent", "absent/deeper", "empty", "unwritten", "scalar", "table"])
    assert found["plain"].tolist() == [0, 1, 2, 3]
    assert found["absent"] is None
    assert found["absent/deeper"] is None
    assert found["empty"].shape == (0,)
    assert found["empty"].dtype == np.int16
    assert found["unwritten"].tolist() == [-9.0] * 5
    assert found["scalar"].tolist() == 3
    assert found["table"].tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("name", ["big", "big_integer"])
def test_big_endian_numbers_are_refused_by_h5coro_and_right_with_h5py(tricky: Path, name: str) -> None:
    with open_engine(tricky, "h5coro") as granule, pytest.raises(UnsupportedFormatError, match="big-endian"):
        granule.read([name])
    with open_engine(tricky, "h5py") as granule:
        assert granule.read([name])[name].tolist() == [1, 2]


@pytest.mark.parametrize("engine", ["h5coro", "h5py"])
@pytest.mark.parametrize("name", ["strings", "colour"])
def test_what_is_not_a_number_is_refused(tricky: Path, engine: str, name: str) -> None:
    with (
        open_engine(tricky, engine) as granule,
        pytest.raises((UnsupportedFormatError, CorruptGranuleError), match=name),
    ):
        granule.read([name])


def test_a_newer_hdf5_layout_is_refused_by_h5coro_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "new.h5"
    with h5py.File(path, "w", libver="v110") as file:
        file["plain"] = np.arange(4)
    with pytest.raises(UnsupportedFormatError, match="engine='h5py'"):
        open_engine(path, "h5coro")
    with open_engine(path, "h5py") as granule:
        assert granule.read(["plain"])["plain"].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("engine", ["h5coro", "h5py"])
def test_files_that_are_not_whole_hdf5_are_refused(tricky: Path, tmp_path: Path, engine: str) -> None:
    whole = tricky.read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "head.h5").write_bytes(whole[:20])
    (tmp_path / "page.h5").write_bytes(b"<html>please log in</html>")
    (tmp_path / "nothing.h5").write_bytes(b"")
    for name, kind, word in (
        ("cut.h5", CorruptGranuleError, "truncated"),
        ("head.h5", CorruptGranuleError, "truncated"),
        ("page.h5", UnsupportedFormatError, "not an HDF5 file"),
        ("nothing.h5", UnsupportedFormatError, "not an HDF5 file"),
        ("absent.h5", InputError, "no file"),
    ):
        with pytest.raises(kind, match=word):
            open_engine(tmp_path / name, engine)


def test_attributes_are_text_or_none(simulated: Callable[..., Path]) -> None:
    for engine in ("h5coro", "h5py"):
        with open_engine(simulated(), engine) as granule:
            assert granule.attribute("/", "short_name") == "ATL10"
            assert granule.attribute("gt1l", "atlas_beam_type") == "strong"
            assert granule.attribute("gt1l", "nothing") is None
            assert granule.attribute("gt9x", "atlas_beam_type") is None
