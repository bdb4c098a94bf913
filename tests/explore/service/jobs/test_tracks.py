"""Jobs that track a pair: scenes by name, the limits of the service, and the granule of the library."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import xarray as xr
from standins import MAKES, WAITS, use, wait_until

from altiflow.errors import RequestError
from altiflow.explore.service import ServiceLimits, make_app, start_app
from altiflow.explore.service.jobs import JobBook, plan_job, runner, tracks
from altiflow.explore.service.scenes import ServedScenes
from altiflow.explore.work import process as work
from altiflow.explore.work import read_progress
from altiflow.readers import list_scenes
from altiflow.readers.sample.images import ImageSample
from altiflow.readers.scenes import tell_unpaired
from altiflow.tracking import TrackParameters, track_pair

NAMES = [f"LC80010132019{day}LGN00_B8" for day in ("005", "021", "037")]
SMALL = {"spacing": 30, "chip": 24, "chips": None, "radius": 20}


@pytest.fixture(scope="module")
def sample(images: ImageSample) -> ImageSample:
    return images


@pytest.fixture(scope="module")
def scenes(sample: ImageSample) -> ServedScenes:
    return ServedScenes(list_scenes(sample.rock.parent))


@pytest.fixture(scope="module")
def idle(scenes: ServedScenes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a service that no job is given to."""
    with start_app(make_app(scenes=scenes.table, jobs=tmp_path_factory.mktemp("jobs"))) as running:
        yield running.url


def corner(scenes: ServedScenes) -> str:
    """Return a box in the middle of the images."""
    x, y = scenes.table.geometry.iloc[0].centroid.coords[0]
    return f"{x - 0.05},{y - 0.01},{x + 0.05},{y + 0.01}"


def planned(asked: dict[str, Any], scenes: ServedScenes) -> dict[str, Any]:
    return plan_job({"kind": "track", **asked}, (), scenes, ServiceLimits())


def test_scenes_are_listed_without_the_place_of_their_files(idle: str, sample: ImageSample) -> None:
    told = requests.get(f"{idle}/scenes", timeout=30)
    assert [one["name"] for one in told.json()["scenes"]] == NAMES
    assert told.json()["scenes"][0] | {"geometry": None} == {
        "name": NAMES[0], "time": "2019-01-05T16:00:00Z", "mission": "landsat", "satellite": "L8", "epsg": 32714,
        "pixel": 15.0, "rows": 600, "columns": 600, "geometry": None,
    }  # fmt: skip
    assert str(sample.rock.parent) not in told.text
    assert ".TIF" not in told.text


def test_scenes_come_in_pages_and_by_place_and_time(idle: str) -> None:
    first = requests.get(f"{idle}/scenes", params={"limit": 2, "start": "2019"}, timeout=30).json()
    rest = requests.get(first["links"][0]["href"], timeout=30).json()
    assert [one["name"] for page in (first, rest) for one in page["scenes"]] == NAMES
    assert (first["numberMatched"], rest["links"]) == (3, [])
    found = requests.get(f"{idle}/scenes", params={"end": "2019-01-21", "bbox": "-110,-76,-90,-75"}, timeout=30)
    assert [one["name"] for one in found.json()["scenes"]] == NAMES[:2]
    assert requests.get(f"{idle}/scenes", params={"bbox": "0,0,1,1"}, timeout=30).json()["numberMatched"] == 0
    for wrong in ({"limit": "0"}, {"token": "-1"}, {"token": "\u0663"}, {"start": "x"}, {"path": "/etc"}):
        answer = requests.get(f"{idle}/scenes", params=wrong, timeout=30)
        assert (answer.status_code, answer.json()["error"]["parameter"]) == (400, next(iter(wrong)))
    both = {"bbox": "0,0,1,1", "polygon": "0,0,1,0,1,1"}
    assert requests.get(f"{idle}/scenes", params=both, timeout=30).status_code == 400


def test_a_tracked_pair_is_that_of_the_library(scenes: ServedScenes, sample: ImageSample, tmp_path: Path) -> None:
    plan = planned({"scenes": [NAMES[1], NAMES[0]], "parameters": SMALL}, scenes)
    (tmp_path / work.PLAN).write_text(json.dumps(plan))
    (tmp_path / "making" / "granule").mkdir(parents=True)
    (tmp_path / "making" / "granule" / "left.nc").write_bytes(b"by work that was killed")
    assert work.main(str(tmp_path), str(os.getppid())) == 0
    assert read_progress(tmp_path) == (1.0, "writing")
    with zipfile.ZipFile(tmp_path / "track.zip") as archive:
        granule, *pictures = sorted(archive.namelist(), key=lambda name: not name.endswith(".nc"))
        archive.extract(granule, tmp_path)
    assert pictures == ["browse.pgw", "browse.png"]
    assert not (tmp_path / "making").exists()
    expected = track_pair(tuple(sample)[:2], parameters=TrackParameters(**SMALL))
    with xr.open_dataset(tmp_path / granule, engine="h5netcdf", decode_times=False) as found:
        np.testing.assert_array_equal(found["vx"].values, expected["vx"].values)
        assert np.isfinite(found["vx"].values).mean() > 0.5
        assert str(sample.rock.parent) not in json.dumps({name: str(told) for name, told in found.attrs.items()})


def test_a_region_is_read_alone_and_progress_never_goes_back(
    scenes: ServedScenes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[float | None, str]] = []
    monkeypatch.setattr(work.ProgressFile, "_write", lambda self: told.append((self._share, self._stage)), raising=True)
    plan = planned({"scenes": NAMES[:2], "bbox": corner(scenes), "parameters": SMALL | {"chips": [16, 24]}}, scenes)
    (tmp_path / work.PLAN).write_text(json.dumps(plan))
    assert work.main(str(tmp_path), str(os.getppid())) == 0
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert list(dict.fromkeys(stage for _, stage in told)) == [
        "", "reading", "coarse search", "search", "between pixels", "widths of chip", "writing",
    ]  # fmt: skip


def test_a_track_that_is_asked_for_over_http_is_taken_up_again(
    scenes: ServedScenes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(WAITS, monkeypatch)
    jobs = tmp_path / "jobs"
    asked = {"kind": "track", "scenes": NAMES[:2], "parameters": SMALL}
    with start_app(make_app(scenes=scenes.table, jobs=jobs)) as running:
        answer = requests.post(f"{running.url}/jobs", json=asked, timeout=30)
        assert (answer.status_code, answer.json()["files"]) == (202, 2), answer.text
        assert str(tmp_path.parent) not in answer.text
        folder = jobs / answer.json()["id"]
        wait_until((folder / "begun").exists)
        (folder / "progress.json").write_text('{"progress": 0.25, "stage": "search"}')
        told = requests.get(answer.headers["location"], timeout=30).json()
        assert (told["state"], told["progress"], told["stage"], told["taken_up"]) == ("running", 0.25, "search", None)
        (folder / "progress.json").write_text('{"progress": 7')
        told = requests.get(answer.headers["location"], timeout=30).json()
        assert (told["progress"], told["stage"]) == (None, "")
    use(MAKES, monkeypatch)
    with start_app(make_app(scenes=scenes.table, jobs=jobs)) as running:
        wait_until(lambda: JobBook(jobs).find(answer.json()["id"]).state == "done")
        told = requests.get(f"{running.url}/jobs/{answer.json()['id']}", timeout=30).json()
        assert (told["attempts"], told["taken_up"], told["progress"]) == (2, "after its last stage", 1.0)


@pytest.mark.parametrize(
    ("change", "status", "parameter"),
    [
        ({"scenes": None}, 400, "scenes"),
        ({"scenes": NAMES[0]}, 400, "scenes"),
        ({"scenes": NAMES}, 400, "scenes"),
        ({"scenes": [NAMES[0], NAMES[0]]}, 400, "scenes"),
        ({"scenes": [NAMES[0], "../../etc/passwd"]}, 400, "scenes"),
        ({"scenes": [NAMES[0], f"{NAMES[1]}.TIF"]}, 400, "scenes"),
        ({"scenes": [NAMES[0], ["x"]]}, 400, "scenes"),
        ({"scenes": [NAMES[0], "\ud800"]}, 400, "scenes"),
        ({"bbox": "0,0,1,1"}, 400, "scenes"),
        ({"bbox": "/etc"}, 400, "bbox"),
        ({"bbox": {"a": 1}}, 400, "bbox"),
        ({"bbox": [1, 2, 3]}, 400, "bbox"),
        ({"bbox": [True, 2, 3, 4]}, 400, "bbox"),
        ({"bbox": "0,0,1,1", "polygon": "0,0,1,0,1,1"}, 400, "polygon"),
        ({"polygon": "0,0,1,0,1,1,0,2,0,3,0,4," * 900}, 413, "polygon"),
        ({"search": {}}, 400, "search"),
        ({"prior": "/etc/passwd"}, 400, "prior"),
        ({"parameters": [1]}, 400, "parameters"),
        ({"parameters": {"path": "/etc"}}, 400, "parameters"),
        ({"parameters": {"threads": 64}}, 400, "threads"),
        ({"parameters": {"backend": "torch-cuda"}}, 400, "backend"),
        ({"parameters": {"radius": 10**300}}, 400, "radius"),
        ({"parameters": {"radius": 251}}, 413, "radius"),
        ({"parameters": {"radius": "25"}}, 400, "radius"),
        ({"parameters": {"chip": [[24]]}}, 400, "chip"),
        ({"parameters": {"chips": [[[]]]}}, 400, "chips"),
        ({"parameters": {"prefilter": {"a": 1}}}, 400, "prefilter"),
        ({"parameters": {"snr_min": 1e400}}, 400, "snr_min"),
        ({"parameters": {"spacing": 0}}, 400, "spacing"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_tracks_that_mean_nothing_are_refused(change: dict[str, Any], status: int, parameter: str, idle: str) -> None:
    body = json.dumps({"kind": "track", "scenes": NAMES[:2], **change})
    answer = requests.post(f"{idle}/jobs", data=body, headers={"Content-Type": "application/json"}, timeout=30)
    error = answer.json()["error"]
    assert (answer.status_code, error["parameter"]) == (status, parameter), answer.text
    assert "/images" not in answer.text
    assert error["fix"]


def test_more_than_is_allowed_is_refused(scenes: ServedScenes, monkeypatch: pytest.MonkeyPatch) -> None:
    # 600 x 600 pixels: 3600 cells of 10 px, each with 51 x 51 displacements.
    monkeypatch.setattr(tracks, "MOST_PLACES", 3600 * 51 * 51 - 1)
    with pytest.raises(RequestError, match=r"a full search tries 9.4e\+06 displacements"):
        planned({"scenes": NAMES[:2], "parameters": {"search": "full"}}, scenes)
    assert planned({"scenes": NAMES[:2]}, scenes)["result"] == "track.zip"
    monkeypatch.setattr(tracks, "MOST_CELLS", 3599)
    with pytest.raises(RequestError, match=r"the result has 3.6e\+03 cells") as caught:
        planned({"scenes": NAMES[:2]}, scenes)
    assert caught.value.status == 413
    assert planned({"scenes": NAMES[:2], "bbox": corner(scenes)}, scenes)["region"] is not None
    monkeypatch.setattr(tracks, "MOST_PIXELS", 600 * 600 - 1)
    with pytest.raises(RequestError, match=r"the region has 3.6e\+05 pixels"):
        planned({"scenes": NAMES[:2]}, scenes)
    with pytest.raises(RequestError, match="no scenes are served"):
        plan_job({"kind": "track", "scenes": NAMES[:2]}, ())


def test_scenes_of_two_maps_or_lists_are_told_apart(scenes: ServedScenes) -> None:
    table = scenes.table.copy()
    table.loc[1, "epsg"] = 3031
    with pytest.raises(RequestError, match="EPSG:32714 and EPSG:3031"):
        planned({"scenes": NAMES[:2]}, ServedScenes(table))
    listed = scenes.table.assign(time_source="list", rows=np.nan, columns=np.nan, pixel=np.nan)
    plan = planned({"scenes": NAMES[:2]}, ServedScenes(listed))
    assert plan["dates"] == ["2019-01-05T16:00:00", "2019-01-21T16:00:00"]


def test_scenes_that_tell_little_are_listed_and_tracked(tmp_path: Path) -> None:
    def item(day: int, shape: Any, **told: Any) -> dict[str, Any]:
        told |= {"datetime": f"2019-01-0{day}T00:00:00Z", "proj:epsg": 3031}
        return {"id": f"scene{day}", "geometry": shape, "properties": told, "assets": {"nir": {"href": f"{day}.tif"}}}

    box = {"type": "Polygon", "coordinates": [[[170, -80], [180, -80], [180, -78], [170, -78], [170, -80]]]}
    items = [item(1, box, gsd=10), item(2, box, gsd=1e400), item(3, None), item(4, box, gsd=10)]
    (tmp_path / "items.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": items}))
    table = list_scenes(tmp_path / "items.geojson")
    assert tell_unpaired(table.iloc[0], table.iloc[3]) == ""
    plan = planned({"scenes": ["scene1", "scene4"], "bbox": "175,-79,175.01,-78.99"}, ServedScenes(table))
    assert plan["dates"] == ["2019-01-01T00:00:00", "2019-01-04T00:00:00"]
    with start_app(make_app(scenes=table)) as running:
        answer = requests.get(f"{running.url}/scenes", timeout=30)
        told = json.loads(answer.content, parse_constant=pytest.fail)["scenes"]
        assert [one["pixel"] for one in told] == [10.0, None, None, 10.0]
        # The antimeridian is one line.
        found = requests.get(f"{running.url}/scenes", params={"bbox": "-180,-80,-179,-79"}, timeout=30).json()
        assert found["numberMatched"] == 3
        asked = {"start": "2020", "end": "2019"}
        answer = requests.get(f"{running.url}/scenes", params=asked, timeout=30)
        assert (answer.status_code, answer.json()["error"]["parameter"]) == (400, "start")


def test_images_that_are_gone_fail_without_their_folders(sample: ImageSample, tmp_path: Path) -> None:
    moved = tmp_path / "secret" / "place"
    shutil.copytree(sample.rock.parent, moved)
    scenes = list_scenes(moved)
    shutil.rmtree(moved)
    plan = planned({"scenes": NAMES[:2]}, ServedScenes(scenes))
    (tmp_path / work.PLAN).write_text(json.dumps(plan))
    assert work.main(str(tmp_path), str(os.getppid())) == 1
    said = (tmp_path / work.REASON).read_text()
    assert runner._without_places(said, plan, tmp_path) == f"InputError: there is no image {NAMES[0]}.TIF"
