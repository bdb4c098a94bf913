"""The server of a local archive: a search service in the form of CMR, and the files with byte ranges."""

from __future__ import annotations

import json
import re
import threading
import zlib
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from altiflow.readers.sample.archive.holdings import Holdings

__all__ = ["LocalArchive", "serve_archive"]

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_SEARCH = "application/vnd.nasa.cmr.umm_results+json"


class LocalArchive:
    """An archive on this machine, until it is closed; ``with`` closes it too.

    Attributes
    ----------
    endpoint
        Address of its search service, for :func:`altiflow.search_granules`.
    """

    def __init__(self, granules: Any) -> None:
        self._server = _Server(("127.0.0.1", 0), partial(_Handler, self))
        root = f"http://127.0.0.1:{self._server.server_port}"
        try:
            self.holdings = Holdings(granules, f"{root}/granules")
        except BaseException:
            self._server.server_close()
            raise
        self.endpoint = f"{root}/search"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="local archive", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop answering; closing twice is the same as once."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> LocalArchive:
        """Return the archive."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def __repr__(self) -> str:
        """Return how many granules are where."""
        return f"LocalArchive({len(self.holdings.files)} granules, endpoint={self.endpoint!r})"


def serve_archive(granules: Any) -> LocalArchive:
    """Return an archive on this machine that holds granules, searched and read over HTTP as NASA's is.

    Its search service answers in the form of the Common Metadata Repository, by product, version, box or polygon and
    period; its files come whole or by byte ranges. It is for trying and teaching: it answers this machine alone, asks
    for no login, and knows no great circles.

    Parameters
    ----------
    granules
        Files and folders, as :func:`altiflow.list_granules` takes them.

    Raises
    ------
    InputError, EmptyDataError, GranuleError
        As :func:`altiflow.list_granules`, which reads their footprints.

    Examples
    --------
    >>> import tempfile
    >>> from altiflow.readers import make_season, search_granules
    >>> season = make_season(tempfile.mkdtemp(), granules=3)
    >>> with serve_archive(season.granules) as archive:
    ...     found = search_granules("ATL10", region=None, start="2019-08", end="2019-08", endpoint=archive.endpoint)
    >>> found["granule"].tolist() == [season.granules[1].stem]
    True
    """
    return LocalArchive(granules)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: Any) -> None:
        """Pass over a client that hung up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, archive: LocalArchive, *args: Any) -> None:
        self._archive = archive
        super().__init__(*args)

    def do_HEAD(self) -> None:
        """Answer without the body."""
        self.do_GET()

    def do_GET(self) -> None:
        """Answer a search, or send a file."""
        parts = urlsplit(self.path)
        holdings = self._archive.holdings
        searches = {
            "/search/collections.umm_json": holdings.collections,
            "/search/granules.umm_json": holdings.granules,
        }
        if parts.path in searches:
            query = parse_qs(parts.query)
            try:
                items, size = searches[parts.path](query), int(query.get("page_size", ["10"])[0])
            except ValueError as error:
                self._send(400, json.dumps({"errors": [str(error)]}).encode(), {"Content-Type": "application/json"})
            else:
                self._send_page(items, size)
            return
        path = holdings.files.get(unquote(parts.path.removeprefix("/granules/")))
        if path is None:
            self._send(404, b"no such file", {"Content-Type": "text/plain"})
        else:
            self._send_file(path.read_bytes())

    def _send_page(self, items: list[dict[str, Any]], size: int) -> None:
        """Send a page of records; the header of the page before says where it begins."""
        first = int(self.headers.get("CMR-Search-After", "0"))
        page = items[first : first + size]
        headers = {"Content-Type": _SEARCH, "CMR-Hits": str(len(items))}
        if page:
            headers["CMR-Search-After"] = str(first + size)
        self._send(200, json.dumps({"hits": len(items), "took": 1, "items": page}).encode(), headers)

    def _send_file(self, content: bytes) -> None:
        """Send a file, or the range of it that is asked for."""
        tag = f'"{zlib.crc32(content):08x}"'
        headers = {"Content-Type": "application/x-hdf5", "ETag": tag, "Accept-Ranges": "bytes"}
        asked = _RANGE.fullmatch(self.headers.get("Range", ""))
        if asked is None or self.headers.get("If-Range", tag) != tag:
            self._send(200, content, headers)
            return
        first = int(asked[1])
        last = min(int(asked[2] or len(content)), len(content) - 1)
        if first > last:
            self._send(416, b"", {"Content-Range": f"bytes */{len(content)}"})
            return
        headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        self._send(206, content[first : last + 1], headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        """Send status, headers and body."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Stay silent."""
