"""Grants: what is shown to a server to be let in, renewed before it expires and when it is refused."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from altiflow.errors import AltiflowError, InputError, LoginError

__all__ = ["Grant", "Grants", "bucket_grants", "file_grants", "hide_secrets_in_logs", "token_grants"]

_MARGIN = timedelta(minutes=5)
"""A grant is renewed this long before it expires."""


@dataclass(frozen=True, eq=False)
class Grant:
    """A token, or the keys of a bucket; its text never shows them.

    Attributes
    ----------
    secrets
        ``token`` for web servers; ``accessKeyId``, ``secretAccessKey`` and ``sessionToken`` for buckets.
    expires
        When it ends (UTC), None where that is not known.

    Examples
    --------
    >>> Grant({"token": "abc"})
    Grant(expires=None)
    """

    secrets: Mapping[str, str] = field(repr=False)
    expires: datetime | None = None


class Grants:
    """A grant that is fetched when first needed, and again before it expires or when a server refuses it.

    Parameters
    ----------
    fetch
        What returns a new grant.

    Examples
    --------
    >>> numbers = iter(range(9))
    >>> grants = Grants(lambda: Grant({"token": str(next(numbers))}))
    >>> first = grants.current()
    >>> grants.current() is first, grants.renewed(first).secrets["token"], grants.renewed(first).secrets["token"]
    (True, '1', '1')
    """

    def __init__(self, fetch: Callable[[], Grant]) -> None:
        self._fetch = fetch
        self._held: Grant | None = None
        self._host = ""
        self._lock = threading.Lock()

    def check_hosts(self, hosts: Collection[str]) -> None:
        """Refuse hosts if they are more than one, or other than the one that was named first.

        Raises
        ------
        InputError
            If so.
        """
        with self._lock:
            named = sorted({self._host, *hosts} - {""})
            if len(named) > 1:
                raise InputError(
                    f"one login would be shown to {len(named)} hosts: {', '.join(named[:5])}; pass "
                    f"RemoteAccess(tokens={{{named[0]!r}: Grants(...), ...}}), or read the files of each host apart"
                )
            self._host = named[0] if named else ""

    def current(self) -> Grant:
        """Return the grant in force.

        Raises
        ------
        LoginError
            If none can be had.
        """
        with self._lock:
            held = self._held
            if held is None or (held.expires is not None and held.expires - datetime.now(UTC) < _MARGIN):
                held = self._held = self._fetched()
            return held

    def renewed(self, refused: Grant) -> Grant:
        """Return a grant other than `refused`, fetched unless another thread did so meanwhile.

        Raises
        ------
        LoginError
            If none can be had.
        """
        with self._lock:
            if self._held is None or self._held is refused:
                self._held = self._fetched()
            return self._held

    def __reduce__(self) -> tuple[type[Grants], tuple[Callable[[], Grant]], dict[str, str]]:
        """Let what fetches grants, and their host, travel to another process, which fetches its own; not the grant."""
        return Grants, (self._fetch,), {"_host": self._host}

    def _fetched(self) -> Grant:
        try:
            return self._fetch()
        except AltiflowError:
            raise
        except Exception as error:
            # Its text may hold what must not be shown.
            raise LoginError(f"the login could not be renewed ({type(error).__name__}); log in again") from None


def token_grants(session: Any) -> Grants:
    """Return the grants of an ``earthaccess.Auth`` for web servers."""
    return Grants(partial(_session_token, session))


def bucket_grants(session: Any, centre: str) -> Grants:
    """Return the grants of an ``earthaccess.Auth`` for the buckets of a data centre such as "NSIDC"."""
    return Grants(partial(_session_keys, session, centre))


def file_grants(path: str | Path) -> Grants:
    """Return the grants of a file that holds a token alone; it is read anew when a server refuses the token.

    So a token that another program renews serves a run of many hours.

    Raises
    ------
    LoginError
        When a token is needed: if there is no such file, or it is empty.

    Examples
    --------
    >>> file_grants("no/such/file").current()
    Traceback (most recent call last):
    altiflow.errors.LoginError: there is no token in no/such/file; write one line with it there
    """
    return Grants(partial(_file_token, Path(path)))


def _session_token(session: Any) -> Grant:
    """Return the token of a session as it is now: a new one comes from logging in again alone."""
    token = session.token
    text = token.get("access_token") if isinstance(token, Mapping) else token
    if not text:
        raise LoginError("the session holds no token; log in with `session = earthaccess.login()`")
    return Grant({"token": str(text)})


def _session_keys(session: Any, centre: str) -> Grant:
    """Return keys of buckets that a session is given."""
    told = session.get_s3_credentials(daac=centre)
    if not told or "accessKeyId" not in told:
        raise LoginError(f"{centre} gave no keys for its buckets; log in anew, or read the https:// address")
    names = ("accessKeyId", "secretAccessKey", "sessionToken")
    return Grant({name: str(told[name]) for name in names if told.get(name)}, _moment(told.get("expiration")))


def _file_token(path: Path) -> Grant:
    """Return the token in a file."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        text = ""
    if not text or len(text.split()) > 1:
        raise LoginError(f"there is no token in {path}; write one line with it there")
    return Grant({"token": text})


def _moment(text: str | None) -> datetime | None:
    """Return the moment of an ISO text, None where it is none."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class _Scrubber(logging.Filter):
    """Takes queries, which may be signatures, out of what is logged."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True: the record stays, its queries do not."""
        if isinstance(record.args, tuple):
            record.args = tuple(re.sub(r"\?\S+", "?...", a) if isinstance(a, str) else a for a in record.args)
        return True


_SCRUBBER = _Scrubber()


def hide_secrets_in_logs() -> None:
    """Keep signed addresses and keys out of the logs of the libraries that send them.

    At the level DEBUG, botocore logs signatures and session tokens.
    """
    logging.getLogger("urllib3.connectionpool").addFilter(_SCRUBBER)
    for name in ("botocore", "boto3"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.INFO))
