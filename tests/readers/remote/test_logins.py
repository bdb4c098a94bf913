"""Logins: made only when asked for, refused with what to do, and told to nobody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from altiflow.errors import InputError, LoginError
from altiflow.readers.remote import log_in
from altiflow.readers.remote.logins import may_be_told, session_maker


def test_a_token_of_the_environment_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARTHDATA_TOKEN", "secret")
    session = log_in("environment")
    choose, close = session_maker(session)
    archive = choose("https://data.nsidc.earthdatacloud.nasa.gov/a.h5")
    other = choose("https://host.org/a.h5")
    assert archive.headers["Authorization"] == "Bearer secret"
    assert "Authorization" not in other.headers
    assert choose("http://n5eil01u.ecs.nsidc.org/a.h5") is other
    assert choose("https://daacdata.apps.nsidc.org/b.nc") is archive
    close()


@pytest.mark.parametrize("how", ["environment", "netrc"])
def test_a_login_that_is_absent_is_told(how: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("TOKEN", "USERNAME", "PASSWORD"):
        monkeypatch.delenv(f"EARTHDATA_{name}", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with pytest.raises(LoginError, match=f"no login by {how}"):
        log_in(how)


def test_a_login_that_cannot_be_reached_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise requests.ConnectionError("secret")

    monkeypatch.delenv("EARTHDATA_TOKEN", raising=False)
    monkeypatch.setenv("EARTHDATA_USERNAME", "me")
    monkeypatch.setenv("EARTHDATA_PASSWORD", "secret")
    monkeypatch.setattr(requests.Session, "request", refuse)
    with pytest.raises(LoginError, match="could not be reached") as caught:
        log_in("environment")
    assert "secret" not in str(caught.value)


def test_other_words_are_refused() -> None:
    with pytest.raises(InputError, match="'all'"):
        log_in("all")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://daacdata.apps.nsidc.org/a", True),
        ("https://nsidc.org/a", True),
        ("https://evilnsidc.org/a", False),
        ("https://nasa.gov.evil.org/a", False),
        ("https://me@evil.org:443/nasa.gov", False),
        ("http://data.nasa.gov/a", False),
        ("s3://nasa.gov/a", False),
        ("http://127.0.0.1/a", False),
    ],
)
def test_only_the_archives_are_told(url: str, told: bool) -> None:
    assert may_be_told(url) is told
