"""Scenes: which images there are to track."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from altiflow.explore.service.answers import next_address
from altiflow.explore.service.asking import (
    Parameter,
    check_period,
    limit_parameter,
    openapi_parameters,
    place_parameters,
    read_parameters,
    take_region,
    whole_number,
)
from altiflow.explore.service.limits import ServiceLimits
from altiflow.explore.service.scenes import ServedScenes

__all__ = ["scene_router"]

_FEW = 100
"""Scenes of a page where it is not said how many."""


def scene_router(scenes: ServedScenes, limits: ServiceLimits) -> APIRouter:
    """Return the route of scenes."""
    router = APIRouter(tags=["scenes"])
    known = (
        *place_parameters(limits),
        limit_parameter("Scenes", usual=_FEW, most=limits.page),
        Parameter(
            "token",
            "Where the page begins, from the link to it.",
            lambda text: whole_number(text, least=0),
            "follow the link named next",
        ),
    )

    @router.get("/scenes", summary="The images that can be tracked", openapi_extra=openapi_parameters(known))
    def listed(request: Request) -> dict[str, Any]:
        values = read_parameters(request.query_params.multi_items(), known)
        return _page(scenes, values, request)

    return router


def _page(scenes: ServedScenes, values: dict[str, Any], request: Request) -> dict[str, Any]:
    """Return one page of scenes, with a link to the next one if there is one."""
    check_period(values)
    found = scenes.find(region=take_region(values), start=values.get("start"), end=values.get("end"))
    begin, size = values.get("token", 0), values.get("limit", _FEW)
    shown = found[begin : begin + size]
    links = []
    if begin + size < len(found):
        links.append({"rel": "next", "href": next_address(request, begin + size)})
    return {
        "scenes": [scenes.describe(int(place)) for place in shown],
        "links": links,
        "numberMatched": len(found),
        "numberReturned": len(shown),
    }
