"""What is refused: by whom, with the name, the value and what to do, and without a secret anywhere."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from catalogues import Both

from altiflow.errors import InputError, RequestError
from altiflow.explore.service import EmbeddedStore, ServiceLimits, make_app, start_app
from altiflow.explore.service.asking import geojson_region, text_region

TOKEN = "a-secret-of-some-length-4711"


@pytest.mark.parametrize(
    ("asked", "parameter", "told"),
    [
        ({"polygon": "1,2,3"}, "polygon", "three corners or more"),
        ({"polygon": "1,2,x,4,5,6"}, "polygon", "numbers separated by commas"),
        ({"polygon": "0,95,1,95,1,96"}, "polygon", "latitudes outside"),
        ({"polygon": "0,0,0,0,0,0"}, "polygon", "region"),
        ({"polygon": "nan,0,1,1,1,0"}, "polygon", "outside"),
        ({"polygon": "0,0,1,1,1,0", "bbox": "0,0,1,1"}, "polygon", "both given"),
        ({"bbox": "0,0,1"}, "bbox", "got 3 numbers"),
        ({"bbox": "0,0,1,inf"}, "bbox", "not finite"),
        ({"bbox": "/etc/passwd"}, "bbox", "numbers separated by commas"),
        ({"polygon": "/etc/passwd"}, "polygon", "numbers separated by commas"),
        ({"start": "yesterday-ish"}, "start", "is a date"),
        ({"end": "2019-13"}, "end", "is a date"),
        ({"start": "2020", "end": "2019"}, "start", "is after end"),
        ({"percent_valid_pixels": "101"}, "percent_valid_pixels", "0 to 100"),
        ({"percent_valid_pixels": "many"}, "percent_valid_pixels", "means nothing"),
        ({"min_interval": "-1"}, "min_interval", ""),
        ({"min_interval": "9", "max_interval": "3"}, "min_separation", "above"),
        ({"min_interval": "9", "min_separation": "3"}, "min_separation", "contradicts"),
        ({"mission": "cryosat"}, "mission", "is not known"),
        ({"satellite": "L8\x00"}, "satellite", "control character"),
        ({"satellite": ",".join(f"L{n}" for n in range(60))}, "satellite", "means nothing"),
        ({"version": "x"}, "version", ""),
        ({"months": "Foo"}, "months", "means nothing"),
        ({"serialization": "xml"}, "serialization", "means nothing"),
        ({"compression": "maybe"}, "compression", "means nothing"),
        ({"colour": "blue"}, "colour", "there is no parameter 'colour'"),
    ],
    ids=str,
)
def test_what_means_nothing_is_refused_with_name_value_and_fix(
    asked: dict[str, str], parameter: str, told: str, service: str
) -> None:
    answer = requests.get(f"{service}/velocities/urls/", params=asked, timeout=30)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["parameter"] == parameter
    assert told in error["reason"]
    assert len(error["fix"]) > 5
    assert len(error["value"]) <= 80


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"cycle": "0"}, "cycle"),
        ({"rgt": "1388"}, "rgt"),
        ({"cycle": "1;DROP"}, "cycle"),
        ({"product": "ATL10'--"}, "product"),
        ({"hemisphere": "east"}, "hemisphere"),
        ({"start": "2021", "end": "2020"}, "start"),
    ],
    ids=str,
)
def test_the_same_for_granules(asked: dict[str, str], told: str, service: str) -> None:
    answer = requests.get(f"{service}/altimetry/coverage/", params=asked, timeout=30)
    assert (answer.status_code, answer.json()["error"]["parameter"]) == (400, told)


def test_places_beyond_the_limits_are_refused() -> None:
    limits = ServiceLimits(vertices=4, area_km2=1e6)
    assert text_region("bbox", "0,0,5,5", limits).bounds == (0, 0, 5, 5)
    with pytest.raises(RequestError, match="has 6 corners, and 4 are allowed; simplify it") as caught:
        text_region("polygon", "0,0,1,0,2,0,2,2,1,2,0,2", limits)
    assert caught.value.status == 413
    # Ten degrees square at the equator: 6371 km squared, times 0.1745 radians, times the sine of ten degrees.
    with pytest.raises(RequestError, match=r"1.23e\+06 km2, and 1e\+06 km2 are allowed"):
        text_region("bbox", "0,0,10,10", limits)
    with pytest.raises(RequestError, match=r"5.1e\+08 km2"):
        text_region("bbox", "-180,-90,180,90", limits)
    ring = [[0, 0], [1, 0], [2, 0], [2, 2], [0, 0]]
    with pytest.raises(RequestError, match="has 5 corners"):
        geojson_region("intersects", {"type": "Polygon", "coordinates": [ring]}, limits)
    # Members that a collection does not have hide no corners, nor does nesting.
    hidden: Any = {"type": "GeometryCollection", "coordinates": []}
    with pytest.raises(RequestError, match="has 5 corners"):
        geojson_region("intersects", {**hidden, "geometries": [{"type": "Polygon", "coordinates": [ring]}]}, limits)
    for _ in range(20):
        hidden = {"type": "GeometryCollection", "geometries": [hidden]}
    with pytest.raises(RequestError, match="nested too deeply"):
        geojson_region("intersects", hidden, limits)


@pytest.mark.parametrize(
    "geometry",
    [
        None,
        7,
        [],
        {},
        {"type": "Polygon"},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]},
        {"type": "Polygon", "coordinates": [[["a", "b"], [1, 1], [2, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [0, 99], [1, 99], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]]},
        {"type": "Point", "coordinates": []},
        {"type": "Nonsense", "coordinates": [1, 2]},
    ],
    ids=str,
)
def test_geometries_that_mean_nothing_are_refused(geometry: Any) -> None:
    with pytest.raises(RequestError, match="intersects"):
        geojson_region("intersects", geometry, ServiceLimits())


def test_a_point_is_where_it_is() -> None:
    region = geojson_region("intersects", {"type": "Point", "coordinates": [10, 70]}, ServiceLimits())
    assert region.bounds == pytest.approx((10, 70, 10, 70), abs=1e-8)
    assert region.contains([10, 10.001], [70, 70]).tolist() == [True, False]


@pytest.fixture
def guarded(catalogues: Both) -> Iterator[str]:
    with start_app(make_app(EmbeddedStore(catalogues.pairs_file), token=TOKEN)) as running:
        yield running.url


def test_nobody_asks_without_the_token_and_it_is_shown_nowhere(
    guarded: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    address = f"{guarded}/velocities/coverage/"
    for word in ("", "Bearer wrong", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x"):
        headers = {"Authorization": word}
        for path in ("/", "/openapi.json", "/velocities/coverage/", "/search", "/none"):
            answer = requests.get(f"{guarded}{path}", headers=headers, timeout=30)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
            assert TOKEN not in answer.text
    assert requests.get(address, params={"token": TOKEN}, timeout=30).status_code == 401
    assert requests.get(address, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30).status_code == 200
    said = [record.getMessage() for record in caplog.records if not record.name.startswith("urllib3")]
    assert TOKEN not in "".join(said)
    assert TOKEN not in "".join(capfd.readouterr())


def test_strangers_names_and_long_questions_are_refused(service: str) -> None:
    # A page elsewhere that turned its name to this machine asks by that name.
    answer = requests.get(f"{service}/", headers={"Host": "evil.example.org"}, timeout=30)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers
    assert requests.get(f"{service}/", headers={"Host": "localhost:9"}, timeout=30).status_code == 200
    answer = requests.get(f"{service}/velocities/urls/?polygon={'1,' * 40_000}", timeout=30)
    assert answer.status_code == 414
    answer = requests.post(f"{service}/search", data=b" " * 1_000_001, timeout=30)
    assert answer.status_code == 413


def test_hosts_are_known_with_and_without_ports_and_brackets(catalogues: Both) -> None:
    app = make_app(EmbeddedStore(catalogues.pairs_file), hosts=("2001:DB8::1", "[::1]", "ice.example.org:8000"))
    with start_app(app) as running:
        for host in ("[2001:db8::1]:8000", "[::1]", "ice.example.org", "ICE.example.org:8000"):
            assert requests.get(f"{running.url}/", headers={"Host": host}, timeout=30).status_code == 200
        for host in ("[2001:db8::2]", "example.org", "2001", "127.0.0.1"):
            assert requests.get(f"{running.url}/", headers={"Host": host}, timeout=30).status_code == 403


@pytest.mark.parametrize(
    "path", ["/../../etc/passwd", "/%2e%2e/etc/passwd", "/collections/..%2f..%2fetc", "//etc/passwd"]
)
def test_no_path_reaches_the_disk(path: str, service: str) -> None:
    answer = requests.get(f"{service}{path}", timeout=30)
    assert answer.status_code == 404
    assert answer.json()["error"]["fix"]


def test_methods_that_are_not_there_are_refused_in_json(service: str) -> None:
    answer = requests.delete(f"{service}/search", timeout=30)
    assert (answer.status_code, answer.json()["error"]["parameter"]) == (405, "address")


def test_what_cannot_be_served_is_refused(catalogues: Both) -> None:
    store = EmbeddedStore(catalogues.pairs_file)
    with pytest.raises(InputError, match="one of pairs and one of granules"):
        make_app([store, store])
    with pytest.raises(InputError, match="one of pairs and one of granules"):
        make_app([])
    with pytest.raises(InputError, match="shorter than 16"):
        make_app(store, token="short")
    with start_app(make_app(store)) as running, pytest.raises(InputError, match="cannot be had"):
        start_app(make_app(store), port=int(running.url.rpartition(":")[2]))
    with pytest.raises(InputError, match="cannot be had"):
        start_app(make_app(store), host="203.0.113.1")
    store.close()
