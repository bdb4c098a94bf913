"""Access: as whom, how patiently and with what memory remote granules are read."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from altiflow.errors import InputError, LoginError
from altiflow.readers.remote.addresses import url_host
from altiflow.readers.remote.logins import may_be_told
from altiflow.readers.remote.ranges.grants import Grants, bucket_grants, token_grants
from altiflow.readers.remote.retries import Retries

__all__ = ["RemoteAccess", "Thrift"]

Thrift = Literal["few_requests", "few_bytes"]
"""What is spared where nothing is known of a file yet."""


@dataclass(frozen=True)
class RemoteAccess:
    """How granules at https:// and s3:// addresses are read; the value of ``access=`` of :func:`read_segments`.

    Attributes
    ----------
    session
        An ``earthaccess.Auth`` that is logged in; its token is told to NASA's archives alone, and is not renewed: log
        in again once it expired. None for public files.
    tokens
        Logins of other archives for https, by host (with its port unless that is the usual one); or one, for files that
        all are on one host. NASA's archives are told the token of `session` instead, where there is one.
        :class:`Grants` renews them.
    keys
        Login of buckets; it goes before `session`.
    centre
        Data centre whose buckets `session` gives keys for.
    timeout
        Longest wait for a server to say anything [s].
    retries
        How often what may pass is tried.
    certificates
        File of trusted certificates; None for those requests and boto3 bring. They are verified always.
    index
        Folder where positions of chunks are kept between runs (engine "indexed"); None keeps none.
    first_read
        What engine "indexed" spares where it has no index of a file yet: "few_requests" brings small files whose
        metadata are scattered as a whole, which is quick near the archive; "few_bytes" goes through them step by
        step, which is quicker over a link below some 100 MB/s.
    memory
        Bytes of one granule kept by the engines that read in blocks, at most.
    region
        Where the buckets are.
    session_tokens
        The tokens of `session`, made from it.

    Raises
    ------
    InputError
        If a number is not positive, `first_read` none of these words, `tokens` no logins by host, or `certificates`
        none.
    LoginError
        If `session` is not logged in.

    Examples
    --------
    >>> RemoteAccess(timeout=0)
    Traceback (most recent call last):
    altiflow.errors.InputError: timeout and memory are positive, got 0 s and 134217728 bytes
    """

    session: Any = field(default=None, repr=False)
    tokens: Grants | Mapping[str, Grants] | None = field(default=None, repr=False)
    keys: Grants | None = field(default=None, repr=False)
    centre: str = "NSIDC"
    timeout: float = 30.0
    retries: Retries = field(default_factory=Retries)
    certificates: Path | str | None = None
    index: Path | str | None = None
    first_read: Thrift = "few_requests"
    memory: int = 2**27
    region: str = "us-west-2"
    session_tokens: Grants | None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        """Check the values, and make one renewing login for all granules out of the session."""
        if not self.timeout > 0 or not self.memory > 0:
            raise InputError(f"timeout and memory are positive, got {self.timeout!r} s and {self.memory!r} bytes")
        if self.first_read not in get_args(Thrift):
            raise InputError(f"first_read={self.first_read!r} means nothing; use one of {get_args(Thrift)}")
        self._check_tokens()
        self._check_certificates()
        if self.session is None:
            return
        if not getattr(self.session, "authenticated", False):
            raise LoginError("session is not logged in; pass session=earthaccess.login(), or none for public files")
        object.__setattr__(self, "session_tokens", token_grants(self.session))
        if self.keys is None:
            object.__setattr__(self, "keys", bucket_grants(self.session, self.centre))

    def _check_tokens(self) -> None:
        """Refuse `tokens` that are no logins; their text is not shown."""
        if isinstance(self.tokens, Mapping):
            for host, grants in self.tokens.items():
                if not isinstance(grants, Grants) or not isinstance(host, str) or "/" in host:
                    raise InputError(
                        f"tokens[{host!r}] is a {type(grants).__name__}; pass tokens={{host: Grants(...)}}"
                    )
        elif not isinstance(self.tokens, Grants | None):
            raise InputError(f"tokens is a {type(self.tokens).__name__}; pass Grants(...), or {{host: Grants(...)}}")

    def check_hosts(self, places: Iterable[object]) -> None:
        """Refuse addresses that would show one login to several hosts, before any is asked.

        Raises
        ------
        InputError
            If they would.
        """
        if isinstance(self.tokens, Grants):
            urls = [place for place in places if isinstance(place, str) and urlsplit(place).scheme in ("http", "https")]
            self.tokens.check_hosts({url_host(url) for url in urls if not self._tells_session(url)})

    def check_places(self, places: Iterable[object]) -> None:
        """Refuse what would go wrong with every one of these files or addresses, before any is asked.

        Raises
        ------
        InputError
            If one login would be shown to several hosts, or the folder of indexes cannot be written.
        """
        self.check_hosts(places)
        if self.index is not None:
            try:
                Path(self.index).mkdir(parents=True, exist_ok=True)
                with TemporaryFile(dir=self.index) as probe:
                    probe.write(b"room")
            except OSError as error:
                told = f"index={str(self.index)!r} cannot be written: {error.strerror}; choose another folder"
                raise InputError(told) from error

    def _check_certificates(self) -> None:
        """Refuse certificates that cannot be read: all of the web would look untrusted."""
        if self.certificates is None:
            return
        place = Path(self.certificates)
        try:
            if place.is_dir():
                ssl.create_default_context(capath=place)
            else:
                ssl.create_default_context(cafile=place)
        except OSError as error:
            why = "it holds none" if isinstance(error, ssl.SSLError) else error.strerror
            raise InputError(
                f"certificates={str(place)!r} are no trusted certificates ({why}); give a file of them (PEM), or none "
                "to use those that come with requests"
            ) from error

    def web_grants(self, url: str) -> Grants | None:
        """Return the login that a web address is told, None for none.

        Raises
        ------
        InputError
            If it was meant for another host.
        """
        if self._tells_session(url):
            return self.session_tokens
        if isinstance(self.tokens, Mapping):
            return self.tokens.get(url_host(url))
        self.check_hosts([url])
        return self.tokens

    def _tells_session(self, url: str) -> bool:
        """Return whether an address is one of the archives that the session is for."""
        return self.session_tokens is not None and may_be_told(url)
