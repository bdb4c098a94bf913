"""Clusters, memory and disks: the same files whoever reads, memory that does not grow, and disks that are full."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from geopandas.testing import assert_geodataframe_equal

from altiflow import Retries
from altiflow.errors import CorruptGranuleError
from altiflow.readers import Ledger, RemoteAccess, read_segments, read_table, read_to_dataset
from altiflow.readers.remote import file_grants

REQUIRED = os.environ.get("ALTIFLOW_REQUIRE", "")


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file that is data."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*.parquet"))
        if file.name[0] != "_"
    }


def python(script: str, *before: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own."""
    command = [*before, sys.executable, "-c", textwrap.dedent(script)]
    return subprocess.run(command, capture_output=True, check=False, text=True, timeout=300)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    if "dask" not in REQUIRED:
        pytest.importorskip("distributed", reason="dask is not installed (extra dask)")
    import distributed

    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as local,
        distributed.Client(local) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def alone(season: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the files that one process writes."""
    folder = tmp_path_factory.mktemp("alone") / "out"
    read_to_dataset(list(season), folder)
    return contents(folder)


def test_a_cluster_writes_the_same_files_and_tells_failures(
    season: tuple[Path, ...], alone: dict[str, bytes], cluster: Any, tmp_path: Path
) -> None:
    ledger = read_to_dataset(list(season), tmp_path / "out", client=cluster)
    assert contents(tmp_path / "out") == alone
    assert [row["status"] for row in ledger.rows] == ["read"] * 4
    damaged = tmp_path / season[0].name
    damaged.write_bytes(season[0].read_bytes()[:50_000])
    granules = [damaged, *season[1:]]
    with pytest.raises(CorruptGranuleError, match=season[0].stem):
        read_to_dataset(granules, tmp_path / "new", client=cluster)
    ledger = read_to_dataset(granules, tmp_path / "new", client=cluster, on_error="skip")
    assert [row["status"] for row in ledger.rows] == ["failed", "read", "read", "read"]
    assert set(contents(tmp_path / "new")) == {part for part in alone if season[0].stem not in part}


def test_a_cluster_reads_addresses_with_a_token_that_each_worker_fetches(
    season: tuple[Path, ...], alone: dict[str, bytes], cluster: Any, serve: Callable[..., Any], tmp_path: Path
) -> None:
    server = serve()
    server.files = {path.name: path.read_bytes() for path in season}
    server.tokens = {path.name: {"secretToken"} for path in season}
    server.plan[season[2].name] = [500] * 9
    (tmp_path / "token").write_text("secretToken")
    access = RemoteAccess(tokens=file_grants(tmp_path / "token"), retries=Retries(attempts=2, wait=0.0))
    places = [f"{server.url}/{path.name}" for path in season]
    ledger = read_to_dataset(places, tmp_path / "out", client=cluster, access=access, on_error="skip")
    assert [row["status"] for row in ledger.rows] == ["read", "read", "failed", "read"]
    assert [row["retries"] for row in ledger.rows] == [0, 0, 1, 0]
    assert sum(row["requests"] for row in ledger.rows) == len(server.asked)
    server.plan.clear()
    read_to_dataset(places, tmp_path / "out", client=cluster, access=access)
    assert contents(tmp_path / "out") == alone
    assert b"secretToken" not in b"".join(p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file())


@pytest.mark.skipif(sys.platform == "win32", reason="peaks of memory are told by POSIX")
def test_memory_does_not_grow_with_the_number_of_granules(season: tuple[Path, ...], tmp_path: Path) -> None:
    counts = (4, 24)
    for count in counts:
        folder = tmp_path / f"in{count}"
        folder.mkdir()
        for number in range(count):
            day = f"2019{1 + number // 28:02d}{1 + number % 28:02d}"
            name = f"ATL10-01_{day}000000_{1 + number:04d}0201_006_01.h5"
            (folder / name).hardlink_to(season[number % 4])
    # What more granules take beyond the peak of a few shows in one process as in two.
    done = python(f"""
        import resource
        from altiflow.readers import read_to_dataset
        if __name__ == "__main__":
            for count in {counts}:
                ledger = read_to_dataset(f"{tmp_path}/in{{count}}", f"{tmp_path}/out{{count}}", workers=2)
                print(len(ledger), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    """)
    assert done.returncode == 0, done.stderr
    read, peaks = zip(*((int(word) for word in line.split()) for line in done.stdout.splitlines()), strict=True)
    assert read == counts
    rows = len(read_table(tmp_path / "out4")) / 4
    # All columns of one more granule are some 160 bytes a row.
    held = 20 * rows * 160
    unit = 1 if sys.platform == "darwin" else 2**10
    assert (peaks[1] - peaks[0]) * unit < held / 2, f"{peaks}"


SCRIPT = """
import resource, shutil, subprocess, sys
from altiflow.errors import WriteError
from altiflow.readers import read_to_dataset
if __name__ == "__main__":
    source, disk, copies, workers, limit = sys.argv[1:]
    try:
        print(read_to_dataset(source, f"{disk}/out", on_error="skip", workers=int(workers)).summary())
    except WriteError as error:
        print(error)
    shutil.copytree(f"{disk}/out", f"{copies}/copy")
    if limit:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    else:
        subprocess.run(["mount", "-o", "remount,size=500m", disk], check=True)
    print(read_to_dataset(source, f"{disk}/out", on_error="skip").summary())
    # The disk goes with the last process, so that all is looked at from within.
    shutil.copytree(f"{disk}/out", f"{copies}/whole")
"""


def small_disk(size: str) -> list[str]:
    """Return the words before a command that give it a disk of its own of so many bytes at $DISK, [] if none can be."""
    script = f'mount -t tmpfs -o size={size} none "$DISK" && exec "$@"'
    words = ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh"]
    try:
        tried = subprocess.run([*words, "true"], env={**os.environ, "DISK": "/mnt"}, capture_output=True, check=False)
    except FileNotFoundError:
        return []
    return words if tried.returncode == 0 else []


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_disk_that_fills_up_is_named_and_what_is_on_it_is_whole(
    season: tuple[Path, ...], alone: dict[str, bytes], workers: str, tmp_path: Path
) -> None:
    sizes = sorted(len(part) for part in alone.values())
    size = sum(sizes) * 6 // 10
    # Room for some of the files: on a real small disk where one can be had, else as the longest file allowed.
    words = small_disk(str(size))
    disk = tmp_path / "disk"
    disk.mkdir()
    (tmp_path / "s.py").write_text(SCRIPT)
    limit = "" if words else f"ulimit -S -f {(sizes[1] + sizes[2]) // 2 // 512}; "
    told = [str(season[0].parent), str(disk), str(tmp_path), workers, limit]
    done = subprocess.run(
        [*words, "sh", "-c", f'{limit}exec "$@"', "sh", sys.executable, str(tmp_path / "s.py"), *told],
        env={**os.environ, "DISK": str(disk)},
        capture_output=True,
        check=False,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    first, *_, last = done.stdout.strip().splitlines()
    assert first.startswith(f"cannot write to the data set at {disk}/out: "), done.stdout
    assert ("No space left on device" if words else "File too large") in first
    assert last.startswith("4 granules: 4 read")
    left = contents(tmp_path / "copy")
    assert left == {name: alone[name] for name in left}
    assert len(left) < len(alone)
    told = read_table(tmp_path / "copy")
    # What another thread finished after the run had stopped is no part of the data set, and is read again.
    assert set(told["granule"]) <= {Path(name).stem for name in left}
    assert workers != "1" or set(told["granule"]) == {Path(name).stem for name in left} != set()
    assert contents(tmp_path / "whole") == alone
    assert_geodataframe_equal(read_table(tmp_path / "whole"), read_segments(list(season)))
    assert not list((tmp_path / "whole").rglob(".*"))
    assert len(Ledger.read(tmp_path / "whole" / "_ledger.parquet")) == 4
