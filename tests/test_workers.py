"""One executor: the same results, errors and order, whatever the workers."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from altiflow.errors import AltiflowError, InputError
from altiflow.stop import Stop
from altiflow.workers import each_done, map_each

REQUIRED = os.environ.get("ALTIFLOW_REQUIRE", "")
WAYS = ["serial", "threads", "processes", "dask"]


TASKS = """
import os
import signal
import time
from pathlib import Path


def late_root(number):
    time.sleep(0.02 if number < 3 else 0.0)
    if number < 0:
        raise ValueError(f"{number} is negative")
    return number**0.5


def die_once(told):
    number, folder = told
    mark = Path(folder) / "died"
    if number == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 10 * number


def die(number):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """Yield functions in a module that other processes can import, which modules of tests are not."""
    folder = tmp_path_factory.mktemp("tasks")
    (folder / "altiflow_test_tasks.py").write_text(TASKS)
    sys.path.insert(0, str(folder))
    yield importlib.import_module("altiflow_test_tasks")
    sys.path.remove(str(folder))


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    if "dask" not in REQUIRED:
        pytest.importorskip("distributed", reason="dask is not installed (extra dask)")
    import distributed

    options = {"n_workers": 2, "threads_per_worker": 1, "processes": False, "dashboard_address": ":0"}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as opened:
        yield opened


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> dict[str, Any]:
    if request.param == "dask":
        return {"client": request.getfixturevalue("client")}
    if request.param == "serial":
        return {"workers": 1}
    return {"workers": 2, "kind": request.param}


def test_results_errors_and_their_order_are_the_same_everywhere(tasks: ModuleType, way: dict[str, Any]) -> None:
    assert map_each(tasks.late_root, list(range(12)), **way) == [number**0.5 for number in range(12)]
    assert map_each(tasks.late_root, [], **way) == []
    items = [4, 1, -1, 9, -2, *range(20)]
    with pytest.raises(ValueError, match="-1 is negative"):
        map_each(tasks.late_root, items, **way)
    kept = map_each(tasks.late_root, items, on_error="return", **way)
    assert [str(found) for found in kept] == [
        str(found) for found in map_each(tasks.late_root, items, on_error="return")
    ]
    assert (kept[0], str(kept[2]), str(kept[4])) == (2.0, "-1 is negative", "-2 is negative")


def test_outcomes_come_as_they_are_done_and_no_more_is_begun_than_is_taken() -> None:
    begun = []
    outcomes = each_done(begun.append, range(100))
    assert next(outcomes).index == 0
    outcomes.close()
    assert begun == [0]


def test_what_is_in_work_when_all_is_halted_comes_to_its_end(tasks: ModuleType, way: dict[str, Any]) -> None:
    found: list[Any] = []
    for outcome in each_done(tasks.late_root, list(range(200)), halted=lambda: bool(found), **way):
        found.append(outcome)
    assert 1 <= len(found) < 20
    assert len({outcome.index for outcome in found}) == len(found)
    assert all(outcome.result == outcome.index**0.5 for outcome in found)


def test_threads_share_memory_and_begin_little_after_an_error() -> None:
    seen = set()
    map_each(lambda _: (seen.add(threading.get_ident()), time.sleep(0.01)), range(20), workers=2)
    assert len(seen) == 2
    begun = []

    def fail(number: int) -> None:
        begun.append(number)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        map_each(fail, range(100), workers=2)
    assert len(begun) < 100


def test_a_killed_process_is_replaced_and_its_work_done_again(tasks: ModuleType, tmp_path: Path) -> None:
    items = [(number, str(tmp_path)) for number in range(8)]
    assert map_each(tasks.die_once, items, workers=2, kind="processes") == [10 * number for number in range(8)]
    assert (tmp_path / "died").exists()


def test_processes_that_always_die_are_given_up(tasks: ModuleType) -> None:
    with pytest.raises(AltiflowError, match=r"died 3 times.*fewer workers"):
        map_each(tasks.die, [1, 2, 3], workers=2, kind="processes")


def test_work_that_kills_the_workers_of_a_cluster_is_an_item_that_fails(client: Any) -> None:
    def killing(number: int) -> int:
        from types import SimpleNamespace

        from distributed import KilledWorker

        if number == 1:
            raise KilledWorker("killing", SimpleNamespace(address="here"), 3)
        return number

    found = map_each(killing, [0, 1, 2], client=client, on_error="return")
    assert (found[0], found[2]) == (0, 2)
    assert isinstance(found[1], AltiflowError)
    assert "died while at it, 4 times" in str(found[1])


def test_senseless_choices_are_refused() -> None:
    with pytest.raises(InputError, match="kind='fibres'"):
        map_each(abs, [1], kind="fibres")  # type: ignore[call-overload]
    with pytest.raises(InputError, match="on_error='ignore'"):
        map_each(abs, [1], on_error="ignore")  # type: ignore[call-overload]
    with pytest.raises(InputError, match=r"lambda.*use a function of a module"):
        map_each(lambda number: number, [1, 2], workers=2, kind="processes")


def test_dask_is_not_imported_unless_a_client_is_given() -> None:
    code = (
        "import sys; from altiflow.workers import map_each; import altiflow.gridding.stores.stream; map_each(abs, [1]);"
        "sys.exit('distributed' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def interrupt_main() -> None:
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def through_each_done(function: Any, items: list[int]) -> list[Any]:
    with closing(each_done(function, items, workers=2, kind="threads")) as outcomes:
        return [outcome.result for outcome in outcomes]


def through_map_each(function: Any, items: list[int]) -> list[Any]:
    return map_each(function, items, workers=2)


@pytest.mark.skipif(sys.platform == "win32", reason="signals to threads are POSIX")
@pytest.mark.parametrize("run", [through_map_each, through_each_done])
def test_after_an_interrupt_no_more_is_begun_and_what_is_in_work_is_waited_for(run: Any) -> None:
    begun, ended = [], []

    def work(number: int) -> None:
        begun.append(number)
        if number == 3:
            interrupt_main()
        time.sleep(0.2 if number >= 2 else 0.0)
        ended.append(number)

    with pytest.raises(KeyboardInterrupt):
        run(work, list(range(50)))
    assert 3 in begun
    assert len(begun) < 8
    assert sorted(ended) == sorted(begun)


@pytest.mark.skipif(sys.platform == "win32", reason="signals to threads are POSIX")
@pytest.mark.parametrize("run", [through_map_each, through_each_done])
def test_a_second_interrupt_leaves_at_once(run: Any) -> None:
    release, ended = threading.Event(), []

    def work(number: int) -> None:
        if number == 1:
            interrupt_main()
            time.sleep(0.3)
            interrupt_main()
        release.wait(60)
        ended.append(number)

    try:
        with pytest.raises(KeyboardInterrupt):
            run(work, list(range(20)))
        assert ended == []
    finally:
        release.set()


@pytest.mark.skipif(sys.platform == "win32", reason="signals to threads are POSIX")
def test_work_that_asks_is_told_of_the_interrupt() -> None:
    stop, asked = Stop(), []

    def work(number: int) -> None:
        if number == 1:
            interrupt_main()
        try:
            stop.sleep(60)
        except KeyboardInterrupt:
            asked.append(number)
            raise

    with pytest.raises(KeyboardInterrupt):
        map_each(work, range(10), workers=2, stop=stop)
    # A thread that was being started meanwhile is not waited for, and ends by itself.
    latest = time.monotonic() + 20
    while len(asked) < 2 and time.monotonic() < latest:
        time.sleep(0.01)
    assert sorted(asked) == [0, 1]
    with pytest.raises(KeyboardInterrupt):
        stop.check()


@pytest.mark.parametrize("workers", [0, -1])
def test_fewer_than_one_worker_is_refused(workers: int) -> None:
    for run in (map_each, each_done):
        with pytest.raises(InputError, match=f"workers={workers} means nothing; use 1 or more"):
            list(run(abs, [1, 2], workers=workers))
