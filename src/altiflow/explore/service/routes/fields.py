"""Velocity fields: which there are, their tiles, and their series at points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from fastapi import APIRouter, Request
from fastapi.responses import Response

from altiflow.errors import AltiflowError, NoOverlapError, RequestError
from altiflow.explore.service.answers import MEDIA_TYPES, send_rows, take_form
from altiflow.explore.service.asking import Parameter, form_parameters, openapi_parameters, read_parameters
from altiflow.explore.service.fields import TILE_GRIDS, ServedField, draw_tile
from altiflow.explore.service.fields.pictures import COLOURS
from altiflow.explore.service.fields.tiling import MAX_ZOOM
from altiflow.explore.service.limits import ServiceLimits
from altiflow.explore.service.patience import Patience
from altiflow.gridding import series_at, series_table

__all__ = ["field_router"]

_BATCH = 2000
_ROWS: dict[int | str, dict[str, Any]] = {
    200: {"description": "A row a layer", "content": {kind.partition(";")[0]: {} for kind in MEDIA_TYPES.values()}}
}
_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"description": "There is none of this name"}}


def field_router(fields: Sequence[ServedField], limits: ServiceLimits) -> APIRouter:
    """Return the routes of velocity fields; an answer is waited for as long as a search may take."""
    patience = Patience(limits.seconds)
    router = APIRouter(tags=["fields"])
    named = {one.name: one for one in fields}
    picture: dict[int | str, dict[str, Any]] = {200: {"description": "A picture", "content": {"image/png": {}}}}

    @router.get("/fields", summary="The velocity fields, and the tilings of their pictures")
    def listed() -> dict[str, Any]:
        tilings = [{"epsg": grid.epsg, "half": grid.half, "max_zoom": MAX_ZOOM} for grid in TILE_GRIDS.values()]
        return {"fields": [one.describe() for one in fields], "tilings": tilings}

    @router.get(
        "/fields/{name}/series",
        summary="Velocity in time at a point",
        responses=_ROWS | _NOT_FOUND,
        response_class=Response,
        openapi_extra=openapi_parameters(_SERIES),
    )
    def series(name: str, request: Request) -> Response:
        values = read_parameters(request.query_params.multi_items(), _SERIES)
        served = _named(named, name)
        return patience.ask(lambda: _series(served, values))

    @router.get(
        "/tiles/{name}/{epsg}/{zoom}/{x}/{y}.png",
        summary="A picture of the speed of ice, 256 pixels wide",
        response_class=Response,
        openapi_extra=openapi_parameters(_TILE),
        responses=picture | _NOT_FOUND,
    )
    def tile(name: str, epsg: str, zoom: str, x: str, y: str, request: Request) -> Response:
        values = read_parameters(request.query_params.multi_items(), _TILE)
        served = _named(named, name)
        return patience.ask(lambda: _tile(served, (epsg, zoom, x, y), values))

    return router


def _between(text: str, low: float, high: float) -> float:
    """Return a number within limits."""
    number = float(text)
    if not low <= number <= high:
        raise ValueError(text)
    return number


def _word(text: str, words: tuple[str, ...]) -> str:
    """Return a word if it is known."""
    if text not in words:
        raise ValueError(text)
    return text


def _layer(text: str) -> int:
    """Return the number of a layer."""
    number = int(text)
    if abs(number) > 10**6:
        raise ValueError(text)
    return number


_SERIES = (
    Parameter(
        "lon",
        "Longitude [degrees].",
        partial(_between, low=-360.0, high=360.0),
        "give -360 to 360",
        aliases=("longitude",),
        schema={"type": "number", "minimum": -360, "maximum": 360},
    ),
    Parameter(
        "lat",
        "Latitude [degrees].",
        partial(_between, low=-90.0, high=90.0),
        "give -90 to 90",
        aliases=("latitude",),
        schema={"type": "number", "minimum": -90, "maximum": 90},
    ),
    Parameter(
        "method",
        "The cell the point is in, or bilinear between four.",
        partial(_word, words=("nearest", "linear")),
        "give nearest or linear",
        schema={"type": "string", "enum": ["nearest", "linear"], "default": "nearest"},
    ),
    *form_parameters(),
)

_TILE = (
    Parameter("layer", "Which layer, from 0; negative counts from the end.", _layer, "give a whole number"),
    Parameter(
        "low",
        "Speed of the first colour [unit of the field]; 1 where not given.",
        partial(_between, low=1e-9, high=1e12),
        "give a speed above 0",
        schema={"type": "number"},
    ),
    Parameter(
        "high",
        "Speed of the last colour [unit of the field]; 10 000 where not given.",
        partial(_between, low=1e-9, high=1e12),
        "give a speed above that of the first colour",
        schema={"type": "number"},
    ),
    Parameter(
        "colours",
        "Colours.",
        partial(_word, words=COLOURS),
        f"give {', '.join(COLOURS)}",
        schema={"type": "string", "enum": list(COLOURS), "default": "viridis"},
    ),
    Parameter(
        "size",
        "Pixels of a side.",
        lambda text: int(_word(text, ("256", "512"))),
        "give 256 or 512",
        schema={"type": "integer", "enum": [256, 512], "default": 256},
    ),
)


def _named(fields: Mapping[str, ServedField], name: str) -> ServedField:
    """Return the field of a name."""
    if name not in fields:
        raise RequestError("name", name, f"there is no field {name[:80]!r}", "see /fields", 404)
    return fields[name]


def _series(served: ServedField, values: dict[str, Any]) -> Response:
    """Return a series in the form that is asked for."""
    form = take_form(values)
    lacking = [name for name in ("lon", "lat") if name not in values]
    if lacking:
        raise RequestError(lacking[0], "", f"{lacking[0]} is not given", "give lon and lat in degrees")
    try:
        found = series_at(served.dataset, [(values["lon"], values["lat"])], method=values.get("method", "nearest"))
        table = series_table(found)
    except NoOverlapError:
        table = pd.DataFrame()
    except AltiflowError as error:
        raise RequestError("lon", values["lon"], str(error).partition(";")[0], "give a point on the field") from error
    title, headers = f"Velocity of {served.name}", {"Altiflow-Matched": str(len(table))}
    return send_rows(_plain_rows(table), form, name="series", title=title, headers=headers)


def _plain_rows(table: pd.DataFrame) -> Iterator[list[Mapping[str, Any]]]:
    """Yield the rows of a table with values that JSON has: times as text, None for what is not told."""
    for first in range(0, len(table), _BATCH):
        part = table.iloc[first : first + _BATCH].drop(columns="point")
        yield [{str(name): _plain(value) for name, value in row.items()} for row in part.to_dict("records")]


def _plain(value: Any) -> Any:
    """Return a value of a table as JSON has it."""
    if isinstance(value, pd.Timestamp):
        return f"{value.isoformat()}Z"
    if value is None or value is pd.NaT or (isinstance(value, float) and not np.isfinite(value)):
        return None
    return value.item() if isinstance(value, np.generic) else value


def _tile(served: ServedField, place: tuple[str, str, str, str], values: dict[str, Any]) -> Response:
    """Return a tile."""
    texts = dict(zip(("epsg", "zoom", "x", "y"), place, strict=True))
    for name, text in texts.items():
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            raise RequestError(name, text, f"{name} is no whole number", "give digits", 404)
    epsg, zoom, x, y = (int(text) for text in place)
    if epsg not in TILE_GRIDS:
        raise RequestError("epsg", str(epsg), f"there are no tiles of EPSG:{epsg}", "give 3857, 3413 or 3031", 404)
    limits = values.get("low", 1.0), values.get("high", 10_000.0)
    options = {name: values[name] for name in ("layer", "colours", "size") if name in values}
    try:
        content = draw_tile(served, TILE_GRIDS[epsg], (zoom, x, y), limits=limits, **options)
    except AltiflowError as error:
        reason, _, fix = str(error).partition(";")
        name = "layer" if reason.startswith("layer") else "low" if reason.startswith("limits") else "tile"
        status, shown = 404 if name == "tile" else 400, "/".join(place)
        raise RequestError(name, shown, reason, fix.strip() or "give another", status) from error
    return Response(content, media_type="image/png", headers={"Cache-Control": "private, max-age=3600"})
