"""Sending: rows in the form that is asked for, made while they are sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import StreamingResponse

from altiflow.explore.service.answers.forms import MEDIA_TYPES, Rows, write_rows, zip_of

__all__ = ["send_rows", "take_form"]


def take_form(values: dict[str, Any]) -> tuple[str, bool]:
    """Return the form of an answer and whether it is packed, and take both out of the values of a request.

    Examples
    --------
    >>> take_form({"serialization": "zip"}), take_form({"serialization": "text", "compression": True})
    (('json', True), ('text', True))
    """
    form, packed = values.pop("serialization", "json"), values.pop("compression", False)
    return ("json", True) if form == "zip" else (form, packed)


def send_rows(
    batches: Rows, form: tuple[str, bool], *, name: str, title: str, headers: Mapping[str, str]
) -> StreamingResponse:
    """Return the answer that holds rows.

    Parameters
    ----------
    batches
        Rows.
    form
        What :func:`take_form` returns.
    name
        Of the file in an archive.
    title
        Of an HTML page.
    headers
        Of the answer.
    """
    word, packed = form
    pieces, told = write_rows(batches, word, title), dict(headers)
    if packed:
        pieces, told["Content-Disposition"] = zip_of(pieces, name, word), f'attachment; filename="{name}.zip"'
    return StreamingResponse(pieces, media_type=MEDIA_TYPES["zip" if packed else word], headers=told)
