"""Filters in CQL2 find what a plain reading of the expression finds in the tables, and refuse the rest by name."""

from __future__ import annotations

import json
from typing import Any

import cql2
import hypothesis
import numpy as np
import pandas as pd
import pytest
import requests
import shapely
from catalogues import Both
from hypothesis import strategies as st
from pystac_client import Client

from altiflow.errors import RequestError
from altiflow.explore.service import EmbeddedStore, ServiceLimits, make_app, start_app
from altiflow.explore.service.asking.expressions import read_expression
from altiflow.explore.service.asking.filters import make_filter
from altiflow.explore.service.asking.queryables import QUERYABLES
from altiflow.explore.service.catalogues import ServedCatalogue
from altiflow.explore.service.stores import Found, Query
from altiflow.readers import filter_pairs, search_pairs

LIMITS = ServiceLimits()
COLUMNS = {"id": "granule", "start_datetime": "start", "percent_valid_pixels": "percent_valid"} | {
    "date_dt": "separation_days"
}
TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


def values_of(table: Any, kind: str, name: str) -> list[Any]:
    """Return a property of all rows, None where it is not told: what the items show."""
    if name == "datetime":
        column = table["mid" if kind == "pairs" else "start"]
    elif name == "end_datetime":
        column = table["end"] if kind == "pairs" else table["end"].fillna(table["start"]).where(table["start"].notna())
    else:
        column = table[COLUMNS.get(name, name)]
    return [None if pd.isna(value) else value for value in column]


def holds(told: Any, row: dict[str, Any]) -> bool | None:
    """Return whether an expression is true of a row, None where nobody knows: SQL's logic of three values."""
    if isinstance(told, bool):
        return told
    word, args = told["op"], told["args"]
    if word in ("and", "or"):
        parts = [holds(one, row) for one in args]
        decided = word == "or"
        return decided if decided in parts else None if None in parts else not decided
    if word == "not":
        found = holds(args[0], row)
        return None if found is None else not found
    if not isinstance(args[0], dict):
        word, args = TURNED[word], args[::-1]
    value = row[args[0]["property"]]
    if word == "isNull":
        return value is None
    if value is None:
        return None
    if word == "s_intersects":
        return bool(shapely.intersects(value, shapely.box(*args[1]["bbox"])))
    others = [plain(one) for one in (args[1] if word == "in" else args[1:])]
    return {
        "=": lambda: value == others[0],
        "<>": lambda: value != others[0],
        "<": lambda: value < others[0],
        ">": lambda: value > others[0],
        "<=": lambda: value <= others[0],
        ">=": lambda: value >= others[0],
        "between": lambda: others[0] <= value <= others[-1],
        "in": lambda: value in others,
    }[word]()


def plain(value: Any) -> Any:
    """Return a literal as the table has it."""
    return pd.Timestamp(value["timestamp"]).tz_localize(None) if isinstance(value, dict) else value


ROWS: dict[str, list[dict[str, Any]]] = {}
"""Rows of the catalogues, which all tests share."""


def rows_of(both: Both, kind: str) -> list[dict[str, Any]]:
    """Return the properties of all rows."""
    if kind not in ROWS:
        table = both.pairs if kind == "pairs" else both.granules
        held = {name: values_of(table, kind, name) for name in QUERYABLES[kind]} | {"geometry": list(table.geometry)}
        ROWS[kind] = [dict(zip(held, values, strict=True)) for values in zip(*held.values(), strict=True)]
    return ROWS[kind]


def matches(both: Both, kind: str, told: Any) -> list[str]:
    """Return the names of the rows of which an expression is true."""
    return sorted(row["id"] for row in rows_of(both, kind) if holds(told, row) is True)


@pytest.fixture
def served(stores: Any) -> dict[str, ServedCatalogue]:
    return {kind: ServedCatalogue(getattr(stores, kind), LIMITS) for kind in ("pairs", "granules")}


def found(served: dict[str, ServedCatalogue], kind: str, told: Any) -> list[str]:
    one = served[kind]
    places = one.find(Query(), make_filter(told, kind, [kind], LIMITS)).places
    return sorted(row["granule"] for batch in one.rows(places, ("granule",)) for row in batch)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("pairs", "percent_valid_pixels >= 40 AND mission = 'landsat'"),
        ("pairs", "percent_valid_pixels > 40 AND percent_valid_pixels < 42"),
        ("pairs", "NOT (percent_valid_pixels > 40 OR satellite = 'L8')"),
        ("pairs", "percent_valid_pixels IS NULL"),
        ("pairs", "percent_valid_pixels IS NOT NULL AND percent_valid_pixels <> 41"),
        ("pairs", "mission <> 'landsat' AND version IN ('v00', 'v02')"),
        ("pairs", "version NOT IN ('v00', 'v02')"),
        ("pairs", "satellite > 'L8' AND satellite <= 'L8+S2A'"),
        ("pairs", "separation_days BETWEEN 6 AND 6.25 OR date_dt NOT BETWEEN 6.25 AND 545"),
        ("pairs", "datetime >= TIMESTAMP('2010-01-01T00:00:00Z') AND datetime < TIMESTAMP('2011-01-01T00:00:00Z')"),
        ("pairs", "id = 'pair00042' OR id = 'pair00029' OR id IN ('pair00001')"),
        ("pairs", "40 <= percent_valid_pixels AND (TRUE OR mission = 'x') AND NOT FALSE"),
        ("pairs", "mission = 'landsat' AND FALSE"),
        ("pairs", "S_INTERSECTS(geometry, BBOX(-60, 60, 20, 84))"),
        ("pairs", "S_INTERSECTS(geometry, BBOX(-60,60,20,84)) AND NOT S_INTERSECTS(geometry, BBOX(-30,60,20,84))"),
        ("pairs", "epsg = 3413 AND epsg < 3413.5 AND epsg <> 3413.5 AND NOT epsg = 1e30"),
        ("granules", "cycle = 3 OR cycle > 8 OR cycle < 1.5"),
        ("granules", "hemisphere IS NULL OR hemisphere = 'south'"),
        ("granules", "NOT hemisphere = 'south'"),
        ("granules", "product = 'ATL10' AND rgt BETWEEN 100 AND 200 AND revision <> 1"),
        ("granules", "end_datetime < TIMESTAMP('2019-01-01T00:00:00Z')"),
        ("granules", "NOT (start_datetime >= TIMESTAMP('2019-01-01T00:00:00Z'))"),
        ("granules", "datetime IS NULL"),
    ],
)
def test_rows_are_those_of_which_the_expression_is_true(
    kind: str, text: str, served: dict[str, ServedCatalogue], catalogues: Both
) -> None:
    told = cql2.parse_text(text).to_json()
    expected = matches(catalogues, kind, told)
    assert found(served, kind, read_expression(text, "cql2-text")) == expected
    assert "FALSE" in text.replace("NOT FALSE", "") or expected


NUMBERS = st.one_of(st.integers(-2, 110), st.floats(-5, 110).map(lambda value: round(value, 1)), st.just(1e299))
LEAVES = st.one_of(
    st.tuples(st.sampled_from(["percent_valid_pixels", "separation_days", "epsg"]), NUMBERS),
    st.tuples(st.sampled_from(["mission", "satellite", "version"]), st.sampled_from(["landsat", "L8", "v01", "", "'"])),
    st.tuples(
        st.sampled_from(["datetime", "end_datetime"]),
        st.datetimes(pd.Timestamp("1980-01-01"), pd.Timestamp("2030-01-01")).map(
            lambda moment: {"timestamp": f"{moment.isoformat()}Z"}
        ),
    ),
).flatmap(
    lambda pair: st.sampled_from(
        [{"op": op, "args": [{"property": pair[0]}, pair[1]]} for op in ("=", "<>", "<", ">", "<=", ">=")]
        + [
            {"op": "isNull", "args": [{"property": pair[0]}]},
            {"op": "in", "args": [{"property": pair[0]}, [pair[1]]]},
            {"op": "between", "args": [{"property": pair[0]}, pair[1], pair[1]]},
            {"op": "s_intersects", "args": [{"property": "geometry"}, {"bbox": [-60, 0, 40, 80]}]},
        ]
    )
)
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(lambda one: {"op": "not", "args": [one]}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"op": "and", "args": parts}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"op": "or", "args": parts}),
    ),
    max_leaves=6,
)


def test_any_expression_finds_the_rows_of_which_it_is_true(
    served: dict[str, ServedCatalogue], catalogues: Both
) -> None:
    @hypothesis.settings(max_examples=25, deadline=None, database=None, derandomize=True)
    @hypothesis.given(told=EXPRESSIONS)
    def compare(told: Any) -> None:
        assert found(served, "pairs", told) == matches(catalogues, "pairs", told)

    compare()


@pytest.fixture(scope="module")
def client(service: str) -> Client:
    return Client.open(service)


def test_pystac_client_filters_in_text_and_in_json(client: Client, service: str, catalogues: Both) -> None:
    text = "percent_valid_pixels >= 90 AND mission = 'landsat'"
    expected = catalogues.pairs.query("percent_valid >= 90 and mission == 'landsat' and url.str.startswith('https')")
    asked = {"collections": ["itslive-granules"], "limit": 7}
    for told, method in ((text, "GET"), (cql2.parse_text(text).to_json(), "POST")):
        search = client.search(filter=told, method=method, **asked)
        assert [item.id for item in search.items()] == expected["granule"].tolist()
        assert search.matched() == len(expected) > 7
    told = {"filter": text, "filter-lang": "cql2-text", "collections": ["itslive-granules"]}
    assert requests.post(f"{service}/search", json=told, timeout=30).json()["numberMatched"] == len(expected)
    told = {"filter": json.dumps(cql2.parse_text(text).to_json()), "filter-lang": "cql2-json"}
    answer = requests.get(f"{service}/collections/itslive-granules/items", params=told, timeout=30)
    assert answer.json()["numberMatched"] == len(expected)


def test_a_filter_joins_what_else_is_asked(service: str, catalogues: Both) -> None:
    area = (-60, 55, 20, 84)
    told = {"bbox": ",".join(map(str, area)), "datetime": "2010-01-01/2015-12-31", "filter": "percent_valid_pixels>=50",
            "collections": "itslive-granules", "limit": 1000}  # fmt: skip
    features = requests.get(f"{service}/search", params=told, timeout=30).json()["features"]
    kept = filter_pairs(catalogues.pairs, region=area, start="2010", end="2015", period_rule="touching")
    kept = kept[(kept["percent_valid"] >= 50) & kept["url"].str.startswith("https")]
    assert [item["id"] for item in features] == kept["granule"].tolist()
    assert len(kept) > 5


def test_what_one_collection_lacks_its_items_do_not_tell(service: str, catalogues: Both) -> None:
    def count(text: str) -> int:
        return int(requests.get(f"{service}/search", params={"filter": text}, timeout=30).json()["numberMatched"])

    public = catalogues.granules["url_https"].notna()
    assert count("cycle = 3") == (catalogues.granules["cycle"].eq(3) & public).sum()
    assert count("NOT cycle = 3") == (catalogues.granules["cycle"].ne(3) & public).sum()
    remote = catalogues.pairs["url"].str.startswith("https").sum()
    assert count("cycle IS NULL") == remote
    assert count("cycle IS NOT NULL") == public.sum()


def test_queryables_are_those_of_the_collections(client: Client, service: str) -> None:
    for kind, name in (("pairs", "itslive-granules"), ("granules", "icesat2-granules")):
        told = requests.get(f"{service}/collections/{name}/queryables", timeout=30)
        assert told.headers["content-type"] == "application/schema+json"
        assert set(told.json()["properties"]) == {"geometry", *QUERYABLES[kind]}
    shared = requests.get(f"{service}/queryables", timeout=30).json()["properties"]
    assert set(shared) == {"geometry", "id", "datetime", "start_datetime", "end_datetime", "version"}
    assert requests.get(f"{service}/collections/none/queryables", timeout=30).status_code == 404
    assert client.conforms_to("FILTER")
    assert not [one for one in client.to_dict()["conformsTo"] if one.endswith(("#transaction", "advanced"))]


def test_the_search_of_the_library_sends_its_filter(service: str, catalogues: Both) -> None:
    area = (-60, 55, 20, 84)
    kept = filter_pairs(catalogues.pairs, region=area, percent_valid_pixels=60, max_separation=100)
    kept = kept[kept["url"].str.startswith("https")]
    got = search_pairs(area, source=service, percent_valid_pixels=60, max_separation=100)
    assert sorted(got["granule"]) == sorted(kept["granule"])
    assert len(got) > 3


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("mission LIKE 'land%'", "the operator like is not supported"),
        ("CASEI(mission) = 'landsat'", "compares something else"),
        ("percent_valid_pixels + 1 > 3", "compares something else"),
        ("mission = satellite", "is compared with something else"),
        ("S_WITHIN(geometry, BBOX(0,0,1,1))", "the operator s_within is not supported"),
        ("S_INTERSECTS(mission, BBOX(0,0,1,1))", "compares geometry with a place"),
        ("S_INTERSECTS(geometry, BBOX(0,0,1))", "bbox"),
        ("T_AFTER(datetime, TIMESTAMP('2020-01-01T00:00:00Z'))", "the operator t_after is not supported"),
        ("cloud = 3", "there is no property 'cloud'"),
        ("proj:code = 'EPSG:3413'", "there is no property 'proj:code'"),
        ("percent_valid_pixels = 'much'", "is a number"),
        ("percent_valid_pixels > 1e400", "is a number"),
        ("mission = 3", "is text"),
        ("mission = TRUE", "is text"),
        ("datetime > 3", "a moment is compared"),
        ("datetime > TIMESTAMP('x')", "'x' is no moment"),
        ("datetime > TIMESTAMP('0001-01-01T00:00:00Z')", "is no moment"),
        ("mission", "holds what is no condition"),
        ("mission =", "is no CQL2 text (character"),
        ("'", "is no CQL2 text"),
        ("S_INTERSECTS(geometry, POLYGON((0 0,1 0,1-1,0 0)))", "is no CQL2 text"),
        ("(" * 2000 + "cycle = 1" + ")" * 2000, "nested too deeply"),
        ("NOT " * 1000 + "cycle = 1", "nested too deeply"),
        ("cycle = " + "- " * 1000 + "1", "nested too deeply"),
        ("cycle = 1" + " AND cycle = 1" * 45, "more than 40 conditions"),
        ("cycle = 1" + " AND cycle = 1" * 3000, "characters"),
        ("mission = '\u0000'", "control character"),
    ],
    ids=lambda value: value[:40],
)
def test_what_is_not_supported_is_refused_by_name(text: str, told: str, service: str) -> None:
    answer = requests.get(f"{service}/search", params={"filter": text}, timeout=30)
    error = answer.json()["error"]
    assert answer.status_code in (400, 413), error
    assert told in error["reason"]
    assert error["fix"]


@pytest.mark.parametrize(
    "told",
    [
        7, "x", [], {}, {"op": "and"}, {"op": "and", "args": []}, {"op": [], "args": []}, {"op": "not", "args": [1, 2]},
        {"op": "=", "args": [{"property": "mission"}]}, {"op": "=", "args": [{"property": []}, 1]},
        {"op": "in", "args": [{"property": "mission"}, []]}, {"op": "in", "args": [{"property": "mission"}, [[]]]},
        {"op": "in", "args": [{"property": "mission"}, "landsat"]},
        {"op": "=", "args": [{"property": "mission"}, "\ud800"]},
        {"op": "<", "args": [{"property": "epsg"}, 10**400]},
        {"op": "s_intersects", "args": [{"property": "geometry"}, {"type": "Polygon"}]},
        {"op": "s_intersects", "args": [{"property": "geometry"}, {"bbox": [1, 2, "x", 4]}]},
        {"op": "s_intersects", "args": [{"property": "geometry"}, {"bbox": [-180, -90, 180, 90]}]},
        {"op": "=", "args": [{"property": "datetime"}, {"timestamp": 3}]},
        {"op": "in", "args": [{"property": "datetime"}, ["2019-01-01"] * 60]},
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_json_that_means_nothing_is_refused(told: Any, service: str) -> None:
    answer = requests.post(f"{service}/search", data=json.dumps({"filter": told}), timeout=30)
    assert answer.status_code in (400, 413), answer.text
    assert set(answer.json()["error"]) == {"parameter", "value", "reason", "fix"}


def test_deep_json_and_other_languages_are_refused(service: str) -> None:
    deep: Any = {"op": "=", "args": [{"property": "cycle"}, 1]}
    for _ in range(100):
        deep = {"op": "not", "args": [deep]}
    for asked in (
        {"filter": deep},
        {"filter": "cycle = 1", "filter-lang": "ecql"},
        {"filter": "cycle = 1", "filter-lang": "cql2-text", "filter-crs": "EPSG:3413"},
        {"filter": {"op": "="}, "filter-lang": "cql2-text"},
    ):
        answer = requests.post(f"{service}/search", json=asked, timeout=30)
        assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("back_end", ["embedded", "postgis"])
def test_a_filter_of_many_searches_is_broken_off_with_all_of_them(
    back_end: str, catalogues: Both, request: pytest.FixtureRequest
) -> None:
    if back_end == "embedded":
        store: Any = EmbeddedStore(catalogues.pairs_file)
    else:
        from altiflow.explore.service.stores.postgis import PostgisStore

        store = PostgisStore(request.getfixturevalue("loaded"), "pairs")
    with start_app(make_app(store, limits=ServiceLimits(seconds=1e-9))) as running:
        answer = requests.get(f"{running.url}/search", params={"filter": "version<>'v00' OR epsg=1"}, timeout=30)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")


def test_unknown_properties_name_those_that_are_known() -> None:
    with pytest.raises(RequestError, match="known are id, datetime"):
        make_filter({"op": "isNull", "args": [{"property": "rgt"}]}, "pairs", ["pairs"], LIMITS)
    assert np.isneginf(QUERYABLES["pairs"]["percent_valid_pixels"].told.value)


def test_a_filter_joins_no_rows_of_two_catalogues() -> None:
    class Replaced:
        """A catalogue that is replaced after its first search; every row meets every test."""

        kind, size, version = "pairs", 3, 0

        def find(self, query: Query, *, seconds: float) -> Found:
            places = np.arange(3) + 10 * self.version
            self.version = 1
            return Found(places, np.full(3, 2019, np.int32), np.ones(3, bool))

    wanted = make_filter(read_expression("NOT mission = 'x'", "cql2-text"), "pairs", ["pairs"], LIMITS)
    assert ServedCatalogue(Replaced(), LIMITS).find(Query(), wanted).places.tolist() == []
