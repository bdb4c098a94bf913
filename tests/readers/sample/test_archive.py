"""The local archive answers searches, pages and ranges as the real one does, of what it holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import requests
import shapely

from altiflow.errors import EmptyDataError, InputError
from altiflow.readers import (
    LocalArchive,
    Sample,
    download_files,
    list_granules,
    make_season,
    read_segments,
    search_granules,
    serve_archive,
)


@pytest.fixture(scope="module")
def season(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return make_season(tmp_path_factory.mktemp("season"), granules=8)


@pytest.fixture
def archive(season: Sample, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalArchive]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serve_archive(season.granules) as found:
        yield found


def test_a_season_is_three_months_across_the_antimeridian(season: Sample) -> None:
    table = read_segments(season.granules)
    assert table["time"].min() >= pd.Timestamp("2019-07-01")
    assert table["time"].max() < pd.Timestamp("2019-10-01")
    assert sorted(table["time"].dt.month.unique()) == [7, 8, 9]
    assert table["longitude"].min() < -160
    assert table["longitude"].max() > 170
    assert set(table["sc_orient"]) == {0, 1}
    assert {name.name[28:30] for name in season.granules} == {"04", "05"}
    with pytest.raises(InputError, match="granules=0 must be 1"):
        make_season(season.motion.parent, granules=0)


def test_a_search_of_it_tells_what_the_files_tell(season: Sample, archive: LocalArchive) -> None:
    found = search_granules("ATL10", region=None, start=None, end=None, endpoint=archive.endpoint)
    listed = list_granules(season.granules, footprints="read")
    for name in ("granule", "product", "version", "revision", "start", "end", "rgt", "cycle", "hemisphere", "size_mb"):
        assert found[name].tolist() == listed[name].tolist(), name
    for outline, tracks in zip(found.geometry, listed.geometry, strict=True):
        assert outline.covers(tracks)
        assert outline.area < tracks.convex_hull.area + 10
        assert shapely.get_parts(outline).size <= 4


def test_area_and_period_are_those_of_the_footprints(season: Sample, archive: LocalArchive) -> None:
    everything = search_granules("ATL10", region=None, start=None, end=None, endpoint=archive.endpoint)
    seam = shapely.union_all([shapely.box(170, -76, 180, -70), shapely.box(-180, -76, -178, -70)])
    for region, shape in (
        ((-172, -75, -160, -72), shapely.box(-172, -75, -160, -72)),
        ((170, -76, -178, -70), seam),
        (shapely.Point(-168, -73).buffer(3), shapely.Point(-168, -73).buffer(3)),
    ):
        expected = everything[everything.intersects(shape)]["granule"].tolist()
        found = search_granules("ATL10", region=region, start="2019", end="2019", endpoint=archive.endpoint)
        assert found["granule"].tolist() == expected
        assert 0 < len(expected) < len(everything)
    august = search_granules("ATL10", region=None, start="2019-08", end="2019-08", endpoint=archive.endpoint)
    assert set(august["start"].dt.month) == {8}
    with pytest.raises(EmptyDataError, match="no granule of ATL10"):
        search_granules("ATL10", region=None, start="2020", end="2020", endpoint=archive.endpoint)
    with pytest.raises(InputError, match="has none of that short name"):
        search_granules("ATL06", region=None, start=None, end=None, endpoint=archive.endpoint)
    with pytest.raises(InputError, match="it has 006"):
        search_granules("ATL10", region=None, start=None, end=None, version="007", endpoint=archive.endpoint)


def test_files_come_whole_and_are_read_where_they_are(season: Sample, archive: LocalArchive, tmp_path: Path) -> None:
    found = search_granules("ATL10", region=None, start="2019-07", end="2019-07", endpoint=archive.endpoint)
    files = download_files(found, tmp_path, quiet=True)
    assert [Path(path).read_bytes() for path in files["path"]] == [
        path.read_bytes() for path in season.granules if path.stem in set(found["granule"])
    ]
    assert read_segments(found, engine="indexed").equals(read_segments(list(files["path"])))


def test_pages_and_ranges(season: Sample, archive: LocalArchive) -> None:
    first = requests.get(f"{archive.endpoint}/granules.umm_json?page_size=2", timeout=5)
    assert (first.json()["hits"], len(first.json()["items"])) == (8, 2)
    after = {"CMR-Search-After": first.headers["CMR-Search-After"]}
    second = requests.get(f"{archive.endpoint}/granules.umm_json?page_size=2", headers=after, timeout=5)
    assert second.json()["items"][0]["umm"]["GranuleUR"] == season.granules[2].name
    last = requests.get(
        f"{archive.endpoint}/granules.umm_json?page_size=2", headers={"CMR-Search-After": "8"}, timeout=5
    )
    assert last.json()["items"] == []
    assert "CMR-Search-After" not in last.headers
    content, url = season.granules[0].read_bytes(), first.json()["items"][0]["umm"]["RelatedUrls"][0]["URL"]
    whole = requests.get(url, timeout=5)
    assert (whole.status_code, whole.content) == (200, content)
    for asked, expected in (("bytes=10-19", content[10:20]), (f"bytes={len(content) - 3}-", content[-3:])):
        answer = requests.get(url, headers={"Range": asked}, timeout=5)
        assert (answer.status_code, answer.content) == (206, expected)
    beyond = requests.get(url, headers={"Range": f"bytes={len(content)}-"}, timeout=5)
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{len(content)}")
    old = requests.get(url, headers={"Range": "bytes=10-19", "If-Range": '"other"'}, timeout=5)
    assert (old.status_code, len(old.content)) == (200, len(content))
    head = requests.head(url, timeout=5)
    assert (head.headers["Content-Length"], head.content) == (str(len(content)), b"")
    assert requests.get(f"{archive.endpoint}/../granules/../../etc/passwd", timeout=5).status_code == 404
    assert requests.get(f"{archive.endpoint}/granules.umm_json?bounding_box=here", timeout=5).status_code == 400


def test_it_is_closed_once_and_again(season: Sample) -> None:
    archive = serve_archive(season.granules[0])
    assert repr(archive).startswith("LocalArchive(1 granules, endpoint='http://127.0.0.1:")
    archive.close()
    archive.close()
    with pytest.raises(requests.ConnectionError):
        requests.get(archive.endpoint, timeout=2)
    with pytest.raises(InputError):
        serve_archive("nowhere")
