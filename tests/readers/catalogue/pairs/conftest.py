"""Made-up pairs, and a local server that speaks STAC item search; searches really go over HTTP."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import geopandas as gpd
import pytest
import shapely
from shapely.geometry import mapping, shape

from altiflow.readers.catalogue.pairs.table import build_pairs

BUCKET = "https://its-live-data.s3.amazonaws.com/velocity_image_pair"


def landsat_name(first: datetime, second: datetime, *, percent: int = 78, row: int = 11) -> str:
    """Return the name of a Landsat 8 pair."""
    scenes = (f"LC08_L1TP_009{row:03d}_{day:%Y%m%d}_20200913_02_T1" for day in (first, second))
    return "_X_".join(scenes) + f"_G0120V02_P{percent:03d}"


def stac_item(name: str, *, geometry: Any = None, **properties: Any) -> dict[str, Any]:
    """Return an item in the shape of https://stac.itslive.cloud; times and percent as told, or of the name."""
    area = shapely.box(-50, 69, -48, 70) if geometry is None else geometry
    told = {
        "datetime": "2020-07-27T00:00:00Z",
        "start_datetime": "2020-07-03T15:01:02.125000Z",
        "end_datetime": "2020-08-20T15:45:16Z",
        "date_dt": 48.0,
        "platform": name[:4],
        "scene_1_id": name.split("_X_")[0],
        "percent_valid_pixels": 78,
        "proj:code": "EPSG:3413",
        "version": "002",
        **properties,
    }
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "collection": "itslive-granules",
        "geometry": mapping(area) if hasattr(area, "geom_type") else area,
        "bbox": list(area.bounds) if hasattr(area, "geom_type") else [-180, -90, 180, 90],
        "properties": told,
        "links": [],
        "assets": {
            "thumbnail": {"href": f"{BUCKET}/{name}_thumb.png", "roles": ["thumbnail"]},
            "data": {"href": f"{BUCKET}/{name}.nc", "roles": ["data"], "type": "application/netcdf"},
        },
    }


@pytest.fixture
def item() -> Callable[..., dict[str, Any]]:
    return stac_item


@pytest.fixture
def pair_name() -> Callable[..., str]:
    return landsat_name


@pytest.fixture
def pairs_at() -> Callable[..., gpd.GeoDataFrame]:
    """Return a maker of pair catalogues from middles, each pair 16 days long."""

    def make(middles: list[datetime], percents: list[float] | None = None, days: float = 16.0) -> gpd.GeoDataFrame:
        half = timedelta(days=days / 2)
        rows = [
            {
                "granule": f"pair{number:05d}",
                "url": f"{BUCKET}/pair{number:05d}.nc",
                "start": middle - half,
                "end": middle + half,
                "time_resolution": "instant",
                "mission": "landsat",
                "satellite": "L8",
                "percent_valid": percents[number] if percents else 80.0,
                "version": "v02",
                "epsg": 3413,
                "geometry": shapely.box(-50, 69, -48, 70),
            }
            for number, middle in enumerate(middles)
        ]
        return build_pairs(rows)

    return make


class Stac:
    """The server's side: what it holds, what it was asked, and what it does wrong."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.methods = ["GET", "POST"]
        self.filters, self.page = True, 3
        self.status: list[int] = []
        self.body, self.wait, self.cut, self.redirect, self.url = "", 0.0, 0, 0, ""
        self.announced: int | None = None
        self.announce, self.empty_page, self.loop, self.next_href = True, False, False, ""

    @property
    def questions(self) -> list[dict[str, Any]]:
        """What the first pages of searches were asked with."""
        return [given for _, path, given in self.asked if path.startswith("/search") and "token" not in given]

    def landing(self) -> dict[str, Any]:
        classes = ["https://api.stacspec.org/v1.0.0/core", "https://api.stacspec.org/v1.0.0/item-search"]
        if self.filters:
            classes += ["https://api.stacspec.org/v1.0.0/item-search#filter"]
        links = [{"rel": "search", "href": f"{self.url}/search", "method": method} for method in self.methods]
        return {
            "type": "Catalog",
            "id": "test",
            "stac_version": "1.0.0",
            "description": "test",
            "conformsTo": classes,
            "links": [{"rel": "self", "href": self.url}, *links],
        }

    def answer(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        found = [item for item in self.items if self._meets(item, given)]
        first = int(given.get("token", 0))
        page = [] if self.empty_page and first == self.page else found[first : first + self.page]
        links = []
        if first + self.page < len(found) or (self.empty_page and first == self.page):
            links = [self._next(method, given, 0 if self.loop else first + self.page)]
        told = {"type": "FeatureCollection", "features": page, "links": links}
        if self.announce:
            told["numberMatched"] = len(found) if self.announced is None else self.announced
        return told

    def _next(self, method: str, given: dict[str, Any], place: int) -> dict[str, Any]:
        if method == "POST":
            return {"rel": "next", "href": self.next_href or f"{self.url}/search", "method": "POST",
                    "body": {**given, "token": place}}  # fmt: skip
        words = "&".join(f"{key}={value}" for key, value in given.items() if key != "token")
        return {"rel": "next", "href": self.next_href or f"/search?{words}&token={place}", "method": "GET"}

    def _meets(self, item: dict[str, Any], given: dict[str, Any]) -> bool:
        if item["collection"] not in given["collections"]:
            return False
        where = given["intersects"]
        if not shape(item["geometry"]).intersects(shape(json.loads(where) if isinstance(where, str) else where)):
            return False
        question = given.get("filter")
        question = json.loads(question) if isinstance(question, str) else question
        tests = [] if not question else question["args"] if question["op"] == "and" else [question]
        for test in tests:
            value, limit = item["properties"][test["args"][0]["property"]], test["args"][1]
            if not (value >= limit if test["op"] == ">=" else value <= limit):
                return False
        if "datetime" in given:
            first, last = given["datetime"].split("/")
            start, end = item["properties"]["start_datetime"], item["properties"]["end_datetime"]
            return (first == ".." or end >= first) and (last == ".." or start <= last)
        return True


@pytest.fixture
def stac(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stac]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    state = Stac()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
            self._reply("GET", given)

        def do_POST(self) -> None:
            self._reply("POST", json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _reply(self, method: str, given: dict[str, Any]) -> None:
            path = urlsplit(self.path).path
            state.asked.append((method, path, given))
            time.sleep(state.wait)
            searching = path == "/search"
            status = state.status.pop(0) if searching and state.status else 200
            if searching and state.redirect:
                self.send_response(state.redirect)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            told = state.answer(method, given) if path in ("/search", "/elsewhere") else state.landing()
            raw = (state.body if status >= 400 or (searching and state.body) else json.dumps(told)).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/geo+json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw[: state.cut] if searching and state.cut else raw)

        def log_message(self, *args: Any) -> None:
            """Stay silent."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *args: Any) -> None:
            """A client that gave up waiting is no error here."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    thread.join()
    server.server_close()
