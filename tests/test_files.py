"""Files that appear whole: over another only where that is asked for, on any disk."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from altiflow.errors import WriteError
from altiflow.files import whole_file


@pytest.fixture(params=["links", "no links"])
def disk(request: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder on a disk with hard links, and on one without."""

    def refuse(*names: Any) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    if request.param == "no links":
        monkeypatch.setattr(os, "link", refuse)
    return tmp_path


def _overtaken(target: Path) -> None:
    with whole_file(target, overwrite=False) as part:
        part.write_text("ours", encoding="utf-8")
        target.write_text("theirs", encoding="utf-8")


def test_a_file_that_came_meanwhile_is_not_overwritten(disk: Path) -> None:
    target = disk / "a.txt"
    with pytest.raises(FileExistsError):
        _overtaken(target)
    assert target.read_text(encoding="utf-8") == "theirs"
    with whole_file(target) as part:
        part.write_text("ours", encoding="utf-8")
    assert target.read_text(encoding="utf-8") == "ours"
    assert [found.name for found in disk.iterdir()] == ["a.txt"]


def test_a_new_file_appears_whole(disk: Path) -> None:
    target = disk / "a.txt"
    with whole_file(target, overwrite=False) as part:
        part.write_text("ours", encoding="utf-8")
        assert not target.exists()
    assert [found.read_text(encoding="utf-8") for found in disk.iterdir()] == ["ours"]


def test_what_was_not_written_takes_no_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "a.txt", overwrite=False):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EFBIG])
def test_a_place_that_takes_no_more_is_a_typed_error_that_names_the_file(number: int, tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    with (
        pytest.raises(WriteError, match=f"a.txt cannot be written: {os.strerror(number)}; make room"),
        whole_file(target),
    ):
        raise OSError(number, os.strerror(number))
    assert list(tmp_path.iterdir()) == []


def test_what_libraries_raise_on_a_full_disk_is_told_as_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match="failed"), whole_file(tmp_path / "a.txt"):
        raise RuntimeError("failed")
    monkeypatch.setattr("altiflow.files.shutil.disk_usage", lambda _: SimpleNamespace(free=4096))
    with pytest.raises(WriteError, match="No space left"), whole_file(tmp_path / "a.txt"):
        raise RuntimeError("failed")


def test_a_file_that_cannot_be_read_is_not_told_as_one_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), whole_file(tmp_path / "a.txt"):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(tmp_path / "input.txt"))


def test_a_file_in_the_place_of_the_folder_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="Not a directory"), whole_file(tmp_path / "file" / "a.txt"):
        pass
