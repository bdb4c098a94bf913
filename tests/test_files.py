"""Files that appear whole: over another only where that is asked for, on any disk."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

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
