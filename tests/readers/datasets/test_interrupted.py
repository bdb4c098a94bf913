"""Runs that stop midway, granules that fail in odd ways or after they were read: nothing is lost or astray."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import h5py
import pytest
from geopandas.testing import assert_geodataframe_equal

from altiflow.errors import CorruptGranuleError, GranuleError, InputError
from altiflow.readers import Ledger, read_table, read_to_dataset
from altiflow.readers.datasets import granules as one_granule


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


@pytest.mark.parametrize(("workers", "kind"), [(1, "threads"), (2, "threads"), (2, "processes")])
def test_a_run_that_stops_at_a_failure_keeps_what_others_were_at(
    granules: list[Path], workers: int, kind: Any, tmp_path: Path
) -> None:
    granules[0].write_bytes(granules[0].read_bytes()[:50_000])
    with pytest.raises(CorruptGranuleError, match=granules[0].stem):
        read_to_dataset(granules, tmp_path / "out", workers=workers, kind=kind)
    ledger = Ledger.read(tmp_path / "out" / "_ledger.parquet")
    assert files(tmp_path / "out") == named(ledger)
    assert ledger.rows[0]["status"] == "failed"
    assert len(ledger) == len({row["granule"] for row in ledger.rows})
    assert len(ledger) < len(granules) or workers > 1


def test_granules_in_work_when_another_fails_are_entered(
    granules: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real, failed = one_granule.read_granule, threading.Event()

    def held(place: Path | str, *rest: Any) -> Any:
        if Path(place) == granules[0]:
            failed.set()
            raise CorruptGranuleError("the first is damaged")
        assert failed.wait(60)
        time.sleep(0.2)
        return real(place, *rest)

    monkeypatch.setattr(one_granule, "read_granule", held)
    with pytest.raises(CorruptGranuleError, match="the first is damaged"):
        read_to_dataset(granules, tmp_path / "out", workers=2)
    ledger = Ledger.read(tmp_path / "out" / "_ledger.parquet")
    assert [row["status"] for row in ledger.rows][:2] == ["failed", "read"]
    assert len(read_table(tmp_path / "out")) == ledger.table["segments_kept"].sum() > 0
    assert files(tmp_path / "out") == named(ledger)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupted_run_leaves_no_file_that_the_ledger_does_not_name(
    granules: list[Path], workers: int, tmp_path: Path
) -> None:
    script = f"""
        import _thread, threading, time
        from pathlib import Path
        from altiflow.readers import read_to_dataset
        from altiflow.readers.datasets import granules
        real = granules._write_parts
        def slow(work, reading):
            parts = real(work, reading)
            if Path({str(tmp_path)!r}, "out").exists() and reading.granule != {granules[0].stem!r}:
                _thread.interrupt_main()
                time.sleep(0.5)
            return parts
        granules._write_parts = slow
        try:
            read_to_dataset({str(granules[0].parent)!r}, {str(tmp_path / "out")!r}, workers={workers}, on_error="skip")
        except KeyboardInterrupt:
            print("interrupted")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, check=False, text=True)
    assert done.stdout == "interrupted\n", done.stderr
    ledger = Ledger.read(tmp_path / "out" / "_ledger.parquet")
    assert files(tmp_path / "out") == named(ledger)
    assert len(ledger) < len(granules)
    assert len(read_to_dataset(granules, tmp_path / "out").failures) == 0


@pytest.mark.parametrize(
    ("raised", "typed"),
    [
        (MemoryError(), GranuleError),
        (MemoryError("Unable to allocate 8 GiB"), GranuleError),
        (ValueError("cannot reshape"), CorruptGranuleError),
        (IndexError("out of bounds"), CorruptGranuleError),
        (OSError("no such device"), CorruptGranuleError),
        (OverflowError("too large"), CorruptGranuleError),
    ],
)
def test_whatever_goes_wrong_in_one_granule_is_a_failed_row(
    granules: list[Path], raised: Exception, typed: type[Exception], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = one_granule.read_granule

    def failing(place: Path | str, *rest: Any) -> Any:
        if Path(place) == granules[1]:
            raise raised
        return real(place, *rest)

    monkeypatch.setattr(one_granule, "read_granule", failing)
    ledger = read_to_dataset(granules[:3], tmp_path / "out", on_error="skip")
    assert [row["status"] for row in ledger.rows] == ["read", "failed", "read"]
    reason = ledger.failures[0]["reason"]
    assert reason.startswith(f"{typed.__name__}: {granules[1].stem}")
    assert type(raised).__name__ in reason
    assert str(raised) in reason
    with pytest.raises(typed, match=granules[1].stem) as told:
        read_to_dataset(granules[:3], tmp_path / "out")
    assert told.value.__cause__ is raised


@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupt_is_never_taken_for_a_failure(
    granules: list[Path],
    raised: type[BaseException],
    workers: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    def interrupted(place: Path | str, *rest: Any) -> Any:
        raise raised

    monkeypatch.setattr(one_granule, "read_granule", interrupted)
    with pytest.raises(raised):
        read_to_dataset(granules[:2], tmp_path / "out", on_error="skip", workers=workers)
    assert len(Ledger.read(tmp_path / "out" / "_ledger.parquet")) == 0


def test_an_older_revision_does_not_replace_a_newer_one_that_is_empty(granules: list[Path], tmp_path: Path) -> None:
    newer = granules[0].with_name(granules[0].name.replace("_01.h5", "_02.h5"))
    shutil.copy2(granules[0], newer)
    with h5py.File(newer, "r+") as opened:
        for beam in [name for name in opened if name.startswith("gt")]:
            del opened[beam]
    ledger = read_to_dataset([newer, granules[1]], tmp_path / "out")
    assert [row["status"] for row in ledger.rows] == ["empty", "read"]
    again = read_to_dataset(granules[:2], tmp_path / "out")
    assert [(row["granule"], row["status"]) for row in again.rows] == [
        (granules[0].stem, "superseded"),
        (newer.stem, "empty"),
        (granules[1].stem, "read"),
    ]
    assert set(read_table(tmp_path / "out")["granule"]) == {granules[1].stem}


def test_the_ledger_does_not_say_that_a_revision_was_read_that_failed(granules: list[Path], tmp_path: Path) -> None:
    newer = granules[0].with_name(granules[0].name.replace("_01.h5", "_02.h5"))
    newer.write_bytes(b"<html>please log in</html>")
    ledger = read_to_dataset([newer, *granules[:2]], tmp_path / "out", on_error="skip")
    assert [row["status"] for row in ledger.rows] == ["superseded", "failed", "read"]
    assert ledger.rows[0]["reason"] == f"{newer.name} is another revision or copy of it, and was chosen"
