"""Jobs are listed in pages that lose none and tell of none twice, whatever comes meanwhile."""

from __future__ import annotations

import http.server
import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
import requests
from catalogues import make_field
from click.testing import CliRunner

import altiflow as af
from altiflow.cli import main
from altiflow.errors import InputError
from altiflow.explore.jobs import client
from altiflow.explore.service import make_app, start_app
from altiflow.explore.service.jobs import JobBook
from altiflow.files import folder_lock

PLAN = {"kind": "track", "sources": [], "result": "track.zip"}


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> JobBook:
    """Return a book of 130 jobs, of which ten were asked for in one moment."""
    found = JobBook(tmp_path_factory.mktemp("jobs"))
    rows = [(uuid4().hex, json.dumps(PLAN), 7.0 if 60 <= number < 70 else number + 0.5) for number in range(130)]
    with sqlite3.connect(found.folder / "jobs.sqlite") as database:
        sql = "INSERT INTO jobs (id, state, asked, plan, submitted) VALUES (?, 'waiting', '{}', ?, ?)"
        database.executemany(sql, rows)
    database.close()
    return found


@pytest.fixture(scope="module")
def url(book: JobBook) -> Iterator[str]:
    with folder_lock(book.folder), start_app(make_app(fields={"a": make_field()}, jobs=book.folder)) as running:
        yield running.url


def names(told: Any) -> list[str]:
    return [one["id"] for one in told["jobs"]]


def test_pages_hold_each_job_once_while_others_come(book: JobBook, url: str) -> None:
    expected = [job.id for job in book.list(1000)]
    assert len(set(expected)) == len(expected) >= 130
    page = requests.get(f"{url}/jobs", params={"limit": 7}, timeout=30).json()
    assert (page["numberMatched"], page["numberReturned"]) == (len(expected), 7)
    found = names(page)
    while page["links"]:
        (link,) = page["links"]
        assert link["rel"] == "next"
        book.add({}, PLAN)
        page = requests.get(link["href"], timeout=30).json()
        found += names(page)
    assert found == expected


def test_a_page_has_a_hundred_jobs_where_nothing_is_said(book: JobBook, url: str) -> None:
    page = requests.get(f"{url}/jobs", timeout=30).json()
    assert names(page) == [job.id for job in book.list(100)]
    assert len(page["links"]) == 1
    whole = requests.get(f"{url}/jobs", params={"limit": 10**9}, timeout=30).json()
    assert (len(whole["jobs"]), whole["links"]) == (whole["numberMatched"], [])


@pytest.mark.parametrize(
    "asked",
    [{"limit": "0"}, {"limit": "x"}, {"token": "0" * 32}, {"token": "../x"}, {"token": "7"}, {"page": "2"}],
    ids=str,
)
def test_pages_that_are_none_are_refused(asked: dict[str, str], url: str) -> None:
    answer = requests.get(f"{url}/jobs", params=asked, timeout=30)
    assert (answer.status_code, answer.json()["error"]["parameter"]) == (400, next(iter(asked)))


def test_the_client_and_its_command_tell_of_as_many_as_are_asked_for(
    book: JobBook, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [job.id for job in book.list(1000)]
    monkeypatch.setattr(client, "_PAGE", 60)
    assert [job.id for job in af.list_jobs(url)] == expected[:100]
    assert [job.id for job in af.list_jobs(url, count=61)] == expected[:61]
    assert [job.id for job in af.list_jobs(url, count=None)] == expected
    with pytest.raises(InputError, match="count must be 1 or more, or None for all, got 0"):
        af.list_jobs(url, count=0)
    for words, count in (((), 100), (("--count", "2"), 2), (("--all",), len(expected))):
        done = CliRunner().invoke(main, ["jobs", "list", url, *words], catch_exceptions=False)
        assert [line.split()[0] for line in done.output.splitlines()] == expected[:count]


def test_a_next_page_elsewhere_is_not_asked_for_and_one_in_a_circle_once() -> None:
    """The server is a stranger: its links lead to another host, and round."""
    asked: list[str] = []

    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            token = parse_qs(urlsplit(self.path).query).get("token", ["a"])[0]
            asked.append(f"{self.headers['Host']} {token}")
            link = {"rel": "next", "href": f"http://evil.example.org/jobs?token={'b' if token == 'a' else 'a'}"}
            body = json.dumps({"jobs": [{"id": token, "kind": "cube", "state": "done"}], "links": [link]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Other)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        found = af.list_jobs(f"http://127.0.0.1:{server.server_port}", count=None)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert [job.id for job in found] == ["a", "b", "a"]
    assert asked == [f"127.0.0.1:{server.server_port} {token}" for token in "aba"]


def test_a_book_of_before_is_listed_too(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "jobs.sqlite") as database:
        database.execute(
            "CREATE TABLE jobs (id TEXT PRIMARY KEY, state TEXT NOT NULL, asked TEXT NOT NULL, plan TEXT NOT NULL, "
            "attempts INTEGER NOT NULL DEFAULT 0, message TEXT NOT NULL DEFAULT '', submitted REAL NOT NULL, "
            "started REAL, ended REAL)"
        )
        for name in "ab":
            database.execute(
                "INSERT INTO jobs (id, state, asked, plan, submitted) VALUES (?, 'done', '{}', '{}', 7)", (name,)
            )
    database.close()
    book = JobBook(tmp_path)
    assert [job.id for job in book.list(1)] == ["b"]
    assert [job.id for job in book.list(1, after="b")] == ["a"]
