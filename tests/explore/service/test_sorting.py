"""Items are sorted as they are asked for, over all pages and collections, and told with the fields that are wanted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pystac
import pytest
import requests
from catalogues import Both
from pystac_client import Client

from altiflow.errors import RequestError
from altiflow.explore.service import EmbeddedStore, ServiceLimits
from altiflow.explore.service import pages as paging
from altiflow.explore.service.asking.items import ItemSearch
from altiflow.explore.service.asking.shaping import SortKey, read_sort
from altiflow.explore.service.catalogues import ServedCatalogue
from altiflow.explore.service.pages import Pager
from altiflow.explore.service.stores import Found, Query

BOX = "-60,40,60,84"
DEFAULT = {"type", "stac_version", "stac_extensions", "id", "collection", "geometry", "bbox", "assets", "links"}


def search(url: str, **asked: Any) -> dict[str, Any]:
    answer = requests.get(f"{url}/search", params=asked, timeout=30)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def all_pages(url: str, **asked: Any) -> list[dict[str, Any]]:
    """Return the items of all pages of a search."""
    page = search(url, **asked)
    found, matched = page["features"], page["numberMatched"]
    while following := [link for link in page["links"] if link["rel"] == "next"]:
        page = requests.get(following[0]["href"], timeout=30).json()
        assert page["features"]
        found += page["features"]
    assert len(found) == matched
    return found


def value_of(item: dict[str, Any], name: str) -> Any:
    return item[name] if name in ("id", "collection") else item["properties"].get(name)


def in_order(items: list[dict[str, Any]], sortby: str) -> list[dict[str, Any]]:
    """Return items sorted by one key after the other, the last one first, those that do not tell it at the end."""
    for word in reversed(sortby.split(",")):
        name = word.lstrip("+-").removeprefix("properties.")
        told = [item for item in items if value_of(item, name) is not None]
        told.sort(key=lambda item: value_of(item, name), reverse=word[0] == "-")
        if word[0] == "-":
            # What is the same stays in its order.
            told = [
                item
                for value in dict.fromkeys(value_of(one, name) for one in told)
                for item in items
                if value_of(item, name) == value
            ]
        items = [*told, *(item for item in items if value_of(item, name) is None)]
    return items


@pytest.mark.parametrize(
    ("sortby", "asked"),
    [
        ("datetime", {}),
        ("-datetime", {}),
        ("+properties.percent_valid_pixels", {}),
        ("-percent_valid_pixels,properties.satellite,-id", {}),
        ("-collection,-version,hemisphere", {}),
        ("satellite", {"collections": "itslive-granules"}),
        ("-hemisphere,-cycle", {"collections": "icesat2-granules"}),
        ("-end_datetime,rgt", {"filter": "version <> 'v00'"}),
    ],
    ids=str,
)
def test_sorted_items_are_all_items_in_order(sortby: str, asked: dict[str, str], any_service: str) -> None:
    asked = {"bbox": BOX, **asked}
    items = all_pages(any_service, limit=1000, **asked)
    found = all_pages(any_service, limit=37, sortby=sortby, **asked)
    assert [item["id"] for item in found] == [item["id"] for item in in_order(items, sortby)]
    assert len(items) > 40
    one = all_pages(any_service, limit=1000, sortby=sortby, **asked)
    assert one == found


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pystac_client_sorts_and_chooses_fields(method: str, any_service: str) -> None:
    client = Client.open(any_service)
    assert {"item-search#sort", "item-search#fields"} <= {one.rpartition("/")[2] for one in client.get_conforms_to()}
    asked = {"collections": ["itslive-granules"], "bbox": [-60, 40, 60, 84], "limit": 10, "max_items": 45}
    plain = client.search(**asked | {"max_items": None, "limit": 1000}, method=method).items_as_dicts()
    expected = in_order(list(plain), "-percent_valid_pixels,id")[:45]
    found = client.search(
        **asked, sortby=["-properties.percent_valid_pixels", "+id"], fields=["properties.mission"], method=method
    )
    items = list(found.items())
    assert [item.id for item in items] == [item["id"] for item in expected]
    assert all(isinstance(item, pystac.Item) and set(item.properties) == {"datetime", "mission"} for item in items)
    bare = client.search(**asked, fields={"exclude": ["geometry", "bbox", "links"]}, method=method)
    assert set(next(bare.items_as_dicts())) == DEFAULT - {"geometry", "bbox", "links"} | {"properties"}


@pytest.mark.parametrize(
    ("fields", "told", "properties"),
    [
        ("id", DEFAULT, {"datetime"}),
        ("mission,properties.satellite", DEFAULT, {"datetime", "mission", "satellite"}),
        ("properties.eo:cloud_cover", DEFAULT, {"datetime"}),
        ("-geometry", DEFAULT - {"geometry"}, {"datetime"}),
        ("-properties", DEFAULT, None),
        ("-datetime,-links", DEFAULT - {"links"}, None),
        ("properties,-properties", DEFAULT, None),
        ("mission,-mission", DEFAULT, {"datetime"}),
    ],
)
def test_fields_are_told_as_they_are_asked_for(
    fields: str, told: set[str], properties: set[str] | None, service: str
) -> None:
    (item,) = search(service, ids="pair00042", fields=fields)["features"]
    assert set(item) == told | ({"properties"} if properties else set())
    assert properties is None or set(item["properties"]) == properties
    (whole,) = search(service, ids="pair00042")["features"]
    assert all(item[name] == whole[name] for name in told)


def test_all_properties_but_one_are_told(service: str) -> None:
    (whole,) = search(service, ids="pair00042")["features"]
    (item,) = search(service, ids="pair00042", fields="+properties,-epsg")["features"]
    assert item["properties"] == {name: told for name, told in whole["properties"].items() if name != "epsg"}
    answer = requests.post(f"{service}/search", json={"ids": ["pair00042"], "fields": {}}, timeout=30).json()
    assert set(answer["features"][0]["properties"]) == {"datetime"}
    assert pystac.Item.from_dict(answer["features"][0]).id == "pair00042"


@pytest.mark.parametrize(
    "asked",
    [
        {"sortby": "cloud"}, {"sortby": "geometry"}, {"sortby": "--id"}, {"sortby": ","}, {"sortby": "id,,rgt"},
        {"sortby": "place"}, {"sortby": '"id"; --'}, {"sortby": "assets"}, {"fields": "colour"},
        {"fields": "assets.data"}, {"fields": "id,"}, {"fields": "percent_valid"}, {"fields": "properties.\u00fc"},
    ],
    ids=str,
)  # fmt: skip
def test_names_that_are_none_are_refused_with_those_that_are(asked: dict[str, str], service: str) -> None:
    for path in ("search", "collections/itslive-granules/items"):
        answer = requests.get(f"{service}/{path}", params=asked, timeout=30)
        error = answer.json()["error"]
        assert (answer.status_code, error["parameter"]) == (400, next(iter(asked))), error
        assert "known are" in error["fix"] or "such as" in error["fix"]


def test_more_names_than_are_allowed_are_refused(service: str) -> None:
    for name in ("sortby", "fields"):
        answer = requests.get(f"{service}/search", params={name: ",".join(["id"] * 41)}, timeout=30)
        assert (answer.status_code, answer.json()["error"]["parameter"]) == (413, name)


def test_only_the_first_page_of_a_sorted_search_sorts(catalogues: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    store = EmbeddedStore(catalogues.pairs_file)
    served, pager = [ServedCatalogue(store, ServiceLimits())], Pager()
    sorts: list[int] = []
    real = paging._sort
    monkeypatch.setattr(paging, "_sort", lambda *given: sorts.append(1) or real(*given))
    keys = read_sort("-percent_valid_pixels")
    first = pager.find(served, ItemSearch(sort=keys, limit=5))
    number, _, place = first.following.partition(".")
    pager.find(served, ItemSearch(sort=keys, limit=5, after=(int(number), int(place))))
    assert len(sorts) == 1
    for count in range(10):
        pager.find(served, ItemSearch(sort=keys, ids=(f"pair{count:05d}",)))
    assert len(pager._orders) == 8
    monkeypatch.setattr(paging, "_MOST_ROWS", 10)
    pager.find(served, ItemSearch(sort=keys))
    assert len(pager._orders) == 1
    store.close()


def test_sorting_has_the_time_of_a_search(catalogues: Both) -> None:
    store = EmbeddedStore(catalogues.pairs_file)
    served = ServedCatalogue(store, ServiceLimits(seconds=1e-9))
    with pytest.raises(RequestError, match="leave sortby out") as caught:
        paging._sort([served], [np.arange(100)], (SortKey("id"),))
    assert caught.value.status == 503
    store.close()


def test_a_page_of_a_catalogue_that_was_replaced_is_the_first_one() -> None:
    class Replaced:
        """A catalogue whose places count on, as those of another load."""

        kind, size, version = "pairs", 4, 0

        def find(self, query: Query, *, seconds: float) -> Found:
            return Found(np.arange(4) + 4 * self.version, np.full(4, 2019, np.int32), np.ones(4, bool))

        def rows(self, places: Any, columns: Any) -> Any:
            yield [(f"item{place}",) for place in places]

    store = Replaced()
    served, pager = [ServedCatalogue(store, ServiceLimits())], Pager()
    asked = ItemSearch(sort=(SortKey("id", True),), limit=2)
    first = pager.find(served, asked)
    assert (first.rows.places.tolist(), first.following) == ([3, 2], "0.1")
    store.version = 1
    again = pager.find(served, ItemSearch(sort=asked.sort, limit=2, after=(0, 1)))
    assert again.rows.places.tolist() == [7, 6]
