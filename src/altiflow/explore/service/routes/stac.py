"""The catalogues as a STAC service: landing page, collections, items and their search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from altiflow.errors import RequestError
from altiflow.explore.service.answers import next_address, root_of
from altiflow.explore.service.answers.items import (
    COLLECTIONS,
    ITEM_COLUMNS,
    QUERYABLES_LINK,
    STAC_VERSION,
    make_collection,
    make_item,
)
from altiflow.explore.service.asking import openapi_parameters
from altiflow.explore.service.asking.items import ItemSearch, item_parameters, read_body, read_query
from altiflow.explore.service.asking.queryables import queryables_schema
from altiflow.explore.service.catalogues import ServedCatalogue
from altiflow.explore.service.pages import Page, Pager

__all__ = ["stac_router"]

CONFORMS_TO = (
    "https://api.stacspec.org/v1.0.0/core",
    "https://api.stacspec.org/v1.0.0/collections",
    "https://api.stacspec.org/v1.0.0/ogcapi-features",
    "https://api.stacspec.org/v1.0.0/item-search",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    *(
        f"https://api.stacspec.org/v1.0.0/{part}#{word}"
        for word in ("sort", "fields")
        for part in ("item-search", "ogcapi-features")
    ),
    "https://api.stacspec.org/v1.0.0/item-search#filter",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/filter",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/features-filter",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-cql2",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-text",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-json",
)
_SCHEMA = "application/schema+json"
_GEOJSON = "application/geo+json"
_OPENAPI = "application/vnd.oai.openapi+json;version=3.1"


class SchemaPage(JSONResponse):
    """An answer in JSON Schema."""

    media_type = _SCHEMA


class ItemPage(JSONResponse):
    """An answer in GeoJSON."""

    media_type = _GEOJSON


def stac_router(catalogues: Sequence[ServedCatalogue]) -> APIRouter:
    """Return the routes of a STAC service over catalogues."""
    router = APIRouter(tags=["stac"])
    _add_descriptions(router, catalogues)
    _add_queryables(router, catalogues)
    pager = Pager()
    _add_items(router, catalogues, pager)
    _add_search(router, catalogues, pager)
    return router


def _add_descriptions(router: APIRouter, catalogues: Sequence[ServedCatalogue]) -> None:
    """Add what tells of the service and its collections."""

    @router.get("/", summary="Landing page")
    def landing(request: Request) -> dict[str, Any]:
        return _landing(root_of(request), catalogues)

    @router.get("/conformance", summary="What the service conforms to")
    def conformance() -> dict[str, Any]:
        return {"conformsTo": list(CONFORMS_TO)}

    @router.get("/collections", summary="The collections")
    def collections(request: Request) -> dict[str, Any]:
        root = root_of(request)
        found = [make_collection(one.store.kind, one.store.extent(), root) for one in catalogues]
        here = {"rel": "self", "href": f"{root}/collections", "type": "application/json"}
        return {"collections": found, "links": [here, {"rel": "root", "href": f"{root}/", "type": "application/json"}]}

    @router.get("/collections/{collection}", summary="A collection", responses=_NOT_FOUND)
    def collection(collection: str, request: Request) -> dict[str, Any]:
        one = _named(catalogues, collection)
        return make_collection(one.store.kind, one.store.extent(), root_of(request))


def _add_queryables(router: APIRouter, catalogues: Sequence[ServedCatalogue]) -> None:
    """Add what tells of the properties that a filter may name."""

    @router.get("/queryables", summary="Properties that all collections have", response_class=SchemaPage)
    def shared(request: Request) -> SchemaPage:
        return SchemaPage(queryables_schema([one.store.kind for one in catalogues], f"{root_of(request)}/queryables"))

    @router.get(
        "/collections/{collection}/queryables",
        summary="Properties that a filter may name",
        response_class=SchemaPage,
        responses=_NOT_FOUND,
    )
    def own(collection: str, request: Request) -> SchemaPage:
        kind = _named(catalogues, collection).store.kind
        return SchemaPage(queryables_schema([kind], f"{root_of(request)}/collections/{collection}/queryables"))


_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"description": "There is none of this name"}}


def _landing(root: str, catalogues: Sequence[ServedCatalogue]) -> dict[str, Any]:
    """Return the landing page."""
    json, search = "application/json", f"{root}/search"
    children = [
        {"rel": "child", "href": f"{root}/collections/{COLLECTIONS[one.store.kind]}", "type": json}
        for one in catalogues
    ]
    return {
        "type": "Catalog",
        "stac_version": STAC_VERSION,
        "id": "altiflow",
        "title": "altiflow",
        "description": "Granules of altimetry and image pairs of ice velocity.",
        "conformsTo": list(CONFORMS_TO),
        "links": [
            {"rel": "self", "href": f"{root}/", "type": json},
            {"rel": "root", "href": f"{root}/", "type": json},
            {"rel": "data", "href": f"{root}/collections", "type": json},
            {"rel": "conformance", "href": f"{root}/conformance", "type": json},
            {"rel": "service-desc", "href": f"{root}/openapi.json", "type": _OPENAPI},
            {"rel": QUERYABLES_LINK, "href": f"{root}/queryables", "type": _SCHEMA},
            {"rel": "search", "href": search, "type": _GEOJSON, "method": "GET"},
            {"rel": "search", "href": search, "type": _GEOJSON, "method": "POST"},
            *children,
        ],
    }  # fmt: skip


def _named(catalogues: Sequence[ServedCatalogue], collection: str) -> ServedCatalogue:
    """Return the catalogue of a collection."""
    for one in catalogues:
        if COLLECTIONS[one.store.kind] == collection:
            return one
    reason = f"there is no collection {collection[:80]!r}"
    raise RequestError("collection", collection, reason, "see /collections", 404)


def _add_items(router: APIRouter, catalogues: Sequence[ServedCatalogue], pager: Pager) -> None:
    """Add the items of a collection, and each item."""

    @router.get(
        "/collections/{collection}/items",
        summary="Items of a collection",
        response_class=ItemPage,
        responses=_NOT_FOUND,
        openapi_extra=openapi_parameters([one for one in _any_parameters(catalogues) if one.name != "collections"]),
    )
    def items(collection: str, request: Request) -> ItemPage:
        one = _named(catalogues, collection)
        search = read_query(request.query_params.multi_items(), one.limits)
        if search.collections not in ((), (collection,)):
            raise RequestError("collections", "", "the address names another collection", "leave it out")
        return ItemPage(_page(pager, [one], search, request, "GET"))

    @router.get(
        "/collections/{collection}/items/{item:path}",
        summary="An item",
        response_class=ItemPage,
        responses=_NOT_FOUND,
    )
    def item(collection: str, item: str, request: Request) -> ItemPage:
        one = _named(catalogues, collection)
        place = None if any(ord(letter) < 32 for letter in item) else one.store.place_of(item)
        if place is None:
            raise RequestError("item", item, f"there is no item {item[:80]!r}", "search for it at /search", 404)
        kind = one.store.kind
        row = next(one.rows(np.array([place]), ITEM_COLUMNS[kind]))[0]
        return ItemPage(make_item(kind, row, root_of(request), show_path=one.show_paths))


def _any_parameters(catalogues: Sequence[ServedCatalogue]) -> tuple[Any, ...]:
    return item_parameters(catalogues[0].limits)


def _add_search(router: APIRouter, catalogues: Sequence[ServedCatalogue], pager: Pager) -> None:
    """Add the search over all collections."""
    limits = catalogues[0].limits
    extra = openapi_parameters(item_parameters(limits))
    body = {"required": True, "content": {"application/json": {"schema": _BODY}}}

    @router.get("/search", summary="Search for items", response_class=ItemPage, openapi_extra=extra)
    def get_search(request: Request) -> ItemPage:
        search = read_query(request.query_params.multi_items(), limits)
        return ItemPage(_page(pager, _chosen(catalogues, search), search, request, "GET"))

    @router.post("/search", summary="Search for items", response_class=ItemPage, openapi_extra={"requestBody": body})
    async def post_search(request: Request) -> ItemPage:
        content = await request.body()

        def answer() -> ItemPage:
            search = read_body(content, limits)
            return ItemPage(_page(pager, _chosen(catalogues, search), search, request, "POST"))

        return await run_in_threadpool(answer)


_NAMES = {"type": "array", "items": {"type": "string"}}
_KEY = {
    "type": "object",
    "properties": {"field": {"type": "string"}, "direction": {"type": "string", "enum": ["asc", "desc"]}},
    "required": ["field"],
}
_BODY = {
    "type": "object",
    "properties": {
        "sortby": {"type": "array", "items": _KEY},
        "fields": {"type": "object", "properties": {"include": _NAMES, "exclude": _NAMES}},
    },
}


def _chosen(catalogues: Sequence[ServedCatalogue], search: ItemSearch) -> list[ServedCatalogue]:
    """Return the catalogues of the collections that are asked for."""
    return [one for one in catalogues if not search.collections or COLLECTIONS[one.store.kind] in search.collections]


def _page(
    pager: Pager, catalogues: Sequence[ServedCatalogue], search: ItemSearch, request: Request, method: str
) -> dict[str, Any]:
    """Return one page of items, with a link to the next one if there is one."""
    page = pager.find(catalogues, search)
    features = _items(catalogues, page, root_of(request))
    links = [{"rel": "root", "href": f"{root_of(request)}/", "type": "application/json"}]
    if page.following:
        links.append(_next_link(request, method, page.following))
    return {
        "type": "FeatureCollection",
        "features": features if search.fields is None else [search.fields.of(item) for item in features],
        "links": links,
        "numberMatched": page.matched,
        "numberReturned": len(features),
    }


def _items(catalogues: Sequence[ServedCatalogue], page: Page, root: str) -> list[dict[str, Any]]:
    """Return the items of a page, in order."""
    found: dict[tuple[int, int], dict[str, Any]] = {}
    for number, one in enumerate(catalogues):
        kind = one.store.kind
        places = np.sort(page.rows.places[page.rows.numbers == number])
        rows = (row for batch in one.rows(places, ITEM_COLUMNS[kind]) for row in batch)
        for place, row in zip(places, rows, strict=True):
            found[number, int(place)] = make_item(kind, row, root, show_path=one.show_paths)
    return [found[int(number), int(place)] for number, place in zip(page.rows.numbers, page.rows.places, strict=True)]


def _next_link(request: Request, method: str, token: str) -> dict[str, Any]:
    """Return the link to the next page."""
    link: dict[str, Any] = {"rel": "next", "type": _GEOJSON, "method": method}
    if method == "POST":
        here = f"{root_of(request)}{request.url.path}"
        return {**link, "href": here, "body": {"token": token}, "merge": True}
    return {**link, "href": next_address(request, token)}
