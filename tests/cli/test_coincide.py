"""`altiflow coincide`, used as a person would; its rows are those of the library."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from click.testing import CliRunner

from altiflow.cli import main
from altiflow.readers import (
    as_catalogue,
    find_coincident,
    find_motion,
    make_sample,
    read_catalogue,
    write_catalogue,
    write_pairs,
)
from altiflow.readers.catalogue import build_catalogue
from altiflow.readers.catalogue.pairs import pairs_from_names

NAMES = [
    f"https://h/LC08_L1TP_001013_20190{first}_20190901_02_T1_X_LC08_L1TP_001013_20190{last}_20190901_02_T1_G0120V02_P050.nc"
    for first, last in (("301", "317"), ("520", "605"), ("801", "817"))
]


@pytest.fixture
def altiflow() -> Callable[..., Any]:
    return lambda *words: CliRunner().invoke(
        main, [str(word) for word in words], catch_exceptions=False, prog_name="altiflow"
    )


@pytest.fixture
def granules(tmp_path: Path) -> Path:
    """Return a catalogue of three tracks over western Greenland and one in the Weddell Sea, undated ones left out."""
    rows = [
        {
            "granule": f"track {number}",
            "product": "ATL06",
            "start": f"2019-0{month}-10T00:00:00",
            "end": f"2019-0{month}-10T00:05:00",
            "url_https": f"https://h/track{number}.h5",
            "geometry": shapely.LineString([(west, south), (west + 1, south + 2)]),
        }
        for number, (month, west, south) in enumerate([(3, -50, 69), (4, -50, 69), (6, -50, 69), (3, -40, -70)])
    ]
    return write_catalogue(build_catalogue(rows), tmp_path / "granules.parquet")


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Return image pairs of March, of May and June, and of August, at the same place."""
    table = pairs_from_names(NAMES)
    table = table.set_geometry([shapely.box(-51, 68, -48, 70)] * 3, crs=4326)
    return write_pairs(table, tmp_path / "pairs.parquet")


def test_help_has_examples(altiflow: Callable[..., Any]) -> None:
    result = altiflow("coincide", "--help")
    assert any(line.startswith("  altiflow coincide ") for line in result.output.splitlines())


def test_rows_are_those_of_the_library(
    granules: Path, pairs: Path, tmp_path: Path, altiflow: Callable[..., Any]
) -> None:
    expected = find_coincident(granules, pairs, max_dt=30)
    assert expected[["altimetry_row", "velocity_row"]].to_numpy().tolist() == [[0, 0], [2, 0], [3, 1]]
    result = altiflow("coincide", granules, pairs, "--max-dt", 30, "-o", tmp_path / "both.parquet")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("3 pairs: 3 of 4 granules; 2 of 3 velocity files\n")
    assert result.output.splitlines()[2].split()[-1] == "0.00"
    assert gpd.read_parquet(tmp_path / "both.parquet")[list(expected)].equals(expected)
    assert altiflow("coincide", granules, pairs, "--max-dt", "30", "--format", "count").output == "3\n"
    assert altiflow("coincide", granules, pairs, "--max-dt", "0d", "--format", "count").output == "1\n"
    told = json.loads(altiflow("coincide", granules, pairs, "--max-dt", 30, "--format", "geojson").output)
    assert [feature["properties"]["dt_days"] for feature in told["features"]] == expected["dt_days"].tolist()
    assert told["altiflow"]["max_dt_days"] == 30
    urls = altiflow("coincide", granules, pairs, "--max-dt", 30, "--format", "urls").output.split()
    assert urls == [f"https://h/track{n}.h5" for n in (0, 1, 2)] + [NAMES[0], NAMES[1]]


def test_one_side_can_be_downloaded_and_read(
    granules: Path, pairs: Path, tmp_path: Path, altiflow: Callable[..., Any]
) -> None:
    out = tmp_path / "wanted.parquet"
    result = altiflow("coincide", granules, pairs, "--max-dt", 5, "--rows", "altimetry", "-o", out)
    assert result.output.startswith("2 granules, 2019-03-10 to 2019-06-10")
    assert read_catalogue(out)["granule"].tolist() == ["track 0", "track 2"]
    listed = altiflow(
        "coincide", granules, pairs, "--max-dt", 5, "--rows", "velocity", "--format", "urls", "-o", tmp_path / "v.txt"
    )
    assert (tmp_path / "v.txt").read_text().split() == listed.stdout.split() == [NAMES[0], NAMES[1]]


def test_folders_are_opened_and_motion_coincides(tmp_path: Path, altiflow: Callable[..., Any]) -> None:
    make_sample(tmp_path / "held", granules=2)
    motion = write_catalogue(find_motion("2019", "2019", hemisphere="north"), tmp_path / "motion.geojson")
    result = altiflow("coincide", tmp_path / "held", motion, "--max-dt", "12h", "--quiet", "-o", tmp_path / "p.csv")
    assert (result.exit_code, result.output) == (0, "")
    assert pd.read_csv(tmp_path / "p.csv")["dt_days"].tolist() == [0, 0]
    # The sample has its motion beside its granules; each side of a folder that holds both is its own.
    both = altiflow("coincide", tmp_path / "held", tmp_path / "held", "--max-dt", "12h", "--quiet", "--format", "count")
    assert (both.exit_code, both.output) == (0, "2\n")


def test_pairs_on_disk_are_a_catalogue_in_either_format(pairs: Path, tmp_path: Path) -> None:
    other = write_pairs(pairs_from_names(NAMES), tmp_path / "pairs.geojson")
    for path in (pairs, other):
        found = as_catalogue(path)
        assert found["product"].unique().tolist() == ["ITS_LIVE pairs"]
        assert found["url_https"].tolist() == NAMES


def test_what_is_wrong_is_told(granules: Path, pairs: Path, tmp_path: Path, altiflow: Callable[..., Any]) -> None:
    sea = altiflow("coincide", granules, pairs, "--max-dt", "1h")
    assert sea.exit_code == 0
    far = write_catalogue(read_catalogue(granules).iloc[[2]], tmp_path / "far.parquet")
    south = write_catalogue(read_catalogue(granules).iloc[[1]], tmp_path / "south.parquet")
    (tmp_path / "page.parquet").write_text("<html>")
    (tmp_path / "page.geojson").write_text("<html>")
    for words, said in (
        ([far, pairs, "--max-dt", "1h"], "none of them within 0.0416667 days; raise --max-dt"),
        ([south, pairs, "--max-dt", 5], "no footprints meet"),
        ([granules, pairs, "--max-dt", "soon"], "--max-dt is days, or text such as '12h', got 'soon'"),
        ([granules, pairs, "--max-dt=-1"], "--max-dt is 0 or more"),
        ([granules, tmp_path / "none.parquet", "--max-dt", 5], "no such file or folder"),
        ([granules, tmp_path / "page.parquet", "--max-dt", 5], "page.parquet"),
        ([granules, tmp_path / "page.geojson", "--max-dt", 5], "page.geojson is no catalogue"),
        ([granules, pairs, "--max-dt", 5, "-o", tmp_path / "a.shp"], "the suffix is one of"),
    ):
        result = altiflow("coincide", *words)
        assert result.exit_code == 1, words
        assert said in result.output
        assert "Traceback" not in result.output
    assert altiflow("coincide", far, pairs, "--max-dt", "1h", "--format", "count").output == "0\n"
    assert altiflow("coincide", granules, pairs).exit_code == 2
