"""Files on web servers: ranges over HTTP, redirects followed without showing the login to other hosts."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from altiflow.errors import CorruptGranuleError, GranuleError, InputError
from altiflow.readers.remote.parts import Stamp
from altiflow.readers.remote.ranges.grants import Grant, Grants
from altiflow.readers.remote.ranges.lanes import Lanes
from altiflow.readers.remote.ranges.sources import Piece, RefusedError, RemoteSource, Traffic
from altiflow.readers.remote.retries import BUSY, PassingError, Retries, wait_asked_for

__all__ = ["LOOPBACK", "SLOWEST", "WebSource"]

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""Hosts a login may go to unencrypted."""
_HOPS = 8
_BLOCK = 2**16
SLOWEST = 20_000
"""A server that sends less than this is given up [bytes/s], once its first answer is older than the timeout."""
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_MOVED = frozenset({301, 302, 303, 307, 308})


class WebSource(RemoteSource):
    """A file at an http or https address.

    Parameters
    ----------
    url
        Its address.
    session
        What sends the requests; it follows no redirects and knows no login.
    timeout
        Longest wait for the server to say anything [s].
    retries, grants, traffic, lanes
        As for every remote source.
    """

    def __init__(
        self,
        url: str,
        session: requests.Session,
        *,
        timeout: float,
        retries: Retries,
        grants: Grants | None,
        traffic: Traffic,
        lanes: Lanes,
    ) -> None:
        super().__init__(url, retries=retries, grants=grants, traffic=traffic, lanes=lanes)
        self._url, self._session, self._timeout = url, session, timeout
        self._signed = ""
        self._forms: dict[str, tuple[requests.PreparedRequest, Mapping[str, Any]]] = {}
        parts = urlsplit(url)
        if grants is not None and parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise InputError(f"{self.name} is not https: the login would travel unencrypted")

    def _ask(self, start: int, size: int, grant: Grant | None, into: memoryview | None) -> Piece:
        """Return a piece: from where the last redirect led, while that holds."""
        signed = self._signed
        if signed:
            try:
                return self._follow(signed, start, size, None, into)
            except (RefusedError, GranuleError):
                # A signed address holds for a while only; the first one leads to a new one.
                self._signed = ""
                self._traffic.add(retries=1)
        return self._follow(self._url, start, size, grant, into)

    def _follow(self, url: str, start: int, size: int, grant: Grant | None, into: memoryview | None) -> Piece:
        """Return a piece from an address or from where it leads; the login goes to the first host alone."""
        home, here = urlsplit(self._url), url
        for _ in range(_HOPS):
            place = urlsplit(here)
            headers = {"Accept-Encoding": "identity", "Range": f"bytes={start}-{start + size - 1}"}
            if grant is not None and (place.scheme, place.netloc) == (home.scheme, home.netloc):
                headers["Authorization"] = f"Bearer {grant.secrets['token']}"
            with self._send(here, headers) as response:
                if response.status_code not in _MOVED:
                    piece = self._piece(response, start, size, into)
                    self._signed = here if here != self._url else ""
                    return piece
                here = self._next(response, here)
        raise GranuleError(f"{self.name} leads from redirect to redirect")

    def _next(self, response: requests.Response, here: str) -> str:
        """Return where a redirect leads."""
        target = urljoin(here, response.headers.get("Location", ""))
        was, now = urlsplit(here), urlsplit(target)
        if now.scheme not in ("http", "https") or not now.hostname:
            raise GranuleError(f"{self.name} leads to no web address")
        if was.scheme == "https" and now.scheme != "https":
            raise GranuleError(f"{self.name} leads to {now.hostname} unencrypted, which is not followed")
        return target

    def _send(self, url: str, headers: dict[str, str]) -> requests.Response:
        """Return the answer to one request; the texts of errors hold no address, which may be signed."""
        self._traffic.add(requests=1)
        try:
            request, settings = self._form(url)
            request.headers.update(headers)
            return self._session.send(request, timeout=self._timeout, allow_redirects=False, **settings)
        except requests.Timeout:
            raise PassingError(f"no answer within {self._timeout:g} s") from None
        except requests.exceptions.SSLError:
            host = urlsplit(url).hostname
            raise GranuleError(f"{self.name}: the certificate of {host} cannot be verified") from None
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
            raise PassingError("the server could not be reached, or broke off") from None
        except (requests.RequestException, ValueError) as error:
            raise GranuleError(f"{self.name} cannot be asked for ({type(error).__name__})") from None

    def _form(self, url: str) -> tuple[requests.PreparedRequest, Mapping[str, Any]]:
        """Return a request of an address, and proxies and certificates for it; made once, as that takes long.

        Cookies are of the moment, so a request is made anew as soon as there are any.
        """
        session = self._session
        found = self._forms.get(url)
        if found is None or session.cookies:
            # Certificates are told here, as the session's own word counts less than REQUESTS_CA_BUNDLE.
            settings = session.merge_environment_settings(url, {}, True, session.verify, None)
            found = session.prepare_request(requests.Request("GET", url)), settings
            self._forms = {url: found} if len(self._forms) > 1 else {**self._forms, url: found}
        return found[0].copy(), found[1]

    def _piece(self, response: requests.Response, start: int, size: int, into: memoryview | None) -> Piece:
        """Return the bytes of an answer if they are those asked for."""
        stamp, expected = self._checked(response, start, size)
        data = memoryview(bytearray(expected)) if into is None else into[:expected]
        self._fill(data, response)
        return Piece(data, stamp)

    def _checked(self, response: requests.Response, start: int, size: int) -> tuple[Stamp, int]:
        """Return version and size of the piece that an answer announces, or what it means that it announces none."""
        status, headers = response.status_code, response.headers
        if status in BUSY:
            raise PassingError(f"the server answered HTTP {status}", wait_asked_for(headers))
        if status in (401, 403):
            raise RefusedError(f"the server refused (HTTP {status})")
        if headers.get("Content-Type", "").lower().startswith("text/html") and status in (200, 206):
            raise RefusedError("the server sent a web page in its place, most often that of a login")
        if status == 416:
            raise CorruptGranuleError(f"{self.name} is empty, or ends before byte {start}")
        if status == 200:
            raise GranuleError(f"{self.name}: the server ignores ranges and would send all of it; download it instead")
        if status != 206:
            reason = "there is no such file" if status in (404, 410) else "the server does not send it"
            raise GranuleError(f"{self.name}: {reason} (HTTP {status})")
        told = _RANGE.fullmatch(headers.get("Content-Range", "").strip())
        encoded = headers.get("Content-Encoding", "identity") not in ("", "identity")
        first, last, whole = (int(part) for part in told.groups()) if told else (-1, -1, -1)
        if encoded or first != start or last != min(start + size, whole) - 1:
            raise GranuleError(f"{self.name}: the server sent other bytes than those asked for; download it instead")
        stamp = Stamp(self.name, headers.get("ETag", ""), headers.get("Last-Modified", ""), whole)
        return stamp, last - first + 1

    def _fill(self, data: memoryview, response: requests.Response) -> None:
        """Fill `data` with what is sent, given up when it comes too slowly or is more than was announced."""
        expected, held = len(data), 0
        latest = time.monotonic() + self._timeout + expected / SLOWEST
        try:
            while block := response.raw.read1(min(_BLOCK, max(expected - held, 1))):
                if held == expected:
                    raise PassingError(f"the server sent more than the {expected} bytes it announced")
                data[held : held + len(block)] = block
                held += len(block)
                self._traffic.add(received=len(block))
                self.lanes.stop.check()
                if time.monotonic() > latest:
                    raise PassingError("the server sends too slowly")
        except PassingError:
            raise
        except Exception as error:
            # urllib3 lets errors of several libraries through here.
            if not isinstance(error, OSError) and not type(error).__module__.startswith(("urllib3", "http")):
                raise
            raise PassingError(f"the connection broke off after {held} of {expected} bytes") from None
        if held < expected:
            raise PassingError(f"the connection broke off after {held} of {expected} bytes")
