"""The manifest of a folder of downloads: what each file is, where it is from, and what became of it."""

from __future__ import annotations

import json
import threading
import time
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from altiflow.errors import InputError, WriteError
from altiflow.files import whole_file

__all__ = ["MANIFEST_NAME", "Download", "Manifest", "Status", "read_manifest"]

MANIFEST_NAME = "manifest.json"
_SAVE_EVERY = 2.0
"""Least time between two savings [s]; what is lost by a kill is found again from the files."""

Status = Literal["downloaded", "resumed", "there", "failed"]
_COLUMNS = ("url", "path", "size", "sha256", "status", "reason")


@dataclass(frozen=True)
class Download:
    """What became of one address.

    Attributes
    ----------
    url
        Where the file is from, without what may be secret.
    path
        Where it is; where it was to be, if it failed.
    size
        Size [bytes]; -1 if it failed.
    sha256
        Checksum in hexadecimal digits; "" if it failed.
    status
        "downloaded", "resumed" (an unfinished file was completed), "there" (nothing had to be done) or "failed".
    reason
        Why it failed, or what could not be checked; "" where all is well.
    """

    url: str
    path: str
    size: int
    sha256: str
    status: Status
    reason: str = ""


class Manifest:
    """The account of a folder, written to its ``manifest.json`` while files come in."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / MANIFEST_NAME
        self.files = _load(self.path)
        self._lock = threading.Lock()
        self._saved = time.monotonic()

    def add(self, name: str, download: Download) -> None:
        """Note what became of the file `name`; the folder's manifest follows within seconds."""
        with self._lock:
            self.files[name] = download
            if time.monotonic() - self._saved > _SAVE_EVERY:
                self._write()

    def save(self) -> None:
        """Write the manifest."""
        with self._lock:
            self._write()

    def _write(self) -> None:
        # Names, not paths: the folder may be moved.
        rows = [{**asdict(download), "path": name} for name, download in sorted(self.files.items())]
        self._saved = time.monotonic()
        try:
            with whole_file(self.path) as part:
                part.write_text(json.dumps({"format": 1, "files": rows}, indent=1))
        except (WriteError, OSError) as error:
            # The account that is returned, and the files that came, must not be lost for it.
            warnings.warn(f"the account of the folder is not up to date: {error}", stacklevel=2)


def _load(path: Path) -> dict[str, Download]:
    """Return what a manifest says, by file name; nothing if there is none.

    Raises
    ------
    InputError
        If there is a file of that name that is no manifest.
    """
    if not path.exists():
        return {}
    try:
        rows = json.loads(path.read_text())["files"]
        return {row["path"]: Download(**row) for row in rows}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is no manifest of downloads ({error!r}); move it away, or use another folder"
        ) from error


def read_manifest(folder: str | Path) -> pd.DataFrame:
    """Return the manifest of a folder of downloads: url, path, size [bytes], sha256, status, reason.

    Raises
    ------
    InputError
        If the folder has none.
    """
    path = Path(folder) / MANIFEST_NAME
    if not path.exists():
        raise InputError(f"{folder} has no {MANIFEST_NAME}; download_files writes one")
    rows = [{**asdict(row), "path": str(Path(folder) / row.path)} for row in _load(path).values()]
    return pd.DataFrame(rows, columns=list(_COLUMNS))
