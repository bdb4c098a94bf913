"""Jobs: asking for one, how far it is, its result, and giving it up."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from altiflow.errors import RequestError
from altiflow.explore.service.answers import next_address, root_of
from altiflow.explore.service.asking import Parameter, limit_parameter, openapi_parameters, read_parameters
from altiflow.explore.service.jobs import JOB_KINDS, Job, JobRunner, give_up, open_result
from altiflow.explore.service.limits import ServiceLimits
from altiflow.explore.work import read_progress

__all__ = ["job_router"]

_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such job"}}
_NOT_NOW: dict[int | str, dict[str, Any]] = {409: {"description": "The job is not in the state for it"}}
_GONE: dict[int | str, dict[str, Any]] = {410: {"description": "The result was deleted"}}
_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"type": "object", "properties": {"kind": {"enum": list(JOB_KINDS)}}, "required": ["kind"]}
        }
    },
}
_RESUMES = {"cube": "where it was", "grid": "where it was", "track": "after its last stage"}
"""From where a job goes on that is taken up again."""

_FEW, _MOST = 100, 200
"""Jobs of a page where it is not said how many, and at most: each is told with all that was asked for."""
_LONGEST = 200_000
"""Longest request for a job [bytes]; a polygon of 2000 corners has 80 000."""

Plan = Callable[[Any], dict[str, Any]]
"""What returns what is to be done for a request."""


class HeldFile(FileResponse):
    """A file that stays while it is sent."""

    def __init__(self, held: IO[bytes], path: Path) -> None:
        super().__init__(path, filename=path.name)
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file."""
        with self._held:
            await super().__call__(scope, receive, send)


def job_router(runner: JobRunner, plan: Plan, limits: ServiceLimits) -> APIRouter:
    """Return the routes of jobs."""
    router = APIRouter(prefix="/jobs", tags=["jobs"])
    known = (
        limit_parameter("Jobs", usual=_FEW, most=min(_MOST, limits.page)),
        Parameter(
            "token",
            "The job before the page, from the link to it.",
            lambda text: _there(runner, text),
            "follow the link named next",
        ),
    )

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
        job = await run_in_threadpool(_submit, body, runner, plan)
        told = _told(runner, job, request)
        return JSONResponse(told, 202, headers={"Location": f"{root_of(request)}/jobs/{job.id}"})

    @router.get("", summary="The jobs, the newest first", openapi_extra=openapi_parameters(known))
    def listed(request: Request) -> dict[str, Any]:
        values = read_parameters(request.query_params.multi_items(), known)
        return _page(runner, values.get("limit", _FEW), values.get("token"), request)

    @router.get("/{name}", summary="How far a job is", responses=_NOT_FOUND)
    def status(name: str, request: Request) -> dict[str, Any]:
        return _told(runner, _find(runner, name), request)

    @router.get(
        "/{name}/result",
        summary="The result of a job",
        response_class=Response,
        responses=_NOT_FOUND | _NOT_NOW | _GONE,
    )
    def result(name: str) -> HeldFile:
        return _result(runner, _find(runner, name))

    @router.delete("/{name}", summary="Give a job up, or delete its result", responses=_NOT_FOUND | _NOT_NOW)
    def cancel(name: str, request: Request) -> dict[str, Any]:
        give_up(runner.book, _find(runner, name))
        return _told(runner, _find(runner, name), request)

    return router


def _submit(body: bytes, runner: JobRunner, plan: Plan) -> Job:
    """Return the job of a request."""
    if len(body) > _LONGEST:
        reason = f"the body has {len(body)} bytes, and {_LONGEST} are allowed"
        raise RequestError("body", "", reason, "simplify the polygon", 413)
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestError("body", "", f"the body is no JSON ({type(error).__name__})", "send a JSON object") from error
    return runner.submit(asked, plan)


def _result(runner: JobRunner, job: Job) -> HeldFile:
    """Return the answer that holds the result of a job."""
    if job.state == "deleted":
        raise RequestError("job", job.id, job.message, "ask for the job anew", 410)
    path = runner.book.result(job)
    held = open_result(path) if job.state == "done" else None
    if held is None:
        reason, fix = f"the job is {job.state}, and has no result", "ask for its state until it is done"
        raise RequestError("job", job.id, reason, fix, 409)
    return HeldFile(held, path)


def _page(runner: JobRunner, size: int, after: str | None, request: Request) -> dict[str, Any]:
    """Return one page of jobs, with a link to the next one if there is one."""
    found = runner.book.list(size + 1, after=after)
    shown, links = found[:size], []
    if len(found) > size:
        links.append({"rel": "next", "href": next_address(request, shown[-1].id)})
    return {
        "jobs": [_told(runner, job, request) for job in shown],
        "links": links,
        "numberMatched": runner.book.count(),
        "numberReturned": len(shown),
    }


def _there(runner: JobRunner, name: str) -> str:
    """Return the name of a job itself."""
    if _look(runner, name) is None:
        raise ValueError(name)
    return name


def _look(runner: JobRunner, name: str) -> Job | None:
    """Return the job of a name, None where there is none."""
    return runner.book.find(name) if name.isascii() and name.isalnum() and len(name) == 32 else None


def _find(runner: JobRunner, name: str) -> Job:
    """Return the job of a name."""
    job = _look(runner, name)
    if job is None:
        raise RequestError("job", name, f"there is no job {name[:80]!r}", "see /jobs", 404)
    return job


def _told(runner: JobRunner, job: Job, request: Request) -> dict[str, Any]:
    """Return what the world is told of a job; its files are the server's own business."""
    here = f"{root_of(request)}/jobs/{job.id}"
    links = [{"rel": "self", "href": here}]
    if job.state == "done":
        links.append({"rel": "result", "href": f"{here}/result"})
    progress, stage = _progress(runner, job)
    again = _RESUMES.get(str(job.plan["kind"])) if job.attempts > 1 else None
    return {
        "id": job.id,
        "kind": job.plan["kind"],
        "state": job.state,
        "progress": progress,
        "stage": stage,
        "asked": job.asked,
        "files": len(job.plan["sources"]),
        "attempts": job.attempts,
        "taken_up": again,
        "message": job.message,
        "submitted": _moment(job.submitted),
        "started": _moment(job.started),
        "ended": _moment(job.ended),
        "links": links,
    }


def _progress(runner: JobRunner, job: Job) -> tuple[float | None, str]:
    """Return how far a job is, 0 to 1, and what it is at; None where nobody knows."""
    if job.state == "running":
        return read_progress(runner.book.folder / job.id)
    return (1.0, "") if job.state in ("done", "deleted") else (0.0 if job.state == "waiting" else None, "")


def _moment(seconds: float | None) -> str | None:
    """Return seconds since 1970 as a moment."""
    return None if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
