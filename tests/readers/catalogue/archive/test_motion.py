"""Files of NSIDC-0116: their addresses, and a download through a login that redirects."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import earthaccess
import pytest
import requests
from earthaccess.system import System

from altiflow.errors import GranuleError, InputError, LoginError
from altiflow.readers import download_files, find_motion, motion_urls
from altiflow.readers.catalogue.pairs.naming import parse_velocity_name
from altiflow.readers.remote import Retries

CONTENT = b"\x89HDF\r\n\x1a\n" + bytes(range(256)) * 50
TOKEN, PASSWORD = "eyJ-secret-token", "very secret"


class Site:
    """A file server that wants a cookie, and the login that gives the code for it."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, str]] = []
        self.files = self.login = ""


class Handler(BaseHTTPRequestHandler):
    def __init__(self, state: Site, *args: Any) -> None:
        self.state = state
        super().__init__(*args)

    def do_GET(self) -> None:
        host, parts = self.headers["Host"], urlsplit(self.path)
        self.state.seen.append((host, parts.path, self.headers.get("Authorization", "")))
        query = {key: value[0] for key, value in parse_qs(parts.query).items()}
        if parts.path == "/oauth/authorize":
            expected = "Basic " + base64.b64encode(f"me:{PASSWORD}".encode()).decode()
            if self.headers.get("Authorization") != expected:
                self._send(401, b"<html>log in</html>", {"Content-Type": "text/html"})
            else:
                self._send(302, b"", {"Location": f"{self.state.files}/login?code=yes&state={quote(query['state'])}"})
        elif parts.path == "/login":
            self._send(302, b"", {"Location": query["state"], "Set-Cookie": "session=good; Path=/"})
        elif "session=good" not in self.headers.get("Cookie", ""):
            self._send(302, b"", {"Location": f"{self.state.login}/oauth/authorize?state={quote(self.path)}"})
        elif "20230101" in parts.path:
            self._send(404, b"nothing", {})
        else:
            self._send(200, CONTENT, {"ETag": '"one"'})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Stay silent."""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setattr("altiflow.readers.remote.logins.EARTHDATA_HOSTS", ("127.0.0.1",))
    state = Site()
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, state)) for _ in range(2)]
    threads = [
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True) for server in servers
    ]
    for thread in threads:
        thread.start()
    state.files = f"http://127.0.0.1:{servers[0].server_port}"
    state.login = f"http://localhost:{servers[1].server_port}"
    yield state
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def login() -> earthaccess.Auth:
    session = earthaccess.Auth()
    session.authenticated = True
    session.username, session.password, session.token = "me", PASSWORD, {"access_token": TOKEN}
    session.system = System("https://cmr.invalid", "https://a.invalid", "https://b.invalid", "localhost")
    return session


def test_addresses_are_those_of_the_archive() -> None:
    urls = motion_urls("2017-12-31", "2019-01-01", hemisphere="north")
    assert [url.rpartition("_25km_")[2] for url in urls] == [
        "20170101_20171231_v4.1.nc",
        "20180101_20181231_v4.1.nc",
        "20190101_20191231_v4.1.nc",
    ]
    assert urls[0] == (
        "https://daacdata.apps.nsidc.org/pub/DATASETS/nsidc0116_icemotion_vectors_v4/north/daily/"
        "icemotion_daily_nh_25km_20170101_20171231_v4.1.nc"
    )
    assert all(parse_velocity_name(url).format() == url.rpartition("/")[2] for url in urls)
    assert motion_urls("1950", "1978", hemisphere="south")[0].endswith("_sh_25km_19781101_19781231_v4.1.nc")


def test_the_real_file_has_the_name_that_is_built(data: Any) -> None:
    path = data("motion/icemotion_weekly_nh_25km_20180101_20181231_v4.1.nc")
    (url,) = motion_urls("2018", "2018", hemisphere="north", step="weekly")
    assert url.endswith(f"/north/weekly/{path.name}")


def test_the_catalogue_of_motion_says_when_and_where() -> None:
    table = find_motion("2018-05", "2019-02", hemisphere="south", step="weekly")
    assert table["start"].astype(str).tolist() == ["2018-01-01", "2019-01-01"]
    assert table["end"].dt.year.tolist() == [2018, 2019]
    assert table.geometry[0].bounds[:2] == (-180, -90)
    assert table.geometry[0].bounds[3] > -60
    assert (table["product"] == "NSIDC-0116").all()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"hemisphere": "nh"}, "'nh'"),
        ({"step": "monthly"}, "'monthly'"),
        ({"start": None}, "both needed"),
        ({"start": "2020"}, "is empty"),
        ({"start": "1970", "end": "1975"}, "before the data begin on 1978-11-01"),
        ({"root": "here"}, "no address"),
    ],
)
def test_motion_that_cannot_be(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        motion_urls(**{"start": "2018", "end": "2019", "hemisphere": "north", **wrong})


def test_a_login_that_redirects_brings_the_files(site: Site, login: earthaccess.Auth, tmp_path: Path) -> None:
    table = find_motion("2020", "2021", hemisphere="north", root=f"{site.files}/pub")
    done = download_files(table, tmp_path, session=login, workers=1)
    assert done["status"].tolist() == ["downloaded"] * 2
    assert [Path(path).read_bytes() for path in done["path"]] == [CONTENT] * 2
    told = {(host, words.split()[0]) for host, _, words in site.seen if words}
    assert told == {(urlsplit(site.files).netloc, "Bearer"), (urlsplit(site.login).netloc, "Basic")}
    assert sum(path == "/oauth/authorize" for _, path, _ in site.seen) == 2
    for text in ("secret", TOKEN, "code=yes"):
        assert text not in (tmp_path / "manifest.json").read_text()


def test_without_a_login_it_is_asked_for_and_a_missing_year_is_named(
    site: Site, login: earthaccess.Auth, tmp_path: Path
) -> None:
    urls = motion_urls("2022", "2023", hemisphere="north", root=f"{site.files}/pub")
    with pytest.raises(GranuleError, match="wants a login"):
        download_files(urls, tmp_path)
    assert not list(tmp_path.glob("*.nc*"))
    with pytest.raises(GranuleError, match=r"1 of 2 files .*20230101_20231231_v4\.1\.nc.*HTTP 404"):
        download_files(urls, tmp_path, session=login, retries=Retries(attempts=1))
    login.password = "wrong"
    with pytest.raises(GranuleError, match="wants a login"):
        download_files(urls[:1], tmp_path / "other", session=login)


def test_a_login_is_not_told_to_others(
    site: Site, login: earthaccess.Auth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("altiflow.readers.remote.logins.EARTHDATA_HOSTS", ("nasa.gov",))
    with pytest.raises(GranuleError):
        download_files(f"{site.files}/pub/a.nc", tmp_path, session=login)
    assert {words for _, _, words in site.seen} == {""}


def test_sessions_that_will_not_do(login: earthaccess.Auth, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="got a str"):
        download_files("https://h.org/a.nc", tmp_path, session="me")  # type: ignore[arg-type]
    login.authenticated = False
    with pytest.raises(LoginError, match=r"earthaccess\.login\(\)"):
        download_files("https://h.org/a.nc", tmp_path, session=login)
    session = requests.Session()
    session.proxies = {"https": "http://127.0.0.1:9"}
    with pytest.raises(GranuleError, match="could not be reached"):
        download_files("https://h.org/a.nc", tmp_path, session=session, retries=Retries(attempts=1), timeout=1)
    session.close()
