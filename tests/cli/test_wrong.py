"""Whatever is given to the commands that find and read: one line and an exit code, never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from altiflow.cli import main
from altiflow.readers import find_motion, make_sample, write_catalogue

SUFFIXES = ("h5", "nc", "parquet", "geojson", "json", "csv", "txt", "tif", "gpkg", "zarr", "xyz")
CONTENTS = {
    "empty": b"",
    "page": b"<!DOCTYPE html><title>Earthdata Login</title>\n" * 20,
    "bytes": bytes(range(256)) * 50,
    "braces": b"{}",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of files that are not what they are called, beside a granule and a catalogue."""
    found = tmp_path_factory.mktemp("wrong")
    granule = make_sample(found / "held", granules=1).granules[0]
    for suffix in SUFFIXES:
        for name, content in {**CONTENTS, "cut": granule.read_bytes()[:30_000]}.items():
            (found / f"{name}.{suffix}").write_bytes(content)
    write_catalogue(find_motion("2019", "2019", hemisphere="north"), found / "good.geojson")
    (found / "nothing").mkdir()
    return found


@pytest.fixture
def altiflow(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.chdir(folder)
    return lambda *words: CliRunner().invoke(main, [str(word) for word in words], prog_name="altiflow")


def assert_told(result: Any, words: tuple[str, ...]) -> None:
    assert isinstance(result.exception, SystemExit), (words, result.exception)
    assert result.exit_code in (1, 2), words
    assert "Traceback" not in result.output
    assert result.stderr.startswith(("error: ", "Usage: ")), words
    assert len(result.stderr) < 1500, words


@pytest.mark.parametrize("suffix", [*SUFFIXES, ""])
def test_files_that_are_something_else_are_told(suffix: str, altiflow: Callable[..., Any]) -> None:
    names = [f"{name}.{suffix}" for name in (*CONTENTS, "cut")] if suffix else ["nothing", "absent.h5", "https://"]
    for name in names:
        commands = [
            ("info", name),
            ("read", name, "-o", "out.parquet"),
            ("search", "--source", name),
            ("coincide", name, "good.geojson", "--max-dt", "1"),
            ("coincide", "good.geojson", name, "--max-dt", "1"),
        ]
        if suffix in ("parquet", "geojson", "json", "txt"):
            commands.append(("download", name, "--to", "files", "--attempts", "1"))
        for words in commands:
            # A file of one line of text is a list of one path, which is not there.
            assert_told(altiflow(*words), words)
    assert not Path("out.parquet").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("search", "--source", "good.geojson", "--region", "1,2"),
        ("search", "--source", "good.geojson", "--region", "page.geojson"),
        ("search", "--source", "good.geojson", "--start", "2019-13"),
        ("search", "--source", "good.geojson", "--cycle", "3-1"),
        ("search", "--source", "good.geojson", "--version", "006"),
        ("search", "--source", "good.geojson", "-o", "out.shp"),
        ("search", "--source", "good.geojson", "-o", "nothing"),
        ("search", "--source", ""),
        ("search", "--source", "good.geojson", "-o", ""),
        ("search", "ATL10", "--endpoint", "nowhere"),
        ("search", "ATL10", "--endpoint", "http://127.0.0.1:9/", "--timeout", "nan"),
        ("search", "ATL10", "--hemisphere", "east"),
        ("read", "held", "-o", ""),
        ("read", "held", "--to", ""),
        ("read", "held", "--beams", "gt9l"),
        ("read", "held", "--screens", "x"),
        ("read", "held", "--product", "ATL99"),
        ("read", "held", "--ledger", "nothing"),
        ("read", "held", "--to", "set", "--partition", "month,month"),
        ("read", "held", "--to", "good.geojson"),
        ("download", "good.geojson", "--to", ""),
        ("download", "good.geojson", "--to", "files", "--timeout", "0"),
        ("download", "", "--to", "files"),
        ("coincide", "", "good.geojson", "--max-dt", "1"),
        ("coincide", "held", "good.geojson", "--max-dt", "5 parsecs"),
        ("coincide", "held", "good.geojson", "--max-dt", "nan"),
        ("coincide", "held", "good.geojson", "--max-dt", "1", "-o", "nothing"),
        ("info", ""),
        ("info", "good.geojson", "--crs", "EPSG:0"),
    ],
    ids=" ".join,
)
def test_options_that_mean_nothing_are_told(words: tuple[str, ...], altiflow: Callable[..., Any]) -> None:
    assert_told(altiflow(*words), words)
