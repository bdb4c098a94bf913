"""`altiflow search` and `altiflow download`, used as a person would; their numbers are those of the library."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner

from altiflow.cli import main
from altiflow.readers import motion_urls, read_catalogue, read_segments, search_granules, write_catalogue, write_pairs
from altiflow.readers.catalogue.pairs import pairs_from_names

PAIR = "LE07_L1GT_001113_20121118_20161127_01_T2_X_LE07_L1GT_232113_20121104_20161127_01_T2_G0240V01_P059.nc"


class Place:
    """A server with a search service and the files that it tells of."""

    def __init__(self) -> None:
        self.url, self.authorized = "", set()
        self.files: dict[str, bytes] = {}
        self.checksum: dict[str, str] = {}

    def record(self, name: str, corner: float) -> dict[str, Any]:
        ring = [(corner, 70), (corner + 5, 70), (corner + 5, 75), (corner, 75), (corner, 70)]
        points = [{"Longitude": lon, "Latitude": lat} for lon, lat in ring]
        content = self.files[f"{name}.h5"]
        digits = self.checksum.get(name, hashlib.md5(content).hexdigest())
        outline = {"GPolygons": [{"Boundary": {"Points": points}}]}
        told = {"Name": f"{name}.h5", "SizeInBytes": len(content), "Checksum": {"Value": digits, "Algorithm": "MD5"}}
        return {
            "meta": {"concept-id": f"G{name}", "provider-id": "NSIDC_CPRD"},
            "umm": {
                "GranuleUR": f"{name}.h5",
                "CollectionReference": {"ShortName": "ATL10", "Version": "006"},
                "TemporalExtent": {"SingleDateTime": "2022-01-07T19:58:49Z"},
                "SpatialExtent": {"HorizontalSpatialDomain": {"Geometry": outline}},
                "RelatedUrls": [{"URL": f"https://host/{name}.h5", "Type": "GET DATA"}],
                "DataGranule": {"ArchiveAndDistributionInformation": [told]},
            },
        }


class Handler(BaseHTTPRequestHandler):
    def __init__(self, place: Place, *args: Any) -> None:
        self.place = place
        super().__init__(*args)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.place.authorized.add(self.headers.get("Authorization"))
        if parts.path.endswith("collections.umm_json"):
            body = [{"meta": {"concept-id": "C006"}, "umm": {"ShortName": "ATL10", "Version": "006"}}]
            self._send(200, json.dumps({"items": body}).encode(), {"CMR-Hits": "1"})
        elif parts.path.endswith("granules.umm_json"):
            names = sorted(name.removesuffix(".h5") for name in self.place.files)
            items = [self.place.record(name, 10.0 * number) for number, name in enumerate(names)]
            size = int(parse_qs(parts.query)["page_size"][0])
            self._send(200, json.dumps({"items": items[:size]}).encode(), {"CMR-Hits": str(len(items))})
        elif parts.path[1:] in self.place.files:
            self._send(200, self.place.files[parts.path[1:]], {"ETag": '"a"'})
        else:
            self._send(404, b"nothing", {})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Stay silent."""


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    found = Place()
    found.files = {
        f"ATL10-0{1 + n % 2}_20220107195849_0{n}531401_006_01.h5": bytes([n]) * 1000 * n for n in range(1, 6)
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, found))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    found.url = f"http://127.0.0.1:{server.server_port}"
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def altiflow() -> Callable[..., Any]:
    return lambda *words, **more: CliRunner().invoke(
        main, [str(word) for word in words], catch_exceptions=False, prog_name="altiflow", **more
    )


def asked(place: Place, *words: Any) -> list[Any]:
    return ["search", "ATL10", "--endpoint", f"{place.url}/search", "--start", "2022-01", "--end", "2022-01", *words]


@pytest.mark.parametrize("command", ["search", "download"])
def test_help_has_an_example(command: str, altiflow: Callable[..., Any]) -> None:
    result = altiflow(command, "--help")
    assert result.exit_code == 0
    assert any(line.startswith(f"  altiflow {command} ") for line in result.output.splitlines())
    assert "\\b" not in result.output


def test_the_numbers_are_those_of_the_library(place: Place, altiflow: Callable[..., Any], tmp_path: Path) -> None:
    expected = search_granules("ATL10", region=None, start="2022-01", end="2022-01", endpoint=f"{place.url}/search")
    result = altiflow(*asked(place, "-o", tmp_path / "all.parquet"))
    assert result.exit_code == 0, result.output
    assert result.output.startswith("5 granules, 2022-01-07 to 2022-01-07, 0 MB\n")
    assert all(name in result.output for name in expected["granule"])
    assert "all.parquet" in result.output.splitlines()[-1]
    assert read_catalogue(tmp_path / "all.parquet").equals(expected)
    assert altiflow(*asked(place, "--format", "count")).output == "5\n"
    few = altiflow(*asked(place, "--hemisphere", "north", "--track", "200-300,453", "--format", "urls"))
    north = expected[(expected["hemisphere"] == "north") & expected["rgt"].isin([253, 453])]
    assert few.output.split() == north["url_https"].tolist()
    told = json.loads(altiflow(*asked(place, "--cycle", "14", "--format", "geojson")).output)
    assert [feature["id"] for feature in told["features"]] == expected["granule"].tolist()
    assert told["altiflow"]["search"]["start"] == "2022-01-01T00:00:00"


def test_nothing_found_is_an_error_or_a_nought(place: Place, altiflow: Callable[..., Any]) -> None:
    result = altiflow(*asked(place, "--cycle", "99"))
    assert result.exit_code == 1
    assert "error: no granule is left" in result.output
    result = altiflow(*asked(place, "--cycle", "99", "--format", "count"))
    assert (result.exit_code, result.output) == (0, "0\n")
    place.files = {}
    assert altiflow(*asked(place, "--format", "count")).output == "0\n"
    result = altiflow(*asked(place))
    assert result.exit_code == 1
    assert "no granule of ATL10" in result.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--cycle", "3-1"], "--cycle 3-1"),
        (["--track", "x"], "--track x"),
        (["--version", "003"], "version '003'"),
        (["--region", "nowhere.shp"], "region"),
        (["--login", "environment"], "no login by environment"),
    ],
)
def test_what_means_nothing_is_told(
    words: list[str], said: str, place: Place, altiflow: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TOKEN", "USERNAME", "PASSWORD"):
        monkeypatch.delenv(f"EARTHDATA_{name}", raising=False)
    result = altiflow(*asked(place, *words))
    assert result.exit_code == 1
    assert said in result.output
    assert "Traceback" not in result.output


def test_a_login_is_made_only_where_it_is_asked_for(
    place: Place, altiflow: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EARTHDATA_TOKEN", "secret")
    assert altiflow(*asked(place)).exit_code == 0
    assert place.authorized == {None}
    assert altiflow(*asked(place, "--login", "environment")).exit_code == 0
    assert place.authorized == {None, "Bearer secret"}


def test_folders_catalogues_and_motion_need_no_service(
    altiflow: Callable[..., Any], tmp_path: Path, data: Callable[[str], Path]
) -> None:
    folder = data("atl06")
    everything = altiflow("search", "--source", folder, "--format", "count")
    assert everything.output == "3\n"
    near = altiflow("search", "ATL06", "--source", folder, "--region", "north of 0", "-o", tmp_path / "c.geojson")
    assert near.exit_code == 0, near.output
    saved = read_catalogue(tmp_path / "c.geojson")
    assert set(saved["orientation"]) <= {"forward", "backward"}
    again = altiflow("search", "--source", tmp_path / "c.geojson", "--format", "urls")
    assert again.output.split() == saved["path"].tolist()
    assert len(read_segments(saved)) > 0
    words = ["--start", "2018", "--end", "2019", "--hemisphere", "north", "--step", "weekly", "--format", "urls"]
    result = altiflow("search", "nsidc-0116", *words)
    assert result.output.split() == motion_urls("2018", "2019", hemisphere="north", step="weekly")
    assert "give --hemisphere" in altiflow("search", "NSIDC-0116", "--start", "2018", "--end", "2019").output
    assert "name a product" in altiflow("search").output


def test_downloads_come_whole_with_their_checksum(place: Place, altiflow: Callable[..., Any], tmp_path: Path) -> None:
    catalogue = tmp_path / "c.parquet"
    found = search_granules("ATL10", region=None, start=None, end=None, endpoint=f"{place.url}/search")
    found["url_https"] = [url.replace("https://host", place.url) for url in found["url_https"]]
    assert altiflow("search", "--source", write_catalogue(found, catalogue), "--format", "count").output == "5\n"
    result = altiflow("download", catalogue, "--to", tmp_path / "files", "--workers", 2)
    assert result.exit_code == 0, result.output
    assert result.output == f"{tmp_path / 'files'}: 5 downloaded\n"
    assert {path.name: path.read_bytes() for path in (tmp_path / "files").glob("*.h5")} == place.files
    again = altiflow("download", catalogue, "--to", tmp_path / "files")
    assert again.output == f"{tmp_path / 'files'}: 5 there\n"
    (tmp_path / "files" / "manifest.json").unlink()
    spoilt = sorted((tmp_path / "files").glob("*.h5"))[2]
    spoilt.write_bytes(bytes(len(spoilt.read_bytes())))
    mended = altiflow("download", catalogue, "--to", tmp_path / "files")
    assert mended.output == f"{tmp_path / 'files'}: 4 there, 1 downloaded\n"
    assert spoilt.read_bytes() == place.files[spoilt.name]


def test_a_file_with_another_checksum_is_not_kept(place: Place, altiflow: Callable[..., Any], tmp_path: Path) -> None:
    name = sorted(place.files)[0].removesuffix(".h5")
    place.checksum[name] = "0" * 32
    found = search_granules("ATL10", region=None, start=None, end=None, endpoint=f"{place.url}/search")
    found["url_https"] = [url.replace("https://host", place.url) for url in found["url_https"]]
    catalogue = write_catalogue(found, tmp_path / "c.geojson")
    result = altiflow("download", catalogue, "--to", tmp_path / "files", "--attempts", 1)
    assert result.exit_code == 1
    assert f"1 of 5 files could not be downloaded: {place.url}/{name}.h5" in result.output
    assert "checksum md5:0000" in result.output
    assert not list((tmp_path / "files").glob(f"{name}*"))
    result = altiflow("download", catalogue, "--to", tmp_path / "files", "--attempts", 1, "--on-error", "skip")
    assert result.exit_code == 0
    assert "4 there" in result.output
    assert "1 failed" in result.output
    assert "warning: " in result.output


def test_lists_and_addresses(place: Place, altiflow: Callable[..., Any], tmp_path: Path) -> None:
    urls = [f"{place.url}/{name}" for name in place.files]
    (tmp_path / "urls.txt").write_text(f"# mine\n\n{urls[0]}\n{urls[1]}\n")
    result = altiflow("download", tmp_path / "urls.txt", urls[2], "-", "--to", tmp_path / "f", input=f"{urls[3]}\n#\n")
    assert result.output == f"{tmp_path / 'f'}: 4 downloaded\n"
    pairs = pairs_from_names([f"{place.url}/{PAIR}"])
    place.files[PAIR] = b"pair"
    for name in ("pairs.parquet", "pairs.csv", "pairs.geojson"):
        folder = tmp_path / name.replace(".", "-")
        result = altiflow("download", write_pairs(pairs, tmp_path / name), "--to", folder, "--quiet")
        assert (result.exit_code, result.output) == (0, "")
        assert (folder / PAIR).read_bytes() == b"pair"
    for name, text, said in (
        ("none.txt", "# nothing\n", "lists no file"),
        ("none.geojson", "{}", "no table of files"),
        ("none.csv", "a,b\n1,2\n", "no column url"),
        ("none.parquet", "PAR1", "GeoParquet"),
    ):
        (tmp_path / name).write_text(text)
        result = altiflow("download", tmp_path / name, "--to", tmp_path / "f")
        assert result.exit_code == 1
        assert said in result.output
    assert "no list of files" in altiflow("download", tmp_path / "absent.txt", "--to", tmp_path / "f").output


def test_granules_of_a_folder_are_compared_and_counted(tmp_path: Path) -> None:
    for day, track in (("20220107", "0253"), ("20220108", "0254"), ("20220301", "0255")):
        (tmp_path / f"ATL10-01_{day}195849_{track}1401_006_02.h5").touch()
    (tmp_path / "icemotion_weekly_nh_25km_20180101_20181231_v4.1.nc").touch()
    asked = ["search", "atl10", "--source", str(tmp_path), "--quiet"]
    found = CliRunner().invoke(main, [*asked, "--count-by", "year,month"])
    assert [line.split() for line in found.output.splitlines()] == [
        ["year", "month", "count"],
        ["2022", "1", "2"],
        ["2022", "3", "1"],
    ]
    late = CliRunner().invoke(main, [*asked, "--filter", "start:>=:2022-02", "--format", "count"])
    assert (late.exit_code, late.output.strip()) == (0, "1")
    motion = CliRunner().invoke(main, ["search", "--source", str(tmp_path), "--filter", "product:==:NSIDC-0116"])
    assert "icemotion_weekly_nh_25km_20180101_20181231_v4.1" in motion.output
    for wrong, words in (("start", "not of the form column:op:value"), ("glacier:==:1", "'glacier' is not one of")):
        refused = CliRunner().invoke(main, [*asked, "--filter", wrong])
        assert refused.exit_code == 1
        assert words in refused.output
