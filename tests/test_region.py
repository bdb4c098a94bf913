from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from altiflow.errors import InputError
from altiflow.region import Region, as_region, enclose_ring, wrap_longitudes

BERING = (170, 60, -170, 72)
SQUARE = shapely.box(-50, 70, -40, 75)


def geojson(geometry: shapely.Geometry, **extra: object) -> dict[str, object]:
    feature = {"type": "Feature", "properties": {}, "geometry": json.loads(shapely.to_geojson(geometry))}
    return {"type": "FeatureCollection", "features": [feature], **extra}


def test_box_edges_are_inside() -> None:
    region = as_region((-10, 60, 10, 70))
    lon = np.array([-10, 10, 0, 0, -10.001, 350.0, 370.0, 0])
    lat = np.array([60, 70, 60, 70, 65, 65.0, 65.0, 70.001])
    assert region.contains(lon, lat).tolist() == [True, True, True, True, False, True, True, False]
    assert region.bboxes == ((-10, 60, 10, 70),)


def test_box_across_the_antimeridian_is_the_union_of_its_halves() -> None:
    lon, lat = np.meshgrid(np.arange(-180, 181, 2.5), np.arange(55, 80, 2.5))
    whole = as_region(BERING).contains(lon.ravel(), lat.ravel())
    east, west = as_region((170, 60, 180, 72)), as_region((-180, 60, -170, 72))
    assert whole.any()
    assert (whole == (east.contains(lon.ravel(), lat.ravel()) | west.contains(lon.ravel(), lat.ravel()))).all()
    assert as_region(BERING).bounds == (170, 60, -170, 72)
    assert as_region((170, 60, 190, 72)).bboxes == as_region(BERING).bboxes


@pytest.mark.parametrize(
    ("box", "bboxes"),
    [
        ((0, 60, 360, 90), ((-180, 60, 180, 90),)),
        ((-180, -90, 180, -60), ((-180, -90, 180, -60),)),
        ((180, 60, 200, 70), ((-180, 60, -160, 70),)),
        ((200, 60, 190, 70), ((-160, 60, 180, 70), (-180, 60, -170, 70))),
        ((-190, 60, -170, 70), ((170, 60, 180, 70), (-180, 60, -170, 70))),
        ((160, 60, -180, 70), ((160, 60, 180, 70),)),
    ],
)
def test_boxes_in_any_turn_of_longitude(box: tuple[float, ...], bboxes: tuple[tuple[float, ...], ...]) -> None:
    assert as_region(box).bboxes == bboxes


def test_the_antimeridian_has_two_longitudes() -> None:
    assert as_region((170, 60, 180, 70)).contains([180.0, -180.0], [65.0, 65.0]).tolist() == [True, True]
    assert as_region((-180, 60, -170, 70)).contains([180.0, -180.0], [65.0, 65.0]).tolist() == [True, True]


def test_cap_holds_the_pole_and_every_longitude() -> None:
    cap = as_region((-180, 60, 180, 90))
    assert cap.contains(np.linspace(-180, 360, 50), np.full(50, 90.0)).all()
    assert not cap.contains([0.0], [-90.0]).any()


def test_points_that_are_nowhere() -> None:
    for region in (as_region(BERING), as_region(SQUARE.buffer(1))):
        assert not region.contains([np.nan, 175, np.inf, 1.7e308], [65, np.nan, 65, 65]).any()
    assert as_region(BERING).contains([], []).shape == (0,)


@given(
    west=st.integers(-180, 179),
    width=st.integers(1, 359),
    lon=st.floats(-180, 180),
    turn=st.sampled_from([0, 360]),
)
def test_a_longitude_is_inside_when_it_lies_east_of_west_by_at_most_the_width(
    west: int, width: int, lon: float, turn: int
) -> None:
    offset = (lon - west) % 360
    if min(offset, 360 - offset) < 1e-9 or abs(offset - width) < 1e-9:
        return
    east = (west + width + 180) % 360 - 180
    assert as_region((west, -10, east, 10)).contains([lon + turn], [0.0])[0] == (offset <= width)


def test_every_form_gives_the_same_region(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame(geometry=[SQUARE], crs="EPSG:4326")
    frame.to_file(tmp_path / "a.geojson")
    frame.to_file(tmp_path / "a.gpkg", layer="a")
    frame.to_parquet(tmp_path / "a.parquet")
    forms = [
        SQUARE,
        SQUARE.wkt,
        geojson(SQUARE),
        json.loads(shapely.to_geojson(SQUARE)),
        frame,
        frame.geometry,
        tmp_path / "a.geojson",
        str(tmp_path / "a.gpkg"),
        tmp_path / "a.parquet",
        "-50,70,-40,75",
        np.array([-50, 70, -40, 75]),
        as_region(SQUARE),
    ]
    lon, lat = np.random.default_rng(0).uniform([-55, 65], [-35, 80], (500, 2)).T
    expected = as_region((-50, 70, -40, 75)).contains(lon, lat)
    for form in forms:
        region = as_region(form)
        assert isinstance(region, Region)
        assert region.geometry.equals(SQUARE)
        assert (region.contains(lon, lat) == expected).all()


def test_polygon_has_its_boundary_and_not_its_hole() -> None:
    ring = shapely.difference(shapely.box(0, 60, 10, 70), shapely.box(4, 64, 6, 66))
    assert as_region(ring).contains([0, 5, 4, 2], [65, 65, 65, 65]).tolist() == [True, False, True, True]


def test_polygon_in_0_to_360_is_cut_at_the_antimeridian() -> None:
    region = as_region(shapely.box(170, 60, 190, 72))
    assert region.bboxes == as_region(BERING).bboxes
    assert region.geometry.area == pytest.approx(20 * 12)


def test_far_apart_parts_on_either_side_of_the_antimeridian_make_two_boxes() -> None:
    parts = shapely.MultiPolygon([shapely.box(160, 60, 170, 70), shapely.box(-170, 50, -160, 65)])
    assert as_region(parts).bboxes == ((160, 60, 170, 70), (-170, 50, -160, 65))
    near = shapely.MultiPolygon([shapely.box(-20, 60, -10, 70), shapely.box(10, 50, 20, 65)])
    assert as_region(near).bboxes == ((-20, 50, 20, 70),)


@pytest.mark.parametrize(
    ("crs", "box"),
    [
        ("EPSG:3413", (-2e6, -2e6, 1e6, 1e6)),
        ("EPSG:3413", (0, 0, 1e6, 1e6)),
        ("EPSG:3413", (-1e6, 0, 1e6, 1e6)),
        ("EPSG:3031", (-1e6, -2e6, 2e6, 5e5)),
        ("EPSG:6931", (-1e6, 1e6, 1e6, 2e6)),
        ("EPSG:32601", (2e5, 7.0e6, 8e5, 7.5e6)),
    ],
)
def test_map_areas_over_poles_and_the_antimeridian(crs: str, box: tuple[float, float, float, float]) -> None:
    region = as_region(gpd.GeoSeries([shapely.box(*box)], crs=crs))
    transformer = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    margin = 0.2 * (box[2] - box[0])
    rng = np.random.default_rng(1)
    x = rng.uniform(box[0] - margin, box[2] + margin, 4000)
    y = rng.uniform(box[1] - margin, box[3] + margin, 4000)
    inside = (x > box[0]) & (x < box[2]) & (y > box[1]) & (y < box[3])
    # Within a piece of the outline, chord and curve differ by metres; 100 m is far outside that.
    distance = np.minimum.reduce([abs(x - box[0]), abs(x - box[2]), abs(y - box[1]), abs(y - box[3])])
    sure = distance > 100
    lon, lat = transformer.transform(x[sure], y[sure])
    wrong = region.contains(lon, lat) != inside[sure]
    # Beside a pole, the pieces of the outline themselves (1/500 of the extent) are the limit.
    assert np.hypot(x[sure], y[sure])[wrong].max(initial=0) <= (box[2] - box[0]) / 500
    assert shapely.is_valid(region.geometry)


def test_map_area_with_a_hole_round_the_pole() -> None:
    ring = shapely.Point(0, 0).buffer(2e6).difference(shapely.Point(0, 0).buffer(1e6))
    region = as_region(gpd.GeoSeries([ring], crs="EPSG:3413"))
    lon = np.array([-180.0, -90, 0, 90, 180])
    assert not region.contains(lon, np.full(5, 89.0)).any()
    assert region.contains(lon, np.full(5, 75.0)).all()
    assert not region.contains(lon, np.full(5, 65.0)).any()


def test_provenance_is_json_and_exact() -> None:
    region = as_region(BERING)
    told = json.loads(json.dumps(region.to_dict()))
    assert as_region(told["wkt"]).geometry == region.geometry
    assert told["bounds"] == [170, 60, -170, 72]
    assert str(region) == "box (170, 60, -170, 72), bounds (170, 60, -170, 72)"


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ((0, 60, 10, 95), "-90 <= south"),
        ((0, 70, 10, 60), "south 70 and north 60"),
        ((0, 60, 0, 70), "no width"),
        ((180, 60, -180, 70), "no width"),
        ((-200, 60, 200, 70), "360 degrees"),
        ((0, np.nan, 10, 70), "not finite"),
        ((np.inf, 60, 10, 70), "not finite"),
        ((-2e6, 60, 10, 70), "outside -360"),
        ((0, 60, 10), "four numbers"),
        ("0,60,10,north", "four numbers"),
        (shapely.Polygon(), "empty"),
        (shapely.Point(0, 60), "no area"),
        ("POINT (0 60)", "no area"),
        ("POLYGON ((0 60, 1 61", "WKT"),
        (shapely.Polygon([(0, 60), (10, 70), (10, 60), (0, 70)]), "Self-intersection"),
        (shapely.box(60, 0, 70, 100), "order: lon, lat"),
        (shapely.box(-2e6, 0, 1e6, 10), "once round the globe"),
        ({"type": "Nonsense"}, "GeoJSON"),
        ({"type": "FeatureCollection", "features": []}, "empty"),
        (geojson(SQUARE, crs={"properties": {"name": "urn:ogc:def:crs:EPSG::3413"}}), "EPSG::3413"),
        ("no_such_region.shp", "no file"),
        (Path("no_such_region.gpkg"), "no file"),
        (gpd.GeoSeries([SQUARE]), "set_crs"),
        (gpd.GeoSeries([], crs="EPSG:4326"), "empty"),
        (gpd.GeoSeries([shapely.Point(0, 0)], crs="EPSG:3413"), "no area"),
        (42, "is not a region"),
    ],
)
def test_refusals_name_the_value_and_the_reason(bad: object, words: str) -> None:
    with pytest.raises(InputError, match="region") as caught:
        as_region(bad)
    assert words in str(caught.value)


def test_files_that_cannot_be_meant(tmp_path: Path) -> None:
    text = tmp_path / "notes.geojson"
    text.write_text("no json", encoding="utf-8")
    with pytest.raises(InputError, match="no readable vector file"):
        as_region(text)
    frame = gpd.GeoDataFrame(geometry=[SQUARE], crs="EPSG:4326")
    for layer in ("one", "two"):
        frame.to_file(tmp_path / "two.gpkg", layer=layer)
    with pytest.raises(InputError, match=r"layers \['one', 'two'\]"):
        as_region(tmp_path / "two.gpkg")


def test_outlines_that_already_fit_are_handed_back_as_they_are() -> None:
    assert wrap_longitudes(SQUARE) is SQUARE
    line = wrap_longitudes(shapely.LineString([(170, 60), (190, 70)]))
    assert line.bounds == (-180, 60, 180, 70)
    south = enclose_ring([0, 120, 240, 360], [-70, -75, -70, -70])
    assert south.bounds == (-180, -90, 180, -70)


@pytest.mark.parametrize(
    ("words", "inside", "outside", "bounds"),
    [
        ("north of 60", [(0, 90), (-180, 60), (77, 61)], [(0, 59.99)], (-180, 60, 180, 90)),
        ("South of -70.5", [(12, -90), (180, -70.5)], [(0, -70)], (-180, -90, 180, -70.5)),
        ("north of -10", [(0, -10), (0, 90)], [(0, -11)], (-180, -10, 180, 90)),
    ],
)
def test_caps_hold_their_pole(words: str, inside: list, outside: list, bounds: tuple[float, ...]) -> None:
    region = as_region(words)
    assert region.bounds == bounds
    assert region.contains(*np.array(inside, float).T).all()
    assert not region.contains(*np.array(outside, float).T).any()
    assert region.source == words.lower()


@pytest.mark.parametrize(
    ("centre", "radius"),
    [((10.5, 78.2), 50), ((179.8, 70), 300), ((20, 88.5), 400), ((-100, -90), 700), ((0, 0), 5000)],
)
def test_a_circle_holds_what_the_ellipsoid_says_is_near(centre: tuple[float, float], radius: float) -> None:
    region = as_region(f"within {radius} km of {centre[0]},{centre[1]}")
    generator = np.random.default_rng(0)
    count = 4000
    geod = pyproj.Geod(ellps="WGS84")
    bearing, way = generator.uniform(0, 360, count), radius * 1e3 * np.sqrt(generator.uniform(0, 4, count))
    lon, lat, _ = geod.fwd(np.full(count, centre[0]), np.full(count, centre[1]), bearing, way)
    _, _, away = geod.inv(np.full(count, centre[0]), np.full(count, centre[1]), lon, lat)
    sure = np.abs(away - radius * 1e3) > 1e-4 * radius * 1e3
    assert sure.sum() > 0.99 * count
    assert (region.contains(lon, lat) == (away < radius * 1e3))[sure].all()


@pytest.mark.parametrize(
    "words", ["north of 90", "south of -91", "within 0 km of 1,2", "within 9000 km of 1,2", "within 5 km of 78,100"]
)
def test_words_that_mean_nothing(words: str) -> None:
    with pytest.raises(InputError, match="region"):
        as_region(words)


def test_a_table_without_areas_is_no_region(tmp_path: Path) -> None:
    path = tmp_path / "plain.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match=r"plain.csv.* is a table without areas"):
        as_region(path)
    with pytest.raises(InputError, match="has no geometry; state its column"):
        as_region(gpd.GeoDataFrame({"a": [1]}))
