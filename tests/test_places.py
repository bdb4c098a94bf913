"""Places come out of numbers, text and vector files as named points on the globe, or are refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pyproj
import pytest

import altiflow as af
from altiflow.errors import EmptyDataError, InputError, UnsupportedFormatError


def placed(found: gpd.GeoSeries) -> dict[str, tuple[float, float]]:
    assert found.crs.to_epsg() == 4326
    return {name: (round(point.x, 6), round(point.y, 6)) for name, point in found.items()}


@pytest.mark.parametrize(
    "text",
    [
        "name,longitude,latitude\nA,-49.5,69.1\nB,10,80\n",
        "Station; LON; LAT\nA; -49.5; 69.1\nB; 10; 80\n",
        "lat,lng,id,depth\n69.1,310.5,A,3\n80,370,B,4\n".replace("370", "10"),
    ],
)
def test_columns_have_several_names_and_files_several_separators(text: str, tmp_path: Path) -> None:
    path = tmp_path / "places.csv"
    path.write_text(text, encoding="utf-8")
    assert placed(af.as_places(path)) == {"A": (-49.5, 69.1), "B": (10.0, 80.0)}


def test_places_without_names_are_numbered(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("lon,lat\n1,2\n3,4\n", encoding="utf-8")
    assert placed(af.as_places(str(tmp_path / "p.csv"))) == {"1": (1.0, 2.0), "2": (3.0, 4.0)}


def test_points_of_a_vector_file_are_turned_to_degrees(tmp_path: Path) -> None:
    x, y = pyproj.Transformer.from_crs(4326, 3413, always_xy=True).transform(-49.5, 69.1)
    table = gpd.GeoDataFrame({"name": ["A"]}, geometry=gpd.points_from_xy([x], [y]), crs=3413)
    table.to_file(tmp_path / "p.gpkg")
    assert placed(af.as_places(tmp_path / "p.gpkg")) == {"A": (-49.5, 69.1)}
    assert placed(af.as_places(table.set_index("name").geometry)) == {"A": (-49.5, 69.1)}


def test_what_is_written_is_read_again_and_nothing_is_replaced(tmp_path: Path) -> None:
    places = af.as_places({"a, b": (179.999999, -75.123456), "ö": (-180, 90)})
    path = af.write_places(places, tmp_path / "p.csv")
    assert placed(af.as_places(path)) == placed(places)
    with pytest.raises(InputError, match="there already"):
        af.write_places(places, path)
    af.write_places(places.iloc[:1], path, overwrite=True)
    assert len(af.as_places(path)) == 1
    with pytest.raises(InputError, match=r"written as \.csv"):
        af.write_places(places, tmp_path / "p.txt")


@pytest.mark.parametrize(
    ("text", "error", "told"),
    [
        ("name,x,latitude\nA,1,2\n", InputError, "no column longitude .* it has name, x, latitude"),
        ("name,lon,y\nA,1,2\n", InputError, "no column latitude"),
        ("lon,lat\n1,two\n", InputError, "'lat' has 'two' in row 1"),
        ("lon,lat\n1,\n", InputError, "'lat' has 'nan' in row 1"),
        ("lon,lat\n69,149\n", InputError, "not on the globe"),
        ("name,lon,lat\nA,1,2\nA,3,4\n", InputError, "two places are called 'A'"),
        ("lon,lat\n", EmptyDataError, "holds no place"),
        ("", EmptyDataError, "no line"),
    ],
)
def test_files_that_mean_nothing_are_refused(text: str, error: type[Exception], told: str, tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(error, match=told):
        af.as_places(path)


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ({}, EmptyDataError, "no place"),
        ({"a": 3}, InputError, "place 'a' is 3"),
        ({"a": (1, "x")}, InputError, "give .longitude, latitude"),
        ({"a": (float("nan"), 1)}, InputError, "not on the globe"),
        (5, InputError, "got int"),
        ("nowhere.csv", InputError, "no file nowhere.csv"),
        (gpd.GeoSeries.from_wkt(["POINT (1 2)"]), InputError, "states no CRS"),
        (gpd.GeoSeries.from_wkt(["LINESTRING (1 2, 3 4)"], crs=4326), InputError, "other geometries"),
    ],
)
def test_other_things_are_refused(given: Any, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        af.as_places(given)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.gpkg").write_bytes(b"no geopackage at all")
    with pytest.raises(UnsupportedFormatError, match="neither a CSV nor"):
        af.as_places(tmp_path / "p.gpkg")
