"""The application: stores behind addresses, with a guard in front."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import geopandas as gpd
import xarray as xr
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from altiflow.errors import DatabaseError, InputError, RequestError
from altiflow.explore.service.catalogues import ServedCatalogue
from altiflow.explore.service.fields import ServedField
from altiflow.explore.service.guard import Guard
from altiflow.explore.service.jobs import JobBook, JobRunner, plan_job
from altiflow.explore.service.limits import ServiceLimits
from altiflow.explore.service.routes import contract_router, field_router, job_router, scene_router, stac_router
from altiflow.explore.service.scenes import ServedScenes
from altiflow.explore.service.stores import Store
from altiflow.version import __version__

__all__ = ["LOOPBACK_HOSTS", "make_app"]

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")


def make_app(
    stores: Store | Sequence[Store] = (),
    *,
    fields: Mapping[str, xr.Dataset] | None = None,
    jobs: str | Path | None = None,
    scenes: gpd.GeoDataFrame | None = None,
    keep_days: float = 30.0,
    limits: ServiceLimits | None = None,
    token: str | None = None,
    hosts: Sequence[str] = LOOPBACK_HOSTS,
    show_paths: bool = False,
) -> FastAPI:
    """Return the service over one store, or one of pairs and one of granules, and over velocity fields.

    Parameters
    ----------
    stores
        What is searched.
    fields
        Velocity fields by the names that they have in addresses: cubes, mosaics and the like, read when needed.
    jobs
        Folder of jobs and their results, of which those that were not done go on; None for no jobs.
    scenes
        Images that jobs track, as :func:`altiflow.list_scenes` returns them.
    keep_days
        How long the results of jobs stay [d].
    limits
        How much one request may ask for.
    token
        Secret that every request brings as ``Authorization: Bearer TOKEN``; None for none.
    hosts
        Names under which the service may be asked; empty for any.
    show_paths
        Whether rows that are on this machine's disk alone are answered with their path.

    Raises
    ------
    InputError
        If there is nothing to serve, two stores are of a kind, a field's name cannot stand in an address, or the token
        is too short to keep anybody out.
    """
    given = list(stores) if isinstance(stores, Sequence) else [stores]
    kinds = [store.kind for store in given]
    if len(set(kinds)) < len(kinds) or not (given or fields or scenes is not None):
        raise InputError(f"stores are one of pairs and one of granules, or either, got {kinds}; leave one out")
    if not keep_days > 0:
        raise InputError(f"keep_days must be above 0, got {keep_days!r}")
    served = _serve_fields(fields or {})
    images = None if scenes is None else ServedScenes(scenes)
    if token is not None and len(token) < 16:
        raise InputError("token is shorter than 16 characters; make one with python -c 'import secrets; ...'")
    allowed = limits or ServiceLimits()
    catalogues = [ServedCatalogue(store, allowed, show_paths) for store in given]

    runner = None if jobs is None else JobRunner(JobBook(jobs), keep_days=keep_days)

    # The pages that show OpenAPI load scripts from elsewhere, which a machine without network cannot.
    app = FastAPI(
        title="altiflow",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(given, runner),
        description="Search of granules of altimetry and of image pairs of ice velocity.",
        responses={
            status: {"description": said, "content": {"application/json": _ERROR}} for status, said in _SAID.items()
        },
    )
    for router in _routers(catalogues, served, images, allowed):
        app.include_router(router)
    if runner is not None:
        plan = partial(plan_job, catalogues=catalogues, scenes=images, limits=allowed)
        app.include_router(job_router(runner, plan, allowed))
    _add_refusals(app)
    app.add_middleware(
        Guard,  # type: ignore[arg-type]
        token=token,
        hosts=tuple(hosts),
        query_bytes=allowed.query_bytes,
        body_bytes=allowed.body_bytes,
    )
    return app


def _lifespan(stores: Sequence[Store], runner: JobRunner | None) -> Any:
    """Return what begins with the server, and ends with it."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if runner is not None:
            runner.start()
        yield
        if runner is not None:
            runner.close()
        for store in stores:
            store.close()

    return lifespan


def _routers(
    catalogues: Sequence[ServedCatalogue],
    served: Sequence[ServedField],
    scenes: ServedScenes | None,
    limits: ServiceLimits,
) -> Iterator[APIRouter]:
    """Yield the routes of what there is."""
    yield from (contract_router(one) for one in catalogues)
    if catalogues:
        yield stac_router(catalogues)
    if served:
        yield field_router(served, limits)
    if scenes is not None:
        yield scene_router(scenes, limits)


def _serve_fields(fields: Mapping[str, xr.Dataset]) -> list[ServedField]:
    """Return the fields as they are served."""
    wrong = [name for name in fields if not _NAME.fullmatch(name)]
    if wrong:
        raise InputError(f"fields: the name {wrong[0]!r} cannot stand in an address; use letters, digits, _ and -")
    return [ServedField(name, field) for name, field in fields.items()]


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_TOLD = {name: {"type": ["string", "null"]} for name in ("parameter", "value", "reason", "fix")}
_ERROR: dict[str, Any] = {
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {"error": {"type": "object", "properties": _TOLD, "required": list(_TOLD)}},
                "required": ["error"],
            }
        }
    }
}
_SAID: dict[int | str, str] = {
    400: "A parameter means nothing",
    401: "The token is missing or wrong",
    413: "More is asked for than is allowed",
    503: "The search took too long, or the catalogue cannot be reached",
}


def _add_refusals(app: FastAPI) -> None:
    """Answer what is refused in JSON, with the name, the value and what to do."""

    @app.exception_handler(RequestError)
    async def refused(request: Request, error: RequestError) -> JSONResponse:
        headers = {"Retry-After": "10"} if error.status == 503 else None
        return _refusal(error.status, error.parameter, error.value, error.reason, error.fix, headers)

    @app.exception_handler(DatabaseError)
    async def away(request: Request, error: DatabaseError) -> JSONResponse:
        # What it says names the database, which is nobody's business.
        reason, fix = "the catalogue cannot be reached, or was replaced a moment ago", "ask again in a while"
        return _refusal(503, "", "", reason, fix, {"Retry-After": "10"})

    @app.exception_handler(TimeoutError)
    async def late(request: Request, error: TimeoutError) -> JSONResponse:
        reason, fix = "the answer took too long: the catalogue is busy", "ask again in a while"
        return _refusal(503, "", "", reason, fix, {"Retry-After": "10"})

    @app.exception_handler(sqlite3.Error)
    async def damaged(request: Request, error: sqlite3.Error) -> JSONResponse:
        reason, fix = "the book of jobs cannot be read or written now", "ask again in a while"
        return _refusal(503, "", "", reason, fix, {"Retry-After": "10"})

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> JSONResponse:
        reason, fix = "the service failed at this, which is a fault of its own", "tell those who run it"
        return _refusal(500, "", "", reason, fix, None)

    @app.exception_handler(HTTPException)
    async def unknown(request: Request, error: HTTPException) -> JSONResponse:
        fix = "see / and /openapi.json for what there is"
        return _refusal(error.status_code, "address", request.url.path, str(error.detail), fix, error.headers)


def _refusal(status: int, parameter: str, value: str, reason: str, fix: str, headers: Any) -> JSONResponse:
    texts = {"parameter": parameter, "value": value[:80], "reason": reason, "fix": fix}
    # JSON can hold half of a letter (\\ud800), which no answer can.
    told = {name: text.encode("utf-8", "backslashreplace").decode() for name, text in texts.items()}
    return JSONResponse({"error": told}, status_code=status, headers=headers)
