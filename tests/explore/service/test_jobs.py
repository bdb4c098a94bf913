"""Jobs are done, told of, given up, and taken up again by a server that was killed."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import xarray as xr

from altiflow.explore.service import EmbeddedStore, make_app, start_app
from altiflow.gridding import Grid, build_cube, grid_covering, grid_dataset
from altiflow.readers import (
    list_granules,
    make_pairs,
    make_season,
    read_velocity,
    search_pairs,
    write_catalogue,
    write_pairs,
)

SERVER = """
import sys
from altiflow.explore.service import EmbeddedStore, make_app, run_app
app = make_app(EmbeddedStore(sys.argv[1]), jobs=sys.argv[2])
run_app(app, host="127.0.0.1", port=0, say=lambda url: print(url, flush=True))
"""


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


def wait_for(address: str, state: str) -> dict[str, Any]:
    """Return a job when it has a state."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        told = requests.get(address, timeout=30).json()
        if told["state"] == state:
            return told
        assert told["state"] in ("waiting", "running"), told
        time.sleep(0.1)
    pytest.fail(f"the job is {told} after 240 s")


def open_cube(content: bytes, folder: Path) -> xr.Dataset:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)
    return read_velocity(folder / "cube.zarr")


def test_a_cube_is_that_of_the_library(pairs: Path, tmp_path: Path) -> None:
    asked = asked_of(pairs)
    with start_app(make_app(EmbeddedStore(pairs), jobs=tmp_path / "jobs")) as running:
        answer = requests.post(f"{running.url}/jobs", json=asked, timeout=30)
        assert answer.status_code == 202, answer.text
        assert answer.json()["asked"] == asked
        assert str(pairs.parent) not in answer.text
        early = requests.get(f"{answer.headers['location']}/result", timeout=30)
        assert (early.status_code, early.json()["error"]["parameter"]) == (409, "job")
        done = wait_for(answer.headers["location"], "done")
        assert (done["attempts"], done["message"], done["links"][1]["rel"]) == (1, "", "result")
        cube = open_cube(requests.get(done["links"][1]["href"], timeout=30).content, tmp_path)
        assert requests.delete(answer.headers["location"], timeout=30).status_code == 409
    region = tuple(float(part) for part in asked["search"]["bbox"].split(","))
    found = search_pairs(region, source=pairs)
    expected = build_cube(found["url"].tolist(), grid_covering(region, 3031, 240), metric="ground", on_error="skip")
    assert cube.sizes == expected.sizes
    assert np.isfinite(cube["vx"].values).any()
    np.testing.assert_array_equal(cube["vx"].values, expected["vx"].values)


def test_granules_are_gridded_by_month(tmp_path: Path) -> None:
    season = make_season(tmp_path / "granules", granules=4)
    listed = list_granules(season.granules, footprints="read")
    store = EmbeddedStore(write_catalogue(listed, tmp_path / "granules.parquet"))
    start, end = (str(moment)[:10] for moment in (listed["start"].min(), listed["end"].max()))
    asked = {"kind": "grid", "search": {"start": start, "end": end}, "grid": "EASE2_S25km", "value": "freeboard"}
    with start_app(make_app(store, jobs=tmp_path / "jobs")) as running:
        answer = requests.post(f"{running.url}/jobs", json=asked, timeout=30)
        assert answer.status_code == 202, answer.text
        done = wait_for(answer.headers["location"], "done")
        (tmp_path / "grid.nc").write_bytes(requests.get(done["links"][1]["href"], timeout=30).content)
    expected = grid_dataset(
        [str(path) for path in season.granules], Grid.named("EASE2_S25km"), value="freeboard", freq="MS"
    )
    with xr.open_dataset(tmp_path / "grid.nc", engine="h5netcdf") as found:
        np.testing.assert_array_equal(found["n_segments"].values, expected["n_segments"].values)
        assert found["n_segments"].sum() > 0


def start_server(pairs: Path, folder: Path) -> tuple[subprocess.Popen[str], str]:
    words = [sys.executable, "-c", SERVER, str(pairs), str(folder)]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    return server, server.stdout.readline().strip()


def test_a_killed_server_takes_its_jobs_up_again(pairs: Path, tmp_path: Path) -> None:
    server, url = start_server(pairs, tmp_path / "jobs")
    try:
        first = requests.post(f"{url}/jobs", json=asked_of(pairs), timeout=30).json()["id"]
        wait_for(f"{url}/jobs/{first}", "running")
    finally:
        server.send_signal(signal.SIGKILL)
        server.communicate()
    server, url = start_server(pairs, tmp_path / "jobs")
    try:
        assert wait_for(f"{url}/jobs/{first}", "done")["attempts"] == 2
        assert [job["id"] for job in requests.get(f"{url}/jobs", timeout=30).json()["jobs"]] == [first]
        content = requests.get(f"{url}/jobs/{first}/result", timeout=30).content
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate()
    assert open_cube(content, tmp_path).sizes["time"] > 0


def test_jobs_are_given_up_and_failures_are_told(pairs: Path, tmp_path: Path) -> None:
    table = search_pairs(source=pairs)
    gone = write_pairs(table.assign(url=[f"/none/{name}.nc" for name in table["granule"]]), tmp_path / "gone.parquet")
    with start_app(make_app(EmbeddedStore(gone), jobs=tmp_path / "jobs")) as running:
        first, second = (
            requests.post(f"{running.url}/jobs", json=asked_of(pairs), timeout=30).headers["location"] for _ in range(2)
        )
        given_up = requests.delete(second, timeout=30)
        assert given_up.json()["state"] == "cancelled"
        assert requests.delete(second, timeout=30).status_code == 409
        failed = wait_for(first, "failed")
        assert "Error: " in failed["message"]
        assert requests.get(second, timeout=30).json()["state"] == "cancelled"
        assert requests.get(f"{first}/result", timeout=30).status_code == 409


@pytest.mark.parametrize(
    ("change", "status", "parameter"),
    [
        ({"kind": "track"}, 400, "kind"),
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
    change: dict[str, Any], status: int, parameter: str, pairs: Path, tmp_path: Path
) -> None:
    with start_app(make_app(EmbeddedStore(pairs), jobs=tmp_path / "jobs")) as running:
        answer = requests.post(f"{running.url}/jobs", json={**asked_of(pairs), **change}, timeout=30)
        assert (answer.status_code, answer.json()["error"]["parameter"]) == (status, parameter), answer.text
        assert requests.get(f"{running.url}/jobs", timeout=30).json() == {"jobs": []}


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
