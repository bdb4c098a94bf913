"""What a data set did not write is never deleted; what it wrote and lost is read again, and told."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from geopandas.testing import assert_geodataframe_equal

from altiflow.errors import CorruptGranuleError, InputError, UnsupportedFormatError
from altiflow.explore.inventories import dataset_lines
from altiflow.readers import Ledger, read_segments, read_table, read_to_dataset
from altiflow.readers.datasets import granules as one_granule
from altiflow.readers.datasets.account import Account


@pytest.fixture
def granules(season: tuple[Path, ...], tmp_path: Path) -> list[Path]:
    """Return private copies of two granules of the season."""
    (tmp_path / "in").mkdir()
    return [Path(shutil.copy2(granule, tmp_path / "in")) for granule in season[:2]]


@pytest.fixture
def out(season: tuple[Path, ...], granules: list[Path], tmp_path: Path) -> Path:
    """Return a data set of them."""
    read_to_dataset(granules, tmp_path / "out")
    return tmp_path / "out"


def parts(folder: Path) -> list[Path]:
    """Return the files of rows."""
    return sorted(folder.glob("product=*/**/*.parquet"))


def test_files_of_others_stay_where_they_are(granules: list[Path], out: Path) -> None:
    ledger = Ledger.read(out / "_ledger.parquet")
    month = parts(out)[0].parent
    theirs = [
        out / "mine.parquet",
        out / "notes" / "a.parquet",
        month / "b.parquet",
        month / ".c.12345678.part.parquet",
    ]
    ledger.write(out / "run1.parquet")
    for place in theirs:
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(b"precious")
    granules[1].touch()
    read_to_dataset(granules, out)
    read_to_dataset(granules[:1], out, allow_shrink=True)
    assert [place.read_bytes() for place in theirs] == [b"precious"] * 4
    assert len(Ledger.read(out / "run1.parquet")) == 2
    assert len(read_table(out)) == len(read_segments(granules[0]))


@pytest.mark.parametrize("partition", [["product"], []])
def test_a_data_set_within_another_is_left_alone(granules: list[Path], partition: Any, tmp_path: Path) -> None:
    outer = tmp_path / "season"
    read_to_dataset(granules[:1], outer, partition=partition)
    read_to_dataset(granules[1:], outer / "south")
    shutil.copytree(outer / "south", outer / "product=ATL06")
    account = Account(outer)
    account.begin([granule.stem for granule in granules])
    read_to_dataset(granules[:1], outer, partition=partition)
    for place in (outer / "south", outer / "product=ATL06"):
        assert len(read_table(place)) == len(read_segments(granules[1]))


def test_a_data_set_without_its_ledger_is_refused_and_nothing_of_it_deleted(granules: list[Path], out: Path) -> None:
    before = {part: part.read_bytes() for part in parts(out)}
    ledger = (out / "_ledger.parquet").read_bytes()
    (out / "_ledger.parquet").unlink()
    for again in (
        lambda: read_table(out),
        lambda: read_to_dataset(granules[:1], out, append=True),
        lambda: read_to_dataset(granules, out),
        lambda: dataset_lines(out),
    ):
        with pytest.raises(
            UnsupportedFormatError, match=r"_ledger.parquet.* is gone; put it back from a copy, or read"
        ):
            again()
    assert {part: part.read_bytes() for part in parts(out)} == before
    (out / "_ledger.parquet").write_bytes(ledger)
    assert len(read_table(out)) == len(read_segments(granules))


@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_a_file_of_rows_that_is_gone_or_cut_is_read_again_and_told(
    damage: str, granules: list[Path], out: Path, season: tuple[Path, ...]
) -> None:
    expected = read_table(out)
    lost = next(part for part in parts(out) if part.stem == granules[0].stem)
    whole = lost.read_bytes()
    if damage == "gone":
        lost.unlink()
    else:
        lost.write_bytes(whole[:-3000])
    name = lost.relative_to(out).as_posix()
    told = dataset_lines(out)
    assert any("; 1 are gone or damaged: read the granules again" in line for line in told)
    assert f"lost         {name}" in told
    ledger = read_to_dataset(granules, out)
    assert [row["reason"] for row in ledger.rows] == [f"read again, as {name} is gone or damaged", ""]
    assert lost.read_bytes() == whole
    assert_geodataframe_equal(read_table(out), expected)
    assert read_to_dataset(granules, out).table.equals(ledger.table)


def test_rows_that_are_lost_with_their_granule_are_not_said_to_be_kept(granules: list[Path], out: Path) -> None:
    lost = next(part for part in parts(out) if part.stem == granules[0].stem)
    others = [part for part in parts(out) if part != lost]
    lost.write_bytes(b"PAR1")
    granules[0].write_bytes(granules[0].read_bytes()[:5000])
    row = read_to_dataset(granules, out, on_error="skip").rows[0]
    assert row["status"] == "failed"
    assert f"the rows of {granules[0].stem} read before are lost; " in row["reason"]
    assert lost.relative_to(out).as_posix() in row["reason"]
    assert parts(out) == others
    assert len(read_table(out)) == len(read_segments(granules[1]))
    with pytest.raises(CorruptGranuleError):
        read_to_dataset(granules, out)


def test_the_files_of_an_old_revision_go_with_it(granules: list[Path], out: Path) -> None:
    newer = granules[0].with_name(granules[0].name.replace("_01.h5", "_02.h5"))
    shutil.copy2(granules[0], newer)
    assert any(part.stem == granules[0].stem for part in parts(out))
    account = Account(out)
    row = next(row for row in account.rows.values() if row["granule"] == granules[0].stem)
    account.enter(row | {"granule": newer.stem, "parts": "", "part_sizes": ""})
    assert {part.stem for part in parts(out)} == {granules[1].stem}


def test_files_of_an_old_revision_go_later_where_a_run_was_killed_before(
    granules: list[Path], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = Account(out)
    row = next(row for row in account.rows.values() if row["granule"] == granules[0].stem)
    monkeypatch.setattr(Account, "_delete_replaced", lambda self: None)
    account.enter(row | {"status": "empty", "parts": "", "part_sizes": ""})
    monkeypatch.undo()
    assert any(part.stem == granules[0].stem for part in parts(out))
    Account(out).recover()
    assert {part.stem for part in parts(out)} == {granules[1].stem}


def test_what_a_killed_run_began_is_cleared_away(granules: list[Path], out: Path) -> None:
    month = parts(out)[0].parent
    Account(out).begin(["ATL10-01_20990101000000_00010201_006_01"])
    left = [month / f"{name}.parquet" for name in ("ATL10-01_20990101000000_00010201_006_01", "other")]
    left.append(month / ".ATL10-01_20990101000000_00010201_006_01.0123abcd.part.parquet")
    for place in left:
        place.write_bytes(b"PAR1")
    read_to_dataset(granules, out)
    assert [place.exists() for place in left] == [False, True, False]


def test_two_files_of_one_name_that_is_no_granules_are_refused_unless_they_are_copies(
    granules: list[Path], tmp_path: Path
) -> None:
    for name in ("A", "B", "C"):
        (tmp_path / name).mkdir()
    one, other, copy = (tmp_path / name / "subset.h5" for name in ("A", "B", "C"))
    for source, target in ((granules[0], one), (granules[1], other), (granules[0], copy)):
        shutil.copy2(source, target)
    with pytest.raises(InputError, match=r"A/subset\.h5 and .*B/subset\.h5 have one name, .* different content"):
        read_to_dataset([one, other], tmp_path / "new")
    ledger = read_to_dataset([one, copy], tmp_path / "new")
    assert sorted(row["status"] for row in ledger.rows) == ["read", "superseded"]
    expected = read_table(tmp_path / "new")
    with pytest.raises(InputError, match=r"B/subset\.h5 is another file of that name"):
        read_to_dataset(other, tmp_path / "new", append=True)
    assert_geodataframe_equal(read_table(tmp_path / "new"), expected)
    read_to_dataset(copy, tmp_path / "new", append=True)
    read_to_dataset(other, tmp_path / "new", allow_shrink=True)
    assert len(read_table(tmp_path / "new")) == len(read_segments(granules[1]))


def test_releases_that_begin_a_second_apart_and_names_in_lower_case_are_one_granule(
    granules: list[Path], tmp_path: Path
) -> None:
    names = [
        "ATL10-01_20190101002408_00010201_006_01.h5",
        "atl10-01_20190101002408_00010201_006_02.h5",
        "ATL10-01_20190101002409_00010201_007_01.h5",
    ]
    places = [Path(shutil.copy2(granules[0], tmp_path / name)) for name in names]
    read_to_dataset(places[1], tmp_path / "new")
    ledger = read_to_dataset(places, tmp_path / "new")
    assert [row["status"] for row in ledger.rows] == ["superseded", "read", "superseded"]
    assert set(read_table(tmp_path / "new")["granule"]) == {"ATL10-01_20190101002409_00010201_007_01"}
    assert len(parts(tmp_path / "new")) == len({part.parent for part in parts(tmp_path / "new")})


def test_a_file_that_is_not_there_is_a_failed_row_where_failures_are_skipped(
    granules: list[Path], tmp_path: Path
) -> None:
    gone = granules[0].with_name("ATL10-01_20190301002408_09150201_006_01.h5")
    with pytest.raises(InputError, match="no such file"):
        read_to_dataset([gone, *granules], tmp_path / "new")
    ledger = read_to_dataset([gone, *granules], tmp_path / "new", on_error="skip")
    assert sorted(row["status"] for row in ledger.rows) == ["failed", "read", "read"]
    assert "there is no file" in ledger.failures[0]["reason"]
    assert one_granule.file_modified(gone) == 0
