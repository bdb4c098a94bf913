"""Access: as whom, how patiently and with what memory remote granules are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from altiflow.errors import InputError, LoginError
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
        An ``earthaccess.Auth`` that is logged in; its token is told to NASA's archives alone. None for public files.
    tokens, keys
        Logins of other archives, for https and for s3; they go before `session`. :class:`Grants` renews them.
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
        If a number is not positive, or `first_read` none of these words.
    LoginError
        If `session` is not logged in.

    Examples
    --------
    >>> RemoteAccess(timeout=0)
    Traceback (most recent call last):
    altiflow.errors.InputError: timeout and memory are positive, got 0 s and 134217728 bytes
    """

    session: Any = field(default=None, repr=False)
    tokens: Grants | None = field(default=None, repr=False)
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
        if self.session is None:
            return
        if not getattr(self.session, "authenticated", False):
            raise LoginError("session is not logged in; pass session=earthaccess.login(), or none for public files")
        object.__setattr__(self, "session_tokens", token_grants(self.session))
        if self.keys is None:
            object.__setattr__(self, "keys", bucket_grants(self.session, self.centre))
