"""The guard: who may ask, in front of everything else."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

__all__ = ["Guard"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_PATIENCE = 30.0
"""Longest wait [s] for a body: who sends it slowly keeps a connection from others."""
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
)


class _GoneError(Exception):
    """Who asks went away before the body was whole."""


class _TooLongError(Exception):
    """The body is longer than is allowed."""


class Guard:
    """Lets requests through that name a host of this service, bring the token, and are not too long.

    A page of a stranger cannot ask by way of a name that it turned to this machine, as that name is none of `hosts`.

    Parameters
    ----------
    app
        What answers the requests that are let through.
    token
        Secret of the service, None for no secret; it is compared in constant time and shown nowhere.
    hosts
        Names under which the service may be asked; empty for any.
    query_bytes, body_bytes
        Longest question in an address, and in a body [bytes].
    """

    def __init__(
        self, app: App, *, token: str | None, hosts: tuple[str, ...], query_bytes: int, body_bytes: int
    ) -> None:
        self._app = app
        self._token = None if token is None else token.encode()
        self._hosts = frozenset(_host_of(f"[{host}]" if _is_ipv6(host) else host) for host in hosts)
        self._query_bytes, self._body_bytes = query_bytes, body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal, body = self._refuse(scope), b""
        if refusal is None and scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            try:
                async with asyncio.timeout(_PATIENCE):
                    body = await self._read(receive)
            except _GoneError:
                return
            except _TooLongError:
                refusal = _refusal(413, "body", f"the body is longer than {self._body_bytes} bytes", "ask for less")
            except TimeoutError:
                refusal = _refusal(408, "body", f"the body did not come within {_PATIENCE:g} s", "send it at once")
        if refusal is not None:
            await _send_json(send, *refusal)
            return
        await self._app(scope, _given(body, receive), _with_headers(send))

    def _refuse(self, scope: Scope) -> tuple[int, dict[str, Any]] | None:
        """Return status and body of a refusal, None for a request that is let through."""
        headers = {name.lower(): value for name, value in scope["headers"]}
        host = _host_of(headers.get(b"host", b"").decode("latin-1"))
        if self._hosts and host not in self._hosts:
            return _refusal(403, "Host", "this host is not served here", "ask by the address the server printed")
        if len(scope.get("query_string", b"")) > self._query_bytes:
            reason = f"the question is longer than {self._query_bytes} bytes"
            return _refusal(414, "query", reason, "POST it to /search, or simplify the polygon")
        if self._token is not None and not self._is_known(headers.get(b"authorization", b"")):
            return _refusal(401, "Authorization", "the token is missing or wrong", "send Authorization: Bearer TOKEN")
        return None

    def _is_known(self, given: bytes) -> bool:
        """Return whether a header brings the token."""
        scheme, _, secret = given.partition(b" ")
        return hmac.compare_digest(secret.strip(), self._token or b"") and scheme.lower() == b"bearer"

    async def _read(self, receive: Receive) -> bytes:
        """Return a body; one that is too long is read no further, and one that breaks off is none."""
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _GoneError
            body += message.get("body", b"")
            if len(body) > self._body_bytes:
                raise _TooLongError
            if not message.get("more_body"):
                return bytes(body)


def _is_ipv6(host: str) -> bool:
    """Return whether a host is an address of version 6 without the brackets that it has in a Host header."""
    return host.count(":") > 1 and not host.startswith("[")


def _host_of(header: str) -> str:
    """Return the name in a Host header without the port.

    Examples
    --------
    >>> _host_of("localhost:8000"), _host_of("[::1]:8000"), _host_of("Host.org")
    ('localhost', '[::1]', 'host.org')
    """
    if header.startswith("["):
        return header.partition("]")[0].lower() + "]"
    return header.partition(":")[0].lower()


def _refusal(status: int, parameter: str, reason: str, fix: str) -> tuple[int, dict[str, Any]]:
    return status, {"error": {"parameter": parameter, "value": None, "reason": reason, "fix": fix}}


async def _send_json(send: Send, status: int, body: dict[str, Any]) -> None:
    """Send a refusal."""
    content = json.dumps(body).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode()), *_HEADERS]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def _given(body: bytes, receive: Receive) -> Receive:
    """Return what hands a body on that was read already."""
    handed = False

    async def hand_on() -> MutableMapping[str, Any]:
        nonlocal handed
        if handed:
            return await receive()
        handed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return hand_on


def _with_headers(send: Send) -> Send:
    """Return what sends an answer with the headers that keep browsers from guessing."""

    async def send_on(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *_HEADERS]}
        await send(message)

    return send_on
