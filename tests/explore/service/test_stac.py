"""The STAC side, asked by pystac-client: pages that hold each item once, and items that are those of the tables."""

from __future__ import annotations

import warnings
from typing import Any

import pystac
import pytest
import requests
import shapely
from catalogues import Both
from pystac_client import Client

from altiflow.readers import filter_catalogue, filter_pairs

AREA = shapely.box(-60, 55, 20, 84)


@pytest.fixture
def client(any_service: str) -> Client:
    return Client.open(any_service)


def names(client: Client, **asked: Any) -> list[str]:
    return [item.id for item in client.search(**asked).items()]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pages_hold_each_item_once_in_order(method: str, client: Client, catalogues: Both) -> None:
    expected = filter_pairs(catalogues.pairs, region=AREA)
    expected = expected[expected["url"].str.startswith("https")]["granule"].tolist()
    asked = {"collections": ["itslive-granules"], "intersects": AREA, "method": method}
    assert names(client, **asked, limit=7) == expected
    assert names(client, **asked, limit=1000) == expected
    assert client.search(**asked).matched() == len(expected)


def test_a_search_of_all_collections_goes_on_from_one_to_the_next(client: Client, catalogues: Both) -> None:
    period = "2019-03-01T00:00:00Z/2019-03-20T00:00:00Z"
    pairs = filter_pairs(catalogues.pairs, start="2019-03-01", end="2019-03-20T00:00", period_rule="touching")
    granules = filter_catalogue(catalogues.granules, start="2019-03-01", end="2019-03-20T00:00")
    expected = [
        *pairs[pairs["url"].str.startswith("https")]["granule"],
        *granules.dropna(subset="url_https")["granule"],
    ]
    assert names(client, datetime=period, limit=3) == expected
    assert len(expected) > 20


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        ("2010-06", "2010-06", "2010-06"),
        ("2010-06-15T12:00:00Z", "2010-06-15T12:00:00", "2010-06-15T12:00:00"),
        ("2022-06-01T02:00:00+02:00/..", "2022-06-01", None),
        ("../1987-01-01T00:00:00Z", None, "1987-01-01T00:00:00"),
    ],
)
def test_periods_are_those_that_meet(period: str, start: str, end: str, any_service: str, catalogues: Both) -> None:
    found = requests.get(
        f"{any_service}/search",
        params={"datetime": period, "collections": "itslive-granules", "limit": 1000},
        timeout=30,
    ).json()
    expected = filter_pairs(catalogues.pairs, start=start, end=end, period_rule="touching")
    expected = expected[expected["url"].str.startswith("https")]["granule"].tolist()
    assert [item["id"] for item in found["features"]] == expected[:1000]
    assert found["numberMatched"] == len(expected) > 0


def test_items_tell_what_the_table_tells(client: Client, catalogues: Both) -> None:
    (item,) = client.search(ids=["pair00042"]).items()
    row = catalogues.pairs.set_index("granule").loc["pair00042"]
    assert shapely.geometry.shape(item.geometry).equals_exact(row.geometry, 1e-9)
    assert item.properties["percent_valid_pixels"] == row["percent_valid"]
    assert item.properties["proj:code"] == "EPSG:3413"
    assert item.assets["data"].href == row["url"]
    assert item.datetime.replace(tzinfo=None) == row["mid"].to_pydatetime()
    again = pystac.Item.from_dict(requests.get(item.self_href, timeout=30).json())
    assert again.to_dict(include_self_link=False)["properties"] == item.to_dict()["properties"]


def test_items_without_a_footprint_or_a_time_are_items(any_service: str) -> None:
    def item(collection: str, name: str) -> dict[str, Any]:
        return requests.get(f"{any_service}/collections/{collection}/items/{name}", timeout=30).json()

    without_footprint = item("itslive-granules", "pair00029")
    assert without_footprint["geometry"] is None
    assert "bbox" not in without_footprint
    without_time = item("icesat2-granules", "ATL10-01_00037")
    assert without_time["properties"]["datetime"] is None
    assert "percent_valid_pixels" not in item("itslive-granules", "pair00031")["properties"]


def test_collections_are_described(client: Client, catalogues: Both) -> None:
    found = {one.id: one for one in client.get_collections()}
    assert set(found) == {"itslive-granules", "icesat2-granules"}
    extent = found["itslive-granules"].extent
    assert extent.spatial.bboxes[0] == pytest.approx(catalogues.pairs.total_bounds.tolist())
    assert extent.temporal.intervals[0][0].replace(tzinfo=None) == catalogues.pairs["start"].min()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first = next(iter(client.get_collection("icesat2-granules").get_items()))
    assert first.id == catalogues.granules.dropna(subset="url_https")["granule"].iloc[0]


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        (b"{", "body"),
        (b"[]", "body"),
        (b"[" * 100_000, "body"),
        (b'{"bbox": [1, 2]}', "bbox"),
        (b'{"bbox": [1, 2, 3, 4], "intersects": {"type": "Point", "coordinates": [1, 2]}}', "bbox"),
        (b'{"intersects": "POINT (1 2)"}', "intersects"),
        (b'{"datetime": "2020/2019"}', "datetime"),
        (b'{"datetime": "../.."}', "datetime"),
        (b'{"datetime": {}}', "datetime"),
        (b'{"limit": 0}', "limit"),
        (b'{"limit": true}', "limit"),
        (b'{"ids": [[1]]}', "ids"),
        (b'{"token": "9.9"}', "token"),
        (b'{"filter": {}}', "filter"),
        (b'{"sortby": "rgt,cloud"}', "sortby"),
        (b'{"sortby": [{"field": "geometry"}]}', "sortby"),
        (b'{"sortby": [{"field": "wkb"}]}', "sortby"),
        (b'{"sortby": [{"field": "id", "direction": "up"}]}', "sortby"),
        (b'{"sortby": [{"field": "\\ud800"}]}', "sortby"),
        (b'{"sortby": [7]}', "sortby"),
        (b'{"sortby": {}}', "sortby"),
        (b'{"sortby": [{"field": "rgt"}], "collections": ["itslive-granules"]}', "sortby"),
        (b'{"fields": {"include": ["colour"]}}', "fields"),
        (b'{"fields": {"include": ["url"]}}', "fields"),
        (b'{"fields": {"exclude": [7]}}', "fields"),
        (b'{"fields": {"include": "id"}}', "fields"),
        (b'{"fields": {"only": ["id"]}}', "fields"),
        (b'{"fields": [7]}', "fields"),
        (b'{"ids": ["\\ud800"]}', "ids"),
        (b'{"\\ud800": 1}', "\\ud800"),
        (b'{"intersects": {"type": "Polygon", "coordinates": %s}}' % (b"[" * 900 + b"]" * 900), "intersects"),
    ],
    ids=str,
)
def test_bodies_that_mean_nothing_are_refused(body: bytes, parameter: str, service: str) -> None:
    answer = requests.post(f"{service}/search", data=body, timeout=30)
    assert (answer.status_code, answer.json()["error"]["parameter"]) == (400, parameter)


def test_what_is_not_there_is_not_found(service: str) -> None:
    for path in ("/collections/none", "/collections/none/items", "/collections/itslive-granules/items/none"):
        assert requests.get(f"{service}{path}", timeout=30).status_code == 404
