"""The skins of the points and the tracking panel, without a browser: what is clicked, and what is shown then."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr
from affine import Affine
from scipy.ndimage import gaussian_filter, shift

import altiflow as af
from altiflow.explore.cartography.style import EDGE, GROUPS
from altiflow.explore.widget import Explorer, MapView, PointPicker, PointsView, TrackingPanel, TrackingView

PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of two images that fit and one that does not."""
    place = tmp_path_factory.mktemp("images")
    texture = 20_000 + 9000 * gaussian_filter(np.random.default_rng(1).normal(size=(160, 160)), 1.5)
    for name, image, size in (
        ("LC80630182016200LGN00_B8.TIF", texture, 15),
        ("LC80630182016216LGN00_B8.TIF", shift(texture, (1, 2), order=5, mode="nearest"), 15),
        ("LC80630182016232LGN00_B8.TIF", texture, 30),
    ):
        profile = {"driver": "GTiff", "height": 160, "width": 160, "count": 1, "dtype": "uint16", "crs": "EPSG:32607"}
        where = Affine(size, 0, 465_067.5, 0, -size, 6_681_577.5)
        with rasterio.open(place / name, "w", **profile, transform=where) as out:
            out.write(np.clip(image, 1, 65535).astype(np.uint16), 1)
    return place


@pytest.fixture(scope="module")
def velocity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    bounds = np.array([["2020-01-01", "2020-01-17"], ["2020-02-01", "2020-02-17"]], "M8[ns]")
    axis = 240.0 * np.arange(20)
    field: xr.Dataset = af.build_field(
        np.full((2, 20, 20), 30.0),
        np.full((2, 20, 20), 40.0),
        x=-180_000 + axis,
        y=-2_280_000 + axis[::-1],
        crs=3413,
        time_bnds=bounds,
        units="m/yr",
        year_days=365.25,
        velocity_metric="map",
        metric_source="user",
        source="test",
    )
    return af.write_velocity(field, tmp_path_factory.mktemp("velocity") / "cube.nc")


def plain(text: str) -> str:
    return " ".join(re.sub("<[^>]+>", " ", text).split())


def click_map(view: MapView, lon: float, lat: float) -> None:
    view.map._handle_leaflet_event(None, {"event": "interaction", "type": "click", "coordinates": [lat, lon]}, [])


@pytest.fixture
def points() -> PointsView:
    return PointsView(PointPicker(), MapView())


@pytest.fixture
def tracking(folder: Path) -> TrackingView:
    made = TrackingView(TrackingPanel(), MapView())
    made.files.value = str(folder)
    made.list_files.click()
    assert made.panel.work.wait(600)
    return made


def test_clicks_on_the_map_pick_and_move_places(points: PointsView) -> None:
    assert points._map is not None
    click_map(points._map, -49.5, 69.1)
    click_map(points._map, 10.0, 80.0)
    assert points.places.options == ("P1", "P2")
    points.places.value = "P1"
    assert (points.name.value, points.lon.value, points.lat.value) == ("P1", "-49.500000", "69.100000")
    points.name.value = "trunk"
    points.change.click()
    points.move.click()
    click_map(points._map, -49.0, 69.0)
    assert points.picker.places == {"trunk": (-49.0, 69.0), "P2": (10.0, 80.0)}
    points.is_listening = False
    click_map(points._map, 0.0, 0.0)
    assert len(points.picker.places) == 2
    points.remove.click()
    assert len(points.picker.places) == 1
    points.clear.click()
    assert points.places.options == ()


def test_places_can_be_typed_without_a_map(velocity: Path, tmp_path: Path) -> None:
    view = PointsView(PointPicker())
    for field, text in ((view.lon, "x"), (view.lat, "69,1"), (view.name, "trunk")):
        field.value = text
    view.add.click()
    assert "is no place" in plain(view.status.note)
    view.lon.value = "-49.49"
    view.add.click()
    view.add.click()
    assert view.places.options == ("trunk", "P2")
    view.file.value = str(tmp_path / "p.csv")
    view.write.click()
    assert "written" in view.status.note
    view.clear.click()
    view.read.click()
    assert view.places.options == ("trunk", "P2")


def test_the_velocity_is_shown_as_a_picture_and_saved(points: PointsView, velocity: Path, tmp_path: Path) -> None:
    points.find_series.click()
    assert points.picker.work.wait(600)
    assert "no velocity is chosen" in plain(points.status.note)
    points.velocity.value = str(velocity)
    points.picker.add(-49.45, 69.12, "trunk")
    points.find_series.click()
    assert points.picker.work.wait(600)
    assert plain(points.status.note) in ("2 velocities at 1 of 1 places", "none of 1 points lies on the field")
    points.picker.move("trunk", *_inside(velocity))
    points.find_series.click()
    assert points.picker.work.wait(600)
    assert plain(points.status.note) == "2 velocities at 1 of 1 places"
    assert points.status.picture.value[:4] == PNG
    assert points.status.picture.layout.display == "block"
    assert points.value.options == ("speed", "vx", "vy")
    points.picker.add(0.0, -80.0, "a place without velocity")
    points.find_series.click()
    assert points.picker.work.wait(600)
    assert points._map is not None
    # The place with velocity has the first colour of the picture, though another one comes before it by name.
    assert [mark.fill_color for mark in points._map.map.layers[-1].layers] == [GROUPS[0], EDGE]
    before = points.status.picture.value
    points.value.value = "vx"
    assert points.status.picture.value != before
    points.out.value = str(tmp_path / "series.zip")
    points.save.click()
    assert (tmp_path / "series.zip").exists()
    assert "write_series(" in plain(points.status.code)


def _inside(velocity: Path) -> tuple[float, float]:
    import pyproj

    field = af.read_velocity(velocity)
    x, y = (float(field[name].values[5:7].mean()) for name in ("x", "y"))
    lon, lat = pyproj.Transformer.from_crs(3413, 4326, always_xy=True).transform(x, y)
    return float(lon), float(lat)


def test_segments_are_shown_after_the_velocity(points: PointsView, tmp_path: Path) -> None:
    table = af.read_segments(af.make_sample(tmp_path / "sample").granules[:1])
    first = table.iloc[len(table) // 2]
    points.segments.value = str(af.write_table(table, tmp_path / "segments.parquet"))
    points.picker.add(float(first.longitude), float(first.latitude))
    points.radius.value = 20.0
    points.find_segments.click()
    assert points.picker.work.wait(600)
    assert "segments within 20000 m" in plain(points.status.note)
    assert "freeboard" in points.value.options
    points.value.value = "freeboard"
    assert points.status.picture.value[:4] == PNG
    points.out.value = str(tmp_path / "near.csv")
    points.save.click()
    assert len(pd.read_csv(tmp_path / "near.csv", skiprows=1)) == len(points.picker.segments)  # type: ignore[arg-type]


def test_only_images_that_fit_can_be_the_second_one(tracking: TrackingView) -> None:
    assert len(tracking.first.options) == 3
    assert tracking.run.disabled
    tracking.first.value = 0
    assert [number for _, number in tracking.second.options] == [1]
    assert "1: pixels of another size (30 m, not 15 m)" in plain(tracking.refused.value)
    assert "choose two images" in tracking.window.value
    tracking.second.value = 1
    assert "16.00 days apart" in tracking.window.value
    assert not tracking.run.disabled
    tracking.first.value = 1
    assert tracking.second.options == ()
    assert tracking.run.disabled


def test_every_parameter_has_a_field_with_unit_and_help(tracking: TrackingView) -> None:
    assert set(tracking.fields) == set(tracking.panel.questions)
    for name, field in tracking.fields.items():
        assert field.tooltip == tracking.panel.questions[name].help
    assert tracking.fields["search"].options[:2] == ("coarse-to-fine", "full")
    assert tracking.fields["radius"].value == ""


def test_an_answer_that_is_refused_is_said_and_taken_back(tracking: TrackingView) -> None:
    tracking.fields["spacing"].value = "0"
    assert "whole number from 1 to 10000" in plain(tracking.status.note)
    assert "altiflow-bad" in tracking.status.note
    assert tracking.fields["spacing"].value == "10"
    tracking.fields["spacing"].value = "12"
    assert tracking.panel.parameters.value.spacing == 12
    tracking.fields["prefilter"].value = "box"
    assert tracking.panel.parameters.value.prefilter == "box"
    tracking.fields["backend"].value = "torch-cpu"
    assert tracking.fields["backend"].value == "opencv"


def test_a_run_shows_progress_and_its_result_as_a_picture(tracking: TrackingView, tmp_path: Path) -> None:
    assert tracking.save.disabled
    for name, text in (("radius", "6"), ("chips", "")):
        tracking.fields[name].value = text
    assert tracking.panel.answers["chips"] is None
    tracking.first.value = 0
    tracking.second.value = 1
    tracking.run.click()
    assert tracking.panel.work.wait(600)
    assert plain(tracking.status.note).startswith("velocity on ")
    assert tracking.status.picture.value[:4] == PNG
    assert not tracking.save.disabled
    before = tracking.status.picture.value
    tracking.look.value = "histogram"
    assert tracking.status.picture.value != before
    tracking.out.value = str(tmp_path / "pair.nc")
    tracking.save.click()
    assert (tmp_path / "pair.nc").exists()
    tracking.save.click()
    assert "nothing is replaced" in tracking.status.note
    tracking.ground.click()
    assert "no land is known" in tracking.status.note
    assert "cells have a displacement" in plain(tracking.status._said.value)


def test_parameters_are_written_and_read(tracking: TrackingView, tmp_path: Path) -> None:
    tracking.file.value = str(tmp_path / "p.json")
    tracking.fields["spacing"].value = "14"
    tracking.keep.click()
    tracking.fields["spacing"].value = "10"
    tracking.load.click()
    assert tracking.fields["spacing"].value == "14"


def test_a_search_without_a_region_and_bad_cloud_are_said(tracking: TrackingView) -> None:
    tracking.search.click()
    assert tracking.panel.work.wait(600)
    assert "region is not given" in plain(tracking.status.note)
    tracking.panel.set_region(af.as_region((0, 0, 1, 1)))
    tracking.cloud.value = "much"
    tracking.search.click()
    assert tracking.panel.work.wait(600)
    assert "max_cloud is a share" in plain(tracking.status.note)


def test_dates_are_typed(tracking: TrackingView) -> None:
    tracking.dates.value = "2016-07-18, 2016-07-28"
    assert tracking.panel.dates == ("2016-07-18", "2016-07-28")
    tracking.dates.value = ""
    assert tracking.panel.dates is None


def test_long_lists_are_cut(tracking: TrackingView) -> None:
    table = tracking.panel.scenes
    assert table is not None
    many = pd.concat([table] * 200, ignore_index=True)
    tracking.panel._script.values["scenes"] = many
    tracking._show()
    assert len(tracking.first.options) == 300
    assert "the first 300 of 600" in plain(tracking.refused.value)


def test_without_opencv_the_panel_says_what_to_install(tracking: TrackingView, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    tracking.first.value = 0
    tracking.second.value = 1
    tracking.run.click()
    assert tracking.panel.work.wait(600)
    assert "pip install 'altiflow[track]'" in plain(tracking.status.note).replace("&#x27;", "'")


def test_the_panels_are_tabs_of_the_widget_and_only_the_open_one_listens(velocity: Path) -> None:
    whole = Explorer()
    assert whole.tabs.titles == ("Search", "Points", "Tracking")
    click_map(whole.view, 10.0, 80.0)
    assert whole.points.places == {}
    whole.tabs.selected_index = 1
    click_map(whole.view, 10.0, 80.0)
    assert whole.points.places == {"P1": (10.0, 80.0)}
    whole.points.set_velocity(str(velocity))
    whole.points.move("P1", *_inside(velocity))
    whole.points.find_series()
    assert "af.series_at(" in whole.code
    names: dict[str, Any] = {}
    exec(whole.code, names)
    assert len(names["table"]) == 2
