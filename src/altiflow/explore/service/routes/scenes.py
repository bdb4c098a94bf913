"""Scenes: which images there are to track."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request

from altiflow.explore.service.asking import (
    Parameter,
    check_period,
    openapi_parameters,
    place_parameters,
    read_parameters,
    take_region,
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
        Parameter(
            "limit",
            "Scenes of a page.",
            lambda text: min(_whole(text, 1), limits.page),
            f"give a whole number from 1 to {limits.page}",
            schema={"type": "integer", "minimum": 1, "default": _FEW},
        ),
        Parameter("token", "Where the page begins, from the link to it.", lambda text: _whole(text, 0), _NEXT),
    )

    @router.get("/scenes", summary="The images that can be tracked", openapi_extra=openapi_parameters(known))
    def listed(request: Request) -> dict[str, Any]:
        values = read_parameters(request.query_params.multi_items(), known)
        return _page(scenes, values, request)

    return router


_NEXT = "follow the link named next"


def _whole(text: str, least: int) -> int:
    """Return a whole number that is not below another."""
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and int(text) >= least):
        raise ValueError(text)
    return int(text)


def _page(scenes: ServedScenes, values: dict[str, Any], request: Request) -> dict[str, Any]:
    """Return one page of scenes, with a link to the next one if there is one."""
    check_period(values)
    found = scenes.find(region=take_region(values), start=values.get("start"), end=values.get("end"))
    begin, size = values.get("token", 0), values.get("limit", _FEW)
    shown = found[begin : begin + size]
    links = []
    if begin + size < len(found):
        asked = [(name, value) for name, value in request.query_params.multi_items() if name != "token"]
        here = f"{str(request.base_url).rstrip('/')}/scenes"
        links.append({"rel": "next", "href": f"{here}?{urlencode([*asked, ('token', begin + size)])}"})
    return {
        "scenes": [scenes.describe(int(place)) for place in shown],
        "links": links,
        "numberMatched": len(found),
        "numberReturned": len(shown),
    }
