"""Batches: granules of a list, an account of every pair, and going on where a run stopped."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from altiflow import Grid, build_cube, read_velocity
from altiflow.errors import InputError
from altiflow.tracking import TrackParameters, TrackPlan, read_pair_list, track_pairs, tracked_name
from altiflow.tracking.batch import REPORT

PLAN = TrackPlan(parameters=TrackParameters(spacing=10, chip=20, chips=None, radius=8, threads=1))


def test_every_pair_of_a_list_is_accounted_for_and_found_again(listed: Path, tmp_path: Path) -> None:
    report = track_pairs(listed, tmp_path / "out", plan=PLAN)
    assert report["status"].tolist() == ["tracked", "tracked", "failed"]
    assert "no valid pixel" in report["reason"][2]
    assert re.fullmatch(
        "LC80630182016200LGN00_X_LC80630182016216LGN00_G0150_[0-9a-f]{10}[.]nc", str(report["granule"][0])
    )
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


@pytest.fixture
def tiles(scenes: list[Path], tmp_path: Path) -> list[Path]:
    """Return three images of one file name, each in the folder of its day."""
    places = [tmp_path / day / "B08.tif" for day in ("20200101", "20200111", "20200121")]
    for place, scene in zip(places, scenes, strict=False):
        place.parent.mkdir()
        shutil.copy(scene, place)
    return places


def _row(first: Path, second: Path, days: tuple[str, str]) -> dict[str, Any]:
    return {"first": first, "second": second, "first_date": days[0], "second_date": days[1]}


def test_images_of_one_file_name_make_a_granule_each(tiles: list[Path], tmp_path: Path) -> None:
    rows = [
        _row(tiles[0], tiles[1], ("2020-01-01", "2020-01-11")),
        _row(tiles[1], tiles[2], ("2020-01-11", "2020-01-21")),
    ]
    report = track_pairs(rows, tmp_path / "out", plan=PLAN)
    assert report["status"].tolist() == ["tracked", "tracked"]
    assert report["granule"].nunique() == 2
    assert track_pairs(rows, tmp_path / "out", plan=PLAN)["status"].tolist() == ["there", "there"]
    for row, name in zip(rows, report["granule"], strict=True):
        with xr.open_dataset(tmp_path / "out" / name) as granule:
            told = json.loads(granule.attrs["track_images"])
            assert told["places"] == [str(row["first"]), str(row["second"])]
            assert tracked_name(granule) == name


def test_bands_of_one_scene_make_a_granule_each(scenes: list[Path], tmp_path: Path) -> None:
    rows = []
    for band in ("B4", "B8"):
        copies = [scene.with_name(scene.name.replace("B8", band)) for scene in scenes[:2]]
        for copy, scene in zip(copies, scenes, strict=False):
            if copy != scene:
                shutil.copy(scene, copy)
        rows.append({"first": copies[0], "second": copies[1]})
    report = track_pairs(rows, tmp_path / "out", plan=PLAN)
    assert (report["status"].tolist(), report["granule"].nunique()) == (["tracked", "tracked"], 2)


def test_a_granule_of_another_date_is_not_taken_for_this(tiles: list[Path], tmp_path: Path) -> None:
    rows = [_row(tiles[0], tiles[1], ("2020-01-01", "2020-01-11"))]
    track_pairs(rows, tmp_path / "out", plan=PLAN)
    rows[0]["second_date"] = "2020-01-12"
    report = track_pairs(rows, tmp_path / "out", plan=PLAN)
    assert "with other times of its images" in report["reason"][0]
    assert track_pairs(rows, tmp_path / "out", plan=PLAN, overwrite=True)["status"].tolist() == ["tracked"]
    field = read_velocity(tmp_path / "out")
    assert field["separation_days"].values.tolist() == [11.0]


def test_pairs_whose_granules_would_have_one_name_are_refused(tiles: list[Path], tmp_path: Path) -> None:
    near = tiles[0].parent / ".." / tiles[0].parent.name / tiles[0].name
    lists = [
        [{"first": tiles[0], "second": tiles[1]}, {"first": near, "second": tiles[1]}],
        [{"first": f"https://host.org/a.tif?sig={number}", "second": "https://host.org/b.tif"} for number in (1, 2)],
    ]
    for rows in lists:
        with pytest.raises(InputError, match="is there twice") as caught:
            track_pairs(rows, tmp_path / "out", plan=PLAN)
        assert "sig=" not in str(caught.value)


def test_times_of_a_table_of_pairs_are_those_of_the_images(tiles: list[Path], tmp_path: Path) -> None:
    times = {"start": pd.Timestamp("2020-01-01T10:11:12"), "end": pd.Timestamp("2020-01-11T22:11:12")}
    absent = {"first_date": np.nan, "second_date": pd.NaT}
    table = pd.DataFrame([{"first_url": str(tiles[0]), "second_url": str(tiles[1]), **times, **absent}])
    report = track_pairs(table, tmp_path / "out", plan=PLAN)
    assert report["status"].tolist() == ["tracked"], report["reason"][0]
    assert read_velocity(tmp_path / "out")["separation_days"].values.tolist() == [10.5]
    table.to_csv(tmp_path / "pairs.csv", index=False, na_rep="nan")
    listed = read_pair_list(tmp_path / "pairs.csv")
    assert (listed[0]["first_date"], listed[0]["second_date"]) == ("2020-01-01 10:11:12", "2020-01-11 22:11:12")
    assert track_pairs(listed, tmp_path / "out", plan=PLAN)["status"].tolist() == ["there"]
    stated = table.assign(first_date="2020-01-02", second_date="NaT")
    track_pairs(stated, tmp_path / "stated", plan=PLAN)
    assert float(read_velocity(tmp_path / "stated")["separation_days"][0]) == pytest.approx(9 + (22 + 11.2 / 60) / 24)


def test_midnights_of_a_table_do_not_hide_what_the_image_tells(scenes: list[Path], tmp_path: Path) -> None:
    lines = 'DATE_ACQUIRED = 2016-07-18\nSCENE_CENTER_TIME = "12:00:00.0Z"\n'
    (tmp_path / "LC80630182016200LGN00_MTL.txt").write_text(lines, encoding="utf-8")
    days = {"start": pd.Timestamp("2016-07-18"), "end": pd.Timestamp("2016-08-03")}
    track_pairs(pd.DataFrame([{"first": scenes[0], "second": scenes[1], **days}]), tmp_path / "out", plan=PLAN)
    assert read_velocity(tmp_path / "out")["separation_days"].values.tolist() == [15.5]


@pytest.mark.parametrize("absent", [np.nan, pd.NaT, None, "nan", " NaT ", "", pd.NA])
def test_places_that_are_absent_are_no_places(absent: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs first and second"):
        track_pairs([{"first": "a.tif", "second": absent}], tmp_path / "out")


def test_a_granule_that_another_process_wrote_meanwhile_stays(
    scenes: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"first": scenes[0], "second": scenes[1]}]
    track = TrackPlan.track

    def overtaken(self: TrackPlan, *words: Any) -> xr.Dataset:
        (tmp_path / "out" / name).write_bytes(b"theirs")
        return track(self, *words)

    name = str(track_pairs(rows, tmp_path / "before", plan=PLAN)["granule"][0])
    monkeypatch.setattr(TrackPlan, "track", overtaken)
    exists = Path.exists
    # write_tracked looks before the other process has written, and writes after.
    monkeypatch.setattr(Path, "exists", lambda path: path.name != name and exists(path))
    report = track_pairs(rows, tmp_path / "out", plan=PLAN)
    assert "is there already" in report["reason"][0]
    assert (tmp_path / "out" / name).read_bytes() == b"theirs"
    assert not list((tmp_path / "out").glob(".*"))


def test_a_plan_is_told_by_the_content_of_its_sources_without_logins(tmp_path: Path) -> None:
    axes = {"x": [0.0, 100.0], "y": [100.0, 0.0]}
    values = {name: (("time", "y", "x"), np.ones((1, 2, 2))) for name in ("vx", "vy")}
    field = xr.Dataset(values, axes, {"source": "one", "crs": "EPSG:3413", "units": "m yr-1"})
    same, other, moved = field.copy(deep=True), field.copy(deep=True), field.assign_coords(x=[50.0, 150.0])
    other["vx"][0, 0, 0] = 2.0
    daily = field.assign_attrs(units="m d-1")
    told = [replace(PLAN, prior=each).signature for each in (field, same, other, moved, daily)]
    assert told[0] == told[1]
    assert len(set(told)) == 4

    file = tmp_path / "rock.gpkg"
    for text in ("one", "three"):
        file.write_text(text, encoding="utf-8")
        told.append(replace(PLAN, ground=str(file)).signature)
    os.utime(file, ns=(1, 1))
    told.append(replace(PLAN, ground=file).signature)
    assert len(set(told[5:])) == 3
    (tmp_path / "prior").mkdir()
    for text in ("one", "three"):
        (tmp_path / "prior" / "vx.tif").write_text(text, encoding="utf-8")
        told.append(replace(PLAN, prior=tmp_path / "prior").signature)
    assert told[-1] != told[-2]

    outline = f"POLYGON (({', '.join(f'{place} 0' for place in range(2000))}))"
    assert outline in replace(PLAN, region=outline).signature

    signed = [f"https://me:word@host.org/rock.gpkg?X-Amz-Signature={token}" for token in ("abc", "def")]
    for name in ("prior", "ground", "region"):
        first, second = (replace(PLAN, **{name: place}).signature for place in signed)
        assert first == second
        assert "host.org/rock.gpkg" in first
        assert not any(secret in first for secret in ("word", "abc"))


def test_a_packing_that_rounds_the_unit_away_is_refused_before_anything_is_tracked() -> None:
    with pytest.raises(InputError, match="use units='m/yr'"):
        replace(PLAN, units="m/d", packing="its_live")


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
