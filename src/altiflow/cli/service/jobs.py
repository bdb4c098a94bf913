"""`altiflow jobs`: work that a service does."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from altiflow.cli.options import quiet_option, saying, told
from altiflow.cli.service.tokens import read_token
from altiflow.errors import InputError
from altiflow.explore.jobs import (
    ServiceJob,
    cancel_job,
    fetch_result,
    find_job,
    follow_job,
    list_jobs,
    submit_job,
)
from altiflow.explore.jobs.client import result_path

__all__ = ["jobs"]

Command = Callable[..., Any]
_token_option = click.option("--token-file", help="File with the secret of the service.")
_out_option = click.option("--out", "-o", help="File or folder for the result, which is waited for.")
_overwrite_option = click.option("--overwrite", is_flag=True, help="Replace a file that is there.")


@click.group()
def jobs() -> None:
    """Ask a service for cubes, grids and tracked pairs, follow them, and fetch what comes of them.

    \b
    altiflow jobs submit http://127.0.0.1:8000 plan.json -o results/
    altiflow jobs list http://127.0.0.1:8000
    altiflow jobs result http://127.0.0.1:8000 ID -o cube.zip
    """


@jobs.command()
@click.argument("url")
@click.argument("plan")
@_out_option
@_overwrite_option
@_token_option
@quiet_option
@told
def submit(url: str, plan: str, out: str | None, overwrite: bool, token_file: str | None, quiet: bool) -> None:
    """Ask the service at URL for a job, and print its name.

    PLAN is JSON: a file, - for what comes in, or the text itself.

    \b
    altiflow jobs submit http://127.0.0.1:8000 plan.json
    altiflow jobs submit http://127.0.0.1:8000 '{"kind": "track", "scenes": ["A", "B"]}' -o pair.zip
    """
    token, asked = _token(token_file), _read_plan(plan)
    if out is not None:
        result_path(out, str(asked.get("kind")), overwrite=overwrite)
    job = submit_job(url, asked, token=token)
    click.echo(job.id)
    if out is not None:
        _fetch(job, out, overwrite, token, quiet)


@jobs.command("list")
@click.argument("url")
@click.option("--count", type=click.IntRange(min=1), default=100, show_default=True, help="How many at most.")
@click.option("--all", "whole", is_flag=True, help="All that there are.")
@_token_option
@told
def list_(url: str, count: int, whole: bool, token_file: str | None) -> None:
    """List the newest jobs of the service at URL, the newest first.

    \b
    altiflow jobs list http://127.0.0.1:8000
    altiflow jobs list http://127.0.0.1:8000 --all
    """
    for job in list_jobs(url, count=None if whole else count, token=_token(token_file)):
        click.echo(_line(job))


@jobs.command()
@click.argument("url")
@click.argument("name", metavar="ID")
@click.option("--follow", is_flag=True, help="Wait until it ended, and exit with 1 where it has no result.")
@_token_option
@quiet_option
@told
def status(url: str, name: str, follow: bool, token_file: str | None, quiet: bool) -> None:
    """Say how far the job ID of the service at URL is.

    \b
    altiflow jobs status http://127.0.0.1:8000 ID
    altiflow jobs status http://127.0.0.1:8000 ID --follow
    """
    token, place = _token(token_file), _place(url, name)
    job = follow_job(place, token=token, quiet=quiet) if follow else find_job(place, token=token)
    click.echo(_line(job))


@jobs.command()
@click.argument("url")
@click.argument("name", metavar="ID")
@click.option("--out", "-o", required=True, help="File, or a folder that is there.")
@_overwrite_option
@_token_option
@quiet_option
@told
def result(url: str, name: str, out: str, overwrite: bool, token_file: str | None, quiet: bool) -> None:
    """Wait for the job ID of the service at URL, and write its result.

    \b
    altiflow jobs result http://127.0.0.1:8000 ID -o cube.zip
    """
    token = _token(token_file)
    job = find_job(_place(url, name), token=token)
    result_path(out, job.kind, overwrite=overwrite)
    _fetch(job, out, overwrite, token, quiet)


@jobs.command()
@click.argument("url")
@click.argument("name", metavar="ID")
@_token_option
@told
def cancel(url: str, name: str, token_file: str | None) -> None:
    """Give the job ID of the service at URL up, or delete its result if it is done.

    \b
    altiflow jobs cancel http://127.0.0.1:8000 ID
    """
    click.echo(_line(cancel_job(_place(url, name), token=_token(token_file))))


def _token(path: str | None) -> str | None:
    return None if path is None else read_token(path)


def _place(url: str, name: str) -> str:
    """Return the address of a job."""
    if not (name.isascii() and name.isalnum()):
        raise InputError(f"{name!r} is no name of a job; altiflow jobs list tells them")
    return f"{url.rstrip('/')}/jobs/{name}"


def _read_plan(given: str) -> Any:
    """Return a plan from a file, from what comes in, or from the text itself."""
    if given == "-":
        text = sys.stdin.read()
    elif given.lstrip().startswith("{"):
        text = given
    else:
        path = Path(given)
        if not path.is_file():
            raise InputError(f"there is no file {given}; PLAN is JSON: a file, - or the text itself")
        text = path.read_text(encoding="utf-8")
    try:
        plan = json.loads(text)
    except ValueError as error:
        raise InputError(f"the plan is no JSON ({error}); write such as {_EXAMPLE}") from error
    if not isinstance(plan, dict):
        raise InputError(f"the plan is a {type(plan).__name__}; write such as {_EXAMPLE}")
    return plan


_EXAMPLE = '{"kind": "track", "scenes": ["A", "B"]}'


def _fetch(job: ServiceJob, out: str, overwrite: bool, token: str | None, quiet: bool) -> None:
    """Wait for a job, and write its result."""
    done = follow_job(job, token=token, quiet=quiet)
    saying(quiet)(f"result: {fetch_result(done, to=out, overwrite=overwrite, token=token)}")


def _line(job: ServiceJob) -> str:
    """Return what is known of a job, in a line."""
    percent = "" if job.progress is None or job.ended else f" {100 * job.progress:.0f} %"
    told = [f"{job.id}  {job.kind:5}  {job.state}{percent}", job.stage, job.message]
    if job.taken_up is not None and not job.ended:
        told.append(f"taken up {job.taken_up}")
    return "  ".join(part for part in told if part)
