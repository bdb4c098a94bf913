"""The contract of ITS_LIVE's former search service, for image pairs and likewise for granules: urls and coverage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from altiflow.explore.service.answers import MEDIA_TYPES, send_rows, take_form
from altiflow.explore.service.asking import (
    Parameter,
    form_parameters,
    granule_parameters,
    make_query,
    openapi_parameters,
    pair_parameters,
    read_parameters,
)
from altiflow.explore.service.catalogues import ServedCatalogue, count_years
from altiflow.explore.service.stores import Found

__all__ = ["PREFIXES", "contract_router"]

PREFIXES = {"pairs": "velocities", "granules": "altimetry"}
"""First part of the addresses for each kind of catalogue."""

_NOUNS = {"pairs": "image pairs", "granules": "granules"}
_URLS = {"type": "array", "items": {"type": "object", "properties": {"url": {"type": "string"}}, "required": ["url"]}}
_YEARS = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"year": {"type": ["integer", "null"]}, "count": {"type": "integer"}},
        "required": ["year", "count"],
    },
}


def contract_router(catalogue: ServedCatalogue) -> APIRouter:
    """Return the routes ``/<prefix>/urls/`` and ``/<prefix>/coverage/`` of a catalogue."""
    kind = catalogue.store.kind
    asked = pair_parameters(catalogue.limits) if kind == "pairs" else granule_parameters(catalogue.limits)
    known = (*asked, *form_parameters())
    router = APIRouter(prefix=f"/{PREFIXES[kind]}", tags=[PREFIXES[kind]])

    def urls(request: Request) -> Response:
        values = read_parameters(request.query_params.multi_items(), known)
        form = take_form(values)
        found = catalogue.find(make_query(kind, values))
        shown = catalogue.check_rows(catalogue.shown(found))
        title, headers = f"Addresses of {_NOUNS[kind]}", _counts(found, shown)
        return send_rows(catalogue.urls(shown), form, name="urls", title=title, headers=headers)

    def coverage(request: Request) -> Response:
        values = read_parameters(request.query_params.multi_items(), known)
        form = take_form(values)
        found = catalogue.find(make_query(kind, values))
        title, headers = f"Number of {_NOUNS[kind]} by year", _counts(found, found)
        return send_rows([count_years(found)], form, name="coverage", title=title, headers=headers)

    _add(router, "/urls", urls, f"Addresses of the {_NOUNS[kind]} of a search", _URLS, known)
    _add(router, "/coverage", coverage, f"Number of {_NOUNS[kind]} of a search by year", _YEARS, known)
    return router


def _counts(found: Found, shown: Found) -> dict[str, str]:
    """Return the headers that say how much was found, and what is not in the answer."""
    return {
        "Altiflow-Matched": str(len(found.places)),
        "Altiflow-Without-Address": str(len(found.places) - len(shown.places)),
        "Altiflow-Without-Footprint": str(found.without_footprint),
    }


def _add(
    router: APIRouter,
    path: str,
    answer: Callable[[Request], Response],
    summary: str,
    schema: Mapping[str, Any],
    known: tuple[Parameter, ...],
) -> None:
    """Add a route, with and without the slash at its end."""
    content: dict[str, Any] = {
        MEDIA_TYPES["json"]: {"schema": dict(schema)},
        "text/plain": {"schema": {"type": "string"}},
        "text/html": {"schema": {"type": "string"}},
        MEDIA_TYPES["zip"]: {"schema": {"type": "string", "format": "binary"}},
    }
    for address, listed in ((f"{path}/", True), (path, False)):
        router.add_api_route(
            address,
            answer,
            methods=["GET"],
            summary=summary,
            response_class=Response,
            responses={200: {"description": "What was found", "content": content}},
            openapi_extra=openapi_parameters(known),
            include_in_schema=listed,
        )
