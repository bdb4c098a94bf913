"""Data sets grow from addresses as from files: same bytes, nothing read twice, every failure told, no secret kept."""

from __future__ import annotations

import logging
import pickle
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from geopandas.testing import assert_geodataframe_equal

from altiflow import Grant, Grants, Ledger, RemoteAccess, Retries
from altiflow.errors import AltiflowError, CorruptGranuleError, GranuleError, InputError, LoginError, StoreLockedError
from altiflow.files import folder_lock
from altiflow.readers import read_segments, read_table, read_to_dataset
from altiflow.readers.remote import file_grants
from altiflow.readers.remote.ranges import BlockCache

SECRET = "aVerySecretToken"
QUICK = RemoteAccess(retries=Retries(attempts=2, wait=0.0), timeout=5.0)


def access(**told: Any) -> RemoteAccess:
    return RemoteAccess(retries=Retries(attempts=2, wait=0.0), timeout=5.0, **told)


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file that is data."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*.parquet"))
        if file.name[0] != "_"
    }


def everything_in(folder: Path) -> bytes:
    """Return the bytes of all files of a folder."""
    return b"".join(file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file())


class Web:
    """A server with the season's granules, and their addresses."""

    def __init__(self, server: Any, season: tuple[Path, ...]) -> None:
        self.server, self.season = server, season
        server.files |= {path.name: path.read_bytes() for path in season}
        self.places = [f"{server.url}/{path.name}" for path in season]

    def asked_for(self) -> list[str]:
        """Return which files were asked for since the last call."""
        names = sorted({path[1:] for path, _, _ in self.server.asked})
        self.server.asked.clear()
        return names


@pytest.fixture
def web(serve: Callable[..., Any], season: tuple[Path, ...]) -> Web:
    return Web(serve(), season)


@pytest.fixture(scope="session")
def local(season: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the files of the data set that the season's files make."""
    folder = tmp_path_factory.mktemp("local") / "out"
    read_to_dataset(list(season), folder)
    return contents(folder)


@pytest.mark.parametrize("engine", ["h5coro", "h5py", "indexed"])
def test_addresses_make_the_data_set_of_the_files_and_say_what_it_took(
    engine: Any, web: Web, local: dict[str, bytes], tmp_path: Path
) -> None:
    web.server.plan[web.season[0].name] = [503]
    ledger = read_to_dataset(
        web.places, tmp_path / "out", engine=engine, access=access(index=tmp_path / "index"), workers=2
    )
    assert contents(tmp_path / "out") == local
    assert sum(row["requests"] for row in ledger.rows) == len(web.server.asked)
    assert sum(row["bytes"] for row in ledger.rows) == web.server.sent
    assert [row["retries"] for row in ledger.rows] == [1, 0, 0, 0]
    assert all(row["seconds"] > 0 for row in ledger.rows)
    assert [row["path"] for row in ledger.rows] == web.places
    stored = Ledger.read(tmp_path / "out" / "_ledger.parquet")
    assert stored.table.equals(ledger.table)
    sizes = [str(path.stat().st_size) for path in web.season]
    assert [row["file_version"].split()[1] for row in stored.rows] == sizes


def test_a_catalogue_and_buckets_are_read_too(
    web: Web, season: tuple[Path, ...], local: dict[str, bytes], bucket_server: Any, tmp_path: Path
) -> None:
    in_bucket = bucket_server(f"a/{season[1].name}", season[1].read_bytes(), True)
    catalogue = pd.DataFrame(
        {
            "path": [str(season[0]), None, None, None],
            "url_https": [None, None, *web.places[2:]],
            "url_s3": [None, in_bucket, None, None],
        }
    )
    ledger = read_to_dataset(catalogue, tmp_path / "out", access=QUICK)
    assert contents(tmp_path / "out") == local
    assert [row["path"] for row in ledger.rows] == [str(season[0]), in_bucket, *web.places[2:]]
    assert [row["requests"] > 0 for row in ledger.rows] == [False, True, True, True]
    closed = bucket_server(f"b/{season[1].name}", season[1].read_bytes(), False)
    keys = Grants(lambda: Grant({"accessKeyId": "x", "secretAccessKey": SECRET}))
    for place, told, kind in (
        (closed, access(keys=keys), ""),
        (closed, QUICK, "LoginError"),
        (in_bucket.replace("a/", "none/"), QUICK, "GranuleError"),
    ):
        ledger = read_to_dataset([season[0], place], tmp_path / f"o{kind}", access=told, on_error="skip")
        row = next(row for row in ledger.rows if row["path"] == place)
        assert (row["status"], row["reason"].split(":")[0]) == (("failed" if kind else "read"), kind)
        assert row["requests"] > 0
        assert SECRET.encode() not in everything_in(tmp_path / f"o{kind}")


def test_the_same_addresses_twice_ask_for_nothing_wherever_the_copy_is(
    web: Web, serve: Callable[..., Any], local: dict[str, bytes], tmp_path: Path
) -> None:
    read_to_dataset(web.places, tmp_path / "out", access=QUICK)
    web.asked_for()
    again = read_to_dataset([f"{place}?token={SECRET}" for place in web.places], tmp_path / "out", access=QUICK)
    mirror = Web(serve(), web.season)
    read_to_dataset(mirror.places, tmp_path / "out", access=QUICK)
    assert web.asked_for() == mirror.asked_for() == []
    assert contents(tmp_path / "out") == local
    assert [row["path"] for row in again.rows] == web.places
    read_to_dataset(list(web.season), tmp_path / "out")
    assert contents(tmp_path / "out") == local


def test_a_name_without_a_revision_is_known_by_what_the_server_says_of_its_version(web: Web, tmp_path: Path) -> None:
    server = web.server
    server.files = {f"mine{number}.h5": body for number, body in enumerate(server.files.values())}
    places = [f"{server.url}/{name}" for name in server.files]
    read_to_dataset(places[:3], tmp_path / "out", access=QUICK)
    before = contents(tmp_path / "out")
    server.asked.clear()
    read_to_dataset(places[:3], tmp_path / "out", access=QUICK)
    assert [(path, wanted) for path, wanted, _ in sorted(server.asked)] == [
        (f"/mine{number}.h5", "bytes=0-7") for number in range(3)
    ]
    assert contents(tmp_path / "out") == before
    server.files["mine1.h5"] = server.files["mine3.h5"]
    server.sent = 0
    ledger = read_to_dataset(places[:3], tmp_path / "out", access=QUICK)
    after = contents(tmp_path / "out")
    assert {name.split("/")[-1] for name in {*before, *after} if before.get(name) != after.get(name)} == {
        "mine1.parquet"
    }
    assert server.sent == ledger.rows[1]["bytes"] + 3 * 8


def test_a_run_that_is_killed_reads_only_what_is_missing(web: Web, local: dict[str, bytes], tmp_path: Path) -> None:
    script = f"""
        import os, signal
        from altiflow import RemoteAccess
        from altiflow.readers import read_to_dataset
        from altiflow.readers.datasets import granules
        written, real = [], granules.write_parquet
        def dying(arrow, path, **told):
            if len(written) == 2:
                path.write_bytes(b"PAR1 half of it")
                os.kill(os.getpid(), signal.SIGKILL)
            written.append(path)
            real(arrow, path, **told)
        granules.write_parquet = dying
        read_to_dataset({web.places!r}, {str(tmp_path / "out")!r})
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, check=False)
    assert done.returncode == -9, done.stderr.decode()
    assert len(web.asked_for()) >= 3
    journal = tmp_path / "out" / "_journal.jsonl"
    journal.write_text(journal.read_text() + '{"key": "cut by the ki')
    read_to_dataset(web.places, tmp_path / "out", access=QUICK)
    assert web.asked_for() == [path.name for path in web.season[2:]]
    assert contents(tmp_path / "out") == local
    assert not list((tmp_path / "out").rglob(".*.part.parquet"))


def test_a_new_revision_at_an_address_takes_the_place_of_the_old(web: Web, tmp_path: Path) -> None:
    server, season = web.server, web.season
    read_to_dataset(web.places, tmp_path / "out", access=QUICK)
    newer = season[0].name.replace("_01.h5", "_02.h5")
    server.files[newer] = season[1].read_bytes()
    web.asked_for()
    places = [f"{server.url}/{newer}", *(f"{place}?signature={SECRET}" for place in web.places)]
    ledger = read_to_dataset(places, tmp_path / "out", access=QUICK)
    assert web.asked_for() == [newer]
    assert [(row["granule"], row["status"]) for row in ledger.rows[:2]] == [
        (season[0].stem, "superseded"),
        (Path(newer).stem, "read"),
    ]
    expected = read_segments([places[0], *web.places[1:]], access=QUICK)
    assert_geodataframe_equal(read_table(tmp_path / "out"), expected)
    web.asked_for()
    read_to_dataset(web.places, tmp_path / "out", access=QUICK)
    assert web.asked_for() == []
    assert_geodataframe_equal(read_table(tmp_path / "out"), expected)
    assert SECRET.encode() not in everything_in(tmp_path / "out")


def test_a_set_of_addresses_that_shrank_is_refused_and_a_second_run_kept_out(web: Web, tmp_path: Path) -> None:
    read_to_dataset(web.places, tmp_path / "out", access=QUICK)
    before = contents(tmp_path / "out")
    web.asked_for()
    with pytest.raises(InputError, match=f"{web.season[0].stem}.*allow_shrink=True"):
        read_to_dataset(web.places[1:], tmp_path / "out", access=QUICK)
    with folder_lock(tmp_path / "out", name="_lock"), pytest.raises(StoreLockedError, match="is writing"):
        read_to_dataset(web.places, tmp_path / "out", access=QUICK)
    assert contents(tmp_path / "out") == before
    assert len(read_to_dataset(web.places[1:], tmp_path / "out", access=QUICK, append=True)) == 4
    assert len(read_to_dataset(web.places[1:], tmp_path / "out", access=QUICK, allow_shrink=True)) == 3
    assert web.asked_for() == []


FAILURES = [
    ([403], LoginError, "wants a login"),
    ([404], GranuleError, "no such file"),
    ([500], GranuleError, "HTTP 500"),
    (["slow"], GranuleError, "no answer within"),
    (["cut"], GranuleError, "broke off"),
    (["page"], LoginError, "web page"),
    (["whole"], GranuleError, "ignores ranges"),
    (["other"], GranuleError, "other bytes"),
    (["changed"], GranuleError, "changed while it was read"),
]


@pytest.mark.parametrize(("steps", "kind", "words"), FAILURES)
def test_every_failure_of_a_server_is_a_row_or_an_error(
    steps: list[Any],
    kind: type[AltiflowError],
    words: str,
    web: Web,
    local: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    # Small blocks make several requests of a granule, the first of which is served.
    small = partial(BlockCache, block=2**16)
    monkeypatch.setattr("altiflow.readers.icesat2.engines.opening.BlockCache", small)
    told = RemoteAccess(retries=Retries(attempts=2, wait=0.0), timeout=0.3)
    name = web.season[1].name
    web.server.plan[name] = [""] + steps * 50
    ledger = read_to_dataset(web.places, tmp_path / "out", engine="h5py", access=told, on_error="skip", workers=2)
    row = ledger.rows[1]
    assert [one["status"] for one in ledger.rows] == ["read", "failed", "read", "read"]
    assert row["reason"].startswith(kind.__name__)
    assert words in row["reason"]
    assert row["requests"] == sum(path == f"/{name}" for path, _, _ in web.server.asked) > 0
    assert row["bytes"] > 0
    assert row["retries"] == (1 if steps[0] in (500, "slow", "cut") else row["retries"])
    assert set(contents(tmp_path / "out")) == {part for part in local if web.season[1].stem not in part}
    web.server.plan[name] = [""] + steps * 50
    with pytest.raises(kind, match=words):
        read_to_dataset(web.places, tmp_path / "out", engine="h5py", access=told)
    web.server.plan[name] = []
    web.asked_for()
    assert read_to_dataset(web.places, tmp_path / "out", access=QUICK).failures == []
    assert web.asked_for() == [name]
    assert contents(tmp_path / "out") == local


def test_truncated_files_and_web_pages_in_place_of_granules_are_told(web: Web, tmp_path: Path) -> None:
    names = [path.name for path in web.season]
    web.server.files[names[0]] = web.server.files[names[0]][: len(web.server.files[names[0]]) // 2]
    web.server.files[names[1]] = b"<html>please log in</html>"
    web.server.files[names[2]] = b""
    ledger = read_to_dataset(web.places, tmp_path / "out", access=QUICK, on_error="skip")
    assert [row["status"] for row in ledger.rows] == ["failed", "failed", "failed", "read"]
    kinds = [row["reason"].split(":")[0] for row in ledger.rows[:3]]
    assert kinds == ["CorruptGranuleError", "UnsupportedFormatError", "CorruptGranuleError"]
    with pytest.raises(CorruptGranuleError, match=web.season[0].stem):
        read_to_dataset(web.places, tmp_path / "out", access=QUICK)


def test_rows_stay_where_a_newer_revision_cannot_be_had(web: Web, tmp_path: Path) -> None:
    read_to_dataset(web.places, tmp_path / "out", access=QUICK)
    before = read_table(tmp_path / "out")
    newer = web.places[0].replace("_01.h5", "_02.h5")
    ledger = read_to_dataset([newer, *web.places[1:]], tmp_path / "out", access=QUICK, on_error="skip")
    assert "no such file" in ledger.failures[0]["reason"]
    assert f"the rows of {web.season[0].stem} read before are kept" in ledger.failures[0]["reason"]
    assert ledger.failures[0]["requests"] == 1
    assert_geodataframe_equal(read_table(tmp_path / "out"), before)


def test_redirects_are_followed_without_the_token_and_a_token_that_ends_is_renewed(
    web: Web, serve: Callable[..., Any], local: dict[str, bytes], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    home = serve()
    home.elsewhere = web.server.url
    names = [path.name for path in web.season]
    home.tokens = {f"moved/{name}": {SECRET if number < 2 else f"{SECRET}2"} for number, name in enumerate(names)}
    told = iter([SECRET, f"{SECRET}2"])
    grants = Grants(lambda: Grant({"token": next(told)}))
    places = [f"{home.url}/moved/{name}" for name in names]
    ledger = read_to_dataset(places, tmp_path / "out", access=access(tokens=grants))
    assert contents(tmp_path / "out") == local
    assert [row["retries"] for row in ledger.rows] == [0, 0, 1, 0]
    assert {headers for _, _, headers in web.server.asked} == {""}
    assert SECRET.encode() not in everything_in(tmp_path / "out")
    assert b"Signature" not in everything_in(tmp_path / "out")
    assert SECRET not in caplog.text
    assert "X-Amz-Signature" not in caplog.text


def test_a_token_in_a_file_that_is_written_anew_serves_the_whole_run(web: Web, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(f"{SECRET}\n")
    for path in web.season[:2]:
        web.server.tokens[path.name] = {SECRET}
    grants = file_grants(token)
    read_to_dataset(web.places[:2], tmp_path / "out", access=access(tokens=grants))
    for path in web.season:
        web.server.tokens[path.name] = {f"{SECRET}2"}
    with pytest.raises(LoginError, match="also after the login was renewed") as caught:
        read_to_dataset(web.places, tmp_path / "out", access=access(tokens=grants))
    assert SECRET not in str(caught.value)
    token.write_text(f"{SECRET}2\n")
    ledger = read_to_dataset(web.places, tmp_path / "out", access=access(tokens=grants), kind="processes", workers=2)
    assert [row["status"] for row in ledger.rows] == ["read"] * 4
    assert SECRET.encode() not in everything_in(tmp_path / "out")
    for text in ("", "two words"):
        token.write_text(text)
        with pytest.raises(LoginError, match="no token in"):
            file_grants(token).current()


def test_logins_travel_to_processes_as_what_fetches_them(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(SECRET)
    grants = file_grants(tmp_path / "token")
    grants.current()
    sent = pickle.dumps(RemoteAccess(tokens=grants))
    assert SECRET.encode() not in sent
    arrived = pickle.loads(sent).tokens
    assert arrived is not None
    assert arrived.current().secrets["token"] == SECRET
    assert SECRET not in repr(RemoteAccess(tokens=grants))


def test_a_login_that_cannot_travel_is_refused_before_anything_is_read(web: Web, tmp_path: Path) -> None:
    grants = Grants(lambda: Grant({"token": SECRET}))
    with pytest.raises(InputError, match="cannot be sent to a process"):
        read_to_dataset(web.places, tmp_path / "out", access=access(tokens=grants), workers=2, kind="processes")
    assert web.asked_for() == []


def test_files_and_addresses_mix_and_a_file_takes_the_place_of_an_address(
    web: Web, local: dict[str, bytes], tmp_path: Path
) -> None:
    here = Path(shutil.copy2(web.season[0], tmp_path))
    read_to_dataset([here, *web.places[1:]], tmp_path / "out", access=QUICK)
    assert web.asked_for() == [path.name for path in web.season[1:]]
    assert contents(tmp_path / "out") == local
    ledger = read_to_dataset([*web.places[:1], *map(str, web.season[1:])], tmp_path / "out", access=QUICK)
    assert [row["path"] for row in ledger.rows] == [web.places[0], *map(str, web.season[1:])]
    assert contents(tmp_path / "out") == local
