"""The map keeps what lies on it in every projection; the search box says what its panel knows."""

from __future__ import annotations

import builtins
import importlib.util
import sys
import urllib.error
import urllib.request
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr

import altiflow as af
from altiflow.errors import InputError
from altiflow.explore.widget import Explorer, MapView, SearchPanel, SearchQuestion
from altiflow.explore.widget.extra import check_extra
from altiflow.explore.widget.skin import SearchBox
from altiflow.explore.widget.skin.parts import bars
from altiflow.readers.field import build_field
from altiflow.region import Region

open_address = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


def drawn(view: MapView, kind: str, coordinates: Any) -> None:
    """Do what the browser tells when something was drawn."""
    message = {"event": "draw:created", "geo_json": {"geometry": {"type": kind, "coordinates": coordinates}}}
    view._draw._handle_leaflet_event(None, message, [])


def names_on(view: MapView) -> list[str]:
    return [layer.name for layer in view.map.layers]


RING = [[-50, 69], [-48, 69], [-48, 70], [-50, 70], [-50, 69]]


def test_what_lies_on_the_map_is_there_in_every_projection() -> None:
    view = MapView()
    table = gpd.GeoDataFrame(geometry=[shapely.box(-50, 69, -48, 70), None], crs=4326)
    assert view.show_footprints(table) == 1
    view.mark([(-49.0, 69.5), (170.0, -80.0)])
    view.show_legend("<b>speed</b>")
    drawn(view, "Polygon", [RING])
    before = names_on(view)
    for epsg in (3031, 3857, 3413):
        view.set_projection(epsg)
        assert names_on(view) == before == ["land", "footprints", "region", "points"]
        held = {layer.name: layer for layer in view.map.layers}
        assert len(held["footprints"].data["features"]) == 1
        assert len(held["region"].data["features"]) == 1
        assert [circle.location for circle in held["points"].layers] == [[69.5, -49.0], [-80.0, 170.0]]
        assert view.box.children == (view.map,)
    with pytest.raises(InputError, match="32633"):
        view.set_projection(32633)


def test_a_polygon_or_a_point_is_a_region_and_a_deleted_one_is_none() -> None:
    view, told = MapView(radius_km=20), []
    view.on_drawn(told.append)
    drawn(view, "Polygon", [RING])
    drawn(view, "Point", [-409.5, 69.2])
    assert told[0].contains([-49.0], [69.5]).all()
    assert told[1].source == "within 20 km of -49.5,69.2"
    drawn(view, "Polygon", [[[0, 70], [0, 70], [0, 70]]])
    view._draw._handle_leaflet_event(None, {"event": "draw:deleted", "geo_json": {"geometry": None}}, [])
    assert told[2:] == [None, None]


@pytest.mark.parametrize(("given", "lon"), [(10.0, 10.0), (190.0, -170.0), (-550.0, 170.0), (725.0, 5.0)])
def test_clicks_beyond_the_antimeridian_are_on_the_globe(given: float, lon: float) -> None:
    view, told = MapView(epsg=3857), []
    view.on_click(lambda *place: told.append(place))
    view.map._handle_leaflet_event(None, {"event": "interaction", "type": "click", "coordinates": [61.0, given]}, [])
    view.map._handle_leaflet_event(None, {"event": "interaction", "type": "mousemove", "coordinates": [0.0, 0.0]}, [])
    assert told == [(lon, 61.0)]


def test_the_map_goes_to_a_window_and_shows_it_whole() -> None:
    view = MapView()
    view.look_at((-3.2e5, -2.6e6, 0.0, -2.3e6))
    lat, lon = view.map.center
    assert view.plane.project([lon], [lat])[0] == pytest.approx([-1.6e5, -2.45e6], abs=1)
    # 320 km in 640 pixels.
    assert view.plane.resolution(view.map.zoom) >= 500
    assert view.plane.resolution(view.map.zoom + 1) < 3e5 / 440


def test_more_footprints_than_a_browser_bears_are_counted() -> None:
    many = gpd.GeoDataFrame({"granule": range(1200)}, geometry=[shapely.box(-50, 69, -48, 70)] * 1200, crs=4326)
    counts = pd.DataFrame({"year": [2019], "month": [1], "mission": ["landsat"], "count": [1200]})
    library = SimpleNamespace(search_pairs=lambda **named: many, count_by=lambda table, facet: counts[[facet, "count"]])
    panel = SearchPanel(SearchQuestion(region="-50,69,-48,70"), library=library)
    box = SearchBox(panel, MapView())
    panel.search()
    assert "1,200 image pairs found; the map shows 1,000 of 1,200" in box._message.value


def test_the_search_box_and_its_panel_say_the_same() -> None:
    panel, view = SearchPanel(), MapView()
    box = SearchBox(panel, view)
    fields = box._fields
    fields["start"].value, fields["max_separation"].value, fields["mission"].value = "2019", "64", "landsat"
    assert (panel.question.start, panel.question.max_separation, panel.question.mission) == ("2019", 64.0, "landsat")
    fields["region"].value = "-50,69,-48,70"
    assert panel.question.region == "-50,69,-48,70"
    assert len(view._held["outline"].data["features"]) == 1
    drawn(view, "Polygon", [RING])
    assert isinstance(panel.question.region, Region)
    assert fields["region"].value == ""
    assert "polygon of 4 corners" in box._place.value
    panel.question = SearchQuestion(product="ATL10", end="2020")
    assert (fields["product"].value, fields["end"].value, fields["start"].value) == ("ATL10", "2020", "")
    assert box._of_pairs.layout.display == "none"


def test_what_goes_wrong_is_said_and_text_of_others_is_no_page() -> None:
    panel = SearchPanel(SearchQuestion(region="-50,69,-48,70", source="<b>no.parquet"))
    box = SearchBox(panel, MapView())
    panel.search()
    assert "altiflow-bad" in box._message.value
    assert "&lt;b&gt;no.parquet" in box._message.value
    table = pd.DataFrame({"mission": ["<i>x</i>", None], "count": [3, 1]})
    assert "&lt;i&gt;x" in bars({"mission": table})
    assert "not told" in bars({"mission": table})


def test_months_without_any_are_seen() -> None:
    shown = bars({"month": pd.DataFrame({"month": [1, 12], "count": [3, 1]})})
    assert shown.count("<div>0<i") == 10


def ice() -> xr.Dataset:
    """Return ice of 100 m/yr, with faster rows in the north."""
    x, y = -2e5 + np.arange(20) * 5e3, -2.3e6 - np.arange(20) * 5e3
    vx = np.full((1, 20, 20), 100.0)
    vx[0, 0] = 900.0
    bounds = np.array([["2019-01-01", "2020-01-01"]], "M8[ns]")
    return build_field(
        vx, 0 * vx, x=x, y=y, time_bnds=bounds, crs="EPSG:3413", units="m/yr", year_days=365.25,
        velocity_metric="ground", metric_source="user", source="test",
    )  # fmt: skip


def test_tiles_are_served_while_the_widget_is_seen() -> None:
    explorer = af.open_explorer(ice())
    try:
        address = explorer.view.map.layers[1].url
        for count in (1, 2, 1, 0):
            assert answers(address)
            explorer.box._view_count = count
        assert not answers(address)
        explorer.box._view_count = 1
        assert names_on(explorer.view)[:2] == ["land", "ice speed"]
        assert answers(explorer.view.map.layers[1].url)
        explorer.show_field(None)
        explorer.box._view_count = 0
    finally:
        explorer.close()


def answers(address: str) -> bool:
    """Return whether the server of a tile answers."""
    try:
        open_address(address.format(z=0, x=0, y=0)).close()
    except urllib.error.URLError:
        return False
    return True


def test_the_speed_of_a_field_lies_under_all_in_every_projection() -> None:
    field = ice()
    explorer = af.open_explorer(field)
    try:
        assert isinstance(explorer, Explorer)
        for epsg in (3413, 3857):
            explorer.view.set_projection(epsg)
            assert names_on(explorer.view)[:2] == ["land", "ice speed"]
            assert f"/tiles/speed/{epsg}/" in explorer.view.map.layers[1].url
        assert "ice speed [m/yr]" in explorer.view._legend.value
        explorer._imagery.value = True
        assert names_on(explorer.view)[:3] == ["land", "Blue Marble", "ice speed"]
        explorer._speed.value = False
        assert "ice speed" not in names_on(explorer.view)
        assert explorer.view._legend.value == ""
        with pytest.raises(InputError, match="layer=7"):
            explorer.show_field(field, layer=7)
        explorer.show_field(None)
        assert "application/vnd.jupyter.widget-view+json" in str(explorer._repr_mimebundle_())
    finally:
        explorer.close()


def test_nothing_of_a_network_is_asked_for_unless_it_is_ticked() -> None:
    explorer = af.open_explorer()
    assert all(getattr(layer, "url", "") == "" for layer in explorer.view.map.layers)
    explorer.close()


def test_a_missing_extra_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        "altiflow.explore.widget.extra.find_spec", lambda name: None if name == "ipyleaflet" else real(name)
    )
    with pytest.raises(InputError, match=r"ipyleaflet.*pip install 'altiflow\[explore\]'"):
        check_extra()


def test_the_panel_needs_no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    really = builtins.__import__

    def refuse(name: str, *given: Any, **named: Any) -> Any:
        if name.partition(".")[0] in ("ipyleaflet", "ipywidgets", "fastapi", "uvicorn", "duckdb"):
            raise ImportError(name)
        return really(name, *given, **named)

    for name in [one for one in sys.modules if one.startswith("altiflow.explore.widget")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", refuse)
    widget = importlib.import_module("altiflow.explore.widget")
    assert widget.SearchPanel().code == ""
