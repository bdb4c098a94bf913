"""Stages of tracking: together they are the whole, and only what changed is made again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner, Result

from altiflow.cli import main
from altiflow.errors import InputError
from altiflow.readers.ground import LAND
from altiflow.tracking import CorrectionRule, TrackParameters, TrackPlan, track_stages

GROUND = np.zeros((30, 34), np.uint8)
GROUND[:14] = LAND
PLAN = TrackPlan(
    parameters=TrackParameters(spacing=10, radius=8, chips=(16, 24), fill_gaps=4, threads=1),
    ground=GROUND,
    rule=CorrectionRule(min_count=50),
)
WORDS = ("--spacing", "10", "--chips", "16,24", "--radius", "8", "--threads", "1", "--quiet")


def same(one: xr.Dataset, other: xr.Dataset) -> None:
    """Check that two granules are the same to the bit, but for how long they took."""
    for granule in (one, other):
        assert granule.attrs.pop("track_seconds") > 0
    assert one.identical(other)


def run(*words: Any) -> Result:
    return CliRunner().invoke(main, ["track", *map(str, words)])


def test_stages_are_the_whole_and_only_what_changed_is_made_again(landsat: tuple[Path, Path], tmp_path: Path) -> None:
    whole = PLAN.track(PLAN.read(*landsat))
    for until in ("prepare", "track", "filter", "correct"):
        staged = track_stages(*landsat, tmp_path / "work", plan=PLAN, until=until)
    assert staged.stages == {"prepare": "there", "track": "there", "filter": "there", "correct": "made"}
    assert staged.granule is not None
    same(staged.granule, whole.copy())
    done = track_stages(*landsat, tmp_path / "work", plan=PLAN, out=tmp_path / "pair.nc")
    assert done.path == tmp_path / "pair.nc"
    assert list(done.stages) == ["prepare", "track", "filter", "correct", "export"]
    stricter = replace(PLAN, parameters=replace(PLAN.parameters, corr_min=0.9))
    again = track_stages(*landsat, tmp_path / "work", plan=stricter, until="correct")
    assert again.stages == {"prepare": "there", "track": "there", "filter": "made", "correct": "made"}
    assert again.granule is not None
    same(again.granule, stricter.track(stricter.read(*landsat)))
    plane = replace(stricter, rule=CorrectionRule(model="plane", min_count=50))
    assert list(track_stages(*landsat, tmp_path / "work", plan=plane, until="correct").stages.values()) == [
        *["there"] * 3,
        "made",
    ]
    wider = replace(PLAN, parameters=replace(PLAN.parameters, chip=24))
    assert track_stages(*landsat, tmp_path / "work", plan=wider, until="track").stages == {
        "prepare": "there",
        "track": "made",
    }


def test_what_is_damaged_or_of_other_images_is_made_again(landsat: tuple[Path, Path], tmp_path: Path) -> None:
    track_stages(*landsat, tmp_path, plan=PLAN, until="filter")
    for name in ("prepared", "measured", "filtered"):
        path = tmp_path / f"{name}.npz"
        path.write_bytes(path.read_bytes()[:200])
        stages = track_stages(*landsat, tmp_path, plan=PLAN, until="filter").stages
        assert [stage for stage, word in stages.items() if word == "made"] == [
            {"prepared": "prepare", "measured": "track", "filtered": "filter"}[name]
        ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("altiflow.tracking.staged.stages.__version__", "0.0.other")
        assert set(track_stages(*landsat, tmp_path, plan=PLAN, until="filter").stages.values()) == {"made"}
    landsat[1].write_bytes(landsat[1].read_bytes() + b" ")
    assert set(track_stages(*landsat, tmp_path, plan=PLAN, until="filter").stages.values()) == {"made"}


def test_the_command_goes_on_from_stage_to_stage_and_reads_options_of_files(
    landsat: tuple[Path, Path], tmp_path: Path
) -> None:
    whole = run(*landsat, "-o", tmp_path / "whole.nc", *WORDS)
    assert whole.exit_code == 0, whole.output
    work = ("--stages", tmp_path / "work")
    assert run(*landsat, *work, "--until", "track", *WORDS).exit_code == 0
    toml, ini = tmp_path / "pair.toml", tmp_path / "pair.ini"
    toml.write_text("spacing = 10\n[search]\nchips = [16, 24]\nradius = 8\nthreads = 1\n", encoding="utf-8")
    ini.write_text(f"[track]\nspacing = 10\nchips = 16,24\nradius = 8\nthreads = 1\nout = {tmp_path}/ini.nc\n")
    done = run(*landsat, *work, "-o", tmp_path / "toml.nc", "--config", toml)
    assert done.exit_code == 0, done.output
    assert "prepare there, track there, filter made" in done.output
    assert run(*landsat, *work, "--config", ini).exit_code == 0
    granules = [xr.load_dataset(tmp_path / f"{name}.nc") for name in ("whole", "toml", "ini")]
    for granule in granules[1:]:
        same(granule, granules[0].copy())
    # What the command line says comes before the file.
    finer = run(*landsat, "-o", tmp_path / "finer.nc", "--config", toml, "--spacing", "20", "--quiet")
    assert finer.exit_code == 0, finer.output
    assert xr.load_dataset(tmp_path / "finer.nc").sizes["x"] == 17


def test_what_means_nothing_is_refused(landsat: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no stage"):
        track_stages(*landsat, tmp_path, until="all")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="out is where"):
        track_stages(*landsat, tmp_path)
    files = {"a.toml": "spacings = 10", "b.toml": "spacing = ", "c.ini": "spacing = 10", "d.toml": "dates = ['x']"}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    cases = [
        (["--config", tmp_path / "a.toml", "-o", tmp_path / "x.nc"], "no option; use backend"),
        (["--config", tmp_path / "b.toml", "-o", tmp_path / "x.nc"], "cannot be read as .toml"),
        (["--config", tmp_path / "c.ini", "-o", tmp_path / "x.nc"], "cannot be read as .ini"),
        (["--config", tmp_path / "d.toml", "-o", tmp_path / "x.nc"], "give 2"),
        (["--config", tmp_path / "none.toml", "-o", tmp_path / "x.nc"], "there is no file of options"),
        (["--until", "track"], "goes with --stages"),
        ([], "give --out"),
    ]
    for words, message in cases:
        done = run(*landsat, *words)
        assert (done.exit_code, message in done.output) == (1, True), done.output


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("max-speed = 'fast'", "max-speed = 'fast'"),
        ("chip = 20.5", "chip = 20.5"),
        ("spacing = [1, 2]", "spacing = [1, 2]"),
        ("overwrite = 3", "overwrite = 3"),
        ("band = 0", "band = 0"),
        ("filter = 'gauss'", "filter = 'gauss'"),
        ("max-speed = 3\nmax_speed = 4", "with - and with _"),
        ("[a.b]\nchip = 20", "'b'"),
        ("# \xff", "cannot be read as .toml"),
    ],
)
def test_an_option_of_a_file_that_means_nothing_is_told_with_key_and_file(
    landsat: tuple[Path, Path], tmp_path: Path, text: str, told: str
) -> None:
    (tmp_path / "odd.toml").write_text(text, encoding="latin-1")
    done = run(*landsat, "--config", tmp_path / "odd.toml", "-o", tmp_path / "x.nc")
    assert done.exit_code == 1, done.output
    assert "odd.toml" in done.output
    assert told in done.output
