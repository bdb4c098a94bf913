"""Jobs: asking for one, how far it is, its result, and giving it up."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from altiflow.errors import RequestError
from altiflow.explore.service.catalogues import ServedCatalogue
from altiflow.explore.service.jobs import JOB_KINDS, Job, JobRunner, plan_job

__all__ = ["job_router"]

_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such job"}}
_NOT_NOW: dict[int | str, dict[str, Any]] = {409: {"description": "The job is not in the state for it"}}
_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {"kind": {"enum": list(JOB_KINDS)}, "search": {"type": "object"}},
                "required": ["kind", "search"],
            }
        }
    },
}


def job_router(runner: JobRunner, catalogues: Sequence[ServedCatalogue]) -> APIRouter:
    """Return the routes of jobs."""
    router = APIRouter(prefix="/jobs", tags=["jobs"])

    @router.post(
        "",
        summary="Ask for a job",
        status_code=202,
        openapi_extra={"requestBody": _BODY},
        responses={415: {"description": "The body is not said to be JSON"}},
    )
    async def submit(request: Request) -> JSONResponse:
        # A page of a stranger can send a form without asking first, but nothing that is said to be JSON.
        said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if said != "application/json":
            raise RequestError("Content-Type", said, "the body is not said to be JSON", "send application/json", 415)
        body = await request.body()
        job = await run_in_threadpool(_submit, body, runner, catalogues)
        return JSONResponse(_told(job, request), 202, headers={"Location": f"{_root(request)}/jobs/{job.id}"})

    @router.get("", summary="The newest jobs")
    def listed(request: Request) -> dict[str, Any]:
        return {"jobs": [_told(job, request) for job in runner.book.list()]}

    @router.get("/{name}", summary="How far a job is", responses=_NOT_FOUND)
    def status(name: str, request: Request) -> dict[str, Any]:
        return _told(_find(runner, name), request)

    @router.get(
        "/{name}/result", summary="The result of a job", response_class=Response, responses=_NOT_FOUND | _NOT_NOW
    )
    def result(name: str) -> FileResponse:
        job = _find(runner, name)
        path = runner.book.result(job)
        if job.state != "done" or not path.is_file():
            reason, fix = f"the job is {job.state}, and has no result", "ask for its state until it is done"
            raise RequestError("job", job.id, reason, fix, 409)
        return FileResponse(path, filename=path.name)

    @router.delete("/{name}", summary="Give a job up", responses=_NOT_FOUND | _NOT_NOW)
    def cancel(name: str, request: Request) -> dict[str, Any]:
        job = _find(runner, name)
        if not runner.book.end(job.id, "cancelled"):
            raise RequestError("job", job.id, f"the job is {job.state} already", "leave it as it is", 409)
        return _told(_find(runner, name), request)

    return router


def _submit(body: bytes, runner: JobRunner, catalogues: Sequence[ServedCatalogue]) -> Job:
    """Return the job of a request."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestError("body", "", f"the body is no JSON ({type(error).__name__})", "send a JSON object") from error
    runner.check_room()
    return runner.book.add(asked, plan_job(asked, catalogues))


def _find(runner: JobRunner, name: str) -> Job:
    """Return the job of a name."""
    job = runner.book.find(name) if name.isascii() and name.isalnum() and len(name) == 32 else None
    if job is None:
        raise RequestError("job", name, f"there is no job {name[:80]!r}", "see /jobs", 404)
    return job


def _root(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _told(job: Job, request: Request) -> dict[str, Any]:
    """Return what the world is told of a job; its files are the server's own business."""
    here = f"{_root(request)}/jobs/{job.id}"
    links = [{"rel": "self", "href": here}]
    if job.state == "done":
        links.append({"rel": "result", "href": f"{here}/result"})
    return {
        "id": job.id,
        "state": job.state,
        "asked": job.asked,
        "files": len(job.plan["sources"]),
        "attempts": job.attempts,
        "message": job.message,
        "submitted": _moment(job.submitted),
        "started": _moment(job.started),
        "ended": _moment(job.ended),
        "links": links,
    }


def _moment(seconds: float | None) -> str | None:
    """Return seconds since 1970 as a moment."""
    return None if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
