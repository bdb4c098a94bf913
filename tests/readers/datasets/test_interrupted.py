"""Runs that stop midway, granules that fail in odd ways or after they were read: no row and no file is lost or astray."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from geopandas.testing import assert_geodataframe_equal

from altiflow.errors import InputError
from altiflow.readers import read_table, read_to_dataset


@pytest.fixture
def granules(season: tuple[Path, ...], tmp_path: Path) -> list[Path]:
    """Return private copies of the season's granules."""
    (tmp_path / "in").mkdir()
    return [Path(shutil.copy2(granule, tmp_path / "in")) for granule in season]


def files(folder: Path) -> set[str]:
    """Return the names of all files that other programs take for data."""
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*.parquet") if file.name[0] != "_"}


def named(ledger: Any) -> set[str]:
    """Return the names of all files in a ledger."""
    return {part for row in ledger.rows for part in row["parts"].split(";") if part}


def test_a_granule_that_failed_after_it_was_read_is_not_taken_out_silently(
    granules: list[Path], tmp_path: Path
) -> None:
    read_to_dataset(granules, tmp_path / "out")
    before = read_table(tmp_path / "out")
    granules[1].write_bytes(b"<html>please log in</html>")
    read_to_dataset(granules, tmp_path / "out", on_error="skip")
    others = [granule for granule in granules if granule != granules[1]]
    with pytest.raises(InputError, match=f"{granules[1].stem}.*allow_shrink=True"):
        read_to_dataset(others, tmp_path / "out")
    assert_geodataframe_equal(read_table(tmp_path / "out"), before)
    ledger = read_to_dataset(others, tmp_path / "out", allow_shrink=True)
    assert files(tmp_path / "out") == named(ledger)
    assert len(ledger) == 3
