"""The client: what one asks a service for, and how its answers and refusals are told."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests
import urllib3

from altiflow.errors import GranuleError, InputError, JobError, LoginError, RequestError, ServiceError
from altiflow.explore.jobs.job import ServiceJob, read_job
from altiflow.progress import progress_bar
from altiflow.readers.remote import PassingError, Retries, public_url, with_retries
from altiflow.readers.remote.logins import leave_anonymous
from altiflow.readers.remote.parts import Part
from altiflow.readers.remote.retries import BUSY, wait_asked_for
from altiflow.readers.remote.transfer import fetch_http

__all__ = ["cancel_job", "fetch_result", "find_job", "follow_job", "list_jobs", "result_path", "submit_job"]

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_RESULTS = {"cube": "cube.zip", "grid": "grid.nc", "track": "track.zip"}
_ASKING = Retries(attempts=3, wait=0.5)
_LONGEST_ANSWER = 50_000_000
_PAGE = 200
"""Jobs that are asked for at a time."""


def submit_job(url: str, plan: Mapping[str, Any], *, token: str | None = None, timeout: float = 60.0) -> ServiceJob:
    """Return a new job of a service, which waits or runs.

    Parameters
    ----------
    url
        Address of the service.
    plan
        What is wanted, such as ``{"kind": "track", "scenes": [name, name]}``; the page on the service tells all kinds.
    token
        Its secret, where it has one; sent over https, or to this machine, alone.
    timeout
        Longest wait for an answer [s].

    Raises
    ------
    InputError
        If the address is none, or the plan is not ready for JSON.
    RequestError
        If the service refuses the plan; it tells the parameter, the reason and what to do.
    LoginError
        If the token is missing or wrong.
    ServiceError
        If the service is not reached, too busy, or none.
    """
    try:
        body = json.dumps(dict(plan), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"plan is not ready for JSON ({error}); use text, numbers, lists and dicts") from error
    service = _service(url)
    with _session(service, token) as session:
        # Asked once: a second try may make a second job.
        told = _ask(session, "POST", f"{service}/jobs", timeout, body=body)
    return read_job(told, service, public_url(service))


def list_jobs(
    url: str, *, count: int | None = 100, token: str | None = None, timeout: float = 60.0
) -> list[ServiceJob]:
    """Return the newest jobs of a service, the newest first.

    Parameters
    ----------
    url, token, timeout
        As for :func:`submit_job`.
    count
        How many at most; None for all that there are.

    Raises
    ------
    InputError, LoginError, ServiceError
        As :func:`submit_job`.
    """
    if count is not None and count < 1:
        raise InputError(f"count must be 1 or more, or None for all, got {count!r}")
    service, found, asked = _service(url), list[ServiceJob](), dict[str, str]()
    seen: set[str] = set()
    while count is None or len(found) < count:
        asked["limit"] = str(_PAGE if count is None else min(_PAGE, count - len(found)))
        told = _get(service, f"{service}/jobs?{urlencode(asked)}", token, timeout)
        if not isinstance(told, Mapping) or not isinstance(told.get("jobs"), list):
            raise ServiceError(f"{public_url(service)} told of no jobs; is it an altiflow service?")
        found += [read_job(one, service, public_url(service)) for one in told["jobs"]]
        following = _next_token(told)
        # One that leads in circles would be asked for ever.
        if following is None or following in seen:
            break
        seen.add(following)
        asked["token"] = following
    return found[:count]


def _next_token(told: Mapping[str, Any]) -> str | None:
    """Return where the next page begins, None where there is none; the address itself may lead elsewhere."""
    links = told.get("links")
    for link in links if isinstance(links, list) else []:
        if isinstance(link, Mapping) and link.get("rel") == "next":
            return next(iter(parse_qs(urlsplit(str(link.get("href"))).query).get("token", [])), None)
    return None


def find_job(job: ServiceJob | str, *, token: str | None = None, timeout: float = 60.0) -> ServiceJob:
    """Return a job as it is now.

    Parameters
    ----------
    job
        A job, or its address.
    token, timeout
        As for :func:`submit_job`.

    Raises
    ------
    RequestError
        If there is no such job.
    InputError, LoginError, ServiceError
        As :func:`submit_job`.
    """
    service, address = _place(job)
    return read_job(_get(service, address, token, timeout), service, public_url(service))


def follow_job(
    job: ServiceJob | str,
    *,
    token: str | None = None,
    heard: Callable[[ServiceJob], None] | None = None,
    every: float = 1.0,
    patience: float = 300.0,
    quiet: bool = True,
) -> ServiceJob:
    """Wait for a job and return it when it is done; a service that is started anew meanwhile is waited for.

    Parameters
    ----------
    job, token
        As for :func:`find_job`.
    heard
        Told of the job each time it is looked at.
    every
        How often it is looked at [s].
    patience
        How long the service may be away [s].
    quiet
        Show no progress bar.

    Raises
    ------
    JobError
        If it failed, was cancelled, or its result is gone.
    RequestError, InputError, LoginError, ServiceError
        As :func:`find_job`.
    """
    if not every > 0:
        raise InputError(f"every must be above 0 seconds, got {every!r}")
    shown, seen = 0, monotonic()
    with progress_bar("job", 100, quiet=quiet) as bar:
        while True:
            try:
                found = find_job(job, token=token)
                seen = monotonic()
            except (LoginError, RequestError):
                raise
            except ServiceError:
                if monotonic() - seen > patience:
                    raise
                sleep(every)
                continue
            if heard is not None:
                heard(found)
            percent = max(int(100 * (found.progress or 0.0)), shown)
            bar.update(percent - shown)
            shown = percent
            if found.ended:
                return _good(found)
            sleep(every)


def fetch_result(
    job: ServiceJob | str, *, to: str | Path, overwrite: bool = False, token: str | None = None, timeout: float = 60.0
) -> Path:
    """Write the result of a job that is done, and return where it is; it appears whole or not at all.

    A transfer that breaks off is continued, by the next call too.

    Parameters
    ----------
    job, token, timeout
        As for :func:`find_job`.
    to
        File, or a folder that is there, in which it is called ``cube.zip``, ``grid.nc`` or ``track.zip``.
    overwrite
        Replace a file that is there.

    Raises
    ------
    JobError
        If the job is not done.
    InputError
        If the file is there already, or the folder is not.
    RequestError, LoginError, ServiceError
        As :func:`find_job`.
    """
    found = find_job(job, token=token, timeout=timeout)
    if found.state != "done":
        raise _not_done(found)
    target = result_path(to, found.kind, overwrite=overwrite)
    service, address = _place(found)
    with _session(service, token) as session:
        try:
            with_retries(lambda: fetch_http(f"{address}/result", Part(target), session, timeout=timeout), Retries())
        except (PassingError, GranuleError) as error:
            raise ServiceError(f"the result of job {found.id} did not come: {error}; fetch it again") from error
    return target


def result_path(to: str | Path, kind: str, *, overwrite: bool = False) -> Path:
    """Return the file that the result of a job of some kind is written to.

    Raises
    ------
    InputError
        If the file is there already, or the folder is not.
    """
    target = Path(to)
    if target.is_dir():
        target /= _RESULTS.get(kind, "result.bin")
    elif str(to).endswith(("/", os.sep)):
        raise InputError(f"there is no folder {to}; make it, or name a file")
    if target.exists() and not overwrite:
        raise InputError(f"{target} is there already; choose another name, or pass overwrite=True")
    return target


def cancel_job(job: ServiceJob | str, *, token: str | None = None, timeout: float = 60.0) -> ServiceJob:
    """Give a job up that waits or runs, or delete the result of one that is done, and return it.

    Raises
    ------
    RequestError
        If there is no such job, it ended otherwise, or its result is being downloaded.
    InputError, LoginError, ServiceError
        As :func:`submit_job`.
    """
    service, address = _place(job)
    with _session(service, token) as session:
        told = _ask(session, "DELETE", address, timeout)
    return read_job(told, service, public_url(service))


def _service(url: str) -> str:
    """Return the address of a service, without a slash at its end."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise InputError(f"url {public_url(url)!r} is no address of a service, such as http://127.0.0.1:8000")
    return url.rstrip("/")


def _place(job: ServiceJob | str) -> tuple[str, str]:
    """Return the addresses of the service and of the job."""
    address = _service(job.url if isinstance(job, ServiceJob) else job)
    service, word, name = address.rpartition("/jobs/")
    if not (word and name.isascii() and name.isalnum()):
        raise InputError(f"job {public_url(address)!r} is no address of a job, such as http://127.0.0.1:8000/jobs/ID")
    return service, address


@contextmanager
def _session(service: str, token: str | None) -> Iterator[requests.Session]:
    """Yield a session that brings the token."""
    parts = urlsplit(service)
    with requests.Session() as session:
        session.auth = leave_anonymous
        if token is not None:
            if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
                raise LoginError(f"{public_url(service)} would be told the token in the clear; use https")
            if not (token.isascii() and token.isprintable() and token):
                raise InputError("token holds letters that a header cannot have; use letters and digits")
            session.headers["Authorization"] = f"Bearer {token}"
        # A redirect to another host would be told the token.
        session.max_redirects = 0
        yield session


def _get(service: str, address: str, token: str | None, timeout: float) -> Any:
    """Return what an address tells; what may pass is tried again."""
    with _session(service, token) as session:

        def ask() -> Any:
            try:
                return _ask(session, "GET", address, timeout)
            except _BusyError as error:
                raise PassingError(str(error), error.wait) from error

        try:
            return with_retries(ask, _ASKING)
        except PassingError as error:
            raise ServiceError(str(error)) from None


class _BusyError(ServiceError):
    """A service that may answer the next time; `wait` is how long it asks to wait [s], if it does."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


def _ask(session: requests.Session, method: str, address: str, timeout: float, body: str | None = None) -> Any:
    """Return the JSON of an answer, or raise what it is refused with."""
    shown = public_url(address)
    headers = {} if body is None else {"Content-Type": "application/json"}
    try:
        answer = session.request(
            method, address, data=body, headers=headers, timeout=timeout, stream=True, allow_redirects=False
        )
        with answer:
            content = answer.raw.read(_LONGEST_ANSWER, decode_content=True)
    except requests.TooManyRedirects:
        raise ServiceError(f"{shown} leads elsewhere, where nothing is asked; give the address it leads to") from None
    except requests.Timeout:
        raise _BusyError(f"{shown}: no answer within {timeout:g} s") from None
    # What is read in pieces breaks off with errors that are not those of requests.
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise _BusyError(f"{shown} is not reached ({type(error).__name__})") from None
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        told = None
    if answer.ok and told is not None:
        return told
    raise _refusal(answer, told, shown)


def _refusal(answer: requests.Response, told: Any, shown: str) -> Exception:
    """Return the error of an answer that is none."""
    status = answer.status_code
    error = told.get("error") if isinstance(told, Mapping) else None
    if not isinstance(error, Mapping):
        if status in BUSY:
            return _BusyError(f"{shown} answered HTTP {status}", wait_asked_for(answer.headers))
        if status in (401, 403):
            return LoginError(f"{shown} answered HTTP {status}; give its token")
        return ServiceError(f"{shown} answered HTTP {status}, and nothing of a job; is it an altiflow service?")
    reason, fix = str(error.get("reason")), str(error.get("fix"))
    if status in (401, 403):
        return LoginError(f"{shown}: {reason}; {fix}")
    if status in BUSY:
        return _BusyError(f"{shown}: {reason}; {fix}", wait_asked_for(answer.headers))
    return RequestError(str(error.get("parameter") or ""), error.get("value") or "", reason, fix, status)


def _good(found: ServiceJob) -> ServiceJob:
    """Return a job that is done; raise for one that ended otherwise."""
    if found.state != "done":
        raise _not_done(found)
    return found


def _not_done(found: ServiceJob) -> JobError:
    """Return what tells that there is no result."""
    told = f": {found.message}" if found.message else ""
    fix = "follow it until it is done" if not found.ended else "ask for it anew"
    return JobError(f"job {found.id} is {found.state}{told}; {fix}", found.state, found.message)
