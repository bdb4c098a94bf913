"""The archive's search service: where it is, as whom it is asked, and what its refusals mean."""

from __future__ import annotations

import io
import json
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from altiflow.errors import AltiflowError, InputError, LoginError, SearchError
from altiflow.readers.remote.logins import leave_anonymous
from altiflow.readers.remote.retries import BUSY, PassingError, Retries, wait_asked_for, with_retries
from altiflow.readers.remote.transfer import SlowError, incoming

if TYPE_CHECKING:
    import earthaccess

__all__ = ["Archive", "Area", "open_archive"]

Record = Mapping[str, Any]
Area = tuple[Literal["bounding_box", "polygon"], tuple[Any, ...]]
"""A word and its values [degrees]: (west, south, east, north), or (longitude, latitude) corners of a ring."""

_LOGIN = (
    "log in with `session = earthaccess.login()` (a free account at https://urs.earthdata.nasa.gov) and pass "
    "session=session"
)
_SHOWN = 200
"""Characters of an answer that are shown in a message."""


@dataclass(frozen=True)
class Archive:
    """A deployment of NASA's Common Metadata Repository (CMR).

    Attributes
    ----------
    endpoint
        Root of the search service, ending in "/".
    session
        An authenticated ``earthaccess.Auth``, or None to search anonymously.
    timeout
        Longest wait for the service to answer one request, or to go on with an answer [s].
    retries
        How often a request is sent that the service is too busy for.
    """

    endpoint: str
    session: earthaccess.Auth | None = field(repr=False)
    timeout: float
    retries: Retries = field(default_factory=Retries)

    def find_versions(self, product: str) -> dict[str, str]:
        """Return the version of each collection of `product` in the cloud, by concept id."""
        found = self._fetch(self._start_query("collections").short_name(product).cloud_hosted(True))
        try:
            return {concept: str(record["umm"]["Version"]) for concept, record in found.items()}
        except (KeyError, TypeError) as error:
            raise self._error(f"sent a collection without a version ({error!r})") from error

    def find_granules(
        self, collections: list[str], *, area: Area | None, start: datetime | None, end: datetime | None
    ) -> dict[str, Record]:
        """Return the UMM-G records of what the collections hold in area and period, by concept id."""
        query = self._start_query("granules").concept_id(collections)
        if area is not None:
            word, values = area
            query = query.bounding_box(*values) if word == "bounding_box" else query.polygon(values)
        if start is not None or end is not None:
            query = query.temporal(start, end)
        return self._fetch(query)

    def _start_query(self, kind: Literal["collections", "granules"]) -> Any:
        """Return an empty query that goes to this endpoint and does not wait for ever."""
        # Imported here because it pulls in the whole S3 stack, and most runs never search.
        import earthaccess

        queries = {"collections": earthaccess.DataCollections, "granules": earthaccess.DataGranules}
        query: Any = queries[kind](self.session).mode(self.endpoint)
        if self.session is None:
            # Without this, requests would add what ~/.netrc holds for the host.
            query.session.auth = leave_anonymous
        for scheme in ("https://", "http://"):
            query.session.mount(scheme, _PatientAdapter(self.timeout, self.retries))
        return query

    def _fetch(self, query: Any) -> dict[str, Record]:
        """Return all records of a query by concept id.

        Raises
        ------
        LoginError
            If the service wants a login, or does not take the one it got.
        SearchError
            If it cannot be reached, takes too long, answers with an error, with nonsense or with too little.
        """
        try:
            with warnings.catch_warnings():
                # Older earthaccess warns about the way it calls itself.
                warnings.filterwarnings("ignore", message="As of version 1.0", category=FutureWarning)
                hits = query.hits()
                items = query.get(hits) if hits else []
            records = {str(item["meta"]["concept-id"]): item for item in items}
        except requests.Timeout as error:
            raise self._error(f"did not answer within {self.timeout:g} s; try again, or raise timeout") from error
        except requests.ConnectionError as error:
            raise self._error("could not be reached; check the network and the endpoint") from error
        except RuntimeError as error:
            # The answer may echo a token, and so would the chained error.
            raise self._explain_refusal(error) from None
        except (requests.RequestException, ValueError, KeyError, TypeError) as error:
            what = f"{type(error).__name__}: {self._hide(str(error))}"
            raise self._error(f"sent an answer that is no search result ({what})") from None
        if len(records) < hits:
            raise self._error(f"announced {hits} records and sent {len(records)}; ask for a shorter period")
        return records

    def _explain_refusal(self, error: RuntimeError) -> AltiflowError:
        """Return the error for an HTTP status that is not success."""
        response = getattr(error.__cause__, "response", None)
        status = getattr(response, "status_code", 0)
        if status in (401, 403):
            hint = _LOGIN if self.session is None else f"the login is not accepted or has expired: {_LOGIN}"
            return LoginError(f"the archive at {self.endpoint} wants a login (HTTP {status}); {hint}")
        hint = "the service is busy or broken, try again later" if status == 429 or status >= 500 else "see above"
        return self._error(f"answered HTTP {status}: {self._hide(_told(str(error)))} ({hint})")

    def _hide(self, text: str) -> str:
        """Return the start of `text` with the session's secrets left out."""
        token = getattr(self.session, "token", None)
        secrets = [token.get("access_token") if isinstance(token, Mapping) else token]
        secrets.append(getattr(self.session, "password", None))
        for secret in filter(None, secrets):
            text = text.replace(str(secret), "***")
        return re.sub(r"(?i)bearer\s+\S+", "Bearer ***", text)[:_SHOWN]

    def _error(self, reason: str) -> SearchError:
        """Return an error that names the endpoint."""
        return SearchError(f"the archive at {self.endpoint} {reason}")


def open_archive(session: Any, *, endpoint: str | None, timeout: float, retries: Retries | None = None) -> Archive:
    """Return the archive to ask; nothing is sent yet, and nobody is logged in.

    Parameters
    ----------
    session
        An authenticated ``earthaccess.Auth``, or None.
    endpoint
        Root of the search service; by default that of the session, or the operational one.
    timeout
        Longest wait for one answer, or for the next piece of it [s].
    retries
        How often a request is sent that the service is too busy for; ``Retries()`` by default.

    Raises
    ------
    InputError
        If an argument is not of these kinds, or a login would travel unencrypted.
    LoginError
        If the session is not logged in.
    """
    # Imported here because it pulls in the whole S3 stack, and most runs never search.
    import earthaccess

    if session is not None and not isinstance(session, earthaccess.Auth):
        raise InputError(f"session is an earthaccess.Auth or None, got a {type(session).__name__}; {_LOGIN}")
    if session is not None and not session.authenticated:
        raise LoginError(f"the session is not logged in; {_LOGIN}, or search anonymously with session=None")
    if not timeout > 0:
        raise InputError(f"timeout must be a positive number of seconds, got {timeout!r}")
    system = session.system if session is not None else earthaccess.PROD
    root = endpoint or str(system.cmr_base_url)
    parts = urlsplit(root)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InputError(f"endpoint {root!r} is no address; example: {earthaccess.PROD.cmr_base_url}")
    if session is not None and parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "localhost"}:
        raise InputError(f"endpoint {root!r} is not https: the login would travel unencrypted")
    return Archive(root.rstrip("/") + "/", session, timeout, retries or Retries())


def _told(body: str) -> str:
    """Return what the service says in an error body: its list of errors, or the text without markup."""
    try:
        return "; ".join(map(str, json.loads(body)["errors"]))
    except (ValueError, KeyError, TypeError):
        return " ".join(re.sub(r"<[^>]*>", " ", body).split())


class _PatientAdapter(HTTPAdapter):
    """Sends requests that give up after a time, where requests itself would wait for ever, and again to who is busy."""

    def __init__(self, seconds: float, retries: Retries) -> None:
        super().__init__()
        self._seconds, self._retries = seconds, retries

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Return the response to `request`; the last one, if the service was busy each time."""
        answers: list[requests.Response] = []

        def ask() -> requests.Response:
            answer = super(_PatientAdapter, self).send(request, True, timeout or self._seconds, verify, cert, proxies)
            answers.append(_whole(answer, self._seconds))
            if answer.status_code in BUSY:
                raise PassingError("busy", wait_asked_for(answer.headers))
            return answer

        try:
            return with_retries(ask, self._retries)
        except PassingError:
            return answers[-1]


def _whole(answer: requests.Response, seconds: float) -> requests.Response:
    """Return an answer whose body has come."""
    try:
        body = b"".join(incoming(answer.raw, timeout=seconds))
    except PassingError as error:
        answer.close()
        kind = requests.ReadTimeout if isinstance(error, SlowError) else requests.ConnectionError
        raise kind(str(error)) from None
    answer.raw = io.BytesIO(body)
    return answer
