"""Whatever is asked, the service answers, and never with an error of its own."""

from __future__ import annotations

import json
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

BRIEF = hypothesis.settings(
    max_examples=30,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(hypothesis.HealthCheck),
)
ADDRESSES = (
    "/velocities/urls/",
    "/velocities/coverage/",
    "/altimetry/urls/",
    "/altimetry/coverage/",
    "/search",
    "/collections/itslive-granules/items",
    "/scenes",
    "/fields/north/series",
    "/tiles/north/3413/2/1/2.png",
)
NAMES = (
    "polygon", "bbox", "start", "end", "percent_valid_pixels", "min_interval", "max_separation", "mission", "satellite",
    "version", "months", "period_rule", "serialization", "compression", "product", "cycle", "rgt", "hemisphere",
    "lon", "lat", "method", "layer", "low", "high", "size", "collections", "ids", "intersects", "datetime", "limit",
    "token", "filter", "filter-lang", "filter-crs", "sortby", "fields",
)  # fmt: skip
SEARCHES = {
    "/velocities/coverage/": (
        "start", "end", "percent_valid_pixels", "min_interval", "max_separation", "bbox", "polygon",
    ),
    "/altimetry/coverage/": ("start", "end", "cycle", "rgt", "product", "version"),
    "/search": ("ids", "datetime", "bbox", "sortby", "fields", "token", "collections"),
}  # fmt: skip
"""Parameters whose values come to the store."""
WORDS = (
    "queryables",
    "scenes",
    "result",
    "f" * 32,
    "collections",
    "itslive-granules",
    "items",
    "fields",
    "tiles",
    "north",
    "3413",
    "0",
    "jobs",
)
NUMBERS = st.one_of(st.floats(), st.integers(-400, 400), st.floats(-200, 200)).map(str)
ODD = st.sampled_from(
    (
        "", "nan", "inf", "-0", "1e400", "0000", "9999-12-31", "0001-01-01", "10000", "NaT", "now", "..", "../..", "/",
        "%00", "2019-04-20T00:00:00+25:00", "1_000", "\u0663", "' OR 1=1 --", "[" * 50, "true", "Nov-Feb-", "-", ",",
        "L8+L8", "-262144-01-01", "2262-04-12", "1677-09-21", "\ud7ff", "0.99999999", "0,0,1,0,1,1,0,1", "-0,0,-0,0",
    )
)  # fmt: skip
TEXTS = st.one_of(ODD, NUMBERS, st.text(max_size=30), st.lists(NUMBERS, min_size=3, max_size=10).map(",".join))
ASKED = st.lists(st.tuples(st.sampled_from(NAMES), TEXTS), max_size=4)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), ODD),
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(st.sampled_from([*NAMES, "type"]), inner)),
    max_leaves=12,
)
POSITIONS = st.lists(st.lists(st.floats(-400, 400), min_size=1, max_size=3), max_size=6)
GEOMETRIES = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["Point", "LineString", "Polygon", "MultiPolygon", "GeometryCollection", "Feature"]),
        "coordinates": st.one_of(POSITIONS, st.lists(POSITIONS, max_size=3), st.lists(st.lists(POSITIONS), max_size=2)),
    }
)


LITERALS = st.one_of(ODD, st.floats(), st.integers(), st.booleans(), GEOMETRIES, st.just({"timestamp": "2019-01-01"}))
PROPERTIES = st.sampled_from(("id", "datetime", "epsg", "cycle", "mission", "percent_valid_pixels", "geometry", "x"))
OPERATORS = st.sampled_from(
    ("=", "<>", "<", ">", "<=", ">=", "and", "or", "not", "in", "between", "isNull", "s_intersects", "like", "t_after")
)
FILTERS = st.recursive(
    st.one_of(LITERALS, PROPERTIES.map(lambda name: {"property": name})),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"op": OPERATORS, "args": st.lists(inner, max_size=3)}), st.lists(inner, max_size=3)
    ),
    max_leaves=10,
)
TEXT_WORDS = (
    "id", "epsg", "mission", "datetime", "geometry", "=", "<>", "<=", "AND", "OR", "NOT", "(", ")", "1", "'x'", "'",
    ",", "IS NULL", "IN", "BETWEEN", "S_INTERSECTS(", "BBOX(0,0,1,1)", "POLYGON((0 0,1 0,1-1,0 0))", "POINT(0 0)",
    "TRUE", "TIMESTAMP('2019-01-01T00:00:00Z')", "DATE('x')", "CASEI(", "LIKE", "-", "1e400", "\xe9",
)  # fmt: skip
TEXT_FILTERS = st.lists(st.sampled_from(TEXT_WORDS), max_size=12).map(" ".join)
PLANS = st.fixed_dictionaries(
    {"kind": st.one_of(st.sampled_from(("cube", "grid", "track")), JSON)},
    optional={
        "search": st.one_of(JSON, st.dictionaries(st.sampled_from(NAMES), st.one_of(TEXTS, JSON), max_size=3)),
        "epsg": st.one_of(JSON, st.sampled_from((3413, 3031, 4326))),
        "cell": JSON,
        "grid": st.one_of(JSON, st.just("EASE2_N25km")),
        "value": JSON,
        "scenes": st.one_of(
            JSON, st.just(["LC80010132019005LGN00_B8", "LC80010132019021LGN00_B8"]), st.lists(TEXTS, max_size=3)
        ),
        "bbox": st.one_of(JSON, TEXTS, st.lists(st.floats(), min_size=4, max_size=4)),
        "polygon": st.one_of(JSON, TEXTS),
        "parameters": st.one_of(
            JSON,
            st.dictionaries(
                st.sampled_from(
                    ("spacing", "chip", "chips", "radius", "search", "prefilter", "threads", "snr_min", "x")
                ),
                st.one_of(JSON, st.integers(), st.floats()),
                max_size=3,
            ),
        ),
    },
)


@pytest.fixture(scope="module")
def session() -> requests.Session:
    return requests.Session()


def check(answer: requests.Response) -> None:
    """Fail for an error of the server, and for a refusal that is not in its form."""
    assert answer.status_code < 500, (answer.request.url, answer.request.body, answer.text)
    if answer.status_code >= 400:
        assert set(answer.json()["error"]) == {"parameter", "value", "reason", "fix"}
    elif answer.headers["content-type"] in ("application/json", "application/geo+json"):
        json.loads(answer.content, parse_constant=pytest.fail)


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_question_is_an_error_of_the_server(address: str, service: str, session: requests.Session) -> None:
    @BRIEF
    @hypothesis.given(asked=ASKED)
    def ask(asked: list[tuple[str, str]]) -> None:
        check(session.get(f"{service}{address}", params=asked, timeout=30))

    ask()


@pytest.mark.parametrize("address", SEARCHES)
def test_no_value_is_one_that_a_database_cannot_take(address: str, any_service: str, session: requests.Session) -> None:
    """Each parameter of a search with each odd value, most of which other parameters refuse before it."""

    @BRIEF
    @hypothesis.given(asked=st.tuples(st.sampled_from(SEARCHES[address]), TEXTS))
    def ask(asked: tuple[str, str]) -> None:
        check(session.get(f"{any_service}{address}", params=[asked], timeout=30))

    ask()


def test_no_body_is_an_error_of_the_server(any_service: str, session: requests.Session) -> None:
    bodies = st.one_of(
        st.binary(max_size=40),
        JSON.map(lambda value: json.dumps(value).encode()),
        GEOMETRIES.map(lambda value: json.dumps({"intersects": value}).encode()),
    )

    @BRIEF
    @hypothesis.given(body=bodies)
    def ask(body: bytes) -> None:
        check(session.post(f"{any_service}/search", data=body, timeout=30))

    ask()


def test_no_filter_is_an_error_of_the_server(any_service: str, session: requests.Session) -> None:
    @BRIEF
    @hypothesis.given(told=FILTERS)
    def ask_json(told: Any) -> None:
        check(session.post(f"{any_service}/search", data=json.dumps({"filter": told, "limit": 3}), timeout=30))

    @BRIEF
    @hypothesis.given(text=TEXT_FILTERS)
    def ask_text(text: str) -> None:
        check(session.get(f"{any_service}/search", params={"filter": text, "limit": 3}, timeout=30))

    ask_json()
    ask_text()


def test_no_plan_is_an_error_of_the_server(service: str, session: requests.Session) -> None:
    @hypothesis.settings(BRIEF, max_examples=60)
    @hypothesis.given(plan=PLANS)
    def ask(plan: dict[str, Any]) -> None:
        told = {"Content-Type": "application/json"}
        answer = session.post(f"{service}/jobs", data=json.dumps(plan), headers=told, timeout=30)
        check(answer)
        if answer.status_code == 202:
            check(session.delete(answer.headers["location"], timeout=30))

    ask()


def test_no_address_is_an_error_of_the_server(service: str, session: requests.Session) -> None:
    @BRIEF
    @hypothesis.given(
        parts=st.lists(
            st.one_of(
                ODD,
                st.sampled_from(WORDS),
            )
        )
    )
    def ask(parts: list[str]) -> None:
        check(session.get(f"{service}/" + "/".join(map(requests.utils.quote, parts)), timeout=30))

    ask()


def test_answers_are_what_openapi_says(service: str) -> None:
    schema = schemathesis.openapi.from_url(f"{service}/openapi.json")
    checks: list[Any] = [
        not_a_server_error,
        status_code_conformance,
        content_type_conformance,
        response_schema_conformance,
    ]
    tested = 0
    for found in schema.get_all_operations():
        operation = found.ok()

        @hypothesis.settings(BRIEF, max_examples=8)
        @hypothesis.given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            case.call_and_validate(checks=checks)

        ask()
        tested += 1
    assert tested >= 20
