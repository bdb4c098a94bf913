"""Served series: velocity in time at points, asked of a running search service."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlsplit

import pandas as pd
import requests

from altiflow.errors import EmptyDataError, InputError, LoginError, SearchError
from altiflow.readers.remote import PassingError, Retries, public_url, with_retries
from altiflow.readers.remote.logins import leave_anonymous
from altiflow.readers.remote.retries import BUSY
from altiflow.region import as_places

__all__ = ["read_served_series"]

_TIMES = ("start", "mid", "end")
_STATED = ("units", "year_days", "velocity_metric", "crs")


def read_served_series(
    address: str,
    places: Any,
    *,
    method: Literal["nearest", "linear"] = "nearest",
    token: str | None = None,
    timeout: float = 60.0,
    retries: Retries | None = None,
) -> pd.DataFrame:
    """Return the velocity in time at places, as ``altiflow serve`` has it.

    Parameters
    ----------
    address
        Of a field of the service, such as ``http://127.0.0.1:8000/fields/greenland``.
    places
        What :func:`altiflow.as_places` takes; one request a place.
    method
        As for :func:`altiflow.series_at`.
    token
        That of a service that wants one.
    timeout
        Longest wait for one answer [s].
    retries
        How often what may pass is tried again.

    Returns
    -------
    pandas.DataFrame
        The columns of :func:`altiflow.series_table`, a row per place and layer; ``attrs["empty"]`` names the places
        that have none.

    Raises
    ------
    InputError
        If an argument means nothing, or the service says so.
    EmptyDataError
        If the field has no velocity at any of the places.
    LoginError, SearchError
        If the service wants a token, cannot be reached, or does not answer as it should.
    """
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(f"address {public_url(address)!r} is none of a service; give http://host:port/fields/NAME")
    if not timeout > 0:
        raise InputError(f"timeout must be a positive number of seconds, got {timeout!r}")
    points = as_places(places)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    found, empty = [], []
    with requests.Session() as session:
        session.auth = leave_anonymous
        for name, point in points.items():
            asked = {"lon": point.x, "lat": point.y, "method": method}

            def ask(asked: dict[str, Any] = asked) -> list[Any]:
                return _answer(session, address.rstrip("/") + "/series", asked, headers, timeout)

            try:
                rows = with_retries(ask, retries or Retries())
            except PassingError as error:
                raise SearchError(f"{error}; is the service running?") from None
            if rows:
                found.append(pd.DataFrame(rows).assign(point=str(name)))
            else:
                empty.append(str(name))
    if not found:
        raise EmptyDataError(f"{public_url(address)} has no velocity at {', '.join(empty[:5])}; choose other places")
    table = pd.concat(found, ignore_index=True)
    for column in _TIMES:
        table[column] = pd.to_datetime(table[column], utc=True, format="ISO8601").dt.tz_localize(None)
    table = table[["point", *(name for name in table.columns if name != "point")]]
    table.attrs = {name: table[name].iloc[0] for name in _STATED if name in table}
    table.attrs |= {"source": public_url(address), "empty": empty}
    return table


def _answer(
    session: requests.Session, address: str, asked: dict[str, Any], headers: dict[str, str], timeout: float
) -> list[Any]:
    """Return the rows of one answer."""
    name = public_url(address)
    try:
        # A redirect might take the token elsewhere.
        told = session.get(address, params=asked, headers=headers, timeout=timeout, allow_redirects=False)
    except requests.RequestException as error:
        raise PassingError(f"{name} could not be reached ({type(error).__name__})") from None
    if told.status_code in BUSY:
        raise PassingError(f"{name} is busy (HTTP {told.status_code})")
    if told.status_code in (401, 403):
        raise LoginError(f"{name} wants a token; give token=")
    try:
        rows = told.json()
    except ValueError:
        rows = None
    if told.status_code == 400 and isinstance(rows, dict):
        refused = rows.get("error") or {}
        raise InputError(f"{name}: {refused.get('reason', rows)}; {refused.get('fix', 'see its description')}")
    if told.status_code != 200 or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise SearchError(f"{name} did not answer with a series (HTTP {told.status_code}); is it a field of altiflow?")
    return rows
