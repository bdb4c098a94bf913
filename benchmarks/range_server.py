"""A web server of byte ranges that waits before every answer and counts what it is asked; runs by itself."""

from __future__ import annotations

import argparse
import json
import threading
import time
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

__all__ = ["main"]


class Counts:
    """What was asked since the last look."""

    def __init__(self, wait: float) -> None:
        self.wait, self.lock = wait, threading.Lock()
        self.reset()

    def reset(self) -> None:
        self.requests = self.sent = self.now = self.most = 0


class Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD of a file; /counts tells and forgets the counts, /wait/SECONDS sets the wait."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, folder: Path, counts: Counts, *args: Any) -> None:
        self.folder, self.counts = folder, counts
        super().__init__(*args)

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        counts = self.counts
        if self.path.startswith("/wait/"):
            counts.wait = float(self.path.rpartition("/")[2])
        if self.path.startswith(("/wait/", "/counts")):
            told = {"requests": counts.requests, "sent": counts.sent, "in_flight": counts.most}
            counts.reset()
            self.send(200, json.dumps(told).encode(), {})
            return
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        counts = self.counts
        with counts.lock:
            counts.requests += 1
            counts.now += 1
            counts.most = max(counts.most, counts.now)
        time.sleep(counts.wait)
        path = self.folder / self.path[1:]
        size = path.stat().st_size
        wanted = self.headers.get("Range", "")
        first, last = 0, size - 1
        if wanted:
            begin, _, end = wanted.removeprefix("bytes=").partition("-")
            first, last = int(begin), min(int(end or size - 1), size - 1)
        told = {"ETag": f'"{path.stat().st_mtime_ns}"', "Accept-Ranges": "bytes"}
        if wanted:
            told["Content-Range"] = f"bytes {first}-{last}/{size}"
        with path.open("rb") as file:
            file.seek(first)
            piece = file.read(last + 1 - first) if body else b""
        with counts.lock:
            counts.now -= 1
            counts.sent += len(piece)
        self.send(206 if wanted else 200, piece, told | ({} if body else {"Content-Length": str(size)}))

    def send(self, status: int, body: bytes, told: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in ({"Content-Length": str(len(body))} | told).items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Stay silent."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *args: Any) -> None:
        """A client that hung up is no error here."""


def main() -> None:
    """Serve a folder and print the port."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--wait", type=float, default=0.0)
    told = parser.parse_args()
    server = Server(("127.0.0.1", 0), partial(Handler, told.folder, Counts(told.wait)))
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
