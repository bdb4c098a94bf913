"""Searches of a STAC service that a local server plays, and everything it can do wrong."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from altiflow.errors import EmptyDataError, InputError, LoginError, SearchError
from altiflow.readers.catalogue.pairs import PairSearch, check_pairs, run_search, search_pairs
from altiflow.readers.remote import Retries

QUICK = Retries(attempts=3, wait=0.001)
GREENLAND = (-52, 68, -47, 71)


@pytest.fixture
def many(stac: Any, item: Callable[..., dict], pair_name: Callable[..., str]) -> Any:
    """Return the server with ten pairs, 2015 to 2024, of 16 to 61 days."""
    for number in range(10):
        first = datetime(2015 + number, 7, 3, 15, 1, 2)
        second = first + timedelta(days=16 + 5 * number, seconds=2594)
        stac.items.append(
            item(
                pair_name(first, second, percent=10 * number),
                start_datetime=f"{first:%Y-%m-%dT%H:%M:%SZ}",
                end_datetime=f"{second:%Y-%m-%dT%H:%M:%SZ}",
                date_dt=float(round((second - first) / timedelta(days=1))),
                percent_valid_pixels=10 * number,
            )
        )
    return stac


def search(stac: Any, region: Any = GREENLAND, **arguments: Any) -> gpd.GeoDataFrame:
    return search_pairs(region, source=stac.url, retries=QUICK, timeout=5.0, **arguments)


@pytest.mark.parametrize("methods", [["GET", "POST"], ["GET"]])
def test_every_page_is_read(many: Any, methods: list[str]) -> None:
    many.methods = methods
    found = check_pairs(search(many))
    assert len(found) == 10
    assert [method for method, path, _ in many.asked if path == "/search"] == [methods[-1]] * 4
    row = found.iloc[2]
    assert row["url"].startswith("https://its-live-data.s3.amazonaws.com/")
    assert row["url"].endswith(f"{row['granule']}.nc")
    assert (row["mission"], row["satellite"], row["version"], row["epsg"]) == ("landsat", "L8", "v02", 3413)
    assert row["percent_valid"] == 20.0
    assert row["time_resolution"] == "instant"
    # The archive's own date_dt says 26; the acquisitions are exact.
    assert row["separation_days"] == pytest.approx(26 + 2594 / 86_400, abs=1e-9)
    assert row["start"] == pd.Timestamp("2017-07-03T15:01:02")
    assert found.attrs["altiflow"]["search"]["source"] == many.url


def test_the_service_is_asked_for_what_it_can_answer_and_the_rest_is_done_here(many: Any) -> None:
    found = search(many, start="2016", end="2022", percent_valid_pixels=20, min_separation=26, max_separation=46.04)
    question = many.questions[0]
    assert question["datetime"] == "2016-01-01T00:00:00Z/2022-12-31T23:59:59.999999Z"
    tests = [(test["op"], test["args"][0]["property"], test["args"][1]) for test in question["filter"]["args"]]
    assert tests == [(">=", "percent_valid_pixels", 20.0), (">=", "date_dt", 25.0), ("<=", "date_dt", 47.04)]
    assert found["mid"].dt.year.tolist() == [2017, 2018, 2019, 2020, 2021]
    assert search(many, min_separation=46.04)["mid"].dt.year.min() == 2022


def test_without_the_filter_extension_everything_is_done_here(many: Any) -> None:
    expected = search(many, percent_valid_pixels=45, max_separation=60)["granule"].tolist()
    many.asked.clear()
    many.filters = False
    found = search(many, percent_valid_pixels=45, max_separation=60)
    assert "filter" not in many.questions[0]
    assert found["granule"].tolist() == expected
    assert len(expected) == 4


def test_a_box_across_the_antimeridian_is_the_union_of_its_halves(
    stac: Any, item: Callable[..., dict], pair_name: Callable[..., str]
) -> None:
    ring = [[178, 69], [-178, 69], [-178, 70], [178, 70], [178, 69]]
    shapes = [
        shapely.box(171, 69, 173, 70),
        shapely.box(-173, 69, -171, 70),
        {"type": "Polygon", "coordinates": [ring]},
        shapely.box(0, 69, 10, 70),
    ]
    for number, geometry in enumerate(shapes):
        stac.items.append(item(pair_name(datetime(2019, 1, 1 + number), datetime(2019, 2, 1)), geometry=geometry))
    # The corners as the archive writes them enclose the wrong part of the globe.
    assert shapely.Polygon(ring).area > 300
    whole = set(search(stac, (170, 60, -170, 75))["granule"])
    east, west = (set(search(stac, box)["granule"]) for box in ((170, 60, 180, 75), (-180, 60, -170, 75)))
    assert whole == east | west
    assert len(east) == len(west) == 2
    assert len(whole) == 3
    far = search(stac, (-1, 60, 11, 75))
    assert far["granule"].tolist() == [stac.items[3]["id"]]
    assert far.attrs["altiflow"]["screens"]["outside_region"] == 1


def test_a_search_that_is_a_value_gives_the_same(many: Any) -> None:
    by_words = search(many, months="July", cap=1, strategy="coverage", mission="landsat", version=2)
    told = {**by_words.attrs["altiflow"]["search"]}
    again = run_search(PairSearch.from_dict(told), retries=QUICK)
    assert again["granule"].tolist() == by_words["granule"].tolist()
    assert again.attrs == by_words.attrs
    json.dumps(again.attrs)


def test_an_item_that_stands_on_two_pages_is_one_row(many: Any) -> None:
    many.items.append(many.items[0])
    many.announced = 10
    assert len(search(many)) == 10


def test_fewer_items_than_announced_are_an_error(many: Any) -> None:
    many.announced = 11
    with pytest.raises(SearchError, match="announced 11 items of itslive-granules and sent 10"):
        search(many)
    with pytest.warns(UserWarning, match="sent 10"):
        assert len(search(many, on_short="warn")) == 10
    many.announce = False
    assert len(search(many)) == 10


def test_an_empty_page_in_between_does_not_end_the_search(many: Any) -> None:
    many.empty_page = True
    many.announced = 7
    assert len(search(many)) == 7


def test_pages_that_lead_round_in_a_circle_are_an_error(many: Any) -> None:
    many.loop = True
    with pytest.raises(SearchError, match="again and again"):
        search(many)


def test_a_next_page_on_this_machine_is_not_read(many: Any, tmp_path: Any) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text('{"features": []}')
    for href in (f"file://{secret}", "ftp://host/secret"):
        many.next_href = href
        with pytest.raises(SearchError, match="no address"):
            search(many)
    # A path means the service's own.
    many.next_href = str(secret)
    with pytest.raises(SearchError, match="no STAC search result"):
        search(many)


def test_what_passes_is_tried_again(many: Any) -> None:
    many.status = [500, 503]
    assert len(search(many)) == 10
    many.status = [503, 429, 502]
    many.body = "busy with <b>https://me:secret@host/x?token=hidden</b> token=hidden Bearer hidden"
    with pytest.raises(SearchError, match=r"HTTP 502: busy with .*try again later") as caught:
        search(many)
    shown = "".join(traceback.format_exception(caught.value))
    assert "hidden" not in shown
    assert "secret" not in shown


def test_a_refusal_is_told_in_words(many: Any) -> None:
    many.body = '{"detail": "no"}'
    for status, error, message in (
        (403, LoginError, "wants a login"),
        (404, SearchError, "HTTP 404"),
        (400, SearchError, "HTTP 400"),
    ):
        many.status = [status]
        with pytest.raises(error, match=message) as caught:
            search(many)
        assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ("<html>token=hidden", "JSONDecodeError: "),
        ('{"features": [], "links": [{"rel": "next", "token": "hidden"}]}', "KeyError: 'href'"),
    ],
)
def test_what_was_wrong_with_nonsense_is_its_cause(many: Any, body: str, cause: str) -> None:
    many.body = body
    with pytest.raises(SearchError, match="no STAC search result") as caught:
        search(many)
    assert cause in str(caught.value.__cause__)
    shown = "".join(traceback.format_exception(caught.value))
    assert shown.count("stac.py") > 1
    assert "hidden" not in shown


def test_a_slow_service_is_not_waited_for(many: Any) -> None:
    many.wait = 0.5
    with pytest.raises(SearchError, match=r"did not answer within 0\.1 s"):
        search_pairs(GREENLAND, source=many.url, timeout=0.1, retries=Retries(attempts=1))


@pytest.mark.parametrize(
    "body", ["<html>", "[]", '{"type": "Catalog"}', '{"features": [1]}', '{"features": [{"id": "a"}]}']
)
def test_nonsense_is_an_error(many: Any, body: str) -> None:
    many.body = body
    with pytest.raises((SearchError, InputError), match=r"no STAC search result|not in the form of a STAC item"):
        search(many)


def test_a_cut_answer_is_an_error(many: Any) -> None:
    many.cut = 200
    with pytest.raises(SearchError, match="broke off"):
        search(many)


def test_redirects(many: Any) -> None:
    many.redirect = 307
    assert len(search(many)) == 10
    many.redirect = 302
    with pytest.raises(SearchError, match="would lose the question"):
        search(many)


def test_nobody_there() -> None:
    with pytest.raises(SearchError, match=r"http://127\.0\.0\.1:9 could not be reached") as caught:
        search_pairs(GREENLAND, source="http://me:secret@127.0.0.1:9?key=secret", retries=Retries(attempts=1))
    assert "secret" not in str(caught.value)


def test_nothing_found_says_where_it_went(many: Any) -> None:
    with pytest.raises(EmptyDataError, match=r"left out: months 10"):
        search(many, months="January")
    with pytest.raises(EmptyDataError, match="widen the region"):
        search(many, (0, 0, 1, 1))
    many.items.clear()
    with pytest.raises(EmptyDataError, match="no image pair"):
        search(many)


def test_arguments_that_mean_nothing(stac: Any) -> None:
    for arguments, message in (
        ({"region": None}, "searched in a region"),
        ({"start": "2020", "end": "2019"}, "after end"),
        ({"timeout": 0}, "timeout"),
        ({"on_short": "ignore"}, "on_short"),
        ({"source": "https://"}, "no address"),
    ):
        with pytest.raises(InputError, match=message):
            search_pairs(**{"region": GREENLAND, "source": stac.url, **arguments})


def test_times_that_stand_the_wrong_way_round_are_sorted(
    stac: Any, item: Callable[..., dict], pair_name: Callable[..., str]
) -> None:
    name = pair_name(datetime(2019, 3, 1), datetime(2019, 1, 1))
    stac.items.append(item(name, start_datetime="2019-03-01T12:00:00Z", end_datetime="2019-01-01T12:00:00+00:00"))
    found = search(stac)
    assert found["start"].tolist() == [pd.Timestamp("2019-01-01T12:00:00")]
    assert found["separation_days"].tolist() == [59.0]


def test_without_times_those_of_the_name_count(
    stac: Any, item: Callable[..., dict], pair_name: Callable[..., str]
) -> None:
    stac.items.append(
        item(pair_name(datetime(2019, 1, 1), datetime(2019, 3, 1)), start_datetime=None, end_datetime=None)
    )
    strange = item("a granule of the future", scene_1_id="x", platform="sentinel-3", version="003")
    stac.items.append(strange)
    found = search(stac).set_index("mission")
    assert found["time_resolution"].to_dict() == {"landsat": "day", "unknown": "instant"}
    assert found["separation_days"]["landsat"] == 59.0
    assert (found["satellite"]["unknown"], found["version"]["unknown"]) == ("sentinel-3", "v03")
    strange["properties"]["start_datetime"] = None
    with pytest.raises(InputError, match="a granule of the future has no times"):
        search(stac)
