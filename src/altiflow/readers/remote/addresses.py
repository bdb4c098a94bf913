"""Addresses: what of a URL may be shown, what file it names, and which of them a table holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any
from urllib.parse import unquote, urlsplit

import pandas as pd

from altiflow.errors import InputError

__all__ = ["REMOTE_SCHEMES", "distinct_urls", "public_url", "table_addresses", "url_file_name", "url_host"]

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


def url_host(url: str) -> str:
    """Return the host of a URL, with its port unless that is the usual one.

    Examples
    --------
    >>> url_host("https://me:pass@Host.org:443/a.h5"), url_host("http://127.0.0.1:8000/a.h5")
    ('host.org', '127.0.0.1:8000')
    """
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2].lower()
    return host.removesuffix(":443") if parts.scheme == "https" else host.removesuffix(":80")


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


def distinct_urls(urls: Iterable[str]) -> list[str]:
    """Return addresses of different files, in their order: one file may be there with several signed queries.

    Where the path does not end in the name of a file, the query may tell which file is meant.

    Examples
    --------
    >>> distinct_urls(["https://h/a.h5?signed=1", "https://h/a.h5?signed=2", "https://h/get?id=1", "https://h/get?id=2"])
    ['https://h/a.h5?signed=1', 'https://h/get?id=1', 'https://h/get?id=2']
    """
    found: dict[str, str] = {}
    for url in urls:
        found.setdefault(public_url(url) if PurePosixPath(urlsplit(url).path).suffix else url, url)
    return list(found.values())


_PLACES = ("url_https", "url_s3", "path")


def table_addresses(table: pd.DataFrame) -> dict[str, str]:
    """Return the addresses of the data files of a table, each once, with the checksum where it is told, else "".

    Parameters
    ----------
    table
        With a column ``url``; or a catalogue: of each row url_https, else url_s3, else path, and all of more_https.

    Raises
    ------
    InputError
        If it has no such column, or a row has none of them.

    Examples
    --------
    >>> table_addresses(pd.DataFrame({"url_https": ["https://h/a_vx.tif"], "more_https": ["https://h/a_vy.tif"]}))
    {'https://h/a_vx.tif': '', 'https://h/a_vy.tif': ''}
    """
    if "url" in table.columns:
        return {url: "" for url in table["url"]}
    if not {*_PLACES} & {*table.columns}:
        raise InputError(f"the table has no column url, url_https, url_s3 or path; it has {', '.join(map(str, table))}")
    found: dict[str, str] = {}
    for number, row in enumerate(_told_rows(table)):
        url = next((row[name] for name in _PLACES if name in row), None)
        if url is None:
            raise InputError(f"{row.get('granule', f'row {number}')} has no address and no path; leave it out")
        found[url] = row.get("checksum", "")
        found |= dict.fromkeys(row.get("more_https", "").split(), "")
    return found


def _told_rows(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield what each row tells, as text."""
    names = [name for name in ("granule", *_PLACES, "more_https", "checksum") if name in table.columns]
    for row in table[names].astype(object).to_numpy():
        yield {name: str(value) for name, value in zip(names, row, strict=True) if not pd.isna(value)}
