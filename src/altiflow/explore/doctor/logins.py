"""Logins: whether there are any, and whether they still hold; none is ever shown, and no one is asked."""

from __future__ import annotations

import base64
import binascii
import json
import netrc
import os
import stat
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from altiflow.explore.doctor.findings import Finding

__all__ = ["examine_logins"]

_HOST = "urs.earthdata.nasa.gov"
_ACCOUNT = f"only needed to bring files from the archive; a free account: https://{_HOST}"
_RENEW = f"make a new token at https://{_HOST}, under Generate Token"


def examine_logins(environment: Mapping[str, str] | None = None, home: Path | None = None) -> list[Finding]:
    """Return what is to be said of Earthdata and S3 logins.

    Parameters
    ----------
    environment
        Variables; None takes those of the process.
    home
        Folder with ``.netrc``; None takes the user's.
    """
    known = os.environ if environment is None else environment
    found = [_token(known), _netrc(known, home)]
    if not any(one.state == "ok" for one in found):
        found.append(Finding("logins", "Earthdata", "note", "no login found", _ACCOUNT))
    keys = [name for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE") if known.get(name)]
    told = f"{' and '.join(keys)} set" if keys else "none in the environment; public buckets need none"
    return [*found, Finding("logins", "S3 keys", "ok" if keys else "note", told)]


def _token(known: Mapping[str, str]) -> Finding:
    """Return what is to be said of the login in the environment."""
    token = known.get("EARTHDATA_TOKEN")
    if token:
        end = _expiry(token)
        if end is None:
            return Finding("logins", "EARTHDATA_TOKEN", "ok", "set; does not say until when it holds")
        if end < datetime.now(UTC):
            return Finding("logins", "EARTHDATA_TOKEN", "problem", f"expired on {end:%Y-%m-%d %H:%M} UTC", _RENEW)
        return Finding("logins", "EARTHDATA_TOKEN", "ok", f"set; holds until {end:%Y-%m-%d %H:%M} UTC")
    if known.get("EARTHDATA_USERNAME") and known.get("EARTHDATA_PASSWORD"):
        return Finding("logins", "EARTHDATA_USERNAME", "ok", "set, and EARTHDATA_PASSWORD")
    return Finding("logins", "EARTHDATA_TOKEN", "note", "not set")


def _expiry(token: str) -> datetime | None:
    """Return until when a JSON web token (RFC 7519) holds; None if it does not say."""
    try:
        claims = token.split(".")[1]
        told = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        return datetime.fromtimestamp(float(told["exp"]), UTC)
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, OSError, binascii.Error):
        return None


def _netrc(known: Mapping[str, str], home: Path | None) -> Finding:
    """Return what is to be said of the login in ~/.netrc."""
    path = Path(known["NETRC"]) if known.get("NETRC") else (home or Path.home()) / ".netrc"
    if not path.exists():
        return Finding("logins", str(path), "note", "not there")
    try:
        held = netrc.netrc(path).authenticators(_HOST)
    except netrc.NetrcParseError as error:
        return Finding("logins", str(path), "problem", f"line {error.lineno} cannot be understood", "mend that line")
    except OSError as error:
        return Finding("logins", str(path), "problem", f"cannot be read: {error.strerror}", "make it readable to you")
    if held is None:
        return Finding("logins", str(path), "note", f"has no entry for {_HOST}")
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        return Finding("logins", str(path), "problem", "others can read or write it", f"chmod 600 {path}")
    return Finding("logins", str(path), "ok", f"has an entry for {_HOST}")
