"""`altiflow catalog` and `altiflow serve`, used as a person would."""

from __future__ import annotations

import errno
import importlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from altiflow.cli import main
from altiflow.readers import make_images

PAIR = "LC08_L1TP_009011_{}_20200913_02_T1_X_LC08_L1TP_009011_{}_20200905_02_T1_G0120V02_P078.nc"
NAMES = [f"https://host.org/{PAIR.format('20191220', '20200105')}", PAIR.format("20200703", "20200820")]


@pytest.fixture
def altiflow() -> Callable[..., Any]:
    return lambda *words: CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture
def pairs(altiflow: Callable[..., Any], tmp_path: Path) -> Path:
    """Return a catalogue of two pairs."""
    (tmp_path / "names.txt").write_text("\n".join([*NAMES, "readme.md"]))
    done = altiflow("catalog", "build", tmp_path / "names.txt", "-o", tmp_path / "pairs.parquet")
    assert done.exit_code == 0, done.output
    return tmp_path / "pairs.parquet"


@pytest.mark.parametrize("words", [["catalog"], ["catalog", "build"], ["serve"]], ids=" ".join)
def test_help_has_an_example(words: list[str], altiflow: Callable[..., Any]) -> None:
    done = altiflow(*words, "--help")
    assert done.exit_code == 0
    assert re.search(rf"^  altiflow {' '.join(words)} ", done.output, re.MULTILINE)


def test_a_catalogue_says_what_it_holds_and_what_it_does_not(altiflow: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("\n".join([*NAMES, NAMES[1], "readme.md"]))
    done = altiflow("catalog", "build", tmp_path / "names.txt", "-o", tmp_path / "pairs.parquet")
    assert "2 image pairs in " in done.output
    assert "2 without a footprint, so that no search in a region finds them" in done.output
    assert "1 stood there twice" in done.output
    assert "warning: 1 name of no known form, such as readme.md" in done.output


def test_a_catalogue_is_geoparquet(altiflow: Callable[..., Any], tmp_path: Path) -> None:
    done = altiflow("catalog", "build", tmp_path, "-o", tmp_path / "pairs.csv")
    assert done.exit_code == 1
    assert "call it pairs.parquet" in done.output


def test_the_server_answers_until_it_is_stopped_and_writes_no_question(pairs: Path) -> None:
    code = "import sys; from altiflow.cli import main; main(sys.argv[1:])"
    words = [sys.executable, "-c", code, "serve", str(pairs), "--port", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as server:
        try:
            said = server.stdout.readline()
            found = re.fullmatch(r"serving 2 image pairs at (http://127\.0\.0\.1:\d+)\n", said)
            assert found, said
            assert requests.get(f"{found[1]}/velocities/urls/", timeout=30).json() == [{"url": NAMES[0]}]
        finally:
            server.send_signal(signal.SIGINT)
            rest = server.communicate(timeout=60)[0]
    assert "Traceback" not in rest
    assert "velocities" not in rest


def test_others_are_let_in_only_with_a_secret(pairs: Path, altiflow: Callable[..., Any], tmp_path: Path) -> None:
    done = altiflow("serve", pairs, "--host", "0.0.0.0")
    assert done.exit_code == 1
    assert "--host 0.0.0.0 can be reached by others" in done.output
    assert "--token-file" in done.output
    secret = tmp_path / "secret"
    for content, told in (
        (b"", "is empty"),
        (b"short", "shorter than 16"),
        ("gehe\u00ef".encode(), "holds letters that a header cannot have"),
    ):
        secret.write_bytes(content)
        done = altiflow("serve", pairs, "--host", "0.0.0.0", "--token-file", secret)
        assert done.exit_code == 1
        assert told in done.output
        assert "Traceback" not in done.output


def test_what_cannot_be_served_is_told_in_one_line(altiflow: Callable[..., Any], tmp_path: Path) -> None:
    done = altiflow("serve", tmp_path / "none.parquet")
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    assert "altiflow catalog build makes one" in done.output


@pytest.mark.parametrize("package", ["duckdb", "fastapi", "uvicorn"])
def test_a_missing_extra_is_named(
    package: str, pairs: Path, altiflow: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("altiflow.explore.service")]:
        monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    done = altiflow("serve", pairs)
    assert done.exit_code == 1
    assert f"altiflow serve needs {package}; install it with: pip install 'altiflow[service]'" in done.output


def test_scenes_are_served_and_what_is_left_out_is_said(tmp_path: Path) -> None:
    images = make_images(tmp_path / "images").rock.parent
    (images / "broken.tif").write_bytes(b"no image")
    words = [sys.executable, "-c", "from altiflow.cli import main; main()", "serve", "--scenes", str(images)]
    words += ["--jobs", str(tmp_path / "jobs"), "--keep-days", "7", "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            said = [server.stdout.readline() for _ in range(2)]
            assert "warning: broken" in said[0]
            assert "serving 2 scenes at http://127.0.0.1:" in said[1]
            url = said[1].split()[-1]
            assert requests.get(f"{url}/scenes", timeout=30).json()["numberMatched"] == 2
            assert requests.get(f"{url}/jobs", timeout=30).json()["jobs"] == []
        finally:
            server.send_signal(signal.SIGINT)


def test_days_that_mean_nothing_are_refused(altiflow: Callable[..., Any], tmp_path: Path) -> None:
    done = altiflow("serve", "--scenes", tmp_path, "--keep-days", "0")
    assert (done.exit_code, "--keep-days" in done.output) == (2, True)
    done = altiflow("serve", "--scenes", tmp_path)
    assert (done.exit_code, "has no image" in done.output) == (1, True)


def test_a_reader_that_reads_no_further_is_no_error(
    altiflow: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(importlib.import_module("altiflow.cli.service.jobs"), "list_jobs", stop)
    done = altiflow("jobs", "list", "http://127.0.0.1:1")
    assert (done.exit_code, done.output) == (1, "")
