"""Logins: a session of HTTP that has one, and which hosts it may be told to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import requests

from altiflow.errors import InputError, LoginError

if TYPE_CHECKING:
    import earthaccess

__all__ = ["SessionMaker", "leave_anonymous", "log_in", "may_be_told", "session_maker"]

EARTHDATA_HOSTS = ("nasa.gov", "nsidc.org")
"""Domains of the archives that take an Earthdata login; nobody else is told it."""

SessionMaker = Callable[[str], requests.Session]
"""Returns the session for an address."""


def session_maker(login: requests.Session | earthaccess.Auth | None) -> tuple[SessionMaker, Callable[[], None]]:
    """Return what makes sessions for addresses, for one thread, and what closes those made.

    Parameters
    ----------
    login
        A session, used for every address as it is; an ``earthaccess.Auth`` that is logged in, whose session is used
        for the archives over https alone; or None for sessions without a login.

    Raises
    ------
    InputError
        If it is none of these.
    LoginError
        If it is not logged in.
    """
    if isinstance(login, requests.Session):
        return (lambda url: login), (lambda: None)
    if login is not None and not callable(getattr(login, "get_session", None)):
        raise InputError(f"session is a requests.Session, an earthaccess.Auth or None, got a {type(login).__name__}")
    if login is not None and not login.authenticated:
        raise LoginError("the session is not logged in; log in with `session = earthaccess.login()`")
    made: dict[bool, requests.Session] = {}

    def choose(url: str) -> requests.Session:
        known = login is not None and may_be_told(url)
        if known not in made:
            made[known] = login.get_session() if known and login is not None else _anonymous_session()
        return made[known]

    def close() -> None:
        for session in made.values():
            session.close()

    return choose, close


def may_be_told(url: str) -> bool:
    """Return whether a host may be told an Earthdata login.

    Examples
    --------
    >>> may_be_told("https://daacdata.apps.nsidc.org/pub/a.nc"), may_be_told("https://nsidc.org.evil.example/a.nc")
    (True, False)
    >>> may_be_told("http://data.nsidc.earthdatacloud.nasa.gov/a.h5")
    False
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    safe = parts.scheme == "https" or host in ("127.0.0.1", "localhost")
    return safe and any(host == domain or host.endswith(f".{domain}") for domain in EARTHDATA_HOSTS)


def _anonymous_session() -> requests.Session:
    """Return a session without a login."""
    session = requests.Session()
    session.auth = leave_anonymous
    return session


def leave_anonymous(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Return the request as it is: as a session's ``auth`` it keeps requests from adding what ~/.netrc holds."""
    return request


def log_in(how: Literal["environment", "netrc", "interactive"]) -> earthaccess.Auth:
    """Return an Earthdata login, made now; nothing is kept on disk, and nothing in a global.

    Parameters
    ----------
    how
        "environment" (EARTHDATA_TOKEN, or EARTHDATA_USERNAME and EARTHDATA_PASSWORD), "netrc" (the file ~/.netrc, or
        that of NETRC), or "interactive" (asks at the terminal).

    Raises
    ------
    InputError
        If `how` is another word.
    LoginError
        If there is no such login, or it is refused.
    """
    # Imported here because it pulls in the whole S3 stack, and most runs never log in.
    import earthaccess

    if how not in ("environment", "netrc", "interactive"):
        raise InputError(f"how is 'environment', 'netrc' or 'interactive', got {how!r}")
    session = earthaccess.Auth()
    try:
        session.login(strategy=how)
    except requests.RequestException as error:
        raise LoginError(f"the login could not be reached ({type(error).__name__}); check the network") from None
    except Exception as error:
        # Versions differ in what they raise for a login that is absent or refused.
        if not type(error).__module__.startswith("earthaccess"):
            raise
        raise LoginError(f"no login by {how}: {str(error).splitlines()[0]}") from None
    if not session.authenticated:
        raise LoginError(f"no login by {how}; see https://urs.earthdata.nasa.gov for an account")
    return session
