"""A catalogue of one's own is searched in a file, a folder, and by a service, with the same answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import altiflow as af
from altiflow.errors import EmptyDataError, InputError, SearchError
from altiflow.explore.service import EmbeddedStore, make_app, start_app

PLACE = "within 400 km of -170,80"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of simulated granules."""
    made = tmp_path_factory.mktemp("granules")
    af.make_sample(made, granules=6)
    return made


@pytest.fixture(scope="module")
def index(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return their catalogue in a file."""
    target = tmp_path_factory.mktemp("index") / "granules.parquet"
    return af.write_catalogue(af.collect_catalogue(folder, kind="granules", footprints="read"), target)


@pytest.fixture(scope="module")
def service(index: Path) -> Iterator[str]:
    """Return the address of a service of them."""
    with start_app(make_app(EmbeddedStore(index), show_paths=True)) as running:
        yield running.url


def test_file_folder_and_service_have_one_answer(folder: Path, index: Path, service: str) -> None:
    asked = {"product": "ATL10", "region": PLACE, "start": "2019-01", "end": "2019-02"}
    whole = af.filter_catalogue(af.read_catalogue(index), **asked)  # type: ignore[arg-type]
    assert len(whole) > 0
    for source in (folder, index, service):
        found = af.search_catalogue(source, **asked)  # type: ignore[arg-type]
        assert found["granule"].tolist() == whole["granule"].tolist()
        assert found["start"].tolist() == whole["start"].tolist()
    assert len(af.read_segments(af.search_catalogue(service, **asked), region=PLACE)) > 0  # type: ignore[arg-type]


def test_an_open_period_has_no_limit(service: str, index: Path) -> None:
    # The file of motion covers the whole hemisphere.
    late = af.search_catalogue(service, region=PLACE, start="2019-02-10")
    kept = af.filter_catalogue(af.read_catalogue(index), region=PLACE, start="2019-02-10")
    assert late["granule"].tolist() == kept["granule"].tolist()


def test_nothing_found_is_said_with_what_took_it(index: Path, service: str) -> None:
    with pytest.raises(EmptyDataError, match="left out: product"):
        af.search_catalogue(index, product="ATL06")
    with pytest.raises(EmptyDataError, match="meets the search"):
        af.search_catalogue(service, product="ATL10", region="within 5 km of 0,-80")


def test_what_cannot_be_searched_is_refused(service: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        af.search_catalogue(tmp_path / "none.parquet")
    with pytest.raises(InputError, match="region is not given"):
        af.search_catalogue(service)
    with pytest.raises(SearchError):
        af.search_catalogue("http://127.0.0.1:9", region=PLACE, retries=af.Retries(1))
