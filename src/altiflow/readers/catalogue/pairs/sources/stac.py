"""The STAC service: every page of a search, and refusals told in words."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

import shapely
from urllib3.util.retry import Retry

from altiflow.errors import InputError, LoginError, SearchError
from altiflow.readers.catalogue.pairs.request import PairSearch
from altiflow.readers.remote import Retries, public_url
from altiflow.readers.remote.retries import BUSY
from altiflow.region import Region

__all__ = ["GRANULES", "StacService", "find_items", "pair_filter"]

GRANULES = "itslive-granules"
_PAGE = 1000
"""Items asked for at a time."""
_SHOWN = 160


@dataclass(frozen=True)
class StacService:
    """A STAC service and how it is asked.

    Attributes
    ----------
    url
        Its landing page.
    timeout
        Longest wait for one answer [s].
    retries
        How often what may pass is tried again.
    on_short
        What to do if fewer items come than were announced: "raise", or "warn", as some services announce estimates.
    """

    url: str
    timeout: float = 60.0
    retries: Retries = field(default_factory=Retries)
    on_short: Literal["raise", "warn"] = "raise"

    def __post_init__(self) -> None:
        """Refuse what is no service."""
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(f"source {public_url(self.url)!r} is no address of a STAC service, and no index")
        if not self.timeout > 0:
            raise InputError(f"timeout must be a positive number of seconds, got {self.timeout!r}")

    @property
    def name(self) -> str:
        """The address without secrets."""
        return public_url(self.url)


def find_items(
    service: StacService,
    collection: str,
    *,
    region: Region,
    period: str | None = None,
    filters: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Return all items of a collection that meet a region and a period, each once.

    Parameters
    ----------
    service
        Whom to ask.
    collection
        Its collection.
    region
        Where; a region across the antimeridian is sent in its two parts at once.
    period
        "first/last" in RFC 3339, ".." for an open side.
    filters
        Filter in CQL2-JSON; left out where the service does not take filters.

    Raises
    ------
    SearchError
        If the service cannot be reached, answers with an error or nonsense, or sends fewer items than it announced.
    LoginError
        If it wants a login.
    """
    where = json.loads(shapely.to_geojson(region.geometry))
    asked: dict[str, Any] = {"collections": [collection], "intersects": where}
    if period is not None:
        asked["datetime"] = period
    found: dict[str, dict[str, Any]] = {}
    announced = 0
    for page in _pages(service, asked, filters):
        matched = page.get("numberMatched", (page.get("context") or {}).get("matched"))
        announced = max(announced, int(matched)) if isinstance(matched, (int, float)) else announced
        for item in page["features"]:
            found.setdefault(str(item["id"]), item)
    if len(found) < announced:
        told = f"{service.name} announced {announced} items of {collection} and sent {len(found)}"
        if service.on_short == "raise":
            raise SearchError(f"{told}; search again, ask for a shorter period, or take what came with on_short 'warn'")
        warnings.warn(told, stacklevel=2)
    return list(found.values())


def pair_filter(search: PairSearch) -> dict[str, Any] | None:
    """Return the part of a search that the service can answer, in CQL2-JSON; never less than is wanted comes.

    ``date_dt`` of the archive is rounded to whole days, so a day is added on both sides. Missions and versions are
    not sent: services write them in several ways.

    Examples
    --------
    >>> pair_filter(PairSearch(percent_valid_pixels=40, max_separation=49))["args"][1]
    {'op': '<=', 'args': [{'property': 'date_dt'}, 50.0]}
    """
    tests = []
    if search.percent_valid_pixels > 0:
        tests.append((">=", "percent_valid_pixels", search.percent_valid_pixels))
    if search.min_separation is not None and search.min_separation > 1:
        tests.append((">=", "date_dt", search.min_separation - 1.0))
    if search.max_separation is not None:
        tests.append(("<=", "date_dt", search.max_separation + 1.0))
    filters: list[dict[str, Any]] = [{"op": op, "args": [{"property": name}, value]} for op, name, value in tests]
    return None if not filters else filters[0] if len(filters) == 1 else {"op": "and", "args": filters}


def _pages(
    service: StacService, asked: Mapping[str, Any], filters: Mapping[str, Any] | None
) -> Iterator[dict[str, Any]]:
    """Yield every page, errors of the transport told in this package's words."""
    # Imported here because most runs never search.
    from pystac_client.exceptions import APIError
    from pystac_client.stac_api_io import StacApiIO

    asking = StacApiIO(timeout=service.timeout, max_retries=_retry(service.retries))
    asking.session.hooks["response"].append(_refuse_lost_question)
    try:
        yield from _walk(asking, _open_search(asking, service, asked, filters), service)
    except APIError as error:
        raise _explain(error, service) from None
    except (ValueError, KeyError, TypeError, AttributeError, NotImplementedError) as error:
        if isinstance(error, InputError):
            raise
        raise SearchError(
            f"{service.name} sent an answer that is no STAC search result ({type(error).__name__}); "
            "is it a STAC service?"
        ) from _plain_cause(error)
    finally:
        asking.session.close()


def _open_search(asking: Any, service: StacService, asked: Mapping[str, Any], filters: Mapping[str, Any] | None) -> Any:
    """Return the search, by POST where the service takes it, with the filter where it takes one."""
    from pystac_client import Client
    from pystac_client.warnings import PystacClientWarning

    with warnings.catch_warnings():
        # What a service does not declare is handled here, or ends in an error.
        warnings.simplefilter("ignore", PystacClientWarning)
        # Without it here too, opening would set the patience of `asking` back to for ever.
        client = Client.open(service.url, stac_io=asking, timeout=service.timeout)
        method = "POST" if _takes_post(client.to_dict(include_self_link=False)) else "GET"
        taken = dict(filters) if filters and client.conforms_to("FILTER") else None
        return client.search(method=method, limit=_PAGE, filter=taken, **asked)


def _walk(asking: Any, search: Any, service: StacService) -> Iterator[dict[str, Any]]:
    """Yield every page; an empty one does not end the search as long as it names a next one."""
    from pystac import Link

    parameters = search.get_parameters()
    page = asking.read_json(search.url, method=search.method, parameters=parameters)
    seen: set[str] = set()
    while True:
        yield _check_page(page, service)
        following = next((link for link in page.get("links", []) if link.get("rel") == "next"), None)
        if following is None:
            return
        mark = json.dumps(following, sort_keys=True)
        if mark in seen:
            raise SearchError(f"{service.name} names the same next page again and again; search a smaller region")
        seen.add(mark)
        # A relative address would be looked for on this machine.
        address = urljoin(search.url, str(following["href"]))
        if urlsplit(address).scheme not in ("http", "https"):
            raise SearchError(f"{service.name} names a next page that is no address: {public_url(address)}")
        page = asking.read_json(Link.from_dict({**following, "href": address}), parameters=parameters)


def _takes_post(landing: Mapping[str, Any]) -> bool:
    """Return whether the service can be asked by POST; it is, where it does not say."""
    methods = [str(link.get("method", "GET")) for link in landing.get("links", []) if link.get("rel") == "search"]
    return not methods or "POST" in methods


def _check_page(page: Any, service: StacService) -> dict[str, Any]:
    """Return a page of items."""
    told: dict[str, Any] = page if isinstance(page, dict) else {}
    items = told.get("features")
    if not isinstance(items, list) or not all(isinstance(item, dict) and "id" in item for item in items):
        raise SearchError(f"{service.name} sent an answer that is no STAC search result (no features)")
    return told


def _retry(retries: Retries) -> Retry:
    """Return the same for urllib3, which pystac-client uses."""
    return Retry(
        total=retries.attempts - 1,
        backoff_factor=retries.wait,
        backoff_max=retries.longest,
        status_forcelist=sorted(BUSY),
        allowed_methods=None,
        raise_on_status=False,
        respect_retry_after_header=True,
    )


_LOST = "redirects the search and would lose the question; use the address it leads to"


def _refuse_lost_question(response: Any, *args: Any, **kwargs: Any) -> None:
    """Refuse a redirect after which a POST would become a GET without its question."""
    if response.is_redirect and response.status_code not in (307, 308) and response.request.method == "POST":
        raise SearchError(_LOST)


def _explain(error: Any, service: StacService) -> SearchError:
    """Return the error for a refusal; what the service says is shown, what may be secret is not."""
    status = getattr(error, "status_code", None)
    if status in (401, 403):
        return LoginError(f"{service.name} wants a login (HTTP {status}); give the address of a public service")
    if status is not None:
        hint = "the service is busy or broken, try again later" if status in BUSY else "check the address"
        return SearchError(f"{service.name} answered HTTP {status}: {_told(str(error))} ({hint})")
    text = str(error)
    if _LOST in text:
        return SearchError(f"{service.name} {_LOST}")
    if "timed out" in text.lower() or "timeout" in text.lower():
        return SearchError(f"{service.name} did not answer within {service.timeout:g} s; try again, or raise timeout")
    return SearchError(f"{service.name} could not be reached, or broke off; check the network and the address")


def _plain_cause(error: Exception) -> Exception:
    """Return what stands for an error as a cause: its kind, its words without secrets, and where it was raised."""
    return RuntimeError(f"{type(error).__name__}: {_told(str(error))}").with_traceback(error.__traceback__)


def _told(text: str) -> str:
    """Return what the service says, short and without the addresses that may hold a token."""
    plain = re.sub(r"[a-z0-9]+://[^\s\"'<>]+", lambda found: public_url(found[0]), " ".join(text.split()))
    return re.sub(r"(?i)(bearer\s+|(?:token|key|signature)\W{1,4})[\w.~+/-]+", r"\1***", plain)[:_SHOWN]
