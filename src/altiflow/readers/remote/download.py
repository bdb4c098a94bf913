"""The download manager: many files into one folder, each whole or not at all, with an account of every one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from threading import local
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import pandas as pd
import requests

from altiflow.errors import AltiflowError, GranuleError, InputError
from altiflow.readers.remote.addresses import REMOTE_SCHEMES, public_url, table_addresses, url_file_name
from altiflow.readers.remote.logins import session_maker
from altiflow.readers.remote.manifest import MANIFEST_NAME, Download, Manifest
from altiflow.readers.remote.objects import fetch_object, fetch_path, local_path, object_size, open_bucket
from altiflow.readers.remote.parts import Part, file_checksum, has_checksum
from altiflow.readers.remote.retries import PassingError, Retries, with_retries
from altiflow.readers.remote.transfer import Transferred, fetch_http, http_size
from altiflow.stop import Stop
from altiflow.workers import check_workers, map_each

if TYPE_CHECKING:
    import earthaccess

__all__ = ["download_files"]

_NAMED = 3
"""Failures that a message names."""


def download_files(
    files: pd.DataFrame | str | Path | Iterable[str | Path] | Mapping[str, str],
    folder: str | Path,
    *,
    workers: int = 4,
    overwrite: bool = False,
    on_error: Literal["raise", "skip"] = "raise",
    session: requests.Session | earthaccess.Auth | None = None,
    timeout: float = 60.0,
    retries: Retries | None = None,
    quiet: bool = True,
) -> pd.DataFrame:
    """Bring files into a folder and return what became of each, those already there included.

    Parameters
    ----------
    files
        A catalogue (its https addresses), image pairs, or any table with a column ``url``; or one address or several:
        http, https, s3 (public buckets), file:// or a path; or a mapping of addresses to checksums ("md5:...", "" for
        none). An address that stands twice is fetched once.
    folder
        Where the files go, under their own names; made if it is not there.
    workers
        Files at a time.
    overwrite
        Fetch files anew that are there already.
    on_error
        "raise" fetches all that can be had, then raises; "skip" returns, with status "failed" and the reason.
    session
        A login where one is needed: an ``earthaccess.Auth``, which only the archives are told, over https; or a
        ``requests.Session``, used for every address. Nobody is ever asked for a password here.
    timeout
        Longest wait for a server to say anything [s].
    retries
        How often what may pass is tried again; ``Retries()`` by default.
    quiet
        Show no progress bar.

    Returns
    -------
    pandas.DataFrame
        url, path, size [bytes], sha256, status ("downloaded", "resumed", "there", "failed") and reason, in the order
        of `files`. ``read_segments`` and ``tally_files`` take it as a catalogue. The folder's ``manifest.json`` holds
        the same for everything ever brought into it.

    Raises
    ------
    InputError
        If there is no address, one names no file, or two would go to one file.
    GranuleError
        With on_error "raise", if files failed; all others are there, and a second call fetches what is missing.

    Notes
    -----
    A file has its name only when it is complete. Until then it is ``<name>.part``, which the next call continues
    if the server still has the same version (If-Range with ETag or Last-Modified) and fetches anew if not. Files that
    are there are checked against the size in the manifest; if it does not know them, against the checksum of the
    catalogue or the size the server tells. A file that comes with another checksum than the catalogue tells is fetched
    anew, and fails if it never fits. Addresses are shown and kept without user, password and query.

    Examples
    --------
    >>> import tempfile
    >>> source = Path(tempfile.mkdtemp()) / "pair.nc"
    >>> written = source.write_bytes(b"velocity")
    >>> folder = Path(tempfile.mkdtemp())
    >>> [download_files(source, folder)["status"].item() for _ in range(2)]
    ['downloaded', 'there']
    """
    checksums = _addresses(files)
    targets = _targets(list(checksums), Path(folder))
    if on_error not in ("raise", "skip"):
        raise InputError(f"on_error={on_error!r} means nothing; use 'raise' or 'skip'")
    check_workers(workers)
    if not timeout > 0:
        raise InputError(f"timeout={timeout!r} means nothing; use a positive number of seconds")
    Path(folder).mkdir(parents=True, exist_ok=True)
    manifest = Manifest(Path(folder))
    agent = _Agent(manifest, overwrite, checksums, session, timeout, retries or Retries())
    try:
        done = map_each(
            agent.bring, list(targets.items()), workers=workers, stop=agent.stop, label="download", quiet=quiet
        )
    finally:
        agent.close()
        manifest.save()
    table = pd.DataFrame([asdict(download) for download in done])
    if on_error == "raise":
        _raise_failures(table, Path(folder))
    return table


def _addresses(files: pd.DataFrame | str | Path | Iterable[str | Path] | Mapping[str, str]) -> dict[str, str]:
    """Return the addresses, each once, with the checksum that is expected; "" for none."""
    given: Any = files
    if isinstance(files, pd.DataFrame):
        given = table_addresses(files)
    elif isinstance(files, (str, Path)):
        given = [files]
    checksums = dict(given) if isinstance(given, Mapping) else dict.fromkeys(given, "")
    bad = [item for item in checksums if not isinstance(item, (str, Path)) or not str(item).strip()]
    if bad or not checksums:
        raise InputError(f"downloads are addresses or paths, got {bad[0]!r}" if bad else "there is nothing to download")
    return {str(url): checksum for url, checksum in checksums.items()}


def _targets(urls: list[str], folder: Path) -> dict[str, Path]:
    """Return where each file goes; two files of one name, and the name of the manifest, are refused."""
    owners: dict[str, str] = {}
    for url in urls:
        scheme = urlsplit(url).scheme
        if "://" in url and scheme not in (*REMOTE_SCHEMES, "file"):
            raise InputError(f"{public_url(url)} is not http, https, s3, file or a path")
        name = url_file_name(url)
        if name == MANIFEST_NAME or name in owners:
            other = public_url(owners[name]) if name in owners else "the manifest of the folder"
            raise InputError(f"{public_url(url)} and {other} have the same file name; use a folder for each")
        owners[name] = url
    return {url: folder / name for name, url in owners.items()}


@dataclass
class _Agent:
    """What fetches one file after the other, in several threads."""

    manifest: Manifest
    overwrite: bool
    checksums: Mapping[str, str]
    session: requests.Session | earthaccess.Auth | None
    timeout: float
    retries: Retries

    def __post_init__(self) -> None:
        self._own = local()
        self._closers: list[Callable[[], None]] = []
        self.stop = Stop()
        session_maker(self.session)

    def bring(self, errand: tuple[str, Path]) -> Download:
        """Return what became of one address; nothing but a stop by the user is raised."""
        url, target = errand
        shown = public_url(url)
        try:
            download = self._find(url, target) or self._fetch(url, target)
        except (AltiflowError, PassingError, OSError) as error:
            told = (
                str(error) if isinstance(error, (AltiflowError, PassingError)) else f"{type(error).__name__}: {error}"
            )
            reason = told if told.startswith(shown) else f"{shown}: {told}"
            download = Download(shown, str(target), -1, "", "failed", reason)
        self.manifest.add(target.name, download)
        return download

    def _find(self, url: str, target: Path) -> Download | None:
        """Return the file that is there if it is the whole one, else None."""
        if self.overwrite or not target.is_file():
            return None
        size, shown = target.stat().st_size, public_url(url)
        noted = self.manifest.files.get(target.name)
        if noted is not None and noted.status != "failed" and noted.url == shown:
            return replace(noted, path=str(target), status="there", reason="") if noted.size == size else None
        if self.checksums[url]:
            fits = has_checksum(target, self.checksums[url])
            return Download(shown, str(target), size, file_checksum(target), "there") if fits else None
        try:
            told = with_retries(lambda: self._size(url), self.retries, stop=self.stop)
        except (PassingError, AltiflowError):
            told = None
        if told is not None and told != size:
            return None
        reason = "" if told is not None else "the server does not tell the size, so the file could not be checked"
        return Download(shown, str(target), size, file_checksum(target), "there", reason)

    def _fetch(self, url: str, target: Path) -> Download:
        """Return the file, fetched."""
        part = Part(target, self.checksums[url])
        if self.overwrite:
            part.discard()
        done = with_retries(lambda: self._transfer(url, part), self.retries, stop=self.stop)
        status: Literal["resumed", "downloaded"] = "resumed" if done.resumed else "downloaded"
        return Download(public_url(url), str(target), done.size, done.checksum, status)

    def _transfer(self, url: str, part: Part) -> Transferred:
        """Return what comes of one try."""
        scheme = urlsplit(url).scheme
        if scheme in ("http", "https"):
            return fetch_http(url, part, self._http(url), timeout=self.timeout, stop=self.stop)
        fetch = partial(fetch_object, bucket=self._bucket()) if scheme == "s3" else fetch_path
        return fetch(url, part, stop=self.stop)

    def _size(self, url: str) -> int | None:
        """Return the size that the source tells."""
        scheme = urlsplit(url).scheme
        if scheme in ("http", "https"):
            return http_size(url, self._http(url), timeout=self.timeout)
        return object_size(url, self._bucket()) if scheme == "s3" else local_path(url).stat().st_size

    def _http(self, url: str) -> requests.Session:
        """Return the session for an address, one of this thread's own unless a session was given."""
        if not hasattr(self._own, "choose"):
            self._own.choose, close = session_maker(self.session)
            self._closers.append(close)
        found: requests.Session = self._own.choose(url)
        return found

    def _bucket(self) -> Any:
        """Return the file system of public buckets of this thread."""
        if not hasattr(self._own, "bucket"):
            self._own.bucket = open_bucket(self.timeout)
        return self._own.bucket

    def close(self) -> None:
        """Close the sessions that were opened here."""
        for close in self._closers:
            close()


def _raise_failures(table: pd.DataFrame, folder: Path) -> None:
    """Raise if files failed."""
    failed = table[table["status"] == "failed"]
    if len(failed):
        shown = "; ".join(failed["reason"].head(_NAMED)) + ("; ..." if len(failed) > _NAMED else "")
        raise GranuleError(
            f"{len(failed)} of {len(table)} files could not be downloaded: {shown}. The others are in {folder}, and "
            f"{MANIFEST_NAME} tells of all; call again to fetch what is missing, or pass on_error='skip'"
        )
