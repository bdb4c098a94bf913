"""Batches: granules of a list, an account of every pair, and going on where a run stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from altiflow import Grid, build_cube, read_velocity
from altiflow.errors import InputError
from altiflow.tracking import TrackParameters, TrackPlan, read_pair_list, track_pairs
from altiflow.tracking.batch import REPORT

PLAN = TrackPlan(parameters=TrackParameters(spacing=10, chip=20, chips=None, radius=8, threads=1))
DAYS = ("200", "216", "232")


@pytest.fixture
def scenes(images: Any, write_image: Callable[..., Path], tmp_path: Path) -> list[Path]:
    """Return three images of Landsat's, the third like the first, and one without anything."""
    shown = (images[0], images[1], images[0])
    paths = [
        write_image(f"LC80630182016{day}LGN00_B8.TIF", image[:160, :160])
        for day, image in zip(DAYS, shown, strict=True)
    ]
    return [*paths, write_image("LC80630182016248LGN00_B8.TIF", np.full((160, 160), np.nan))]


@pytest.fixture
def listed(scenes: list[Path], tmp_path: Path) -> Path:
    """Return a list of three pairs by relative paths, of which the last is of no use."""
    rows = [(scenes[0].name, scenes[1].name), (scenes[1].name, scenes[2].name), (scenes[0].name, scenes[3].name)]
    pd.DataFrame(rows, columns=["first", "second"]).to_csv(tmp_path / "list.csv", index=False)
    return tmp_path / "list.csv"


def test_every_pair_of_a_list_is_accounted_for_and_found_again(listed: Path, tmp_path: Path) -> None:
    report = track_pairs(listed, tmp_path / "out", plan=PLAN)
    assert report["status"].tolist() == ["tracked", "tracked", "failed"]
    assert "no valid pixel" in report["reason"][2]
    assert report["granule"][0] == "LC80630182016200LGN00_X_LC80630182016216LGN00_G0150.nc"
    assert (report["cells"][0], report["measured"][0] > 100) == (256, True)
    pd.testing.assert_frame_equal(
        pd.read_csv(tmp_path / "out" / REPORT).fillna({"granule": "", "reason": ""}), report, check_dtype=False
    )
    stamps = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.nc")}
    again = track_pairs(listed, tmp_path / "out", plan=replace(PLAN, parameters=replace(PLAN.parameters, threads=2)))
    assert again["status"].tolist() == ["there", "there", "failed"]
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.nc")} == stamps
    assert again[["cells", "measured", "granule"]].equals(report[["cells", "measured", "granule"]])
    assert len(read_velocity(tmp_path / "out")["time"]) == 2
    cube = build_cube(tmp_path / "out", Grid.from_centres(32607, *(_axes(tmp_path / "out"))))
    assert dict(cube.sizes)["time"] == 2


def _axes(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    field = read_velocity(next(folder.glob("*.nc")))
    return field["x"].values, field["y"].values


def test_a_run_that_was_interrupted_goes_on(listed: Path, tmp_path: Path) -> None:
    pairs = read_pair_list(listed)
    track_pairs(pairs[:1], tmp_path / "out", plan=PLAN)
    report = track_pairs(pairs[:2], tmp_path / "out", plan=PLAN)
    assert report["status"].tolist() == ["there", "tracked"]


def test_granules_of_another_plan_are_not_taken_for_these(listed: Path, tmp_path: Path) -> None:
    pairs = read_pair_list(listed)[:1]
    track_pairs(pairs, tmp_path / "out", plan=PLAN)
    other = replace(PLAN, parameters=replace(PLAN.parameters, chip=24))
    report = track_pairs(pairs, tmp_path / "out", plan=other)
    assert "tracked in another way" in report["reason"][0]
    assert track_pairs(pairs, tmp_path / "out", plan=other, overwrite=True)["status"].tolist() == ["tracked"]
    next((tmp_path / "out").glob("*.nc")).write_bytes(b"cut")
    spoilt = track_pairs(pairs, tmp_path / "out", plan=other)
    assert "cannot be read" in spoilt["reason"][0]


def test_the_first_failure_stops_where_that_is_asked_for(scenes: list[Path], tmp_path: Path) -> None:
    rows = [{"first": scenes[0], "second": tmp_path / "none.tif"}, {"first": scenes[0], "second": scenes[1]}]
    with pytest.raises(InputError, match="there is no image"):
        track_pairs(rows, tmp_path / "out", plan=PLAN, on_error="raise")
    assert not list((tmp_path / "out").glob("*.nc"))


def test_dates_of_a_list_count_before_those_of_names(scenes: list[Path], tmp_path: Path) -> None:
    rows = [{"first": scenes[0], "second": scenes[1], "first_date": "2016-07-01", "second_date": "2016-07-09"}]
    track_pairs(rows, tmp_path / "out", plan=PLAN)
    field = read_velocity(tmp_path / "out")
    assert float(field["separation_days"][0]) == 8.0


def test_lists_that_mean_nothing_are_refused(tmp_path: Path) -> None:
    texts = {"columns.csv": "one,two\na,b\n", "empty.csv": "first,second\n", "half.csv": "first,second\na.tif,\n"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    cases: list[tuple[Any, str]] = [
        (tmp_path / "none.csv", "there is no list"),
        (tmp_path / "columns.csv", "it needs first and second"),
        (tmp_path / "empty.csv", "lists no pair"),
        (tmp_path / "half.csv", "line 2, names only one image"),
        ([], "list of pairs is empty"),
        ([{"first": "a.tif"}], "needs first and second"),
        ([{"first": "a.tif", "second": "b.tif"}] * 2, "is there twice"),
    ]
    for pairs, message in cases:
        with pytest.raises(InputError, match=message):
            track_pairs(pairs, tmp_path / "out")
    with pytest.raises(InputError, match="on_error"):
        track_pairs([{"first": "a.tif", "second": "b.tif"}], tmp_path / "out", on_error="stop")  # type: ignore[arg-type]
