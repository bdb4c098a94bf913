"""The search as a value, and what the former search service left behind."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest

from altiflow.errors import InputError, UnsupportedFormatError
from altiflow.readers.catalogue.pairs import PairSearch, read_legacy_answer, search_from_legacy
from altiflow.readers.catalogue.pairs.request import make_search

PINE_ISLAND = {
    "polygon": "-101.1555,-74.7387,-99.1172,-75.0879,-99.8797,-75.46,-102.425,-74.925,-101.1555,-74.7387",
    "start": "1984-01-01",
    "end": "2020-01-01",
    "percent_valid_pixels": 40,
    "min_separation": 6,
    "max_separation": 120,
}


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"region": (170, 60, -170, 72), "start": date(2019, 1, 1), "end": "2020", "months": "Nov-Feb", "cap": 10},
        {
            "region": "POLYGON ((0 0, 1 0, 1 1.00000000012345, 0 0))",
            "mission": ["S1", "landsat"],
            "version": [1, "v02"],
        },
        {"min_separation": 6, "max_separation": 120.5, "percent_valid_pixels": 40, "period_rule": "touching"},
        {"satellite": "s2a", "cap": 5, "strategy": "random", "seed": 4, "source": "index.parquet"},
    ],
)
def test_a_search_goes_through_json_and_comes_back_equal(arguments: dict) -> None:
    search = make_search(**arguments)
    again = PairSearch.from_json(search.to_json())
    assert again == search
    assert again.to_json() == search.to_json()
    assert hash(again) == hash(search)
    with pytest.raises(dataclasses.FrozenInstanceError):
        search.cap = 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"max_files_per_year": 10}', "no 'max_files_per_year'"),
        ("[1]", "JSON object"),
        ("{", "JSON object"),
        ('{"percent_valid_pixels": 140}', "0 to 100"),
        ('{"start": "2020", "end": "2019"}', "after end"),
        ('{"cap": 0}', "cap"),
        ('{"strategy": "best"}', "strategy"),
        ('{"period_rule": "mid"}', "period_rule"),
        ('{"min_separation": -1}', "min_separation"),
        ('{"min_separation": 9, "max_separation": 8}', "above"),
        ('{"cap": 3, "strategy": "random"}', "seed"),
        ('{"mission": ["envisat"]}', "envisat"),
        ('{"region": {"source": "x", "wkt": "POINT (0 0)"}}', "has no area"),
    ],
)
def test_a_search_that_means_nothing_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        PairSearch.from_json(text)


def test_the_former_parameters_mean_what_they_meant() -> None:
    search = search_from_legacy({**PINE_ISLAND, "serialization": "json", "mission": None})
    assert (search.min_separation, search.max_separation, search.percent_valid_pixels) == (6.0, 120.0, 40.0)
    assert search.region is not None
    assert search.region.contains([-100.5, -95.0], [-75.0, -75.0]).tolist() == [True, False]
    intervals = {"min_interval" if key == "min_separation" else key: value for key, value in PINE_ISLAND.items()}
    assert search_from_legacy(intervals) == search
    words = "&".join(f"{key}={value}" for key, value in intervals.items())
    asked = f"https://nsidc.org/apps/itslive-search/velocities/urls/?{words}&serialization=json"
    assert search_from_legacy(asked) == search
    # Nobody asked for a period: nothing before 2000 is left out.
    assert search_from_legacy({"bbox": "-24.60,63.78,-15.11,66.30", "version": 2}).start is None
    box = search_from_legacy({"bbox": "-107.562,-74.9689,-103.483,-75.1418", "mission": "landsatOLI"})
    assert box.region is not None
    assert box.region.bounds == (-107.562, -75.1418, -103.483, -74.9689)
    assert box.mission == ("landsat",)


def test_a_polygon_across_the_antimeridian_does_not_run_round_the_globe() -> None:
    search = search_from_legacy({"polygon": "179,70,-179,70,-179,71,179,71"})
    assert search.region is not None
    assert search.region.contains([180, 179.5, -179.5, 0], [70.5] * 4).tolist() == [True, True, True, False]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"max_files_per_year": 10}, "max_files_per_year: no such parameter"),
        ({"min_interval": 6, "min_separation": 7}, "contradicts"),
        ({"polygon": "1,2,3", "start": "2020"}, "three corners"),
        ({"polygon": "1,2,3,4,a,5"}, "numbers"),
        ({"polygon": "70,-100,71,-101,72,-100"}, "lon,lat"),
        ({"bbox": "1,2,3"}, "bbox"),
        ({"bbox": "1,2,3,4", "polygon": "1,2,3,4,5,6"}, "both"),
    ],
)
def test_former_parameters_that_mean_nothing_are_refused(parameters: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        search_from_legacy(parameters)


def test_answers_of_the_former_service(pair_name: Callable[..., str], tmp_path: Path) -> None:
    names = [pair_name(datetime(2019, 7, day), datetime(2019, 8, day)) for day in range(1, 8)]
    urls = [
        f"https://its-live-data.s3.amazonaws.com/velocity_image_pair/landsat/v02/N60W040/{name}.nc" for name in names
    ]
    objects = [{"url": url} for url in urls]
    whole = read_legacy_answer(objects)
    assert whole["url"].tolist() == urls
    forms = [
        json.dumps(objects),
        json.dumps(urls),
        json.dumps(objects[:3]) + json.dumps(objects[3:]),
        json.dumps(objects[:3]) + "\n" + json.dumps(objects[3:5]) + "\n,\n" + json.dumps(urls[5:]) + "\n",
        json.dumps(objects) + json.dumps([]) + json.dumps(objects),
    ]
    for number, text in enumerate(forms):
        (tmp_path / f"answer{number}.json").write_text(text)
        for answer in (text, tmp_path / f"answer{number}.json", str(tmp_path / f"answer{number}.json")):
            assert read_legacy_answer(answer)["granule"].tolist() == names
    # A "][" inside a text is no end of an array.
    assert read_legacy_answer(json.dumps([f"{urls[0]}?note=a][b"]))["granule"].tolist() == names[:1]
    assert read_legacy_answer("[]").empty


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        ('[{"url": "a"}', UnsupportedFormatError, "not complete"),
        ("[] <html>", UnsupportedFormatError, "not JSON"),
        ('[{"count": 3, "year": 2019}]', InputError, "no address"),
        ('["a.nc"]', InputError, "not of the form"),
        ("no/such/file.json", InputError, "no file"),
    ],
)
def test_answers_that_mean_nothing_are_refused(answer: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        read_legacy_answer(answer)
