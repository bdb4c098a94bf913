"""The client of jobs, and its commands: what is asked comes whole, and refusals come with the server's reason."""

from __future__ import annotations

import http.server
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from standins import BEGIN, FAILS, MAKES, WAITS, use, wait_until

import altiflow as af
from altiflow.cli import main
from altiflow.errors import InputError, JobError, LoginError, RequestError, ServiceError
from altiflow.explore.jobs import client
from altiflow.explore.jobs.job import read_job
from altiflow.explore.service import make_app, start_app

TOKEN = "a-secret-of-the-tests-0123"
STEPS = BEGIN + (
    "told = lambda part: (folder / 'progress.json').write_text(json.dumps({'progress': part, 'stage': 'search'}));"
    "told(0.25); (folder / 'begun').touch();"
    "[time.sleep(0.02) for _ in range(3000) if not (folder / 'go').exists()]; told(0.75);"
    "(folder / 'track.zip').write_bytes(b'made' * 1000)"
)


@pytest.fixture
def plan(scenes: Any) -> dict[str, Any]:
    return {"kind": "track", "scenes": scenes["scene"].tolist(), "parameters": {"spacing": 30}}


@pytest.fixture
def url(scenes: Any, tmp_path: Path) -> Iterator[str]:
    with start_app(make_app(scenes=scenes, jobs=tmp_path / "jobs")) as running:
        yield running.url


@pytest.fixture
def altiflow() -> Callable[..., Any]:
    return lambda *words: CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)


def test_a_job_is_followed_to_its_result(
    url: str, plan: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(STEPS, monkeypatch)
    job = af.submit_job(url, plan)
    assert (job.kind, job.asked, job.url) == ("track", plan, f"{url}/jobs/{job.id}")
    wait_until((tmp_path / "jobs" / job.id / "begun").exists)
    seen: list[af.ServiceJob] = []

    def hear(now: af.ServiceJob) -> None:
        seen.append(now)
        if now.progress == 0.25:
            (tmp_path / "jobs" / job.id / "go").touch()

    done = af.follow_job(job, heard=hear, every=0.05)
    assert (done.state, done.progress, done.ended) == ("done", 1.0, True)
    told = [one.progress for one in seen]
    assert told == sorted(told)
    assert ("running", 0.25, "search") in {(one.state, one.progress, one.stage) for one in seen}
    path = af.fetch_result(done, to=tmp_path)
    assert (path.name, path.read_bytes()) == ("track.zip", b"made" * 1000)
    with pytest.raises(InputError, match=r"track.zip is there already"):
        af.fetch_result(done.url, to=path)
    assert af.fetch_result(done.url, to=path, overwrite=True) == path
    assert [one.id for one in af.list_jobs(url)] == [job.id]
    assert af.cancel_job(done).state == "deleted"
    with pytest.raises(JobError, match="is deleted: its result was deleted as asked; ask for it anew") as caught:
        af.fetch_result(done, to=tmp_path / "again.zip")
    assert (caught.value.state, caught.value.reason) == ("deleted", "its result was deleted as asked")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["jobs", "track.zip"]


def test_refusals_come_with_parameter_reason_and_fix(url: str, plan: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match=r"chip=23 is odd.*; use 24") as caught:
        af.submit_job(url, {**plan, "parameters": {"chip": 23}})
    error = caught.value
    assert (error.parameter, error.value, error.status) == ("chip", "23", 400)
    with pytest.raises(RequestError, match="there is no job") as caught:
        af.find_job(f"{url}/jobs/{'0' * 32}")
    assert caught.value.status == 404
    with pytest.raises(InputError, match="plan is not ready for JSON"):
        af.submit_job(url, {"kind": {1, 2}})
    with pytest.raises(InputError, match="plan is not ready for JSON"):
        af.submit_job(url, {"kind": float("nan")})


def test_failed_and_cancelled_jobs_are_told_with_the_reason(
    url: str, plan: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(FAILS, monkeypatch)
    job = af.submit_job(url, plan)
    with pytest.raises(JobError, match=r"is failed: OSError: /none/deep/a\.nc") as caught:
        af.follow_job(job, every=0.05)
    assert caught.value.state == "failed"
    with pytest.raises(RequestError, match="the job is failed already"):
        af.cancel_job(job)
    use(WAITS, monkeypatch)
    job = af.submit_job(url, plan)
    with pytest.raises(JobError, match="follow it until it is done"):
        af.fetch_result(job, to=tmp_path)
    assert af.cancel_job(job.url).state == "cancelled"
    with pytest.raises(JobError, match="is cancelled; ask for it anew"):
        af.follow_job(job)


def test_a_service_that_is_started_anew_is_waited_for(
    scenes: Any, plan: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(WAITS, monkeypatch)
    with start_app(make_app(scenes=scenes, jobs=tmp_path / "jobs")) as first:
        job = af.submit_job(first.url, plan)
        wait_until((tmp_path / "jobs" / job.id / "begun").exists)
        port = int(first.url.rpartition(":")[2])
    monkeypatch.setattr(client, "_ASKING", af.Retries(attempts=1))
    with pytest.raises(ServiceError, match="is not reached"):
        af.follow_job(job, every=0.02, patience=0.1)
    use(MAKES, monkeypatch)
    done: list[af.ServiceJob] = []
    waiting = threading.Thread(target=lambda: done.append(af.follow_job(job, every=0.05)))
    waiting.start()
    with start_app(make_app(scenes=scenes, jobs=tmp_path / "jobs"), port=port):
        waiting.join(60)
    assert (done[0].state, done[0].attempts, done[0].taken_up) == ("done", 2, "after its last stage")


def test_the_token_is_sent_and_never_shown(scenes: Any, plan: dict[str, Any], tmp_path: Path) -> None:
    with start_app(make_app(scenes=scenes, jobs=tmp_path / "jobs", token=TOKEN)) as running:
        assert af.list_jobs(running.url, token=TOKEN) == []
        with pytest.raises(LoginError, match="the token is missing or wrong") as caught:
            af.submit_job(running.url, plan, token=f"{TOKEN}x")
        assert TOKEN not in str(caught.value)
    with pytest.raises(LoginError, match="in the clear; use https") as caught:
        af.list_jobs("http://ice.example.org", token=TOKEN)
    assert TOKEN not in str(caught.value)
    with pytest.raises(InputError, match="letters that a header cannot have") as caught:
        af.list_jobs(running.url, token=f"{TOKEN}\n")
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("address", ["ftp://host", "host", "http://", "http://host/?a=1", ""])
def test_addresses_that_are_none_are_refused(address: str) -> None:
    with pytest.raises(InputError, match="is no address of a service"):
        af.list_jobs(address)
    with pytest.raises(InputError, match="is no address of a"):
        af.find_job(address)
    with pytest.raises(InputError, match="is no address of a job"):
        af.find_job("http://host/jobs/../../etc")


@pytest.mark.parametrize(
    ("status", "body", "error", "told"),
    [
        (200, b"<html>", ServiceError, "is it an altiflow service"),
        (200, b"[1]", ServiceError, "told of no jobs"),
        (200, b'{"jobs": [{"id": "../x", "state": "done"}]}', ServiceError, "told of no job"),
        (200, b'{"jobs": [7]}', ServiceError, "told of no job"),
        (302, b"{}", ServiceError, "leads elsewhere"),
        (500, b"{}", ServiceError, "HTTP 500"),
        (503, b'{"error": {"reason": "too many jobs", "fix": "come back"}}', ServiceError, "too many jobs; come back"),
        (403, b"no", LoginError, "HTTP 403"),
        (404, b"no", ServiceError, "HTTP 404"),
    ],
    ids=str,
)
def test_answers_of_others_are_told_as_such(
    status: int, body: bytes, error: type[Exception], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_ASKING", af.Retries(attempts=2, wait=0.0))
    asked: list[str | None] = []

    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers["Authorization"])
            self.send_response(status)
            self.send_header("Location", f"http://localhost:{server.server_port}/else")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Other)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        with pytest.raises(error, match=re.escape(told)):
            af.list_jobs(f"http://127.0.0.1:{server.server_port}", token=TOKEN)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert asked == [f"Bearer {TOKEN}"] * (2 if status >= 500 else 1)


@pytest.mark.parametrize("word", ["", "submit", "list", "status", "result", "cancel"])
def test_help_has_an_example(word: str, altiflow: Callable[..., Any]) -> None:
    done = altiflow("jobs", *([word] if word else []), "--help")
    assert re.search(rf"^  altiflow jobs {word} ?.*http", done.output, re.MULTILINE)


def test_the_commands_take_a_job_from_plan_to_file(
    scenes: Any,
    plan: dict[str, Any],
    tmp_path: Path,
    altiflow: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use(MAKES, monkeypatch)
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    secret = ("--token-file", tmp_path / "token")
    with start_app(make_app(scenes=scenes, jobs=tmp_path / "jobs", token=TOKEN)) as running:
        done = altiflow("jobs", "submit", running.url, tmp_path / "plan.json", "-o", tmp_path / "pair.zip", *secret)
        assert done.exit_code == 0, done.output
        assert (tmp_path / "pair.zip").read_bytes() == b"made"
        name = done.output.split()[0]
        assert altiflow("jobs", "list", running.url, *secret).output == f"{name}  track  done\n"
        assert altiflow("jobs", "status", running.url, name, "--follow", *secret).output == f"{name}  track  done\n"
        taken = altiflow("jobs", "result", running.url, name, "-o", tmp_path / "pair.zip", *secret)
        assert (taken.exit_code, "give --overwrite" in taken.output) == (1, True)
        assert altiflow("jobs", "result", running.url, name, "-o", tmp_path / "b.zip", *secret).exit_code == 0
        gone = altiflow("jobs", "cancel", running.url, name, *secret)
        assert gone.output == f"{name}  track  deleted  its result was deleted as asked\n"
        for words in (["status", running.url, name], ["list", running.url]):
            refused = altiflow("jobs", *words)
            assert (refused.exit_code, "the token is missing or wrong" in refused.output) == (1, True)
            assert TOKEN not in refused.output
        wrong = altiflow("jobs", "submit", running.url, '{"kind": "track", "scenes": ["A", "B"]}', *secret)
        assert "there is no scene 'A'; see /scenes for the names" in wrong.output


@pytest.mark.parametrize("given", ["none.json", "{", "{]"])
def test_plans_that_are_none_are_refused(given: str, altiflow: Callable[..., Any]) -> None:
    done = altiflow("jobs", "submit", "http://127.0.0.1:9", given)
    assert done.exit_code == 1
    assert "JSON" in done.output
    assert "is no name of a job" in altiflow("jobs", "status", "http://127.0.0.1:9", "../x").output


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "said",
    [
        HEAD + b'Content-Length: 500\r\n\r\n{"jobs":',
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\nzz",
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nabcde",
        b"not HTTP\r\n\r\n",
        b"",
    ],
)
def test_an_answer_that_breaks_off_is_as_none(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_ASKING", af.Retries(attempts=3, wait=0.0))
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"

        def answer() -> None:
            for _ in range(3):
                connection = server.accept()[0]
                connection.recv(65536)
                connection.sendall(said)
                connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(ServiceError, match=r"is not reached.*\(3 tries\)"):
            af.list_jobs(url, timeout=5)
        thread.join()


def test_progress_that_is_no_number_is_not_known() -> None:
    told = {"id": "a", "kind": "cube", "state": "running", "progress": float("nan")}
    assert read_job(told, "http://host", "host").progress is None


def test_a_place_for_the_result_is_looked_at_before_the_job_is_waited_for(
    url: str, plan: dict[str, Any], tmp_path: Path, altiflow: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    use(WAITS, monkeypatch)
    (tmp_path / "track.zip").write_bytes(b"mine")
    for out, told in ((f"{tmp_path}/", "track.zip is there already"), (f"{tmp_path}/none/", "no folder")):
        done = altiflow("jobs", "submit", url, json.dumps(plan), "-o", out)
        assert (done.exit_code, told in done.output) == (1, True), done.output
        assert "overwrite=True" not in done.output
    assert af.list_jobs(url) == []
    job = af.submit_job(url, plan)
    done = altiflow("jobs", "result", url, job.id, "-o", f"{tmp_path}/")
    assert (done.exit_code, "track.zip is there already" in done.output) == (1, True), done.output
    assert (tmp_path / "track.zip").read_bytes() == b"mine"
    af.cancel_job(job)
