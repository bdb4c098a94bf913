"""Series that a service is asked for are those of the library, and its refusals come as typed errors."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pandas as pd
import pyproj
import pytest
from catalogues import make_field

import altiflow as af
from altiflow.errors import EmptyDataError, InputError, LoginError, SearchError


@pytest.fixture(scope="module")
def places() -> dict[str, tuple[float, float]]:
    field = make_field()
    x, y = (float(field[name].values[[1, -2]].mean()) for name in ("x", "y"))
    lon, lat = pyproj.Transformer.from_crs(field.attrs["crs"], 4326, always_xy=True).transform(x, y)
    return {"middle": (lon, lat), "far": (0.0, -80.0)}


def test_the_table_is_that_of_the_library(service: str, places: dict[str, tuple[float, float]]) -> None:
    table = af.read_served_series(f"{service}/fields/north/", places)
    expected = af.series_table(af.series_at(make_field(), af.as_places({"middle": places["middle"]})))
    assert table.attrs["empty"] == ["far"]
    assert set(table["point"]) == {"middle"}
    for name in ("vx", "vy", "speed"):
        np.testing.assert_allclose(table[name], expected[name], rtol=1e-6)
    for name in ("start", "mid", "end"):
        assert (pd.to_datetime(table[name]) - expected[name]).abs().max() < pd.Timedelta("1ms")
    assert table.attrs["units"] == expected.attrs["units"]
    assert table.columns[0] == "point"


def test_refusals_are_told(service: str, places: dict[str, tuple[float, float]]) -> None:
    with pytest.raises(EmptyDataError, match="no velocity at far"):
        af.read_served_series(f"{service}/fields/north", {"far": places["far"]})
    with pytest.raises(SearchError, match="HTTP 404"):
        af.read_served_series(f"{service}/fields/south", places)
    with pytest.raises(InputError, match="method"):
        af.read_served_series(f"{service}/fields/north", places, method="best")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="none of a service"):
        af.read_served_series("fields/north", places)
    with pytest.raises(InputError, match="timeout"):
        af.read_served_series(f"{service}/fields/north", places, timeout=0)


class Odd(BaseHTTPRequestHandler):
    """Answers by the name of the field."""

    def do_GET(self) -> None:
        kind = self.path.split("/")[2]
        status = {"closed": 401, "busy": 503}.get(kind, 200)
        body = {"text": b"<html>", "object": b"{}"}.get(kind, json.dumps([{"start": "x"}]).encode())
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def odd() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Odd)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("kind", "error", "told"),
    [
        ("closed", LoginError, "wants a token"),
        ("busy", SearchError, "busy"),
        ("text", SearchError, "did not answer with a series"),
        ("object", SearchError, "did not answer with a series"),
    ],
)
def test_odd_answers_are_told(odd: str, kind: str, error: type[Exception], told: str) -> None:
    patience = af.Retries(attempts=2, wait=0.0)
    with pytest.raises(error, match=told):
        af.read_served_series(f"{odd}/fields/{kind}", {"a": (1, 2)}, retries=patience)


def test_a_service_that_is_not_there_is_told() -> None:
    with pytest.raises(SearchError, match="could not be reached"):
        af.read_served_series("http://127.0.0.1:9/fields/a", {"a": (1, 2)}, retries=af.Retries(attempts=1))
