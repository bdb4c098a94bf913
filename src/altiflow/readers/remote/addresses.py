"""Addresses: what of a URL may be shown, and what file it names."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath
from urllib.parse import unquote, urlsplit

from altiflow.errors import InputError

__all__ = ["REMOTE_SCHEMES", "public_url", "url_file_name"]

REMOTE_SCHEMES = ("http", "https", "s3")


def public_url(url: str) -> str:
    """Return the URL without what may be secret: user, password, query and fragment.

    Examples
    --------
    >>> public_url("https://me:pass@host.org:8443/a.nc?X-Amz-Signature=abc#part")
    'https://host.org:8443/a.nc'
    >>> public_url("data/a.nc")
    'data/a.nc'
    """
    parts = urlsplit(url)
    if parts.scheme not in (*REMOTE_SCHEMES, "file"):
        return url
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def url_file_name(url: str) -> str:
    """Return the name of the file that a URL or path means.

    Raises
    ------
    InputError
        If it names none, or a name that would leave its folder.

    Examples
    --------
    >>> url_file_name("s3://its-live-data/v02/N70W040/a.nc")
    'a.nc'
    >>> url_file_name("https://host.org/..%2F..%2Fevil/")
    Traceback (most recent call last):
    altiflow.errors.InputError: https://host.org/..%2F..%2Fevil/ names no file; give the address of one
    """
    parts = urlsplit(url)
    if parts.scheme in (*REMOTE_SCHEMES, "file"):
        path = unquote(parts.path)
        name = "" if path.endswith("/") or not path else PurePosixPath(path).name
    else:
        name = PureWindowsPath(url).name
    if not name or name in {".", ".."} or "/" in name or "\\" in name or "\0" in name:
        raise InputError(f"{public_url(url)} names no file; give the address of one")
    return name
