"""Jobs are done, told of, given up, and taken up again by a server that was killed."""

from __future__ import annotations

import json
import os
import threading
import time
import zipfile
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from standins import BREAKS, FAILS, FULL, MAKES, STOPPED, WAITS, is_there, use, wait_until

from altiflow.errors import RequestError
from altiflow.explore.service import EmbeddedStore, ServiceLimits, make_app, start_app
from altiflow.explore.service.catalogues import ServedCatalogue
from altiflow.explore.service.jobs import Job, JobBook, JobRunner, give_up, plan_job, runner
from altiflow.explore.work import process as work
from altiflow.gridding import build_cube, grid_covering
from altiflow.gridding.cubes.building.store import CubeStore
from altiflow.readers import (
    make_pairs,
    read_velocity,
    search_pairs,
    write_pairs,
)

PLAN = {"kind": "cube", "sources": ["/none/deep/a.nc", "https://host.org/b.nc"], "result": "cube.zip"}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a catalogue of pairs that are on this machine."""
    folder = tmp_path_factory.mktemp("pairs")
    sample = make_pairs(folder, pairs=8)
    return write_pairs(search_pairs(source=sample.index), folder / "catalogue.parquet")


def asked_of(pairs: Path) -> dict[str, Any]:
    """Return a request for a cube in the middle of the pairs."""
    west, south, east, north = search_pairs(source=pairs).total_bounds
    x, y = (west + east) / 2, (south + north) / 2
    box = f"{x - 0.03},{y - 0.01},{x + 0.03},{y + 0.01}"
    return {"kind": "cube", "search": {"bbox": box}, "epsg": 3031, "cell": 240}


def test_a_cube_tells_how_far_it_is_goes_on_from_there_and_is_that_of_the_library(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asked_of(pairs)
    plan = plan_job(asked, [ServedCatalogue(EmbeddedStore(pairs), ServiceLimits())])
    (tmp_path / work.PLAN).write_text(json.dumps(plan))
    told: list[tuple[float, str]] = []
    monkeypatch.setattr(work.ProgressFile, "_write", lambda self: told.append((self._share, self._stage)))

    class StopError(Exception):
        """The server stops."""

    note, noted = CubeStore.note, []

    def stop(self: CubeStore, piece: str) -> None:
        note(self, piece)
        noted.append(piece)
        if len(noted) == 1:
            raise StopError

    monkeypatch.setattr(CubeStore, "note", stop)
    with pytest.raises(StopError):
        work.main(str(tmp_path), str(os.getppid()))
    before, count = told[:], len(noted)
    told.clear()
    assert work.main(str(tmp_path), str(os.getppid())) == 0
    assert len(set(noted)) == len(noted) >= count
    for shares in ([share for share, _ in before], [share for share, _ in told]):
        assert shares == sorted(shares)
    assert list(dict.fromkeys(stage for _, stage in told)) == ["", "open", "cube", "packing"]
    # What was there before counts as done when the cube goes on.
    assert next(share for share, stage in told if stage == "cube") > 0.1
    assert told[-1] == (1.0, "packing")
    with zipfile.ZipFile(tmp_path / "cube.zip") as archive:
        archive.extractall(tmp_path)
    cube = read_velocity(tmp_path / "cube.zarr")
    region = tuple(float(part) for part in asked["search"]["bbox"].split(","))
    found = search_pairs(region, source=pairs)
    expected = build_cube(found["url"].tolist(), grid_covering(region, 3031, 240), metric="ground", on_error="skip")
    assert cube.sizes == expected.sizes
    assert np.isfinite(cube["vx"].values).any()
    np.testing.assert_array_equal(cube["vx"].values, expected["vx"].values)


def test_work_ends_when_its_server_is_gone_even_before_it_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert work.main(str(tmp_path), "1") == 3
    ended: list[int] = []
    # Threads that other tests began ask the same.
    of_this_one = {threading.get_ident(): iter([77, 77, 1])}
    parent = os.getppid()
    monkeypatch.setattr(work.os, "getppid", lambda: next(of_this_one.get(threading.get_ident(), repeat(parent))))
    monkeypatch.setattr(work.os, "_exit", ended.append)
    pause = time.sleep
    monkeypatch.setattr(work, "sleep", lambda seconds: pause(0.01))
    work._end_with_parent(77)
    assert ended == [3]
    assert list(tmp_path.iterdir()) == []


def test_a_result_that_is_there_is_not_made_anew_of_what_is_left(tmp_path: Path) -> None:
    (tmp_path / "cube.zip").write_bytes(b"whole")
    (tmp_path / "making" / "cube.zarr").mkdir(parents=True)
    (tmp_path / "making" / "cube.zarr" / "half").touch()
    assert work.do_work(PLAN, tmp_path).read_bytes() == b"whole"
    assert [path.name for path in tmp_path.iterdir()] == ["cube.zip"]


def test_work_that_finds_no_file_says_so(tmp_path: Path, pairs: Path) -> None:
    region = "POLYGON ((0 -80, 1 -80, 1 -79, 0 -79, 0 -80))"
    plan = {**PLAN, "sources": ["/none/a.nc"], "region": region, "epsg": 3031, "cell": 240}
    (tmp_path / work.PLAN).write_text(json.dumps(plan))
    assert work.main(str(tmp_path), str(os.getppid())) == 1
    assert "Error: " in (tmp_path / work.REASON).read_text()


def finished(book: JobBook, job: Job) -> Job:
    """Return a job when it neither waits nor runs."""
    wait_until(lambda: book.find(job.id).state not in ("waiting", "running"))
    return book.find(job.id)


@pytest.fixture
def book(tmp_path: Path) -> JobBook:
    return JobBook(tmp_path / "jobs")


def test_failures_are_told_without_folders_and_later_jobs_go_on(book: JobBook, monkeypatch: pytest.MonkeyPatch) -> None:
    working = JobRunner(book, seconds=0.5)
    working.start()
    use(FAILS, monkeypatch)
    assert finished(book, book.add({}, PLAN)).message == "OSError: a.nc is not in its folder"
    use(FULL, monkeypatch)
    assert finished(book, book.add({}, PLAN)).message == "OSError: no space left on device: 'cube.zip.part'"
    use(BREAKS, monkeypatch)
    assert finished(book, book.add({}, PLAN)).message == "KeyError: 3"
    use(WAITS, monkeypatch)
    late = finished(book, book.add({}, PLAN))
    assert (late.state, late.message) == ("failed", "it took longer than 0.5 s")
    monkeypatch.setattr(runner, "PROGRAM", ("/none/program",))
    lacking = finished(book, book.add({}, PLAN))
    assert (lacking.state, lacking.message) == ("failed", "the server cannot do it: No such file or directory")
    use(MAKES, monkeypatch)
    assert finished(book, book.add({}, PLAN)).state == "done"
    working.close()


def test_a_job_that_is_done_while_it_is_given_up_loses_its_result(book: JobBook) -> None:
    job = book.add({}, PLAN)
    running = book.take()
    (book.work_folder(job) / "cube.zip").write_bytes(b"made")
    book.end(job.id, "done")
    give_up(book, running)
    assert (book.find(job.id).state, (book.folder / job.id).exists()) == ("deleted", False)
    with pytest.raises(RequestError, match="the job is deleted already"):
        give_up(book, running)


def test_a_book_that_cannot_be_used_is_tried_again_and_told_now_and_then(
    book: JobBook, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(runner, "_RETRY", 0.5)
    monkeypatch.setattr(JobBook, "take_up_again", lambda self: 1 / 0)
    working = JobRunner(book)
    working.start()
    wait_until(lambda: caplog.records)
    time.sleep(0.3)
    assert len(caplog.records) == 1
    monkeypatch.undo()
    use(MAKES, monkeypatch)
    assert finished(book, book.add({}, PLAN)).state == "done"
    working.close()


def test_a_job_that_is_given_up_ends_and_leaves_nothing(book: JobBook, monkeypatch: pytest.MonkeyPatch) -> None:
    use(WAITS, monkeypatch)
    working = JobRunner(book)
    working.start()
    job = book.add({}, PLAN)
    wait_until((book.folder / job.id / "begun").exists)
    pid = int((book.folder / job.id / "pid").read_text())
    assert os.getsid(pid) != os.getsid(0)
    assert book.end(job.id, "cancelled")
    assert not book.end(job.id, "cancelled")
    wait_until(lambda: not (book.folder / job.id).exists())
    assert not is_there(pid)
    assert book.find(job.id).state == "cancelled"
    working.close()


def test_a_job_whose_work_is_stopped_with_the_server_waits_for_the_next(
    book: JobBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(STOPPED, monkeypatch)
    first = JobRunner(book)
    first.start()
    job = book.add({}, PLAN)
    wait_until((book.folder / job.id / "begun").exists)
    time.sleep(0.5)
    first.close()
    assert book.find(job.id).state == "running"
    use(MAKES, monkeypatch)
    second = JobRunner(book)
    second.start()
    assert (finished(book, job).state, book.find(job.id).attempts) == ("done", 2)
    second.close()


def test_of_two_servers_with_a_folder_one_works_and_the_other_goes_on(
    book: JobBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(WAITS, monkeypatch)
    first, second = JobRunner(book), JobRunner(JobBook(book.folder))
    first.start()
    job = book.add({}, PLAN)
    wait_until((book.folder / job.id / "begun").exists)
    second.start()
    time.sleep(0.5)
    assert book.find(job.id).attempts == 1
    use(MAKES, monkeypatch)
    first.close()
    assert (finished(book, job).state, book.find(job.id).attempts) == ("done", 2)
    second.close()


def test_jobs_are_given_up_over_http(pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(WAITS, monkeypatch)
    with start_app(make_app(EmbeddedStore(pairs), jobs=tmp_path / "jobs")) as running:
        first, second = (
            requests.post(f"{running.url}/jobs", json=asked_of(pairs), timeout=30).headers["location"] for _ in range(2)
        )
        for address in (second, first):
            assert requests.delete(address, timeout=30).json()["state"] == "cancelled"
            assert requests.delete(address, timeout=30).status_code == 409
            assert requests.get(address, timeout=30).json()["state"] == "cancelled"
            assert requests.get(f"{address}/result", timeout=30).status_code == 409


@pytest.fixture(scope="module")
def idle(pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a service that no job is given to."""
    with start_app(make_app(EmbeddedStore(pairs), jobs=tmp_path_factory.mktemp("jobs"))) as running:
        yield running.url


@pytest.mark.parametrize(
    ("change", "status", "parameter"),
    [
        ({"kind": "track"}, 400, "search"),
        ({"kind": []}, 400, "kind"),
        ({"kind": {}}, 400, "kind"),
        ({"cell": [240]}, 400, "cell"),
        ({"kind": "grid"}, 400, "epsg"),
        ({"search": {}}, 400, "search"),
        ({"search": {"bbox": "0,0,1,1"}}, 400, "search"),
        ({"search": {"bbox": "/etc"}}, 400, "bbox"),
        ({"search": {"path": "/etc"}}, 400, "path"),
        ({"search": [1]}, 400, "search"),
        ({"epsg": "3031"}, 400, "epsg"),
        ({"epsg": 4326}, 400, "epsg"),
        ({"epsg": 2}, 400, "epsg"),
        ({"cell": 1}, 400, "cell"),
        ({"out": "/tmp/x"}, 400, "out"),
    ],
    ids=str,
)
def test_jobs_that_mean_nothing_are_refused(
    change: dict[str, Any], status: int, parameter: str, pairs: Path, idle: str
) -> None:
    answer = requests.post(f"{idle}/jobs", json={**asked_of(pairs), **change}, timeout=30)
    assert (answer.status_code, answer.json()["error"]["parameter"]) == (status, parameter), answer.text
    assert requests.get(f"{idle}/jobs", timeout=30).json()["jobs"] == []


def test_strangers_pages_submit_nothing_and_names_are_no_paths(pairs: Path, tmp_path: Path) -> None:
    with start_app(make_app(EmbeddedStore(pairs), jobs=tmp_path / "jobs")) as running:
        answer = requests.post(f"{running.url}/jobs", data=json.dumps(asked_of(pairs)), timeout=30)
        assert answer.status_code == 415
        for name in ("..", "jobs.sqlite", "x" * 32, "..%2fjobs.sqlite"):
            assert requests.get(f"{running.url}/jobs/{name}/result", timeout=30).status_code == 404
        for body in (b"{", b"[]", b"[" * 50_000):
            answer = requests.post(
                f"{running.url}/jobs", data=body, headers={"Content-Type": "application/json"}, timeout=30
            )
            assert (answer.status_code, answer.json()["error"]["parameter"]) == (400, "body")
