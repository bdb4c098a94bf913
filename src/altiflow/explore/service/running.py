"""Running the service: in this process until it is stopped, or beside other work on a port of its own."""

from __future__ import annotations

import socket
from collections.abc import Callable
from threading import Thread
from time import monotonic, sleep
from typing import Any

import uvicorn

from altiflow.errors import InputError

__all__ = ["RunningService", "run_app", "start_app"]

_PATIENCE = 20.0
"""Longest wait [s] for the service to begin and to end."""
_CLIENTS = 256
"""Most connections at a time; more are told to come back."""


class RunningService:
    """A service that answers in a thread of this process, until it is closed; ``with`` closes it too.

    Attributes
    ----------
    url
        Its address, without a slash at the end.
    """

    def __init__(self, app: Any, host: str, port: int) -> None:
        self._socket = _bind(host, port)
        self.url = _address(self._socket)
        self._server = uvicorn.Server(_config(app))
        # Signals belong to the main thread, so that they are left alone here.
        self._thread = Thread(target=self._server.run, args=([self._socket],), name="service", daemon=True)
        self._thread.start()
        deadline = monotonic() + _PATIENCE
        while not self._server.started:
            if monotonic() > deadline or not self._thread.is_alive():
                self.close()
                raise InputError(f"the service at {self.url} did not begin; look at what was printed before")
            sleep(0.01)

    def close(self) -> None:
        """Stop answering; closing twice is the same as once."""
        self._server.should_exit = True
        self._thread.join(_PATIENCE)
        self._socket.close()

    def __enter__(self) -> RunningService:
        """Return the service."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def __repr__(self) -> str:
        """Return where it is."""
        return f"RunningService({self.url!r})"


def start_app(app: Any, *, host: str = "127.0.0.1", port: int = 0) -> RunningService:
    """Return an application that answers in a thread of its own.

    Parameters
    ----------
    app
        What :func:`make_app` returns.
    host, port
        Where; port 0 takes one that is free.

    Raises
    ------
    InputError
        If the port is taken, or the host is not of this machine.
    """
    return RunningService(app, host, port)


def run_app(app: Any, *, host: str, port: int, say: Callable[[str], None]) -> None:
    """Answer until this process is told to stop; `say` is told the address when the port is taken.

    Raises
    ------
    InputError
        If the port is taken, or the host is not of this machine.
    """
    held = _bind(host, port)
    try:
        say(_address(held))
        uvicorn.Server(_config(app)).run([held])
    finally:
        held.close()


def _bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Only of a socket that says it is of TCP does asyncio send what there is at once; else each answer waits 40 ms.
    held = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind((host, port))
        # Whoever is told the address may ask at once, and waits until the first answer.
        held.listen(_CLIENTS)
    except (OSError, OverflowError) as error:
        held.close()
        told = getattr(error, "strerror", None) or str(error)
        raise InputError(f"host {host}, port {port} cannot be had ({told}); give another port, or 0") from error
    return held


def _address(held: socket.socket) -> str:
    """Return the address of a socket."""
    host, port = held.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _config(app: Any) -> uvicorn.Config:
    """Return how uvicorn runs: requests are not logged, as a question may be nobody's business."""
    return uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=_CLIENTS,
        h11_max_incomplete_event_size=128 * 1024,
        timeout_graceful_shutdown=5,
        http="h11",
        ws="none",
    )
