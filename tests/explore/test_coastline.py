from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely

from altiflow.errors import InputError
from altiflow.explore.coastline import land_in

WHOLE = (-5e6, -5e6, 5e6, 5e6)
NORTH = ("EPSG:6931", "EPSG:3408", "EPSG:3411", "EPSG:3413")
SOUTH = ("EPSG:6932", "EPSG:3409", "EPSG:3412", "EPSG:3031", "EPSG:3976")


def is_land(land: gpd.GeoDataFrame, longitude: float, latitude: float) -> bool:
    x, y = pyproj.Transformer.from_crs("EPSG:4326", land.crs, always_xy=True).transform(longitude, latitude)
    return bool(land.covers(shapely.Point(x, y)).any())


@pytest.mark.parametrize("crs", NORTH)
def test_land_and_sea_of_the_north(crs: str) -> None:
    land = land_in(crs, WHOLE)
    places = {"Greenland": (-40, 72), "Chukotka": (180, 68), "Chukotka, west": (-179.99, 68), "Wrangel": (180, 71.2)}
    assert {name: is_land(land, *place) for name, place in places.items()} == dict.fromkeys(places, True)
    seas = {"North Pole": (0, 90), "Beaufort Sea": (-140, 74), "Chukchi Sea": (180, 73), "Fram Strait": (0, 79)}
    assert {name: is_land(land, *place) for name, place in seas.items()} == dict.fromkeys(seas, False)
    assert land.is_valid.all()


@pytest.mark.parametrize("crs", SOUTH)
def test_land_and_sea_of_the_south(crs: str) -> None:
    land = land_in(crs, WHOLE)
    assert is_land(land, 0, -90)
    assert is_land(land, 180, -89)
    assert not is_land(land, -175, -75), "Ross Sea"
    assert not is_land(land, 180, -76), "Ross Sea at the antimeridian"
    assert not is_land(land, -28, -66), "Weddell Sea"
    assert land.is_valid.all()


def test_antarctica_is_one_filled_polygon_of_the_published_area() -> None:
    land = land_in("EPSG:6932", WHOLE)
    continent = land.loc[land.covers(shapely.Point(0, 0))]
    assert len(continent) == 1
    assert 12e12 < continent.area.iloc[0] < 14e12
    assert all(shapely.Polygon(ring).area < 1e11 for ring in continent.geometry.iloc[0].interiors)


def test_greenland_has_its_published_area() -> None:
    land = land_in("EPSG:6931", WHOLE)
    x, y = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:6931", always_xy=True).transform(-40, 72)
    area = land.loc[land.covers(shapely.Point(x, y))].area.iloc[0]
    assert 2.1e12 < area < 2.2e12


def test_no_outline_runs_along_the_antimeridian() -> None:
    for crs in ("EPSG:6931", "EPSG:6932"):
        x, y = shapely.get_coordinates(land_in(crs, WHOLE).boundary.segmentize(5e3).to_numpy()).T
        y = y if crs == "EPSG:6931" else -y
        on_it = (np.abs(x) < 500) & (y > 0) & (np.abs(x) < np.abs(y) * 1e-3)
        assert on_it.sum() < 60


def test_the_land_is_cut_at_the_window() -> None:
    bounds = (-5e5, -2.5e6, 3e5, -1.5e6)
    land = land_in("EPSG:3413", bounds)
    west, south, east, north = land.total_bounds
    assert (west >= bounds[0], south >= bounds[1], east <= bounds[2], north <= bounds[3]) == (True,) * 4
    assert land.crs == pyproj.CRS("EPSG:3413")


def test_a_map_that_is_not_polar_gets_the_same_land() -> None:
    bounds = (4e5, 7.6e6, 9e5, 7.9e6)
    utm = land_in("EPSG:32622", bounds)
    assert is_land(utm, -47, 70)
    assert not is_land(utm, -53.2, 68.7)
    world = land_in("EPSG:6933", (-17367530.0, -7307375.0, 17367530.0, 7307375.0))
    assert is_land(world, -40, 72)
    assert is_land(world, 100, -80)
    assert not is_land(world, -28, -66)


def test_a_window_of_open_sea_has_no_land() -> None:
    assert len(land_in("EPSG:6931", (-2e5, -2e5, 2e5, 2e5))) == 0


@pytest.mark.parametrize(
    ("crs", "bounds", "words"),
    [("EPSG:4326", WHOLE, "not projected"), ("EPSG:6931", (1, 0, 0, 1), "bounds"), ("EPSG:6931", (0, 0, 1), "bounds")],
)
def test_what_is_no_window_is_refused(crs: str, bounds: tuple[float, ...], words: str) -> None:
    with pytest.raises(InputError, match=words):
        land_in(crs, bounds)  # type: ignore[arg-type]
