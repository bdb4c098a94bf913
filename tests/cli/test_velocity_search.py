"""`altiflow velocity search`, used as a person would; its numbers are those of the library."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from click.testing import CliRunner

from altiflow.cli import main
from altiflow.readers import cap_per_year, count_by, search_pairs, write_pairs
from altiflow.readers.catalogue.pairs.table import build_pairs


@pytest.fixture
def altiflow() -> Callable[..., Any]:
    return lambda *words: CliRunner().invoke(
        main, ["velocity", "search", *map(str, words)], catch_exceptions=False, prog_name="altiflow"
    )


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """Return an index of 400 pairs, with a file each."""
    generator = np.random.default_rng(1)
    (tmp_path / "archive").mkdir()
    rows = []
    for number in range(400):
        start = datetime(2010, 1, 1) + timedelta(hours=int(generator.integers(0, 80_000)))
        west = float(generator.uniform(-60, -30))
        path = tmp_path / "archive" / f"pair{number:03d}.nc"
        path.write_bytes(bytes([number % 256]) * number)
        rows.append(
            {
                "granule": path.stem,
                "url": str(path),
                "start": start,
                "end": start + timedelta(days=float(generator.integers(6, 500))),
                "time_resolution": "instant",
                "mission": ["landsat", "sentinel1"][number % 2],
                "satellite": ["L8", "S1A"][number % 2],
                "percent_valid": number % 100,
                "version": "v02",
                "epsg": [3413, 32622][number % 2],
                "geometry": shapely.box(west, 65, west + 2, 66),
            }
        )
    return write_pairs(build_pairs(rows), tmp_path / "index.parquet")


ASKED = ["--region=-55,60,-35,70", "--start", "2011", "--end", "2017-06", "--percent-valid", 20, "--min-separation", 10,
         "--max-separation", 400, "--months", "Nov-Mar"]  # fmt: skip


def expected(index: Path, **more: Any) -> gpd.GeoDataFrame:
    return search_pairs(
        (-55, 60, -35, 70),
        start="2011",
        end="2017-06",
        percent_valid_pixels=20,
        min_separation=10,
        max_separation=400,
        months="Nov-Mar",
        source=index,
        **more,
    )


def test_help_has_an_example(altiflow: Callable[..., Any]) -> None:
    result = altiflow("--help")
    assert result.exit_code == 0
    assert any(line.startswith("  altiflow velocity search ") for line in result.output.splitlines())
    assert "\\b" not in result.output
    group = CliRunner().invoke(main, ["velocity", "--help"])
    assert "Search image pairs of ITS_LIVE" in group.output


def test_the_numbers_are_those_of_the_library(altiflow: Callable[..., Any], index: Path, tmp_path: Path) -> None:
    pairs = expected(index)
    result = altiflow(*ASKED, "--source", index, "--count-by", "year,mission", "-o", tmp_path / "pairs.parquet")
    assert result.exit_code == 0, result.output
    first, *lines = result.output.splitlines()
    assert first.startswith(f"{len(pairs)} pairs, 2011")
    for name, count in pairs.attrs["altiflow"]["screens"].items():
        assert (f"{count} by {name}" in first) == (count > 0)
    counts = count_by(pairs, "year", "mission")
    shown = [line.split() for line in lines[1 : len(counts) + 1]]
    assert shown == counts.astype(str).values.tolist()
    assert search_pairs(source=tmp_path / "pairs.parquet")["granule"].tolist() == pairs["granule"].tolist()


@pytest.mark.parametrize("strategy", ["first", "spread", "coverage", "random"])
def test_caps_and_filters(strategy: str, altiflow: Callable[..., Any], index: Path, tmp_path: Path) -> None:
    out = tmp_path / "pairs.csv"
    words = [
        "--cap",
        3,
        "--strategy",
        strategy,
        "--seed",
        7,
        "--filter",
        "epsg:==:3413",
        "--satellite",
        "L8",
        "--quiet",
    ]
    result = altiflow(*ASKED, "--source", index, *words, "-o", out)
    assert result.exit_code == 0, result.output
    assert result.output == ""
    pairs = cap_per_year(expected(index, satellite="L8"), 3, strategy=strategy, seed=7)
    assert pd.read_csv(out)["granule"].tolist() == pairs["granule"].tolist()


@pytest.mark.parametrize("suffix", [".json", ".geojson", ".csv", ".txt", ".parquet"])
def test_every_output_holds_the_same_pairs(
    suffix: str, altiflow: Callable[..., Any], index: Path, tmp_path: Path
) -> None:
    out = tmp_path / f"pairs{suffix}"
    assert altiflow(*ASKED, "--source", index, "-o", out).exit_code == 0
    urls = expected(index)["url"].tolist()
    readers: dict[str, Callable[[Path], list[str]]] = {
        ".txt": lambda path: path.read_text().split(),
        ".csv": lambda path: pd.read_csv(path)["url"].tolist(),
        ".parquet": lambda path: gpd.read_parquet(path).sort_values(["mid", "granule"])["url"].tolist(),
    }
    as_json = lambda path: [item["properties"]["url"] for item in json.loads(path.read_text())["features"]]  # noqa: E731
    assert readers.get(suffix, as_json)(out) == urls


def test_files_are_brought_and_a_second_run_completes(
    altiflow: Callable[..., Any], index: Path, tmp_path: Path
) -> None:
    folder, lost = tmp_path / "granules", Path(expected(index)["url"].iloc[3])
    content = lost.read_bytes()
    lost.unlink()
    result = altiflow(*ASKED, "--source", index, "--download", folder)
    assert result.exit_code == 1
    error = result.stderr.strip()
    assert "\n" not in error
    assert f"error: 1 of {len(expected(index))} files could not be downloaded" in error
    assert "--on-error 'skip'" in error
    result = altiflow(*ASKED, "--source", index, "--download", folder, "--on-error", "skip")
    assert result.exit_code == 0
    told = result.stdout.splitlines()[-1]
    assert "1 failed" in told
    assert f"{len(expected(index)) - 1} there" in told
    assert "warning:" in result.stderr
    lost.write_bytes(content)
    assert altiflow(*ASKED, "--source", index, "--download", folder).exit_code == 0
    assert {path.name for path in folder.iterdir()} == {Path(url).name for url in expected(index)["url"]} | {
        "manifest.json"
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--source", "nowhere.parquet"], "no such file or folder"),
        (["--region", "1,2,3"], "west,south,east,north are four"),
        (["--months", "Juny"], "month 'Juny' means nothing"),
        (["--cap", "3", "--strategy", "random"], "needs a seed"),
        (["--filter", "epsg=3413"], "column:op:value"),
        (["--filter", "epsg:>:99999"], "no image pair is left"),
        (["--start", "2030"], "no image pair"),
        (["--count-by", "glacier"], "'glacier' is not known"),
        (["-o", "pairs.xlsx"], "suffix"),
        (["--mission", "envisat"], "'envisat' is not known"),
    ],
)
def test_errors_are_one_line(words: list[str], message: str, altiflow: Callable[..., Any], index: Path) -> None:
    result = altiflow(*([] if "--source" in words else ["--source", index]), *words)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.strip().splitlines()) == 1
    assert message in result.stderr


def test_a_service_needs_a_region(altiflow: Callable[..., Any]) -> None:
    result = altiflow("--start", "2020")
    assert (result.exit_code, "region" in result.stderr) == (1, True)
