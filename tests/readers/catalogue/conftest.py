"""A small local server that answers in the shapes of the archive; searches really go over HTTP."""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import geopandas as gpd
import pytest

from altiflow.readers.catalogue import search_granules
from altiflow.readers.remote.retries import Retries

GREENLAND = {"GPolygons": [{"Boundary": {"Points": []}}]}
for corner in ((-50, 70), (-40, 70), (-40, 75), (-50, 75), (-50, 70)):
    GREENLAND["GPolygons"][0]["Boundary"]["Points"].append({"Longitude": corner[0], "Latitude": corner[1]})


def granule_record(name: str, *, geometry: dict[str, Any] | None = None, day: str = "2022-01-07") -> dict[str, Any]:
    """Return a UMM-G record in the shape of the archive's cloud records."""
    product, version = name[:5], name.split("_")[-2]
    bucket = f"nsidc-cumulus-prod-protected/ATLAS/{product}/{version}/2022/01/07/{name}.h5"
    host = "https://data.nsidc.earthdatacloud.nasa.gov"
    return {
        "meta": {
            "concept-type": "granule",
            "concept-id": f"G{zlib.crc32(name.encode())}-NSIDC_CPRD",
            "native-id": f"{name}.h5",
            "provider-id": "NSIDC_CPRD",
        },
        "umm": {
            "GranuleUR": f"{name}.h5",
            "CollectionReference": {"ShortName": product, "Version": version},
            "TemporalExtent": {
                "RangeDateTime": {
                    "BeginningDateTime": f"{day}T19:58:49.123Z",
                    "EndingDateTime": f"{day}T20:45:00Z",
                }
            },
            "SpatialExtent": {"HorizontalSpatialDomain": {"Geometry": geometry or GREENLAND}},
            "RelatedUrls": [
                {"URL": f"{host}/{bucket}.cmr.json", "Type": "EXTENDED METADATA"},
                {"URL": f"{host}/{bucket}", "Type": "GET DATA"},
                {"URL": f"s3://{bucket}", "Type": "GET DATA VIA DIRECT ACCESS"},
            ],
            "DataGranule": {
                "Identifiers": [{"Identifier": f"{name}.h5", "IdentifierType": "ProducerGranuleId"}],
                "ArchiveAndDistributionInformation": [
                    {"Name": f"{name}.h5", "SizeInBytes": 3 * 2**20, "Size": 3.0, "SizeUnit": "MB"},
                    {"Name": f"{name}.iso.xml", "SizeInBytes": 2**20, "Size": 1.0, "SizeUnit": "MB"},
                ],
            },
        },
    }


class Archive:
    """The server's side: what it holds, what it was asked, and what it does wrong."""

    def __init__(self) -> None:
        self.versions = ["006", "007"]
        self.granules: list[dict[str, Any]] = []
        self.asked: list[tuple[str, dict[str, list[str]], dict[str, str]]] = []
        self.status, self.body, self.wait, self.cut, self.page = 200, "", 0.0, 0, 2000
        self.hits_header, self.by_box = True, {}
        self.busy: list[int] = []
        self.trickle = 0.0
        self.url = ""

    def items(self, path: str, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        if path.endswith("collections.umm_json"):
            return [
                {"meta": {"concept-id": f"C{v}-NSIDC_CPRD"}, "umm": {"ShortName": "ATL10", "Version": v}}
                for v in self.versions
            ]
        allowed = {concept[1:4] for concept in query["concept_id[]"]}
        held = self.by_box.get(query.get("bounding_box", [""])[0], self.granules)
        return [item for item in held if item["umm"]["CollectionReference"]["Version"] in allowed]

    @staticmethod
    def granule(name: str, *, day: str = "2022-01-07") -> dict[str, Any]:
        """Return a record as the server would hold it."""
        return granule_record(name, day=day)

    def search(self, product: str = "ATL10", **kwargs: Any) -> gpd.GeoDataFrame:
        """Return what a search of this server answers."""
        given = {"region": (-60, 60, -30, 80), "start": "2022-01-01", "end": "2022-01-31", **kwargs}
        return search_granules(product, **{"endpoint": self.url, "timeout": 5.0, "retries": Retries(wait=0.0), **given})

    @property
    def searches(self) -> list[dict[str, list[str]]]:
        """The queries for granules, without the counting ones and further pages."""
        return [
            query
            for path, query, headers in self.asked
            if "granules" in path and query["page_size"] != ["0"] and "cmr-search-after" not in headers
        ]


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    state = Archive()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = parse_qs(parts.query)
            headers = {key.lower(): value for key, value in self.headers.items()}
            state.asked.append((parts.path, query, headers))
            time.sleep(state.wait)
            items = state.items(parts.path, query)
            size = min(int(query["page_size"][0]), state.page)
            first = int(headers.get("cmr-search-after", "0"))
            page = items[first : first + size]
            body = state.body or json.dumps({"hits": len(items), "took": 3, "items": page})
            raw = body.encode()
            if state.cut and size:
                raw = raw[: state.cut]
            self.send_response(state.busy.pop(0) if state.busy else state.status)
            self.send_header("Content-Type", "application/vnd.nasa.cmr.umm_results+json;version=1.6.6")
            self.send_header("Content-Length", str(len(raw)))
            if state.hits_header:
                self.send_header("CMR-Hits", str(len(items)))
            if page:
                self.send_header("CMR-Search-After", str(first + size))
            self.end_headers()
            for place in range(len(raw)) if state.trickle else ():
                self.wfile.write(raw[place : place + 1])
                time.sleep(state.trickle)
            self.wfile.write(b"" if state.trickle else raw)

        def log_message(self, *args: Any) -> None:
            """Stay silent."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *args: Any) -> None:
            """A client that gave up waiting is no error here."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}/search"
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def granule() -> Callable[..., dict[str, Any]]:
    """Return the function that makes a UMM-G record."""
    return granule_record
