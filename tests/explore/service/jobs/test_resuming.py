"""Work that is taken up again does what is left, and comes to what it would have come to at once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import xarray as xr
from standins import is_there, wait_until

from altiflow.errors import RequestError
from altiflow.explore.service import EmbeddedStore, ServiceLimits, make_app, start_app
from altiflow.explore.service.catalogues import ServedCatalogue
from altiflow.explore.service.jobs import plan_job
from altiflow.explore.work import PLAN, REASON, ProgressFile, grids, main, tracks
from altiflow.gridding import Grid, grid_dataset
from altiflow.readers import list_granules, make_season, write_catalogue
from altiflow.readers.sample.images import ImageSample
from altiflow.tracking import TrackParameters, track_pair

GRID = "EASE2_S25km"
SERVER = """
import sys
from altiflow.explore.service import EmbeddedStore, make_app, run_app
from altiflow.explore.service.jobs import runner
runner.PROGRAM = (sys.executable, "-c", sys.argv[3])
app = make_app(EmbeddedStore(sys.argv[1]), jobs=sys.argv[2])
run_app(app, host="127.0.0.1", port=0, say=lambda url: print(url, flush=True))
"""
SLOW = """
import os, sys, time
from altiflow.explore.work import grids, main
grids._AT_ONCE = 1
write = grids._Account.write
def stop(self, path):
    write(self, path)
    (path.parents[1] / "pid").write_text(str(os.getpid()))
    (path.parents[1] / "loaded").write_text(" ".join({name.partition(".")[0] for name in sys.modules}))
    (path.parents[1] / "begun").touch()
    time.sleep(60)
grids._Account.write = stop
sys.exit(main(*sys.argv[1:]))
"""
"""The work itself, which stands still after the first granule."""


class StopError(Exception):
    """The server stops."""


@pytest.fixture(scope="module")
def granules(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    return make_season(tmp_path_factory.mktemp("granules"), granules=3).granules


@pytest.fixture(scope="module")
def expected(granules: tuple[Path, ...]) -> xr.Dataset:
    return grid_dataset([str(path) for path in granules], Grid.named(GRID), value="freeboard", freq="MS")


def work(folder: Path, **plan: Any) -> int:
    """Return the exit code of the work of a plan."""
    (folder / PLAN).write_text(json.dumps(plan))
    return main(str(folder), str(os.getppid()))


def grid_of(files: list[str]) -> dict[str, Any]:
    return {
        "kind": "grid", "grid": GRID, "value": "freeboard", "region": None, "sources": files, "result": "grid.nc",
    }  # fmt: skip


def same(path: Path, expected: xr.Dataset) -> None:
    """Fail where a file does not hold a Dataset to the bit."""
    with xr.open_dataset(path, engine="h5netcdf") as found:
        assert set(found.data_vars) - {"crs", "time_bnds"} >= {"n_segments", "freeboard_mean"} & set(expected.data_vars)
        for name, variable in expected.data_vars.items():
            if variable.dtype.kind in "fi" and variable.ndim >= 2:
                np.testing.assert_array_equal(found[name].values, variable.values, err_msg=str(name))
        assert found["n_segments"].sum() > 0


def test_a_killed_server_s_grid_reads_no_granule_twice(
    granules: tuple[Path, ...], expected: xr.Dataset, tmp_path: Path
) -> None:
    copies = [Path(shutil.copy(path, tmp_path)) for path in granules]
    listed = list_granules(copies, footprints="read")
    catalogue, jobs = write_catalogue(listed, tmp_path / "granules.parquet"), tmp_path / "jobs"
    start, end = (str(moment)[:10] for moment in (listed["start"].min(), listed["end"].max()))
    asked = {"kind": "grid", "search": {"start": start, "end": end}, "grid": GRID, "value": "freeboard"}
    words = [sys.executable, "-c", SERVER, str(catalogue), str(jobs), SLOW]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        try:
            url = server.stdout.readline().strip()
            name = requests.post(f"{url}/jobs", json=asked, timeout=30).json()["id"]
            wait_until((jobs / name / "begun").exists)
        finally:
            server.send_signal(signal.SIGKILL)
    # A process of work needs no server, nor what draws maps.
    loaded = (jobs / name / "loaded").read_text().split()
    assert "xarray" in loaded
    assert not {"fastapi", "starlette", "uvicorn", "duckdb", "cql2", "cartopy"} & set(loaded)
    pid = int((jobs / name / "pid").read_text())
    wait_until(lambda: not is_there(pid))
    # What was read is not needed any more.
    sorted(copies)[0].unlink()
    with start_app(make_app(EmbeddedStore(catalogue), jobs=jobs)) as running:
        address = f"{running.url}/jobs/{name}"
        early = requests.get(f"{address}/result", timeout=30)
        assert (early.status_code, early.json()["error"]["parameter"]) == (409, "job")
        wait_until(lambda: requests.get(address, timeout=30).json()["state"] not in ("waiting", "running"))
        told = requests.get(address, timeout=30).json()
        assert (told["state"], told["attempts"], told["taken_up"]) == ("done", 2, "where it was"), told
        assert (told["asked"], told["progress"], told["links"][1]["rel"]) == (asked, 1.0, "result")
        assert str(tmp_path) not in json.dumps(told)
        (tmp_path / "grid.nc").write_bytes(requests.get(told["links"][1]["href"], timeout=30).content)
    same(tmp_path / "grid.nc", expected)
    assert not (jobs / name / "making").exists()


def test_granules_are_gridded_by_month_and_tell_how_far_they_are(
    granules: tuple[Path, ...], expected: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = list_granules(granules[:2], footprints="read")
    catalogue = ServedCatalogue(EmbeddedStore(write_catalogue(listed, tmp_path / "granules.parquet")), ServiceLimits())
    start, end = (str(moment)[:10] for moment in (listed["start"].min(), listed["end"].max()))
    asked = {"kind": "grid", "search": {"start": start, "end": end}, "grid": GRID, "value": "freeboard"}
    with pytest.raises(RequestError, match=r"months have .* cells") as caught:
        plan_job({**asked, "grid": "EASE2_M1km"}, [catalogue])
    assert (caught.value.status, caught.value.parameter) == (413, "grid")
    told: list[tuple[float, str]] = []
    monkeypatch.setattr(ProgressFile, "_write", lambda self: told.append((self._share, self._stage)))
    assert work(tmp_path, **plan_job(asked, [catalogue])) == 0
    assert [share for share, _ in told] == sorted(share for share, _ in told)
    assert list(dict.fromkeys(stage for _, stage in told)) == ["", "tallying", "writing"]
    assert {0.475, 0.95} < {share for share, _ in told}
    with xr.open_dataset(tmp_path / "grid.nc", engine="h5netcdf") as found:
        first = expected["n_segments"].isel(time=0).values
        np.testing.assert_array_equal(found["n_segments"].isel(time=0).values, first)
        assert first.sum() > 0
    catalogue.store.close()


def test_granules_that_failed_are_told_of_by_later_attempts_too(
    granules: tuple[Path, ...], expected: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "ATL10-02_20180701000000_00010101_006_01.h5"
    broken.write_bytes(b"no HDF5")
    asked = grid_of([str(broken), *map(str, granules)])
    monkeypatch.setattr(grids, "_AT_ONCE", 1)
    read: list[str] = []
    tally_files = grids.tally_files

    def tally(places: list[Any], *given: Any, **named: Any) -> Any:
        read.extend(Path(place).name for place in places)
        return tally_files(places, *given, **named)

    written = grids._Account.write

    def stop(self: grids._Account, path: Path) -> None:
        # The second granule is in the store and not in the account.
        if len(read) == 3:
            raise StopError
        written(self, path)

    monkeypatch.setattr(grids, "tally_files", tally)
    monkeypatch.setattr(grids._Account, "write", stop)
    with pytest.raises(StopError):
        work(tmp_path, **asked)
    monkeypatch.setattr(grids._Account, "write", written)
    assert work(tmp_path, **asked) == 0
    names = [broken.name, *sorted(path.name for path in granules)]
    assert read == [*names[:3], *names[2:]]
    same(tmp_path / "grid.nc", expected)
    with xr.open_dataset(tmp_path / "grid.nc", engine="h5netcdf") as found:
        assert found.attrs["files_missing"] == broken.name
        assert found.attrs["granules"] == expected.attrs["granules"]
        assert found.attrs["history"] == expected.attrs["history"]


def test_what_another_altiflow_tallied_is_tallied_anew(
    granules: tuple[Path, ...], expected: xr.Dataset, tmp_path: Path
) -> None:
    making = tmp_path / "making"
    (making / "tally").mkdir(parents=True)
    (making / "tally" / "manifest.json").write_text("{}")
    grids._Account(done=[str(path) for path in granules], version="0.0.0").write(making / "account.json")
    assert work(tmp_path, **grid_of([str(path) for path in granules])) == 0
    same(tmp_path / "grid.nc", expected)


def test_granules_of_which_none_can_be_used_are_told_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "ATL10-02_20190701000000_00010401_006_01.h5").write_bytes(b"no HDF5")
    files = [str(next(tmp_path.glob("*.h5"))), str(tmp_path / "ATL10-02_20190702000000_00160401_006_01.h5")]
    assert work(tmp_path, **grid_of(files)) == 1
    said = (tmp_path / REASON).read_text()
    assert said.startswith("EmptyDataError: not one of the 2 files has a usable segment: ")
    assert all(Path(path).name in said for path in files)


def test_a_stopped_track_goes_on_after_its_last_stage(
    images: ImageSample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters = {"spacing": 30, "chip": 24, "chips": None, "radius": 20}
    plan = {
        "kind": "track", "sources": [str(path) for path in tuple(images)[:2]], "dates": None, "region": None,
        "parameters": json.loads(TrackParameters(**parameters).to_json()), "result": "track.zip",
    }  # fmt: skip

    def stop(*_: Any) -> None:
        raise StopError

    monkeypatch.setattr(tracks, "write_tracked", stop)
    with pytest.raises(StopError):
        work(tmp_path, **plan)
    monkeypatch.undo()
    became: list[dict[str, str]] = []
    track_stages = tracks.track_stages

    def track(*given: Any, **named: Any) -> Any:
        found = track_stages(*given, **named)
        became.append(found.stages)
        return found

    monkeypatch.setattr(tracks, "track_stages", track)
    assert work(tmp_path, **plan) == 0
    kept = {"prepare": "there", "track": "there", "filter": "there"}
    assert became == [{"prepare": "there"}, {**kept, "correct": "made"}]
    with zipfile.ZipFile(tmp_path / "track.zip") as archive:
        archive.extractall(tmp_path / "made")
    expected = track_pair(tuple(images)[:2], parameters=TrackParameters(**parameters))
    with xr.open_dataset(next((tmp_path / "made").glob("*.nc")), engine="h5netcdf", decode_times=False) as found:
        np.testing.assert_array_equal(found["vx"].values, expected["vx"].values)
    assert not (tmp_path / "making").exists()


def test_the_process_of_a_job_begins_with_hardly_anything() -> None:
    code = "import sys, altiflow.explore.work; print({'numpy', 'pandas', 'fastapi', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
