"""The tracking panel: images, a pair, parameters, a run, its results; its code does the same again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
import xarray as xr
from affine import Affine
from scipy.ndimage import gaussian_filter, shift

import altiflow as af
from altiflow.errors import SearchError
from altiflow.explore.widget import TrackingPanel

TRANSFORM = Affine(15, 0, 465_067.5, 0, -15, 6_681_577.5)
MOVED = (1.25, -2.5)
"""Displacement (right, down) [px]."""
NAMES = ("LC80630182016200LGN00_B8.TIF", "LC80630182016216LGN00_B8.TIF")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of two images of Landsat's, one of another pixel, one of another map and one without a date."""
    place = tmp_path_factory.mktemp("images")
    texture = 20_000 + 9000 * gaussian_filter(np.random.default_rng(1).normal(size=(200, 220)), 1.5)
    moved = shift(texture, (MOVED[1], MOVED[0]), order=5, mode="nearest")

    def write(name: str, image: np.ndarray, transform: Affine = TRANSFORM, crs: str = "EPSG:32607") -> None:
        profile = {"driver": "GTiff", "height": image.shape[0], "width": image.shape[1], "count": 1, "dtype": "uint16"}
        with rasterio.open(place / name, "w", **profile, transform=transform, crs=crs) as out:
            out.write(np.clip(image, 1, 65535).astype(np.uint16), 1)

    write(NAMES[0], texture)
    write(NAMES[1], moved)
    write("LC80630182016232LGN00_B8.TIF", texture[::2, ::2], TRANSFORM @ Affine.scale(2))
    write("LC80630182016248LGN00_B8.TIF", texture, crs="EPSG:32608")
    write("undated.tif", moved)
    return place


@pytest.fixture
def panel(folder: Path) -> TrackingPanel:
    made = TrackingPanel()
    assert made.list_files(folder) is not None
    assert made.choose(0, 1)
    for name, text in (("spacing", "10"), ("radius", "6"), ("chips", ""), ("min_count", "50")):
        assert made.set(name, text)
    return made


@pytest.fixture(scope="module")
def tracked(folder: Path) -> TrackingPanel:
    """Return a panel that has tracked, on land that moves for once, for statistics."""
    made = TrackingPanel()
    made.list_files(folder)
    made.choose(0, 1)
    for name, text in (("spacing", "10"), ("radius", "6"), ("chips", ""), ("model", "none")):
        assert made.set(name, text)
    edge = shapely.box(465_067.5, 6_681_577.5 - 3000, 465_067.5 + 1500, 6_681_577.5)
    gpd.GeoSeries([edge], crs=32607).to_file(folder.parent / "rock.gpkg")
    assert made.set("ground", str(folder.parent / "rock.gpkg"))
    assert made.run() is not None, made.message
    return made


def heard(panel: TrackingPanel) -> list[str]:
    events: list[str] = []
    for event in ("changed", "found", "failed"):
        panel.listen(event, lambda event=event: events.append(event))  # type: ignore[misc]
    return events


def test_images_are_listed_and_only_those_that_fit_are_offered(folder: Path) -> None:
    panel = TrackingPanel()
    assert panel.window == "choose two images"
    assert panel.partners() == []
    panel.list_files(str(folder))
    assert panel.message == "5 images, 1 of which cannot be tracked"
    assert panel.describe_scenes()[0] == "2016-07-18 00:00  L8  063018  LC80630182016200LGN00_B8"
    assert panel.describe_scenes()[4] == "no date  undated"
    assert panel.choose(0)
    reasons = panel.partners()
    assert reasons[:2] == ["it is the first image", ""]
    assert reasons[2] == "pixels of another size (30 m, not 15 m)"
    assert reasons[3] == "another map (EPSG:32608, not EPSG:32607)"
    assert "does not tell when it was taken" in reasons[4]
    events = heard(panel)
    for second, told in ((2, "another size"), (0, "first image"), (9, "no image 9; 5 are listed"), (-1, "no image -1")):
        assert not panel.choose(0, second)
        assert told in panel.message
    assert events.count("failed") == 4
    assert not panel.choose(1, 0)
    assert "not taken after the first" in panel.message
    assert panel.run() is None
    assert "two images are not chosen" in panel.message


def test_what_cannot_be_listed_is_said(tmp_path: Path) -> None:
    panel = TrackingPanel()
    for given, told in (
        (str(tmp_path), "has no image"),
        ("", "no image is named"),
        ("nowhere", "no image, no folder and no list"),
    ):
        assert panel.list_files(given) is None
        assert told in panel.message
    assert panel.scenes is None
    assert not panel.choose(0, 1)


def test_files_are_named_a_line_each(folder: Path) -> None:
    panel = TrackingPanel()
    found = panel.list_files("\n".join(str(folder / name) for name in NAMES) + "\n\n")
    assert found is not None
    assert len(found) == 2


def test_an_image_without_a_date_is_tracked_with_the_dates_that_are_given(folder: Path) -> None:
    panel = TrackingPanel()
    panel.list_files(folder)
    panel.set_dates("2016-07-18", "2016-07-28")
    assert panel.choose(0, 4), panel.message
    assert panel.window.startswith("10.00 days apart")
    panel.set("radius", "6")
    granule = panel.run()
    assert granule is not None, panel.message
    assert float(granule["img_pair_info"].attrs["date_dt"]) == 10.0
    assert 'dates=("2016-07-18", "2016-07-28")' in panel.code


def test_the_window_follows_from_the_fastest_motion(panel: TrackingPanel) -> None:
    assert panel.window == "16.00 days apart, pixels of 15 m: looks 6 px far, which is 5.62 m/d along an axis"
    assert not panel.set("max_speed", "10")
    assert "radius=6 both say how far" in panel.message
    assert panel.set("radius", "")
    assert panel.set("max_speed", "10")
    assert "looks 11 px far" in panel.window
    for text, told in (("-3", "means nothing"), ("1e6", "no more than 1000 are looked through"), ("fast", "numbers")):
        assert not panel.set("max_speed", text)
        assert told in panel.message
        assert panel.answers["max_speed"] == 10
    assert not panel.set("radius", "5")


def test_a_run_is_the_call_of_the_library_and_the_code_does_it_again(panel: TrackingPanel, tmp_path: Path) -> None:
    events = heard(panel)
    granule = panel.run()
    assert granule is not None
    assert events == ["found"]
    assert panel.message.startswith("velocity on ")
    assert float(granule["dx"].median()) == pytest.approx(MOVED[0], abs=0.02)
    assert float(granule["dy"].median()) == pytest.approx(MOVED[1], abs=0.02)
    panel.write(tmp_path / "pair.nc")
    (tmp_path / "pair.nc").unlink()
    names: dict[str, Any] = {}
    exec(panel.code, names)
    again = names["granule"]
    for name in ("vx", "vy", "v_error"):
        np.testing.assert_array_equal(again[name].values, granule[name].values)
    assert again.attrs["track_parameters"] == granule.attrs["track_parameters"]
    assert (tmp_path / "pair.nc").exists()


def test_it_runs_in_a_thread_and_tells_how_far_it_is(panel: TrackingPanel) -> None:
    steps: list[tuple[str, int, int]] = []
    panel.work.listen("changed", lambda: steps.append((panel.work.step, panel.work.done, panel.work.total)))
    assert panel.start("tracking", panel.run)
    assert panel.work.wait(600)
    assert panel.granule is not None
    assert {"coarse search", "search", "between pixels"} & {step for step, _, _ in steps}


class Slow:
    """Does what altiflow does, but tracking waits until it is told to go on."""

    def __init__(self) -> None:
        self.begun, self.gate = Event(), Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(af, name)

    def track_pair(self, *_: Any, **__: Any) -> None:
        self.begun.set()
        while not self.gate.wait(0.01):
            pass


def test_a_run_that_is_given_up_leaves_no_result_and_another_may_begin(folder: Path) -> None:
    slow = Slow()
    panel = TrackingPanel(library=slow)
    panel.list_files(folder)
    panel.choose(0, 1)
    assert panel.start("tracking", panel.run)
    assert slow.begun.wait(30)
    assert not panel.start("tracking", panel.run)
    assert "tracking is not done yet" in panel.message
    panel.work.give_up()
    assert panel.work.wait(600)
    assert panel.message == "given up"
    assert panel.granule is None
    assert "track_pair" not in panel.code
    assert panel.start("listing", lambda: panel.list_files(folder))
    assert panel.work.wait(600)


def test_what_a_library_below_raises_is_said(folder: Path) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("out of luck")

    library = SimpleNamespace(list_scenes=af.list_scenes, read_scene_pair=af.read_scene_pair, track_pair=broken)
    panel = TrackingPanel(library=library)
    panel.list_files(folder)
    panel.choose(0, 1)
    assert panel.run() is None
    assert panel.message == "RuntimeError: out of luck"


def test_a_kernel_without_the_extra_says_what_to_install(panel: TrackingPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "cv2", None)
    assert panel.run() is None
    assert panel.message == "tracking needs OpenCV; install it with: pip install 'altiflow[track]'"


def test_a_region_that_was_drawn_is_what_is_tracked(panel: TrackingPanel) -> None:
    x, y = np.array([465_800.0, 467_200.0]), np.array([6_679_500.0, 6_680_800.0])
    box = gpd.GeoSeries([shapely.box(x[0], y[0], x[1], y[1])], crs=32607).to_crs(4326).iloc[0]
    panel.set_region(af.as_region(box))
    granule = panel.run()
    assert granule is not None
    assert granule.sizes["x"] < 12
    names: dict[str, Any] = {}
    exec(panel.code, names)
    assert names["granule"].sizes == granule.sizes
    panel.set_region(af.as_region((0, 0, 1, 1)))
    assert panel.run() is None
    assert "no pixel that both images have" in panel.message
    assert panel.granule is None


def test_a_run_that_finds_nothing_says_so(panel: TrackingPanel) -> None:
    panel.set("corr_min", "1")
    granule = panel.run()
    assert granule is not None
    assert panel.message.startswith("no displacement was found anywhere")
    assert panel.plot() is None
    assert "nothing to draw" in panel.message


def test_results_are_looked_at(tracked: TrackingPanel) -> None:
    for look, label in (
        ("speed", "ice speed"),
        ("directions", "ice speed"),
        ("correlation", "normalised correlation"),
        ("histogram", "v [m yr"),
    ):
        figure = tracked.plot(look)  # type: ignore[arg-type]
        assert figure is not None, tracked.message
        texts = " ".join(axes.get_xlabel() + axes.get_ylabel() for axes in figure.axes)
        assert label in texts
    assert tracked.plot("glory") is None  # type: ignore[arg-type]
    assert "choose speed, directions, correlation, histogram" in tracked.message
    lines = "\n".join(tracked.describe_result())
    assert "cells have a displacement" in lines
    assert "correction by stable ground not applied" in lines


def test_land_is_measured_in_the_words_of_the_library(tracked: TrackingPanel) -> None:
    told = tracked.measure_ground()
    granule = tracked.granule
    assert granule is not None
    spread = af.terrain_quality(granule, granule["ground"].values == 1)
    assert f"vx {spread.peak[0]:.3g}" in told
    names: dict[str, Any] = {}
    exec(tracked.code, names)
    assert names["spread"] == spread


def test_without_land_there_is_nothing_to_measure(panel: TrackingPanel) -> None:
    assert panel.measure_ground() == ""
    assert "nothing is tracked yet" in panel.message
    panel.run()
    assert panel.measure_ground() == ""
    assert "no land is known" in panel.message


def test_results_are_written_and_nothing_is_replaced(tracked: TrackingPanel, tmp_path: Path) -> None:
    granule = tracked.granule
    assert granule is not None
    for name in ("pair.nc", "speed.png", "speed.kmz", "layers"):
        assert tracked.write(tmp_path / name) == tmp_path / name, tracked.message
        assert tracked.write(tmp_path / name) is None
        assert "nothing is replaced" in tracked.message
    with xr.open_dataset(tmp_path / "pair.nc") as opened:
        np.testing.assert_array_equal(opened["vx"].values, granule["vx"].values)
    assert (tmp_path / "layers" / "vx.tif").exists()
    for name, told in (("speed.doc", "an overlay is written as"), (" ", "no file is named")):
        assert tracked.write(name) is None
        assert told in tracked.message


def test_nothing_is_written_or_drawn_before_a_run(panel: TrackingPanel, tmp_path: Path) -> None:
    assert panel.write(tmp_path / "a.nc") is None
    assert "nothing is tracked yet" in panel.message
    assert panel.plot() is None
    assert panel.describe_result() == []


def test_parameters_go_to_a_file_and_come_back(panel: TrackingPanel, tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    assert panel.write_parameters(path) == path
    assert json.loads(path.read_text())["spacing"] == 10
    assert panel.write_parameters(path) is None
    other = TrackingPanel()
    assert other.read_parameters(path)
    assert other.parameters.value == panel.parameters.value
    path.write_text('{"speed": 3}', encoding="utf-8")
    assert not other.read_parameters(path)
    assert "are no parameters of tracking" in other.message
    assert not other.read_parameters(tmp_path / "none.json")
    assert "no file" in other.message
    assert not other.set("speed", "3")
    assert "no parameter 'speed'" in other.message


def table_of(*rows: dict[str, Any]) -> gpd.GeoDataFrame:
    base = {"mission": "", "satellite": "S2A", "track": "07V", "cloud_percent": np.nan, "coverage": 1.0, "epsg": 32607}
    frame = pd.DataFrame([base | row for row in rows])
    frame["start"] = pd.to_datetime(frame["start"])
    return gpd.GeoDataFrame(frame, geometry=[shapely.box(-142, 60, -141, 61)] * len(rows), crs=4326)


@pytest.fixture
def asked() -> tuple[TrackingPanel, list[Any]]:
    calls: list[Any] = []

    def search(region: Any, **named: Any) -> gpd.GeoDataFrame:
        calls.append((region, named))
        if named.get("collection") == "none":
            raise SearchError("the service answered HTTP 500")
        return table_of(
            {"scene": "A", "url": "https://host/a.tif", "start": "2020-01-01"},
            {"scene": "B", "url": "https://host/b.tif", "start": "2020-01-11"},
            {"scene": "C", "url": "https://host/c.tif", "start": "2020-01-21", "epsg": 32606},
        )

    return TrackingPanel(library=SimpleNamespace(search_scenes=search)), calls


def test_a_service_is_searched_over_the_region_that_is_drawn(asked: tuple[TrackingPanel, list[Any]]) -> None:
    panel, calls = asked
    assert panel.search() is None
    assert "region is not given" in panel.message
    panel.set_region(af.as_region((-142, 60, -141, 61)))
    found = panel.search(source="http://stac", collection="s2", start="2020", end="", max_cloud=20.0)
    assert found is not None
    assert calls[-1][1] == {"start": "2020", "collection": "s2", "max_cloud": 20.0, "source": "http://stac"}
    assert "af.search_scenes(" in panel.code
    assert panel.choose(0, 1)
    assert panel.window == "10.00 days apart; the size of a pixel is known when they are opened"
    assert panel.partners()[2] == "another map (EPSG:32606, not EPSG:32607)"
    assert panel.set("max_speed", "30")
    assert panel.search("-142,60,-141,61", collection="none") is None
    assert panel.message == "the service answered HTTP 500"
    assert panel.scenes is None


def test_the_real_pair_is_tracked(data: Callable[[str], Path]) -> None:
    panel = TrackingPanel()
    names = [data(f"images/LC80630182016{day}LGN00_B8_yahtse.TIF") for day in (200, 216)]
    panel.list_files(names)
    assert "cloud 44 %" in panel.describe_scenes()[0]
    assert panel.choose(0, 1)
    answers = {"spacing": "24", "max_speed": "20", "ground": str(data("images/StEliasMtn_utm7v_rock.gmt"))}
    answers |= {"ground_crs": "EPSG:32607", "min_count": "100"}
    assert all(panel.set(name, text) for name, text in answers.items())
    assert panel.start("tracking", panel.run)
    assert panel.work.wait(600)
    granule = panel.granule
    assert granule is not None, panel.message
    assert np.isfinite(granule["v"].values).mean() > 0.8
    assert json.loads(granule.attrs["correction"])["applied"]
    front = granule.sel(x=slice(479_000, 480_500), y=slice(6_670_500, 6_669_000))
    assert 5.0 < float(front["v"].median()) / 365.25 < 20.0
