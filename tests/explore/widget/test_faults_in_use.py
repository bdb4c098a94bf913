"""What goes wrong in use is said, nothing typed is passed over, and nothing is left behind."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import geopandas as gpd
import ipywidgets
import numpy as np
import pandas as pd
import pytest
import shapely

import altiflow as af
from altiflow.errors import InputError
from altiflow.explore.widget import Explorer, MapView, SearchPanel
from altiflow.explore.widget.skin import SearchBox
from altiflow.region import Region, as_region

RING = [[-50, 69], [-48, 69], [-48, 70], [-50, 70], [-50, 69]]


def drawn(view: MapView, kind: str, coordinates: Any) -> None:
    """Do what the browser tells when something was drawn: the event first, then all that lies there."""
    shape = {"type": "Feature", "properties": {}, "geometry": {"type": kind, "coordinates": coordinates}}
    view._draw._handle_leaflet_event(None, {"event": "draw:created", "geo_json": shape}, [])
    view._draw.set_state({"data": [*view._draw.data, shape]})


def said(box: SearchBox) -> str:
    return re.sub("<[^>]+>", "", box._message.value)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an index of simulated image pairs."""
    return Path(af.make_pairs(tmp_path_factory.mktemp("pairs"), pairs=3).index)


def test_what_is_drawn_takes_the_place_of_what_was_drawn_before() -> None:
    view = MapView()
    for kind, where in (("Point", [-49, 69]), ("Polygon", [RING]), ("Point", [10, 80])):
        drawn(view, kind, where)
        assert [shape["geometry"] for shape in view._draw.data] == [{"type": kind, "coordinates": where}]


@pytest.mark.parametrize("epsg", [3413, 3857])
def test_a_drawing_without_area_is_refused_in_words(epsg: int) -> None:
    view = MapView(epsg=epsg)
    panel = SearchPanel()
    box = SearchBox(panel, view)
    drawn(view, "Polygon", [RING])
    drawn(view, "Polygon", [[[0, 70], [0, 70], [0, 70]]])
    assert "three corners at least" in said(box)
    assert panel.question.region is None


def test_the_outline_of_a_region_has_no_cut_along_the_antimeridian_or_to_the_pole() -> None:
    view = MapView()
    regions = (as_region("north of 80"), as_region((170, -80, -170, -75)),
               view.plane.enclose([(0, 80), (90, 80), (180, 80), (-90, 80)]))  # fmt: skip
    for region, corners in zip(regions, ((80, 80), (-80, -75), (80, 80)), strict=True):
        view.show_region(region)
        (feature,) = view._held["outline"].data["features"]
        lines = [np.array(line) for line in feature["geometry"]["coordinates"]]
        for line in lines:
            assert not ((np.abs(line[:-1, 0]) == 180) & (np.abs(line[1:, 0]) == 180)).any()
            assert np.abs(line[:, 1]).max() < 90
            # Short enough to be round where the map bends them.
            assert np.abs(np.diff(line, axis=0)).max() <= 1.0 + 1e-9 or corners == (80, 80)
        assert {round(float(line[:, 1].min()), 6) for line in lines} >= {corners[0]}
    length = sum(shapely.LineString(line).length for line in lines)
    assert length >= 360 - 1e-6


def test_a_region_without_seams_is_outlined_whole() -> None:
    view = MapView()
    view.show_region(as_region((-50, 69, -48, 70)))
    (feature,) = view._held["outline"].data["features"]
    assert shapely.geometry.shape(feature["geometry"]).length == pytest.approx(6.0)


def test_a_footprint_across_the_antimeridian_is_drawn_without_the_cut() -> None:
    view = MapView()
    across = shapely.MultiPolygon([shapely.box(179, 70, 180, 71), shapely.box(-180, 70, -179, 71)])
    view.show_footprints(gpd.GeoDataFrame(geometry=[across, shapely.box(0, 70, 1, 71)], crs=4326))
    first, second = (shapely.geometry.shape(each["geometry"]) for each in view._held["footprints"].data["features"])
    assert first.length == pytest.approx(6.0)
    assert second.geom_type == "Polygon"


def test_a_region_can_be_taken_away_in_another_projection() -> None:
    view, panel = MapView(), SearchPanel()
    box = SearchBox(panel, view)
    assert box._forget.layout.visibility == "hidden"
    drawn(view, "Polygon", [RING])
    view.set_projection(3857)
    assert isinstance(panel.question.region, Region)
    assert box._forget.layout.visibility == "visible"
    box._forget.click()
    assert panel.question.region is None
    assert view._held["outline"].data["features"] == []
    view.set_projection(3413)
    assert view._held["outline"].data["features"] == []


@pytest.mark.parametrize("name", ["min_separation", "max_separation", "percent_valid_pixels"])
def test_what_is_no_number_is_refused_and_not_passed_over(name: str, index: Path) -> None:
    panel = SearchPanel()
    box = SearchBox(panel, MapView())
    box._fields["source"].value = str(index)
    box._fields[name].value = "12,5"
    assert panel.search() is None
    assert name in said(box)
    assert "12,5" in said(box)
    assert box._fields[name].value == "12,5"
    box._fields[name].value = " "
    assert len(panel.search()) == 3


def test_an_error_is_gone_once_a_picture_is_drawn(index: Path) -> None:
    panel = SearchPanel()
    box = SearchBox(panel, MapView())
    box._fields["source"].value = str(index)
    panel.search()
    panel.build_cube()
    assert "altiflow-bad" in box._message.value
    box._plot()
    assert said(box) == "3 image pairs found"
    assert "altiflow-bad" not in box._message.value


def test_the_code_has_a_picture_that_is_drawn_anew() -> None:
    explorer = Explorer()
    table = pd.DataFrame(
        {"point": ["A"], "vx": [1.0], "vy": [2.0], "speed": [2.2], "mid": pd.to_datetime(["2020-01-01"])}
    )
    explorer.points._script.values["table"] = table
    explorer.points.plot("vx")
    assert 'af.draw_series(table, "vx"' in explorer._code.box.value.replace("&quot;", '"')
    explorer.close()


def test_a_closed_widget_leaves_no_part_of_itself() -> None:
    before = set(ipywidgets.widgets.widget._instances)
    explorer = Explorer()
    explorer.view.set_projection(3857)
    begun = explorer.search.start("long", lambda: [None for _ in iter(lambda: __import__("time").sleep(0.01), 1)])
    assert begun
    while not explorer.search.work._is_open:
        pass
    explorer.close()
    explorer.close()
    assert explorer.search.work.wait(600)
    assert set(ipywidgets.widgets.widget._instances) - before == set()


def test_speed_can_be_switched_once_there_is_a_field() -> None:
    assert Explorer()._speed.disabled


def test_footprints_are_no_segments(index: Path) -> None:
    pairs = af.search_pairs(source=str(index))
    for source in (pairs, str(index)):
        with pytest.raises(InputError, match="Polygon"):
            af.find_near(source, {"A": (-98.9, -75.3)}, radius_m=5000)


def test_every_module_that_needs_no_extra_is_imported_without_one() -> None:
    """As the check of the wheel does it, which walks through all packages, those that need an extra too."""
    code = """
import importlib, importlib.util, pkgutil, sys
gone = {"ipyleaflet", "ipywidgets", "fastapi", "uvicorn", "duckdb"}
class Nowhere:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in gone:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Nowhere())
really = importlib.util.find_spec
importlib.util.find_spec = lambda name, *given: None if name in gone else really(name, *given)
import altiflow.explore
needs = (".explore.service", ".explore.widget.skin", ".explore.widget.maps")
for module in pkgutil.walk_packages(altiflow.explore.__path__, "altiflow.explore."):
    if not any(part in module.name for part in needs):
        importlib.import_module(module.name)
for name in ("Explorer", "write_tiles"):
    try:
        getattr(importlib.import_module("altiflow.explore.widget"), name)
    except altiflow.errors.InputError as error:
        print(error)
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.count("pip install 'altiflow[explore]'") == 2


def test_nothing_is_drawn_while_clicks_pick_places() -> None:
    explorer = Explorer()
    for number, title in enumerate(explorer.tabs.titles):
        explorer.tabs.selected_index = number
        for epsg in (3413, 3857):
            explorer.view.set_projection(epsg)
            assert ("altiflow-picking" in explorer.view.map._dom_classes) == (title == "Points")
    explorer.close()
