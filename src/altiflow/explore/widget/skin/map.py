"""The map: ipyleaflet's in a projection that can be changed, with what lies on it and what is drawn on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import geopandas as gpd
import ipyleaflet
import ipywidgets
import numpy as np
import shapely

from altiflow.errors import InputError
from altiflow.explore.cartography.style import COAST, GROUPS, LAND, MARK
from altiflow.explore.widget.maps import Plane, as_plane, coast_of
from altiflow.explore.widget.skin.parts import close_all
from altiflow.region import Region, as_region, turn_longitudes

__all__ = ["MapView"]

_MOST_FOOTPRINTS = 1000
"""Footprints that are drawn; browsers grow slow with more."""
_LONGEST = 1.0
"""Longest line of an edge [degrees], as edges are straight in degrees and bent on polar maps."""
_SHAPE = {"color": MARK, "weight": 2, "fillOpacity": 0.08}


class MapView:
    """A map with land, layers, footprints and marks, which tells where it is clicked and what is drawn on it.

    Parameters
    ----------
    epsg
        Code of the projection: 3413, 3031 or 3857.
    height
        Of the map, in CSS.
    radius_km
        Radius of the region that a point stands for [km].

    Attributes
    ----------
    box
        The widget; ``box.children[0]`` is ipyleaflet's map, another one in every projection.
    plane
        The projection.
    """

    def __init__(self, *, epsg: int = 3413, height: str = "540px", radius_km: float = 5.0) -> None:
        self.plane: Plane = as_plane(epsg)
        self.radius_km = radius_km
        self.box = ipywidgets.VBox(layout=ipywidgets.Layout(width="100%", flex="1 1 auto"))
        self._height = height
        self._layers: list[Any] = []
        self._footprints: gpd.GeoDataFrame | None = None
        self._outline: Region | None = None
        self._is_picking = False
        self._marks: tuple[tuple[tuple[float, float], ...], tuple[str, ...]] = ((), ())
        self._clicked: list[Callable[[float, float], None]] = []
        self._drawn: list[Callable[[Region | None], None]] = []
        self._refused: list[Callable[[str], None]] = []
        self._turned: list[Callable[[], None]] = []
        self._held: dict[str, Any] = {}
        self._legend = ipywidgets.HTML()
        self._build(self.plane.middle, 1 if self.plane.proj4 else 2)

    @property
    def map(self) -> ipyleaflet.Map:
        """The map of ipyleaflet, another one in every projection."""
        return self._map

    def on_click(self, listener: Callable[[float, float], None]) -> None:
        """Tell a listener (lon, lat) [degrees] of clicks, longitudes -180 to 180."""
        self._clicked.append(listener)

    @property
    def is_picking(self) -> bool:
        """Whether clicks are for picking places: nothing can be drawn meanwhile, as every corner is a click too."""
        return self._is_picking

    @is_picking.setter
    def is_picking(self, value: bool) -> None:
        self._is_picking = value
        (self._map.add_class if value else self._map.remove_class)("altiflow-picking")

    def on_drawn(self, listener: Callable[[Region | None], None]) -> None:
        """Tell a listener the region of what is drawn, None when it is taken away."""
        self._drawn.append(listener)

    def on_refused(self, listener: Callable[[str], None]) -> None:
        """Tell a listener why what is drawn is no region."""
        self._refused.append(listener)

    def on_projection(self, listener: Callable[[], None]) -> None:
        """Tell a listener that the projection is another one; layers of tiles are those of the old one still."""
        self._turned.append(listener)

    def add_layer(self, layer: Any) -> None:
        """Put a layer of ipyleaflet above the land and below footprints and marks; it stays in every projection."""
        if layer not in self._layers:
            self._layers.append(layer)
            self._stack()

    def remove_layer(self, layer: Any) -> None:
        """Take a layer away, and close it; one that is not there is no matter."""
        if layer in self._layers:
            self._layers.remove(layer)
            self._stack()
            close_all(layer)

    def show_footprints(self, table: gpd.GeoDataFrame | None) -> int:
        """Draw the footprints of a catalogue, None for none, and return how many: the first thousand at most."""
        self._footprints = table
        return self._draw_footprints()

    def show_region(self, region: Region | None) -> None:
        """Draw the outline of a region that was not drawn on the map, None for none."""
        self._outline = region
        data = _collection([] if region is None else [_edge_of(region.geometry)])
        self._hold("outline", ipyleaflet.GeoJSON(data=data, style={**_SHAPE, "fillOpacity": 0.0}, name="region"))

    def mark(self, points: Sequence[tuple[float, float]], colours: Sequence[str] = ()) -> None:
        """Mark points (lon, lat) [degrees] in colours that follow each other, instead of those marked before."""
        self._marks = (tuple(points), tuple(colours) or GROUPS)
        circles = [
            ipyleaflet.CircleMarker(
                location=(lat, lon),
                radius=7,
                weight=2,
                color="#ffffff",
                fill_color=self._marks[1][number % len(self._marks[1])],
                fill_opacity=1.0,
            )
            for number, (lon, lat) in enumerate(self._marks[0])
        ]
        self._hold("marks", ipyleaflet.LayerGroup(layers=circles, name="points"))

    def set_projection(self, epsg: int) -> None:
        """Show the map in another projection, with all that lies on it; what was drawn stays as an outline.

        Raises
        ------
        InputError
            If the widget has no such projection.
        """
        plane = as_plane(epsg)
        if plane is self.plane:
            return
        self.plane = plane
        old = self._map
        for listener in self._turned:
            listener()
        self._build(plane.middle, 1 if plane.proj4 else 2)
        close_all(old, but=self.box)

    def look_at(self, bounds: tuple[float, float, float, float]) -> None:
        """Show a window (x_min, y_min, x_max, y_max) of the plane [m], whole and as large as may be."""
        x_min, y_min, x_max, y_max = bounds
        lon, lat = self.plane.locate([[(x_min + x_max) / 2, (y_min + y_max) / 2]])[0]
        widest = max((x_max - x_min) / 640, (y_max - y_min) / 440)
        zoom = max((zoom for zoom in range(11) if self.plane.resolution(zoom) >= widest), default=0)
        self._map.center, self._map.zoom = (float(lat), float(lon)), zoom

    def show_legend(self, legend: str) -> None:
        """Show a piece of a page in the lower right corner, empty for none."""
        self._legend.value = legend

    def clear_drawn(self) -> None:
        """Take away what was drawn."""
        self._draw.clear()

    def _build(self, middle: tuple[float, float], zoom: int) -> None:
        """Make the map of the projection, with all that lies on it."""
        # Leaflet takes the pane of a polygon from its style, and not from the layer that it belongs to.
        style = {"color": COAST, "weight": 0.8, "fillColor": LAND, "fillOpacity": 1.0, "pane": "land"}
        self._base = ipyleaflet.GeoJSON(data=coast_of(self.plane.epsg), style=style, name="land")
        self._map = ipyleaflet.Map(
            layers=[self._base],
            crs=self.plane.leaflet_crs(),
            center=(middle[1], middle[0]),
            zoom=zoom,
            min_zoom=0,
            max_zoom=10,
            scroll_wheel_zoom=True,
            attribution_control=False,
            world_copy_jump=False,
            # Tiles lie in a pane of 200 and vectors in one of 400: land belongs below both.
            panes={"land": {"zIndex": 150}},
            layout=ipywidgets.Layout(height=self._height, width="100%", flex="0 0 auto"),
        )
        self._map.add_class("altiflow-map")
        self.is_picking = self._is_picking
        self._map.on_interaction(self._on_interaction)
        self._draw = ipyleaflet.DrawControl(
            polygon={"shapeOptions": _SHAPE, "allowIntersection": False},
            rectangle={} if self.plane.proj4 else {"shapeOptions": _SHAPE},
            marker={"shapeOptions": {}},
            polyline={},
            circle={},
            circlemarker={},
            edit=False,
        )
        self._draw.on_draw(self._on_draw)
        self._draw.observe(lambda _: self._keep_last(), "data")
        self._map.add(self._draw)
        self._map.add(ipyleaflet.ScaleControl(position="bottomleft", imperial=False))
        self._map.add(ipyleaflet.WidgetControl(widget=self._legend, position="bottomright", transparent_bg=True))
        self._held = {}
        self.show_region(self._outline)
        self._draw_footprints()
        self.mark(*self._marks)
        self.box.children = (self._map,)

    def _hold(self, name: str, layer: Any) -> None:
        """Put a layer of the map's own in the place of the one of this name."""
        old = self._held.get(name)
        self._held[name] = layer
        self._stack()
        if old is not None:
            close_all(old)

    def _stack(self) -> None:
        """Lay the layers on each other: land, tiles and the like, footprints, region, marks."""
        own = [self._held[name] for name in ("footprints", "outline", "marks") if name in self._held]
        self._map.layers = (self._base, *self._layers, *own)

    def _draw_footprints(self) -> int:
        shapes: list[Any] = []
        if self._footprints is not None:
            known = self._footprints.geometry.dropna()
            shapes = [_whole(shape) for shape in known.iloc[:_MOST_FOOTPRINTS] if not shape.is_empty]
        # Of many that lie on each other, the lines alone are told apart.
        style = {"color": GROUPS[0], "weight": 1, "fillOpacity": 0.12 if len(shapes) < 8 else 0.0, "opacity": 0.7}
        layer = ipyleaflet.GeoJSON(
            data=_collection(shapes), style=style, hover_style={"weight": 3, "opacity": 1.0}, name="footprints"
        )
        self._hold("footprints", layer)
        return len(shapes)

    def _on_interaction(self, **event: Any) -> None:
        """Tell where the map was clicked."""
        if event.get("type") == "click":
            lat, lon = event["coordinates"]
            for listener in self._clicked:
                listener(_turned(float(lon)), float(lat))

    def _on_draw(self, control: Any, action: str, geo_json: dict[str, Any]) -> None:
        """Tell what was drawn."""
        if action == "deleted":
            self._tell(None)
        elif action == "created":
            try:
                self._tell(self._region_of(geo_json["geometry"]))
            except InputError as error:
                # Three clicks in a row are no polygon.
                self.clear_drawn()
                self._tell(None)
                for listener in self._refused:
                    listener(str(error))

    def _keep_last(self) -> None:
        """Leave what was drawn last alone on the map: it is the region, and no other is."""
        if len(self._draw.data) > 1:
            self._draw.data = self._draw.data[-1:]

    def _region_of(self, geometry: dict[str, Any]) -> Region:
        """Return the region of a shape in GeoJSON.

        Raises
        ------
        InputError
            If it has no area.
        """
        if geometry["type"] == "Point":
            lon, lat = (float(value) for value in geometry["coordinates"][:2])
            return as_region(f"within {self.radius_km:g} km of {_turned(lon):.5f},{lat:.5f}")
        return self.plane.enclose([(corner[0], corner[1]) for corner in geometry["coordinates"][0]])

    def _tell(self, region: Region | None) -> None:
        """Tell what is drawn, which takes the place of any outline; it is one in the next projection."""
        if self._held["outline"].data["features"]:
            self.show_region(None)
        self._outline = region
        for listener in self._drawn:
            listener(region)


def _turned(lon: float) -> float:
    """Return a longitude -180 to 180 [degrees] of a world that may have been turned."""
    return float(turn_longitudes(np.array([lon]))[0])


def _whole(shape: Any) -> Any:
    """Return a shape, or the edge of one that is cut at the antimeridian, where the cut is no edge."""
    west, _, east, _ = shape.bounds
    return _edge_of(shape) if west == -180 or east == 180 else shape


def _edge_of(shape: Any) -> Any:
    """Return the edge of a shape in short lines, without what runs along the antimeridian or a pole.

    The former is a cut through the shape, and the latter a point of the globe.
    """
    kept = []
    for line in shapely.get_parts(shapely.segmentize(shape.boundary, _LONGEST)):
        points = shapely.get_coordinates(line)
        seam = (np.abs(points[:, 0]) == 180, np.abs(points[:, 1]) == 90)
        hidden = np.any([part[:-1] & part[1:] for part in seam], axis=0)
        runs = np.flatnonzero(np.diff(np.concatenate([[True], hidden, [True]]).astype(int)))
        kept += [points[first : last + 1] for first, last in zip(runs[::2], runs[1::2], strict=True)]
    return shapely.MultiLineString(kept)


def _collection(shapes: Sequence[Any]) -> dict[str, Any]:
    """Return shapes as GeoJSON, 1e-5 of a degree fine."""
    features = [
        {"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(shape)}
        for shape in shapely.set_precision(list(shapes), 1e-5, mode="pointwise")
    ]
    return {"type": "FeatureCollection", "features": features}
