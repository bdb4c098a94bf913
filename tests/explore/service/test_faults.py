"""What goes wrong costs no more than it has to: clients that go away, full disks, faults of the service's own."""

from __future__ import annotations

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from catalogues import Both, make_field

from altiflow.errors import RequestError, WriteError
from altiflow.explore.service import EmbeddedStore, guard, make_app, start_app
from altiflow.explore.service.guard import Guard
from altiflow.explore.service.jobs import JobBook, JobRunner, runner

PLAN = {"kind": "cube", "sources": ["/data/a.nc"], "result": "cube.zip"}
POST = {"type": "http", "method": "POST", "path": "/search", "headers": [(b"host", b"localhost")], "query_string": b""}


def guarded(messages: list[dict[str, Any]], *, then: float = 0.0) -> tuple[list[Any], list[Any]]:
    """Return what the application behind a guard is asked, and what is sent, for a request that comes in pieces."""
    asked: list[Any] = []
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        asked.append((await receive())["body"])

    async def receive() -> dict[str, Any]:
        if not messages:
            await asyncio.sleep(then)
            return {"type": "http.disconnect"}
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    watched = Guard(app, token=None, hosts=("localhost",), query_bytes=100, body_bytes=100)
    asyncio.run(watched(POST, receive, send))
    return asked, sent


def piece(body: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_body_that_breaks_off_is_not_taken_for_a_whole_one() -> None:
    assert guarded([piece(b'{"ids": ["a"]}', more=True)]) == ([], [])
    assert guarded([piece(b'{"ids"', more=True), piece(b': ["a"]}', more=False)])[0] == [b'{"ids": ["a"]}']


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_PATIENCE", 0.05)
    asked, sent = guarded([piece(b"{", more=True)], then=60)
    assert (asked, sent[0]["status"]) == ([], 408)
    assert json.loads(sent[1]["body"])["error"]["parameter"] == "body"


def test_many_who_ask_at_once_get_no_more_jobs_than_are_allowed(tmp_path: Path) -> None:
    runners = [JobRunner(JobBook(tmp_path), most_open=5) for _ in range(2)]
    refused: list[tuple[int, bool]] = []

    def plan(asked: Any) -> dict[str, Any]:
        time.sleep(0.05)
        return PLAN

    def submit(number: int) -> bool:
        try:
            runners[number % 2].submit({}, plan)
        except RequestError as error:
            refused.append((error.status, "5 jobs wait or run already" in str(error)))
            return False
        return True

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(submit, range(12))) == 5
    assert refused == [(503, True)] * 7
    assert len(runners[0].book.list()) == 5


def test_a_job_that_finds_the_disk_full_fails_and_the_next_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = JobBook(tmp_path)
    first, second = book.add({}, PLAN), book.add({}, PLAN)
    done: list[str] = []

    def full(path: Path) -> None:
        raise WriteError(f"{path} cannot be written: No space left on device; make room, or choose another path")

    working = JobRunner(book)
    monkeypatch.setattr(runner, "whole_file", full)
    working._do_next()
    monkeypatch.setattr(working, "_do", lambda job: done.append(job.id))
    working._do_next()
    told = book.find(first.id)
    assert (told.state, done) == ("failed", [second.id])
    assert "the server cannot do it: plan.json cannot be written: No space left on device" in told.message
    assert str(tmp_path) not in told.message


def test_a_request_for_a_job_has_a_length(tmp_path: Path) -> None:
    with start_app(make_app(fields={"a": make_field()}, jobs=tmp_path)) as running:
        told = {"kind": "cube", "search": {"bbox": "0,0,1,1" + " " * 300_000}}
        answer = requests.post(f"{running.url}/jobs", json=told, timeout=30)
    assert (answer.status_code, answer.json()["error"]["parameter"]) == (413, "body")


def test_rows_that_nobody_fetches_hold_nothing_open(catalogues: Both) -> None:
    store = EmbeddedStore(catalogues.pairs_file)
    database, opened = store._database, []

    class Watched:
        """The database, whose cursors are counted."""

        def cursor(self) -> Any:
            opened.append(database.cursor())
            return opened[-1]

    store._database = Watched()
    answer = store.rows(np.arange(10), ("granule",))
    assert len(next(answer)) == 10
    with pytest.raises(Exception, match=r"(?i)closed"):
        opened[0].execute("SELECT 1")
    database.close()


class Broken:
    """A store with a fault."""

    kind, size, version = "pairs", 1, 0

    def extent(self) -> dict[str, Any]:
        raise RuntimeError("the secret of /etc")

    def close(self) -> None:
        """Hold nothing."""


def test_a_fault_of_the_service_is_told_in_its_form_and_without_what_it_is() -> None:
    with start_app(make_app(Broken())) as running:
        answer = requests.get(f"{running.url}/collections", timeout=30)
    assert answer.status_code == 500
    assert set(answer.json()["error"]) == {"parameter", "value", "reason", "fix"}
    assert "secret" not in answer.text
