from __future__ import annotations

import json
from typing import Any

import earthaccess
import pytest

from altiflow.errors import InputError, LoginError, SearchError
from altiflow.readers.catalogue import search_granules
from altiflow.readers.remote.retries import Retries

SECRET = "eyJ-very-secret-token"


@pytest.fixture
def login() -> earthaccess.Auth:
    session = earthaccess.Auth()
    session.authenticated = True
    session.token = {"access_token": SECRET}
    return session


def test_pages_are_followed_to_the_end(archive: Any) -> None:
    archive.granules = [archive.granule(f"ATL10-01_20220107195849_{n:04d}1401_007_01") for n in range(1, 1201)]
    archive.granules += [archive.granule(f"ATL10-02_20220107195849_{n:04d}1401_007_01") for n in range(1, 1201)]
    table = archive.search()
    assert len(table) == 2400
    assert any("cmr-search-after" in headers for _, _, headers in archive.asked)


def test_fewer_records_than_announced_are_an_error(archive: Any) -> None:
    archive.granules = [archive.granule(f"ATL10-01_20220107195849_{n:04d}1401_007_01") for n in range(1, 4)]
    archive.body = json.dumps({"hits": 3, "items": archive.granules[:1]})
    archive.versions = ["007", "006", "005"]
    with pytest.raises(SearchError, match="announced 3 records and sent"):
        archive.search()


@pytest.mark.parametrize("status", [401, 403])
def test_a_wanted_login_is_explained(archive: Any, status: int) -> None:
    archive.status, archive.body = status, json.dumps({"errors": ["You do not have permission"]})
    with pytest.raises(LoginError, match=rf"HTTP {status}.*earthaccess\.login\(\)"):
        archive.search()


def test_a_login_travels_and_is_never_told(archive: Any, login: earthaccess.Auth) -> None:
    archive.granules = [archive.granule("ATL10-01_20220107195850_02531401_007_02")]
    archive.search(session=login)
    assert all(headers["authorization"] == f"Bearer {SECRET}" for _, _, headers in archive.asked)
    for status in (401, 400):
        archive.status, archive.body = status, json.dumps({"errors": [f"Token [{SECRET}] does not exist"]})
        with pytest.raises(SearchError) as caught:
            archive.search(session=login)
        assert SECRET not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__


def test_sessions_that_will_not_do(archive: Any, login: earthaccess.Auth) -> None:
    with pytest.raises(LoginError, match="not logged in"):
        archive.search(session=earthaccess.Auth())
    with pytest.raises(InputError, match="got a str"):
        archive.search(session="me")
    with pytest.raises(InputError, match="unencrypted"):
        archive.search(session=login, endpoint="http://archive.example/search")
    assert archive.asked == []


def test_errors_of_the_service(archive: Any) -> None:
    archive.status, archive.body = 500, "<html><h1>Internal error</h1></html>"
    with pytest.raises(SearchError, match=r"HTTP 500: Internal error .*try again later"):
        archive.search()
    archive.status, archive.body = 400, json.dumps({"errors": ["bounding_box is not valid"]})
    with pytest.raises(SearchError, match="HTTP 400: bounding_box is not valid"):
        archive.search()


def test_answers_that_are_no_search_results(archive: Any) -> None:
    archive.granules = [archive.granule("ATL10-01_20220107195850_02531401_007_02")]
    archive.cut = 30
    with pytest.raises(SearchError, match="no search result"):
        archive.search()
    archive.cut, archive.hits_header = 0, False
    with pytest.raises(SearchError, match="no search result"):
        archive.search()
    archive.hits_header = True
    del archive.granules[0]["umm"]["CollectionReference"]["ShortName"]
    with pytest.raises(SearchError, match=r"record G\d+-NSIDC_CPRD is not in the UMM-G form"):
        archive.search()


def test_a_slow_service_is_given_up(archive: Any) -> None:
    archive.wait = 0.5
    with pytest.raises(SearchError, match=r"within 0\.05 s"):
        archive.search(timeout=0.05)


def test_a_service_that_is_not_there() -> None:
    with pytest.raises(SearchError, match="could not be reached"):
        search_granules("ATL10", region=None, endpoint="http://127.0.0.1:9/search/", timeout=1, start=None, end=None)


def test_a_service_that_trickles_is_given_up(archive: Any) -> None:
    archive.trickle = 0.1
    with pytest.raises(SearchError, match=r"within 0\.4 s"):
        archive.search(timeout=0.4)


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_service_is_asked_again(archive: Any, status: int) -> None:
    archive.granules = [archive.granule("ATL10-01_20220107195850_02531401_007_02")]
    archive.busy = [status, status]
    assert len(archive.search()) == 1
    archive.busy = [status] * 9
    with pytest.raises(SearchError, match=f"HTTP {status}.*try again later"):
        archive.search(retries=Retries(attempts=2, wait=0.0))
    assert len(archive.busy) == 7
