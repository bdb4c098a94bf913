"""Tallies of files take each granule once, as tables of segments do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from altiflow.errors import InputError, UnsupportedFormatError
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.stores import TallyStore, tally_files
from altiflow.readers import Ledger, make_sample, read_segments, read_to_dataset, write_table

GRID = Grid.named("EASE2_N25km")


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return a granule in two releases that begin a second apart, and a copy of the first under another case."""
    folder = tmp_path_factory.mktemp("releases")
    source = make_sample(folder / "made", granules=1).granules[0]
    names = ("ATL10-01_20190101002408_00010201_006_01.h5", "ATL10-01_20190101002409_00010201_007_01.H5")
    (folder / "in").mkdir()
    return [Path(shutil.copy2(source, folder / "in" / name)) for name in (*names, names[0].lower())]


def test_a_tally_of_files_takes_the_newest_release_and_tells_the_others(releases: list[Path]) -> None:
    ledger = Ledger()
    found = tally_files(releases[0].parent, GRID, value="freeboard", ledger=ledger)
    alone = tally_files(releases[1], GRID, value="freeboard")
    assert found.granules == (releases[1].stem,)
    assert found.records.states.tobytes() == alone.records.states.tobytes()
    assert sorted(row["status"] for row in ledger.rows) == ["read", "superseded", "superseded"]
    gone = releases[0].with_name("ATL10-01_20190301002408_09150201_006_01.h5")
    with pytest.raises(InputError, match="no such file"):
        tally_files([gone, releases[1]], GRID, value="freeboard")
    less = tally_files([gone, releases[1]], GRID, value="freeboard", on_error="skip")
    assert less.told["missing"] == [gone.name]
    assert less.count == alone.count


def test_a_store_and_tables_refuse_one_granule_in_two_releases(releases: list[Path], tmp_path: Path) -> None:
    old, new = (tally_files(place, GRID, value="freeboard") for place in releases[:2])
    store = TallyStore.create(tmp_path / "store", old)
    with pytest.raises(InputError, match=r"has granule .*006_01 already; store\.replace"):
        store.add(new)
    store.replace(new)
    assert store.granules == new.granules
    for number, place in enumerate(releases[:2]):
        write_table(read_segments(place), tmp_path / "tables" / f"{number}.parquet")
    with pytest.raises(InputError, match="one granule in two releases"):
        tally_files(tmp_path / "tables", GRID, value="freeboard")


def test_a_tally_of_a_data_set_counts_its_own_files_and_misses_none(releases: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "set"
    read_to_dataset(releases[1], folder)
    write_table(read_segments(releases[0]), folder / "mine.parquet")
    expected = tally_files(releases[1], GRID, value="freeboard")
    found = tally_files(folder, GRID, value="freeboard")
    assert found.records.states.tobytes() == expected.records.states.tobytes()
    next(folder.glob("product=*/**/*.parquet")).unlink()
    with pytest.raises(UnsupportedFormatError, match=r"is gone or damaged \(1 such files\)"):
        tally_files(folder, GRID, value="freeboard")
