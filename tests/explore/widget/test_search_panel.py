"""The search panel does what its code does, says why it cannot, and does one thing at a time."""

from __future__ import annotations

import ast
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr

import altiflow as af
from altiflow.errors import SearchError
from altiflow.explore.service import EmbeddedStore, make_app, start_app
from altiflow.explore.widget import SearchPanel, SearchQuestion


def fake_library(asked: list[tuple[str, tuple[Any, ...], dict[str, Any]]]) -> SimpleNamespace:
    """Return a library that answers at once and remembers what it was asked."""
    found = gpd.GeoDataFrame(
        {"granule": ["a", "b"], "url": ["u1", "u2"], "mission": ["landsat", "landsat"]},
        geometry=[shapely.box(-50, 69, -49, 70)] * 2,
        crs=4326,
    )

    def answer(name: str, result: Any) -> Any:
        def function(*given: Any, **named: Any) -> Any:
            asked.append((name, given, named))
            return result

        return function

    counts = pd.DataFrame({"year": [2019], "count": [2]})
    names = {
        "search_pairs": found, "search_granules": found, "search_catalogue": found, "filter_pairs": found.iloc[:1],
        "filter_catalogue": found.iloc[:1], "cap_per_year": found.iloc[:1], "count_by": counts, "read_segments": found,
        "read_velocity": xr.Dataset(), "draw_footprints": "figure", "draw_coverage": "figure",
    }  # fmt: skip
    return SimpleNamespace(**{name: answer(name, result) for name, result in names.items()})


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return simulated image pairs."""
    return af.make_pairs(tmp_path_factory.mktemp("pairs"), pairs=16)


@pytest.fixture(scope="module")
def service(sample: Any) -> Iterator[str]:
    """Return the address of a service of them."""
    with start_app(make_app(EmbeddedStore(sample.index), show_paths=True)) as running:
        yield running.url


BOX = "-99.1,-75.4,-98.6,-75.2"


def test_the_question_is_what_the_library_is_asked() -> None:
    asked: list[Any] = []
    question = SearchQuestion(
        region=BOX, start="2019", end="2020", min_separation=8.0, max_separation=64.0, percent_valid_pixels=40.0,
        months="Nov-Feb", mission="landsat", source="index.parquet",
    )  # fmt: skip
    panel = SearchPanel(question, library=fake_library(asked))
    assert panel.search() is panel.table
    assert asked[0] == (
        "search_pairs",
        (),
        {
            "region": BOX, "start": "2019", "end": "2020", "min_separation": 8.0, "max_separation": 64.0,
            "percent_valid_pixels": 40.0, "months": "Nov-Feb", "mission": "landsat", "source": "index.parquet",
        },
    )  # fmt: skip
    assert [name for name, _, _ in asked[1:]] == ["count_by"] * 3
    assert sorted(panel.counts) == ["mission", "month", "year"]


def test_granules_are_searched_in_the_archive_or_in_a_catalogue() -> None:
    asked: list[Any] = []
    panel = SearchPanel(SearchQuestion(product="ATL10", region=BOX, months="Nov"), library=fake_library(asked))
    panel.search()
    panel.question = replace(panel.question, source="granules.parquet")
    panel.search()
    searches = [call for call in asked if call[0].startswith("search")]
    assert searches == [
        ("search_granules", ("ATL10",), {"region": BOX}),
        ("search_catalogue", ("granules.parquet",), {"product": "ATL10", "region": BOX}),
    ]
    assert sorted(panel.counts) == ["month", "product", "year"]


def test_what_is_found_by_one_search_is_not_that_of_another() -> None:
    panel = SearchPanel(SearchQuestion(region=BOX), library=fake_library([]))
    panel.search()
    panel.filter(months="Nov")
    assert len(panel.table) == 1  # type: ignore[arg-type]
    panel.search()
    assert len(panel.table) == 2  # type: ignore[arg-type]


def test_errors_are_a_message_and_no_traceback() -> None:
    def refuse(**named: Any) -> Any:
        raise SearchError("the service cannot be reached; try later")

    def break_down(**named: Any) -> Any:
        raise KeyError("geometry")

    told: list[str] = []
    for function, message in ((refuse, "cannot be reached"), (break_down, "KeyError: 'geometry'")):
        panel = SearchPanel(SearchQuestion(region=BOX), library=SimpleNamespace(search_pairs=function))
        panel.listen("failed", lambda panel=panel: told.append(panel.message))  # type: ignore[misc]
        assert panel.search() is None
        assert message in told[-1]
        assert panel.code == ""
        assert panel.table is None


@pytest.mark.parametrize(
    ("action", "told"),
    [
        ("filter", "search first"),
        ("read", "search first"),
        ("build_cube", "search first"),
        ("plot", "search first"),
    ],
)
def test_nothing_comes_before_a_search(action: str, told: str) -> None:
    panel = SearchPanel(library=fake_library([]))
    assert getattr(panel, action)() is None
    assert told in panel.message


@pytest.mark.parametrize(
    ("question", "told"),
    [
        (SearchQuestion(product="ATL99"), "product='ATL99'"),
        (SearchQuestion(region="nowhere at all", source="x.parquet"), "nowhere at all"),
        (SearchQuestion(region=BOX, source="no/such.parquet"), "no such file"),
        (SearchQuestion(region=BOX, months="Smarch", source="no/such.parquet"), "Smarch"),
    ],
)
def test_a_question_that_means_nothing_is_said_to(question: SearchQuestion, told: str) -> None:
    panel = SearchPanel(question)
    assert panel.search() is None
    assert told in panel.message


def test_granules_make_no_cube_and_a_cube_has_a_region() -> None:
    panel = SearchPanel(SearchQuestion(product="ATL10", region=BOX), library=fake_library([]))
    panel.search()
    panel.build_cube()
    assert "search pairs first" in panel.message
    panel = SearchPanel(SearchQuestion(), library=fake_library([]))
    panel.search()
    panel.build_cube()
    assert "region is not given" in panel.message
    assert panel.download("  ") is None
    assert "folder is not given" in panel.message


def test_the_code_does_what_the_panel_did(sample: Any, tmp_path: Path) -> None:
    panel = SearchPanel(SearchQuestion(region=BOX, start="2015", source=str(sample.index)))
    panel.search()
    panel.filter(mission="landsat", max_separation=64, cap=2)
    panel.download(tmp_path / "files")
    panel.build_cube(epsg=3031, cell=240)
    panel.read()
    assert panel.plot("counts") is not None
    assert panel.plot("speed") is not None
    made: dict[str, Any] = {}
    exec(panel.code, made)
    for name in ("pairs", "kept", "by_year", "by_month", "by_mission"):
        pd.testing.assert_frame_equal(pd.DataFrame(made[name]), pd.DataFrame(panel.results[name]))
    for name in ("cube", "mean", "velocity"):
        xr.testing.assert_equal(made[name], panel.results[name])
    assert made["grid"] == panel.results["grid"]
    # Downloaded files are there already, which is all that differs.
    columns = ["url", "path", "size", "sha256"]
    pd.testing.assert_frame_equal(made["files"][columns], panel.results["files"][columns])
    assert int(panel.counts["year"]["count"].sum()) == len(made["kept"])


def test_the_code_of_granules_reads_the_same_segments(tmp_path: Path) -> None:
    af.make_sample(tmp_path / "granules", granules=4)
    drawn = af.as_region("within 400 km of -170,80")
    panel = SearchPanel(SearchQuestion(product="ATL10", region=drawn, source=str(tmp_path / "granules")))
    panel.search()
    segments = panel.read()
    # A circle has 1440 corners, and is written in the words that it was made from.
    assert "within 400 km of -170,80" in panel.code
    made: dict[str, Any] = {}
    exec(panel.code, made)
    pd.testing.assert_frame_equal(pd.DataFrame(made["segments"]), pd.DataFrame(segments))


def test_a_service_finds_what_its_file_holds(sample: Any, service: str) -> None:
    panels = [SearchPanel(SearchQuestion(region=BOX, source=source)) for source in (str(sample.index), service)]
    found = [panel.search() for panel in panels]
    assert [panel.message for panel in panels] == ["16 image pairs found"] * 2
    assert found[0]["granule"].tolist() == found[1]["granule"].tolist()  # type: ignore[index]
    assert panels[0].counts["year"].equals(panels[1].counts["year"])


def test_a_cube_larger_than_memory_is_refused(sample: Any) -> None:
    panel = SearchPanel(SearchQuestion(region="-179,-85,179,-65", source=str(sample.index)))
    panel.search()
    assert panel.build_cube(epsg=3031, cell=120) is None
    assert "larger cells" in panel.message


def test_one_thing_is_done_at_a_time() -> None:
    panel = SearchPanel(SearchQuestion(region=BOX), library=fake_library([]))
    go_on, told = threading.Event(), []
    panel.listen("failed", lambda: told.append(panel.message))
    assert panel.start("search", go_on.wait)
    assert panel.work.is_running
    assert not panel.start("reading", panel.read)
    assert "search is not done yet" in told[0]
    go_on.set()
    assert panel.work.wait(600)
    assert panel.start("search", panel.search)
    assert panel.work.wait(600)
    assert panel.table is not None


def test_what_is_listened_to_is_told() -> None:
    told: list[str] = []
    panel = SearchPanel(library=fake_library([]))
    for event in ("changed", "found", "failed"):
        panel.listen(event, lambda event=event: told.append(event))  # type: ignore[misc]
    panel.question = replace(panel.question, region=BOX)
    panel.question = replace(panel.question, region=BOX)
    panel.set_region(af.as_region((-50, 69, -48, 70)))
    panel.search()
    panel.plot("speed")
    assert told == ["changed", "changed", "found", "failed"]


def test_the_code_is_python_that_names_the_library_once() -> None:
    panel = SearchPanel(SearchQuestion(region=BOX, source='odd "name".parquet'), library=fake_library([]))
    panel.search()
    panel.plot()
    tree = ast.parse(panel.code)
    assert [type(node).__name__ for node in tree.body[:2]] == ["Import", "Assign"]
    assert panel.code.count("import altiflow") == 1
    assert np.all([len(line) <= 120 for line in panel.code.splitlines()])
