"""One file over HTTP: continued where it broke off, never mixed from two versions, never half."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any, NoReturn

import requests
import urllib3

from altiflow.errors import GranuleError, LoginError
from altiflow.readers.remote.addresses import public_url
from altiflow.readers.remote.parts import Part, Stamp
from altiflow.readers.remote.retries import BUSY, PassingError, wait_asked_for
from altiflow.stop import Stop

__all__ = ["SlowError", "Transferred", "fetch_http", "http_size", "incoming"]

_BLOCK = 2**14
"""Bytes written at a time: of a connection that breaks, no more than this is lost."""
_SLOWEST = 1_000
"""A server that sends less than this for as long as the timeout is given up [bytes/s]; a poor line brings more."""
_TOTAL = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")

SessionMaker = Callable[[], requests.Session]


@dataclass(frozen=True)
class Transferred:
    """What came of one transfer: the size [bytes], the SHA-256, and how many bytes were there before."""

    size: int
    checksum: str
    resumed: int


class SlowError(PassingError):
    """A server trickles, or says nothing at all."""


def incoming(body: Any, *, timeout: float, stop: Stop | None = None) -> Iterator[bytes]:
    """Yield what a server sends, decoded, as it comes; `body` is the ``raw`` of an answer of requests.

    Parameters
    ----------
    timeout
        For how long it may send next to nothing [s].
    stop
        Ends it once told.

    Raises
    ------
    SlowError
        If the server sends nothing, or less than 1000 bytes a second, for that long.
    PassingError
        If the connection breaks.
    """
    since, held, going = time.monotonic(), 0, stop or Stop()
    while block := _next_block(body):
        going.check()
        yield block
        held += len(block)
        passed = time.monotonic() - since
        if passed > timeout:
            if held < _SLOWEST * passed:
                raise SlowError("the server sends too slowly")
            since, held = time.monotonic(), 0


def _next_block(body: Any) -> bytes:
    """Return what has come, b"" at the end."""
    try:
        block: bytes = body.read1(_BLOCK, decode_content=True)
    except (TimeoutError, urllib3.exceptions.ReadTimeoutError):
        raise SlowError("the server stopped sending") from None
    except (OSError, urllib3.exceptions.HTTPError):
        raise PassingError("the connection broke off") from None
    return block


def fetch_http(
    url: str, part: Part, session: requests.Session, *, timeout: float, stop: Stop | None = None
) -> Transferred:
    """Bring the file at `url` to the target of `part`; one try, which continues an unfinished part.

    Parameters
    ----------
    url
        http or https.
    part
        Where it goes.
    session
        What is used to ask, with its login if it has one.
    timeout
        Longest wait for the server to say anything [s].
    stop
        Ends it once told; what has come stays, to be continued.

    Raises
    ------
    PassingError
        If another try may help: no connection, a broken one, a busy server, too few bytes.
    LoginError
        If the server wants a login.
    GranuleError
        If the file is not there, or the server sends something else.
    """
    shown = public_url(url)
    stamp = part.stamp(shown)
    headers = {"Accept-Encoding": "identity"}
    if stamp is not None:
        headers |= {"Range": f"bytes={part.size}-", "If-Range": stamp.validator}
    response = _ask(session, "GET", url, headers, timeout)
    with response:
        if response.status_code == 416 and stamp is not None:
            return _close_finished(response, part, shown)
        _check_answer(response, shown, part)
        there = part.size if response.status_code == 206 else 0
        fresh = _stamp_of(response, shown, there)
        _check_continuation(response, stamp, fresh, there, part)
        with part.writing(fresh, start=there) as file:
            _write(incoming(response.raw, timeout=timeout, stop=stop), file, f"{shown}: {part.path}")
    if fresh.size is not None and part.size != fresh.size:
        _check_size(part, fresh.size, shown)
    size = part.size
    return Transferred(size, part.finish(), there)


def http_size(url: str, session: requests.Session, *, timeout: float) -> int | None:
    """Return the size of the file at `url` [bytes], None where the server does not tell.

    Raises
    ------
    PassingError
        If the server cannot be reached or is busy.
    """
    with _ask(session, "HEAD", url, {"Accept-Encoding": "identity"}, timeout) as response:
        if response.status_code in BUSY:
            raise PassingError(f"the server answered HTTP {response.status_code}", wait_asked_for(response.headers))
        length = response.headers.get("Content-Length", "")
        return int(length) if response.status_code == 200 and length.isdigit() else None


def _ask(
    session: requests.Session, method: str, url: str, headers: Mapping[str, str], timeout: float
) -> requests.Response:
    """Return the answer; the texts of errors hold no address, which may hold a token."""
    try:
        return session.request(method, url, headers=dict(headers), stream=True, timeout=timeout, allow_redirects=True)
    except requests.Timeout:
        raise PassingError(f"no answer within {timeout:g} s") from None
    except requests.TooManyRedirects:
        raise GranuleError(f"{public_url(url)} leads round in a circle of redirects") from None
    except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
        raise PassingError("the server could not be reached") from None
    except requests.RequestException as error:
        raise GranuleError(f"{public_url(url)} cannot be asked for ({type(error).__name__})") from None


def _check_answer(response: requests.Response, shown: str, part: Part) -> None:
    """Raise unless the answer is the file or a piece of it."""
    status = response.status_code
    if status in (401, 403):
        raise LoginError(f"{shown}: the server refused (HTTP {status}); it wants a login, or the file is not public")
    if status in BUSY:
        raise PassingError(f"the server answered HTTP {status}", wait_asked_for(response.headers))
    if status not in (200, 206):
        reason = "there is no such file" if status in (404, 410) else "the server does not send it"
        raise GranuleError(f"{shown}: {reason} (HTTP {status})")
    page = response.headers.get("Content-Type", "").lower().startswith("text/html")
    if page and part.target.suffix.lower() not in (".html", ".htm"):
        raise LoginError(f"{shown}: the server sent a web page in its place, most often that of a login")
    if status == 206 and "Range" not in response.request.headers:
        raise GranuleError(f"{shown}: the server sent a piece of the file unasked")


def _stamp_of(response: requests.Response, shown: str, there: int) -> Stamp:
    """Return the version and size that the answer tells."""
    told = _TOTAL.fullmatch(response.headers.get("Content-Range", ""))
    length = response.headers.get("Content-Length", "")
    size = there + int(length) if length.isdigit() else None
    if response.status_code == 206 and told and told[2] != "*":
        size = int(told[2])
    encoded = response.headers.get("Content-Encoding", "identity") not in ("", "identity")
    headers = response.headers
    return Stamp(shown, headers.get("ETag", ""), headers.get("Last-Modified", ""), None if encoded else size)


def _check_continuation(response: requests.Response, stamp: Stamp | None, fresh: Stamp, there: int, part: Part) -> None:
    """Start again, at the next try, if a piece does not fit what is there."""
    if response.status_code != 206 or stamp is None:
        return
    told = _TOTAL.fullmatch(response.headers.get("Content-Range", ""))
    begins = told is not None and told[1] is not None and int(told[1]) == there
    same = fresh.etag == stamp.etag if fresh.etag and stamp.etag else fresh.modified in ("", stamp.modified)
    if not begins or not same or (stamp.size is not None and fresh.size not in (None, stamp.size)):
        part.discard()
        raise PassingError("the server sent a piece of another version of the file; it is fetched anew")


def _write(blocks: Iterator[bytes], file: IO[bytes], told: str) -> None:
    """Append what comes to a file; what came before a break stays."""
    for block in blocks:
        try:
            file.write(block)
        except OSError as error:
            raise GranuleError(f"{told} cannot be written: {error.strerror or error}") from None


def _check_size(part: Part, size: int, shown: str) -> NoReturn:
    """Raise as there are too few bytes, or too many."""
    if part.size < size:
        raise PassingError(f"the connection broke off after {part.size} of {size} bytes")
    part.discard()
    raise PassingError(f"{shown}: the server sent more than the {size} bytes it announced")


def _close_finished(response: requests.Response, part: Part, shown: str) -> Transferred:
    """Finish a part that holds every byte already, or start again at the next try."""
    told = _TOTAL.fullmatch(response.headers.get("Content-Range", ""))
    size = part.size
    if told and told[2] == str(size):
        return Transferred(size, part.finish(), size)
    part.discard()
    raise PassingError("the server does not continue the file; it is fetched anew")
