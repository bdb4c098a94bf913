"""A local file server that knows ranges and validators, and can be told to misbehave."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

CONTENT = np.random.default_rng(0).bytes(700_001)


class Files:
    """The server's side: its files by name, what it was asked, and what it does wrong."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {name: CONTENT for name in ("a.nc", "b.nc", "c.nc")}
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.status: dict[str, list[int]] = {}
        self.cut: dict[str, list[int]] = {}
        self.headers: dict[str, str] = {}
        self.ranges, self.if_range, self.etag, self.modified, self.length = True, True, True, False, True
        self.wait, self.page, self.url = 0.0, False, ""
        self.trickle: tuple[int, float] | None = None

    def tag(self, name: str) -> str:
        return f'"{hashlib.md5(self.files[name]).hexdigest()}"'

    def gets(self, name: str) -> list[dict[str, str]]:
        """Return the headers of the requests for a file."""
        return [headers for method, path, headers in self.asked if method == "GET" and path == f"/{name}"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, state: Files, *args: Any) -> None:
        self.state = state
        super().__init__(*args)

    def do_HEAD(self) -> None:
        self._reply("HEAD")

    def do_GET(self) -> None:
        self._reply("GET")

    def _reply(self, method: str) -> None:
        path = urlsplit(self.path).path
        headers = {key.lower(): value for key, value in self.headers.items()}
        self.state.asked.append((method, path, headers))
        name = path[1:]
        if name.startswith("moved/"):
            self._send(302, b"", {"Location": f"/{name.removeprefix('moved/')}?token=hidden"}, method)
            return
        if name.startswith("round/"):
            self._send(302, b"", {"Location": self.path}, method)
            return
        status = self.state.status.get(name)
        if status and method == "GET":
            self._send(status.pop(0), b"no <b>token=hidden</b>", self.state.headers, method)
            return
        if name not in self.state.files:
            self._send(404, b"nothing", {}, method)
            return
        time.sleep(self.state.wait)
        self._send_file(name, headers, method)

    def _send_file(self, name: str, headers: dict[str, str], method: str) -> None:
        body, told = (
            self.state.files[name],
            {"Content-Type": "text/html" if self.state.page else "application/x-netcdf"},
        )
        if self.state.etag:
            told["ETag"] = self.state.tag(name)
        if self.state.modified:
            told["Last-Modified"] = "Wed, 21 Oct 2015 07:28:00 GMT"
        wanted = headers.get("range")
        known = (
            headers.get("if-range") in (None, told.get("ETag"), told.get("Last-Modified")) or not self.state.if_range
        )
        if wanted and self.state.ranges and known:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(body):
                self._send(416, b"", {"Content-Range": f"bytes */{len(body)}"}, method)
                return
            told["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            self._send(206, body[start:], told, method, name)
        else:
            self._send(200, body, told, method, name)

    def _send(self, status: int, body: bytes, told: dict[str, str], method: str, name: str = "") -> None:
        self.send_response(status)
        for key, value in told.items():
            self.send_header(key, value)
        if self.state.length or status != 200:
            self.send_header("Content-Length", str(len(body)))
        cuts = self.state.cut.get(name)
        if cuts or not self.state.length:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if method == "GET":
            self._write(body[: cuts.pop(0)] if cuts else body)

    def _write(self, body: bytes) -> None:
        """Send all at once, or as many bytes as `trickle` says and a wait after each."""
        size, wait = self.state.trickle or (max(len(body), 1), 0.0)
        for start in range(0, len(body), size):
            self.wfile.write(body[start : start + size])
            time.sleep(wait)

    def log_message(self, *args: Any) -> None:
        """Stay silent."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *args: Any) -> None:
        """A client that gave up waiting is no error here."""


@pytest.fixture
def content() -> bytes:
    return CONTENT


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("altiflow.readers.remote.transfer._BLOCK", 1000)
    state = Files()
    server = Server(("127.0.0.1", 0), partial(Handler, state))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    thread.join()
    server.server_close()
