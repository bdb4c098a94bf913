"""Data sets grow granule by granule; nothing is read twice, nothing is half-written, nothing is lost silently."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyarrow.parquet as pq
import pytest
from geopandas.testing import assert_geodataframe_equal

from altiflow.errors import (
    CorruptGranuleError,
    EmptyDataError,
    GranuleError,
    InputError,
    StoreLockedError,
    UnsupportedFormatError,
    WriteError,
)
from altiflow.files import folder_lock
from altiflow.readers import Ledger, read_segments, read_table, read_to_dataset
from altiflow.readers.datasets import granules as one_granule
from altiflow.readers.datasets.account import Account


@pytest.fixture
def granules(season: tuple[Path, ...], tmp_path: Path) -> list[Path]:
    """Return private copies of the season's granules."""
    (tmp_path / "in").mkdir()
    return [Path(shutil.copy2(granule, tmp_path / "in")) for granule in season]


@pytest.fixture
def read_names(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the granules that are read from now on."""
    names: list[str] = []
    real = one_granule.read_granule

    def noted(place: Path | str, *rest: Any) -> Any:
        names.append(Path(place).name)
        return real(place, *rest)

    monkeypatch.setattr(one_granule, "read_granule", noted)
    return names


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file that is data."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*.parquet"))
        if file.name[0] != "_"
    }


def test_a_data_set_holds_what_read_segments_gives_to_the_bit_and_in_order(
    granules: list[Path], tmp_path: Path
) -> None:
    ledger = read_to_dataset(granules, tmp_path / "out")
    expected = read_segments(granules)
    found = read_table(tmp_path / "out")
    assert_geodataframe_equal(found, expected)
    assert found.attrs == expected.attrs
    assert (
        ledger.summary()
        == f"4 granules: 4 read; {len(expected)} of {ledger.table['segments_found'].sum()} segments kept"
    )
    for row in ledger.rows:
        assert row["bytes"] == Path(row["path"]).stat().st_size
        assert row["seconds"] > 0
    parts = [part for row in ledger.rows for part in row["parts"].split(";")]
    assert set(parts) == set(contents(tmp_path / "out"))
    assert all(part.startswith("product=ATL10/hemisphere=north/month=20") for part in parts)


@pytest.mark.parametrize(("workers", "kind"), [(3, "threads"), (2, "processes")])
def test_workers_change_nothing(granules: list[Path], workers: int, kind: Any, tmp_path: Path) -> None:
    read_to_dataset(granules, tmp_path / "one")
    read_to_dataset(granules[::-1], tmp_path / "many", workers=workers, kind=kind)
    assert contents(tmp_path / "one") == contents(tmp_path / "many")


def test_the_same_granules_twice_change_nothing_and_are_not_read(
    granules: list[Path], read_names: list[str], tmp_path: Path
) -> None:
    read_to_dataset(granules, tmp_path / "out")
    before = contents(tmp_path / "out")
    ledger = Ledger.read(tmp_path / "out" / "_ledger.parquet")
    read_names.clear()
    again = read_to_dataset([*granules, *granules], tmp_path / "out")
    assert read_names == []
    assert contents(tmp_path / "out") == before
    assert again.table.equals(ledger.table)


def test_a_run_that_is_killed_goes_on_where_it_stopped(
    granules: list[Path], read_names: list[str], tmp_path: Path
) -> None:
    script = f"""
        import os, signal
        from altiflow.readers import read_to_dataset
        from altiflow.readers.datasets import granules
        written, real = [], granules.write_parquet
        def dying(arrow, path, **told):
            if len(written) == 2:
                path.write_bytes(b"PAR1 half of it")
                os.kill(os.getpid(), signal.SIGKILL)
            written.append(path)
            real(arrow, path, **told)
        granules.write_parquet = dying
        read_to_dataset({str(granules[0].parent)!r}, {str(tmp_path / "out")!r})
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, check=False)
    assert done.returncode == -9, done.stderr.decode()
    assert len(read_table(tmp_path / "out")) == len(read_segments(granules[:2]))
    assert list((tmp_path / "out").rglob(".*.part.parquet"))
    read_to_dataset(granules, tmp_path / "out")
    assert read_names == [granule.name for granule in granules[2:]]
    assert not list((tmp_path / "out").rglob(".*.part.parquet"))
    read_to_dataset(granules, tmp_path / "whole")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_a_journal_whose_last_line_is_cut_is_read_up_to_there(granules: list[Path], tmp_path: Path) -> None:
    read_to_dataset(granules[:3], tmp_path / "out")
    account = Account(tmp_path / "out")
    account.remove(next(iter(account.rows)))
    journal = tmp_path / "out" / "_journal.jsonl"
    journal.write_text(journal.read_text() + '{"key": "ATL10-01_2')
    again = Account(tmp_path / "out")
    assert len(again.rows) == 2
    again.recover()
    again.remove(next(iter(again.rows)))
    assert len(Account(tmp_path / "out").rows) == 1
    journal.write_text("nonsense\n" + journal.read_text())
    with pytest.raises(UnsupportedFormatError, match=r"line 1 of .*_journal\.jsonl is damaged"):
        read_table(tmp_path / "out")


def test_a_new_revision_takes_the_place_of_the_old(granules: list[Path], tmp_path: Path) -> None:
    read_to_dataset(granules, tmp_path / "out")
    newer = granules[0].with_name(granules[0].name.replace("_01.h5", "_02.h5"))
    shutil.copy2(granules[1], newer)
    ledger = read_to_dataset([newer, *granules], tmp_path / "out")
    table = read_table(tmp_path / "out")
    assert set(table["granule"]) == {newer.stem, *(granule.stem for granule in granules[1:])}
    assert_geodataframe_equal(table, read_segments([newer, *granules[1:]]))
    assert [(row["granule"], row["status"]) for row in ledger.rows[:2]] == [
        (granules[0].stem, "superseded"),
        (newer.stem, "read"),
    ]
    assert newer.name in ledger.rows[0]["reason"]
    again = read_to_dataset(granules, tmp_path / "out")
    assert [row["status"] for row in again.rows] == ["superseded", "read", "read", "read", "read"]
    assert_geodataframe_equal(read_table(tmp_path / "out"), table)


def test_a_file_that_changed_is_read_again(granules: list[Path], read_names: list[str], tmp_path: Path) -> None:
    read_to_dataset(granules, tmp_path / "out")
    shutil.copy2(granules[1], granules[0])
    read_names.clear()
    read_to_dataset(granules, tmp_path / "out")
    assert read_names == [granules[0].name]
    assert_geodataframe_equal(read_table(tmp_path / "out"), read_segments(granules))


def test_a_set_of_granules_that_shrank_is_refused_unless_allowed(granules: list[Path], tmp_path: Path) -> None:
    read_to_dataset(granules, tmp_path / "out")
    before = contents(tmp_path / "out")
    with pytest.raises(InputError, match=f"{granules[0].stem}.*allow_shrink=True"):
        read_to_dataset(granules[1:], tmp_path / "out")
    assert contents(tmp_path / "out") == before
    read_to_dataset(granules[1:], tmp_path / "out", append=True)
    assert contents(tmp_path / "out") == before
    ledger = read_to_dataset(granules[1:], tmp_path / "out", allow_shrink=True)
    assert len(ledger) == 3
    assert_geodataframe_equal(read_table(tmp_path / "out"), read_segments(granules[1:]))


def test_granules_that_fail_are_told_and_tried_again(
    granules: list[Path], read_names: list[str], tmp_path: Path
) -> None:
    whole = granules[1].read_bytes()
    granules[1].write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CorruptGranuleError, match=granules[1].stem):
        read_to_dataset(granules, tmp_path / "out")
    ledger = read_to_dataset(granules, tmp_path / "out", on_error="skip")
    assert [row["status"] for row in ledger.rows] == ["read", "failed", "read", "read"]
    assert "truncated" in ledger.failures[0]["reason"]
    granules[1].write_bytes(whole)
    read_names.clear()
    assert read_to_dataset(granules, tmp_path / "out").failures == []
    assert read_names == [granules[1].name]


def test_rows_stay_where_their_granule_fails_later(granules: list[Path], tmp_path: Path) -> None:
    read_to_dataset(granules, tmp_path / "out")
    before = read_table(tmp_path / "out")
    granules[1].write_bytes(b"<html>please log in</html>")
    ledger = read_to_dataset(granules, tmp_path / "out", on_error="skip")
    assert "read before are kept" in ledger.failures[0]["reason"]
    assert_geodataframe_equal(read_table(tmp_path / "out"), before)


def test_a_full_disk_leaves_what_was_whole_and_says_so(
    granules: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real, written = one_granule.write_parquet, []

    def filling(arrow: Any, path: Path, **told: Any) -> None:
        if len(written) == 1:
            path.write_bytes(b"PAR1 as far as it went")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        written.append(path)
        real(arrow, path, **told)

    monkeypatch.setattr(one_granule, "write_parquet", filling)
    with pytest.raises(WriteError, match="No space left on device; what is in it is whole"):
        read_to_dataset(granules, tmp_path / "out", on_error="skip")
    assert len(contents(tmp_path / "out")) == 1
    monkeypatch.setattr(one_granule, "write_parquet", real)
    read_to_dataset(granules, tmp_path / "out")
    assert_geodataframe_equal(read_table(tmp_path / "out"), read_segments(granules))


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
def test_a_limit_of_the_system_on_file_size_is_a_typed_error(granules: list[Path], tmp_path: Path) -> None:
    script = f"""
        import resource
        from altiflow.errors import WriteError
        from altiflow.readers import read_to_dataset
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        try:
            read_to_dataset({str(granules[0].parent)!r}, {str(tmp_path / "out")!r})
        except WriteError as error:
            print(error)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, check=False, text=True)
    assert "cannot write to the data set" in done.stdout, done.stderr
    assert contents(tmp_path / "out") == {}
    assert not list((tmp_path / "out").rglob(".*.part.*"))


def test_two_runs_into_one_folder_are_refused(granules: list[Path], tmp_path: Path) -> None:
    read_to_dataset(granules, tmp_path / "out")
    with (
        folder_lock(tmp_path / "out", name="_lock"),
        pytest.raises(StoreLockedError, match=f"process {os.getpid()} on .* is writing"),
    ):
        read_to_dataset(granules, tmp_path / "out")


def test_other_settings_and_folders_are_refused(granules: list[Path], tmp_path: Path) -> None:
    read_to_dataset(granules, tmp_path / "out")
    with pytest.raises(InputError, match="this run has beams='all', not 'strong'"):
        read_to_dataset(granules, tmp_path / "out", beams="all")
    with pytest.raises(InputError, match=r"holds ATL10.* and is no data set"):
        read_to_dataset(granules, granules[0].parent)
    with pytest.raises(InputError, match=r"partition=\['town'\]"):
        read_to_dataset(granules, tmp_path / "new", partition=["town"])  # type: ignore[list-item]
    with pytest.raises(InputError, match="geometry='points'"):
        read_to_dataset(granules, tmp_path / "new", geometry="points")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="on_error='ignore'"):
        read_to_dataset(granules, tmp_path / "new", on_error="ignore")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="use one"):
        read_to_dataset(granules, tmp_path / "new", append=True, allow_shrink=True)
    with pytest.raises(InputError, match="kind='fork'"):
        read_to_dataset(granules, tmp_path / "new", kind="fork")  # type: ignore[arg-type]
    assert not (tmp_path / "new" / "product=ATL10").exists()
    for granule in granules:
        granule.write_bytes(b"")
    with pytest.raises(EmptyDataError, match="not one granule could be read"):
        read_to_dataset(granules, tmp_path / "none", on_error="skip")
    with pytest.raises(GranuleError):
        read_to_dataset(granules, tmp_path / "none")


def test_real_granules_end_as_read_or_empty_and_the_ledger_is_a_map(data: Any, tmp_path: Path) -> None:
    ledger = read_to_dataset(data("atl10/ATL10_subset_bounding_box_reference.h5").parent, tmp_path / "out", beams="all")
    assert ledger.summary() == "4 granules: 1 read, 3 empty; 864 of 26776 segments kept"
    for row in ledger.rows:
        assert row["segments_found"] == row["segments_kept"] + sum(v for k, v in row.items() if k[:8] == "dropped_")
    tracks = gpd.read_parquet(tmp_path / "out" / "_ledger.parquet")
    assert tracks.crs == "EPSG:4326"
    table = read_table(tmp_path / "out")
    assert tracks.geometry.count() == 1
    assert tuple(tracks.total_bounds) == tuple(table.total_bounds)
    part = next(row["parts"] for row in ledger.rows if row["parts"])
    assert pq.read_metadata(tmp_path / "out" / part).num_rows == 864
