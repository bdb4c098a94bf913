"""Each granule is read once, in its newest revision, whatever the files are called and wherever they are."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from altiflow.errors import EmptyDataError, InputError
from altiflow.readers import Ledger, RemoteAccess, Retries, download_files, list_granules, read_segments
from altiflow.readers.catalogue.names import granule_key
from altiflow.readers.catalogue.tables.newest import keep_newest, newest_files, release_order

BOX = {"screens": "none", "beams": ["gt1l"]}
ONE = "ATL10-01_20190101002408_00010201"


@pytest.fixture
def releases(simulated: Callable[..., Path], tmp_path: Path) -> list[Path]:
    """Return one granule in three releases and revisions, the newest last."""
    names = (f"{ONE}_006_01.h5", f"{ONE}_006_02.h5", "ATL10-01_20190101002409_00010201_007_01.h5")
    (tmp_path / "in").mkdir()
    return [Path(shutil.copy2(simulated(), tmp_path / "in" / name)) for name in names]


def test_the_newest_of_several_revisions_is_read_and_the_others_told(releases: list[Path]) -> None:
    ledger = Ledger()
    table = read_segments(releases[0].parent, ledger=ledger, **BOX)
    assert len(table) == len(read_segments(releases[2], **BOX))
    assert set(table["granule"]) == {releases[2].stem}
    assert [row["status"] for row in ledger.rows] == ["superseded", "superseded", "read"]
    assert ledger.rows[0]["reason"].startswith(f"{releases[2].name} is another revision or copy of it")
    assert table.attrs["altiflow"]["granules"] == [releases[2].stem]
    assert list_granules(releases[0].parent)["granule"].tolist() == [releases[2].stem]


def test_copies_count_once_and_other_files_of_one_unknown_name_all(releases: list[Path], tmp_path: Path) -> None:
    places = []
    for folder in ("A", "B"):
        (tmp_path / folder).mkdir()
        places.append(Path(shutil.copy2(releases[0], tmp_path / folder)))
    single = len(read_segments(releases[0], **BOX))
    ledger = Ledger()
    assert len(read_segments(places, ledger=ledger, **BOX)) == single
    assert sorted(row["status"] for row in ledger.rows) == ["read", "superseded"]
    assert len(read_segments([places[0], str(places[0])], **BOX)) == single
    unknown = [place.rename(place.with_name("subset.h5")) for place in places]
    assert len(read_segments(unknown, **BOX)) == 2 * single


def test_one_address_with_two_signed_queries_is_one_file(releases: list[Path], serve: Callable[..., object]) -> None:
    server = serve()
    server.files["mine.h5"] = releases[0].read_bytes()
    places = [f"{server.url}/mine.h5{query}" for query in (f"?X-Amz-Signature={server.signature}", "?old")]
    access = RemoteAccess(retries=Retries(attempts=2, wait=0.0), timeout=5.0)
    ledger = Ledger()
    assert len(read_segments(places, ledger=ledger, access=access, **BOX)) == len(read_segments(releases[0], **BOX))
    assert len(ledger) == 1


def test_names_in_lower_case_are_granules(releases: list[Path], tmp_path: Path) -> None:
    (tmp_path / "low").mkdir()
    low = Path(shutil.copy2(releases[0], tmp_path / "low" / f"PROCESSED_{ONE.lower()}_006_01.H5"))
    found = list_granules(low)
    assert (found["granule"].item(), found["product"].item()) == (f"{ONE}_006_01", "ATL10")
    table = read_segments([low, releases[0]], **BOX)
    assert set(table["granule"]) == {f"{ONE}_006_01"}
    assert len(table) == len(read_segments(releases[0], **BOX))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f"{ONE}_006_02.h5", "ATL10-01_20190101002409_00010201_007_01.h5"),
        (f"{ONE}_006_02.h5", f"{ONE}_006_10.h5"),
        ("ATL11_135803_0311_005_02.h5", "ATL11_135803_0316_005_01.h5"),
        ("ATL20-01_20190301004639_09560201_004_02.h5", "ATL20-01_20190301004640_09560201_005_01.h5"),
        (f"{ONE}_006_02_subsetted.h5", f"{ONE}_006_02.h5"),
        (f"processed_{ONE}_006_02.h5", f"{ONE}_006_02.h5"),
    ],
)
def test_files_and_rows_of_catalogues_go_by_one_key_and_one_order(old: str, new: str) -> None:
    assert granule_key(old) == granule_key(new)
    for given in ([old, new], [new, old]):
        assert newest_files(given) == ([new], [(old, new)])
    if release_order(old) < release_order(new):
        rows = [{"granule": name, "version": name[-9:-6], "revision": int(name[-5:-3])} for name in (new, old)]
        assert [row["granule"] for row in keep_newest(rows)] == [new]


def test_of_copies_of_one_revision_the_larger_file_is_chosen(releases: list[Path], tmp_path: Path) -> None:
    cut = tmp_path / releases[0].name
    cut.write_bytes(releases[0].read_bytes()[:5000])
    assert newest_files([cut, releases[0]])[0] == [releases[0]]


def test_one_path_that_is_not_there_does_not_end_a_run_that_skips(releases: list[Path], tmp_path: Path) -> None:
    gone = releases[2].with_name("ATL10-01_20190301002408_09150201_006_01.h5")
    with pytest.raises(InputError, match="no such file"):
        read_segments([releases[2], gone], **BOX)
    for given in ([releases[2], gone], pd.DataFrame({"path": [str(releases[2]), str(gone)]})):
        ledger = Ledger()
        assert len(read_segments(given, on_error="skip", ledger=ledger, **BOX))
        assert [row["status"] for row in ledger.rows] == ["read", "failed"]
        assert str(gone) in ledger.failures[0]["reason"]
    with pytest.raises(EmptyDataError, match="there is no file"):
        read_segments([gone], on_error="skip")
    with pytest.raises(InputError, match="no such file"):
        read_segments(gone, on_error="skip")


def test_downloads_that_failed_are_failed_rows_or_refused(releases: list[Path], tmp_path: Path) -> None:
    gone = releases[2].with_name("ATL10-01_20190301002408_09150201_006_01.h5")
    table = download_files([releases[2], gone], tmp_path / "there", on_error="skip")
    with pytest.raises(InputError, match=r"1 of 2 granules were not downloaded .*call download_files again"):
        read_segments(table, **BOX)
    ledger = Ledger()
    assert len(read_segments(table, on_error="skip", ledger=ledger, **BOX))
    assert [row["status"] for row in ledger.rows] == ["read", "failed"]
