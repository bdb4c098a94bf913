"""Simulated granules, and servers of byte ranges, for the readers' tests."""

from __future__ import annotations

import ipaddress
import runpy
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from altiflow.readers.sample import GYRES, find_passes, simulate_granule

GYRE = GYRES["north"]
CROSSING = find_passes(GYRE.longitude, GYRE.latitude, 0.9 * GYRE.radius, days=2)[3]

WRITER = Path(__file__).resolve().parents[2] / "benchmarks" / "full_granule.py"


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a maker of one simulated granule; ask for release and orientation."""
    made: dict[tuple[str, int], Path] = {}

    def make(release: str = "006", orientation: int = 0) -> Path:
        if (release, orientation) not in made:
            folder = tmp_path_factory.mktemp(f"granule-{release}-{orientation}")
            made[release, orientation] = simulate_granule(
                folder, GYRE, CROSSING, orientation=orientation, release=release
            )
        return made[release, orientation]

    return make


@pytest.fixture
def altered(simulated: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    """Return a maker of a private copy of a simulated granule, to be spoilt."""

    def copy(release: str = "006", orientation: int = 0) -> Path:
        source = simulated(release, orientation)
        target = tmp_path / source.name
        target.write_bytes(source.read_bytes())
        return target

    return copy


class RangeServer:
    """A web server of byte ranges that can be told to misbehave.

    `plan` holds, by file name, what the next requests are answered with: a status, or one of the words "cut" (half of
    the bytes), "slow", "whole" (ignores ranges), "page" (a web page), "other" (other bytes), "changed" (another
    version). Without `tells_version` it sends no ETag. `tokens` holds the tokens that are let in, by file name.
    `trickle` is how many bytes are sent at a time, and the wait after them [s].
    ``/moved/NAME`` leads to `elsewhere`.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.plan: dict[str, list[int | str]] = {}
        self.tokens: dict[str, set[str]] = {}
        self.asked: list[tuple[str, str, str]] = []
        self.sent = 0
        self.elsewhere = self.url = ""
        self.trickle: tuple[int, float] | None = None
        self.wait, self.signature, self.tells_version = 0.0, "good", True

    def answer(self, target: str, headers: Any) -> tuple[int, dict[str, str], bytes, int]:
        """Return status, headers, body, and how many bytes of it are sent."""
        path, _, query = target.partition("?")
        self.asked.append((path, headers.get("Range", ""), headers.get("Authorization", "")))
        name = path[1:]
        if name.startswith("moved/"):
            allowed = self.tokens.get(name)
            if allowed is not None and headers.get("Authorization", "").removeprefix("Bearer ") not in allowed:
                return 403, {}, b"no", -1
            place = f"{self.elsewhere}/{name.removeprefix('moved/')}?X-Amz-Signature={self.signature}"
            return 302, {"Location": place}, b"", -1
        if query and query != f"X-Amz-Signature={self.signature}":
            return 403, {}, b"expired", -1
        if name not in self.files:
            return 404, {}, b"nothing", -1
        step = self.plan[name].pop(0) if self.plan.get(name) else ""
        allowed = self.tokens.get(name)
        if allowed is not None and headers.get("Authorization", "").removeprefix("Bearer ") not in allowed:
            step = 403
        if isinstance(step, int):
            return step, {"Retry-After": "0"}, b"token=hidden", -1
        return self._piece(name, headers.get("Range", ""), step)

    def _piece(self, name: str, wanted: str, step: str) -> tuple[int, dict[str, str], bytes, int]:
        body = self.files[name]
        told = {"ETag": f'"{zlib.crc32(body)}{"x" if step == "changed" else ""}"', "Content-Type": "application/x-hdf5"}
        if not self.tells_version:
            del told["ETag"]
        if step == "page":
            return 200, {"Content-Type": "text/html; charset=utf-8"}, b"<html>log in</html>", -1
        if step == "whole" or not wanted:
            return 200, told, body, -1
        first, last = (int(part) for part in wanted.removeprefix("bytes=").split("-"))
        if first >= len(body):
            return 416, {"Content-Range": f"bytes */{len(body)}"}, b"", -1
        last = min(last, len(body) - 1)
        shift = 1 if step == "other" else 0
        told["Content-Range"] = f"bytes {first + shift}-{last + shift}/{len(body)}"
        if step == "slow":
            time.sleep(0.6)
        piece = body[first : last + 1]
        return 206, told, piece, len(piece) // 2 if step == "cut" else -1


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, state: RangeServer, *args: Any) -> None:
        self.state = state
        super().__init__(*args)

    def do_GET(self) -> None:
        status, told, body, sent = self.state.answer(self.path, self.headers)
        time.sleep(self.state.wait)
        self.send_response(status)
        for key, value in told.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        if sent >= 0:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        part = body if sent < 0 else body[:sent]
        if status == 206:
            self.state.sent += len(part)
        size, wait = self.state.trickle or (max(len(part), 1), 0.0)
        for start in range(0, len(part), size):
            self.wfile.write(part[start : start + size])
            time.sleep(wait)

    def log_message(self, *args: Any) -> None:
        """Stay silent."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *args: Any) -> None:
        """A client that gave up waiting is no error here."""


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., RangeServer]]:
    """Return a maker of range servers on this machine; a context of TLS makes it an https server."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    running: list[tuple[_Server, threading.Thread]] = []

    def start(tls: Any = None) -> RangeServer:
        state = RangeServer()
        server = _Server(("127.0.0.1", 0), partial(_Handler, state))
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.append((server, thread))
        state.url = f"http{'s' if tls is not None else ''}://127.0.0.1:{server.server_port}"
        return state

    yield start
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def bucket_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, bytes, bool], str]]:
    """Return what puts an object into a bucket of a local S3 server: key, content, public; the address comes back."""
    server_module = pytest.importorskip("moto.server")
    import boto3

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    # The server keeps its buckets as long as the process lives.
    requests.post(f"http://{host}:{port}/moto-api/reset", timeout=10)
    client = boto3.client("s3", region_name="us-west-2")
    for name, acl in (("open", "public-read"), ("closed", "private")):
        client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-west-2"}, ACL=acl)

    def put(key: str, content: bytes, public: bool) -> str:
        name = "open" if public else "closed"
        client.put_object(Bucket=name, Key=key, Body=content, ACL="public-read" if public else "private")
        return f"s3://{name}/{key}"

    yield put
    requests.post(f"http://{host}:{port}/moto-api/reset", timeout=10)
    client.close()
    server.stop()


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bool], Path]:
    """Return a maker of granules in the full layout, smaller than real ones; paged for the cloud or not."""
    made: dict[bool, Path] = {}
    told = runpy.run_path(str(WRITER))

    def make(paged: bool) -> Path:
        if paged not in made:
            path = tmp_path_factory.mktemp("full") / told["NAME"]
            made[paged] = told["write_full_granule"](path, rows=8_000, paged=paged, chunk=2_000)
        return made[paged]

    return make


@pytest.fixture
def web(serve: Callable[..., Any], simulated: Callable[..., Path]) -> Any:
    server = serve()
    path = simulated()
    server.files[path.name] = path.read_bytes()
    server.address = f"{server.url}/{path.name}"
    server.name = path.name
    return server


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """Return a server's context of TLS with a certificate of its own, and that certificate."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "here")])
    now = datetime.now(UTC)
    place = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    made = builder.add_extension(place, critical=False).sign(key, hashes.SHA256())
    public, private = tmp_path / "public.pem", tmp_path / "private.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return context, public
