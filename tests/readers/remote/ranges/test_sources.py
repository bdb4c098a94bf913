"""Bytes of remote files: the right ones or a typed error, and no login where it does not belong."""

from __future__ import annotations

import logging
import pickle
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from botocore.response import StreamingBody

from altiflow.errors import CorruptGranuleError, GranuleError, InputError, LoginError
from altiflow.readers.remote.ranges import (
    BlockCache,
    Extent,
    Grant,
    Grants,
    RemoteAccess,
    SourceFile,
    Sources,
    Traffic,
    file_grants,
    read_all,
)
from altiflow.readers.remote.retries import PassingError, Retries

CONTENT = np.random.default_rng(3).bytes(100_003)
QUICK = RemoteAccess(retries=Retries(attempts=3, wait=0.0), timeout=5.0)


def opened(url: str | Path, access: RemoteAccess = QUICK) -> tuple[Any, Traffic]:
    traffic = Traffic()
    return Sources(access).open(url, traffic), traffic


def tokens(*names: str) -> Grants:
    left = iter(names)
    return Grants(lambda: Grant({"token": next(left)}))


@pytest.fixture
def web(serve: Callable[..., Any]) -> Any:
    server = serve()
    server.files["a.h5"] = CONTENT
    return server


@pytest.mark.parametrize("kind", ["web", "bucket", "file"])
def test_every_kind_of_source_gives_the_same_bytes(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    path.write_bytes(CONTENT)
    place: Any = path
    if kind == "web":
        server = request.getfixturevalue("web")
        place = f"{server.url}/a.h5"
    elif kind == "bucket":
        place = request.getfixturevalue("bucket_server")("some/a.h5", CONTENT, True)
    source, traffic = opened(place)
    ranges = [Extent(0, 10), Extent(99_000, 5_000), Extent(7, 70_000)]
    assert read_all(source, ranges) == [CONTENT[:10], CONTENT[99_000:], CONTENT[7:70_007]]
    assert source.stamp.size == len(CONTENT)
    assert source.read(5, 0) == b""
    expected = (0, 0) if kind == "file" else (3, 10 + 1_003 + 70_000)
    assert (traffic.requests, traffic.received) == expected
    source.close()


def test_what_passes_is_tried_again_and_counted(web: Any) -> None:
    for step in (429, 500, 503, "cut"):
        web.plan["a.h5"] = [step, step]
        source, traffic = opened(f"{web.url}/a.h5")
        assert source.read(10, 1_000) == CONTENT[10:1_010]
        assert (traffic.requests, traffic.retries) == (3, 2)
    web.plan["a.h5"] = [500] * 3
    with pytest.raises(GranuleError, match=r"HTTP 500 \(3 tries\)"):
        opened(f"{web.url}/a.h5")[0].read(0, 10)


def test_a_slow_server_is_given_up(web: Any) -> None:
    web.plan["a.h5"] = ["slow"] * 2
    access = RemoteAccess(retries=Retries(attempts=2, wait=0.0), timeout=0.1)
    with pytest.raises(GranuleError, match=r"no answer within 0.1 s \(2 tries\)"):
        opened(f"{web.url}/a.h5", access)[0].read(0, 10)


def test_nobody_there_is_a_typed_error(serve: Callable[..., Any]) -> None:
    with pytest.raises(GranuleError, match="could not be reached"):
        opened("http://127.0.0.1:9/a.h5")[0].read(0, 10)
    with pytest.raises(InputError, match="cannot be opened"):
        opened("no/such/file.h5")


@pytest.mark.parametrize(
    ("step", "kind", "words"),
    [
        ("whole", GranuleError, "ignores ranges"),
        ("other", GranuleError, "other bytes"),
        ("page", LoginError, "web page"),
        (404, GranuleError, "no such file"),
        (410, GranuleError, "no such file"),
        (403, LoginError, "HTTP 403"),
        (401, LoginError, "HTTP 401"),
        (418, GranuleError, "HTTP 418"),
    ],
)
def test_what_does_not_pass_is_a_typed_error_at_once(web: Any, step: Any, kind: type[Exception], words: str) -> None:
    web.plan["a.h5"], web.signature = [step], "secret"
    source, traffic = opened(f"{web.url}/a.h5?X-Amz-Signature=secret")
    with pytest.raises(kind, match=words) as caught:
        source.read(0, 100)
    assert traffic.requests == 1
    assert "secret" not in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_an_empty_file_and_a_change_while_reading_are_told(web: Any) -> None:
    web.files["empty.h5"] = b""
    with pytest.raises(CorruptGranuleError, match="empty"):
        opened(f"{web.url}/empty.h5")[0].read(0, 10)
    source, _ = opened(f"{web.url}/a.h5")
    source.read(0, 10)
    web.plan["a.h5"] = ["changed"]
    with pytest.raises(GranuleError, match="changed while it was read"):
        source.read(10, 10)


def test_a_token_goes_to_the_first_host_alone_and_the_signed_address_is_kept(
    web: Any, serve: Callable[..., Any]
) -> None:
    store = serve()
    store.files["a.h5"] = CONTENT
    web.elsewhere, web.tokens["moved/a.h5"] = store.url, {"one"}
    source, traffic = opened(f"{web.url}/moved/a.h5", RemoteAccess(tokens=tokens("one")))
    assert source.read(0, 10) == CONTENT[:10]
    assert source.read(10, 10) == CONTENT[10:20]
    assert [asked[2] for asked in web.asked] == ["Bearer one"]
    assert [asked[2] for asked in store.asked] == ["", ""]
    assert traffic.requests == 3

    # A signature that has expired is replaced by way of the first address.
    store.signature = web.signature = "fresh"
    assert source.read(20, 10) == CONTENT[20:30]
    assert (traffic.requests, traffic.retries) == (6, 1)


def test_a_token_that_expires_within_a_granule_is_renewed_once(web: Any) -> None:
    web.tokens["a.h5"] = {"one"}
    source, _ = opened(f"{web.url}/a.h5", RemoteAccess(tokens=tokens("one", "two", "three")))
    assert source.read(0, 10) == CONTENT[:10]
    web.tokens["a.h5"] = {"two"}
    assert read_all(source, [Extent(place, 10) for place in (10, 20, 30)]) == [
        CONTENT[place : place + 10] for place in (10, 20, 30)
    ]
    assert {asked[2] for asked in web.asked} == {"Bearer one", "Bearer two"}
    web.tokens["a.h5"] = {"never"}
    with pytest.raises(LoginError, match="after the login was renewed") as caught:
        source.read(0, 10)
    assert "three" not in str(caught.value)
    with pytest.raises(LoginError, match="could not be renewed"):
        source.read(0, 10)


def test_a_login_that_stays_the_same_when_renewed_asks_to_log_in_again(web: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("altiflow.readers.remote.ranges.access.may_be_told", lambda url: True)
    web.tokens["a.h5"] = {"new"}
    session = Mock(authenticated=True, token={"access_token": "expired-one"})
    source, _ = opened(f"{web.url}/a.h5", RemoteAccess(session=session))
    with pytest.raises(LoginError, match=r"renewed, which gave the same one.*log in again") as caught:
        source.read(0, 10)
    assert "expired-one" not in str(caught.value)
    session.token = {"access_token": "new"}
    assert source.read(0, 10) == CONTENT[:10]


def test_one_login_is_shown_to_one_host_alone(web: Any, serve: Callable[..., Any]) -> None:
    other = serve()
    other.files["a.h5"] = CONTENT
    access = RemoteAccess(tokens=tokens("one"))
    places = [f"{web.url}/a.h5", f"{other.url}/a.h5", "https://Archive.example:443/b.h5", Path("c.h5"), "s3://b/a.h5"]
    hosts = [place.url.removeprefix("http://") for place in (web, other)]
    with pytest.raises(InputError, match=r"shown to 3 hosts: .*archive\.example; pass RemoteAccess") as caught:
        access.check_hosts(places)
    assert all(host in str(caught.value) for host in hosts)
    opened(places[0], access)[0].read(0, 10)
    # Nor in the process of a helper, where the list is not known.
    for told in (access, pickle.loads(pickle.dumps(RemoteAccess(tokens=file_grants_of(hosts[0]))))):
        with pytest.raises(InputError, match="2 hosts"):
            opened(places[1], told)
    assert other.asked == []

    by_host = RemoteAccess(tokens={hosts[0]: tokens("one"), hosts[1]: tokens("two")})
    by_host.check_hosts(places)
    for place in places[:2]:
        opened(place, by_host)[0].read(0, 10)
    assert (web.asked[-1][2], other.asked[-1][2]) == ("Bearer one", "Bearer two")
    opened(places[1], RemoteAccess(tokens={hosts[0]: tokens("one")}))[0].read(0, 10)
    assert other.asked[-1][2] == ""
    for bad in ("hush", {"a.example": "hush"}, {"https://a.example": tokens("hush")}):
        with pytest.raises(InputError, match=r"pass .*Grants") as caught:
            RemoteAccess(tokens=bad)  # type: ignore[arg-type]
        assert "hush" not in str(caught.value)


def file_grants_of(host: str) -> Grants:
    """Return grants that can travel, and were meant for a host already."""
    grants = file_grants("token")
    grants.check_hosts([host])
    return grants


def test_the_archive_is_told_the_session_and_other_hosts_the_token() -> None:
    session = Mock(authenticated=True, token={"access_token": "session"})
    access = RemoteAccess(session=session, tokens=tokens("other"))
    archives = [f"https://{host}/a.h5" for host in ("data.nsidc.earthdatacloud.nasa.gov", "n5eil01u.ecs.nsidc.org")]
    access.check_hosts([*archives, "https://other.example/a.h5"])
    told = [access.web_grants(url) for url in (*archives, "https://other.example/a.h5")]
    assert [grants.current().secrets["token"] for grants in told if grants] == ["session", "session", "other"]


def test_a_bucket_that_trickles_is_given_up_and_one_that_sends_all_is_not(
    bucket_server: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter(range(0, 10_000, 3))
    body = Trickle(CONTENT)
    source, _ = opened(bucket_server("a.h5", CONTENT, True))
    assert source.read(0, 70_000) == CONTENT[:70_000]
    clock = Mock(monotonic=lambda: next(moments))
    monkeypatch.setattr("altiflow.readers.remote.ranges.bucket.time", clock)
    with pytest.raises(PassingError, match="too slowly"):
        source._fill(memoryview(bytearray(1_000)), StreamingBody(body, 1_000))
    assert body.told < 10
    monkeypatch.undo()
    with pytest.raises(PassingError, match="more than was asked for"):
        source._fill(memoryview(bytearray(3)), StreamingBody(Trickle(CONTENT), 4))


class Trickle:
    """What urllib3 gives of a connection on which one byte comes at a time."""

    def __init__(self, content: bytes) -> None:
        self.content, self.told = content, 0

    def read1(self, size: int) -> bytes:
        self.told += 1
        return self.content[self.told - 1 : self.told]

    def read(self, size: int) -> bytes:
        return b"".join(self.read1(1) for _ in range(size))

    def close(self) -> None:
        """Do nothing."""


def test_a_grant_is_renewed_before_it_expires() -> None:
    soon, later = (datetime.now(UTC) + timedelta(minutes=m) for m in (1, 60))
    given = [Grant({"token": "a"}, soon), Grant({"token": "b"}, later), Grant({"token": "c"}, later)]
    left = iter(given)
    grants = Grants(lambda: next(left))
    assert [grants.current() for _ in range(3)] == [given[0], given[1], given[1]]
    assert "a" not in repr(given[0]).replace("Grant", "").replace("datetime", "").replace("expires", "").split("(")[0]


def test_keys_of_a_session_reach_a_closed_bucket_and_are_renewed(bucket_server: Callable[..., str]) -> None:
    url = bucket_server("a.h5", CONTENT, False)
    with pytest.raises(LoginError, match="refused"):
        opened(url)[0].read(0, 10)
    moment = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    keys = {"accessKeyId": "AKIA", "secretAccessKey": "hush", "sessionToken": "t", "expiration": moment}
    session = Mock(authenticated=True, token={"access_token": "one"})
    session.get_s3_credentials.return_value = keys
    source, _ = opened(url, RemoteAccess(session=session))
    assert source.read(100, 10) == CONTENT[100:110]
    session.get_s3_credentials.assert_called_once_with(daac="NSIDC")
    for bad, words in (("s3://closed/none.h5", "no such object"), ("s3://nowhere/a.h5", "no such object")):
        with pytest.raises(GranuleError, match=words):
            opened(bad, RemoteAccess(session=session))[0].read(0, 10)
    session.get_s3_credentials.return_value = {}
    with pytest.raises(LoginError, match="no keys"):
        opened(url, RemoteAccess(session=session))[0].read(0, 10)
    with pytest.raises(LoginError, match="not logged in"):
        RemoteAccess(session=Mock(authenticated=False))


def test_the_token_of_a_session_is_told_to_the_archive_alone(web: Any) -> None:
    access = RemoteAccess(session=Mock(authenticated=True, token={"access_token": "one"}))
    opened(f"{web.url}/a.h5", access)[0].read(0, 10)
    assert [asked[2] for asked in web.asked] == [""]
    archive, _ = opened("https://data.nsidc.earthdatacloud.nasa.gov/a.h5", access)
    assert archive._grants.current().secrets["token"] == "one"


def test_logins_do_not_travel_unencrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="unencrypted"):
        opened("http://example.org/a.h5", RemoteAccess(tokens=tokens("one")))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://example.org")
    keys = Grants(lambda: Grant({"accessKeyId": "a", "secretAccessKey": "b", "sessionToken": "c"}))
    with pytest.raises(InputError, match="unencrypted"):
        opened("s3://closed/a.h5", RemoteAccess(keys=keys))[0].read(0, 10)


def test_secrets_are_not_logged(
    web: Any, serve: Callable[..., Any], bucket_server: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    store = serve()
    store.files["a.h5"] = CONTENT
    web.elsewhere, web.signature = store.url, "hush"
    store.signature = "hush"
    keys = Grants(lambda: Grant({"accessKeyId": "AK", "secretAccessKey": "hush", "sessionToken": "hush"}))
    access = RemoteAccess(tokens=tokens("hush"), keys=keys)
    opened(f"{web.url}/moved/a.h5", access)[0].read(0, 10)
    opened(bucket_server("a.h5", CONTENT, False), access)[0].read(0, 10)
    assert "hush" not in caplog.text


def test_certificates_are_verified(serve: Callable[..., Any], certificate: tuple[ssl.SSLContext, Path]) -> None:
    server = serve(certificate[0])
    server.files["a.h5"] = CONTENT
    with pytest.raises(GranuleError, match="cannot be verified"):
        opened(f"{server.url}/a.h5")[0].read(0, 10)
    trusting = RemoteAccess(certificates=certificate[1])
    assert opened(f"{server.url}/a.h5", trusting)[0].read(0, 10) == CONTENT[:10]


def test_redirects_to_less_than_https_or_round_in_a_circle_are_not_followed(
    web: Any, serve: Callable[..., Any], certificate: tuple[ssl.SSLContext, Path]
) -> None:
    safe = serve(certificate[0])
    safe.elsewhere = web.url
    trusting = RemoteAccess(certificates=certificate[1])
    with pytest.raises(GranuleError, match="unencrypted"):
        opened(f"{safe.url}/moved/a.h5", trusting)[0].read(0, 10)
    web.elsewhere = f"{web.url}/moved/moved"
    with pytest.raises(GranuleError, match="redirect to redirect"):
        opened(f"{web.url}/moved/a.h5")[0].read(0, 10)
    web.elsewhere = "ftp://example.org"
    with pytest.raises(GranuleError, match="no web address"):
        opened(f"{web.url}/moved/a.h5")[0].read(0, 10)


def test_blocks_are_read_once_and_kept_within_bounds(web: Any) -> None:
    source, traffic = opened(f"{web.url}/a.h5")
    blocks = BlockCache(source, memory=30_000, block=10_000)
    assert blocks.read(5_000, 10_000) == CONTENT[5_000:15_000]
    assert blocks.read(0, 20_000) == CONTENT[:20_000]
    assert traffic.requests == 2
    assert blocks.read(0, 200_000) == CONTENT
    assert traffic.requests == 11
    assert blocks.read(90_000, 20_000) == CONTENT[90_000:]
    assert traffic.requests == 11
    assert blocks.read(0, 10) == CONTENT[:10]
    assert traffic.requests == 12


def test_a_source_can_be_an_open_file(web: Any) -> None:
    file = SourceFile(BlockCache(opened(f"{web.url}/a.h5")[0], memory=2**20, block=10_000))
    assert file.seek(-3, 2) == 100_000
    assert file.read(10) == CONTENT[-3:]
    assert file.tell() == 100_003
    file.seek(50)
    file.seek(50, 1)
    assert file.read(5) == CONTENT[100:105]
    web.plan["a.h5"] = [404]
    file.seek(60_000)
    with pytest.raises(GranuleError):
        file.read(10)
    assert isinstance(file.error, GranuleError)


def test_requests_are_in_flight_at_once(web: Any) -> None:
    web.wait = 0.2
    source, _ = opened(f"{web.url}/a.h5")
    start = time.monotonic()
    read_all(source, [Extent(place * 1000, 10) for place in range(8)])
    # One after the other would take 1.6 s.
    assert time.monotonic() - start < 1.2
