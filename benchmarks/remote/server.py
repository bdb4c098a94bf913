"""A web server of byte ranges that waits before every answer and counts what it is asked; runs by itself.

It answers GET and HEAD of ``/folder/file``, which is what S3 clients ask of a bucket at an endpoint too. ``/counts``
tells the counts and forgets them, ``/wait/SECONDS`` sets the wait, ``/rate/BYTES`` what a connection gets a second
(0: as much as it can).
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from email.utils import formatdate
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

__all__ = ["main"]

_PIECE = 2**18


class Counts:
    """What was asked since the last look; a round is what was asked from no request in flight to none again."""

    def __init__(self) -> None:
        self.wait = self.rate = 0.0
        self.now, self.lock = 0, threading.Lock()
        self.reset()

    def reset(self) -> None:
        self.requests = self.sent = self.most = self.rounds = self.connections = 0

    def told(self) -> dict[str, int]:
        names = {"requests": self.requests, "bytes": self.sent, "in_flight": self.most}
        return names | {"rounds": self.rounds, "connections": self.connections}

    def begin(self) -> None:
        with self.lock:
            self.requests += 1
            self.rounds += self.now == 0
            self.now += 1
            self.most = max(self.most, self.now)

    def end(self, sent: int) -> None:
        with self.lock:
            self.now -= 1
            self.sent += sent


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Header and body are two packets: without this the second one waits for an acknowledgement of the first, 40 ms.
    disable_nagle_algorithm = True

    def __init__(self, folder: Path, counts: Counts, *args: Any) -> None:
        self.folder, self.counts, self.known = folder, counts, False
        super().__init__(*args)

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        word, _, value = self.path[1:].partition("/")
        if word in ("wait", "rate"):
            setattr(self.counts, word, float(value))
        if word in ("wait", "rate", "counts"):
            told = json.dumps(self.counts.told()).encode()
            self.counts.reset()
            self.head(200, {"Content-Length": str(len(told))})
            self.wfile.write(told)
            return
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        if not self.known:
            self.known = True
            self.counts.connections += 1
        self.counts.begin()
        time.sleep(self.counts.wait)
        path = self.folder / unquote(self.path.partition("?")[0])[1:]
        if not path.is_file():
            self.counts.end(0)
            self.head(404, {"Content-Length": "0"})
            return
        size, changed = path.stat().st_size, path.stat().st_mtime
        begin, _, end = self.headers.get("Range", "").removeprefix("bytes=").partition("-")
        first, last = int(begin or 0), min(int(end or size - 1), size - 1)
        told = {"ETag": f'"{changed}"', "Accept-Ranges": "bytes", "Last-Modified": formatdate(changed, usegmt=True)}
        if begin:
            told["Content-Range"] = f"bytes {first}-{last}/{size}"
        self.head(206 if begin else 200, told | {"Content-Length": str(last + 1 - first)})
        try:
            if body:
                self.send_piece(path, first, last + 1)
        finally:
            self.counts.end(last + 1 - first if body else 0)

    def head(self, status: int, told: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in told.items():
            self.send_header(key, value)
        self.end_headers()

    def send_piece(self, path: Path, first: int, end: int) -> None:
        """Send bytes, not faster than a connection may."""
        start, rate = time.monotonic(), self.counts.rate
        with path.open("rb") as file:
            for place in range(first, end, _PIECE):
                self.connection.sendfile(file, place, min(_PIECE, end - place))
                if rate:
                    time.sleep(max(0.0, (place + _PIECE - first) / rate - (time.monotonic() - start)))

    def log_message(self, *args: Any) -> None:
        """Stay silent."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, *args: Any) -> None:
        """A client that hung up is no error here."""


def main() -> None:
    """Serve a folder and print the port."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    told = parser.parse_args()
    server = Server(("127.0.0.1", 0), partial(Handler, told.folder, Counts()))
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
