"""Ground on a lattice: polygons, lines that draw them, rasters of classes, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine

from altiflow.errors import EmptyDataError, InputError
from altiflow.readers.ground import LAND, OCEAN, UNKNOWN, polygonise_lines, read_ground, read_outlines

X, Y = np.arange(50, 1000, 100.0) + 5e5, np.arange(950, 0, -100.0) + 6e6
ROCK = shapely.box(5e5, 6e6, 5e5 + 400, 6e6 + 300)


def ground(source: Any, **options: Any) -> np.ndarray:
    return read_ground(source, x=X, y=Y, crs="EPSG:32607", **options)


def test_cells_whose_centres_lie_in_a_polygon_are_land() -> None:
    codes = ground(ROCK, source_crs=32607)
    expected = np.zeros((10, 10), np.uint8)
    expected[7:, :4] = LAND
    np.testing.assert_array_equal(codes, expected)
    assert ground(ROCK, source_crs=32607, margin=60).sum() == 2 * 1 * LAND
    np.testing.assert_array_equal(ground(ROCK, source_crs=32607, inside="ice"), LAND - expected)
    assert (ground(ROCK, source_crs=32607, inside="ocean") == OCEAN).sum() == 12


def test_outlines_in_degrees_and_in_files_come_to_the_same_cells(tmp_path: Path) -> None:
    table = gpd.GeoDataFrame(geometry=[ROCK], crs=32607)
    expected = ground(table)
    table.to_crs(4326).to_file(tmp_path / "rock.gpkg")
    table.to_parquet(tmp_path / "rock.parquet")
    for source in (tmp_path / "rock.gpkg", str(tmp_path / "rock.parquet"), table.geometry):
        np.testing.assert_array_equal(ground(source), expected)


def test_lines_draw_areas_with_holes_and_islands() -> None:
    def ring(size: float) -> shapely.LineString:
        return shapely.LineString(shapely.box(-size, -size, size, size).exterior.coords)

    half = [shapely.LineString([(20, 0), (30, 0), (30, 10)]), shapely.LineString([(30, 10), (20, 10), (20, 0)])]
    loose = shapely.LineString([(50, 50), (60, 60)])
    areas, empty = polygonise_lines([ring(9), ring(6), ring(3), *half, loose])
    assert shapely.union_all(areas).area == pytest.approx((18**2 - 12**2 + 6**2) + 100)
    assert sum(area.area for area in areas) == pytest.approx(shapely.union_all(areas).area)
    assert empty == 1


def test_classes_of_a_raster_are_sampled_on_another_map(tmp_path: Path, serve: Callable[..., Any]) -> None:
    codes = np.full((40, 40), 0, np.uint8)
    codes[:, 20:], codes[:10] = 1, 2
    codes[39] = 7
    transform = Affine(50, 0, 5e5 - 500, 0, -50, 6e6 + 1500)
    profile = {"driver": "GTiff", "height": 40, "width": 40, "count": 1, "dtype": "uint8", "nodata": 255}
    with rasterio.open(tmp_path / "lgo.tif", "w", crs="EPSG:32607", transform=transform, **profile) as out:
        out.write(codes, 1)
    found = ground(tmp_path / "lgo.tif")
    np.testing.assert_array_equal(found, codes[10:30:2, 10:30:2])
    named = ground(tmp_path / "lgo.tif", classes={0: "land", 1: "ice"})
    assert set(np.unique(named[:, 6:])) == {0}
    assert set(np.unique(named[2:, :5])) == {LAND}
    away = read_ground(tmp_path / "lgo.tif", x=X + 1e5, y=Y, crs="EPSG:32607")
    assert (away == UNKNOWN).all()
    server = serve()
    server.files["lgo.tif"] = (tmp_path / "lgo.tif").read_bytes()
    np.testing.assert_array_equal(ground(f"{server.url}/lgo.tif"), found)


def test_rock_outlines_of_a_real_map_are_polygonised(data: Callable[[str], Path]) -> None:
    outlines = read_outlines(data("images/StEliasMtn_utm7v_rock.gmt"), crs="EPSG:32607")
    assert outlines.attrs["outlines"]["lines"] == 2102
    # The area that 2,068 simple rings of the file enclose, summed one by one; 34 more touch themselves.
    assert outlines.area.sum() / 1e6 == pytest.approx(982.8, rel=0.005)
    assert outlines.geom_type.isin(["Polygon", "MultiPolygon"]).all()


def test_sources_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.gpkg").write_text("no vector file")
    (tmp_path / "text.tif").write_text("no raster")
    cases: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
        (ROCK, {}, InputError, "states no CRS"),
        (tmp_path / "none.gpkg", {}, InputError, "no vector file"),
        (tmp_path / "text.gpkg", {}, InputError, "no vector file that can be read"),
        (tmp_path / "none.tif", {}, InputError, "no raster"),
        (tmp_path / "text.tif", {}, InputError, "no raster that can be read"),
        (7, {}, InputError, "outlines must be"),
        (shapely.Point(0, 0), {"source_crs": 32607}, EmptyDataError, "encloses an area"),
        (ROCK, {"source_crs": 32607, "inside": "rock"}, InputError, "inside must be"),
        (ROCK, {"source_crs": 32607, "margin": -1}, InputError, "margin"),
        (ROCK, {"source_crs": 32607, "classes": {1: "rock"}}, InputError, "a class is one of"),
    ]
    for source, options, error, message in cases:
        with pytest.raises(error, match=message):
            ground(source, **options)
    with pytest.raises(InputError, match="y descend"):
        read_ground(ROCK, x=X, y=Y[::-1], crs=32607, source_crs=32607)
