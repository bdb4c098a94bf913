"""Opening a source of bytes for whatever an address means."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from altiflow.readers.remote.addresses import REMOTE_SCHEMES
from altiflow.readers.remote.logins import leave_anonymous
from altiflow.readers.remote.objects import local_path
from altiflow.readers.remote.ranges.access import RemoteAccess
from altiflow.readers.remote.ranges.bucket import BucketClients, BucketSource
from altiflow.readers.remote.ranges.grants import hide_secrets_in_logs
from altiflow.readers.remote.ranges.lanes import Lanes
from altiflow.readers.remote.ranges.sources import ByteSource, LocalSource, Traffic
from altiflow.readers.remote.ranges.web import WebSource
from altiflow.stop import Stop

__all__ = ["Sources", "is_remote"]

_IN_FLIGHT = 32
"""Requests at a time, of all granules together."""


def is_remote(place: str | Path) -> bool:
    """Return whether a path or address is http, https or s3.

    Examples
    --------
    >>> is_remote("s3://bucket/a.h5"), is_remote("file:///a.h5"), is_remote("a.h5")
    (True, False, False)
    """
    return isinstance(place, str) and "://" in place and urlsplit(place).scheme in REMOTE_SCHEMES


class Sources:
    """What opens files by path or address; connections are shared between them and between threads."""

    def __init__(self, access: RemoteAccess | None = None) -> None:
        self.access, self.stop = access or RemoteAccess(), Stop()
        self._session: requests.Session | None = None
        self._clients: BucketClients | None = None
        self._lanes, self._local_lanes = Lanes(_IN_FLIGHT, self.stop), Lanes(os.cpu_count() or 1, self.stop)

    def open(self, place: str | Path, traffic: Traffic) -> ByteSource:
        """Return the file; a remote one is not asked for anything yet.

        Raises
        ------
        InputError
            If there is no such file of this machine, or a login would travel unencrypted or to a second host.
        """
        if not is_remote(place):
            return LocalSource(local_path(str(place)), self._local_lanes)
        hide_secrets_in_logs()
        url, access = str(place), self.access
        if urlsplit(url).scheme == "s3":
            if self._clients is None:
                self._clients = BucketClients(access.timeout, access.region, access.certificates)
            return BucketSource(
                url, self._clients, retries=access.retries, grants=access.keys, traffic=traffic, lanes=self._lanes
            )
        return WebSource(
            url,
            self._http(),
            timeout=access.timeout,
            retries=access.retries,
            grants=access.web_grants(url),
            traffic=traffic,
            lanes=self._lanes,
        )

    def _http(self) -> requests.Session:
        """Return the session without a login that all web sources share."""
        if self._session is None:
            session = requests.Session()
            session.auth = leave_anonymous
            if self.access.certificates is not None:
                session.verify = str(self.access.certificates)
            for scheme in ("https://", "http://"):
                session.mount(scheme, HTTPAdapter(pool_maxsize=_IN_FLIGHT))
            self._session = session
        return self._session

    def close(self) -> None:
        """Close the connections, and end the threads."""
        self._lanes.close()
        self._local_lanes.close()
        if self._session is not None:
            self._session.close()
        if self._clients is not None:
            self._clients.close()
