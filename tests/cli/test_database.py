"""`altiflow catalog load`, `catalog migrate` and `serve --database`, used as a person would."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from click.testing import CliRunner

from altiflow.cli import main
from altiflow.explore import service

PAIR = "LC08_L1TP_009011_{}_20200913_02_T1_X_LC08_L1TP_009011_{}_20200905_02_T1_G0120V02_P078.nc"
NAMES = [f"https://host.org/{PAIR.format('20191220', '20200105')}", PAIR.format("20200703", "20200820")]


@pytest.fixture
def altiflow() -> Callable[..., Any]:
    return lambda *words: CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture
def pairs(altiflow: Callable[..., Any], tmp_path: Path) -> Path:
    """Return a catalogue of two pairs."""
    (tmp_path / "names.txt").write_text("\n".join(NAMES))
    done = altiflow("catalog", "build", tmp_path / "names.txt", "-o", tmp_path / "pairs.parquet")
    assert done.exit_code == 0, done.output
    return tmp_path / "pairs.parquet"


@pytest.fixture
def named(postgres: Any) -> Iterator[tuple[str, ...]]:
    """Return the options that name a database and a schema of the test's own."""
    yield ("--database", postgres.address(), "--schema", "told")
    with psycopg.connect(postgres.address(), autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS told CASCADE")


@pytest.mark.parametrize("words", [["catalog", "load"], ["catalog", "migrate"]], ids=" ".join)
def test_help_has_an_example(words: list[str], altiflow: Callable[..., Any]) -> None:
    done = altiflow(*words, "--help")
    assert done.exit_code == 0
    assert re.search(rf"^  altiflow {' '.join(words)} .*--database postgresql://", done.output, re.MULTILINE)


def test_a_catalogue_is_loaded_and_served(
    pairs: Path,
    named: tuple[str, ...],
    altiflow: Callable[..., Any],
    postgres: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = altiflow("catalog", "load", pairs, *named)
    assert done.exit_code == 0, done.output
    assert done.output.splitlines() == [
        "2 image pairs in schema told",
        "2 without a footprint, so that no search in a region finds them",
    ]
    assert re.search(r"is of version (\d+)\n", altiflow("catalog", "migrate", *named).output)
    asked: list[Any] = []

    def run(app: Any, *, host: str, port: int, say: Callable[[str], None]) -> None:
        with service.start_app(app, host=host, port=port) as running:
            say(running.url)
            asked.append(requests.get(f"{running.url}/velocities/urls/", timeout=30).json())

    monkeypatch.setattr(service, "run_app", run)
    monkeypatch.setenv("PGPASSWORD", postgres.password)
    bare = named[1].replace(f":{postgres.password}@", "@")
    done = altiflow("serve", "--database", bare, *named[2:], "--port", "0")
    assert re.fullmatch(r"serving 2 image pairs at http://127\.0\.0\.1:\d+\n", done.output)
    assert asked == [[{"url": NAMES[0]}]]


def test_a_schema_is_brought_up(named: tuple[str, ...], altiflow: Callable[..., Any]) -> None:
    said = altiflow("catalog", "migrate", *named).output
    assert re.fullmatch(r"schema told was of version 0, and is of version \d+ now\n", said)
    done = altiflow("serve", *named)
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    assert "altiflow catalog load puts pairs there" in done.output


def test_what_goes_wrong_is_told_in_one_line_without_the_password(
    pairs: Path, altiflow: Callable[..., Any], postgres: Any
) -> None:
    for address, said in (
        (postgres.address(password="hush-hush"), "give the password in PGPASSWORD"),
        (postgres.address("postgres"), "CREATE EXTENSION postgis"),
        ("postgresql//me:hush-hush@host", "cannot be read"),
        (postgres.address().replace(str(postgres.port), "1"), "look whether the server runs there"),
    ):
        for words in (("catalog", "load", pairs), ("catalog", "migrate"), ("serve",)):
            done = altiflow(*words, "--database", address)
            assert (done.exit_code, done.output.count("\n")) == (1, 1), done.output
            assert said in done.output
            assert "hush-hush" not in done.output
            assert postgres.password not in done.output


def test_which_database_has_to_be_said(pairs: Path, altiflow: Callable[..., Any]) -> None:
    done = altiflow("catalog", "load", pairs)
    assert done.exit_code == 1
    assert "give --database postgresql://" in done.output


def test_the_missing_extra_is_named(pairs: Path, altiflow: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("altiflow.explore.service.stores.postgis")]:
        monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.partition(".")[0] == "psycopg"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    for words in (("catalog", "load", pairs), ("catalog", "migrate"), ("serve",)):
        done = altiflow(*words, "--database", "postgresql://host/db")
        assert done.exit_code == 1
        assert "needs psycopg; install it with: pip install 'altiflow[postgres]'" in done.output
