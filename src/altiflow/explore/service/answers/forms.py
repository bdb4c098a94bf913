"""Forms of an answer: rows as JSON, text, an HTML page, or any of them in a zip archive, piece by piece."""

from __future__ import annotations

import html
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = ["MEDIA_TYPES", "Rows", "write_rows", "zip_of"]

MEDIA_TYPES = {
    "json": "application/json",
    "text": "text/plain; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "zip": "application/zip",
}
_ENDINGS = {"json": "json", "text": "txt", "html": "html"}

Rows = Iterable[list[Mapping[str, Any]]]
"""Rows in batches; all rows have the same keys."""


def write_rows(batches: Rows, form: str, title: str) -> Iterator[bytes]:
    r"""Yield rows in a form, a piece a batch.

    Parameters
    ----------
    batches
        Rows.
    form
        "json" (a list of objects), "text" (a line a row, its values with a space between) or "html" (a table).
    title
        Of an HTML page.

    Examples
    --------
    >>> b"".join(write_rows([[{"year": 2019, "count": 2}], [{"year": 2020, "count": 1}]], "json", ""))
    b'[{"year": 2019, "count": 2},\n{"year": 2020, "count": 1}]'
    >>> b"".join(write_rows([[{"url": "https://host/a.nc"}]], "text", ""))
    b'https://host/a.nc\n'
    """
    writers = {"json": _write_json, "text": _write_text}
    return _write_html(batches, title) if form == "html" else writers[form](batches)


def _write_json(batches: Rows) -> Iterator[bytes]:
    """Yield one JSON list."""
    before = "["
    for batch in batches:
        if batch:
            yield (before + ",\n".join(json.dumps(row, allow_nan=False) for row in batch)).encode()
            before = ",\n"
    yield b"[]" if before == "[" else b"]"


def _write_text(batches: Rows) -> Iterator[bytes]:
    """Yield a line for each row."""
    for batch in batches:
        yield "".join(f"{' '.join(_plain(value) for value in row.values())}\n" for row in batch).encode()


def _plain(value: Any) -> str:
    return "-" if value is None else str(value)


def _write_html(batches: Rows, title: str) -> Iterator[bytes]:
    """Yield a page that needs nothing else; addresses are links."""
    name = html.escape(title)
    yield (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{name}</title></head>\n'
        f"<body><h1>{name}</h1>\n<table>\n"
    ).encode()
    for batch in batches:
        cells = ("".join(f"<td>{_cell(value)}</td>" for value in row.values()) for row in batch)
        yield "".join(f"<tr>{row}</tr>\n" for row in cells).encode()
    yield b"</table></body></html>\n"


def _cell(value: Any) -> str:
    """Return a value as HTML."""
    text = html.escape(_plain(value), quote=True)
    linked = isinstance(value, str) and value.startswith(("https://", "http://"))
    return f'<a href="{text}" rel="noreferrer">{text}</a>' if linked else text


class _Pieces(io.RawIOBase):
    """What was written and not yet taken; it cannot go back, so that the archive needs no more than one piece."""

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def write(self, data: Any, /) -> int:
        """Keep a piece."""
        self._held.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        """Return what was written since the last time."""
        held = b"".join(self._held)
        self._held.clear()
        return held


def zip_of(pieces: Iterable[bytes], name: str, form: str) -> Iterator[bytes]:
    """Yield a zip archive of one file, which is made while it is sent.

    Examples
    --------
    >>> whole = b"".join(zip_of([b"[1,", b"2]"], "urls", "json"))
    >>> with zipfile.ZipFile(io.BytesIO(whole)) as archive:
    ...     archive.namelist(), archive.read("urls.json")
    (['urls.json'], b'[1,2]')
    """
    sink = _Pieces()
    # No time of making: the same answer is the same file.
    told = zipfile.ZipInfo(f"{name}.{_ENDINGS[form]}")
    told.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(sink, "w") as archive:
        with archive.open(told, "w", force_zip64=True) as file:
            for piece in pieces:
                file.write(piece)
                yield sink.take()
        yield sink.take()
    yield sink.take()
