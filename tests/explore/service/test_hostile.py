"""What is rare and hostile in catalogues, filters, limits and stores is answered in JSON, and never as a fault."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import shapely
from catalogues import make_granules, make_pairs

from altiflow.errors import InputError
from altiflow.explore.service import EmbeddedStore, ServiceLimits, make_app, start_app
from altiflow.explore.service.stores import Found, Query
from altiflow.readers.catalogue import write_catalogue, write_pairs


@pytest.fixture(scope="module")
def odd_files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return catalogues with values that JSON does not have, and footprints that are hardly any."""
    folder = tmp_path_factory.mktemp("odd")
    pairs, granules = make_pairs(60), make_granules(60)
    pairs.loc[3, "percent_valid"] = np.inf
    granules.loc[5, "size_mb"] = np.inf
    words = (
        "POLYGON EMPTY",
        "GEOMETRYCOLLECTION EMPTY",
        "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), EMPTY)",
        "POINT (1 2)",
        "POINT (NaN 3)",
        "POLYGON ((0 0, 1 1, 1 0, 0 1, 0 0))",
        "LINESTRING (0 0, NaN 1, 1 1)",
        "POINT (inf 0)",
    )
    with np.errstate(invalid="ignore"):
        shapes = [shapely.from_wkt(text) for text in words]
    for place, shape in enumerate(shapes):
        pairs.loc[place + 10, "geometry"] = shape
    pairs.loc[30, "granule"] = "a b/c?d#e%20\u00fc"
    return [write_pairs(pairs, folder / "pairs.parquet"), write_catalogue(granules, folder / "granules.parquet")]


def odd_stores(files: list[Path], back_end: str, request: pytest.FixtureRequest) -> list[Any]:
    if back_end == "embedded":
        return [EmbeddedStore(path) for path in files]
    from altiflow.explore.service.stores.postgis import load_catalogue, open_stores

    address = request.getfixturevalue("postgres").address()
    for path in files:
        load_catalogue(path, address, schema="odd", quiet=True)
    return list(open_stores(address, schema="odd"))


@pytest.mark.parametrize("back_end", ["embedded", "postgis"])
def test_what_json_does_not_have_is_left_out_of_items(
    back_end: str, odd_files: list[Path], request: pytest.FixtureRequest
) -> None:
    def get(address: str, **asked: Any) -> Any:
        answer = requests.get(address, params=asked, timeout=30)
        assert answer.status_code == 200, (address, answer.text)
        return json.loads(answer.content, parse_constant=pytest.fail)

    with start_app(make_app(odd_stores(odd_files, back_end, request), show_paths=True)) as running:
        for name in ("itslive-granules", "icesat2-granules"):
            here = f"{running.url}/collections/{name}"
            found = get(f"{here}/items", limit=1000)
            assert len(found["features"]) == 60
            get(here)
            for item in found["features"]:
                own = next(link["href"] for link in item["links"] if link["rel"] == "self")
                assert get(own)["id"] == item["id"]
            assert get(f"{here}/items", filter="S_INTERSECTS(geometry, BBOX(0,0,1,1))")["numberMatched"] >= 0
        told = {"filter": "NOT percent_valid_pixels > 50", "limit": 100}
        get(f"{running.url}/search", **told)


def ask(address: str, **asked: Any) -> tuple[int, dict[str, Any]]:
    """Return the status of an answer and its refusal, which is JSON."""
    answer = requests.get(address, params=asked, timeout=30)
    return answer.status_code, answer.json()["error"]


def test_values_that_are_no_comparison_are_counted_too(service: str) -> None:
    told = {"filter": {"op": "or", "args": [True] * 41}}
    answer = requests.post(f"{service}/search", json=told, timeout=30)
    assert (answer.status_code, answer.json()["error"]["parameter"]) == (413, "filter")
    told = {"filter": {"op": "or", "args": [True] * 40}, "limit": 1}
    assert requests.post(f"{service}/search", json=told, timeout=30).json()["numberMatched"] > 1000


def test_the_last_day_of_all_is_a_moment(service: str) -> None:
    def count(text: str) -> int:
        return int(requests.get(f"{service}/search", params={"filter": text}, timeout=30).json()["numberMatched"])

    assert count("datetime <= DATE('9999-12-31')") == count("datetime IS NOT NULL") > 1000
    assert count("datetime > DATE('9999-12-31')") == 0


@pytest.mark.parametrize("seconds", [float("inf"), 1e10])
def test_a_limit_of_time_is_one_that_can_be_waited_for(seconds: float) -> None:
    with pytest.raises(InputError, match="seconds must be above 0 and at most 86400"):
        ServiceLimits(seconds=seconds)


class Busy:
    """A store whose connections are all taken, whatever it is asked."""

    kind, size = "pairs", 1

    @property
    def version(self) -> int:
        raise TimeoutError("all connections are busy")

    def find(self, query: Query, *, seconds: float) -> Found:
        raise TimeoutError("all connections are busy")

    def extent(self) -> dict[str, Any]:
        raise TimeoutError("all connections are busy")

    def place_of(self, granule: str) -> int | None:
        raise TimeoutError("all connections are busy")

    def close(self) -> None:
        """Hold nothing."""


def test_a_store_that_is_busy_is_to_be_asked_again() -> None:
    with start_app(make_app(Busy())) as running:
        for address in ("search", "velocities/urls/", "collections", "collections/itslive-granules/items/x"):
            answer = requests.get(f"{running.url}/{address}", timeout=30)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "10"), address
            assert "too long" in answer.json()["error"]["reason"]


def test_a_book_of_jobs_that_is_damaged_is_told(odd_files: list[Path], tmp_path: Path) -> None:
    with start_app(make_app(EmbeddedStore(odd_files[0]), jobs=tmp_path)) as running:
        with sqlite3.connect(tmp_path / "jobs.sqlite") as book:
            book.execute("DROP TABLE jobs")
        book.close()
        status, error = ask(f"{running.url}/jobs")
        assert (status, error["reason"]) == (503, "the book of jobs cannot be read or written now")
        assert str(tmp_path) not in str(error)
    (tmp_path / "jobs.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(InputError, match=r"jobs\.sqlite.*is no book of jobs"):
        make_app(EmbeddedStore(odd_files[0]), jobs=tmp_path)


AREA = "-90,-20,20,80"
ASKED = [
    ("velocities", {}),
    ("velocities", {"polygon": "150,60,-150,60,-150,80,150,80"}),
    ("velocities", {"bbox": "170,-80,-170,80", "period_rule": "inside", "start": "2001", "end": "2015-06"}),
    ("velocities", {"bbox": "-180,84,180,90", "months": "Nov-Feb", "serialization": "text"}),
    ("velocities", {"bbox": AREA, "percent_valid_pixels": "40", "min_interval": "6.25", "max_separation": "400"}),
    ("velocities", {"bbox": "0,0,1,1", "mission": "landsat", "satellite": "L7,L8", "version": "v01,v02"}),
    ("velocities", {"period_rule": "touching", "start": "2010-02-03T04:05:06+02:00", "serialization": "html"}),
    ("altimetry", {"bbox": AREA, "start": "2018-11", "end": "2019-03", "hemisphere": "north"}),
    ("altimetry", {"product": "ATL10", "version": "006", "cycle": "3,4", "rgt": "12,13,14,200"}),
    ("altimetry", {"bbox": "-180,-90,180,-84", "compression": "true"}),
]
SEARCHED = [
    {"limit": 7, "bbox": AREA, "datetime": "2010-01-01T00:00:00Z/2018-12-31"},
    {"limit": 99, "filter": "NOT S_INTERSECTS(geometry, BBOX(170,-80,-170,80)) AND version <> 'v00'"},
    {"limit": 1000, "filter": "percent_valid_pixels IS NULL OR size_mb IS NULL AND satellite > 'L8+'"},
    {"limit": 1000, "intersects": json.dumps({"type": "Point", "coordinates": [180, 75]})},
    {"limit": 1000, "ids": "pair00010,pair00011,pair00012,pair00014,ATL10-01_00005,none"},
    {"limit": 3, "filter": "start_datetime < DATE('2005-01-01') AND id >= 'pair01'"},
    {
        "limit": 1,
        "filter": "percent_valid_pixels > -9e299 AND separation_days > 5e-324 AND percent_valid_pixels <> 1e-310",
    },
    {"limit": 1, "filter": "epsg < 9e299 OR rgt >= -9e299 OR cycle BETWEEN -1e30 AND 2.5"},
    {"limit": 1, "filter": "epsg IN (3413, 1099511627775, 0.5) OR cycle IN (4294967296, 3, -2147483649)"},
    {
        "limit": 1,
        "filter": "datetime >= DATE('0001-01-02') AND end_datetime < TIMESTAMP('9999-12-31T23:59:59.999999Z')",
    },
    {"limit": 1, "filter": "id > '\U0010ffff' OR id < '!' OR id <> '\ue000%_'"},
    {"limit": 9, "sortby": "-percent_valid_pixels,satellite,-datetime", "filter": "id < 'pair00100'"},
    {"limit": 90, "sortby": "-size_mb,hemisphere,-collection,-id", "fields": "properties,-geometry,-bbox"},
]


def pages(url: str, asked: dict[str, Any]) -> list[Any]:
    """Return up to four pages of a search, without what is of the server alone."""
    found, here = [], requests.get(f"{url}/search", params=asked, timeout=30)
    for _ in range(4):
        told = here.json()
        found.append((told["numberMatched"], json.dumps(told["features"]).replace(url, "")))
        following = [link["href"] for link in told["links"] if link["rel"] == "next"]
        if not following:
            break
        here = requests.get(following[0], timeout=30)
    return found


@pytest.mark.parametrize("odd", [False, True], ids=["plain", "odd"])
def test_servers_of_both_stores_answer_alike(
    odd: bool, odd_files: list[Path], service: str, request: pytest.FixtureRequest
) -> None:
    if not odd:
        compare(service, str(request.getfixturevalue("postgis_service")))
        return
    one, two = (make_app(odd_stores(odd_files, name, request)) for name in ("embedded", "postgis"))
    with start_app(one) as first, start_app(two) as second:
        compare(first.url, second.url)


def compare(one: str, two: str) -> None:
    """Fail where two services answer differently."""
    for prefix, asked in ASKED:
        for word in ("urls", "coverage"):
            first, second = (requests.get(f"{url}/{prefix}/{word}/", params=asked, timeout=30) for url in (one, two))
            assert first.status_code == 200, first.text
            assert first.content == second.content, (prefix, word, asked)
            told = [
                {name: value for name, value in one.headers.items() if "Altiflow" in name} for one in (first, second)
            ]
            assert told[0] == told[1]
    for asked in SEARCHED:
        assert pages(one, asked) == pages(two, asked), asked
    for address in ("collections", "queryables", "collections/itslive-granules/items/pair00042"):
        first, second = (requests.get(f"{url}/{address}", timeout=30).text.replace(url, "") for url in (one, two))
        assert first == second
