"""Objects in S3 buckets, by range, always encrypted unless the server is this machine."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from altiflow.errors import CorruptGranuleError, GranuleError, InputError
from altiflow.readers.remote.parts import Stamp
from altiflow.readers.remote.ranges.grants import Grant, Grants
from altiflow.readers.remote.ranges.lanes import Lanes
from altiflow.readers.remote.ranges.sources import Piece, RefusedError, RemoteSource, Traffic
from altiflow.readers.remote.ranges.web import LOOPBACK, SLOWEST
from altiflow.readers.remote.retries import BUSY, PassingError, Retries

__all__ = ["BucketClients", "BucketSource"]

_BLOCK = 2**16
_REFUSED = frozenset({"AccessDenied", "ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "TokenRefreshRequired"})
_PASSING = frozenset({"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "Throttling"})


class BucketClients:
    """Clients of S3, one for each grant, as making one takes long.

    Parameters
    ----------
    timeout
        Longest wait for the server to say anything [s].
    region
        Where the buckets are.
    certificates
        File of trusted certificates; None for those boto3 brings.
    """

    def __init__(self, timeout: float, region: str, certificates: Path | str | None = None) -> None:
        self.timeout, self._region = timeout, region
        self._certificates = None if certificates is None else str(certificates)
        self._made: dict[Grant | None, Any] = {}
        self._lock = threading.Lock()

    def client(self, grant: Grant | None) -> Any:
        """Return the client that shows a grant; an anonymous one without."""
        with self._lock:
            found = self._made.get(grant)
            if found is None:
                found = self._made[grant] = self._make(grant)
            return found

    def _make(self, grant: Grant | None) -> Any:
        # Imported here because it takes long, and most runs read no buckets.
        import boto3
        from botocore import UNSIGNED
        from botocore.config import Config

        patience = Config(
            connect_timeout=self.timeout,
            read_timeout=self.timeout,
            retries={"total_max_attempts": 1},
            max_pool_connections=64,
            signature_version=None if grant is not None else UNSIGNED,
        )
        keys = {} if grant is None else grant.secrets
        client = boto3.session.Session().client(
            "s3",
            region_name=self._region,
            config=patience,
            verify=self._certificates,
            aws_access_key_id=keys.get("accessKeyId"),
            aws_secret_access_key=keys.get("secretAccessKey"),
            aws_session_token=keys.get("sessionToken"),
        )
        place = urlsplit(client.meta.endpoint_url)
        if grant is not None and place.scheme != "https" and place.hostname not in LOOPBACK:
            raise InputError(f"the S3 endpoint {place.hostname} is not https: the keys would travel unencrypted")
        return client

    def close(self) -> None:
        """Close all clients."""
        for client in self._made.values():
            client.close()


class BucketSource(RemoteSource):
    """An object at an s3 address.

    Parameters
    ----------
    url
        ``s3://bucket/key``.
    clients
        What sends the requests.
    retries, grants, traffic, lanes
        As for every remote source.
    """

    def __init__(
        self,
        url: str,
        clients: BucketClients,
        *,
        retries: Retries,
        grants: Grants | None,
        traffic: Traffic,
        lanes: Lanes,
    ) -> None:
        super().__init__(url, retries=retries, grants=grants, traffic=traffic, lanes=lanes)
        parts = urlsplit(url)
        self._bucket, self._key, self._clients = parts.netloc, unquote(parts.path).lstrip("/"), clients

    def _ask(self, start: int, size: int, grant: Grant | None, into: memoryview | None) -> Piece:
        """Return a piece of the object."""
        client = self._clients.client(grant)
        self._traffic.add(requests=1)
        try:
            answer = client.get_object(Bucket=self._bucket, Key=self._key, Range=f"bytes={start}-{start + size - 1}")
            data = memoryview(bytearray(size)) if into is None else into
            held = self._fill(data, answer["Body"])
        except PassingError:
            raise
        except Exception as error:
            # botocore's errors share no base with the standard ones.
            if not type(error).__module__.startswith(("botocore", "urllib3", "http")) and not isinstance(
                error, OSError
            ):
                raise
            raise self._meaning(error, start) from None
        told = answer.get("ContentRange", "").rpartition("/")
        whole = int(told[2]) if told[2].isdigit() else -1
        if told[0] != f"bytes {start}-{min(start + size, whole) - 1}":
            raise GranuleError(f"{self.name}: the server sent other bytes than those asked for; download it instead")
        if held != min(start + size, whole) - start:
            raise PassingError(f"{held} of {min(size, whole - start)} bytes came")
        return Piece(data[:held], Stamp(self.name, answer.get("ETag", ""), str(answer.get("LastModified", "")), whole))

    def _fill(self, data: memoryview, body: Any) -> int:
        """Fill `data` with what is sent, given up when it comes too slowly, and return how many bytes came."""
        held = 0
        latest = time.monotonic() + self._clients.timeout + len(data) / SLOWEST
        # The stream below botocore's own gives what has come; that one waits until all that was asked for is there.
        with body as stream:
            while block := stream.read1(min(_BLOCK, max(len(data) - held, 1))):
                if held + len(block) > len(data):
                    raise PassingError("the bucket sent more than was asked for")
                data[held : held + len(block)] = block
                held += len(block)
                self._traffic.add(received=len(block))
                self.lanes.stop.check()
                if time.monotonic() > latest:
                    raise PassingError("the bucket sends too slowly")
        return held

    def _meaning(self, error: Exception, start: int) -> Exception:
        """Return what an error of the client means, its own text left out."""
        told = getattr(error, "response", None)
        if not isinstance(told, dict):
            return PassingError(f"the bucket could not be reached, or broke off ({type(error).__name__})")
        code = str(told.get("Error", {}).get("Code", ""))
        status = int(told.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if code in _PASSING or status in BUSY:
            return PassingError(f"the bucket answered {code} (HTTP {status})")
        if code in _REFUSED or status in (401, 403):
            return RefusedError(f"the bucket refused ({code})")
        if status == 416 or code == "InvalidRange":
            return CorruptGranuleError(f"{self.name} is empty, or ends before byte {start}")
        if code in ("NoSuchKey", "NoSuchBucket") or status == 404:
            return GranuleError(f"{self.name}: there is no such object")
        return GranuleError(f"{self.name}: the bucket does not send it ({code}, HTTP {status})")
