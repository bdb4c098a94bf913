"""Network: whether the services that altiflow searches and fetches from can be reached."""

from __future__ import annotations

import time
from collections.abc import Mapping

import requests

from altiflow.explore.doctor.findings import Finding
from altiflow.readers.remote.logins import leave_anonymous

__all__ = ["SERVICES", "examine_network"]

SERVICES = {
    "search of granules (CMR)": "https://cmr.earthdata.nasa.gov/search/health",
    "Earthdata login": "https://urs.earthdata.nasa.gov",
    "search of image pairs (STAC)": "https://stac.itslive.cloud",
}
"""What altiflow talks to unless told otherwise."""

_PROXY = "check the network, and HTTPS_PROXY and REQUESTS_CA_BUNDLE if there is a proxy"


def examine_network(services: Mapping[str, str] | None = None, *, timeout: float = 10.0) -> list[Finding]:
    """Return whether each service answers within so many seconds; nothing is sent but the question."""
    session = requests.Session()
    session.auth = leave_anonymous
    return [_ask(session, name, url, timeout) for name, url in (SERVICES if services is None else services).items()]


def _ask(session: requests.Session, name: str, url: str, timeout: float) -> Finding:
    """Return what is to be said of one service."""
    began = time.monotonic()
    try:
        with session.get(url, timeout=timeout, stream=True) as answer:
            status = answer.status_code
    except requests.exceptions.SSLError:
        return Finding("network", name, "problem", f"{url}: its certificate is not trusted", _PROXY)
    except requests.exceptions.Timeout:
        return Finding("network", name, "problem", f"{url}: no answer within {timeout:g} s", _PROXY)
    except requests.RequestException as error:
        return Finding("network", name, "problem", f"{url}: {type(error).__name__}", _PROXY)
    if status >= 500:
        return Finding("network", name, "problem", f"{url}: answers {status}", "the service is down; try again later")
    return Finding("network", name, "ok", f"{url}: answered in {time.monotonic() - began:.1f} s")
