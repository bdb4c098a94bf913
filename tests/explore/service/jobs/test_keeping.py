"""Results are kept for some days and while they are downloaded, and deleted when they are asked to be."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import requests
from standins import MAKES, WAITS, use, wait_until

from altiflow.errors import InputError
from altiflow.explore.service import make_app, start_app
from altiflow.explore.service.jobs import Job, JobBook, JobRunner, open_result, runner
from altiflow.explore.service.jobs.keeping import delete_old, delete_result

PLAN = {"kind": "track", "sources": ["/none/a.tif", "/none/b.tif"], "result": "track.zip"}
DAY = 86_400.0


def done(book: JobBook, age: float = 0.0, size: int = 4) -> Job:
    """Return a job that was done so many days ago."""
    job = book.add({"kind": "track"}, PLAN)
    book.take()
    (book.work_folder(job) / "track.zip").write_bytes(b"made" * (size // 4))
    book.end(job.id, "done")
    with sqlite3.connect(book.folder / "jobs.sqlite") as database:
        database.execute("UPDATE jobs SET ended = ended - ? WHERE id = ?", (age * DAY, job.id))
    database.close()
    return book.find(job.id)


@pytest.fixture
def book(tmp_path: Path) -> JobBook:
    return JobBook(tmp_path / "jobs")


def test_old_results_go_and_young_ones_stay(book: JobBook) -> None:
    old, young = done(book, 31), done(book, 29)
    failed = book.add({}, PLAN)
    book.work_folder(failed)
    book.end(failed.id, "failed", "why")
    assert delete_old(book, 30) == 1
    assert [book.find(job.id).state for job in (old, young, failed)] == ["deleted", "done", "failed"]
    assert book.find(old.id).message == "its result was deleted 30 days after it was made"
    assert [(book.folder / job.id).is_dir() for job in (old, young, failed)] == [False, True, True]
    assert delete_old(book, 30) == 0
    assert delete_old(book, 1e-9) == 1
    assert not (book.folder / failed.id).exists()
    assert book.find(failed.id).state == "failed"


def test_what_a_killed_server_left_of_a_deletion_goes_with_the_next(book: JobBook) -> None:
    job = done(book)
    assert book.forget(job.id, "its result was deleted as asked")
    assert (book.folder / job.id).is_dir()
    delete_old(book, 30)
    assert not (book.folder / job.id).exists()


def test_a_result_that_is_read_stays_whoever_reads_it(book: JobBook) -> None:
    job = done(book, 40)
    path = book.result(job)
    first, second = open_result(path), open_result(path)
    assert delete_old(JobBook(book.folder), 30) == 0
    first.close()
    assert not delete_result(book, job, "as asked")
    assert second.read() == b"made"
    second.close()
    assert delete_old(book, 30) == 1
    assert open_result(path) is None


@pytest.fixture
def served(scenes: Any, book: JobBook, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, JobBook]:
    monkeypatch.setattr(runner, "_TIDY", 0.0)
    return scenes, book


def test_a_result_is_deleted_over_http_but_not_under_a_download(
    served: tuple[Any, JobBook], monkeypatch: pytest.MonkeyPatch
) -> None:
    scenes, book = served
    job, old = done(book, size=64_000_000), done(book, 40)
    with start_app(make_app(scenes=scenes, jobs=book.folder)) as running:
        address = f"{running.url}/jobs/{job.id}"
        wait_until(lambda: book.find(old.id).state == "deleted")
        gone = requests.get(f"{running.url}/jobs/{old.id}/result", timeout=30)
        assert (gone.status_code, gone.json()["error"]["fix"]) == (410, "ask for the job anew")
        with requests.get(f"{address}/result", timeout=30, stream=True) as coming:
            first = coming.raw.read(1000)
            refused = requests.delete(address, timeout=30)
            assert (refused.status_code, refused.json()["error"]["reason"]) == (409, "its result is being downloaded")
            assert len(first) + sum(map(len, coming.iter_content(1 << 20))) == 64_000_000
        wait_until(lambda: requests.delete(address, timeout=30).status_code == 200)
        told = requests.get(address, timeout=30).json()
        assert (told["state"], told["message"], len(told["links"])) == ("deleted", "its result was deleted as asked", 1)
        assert requests.delete(address, timeout=30).status_code == 409
        assert not (book.folder / job.id).exists()


def test_a_download_can_be_continued(served: tuple[Any, JobBook]) -> None:
    scenes, book = served
    job = done(book, size=400)
    with start_app(make_app(scenes=scenes, jobs=book.folder)) as running:
        answer = requests.get(f"{running.url}/jobs/{job.id}/result", headers={"Range": "bytes=390-"}, timeout=30)
    assert (answer.status_code, answer.content) == (206, b"demade" + b"made")


def test_old_results_go_while_a_job_runs(book: JobBook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "_TIDY", 0.0)
    use(WAITS, monkeypatch)
    working = JobRunner(book, keep_days=30)
    working.start()
    job = book.add({}, PLAN)
    wait_until((book.folder / job.id / "begun").exists)
    old = done_beside(book, job)
    wait_until(lambda: book.find(old.id).state == "deleted")
    assert book.find(job.id).state == "running"
    working.close()


def done_beside(book: JobBook, running: Job) -> Job:
    """Return an old job that is done, while another runs."""
    job = book.add({}, PLAN)
    (book.work_folder(job) / "track.zip").write_bytes(b"made")
    with sqlite3.connect(book.folder / "jobs.sqlite") as database:
        database.execute("UPDATE jobs SET state = 'done', ended = ? WHERE id = ?", (time.time() - 40 * DAY, job.id))
    database.close()
    assert running.id != job.id
    return job


def test_many_readers_and_deleters_lose_nothing(book: JobBook) -> None:
    """Whoever begins to read reads all, and of many who delete one does."""
    jobs = [done(book, size=40_000) for _ in range(10)]
    sizes: list[int] = []
    deleted: list[bool] = []

    def read() -> None:
        for job in jobs:
            held = open_result(book.result(job))
            if held is not None:
                with held:
                    sizes.append(len(held.read()))

    def delete() -> None:
        deleted.extend(delete_result(book, job, "as asked") for job in jobs)

    threads = [threading.Thread(target=work) for work in (read, delete) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(sizes) <= {40_000}
    delete_old(book, 1e-9)
    assert sum(deleted) <= 10
    assert not any((book.folder / job.id).exists() for job in jobs)


def test_days_that_mean_nothing_are_refused(scenes: Any) -> None:
    with pytest.raises(InputError, match="keep_days must be above 0, got 0"):
        make_app(scenes=scenes, keep_days=0)


def test_two_servers_with_one_folder_tell_and_hand_out_the_same(
    served: tuple[Any, JobBook], monkeypatch: pytest.MonkeyPatch
) -> None:
    scenes, book = served
    use(MAKES, monkeypatch)
    app = (make_app(scenes=scenes, jobs=book.folder) for _ in range(2))
    with start_app(next(app)) as one, start_app(next(app)) as two:
        asked = {"kind": "track", "scenes": scenes["scene"].tolist()}
        name = requests.post(f"{two.url}/jobs", json=asked, timeout=30).json()["id"]
        wait_until(lambda: requests.get(f"{two.url}/jobs/{name}", timeout=30).json()["state"] == "done")
        for url in (one.url, two.url):
            assert requests.get(f"{url}/jobs/{name}/result", timeout=30).content == b"made"
        with requests.get(f"{one.url}/jobs/{name}/result", timeout=30, stream=True) as coming:
            assert coming.content == b"made"
        wait_until(lambda: requests.delete(f"{two.url}/jobs/{name}", timeout=30).status_code == 200)
        assert requests.get(f"{one.url}/jobs/{name}/result", timeout=30).status_code == 410
