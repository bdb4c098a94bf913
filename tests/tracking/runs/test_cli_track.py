"""`altiflow track`: two images, lists, what is refused, and exit codes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rasterio
from click.testing import CliRunner, Result

from altiflow import read_velocity
from altiflow.cli import main

LOOK = ("--spacing", "10", "--chip", "20", "--radius", "8", "--threads", "1")


@pytest.fixture
def run() -> Callable[..., Result]:
    def call(*words: Any) -> Result:
        return CliRunner().invoke(main, ["track", *map(str, words)])

    return call


def test_two_images_become_a_granule_geotiffs_and_a_picture(
    run: Callable[..., Result], landsat: tuple[Path, Path], tmp_path: Path
) -> None:
    out, picture = tmp_path / "pair.nc", tmp_path / "pair.png"
    words = ("--geotiff", tmp_path / "tiffs", "--browse", picture, "--browse-limits", 0.1, 8, "--units", "m/d")
    done = run(*landsat, "-o", out, *words, "--coherence", 1, "--min-clump", 4, *LOOK)
    assert done.exit_code == 0, done.output
    assert "cells have a displacement" in done.output
    field = read_velocity(out)
    assert field.attrs["units"] == "m d-1"
    assert read_velocity(tmp_path / "tiffs")["vx"].equals(field["vx"])
    with rasterio.open(picture) as opened:
        assert (opened.width, opened.height, opened.count) == (34, 30, 4)
    again = run(*landsat, "-o", out, *LOOK)
    assert (again.exit_code, "is there already" in again.output, "--overwrite" in again.output) == (1, True, True)


def test_a_folder_takes_the_granule_under_the_names_of_the_images(
    run: Callable[..., Result], landsat: tuple[Path, Path], tmp_path: Path
) -> None:
    bounds = "465067.5,6679000,467000,6681577.5"
    done = run(*landsat, "-o", tmp_path / "out", "--bounds", bounds, "--max-speed", "7", "--spacing", "10", "--quiet")
    assert (done.exit_code, done.output) == (0, "")
    assert [path.name for path in (tmp_path / "out").iterdir()] == [
        "LC80630182016200LGN00_X_LC80630182016216LGN00_G0150.nc"
    ]


def test_a_list_finishes_and_says_what_failed_by_its_exit_code(
    run: Callable[..., Result], landsat: tuple[Path, Path], tmp_path: Path
) -> None:
    text = f"first,second\n{landsat[0].name},{landsat[1].name}\n{landsat[0].name},none.tif\n"
    (tmp_path / "list.csv").write_text(text, encoding="utf-8")
    words = ("--pairs", tmp_path / "list.csv", "-o", tmp_path / "out", *LOOK)
    first = run(*words)
    assert first.exit_code == 1
    assert "2 pairs: tracked 1, failed 1" in first.output
    assert "there is no image" in first.output
    again = run(*words, "--on-error", "skip")
    assert (again.exit_code, "there 1, failed 1" in again.output) == (0, True)
    assert run(*words, "--on-error", "raise").exit_code == 1


def test_command_lines_that_mean_nothing(
    run: Callable[..., Result], landsat: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "list.csv").write_text("first,second\na.tif,b.tif\n", encoding="utf-8")
    (tmp_path / "bare.gmt").write_text("# @VGMT1.0 @GLINESTRING\n>\n0 0\n0 9\n9 9\n0 0\n", encoding="ascii")
    (tmp_path / "a.tif").write_bytes(landsat[0].read_bytes())
    (tmp_path / "wrong.json").write_text('{"chips": 3}', encoding="utf-8")
    listed = ("--pairs", tmp_path / "list.csv")
    cases: list[tuple[tuple[Any, ...], str]] = [
        ((), "give two images"),
        ((*landsat, *listed), "give two images"),
        ((landsat[0],), "1 image given"),
        ((*listed, "--browse", "a.png"), "--browse goes with two images"),
        ((*listed, "--browse-limits", 1, 2), "--browse-limits goes with two images"),
        ((*landsat, "--prior-gap-speed", 1), "without a prior"),
        ((*landsat, "--snr-min", -1), "snr_min=-1"),
        ((*landsat, "--chips", "a,b"), "no whole numbers"),
        ((*landsat, "--chip", "21"), "is odd"),
        ((*landsat, "--bounds", "1,2"), "not four numbers"),
        ((*landsat, "--nodata", "zero"), "neither a number"),
        ((*landsat, "--parameters", tmp_path / "none.json"), "no file of parameters"),
        ((*landsat, "--parameters", tmp_path / "wrong.json"), "chips=3"),
        ((*landsat, "--dates", "2016-08-03", "2016-07-18"), "must be the earlier"),
        ((*landsat, "--ground", tmp_path / "none.gpkg"), "no vector file"),
        ((*landsat, "--ground", tmp_path / "bare.gmt", *LOOK), "(--ground-crs)"),
        ((tmp_path / "a.tif", landsat[1]), "give --dates FIRST SECOND"),
    ]
    for words, message in cases:
        done = run(*words, "-o", tmp_path / "x.nc")
        assert (done.exit_code, message in done.output) == (1, True), (words, done.output)
    wrong = run(*listed, "-o", tmp_path / "x.nc")
    assert "must be a folder" in wrong.output
    assert not (tmp_path / "x.nc").exists()


def test_the_help_shows_how(run: Callable[..., Result]) -> None:
    text = run("--help").output
    for word in ("--pairs", "--ground", "--max-speed", "--prior", "altiflow track first_B8.TIF second_B8.TIF"):
        assert word in text


@pytest.mark.parametrize(
    ("word", "name"), [("geotiff", "taken/vx.tif"), ("pycorr", "taken.nc"), ("browse", "taken.png")]
)
def test_files_that_are_there_are_told_before_tracking(
    run: Callable[..., Result], landsat: tuple[Path, Path], tmp_path: Path, word: str, name: str
) -> None:
    there = tmp_path / name
    there.parent.mkdir(exist_ok=True)
    there.write_bytes(b"of somebody")
    asked = there.parent if word == "geotiff" else there
    done = run(*landsat, "-o", tmp_path / "pair.nc", f"--{word}", asked, *LOOK)
    assert (done.exit_code, f"--{word}" in done.output, "--overwrite" in done.output) == (1, True, True), done.output
    assert not (tmp_path / "pair.nc").exists()
    assert there.read_bytes() == b"of somebody"
