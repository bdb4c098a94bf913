from __future__ import annotations

from pathlib import Path

import pytest

from altiflow.errors import EmptyDataError, InputError
from altiflow.readers.catalogue import find_local_granules


def test_files_and_folders_each_once_by_name(tmp_path: Path) -> None:
    for name in ("b/c.h5", "b/deep/a.HDF5", "d.h5", "b/notes.txt", "b/.cache/x.h5", "b/.h.h5"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = find_local_granules([tmp_path / "d.h5", str(tmp_path), tmp_path / "b" / "notes.txt"])
    assert [file.name for file in found] == ["a.HDF5", "c.h5", "d.h5", "notes.txt"]
    assert find_local_granules(tmp_path / "d.h5") == [tmp_path / "d.h5"]


def test_nothing_to_find(tmp_path: Path) -> None:
    with pytest.raises(EmptyDataError, match=tmp_path.name):
        find_local_granules(tmp_path)
    with pytest.raises(InputError, match="absent"):
        find_local_granules([tmp_path / "absent"])
    with pytest.raises(InputError, match="no path is given"):
        find_local_granules([])
