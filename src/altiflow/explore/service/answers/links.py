"""Links: addresses of the service as the client wrote them."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request

__all__ = ["next_address", "root_of"]


def root_of(request: Request) -> str:
    """Return the address of the service as the client wrote it, without a slash at its end."""
    return str(request.base_url).rstrip("/")


def next_address(request: Request, token: str | int) -> str:
    """Return the address of the page after that of a request, which begins at `token`."""
    asked = [(name, value) for name, value in request.query_params.multi_items() if name != "token"]
    return f"{root_of(request)}{request.url.path}?{urlencode([*asked, ('token', token)])}"
