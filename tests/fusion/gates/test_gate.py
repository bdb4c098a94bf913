"""The pieces of a gate: lengths, normals and sides."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely

from altiflow.errors import InputError
from altiflow.fusion.gates import Gate
from altiflow.gridding.vectors import east_north

GEOD = pyproj.Geod(ellps="WGS84")


def test_the_right_of_the_way_is_positive():
    """Along x of the map: the normal points down, and the left is where flow comes from. 10.3 km of ground."""
    gate = Gate(shapely.LineString([(-5e3, 0), (5e3, 0)]), "EPSG:3413", 1e3)
    assert gate.pieces("EPSG:3413").normal == pytest.approx(np.tile([0.0, -1.0], (11, 1)), abs=1e-9)
    assert gate.reverse().pieces("EPSG:3413").normal == pytest.approx(np.tile([0.0, 1.0], (11, 1)), abs=1e-9)


def test_normal_of_a_ring_points_outward():
    for ring in (shapely.Point(2e5, -2e6).buffer(5e4), shapely.Point(2e5, -2e6).buffer(5e4).reverse()):
        pieces = Gate.of(ring, crs="EPSG:3413", spacing=2e3).pieces("EPSG:3413")
        outward = np.stack([pieces.x - 2e5, pieces.y + 2e6], axis=-1)
        assert ((pieces.normal * outward).sum(axis=1) > 0.99 * 4.9e4).all()


@pytest.mark.parametrize("crs", ["EPSG:3413", "EPSG:6931", "EPSG:4326"])
def test_length_is_that_on_the_ground(crs):
    """A degree of longitude along 60 N, drawn finely, whatever the map it is drawn on."""
    longitude = np.linspace(-45.5, -44.5, 201)
    x, y = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(longitude, np.full(201, 60.0))
    gate = Gate(shapely.LineString(np.stack([x, y], axis=-1)), crs, 1e3)
    length = 6378137.0 / np.sqrt(1 - 0.0066943799901413165 * 0.75) * 0.5 * np.radians(1)
    assert gate.length == pytest.approx(length, rel=1e-6)
    for onto in ("EPSG:3413", "EPSG:6931"):
        pieces = gate.pieces(onto)
        assert pieces.length.sum() == pytest.approx(length, rel=1e-6)
        assert pieces.distance[-1] == pytest.approx(length - pieces.length[-1] / 2)


def test_legs_in_degrees_are_the_shortest_way():
    gate = Gate(shapely.LineString([(-60, 70), (-20, 70)]), "EPSG:4326", 5e3)
    assert gate.length == pytest.approx(GEOD.inv(-60, 70, -20, 70)[2], rel=1e-9)
    pieces = gate.pieces("EPSG:3413")
    assert pieces.latitude.max() > 71
    assert pieces.length == pytest.approx(gate.length / pieces.length.size, rel=1e-6)


def test_normal_is_at_right_angles_on_the_ground_of_any_map():
    """By geodesics: the azimuth of the piece and that of the normal, on a map that is not conformal."""
    gate = Gate(shapely.LineString([(1.0, 57.0), (1.2, 57.4)]), "EPSG:4326", 1e3)
    pieces = gate.pieces("EPSG:6931")
    east, north = east_north(*pieces.normal.T, pieces.x, pieces.y, crs="EPSG:6931", metric="ground")
    azimuth = np.degrees(np.arctan2(east, north))
    ahead = GEOD.inv(pieces.longitude[:-1], pieces.latitude[:-1], pieces.longitude[1:], pieces.latitude[1:])[0]
    assert azimuth[:-1] - ahead == pytest.approx(90, abs=0.01)
    assert np.hypot(east, north) == pytest.approx(1, abs=1e-7)


def test_pieces_do_not_go_round_a_corner():
    gate = Gate(shapely.LineString([(0, 0), (2.5e3, 0), (2.5e3, 0), (2.5e3, 1e3)]), "EPSG:6931", 1e3)
    pieces = gate.pieces("EPSG:6931")
    assert pieces.length == pytest.approx([2.5e3 / 3] * 3 + [1e3], rel=1e-5)
    assert pieces.x[:3] == pytest.approx([1250 / 3, 1250, 6250 / 3])


def test_gates_come_from_tables():
    line = shapely.LineString([(-45, 70), (-44, 70)])
    table = gpd.GeoDataFrame(geometry=[shapely.MultiLineString([line])], crs="EPSG:4326")
    assert Gate.of(table, spacing=1e3) == Gate(line, "EPSG:4326", 1e3)
    assert Gate.of(shapely.LinearRing([(0, 0), (1, 0), (0, 1)]), spacing=1, crs=3413).line.is_ring


@pytest.mark.parametrize(
    ("line", "options", "match"),
    [
        (shapely.LineString([(0, 0), (1e3, 0)]), {"spacing": 0.0, "crs": 3413}, "length of a piece"),
        (shapely.LineString([(0, 0), (0, 0)]), {"spacing": 1e3, "crs": 3413}, "no length"),
        (shapely.LineString([(0, 0), (np.inf, 0)]), {"spacing": 1e3, "crs": 3413}, "not finite"),
        (shapely.LineString(), {"spacing": 1e3, "crs": 3413}, "not empty"),
        (shapely.Point(0, 0), {"spacing": 1e3, "crs": 3413}, "must be a LineString"),
        (shapely.LineString([(0, 0), (1e3, 0)]), {"spacing": 1e3}, "no CRS"),
        (shapely.LineString([(0, 0), (1e3, 0)]), {"spacing": 1e3, "crs": "nowhere"}, "pyproj.CRS takes"),
        (gpd.GeoSeries([shapely.LineString([(0, 0), (1, 0)])] * 2, crs=3413), {"spacing": 1e3}, "2 rows"),
    ],
)
def test_what_is_refused(line, options, match):
    with pytest.raises(InputError, match=match):
        Gate.of(line, **options)


def test_a_gate_off_the_map_is_refused():
    gate = Gate(shapely.LineString([(0, 60), (10, 60)]), "EPSG:4326", 1e5)
    with pytest.raises(InputError, match="must be a projected CRS"):
        gate.pieces("EPSG:4326")
    with pytest.raises(InputError, match="leads off the map"):
        Gate(shapely.LineString([(1e8, 0), (2e8, 0)]), "EPSG:6931", 1e6).pieces("EPSG:6931")
