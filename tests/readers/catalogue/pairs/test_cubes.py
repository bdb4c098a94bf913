"""The cube catalogue: the real one against brute force in map coordinates; and the mosaics."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely

from altiflow.errors import EmptyDataError, InputError, UnsupportedFormatError
from altiflow.readers.catalogue.pairs import (
    find_cubes,
    mosaic_name,
    mosaic_region,
    mosaic_url,
    parse_velocity_name,
    read_cube_catalogue,
)

CATALOGUE = "itslive/catalog/stripped_catalog.json"


@pytest.fixture(scope="module")
def cubes(data: Callable[[str], Path]) -> gpd.GeoDataFrame:
    return read_cube_catalogue(data(CATALOGUE))


def to_map(epsg: int, lon: Any, lat: Any) -> tuple[Any, Any]:
    return pyproj.Transformer.from_crs(4326, epsg, always_xy=True).transform(lon, lat)


def zone_of(epsg: int) -> int | None:
    """Return the number of a UTM zone."""
    name = pyproj.CRS.from_epsg(epsg).utm_zone
    return int(name[:-1]) if name else None


def test_the_real_catalogue(cubes: gpd.GeoDataFrame) -> None:
    assert len(cubes) == 3086
    assert cubes.geometry.is_valid.all()
    assert cubes["url"].is_unique
    for row in cubes.to_dict("records"):
        name = parse_velocity_name(row["url"])
        assert name.epsg == row["epsg"]
        assert (name.x, name.y) == ((row["x_min"] + row["x_max"]) / 2, (row["y_min"] + row["y_max"]) / 2)
        assert name.format() == row["url"].rsplit("/", 1)[1]


def test_points_against_brute_force(cubes: gpd.GeoDataFrame) -> None:
    generator = np.random.default_rng(2)
    chosen = cubes.iloc[generator.choice(len(cubes), 300, replace=False)]
    lon, lat = np.empty(300), np.empty(300)
    for place, row in enumerate(chosen.to_dict("records")):
        x, y = generator.uniform(row["x_min"], row["x_max"]), generator.uniform(row["y_min"], row["y_max"])
        turn = pyproj.Transformer.from_crs(row["epsg"], 4326, always_xy=True)
        lon[place], lat[place] = turn.transform(x, y)
    found = find_cubes(np.column_stack([lon, lat]), cubes)
    expected = set()
    for epsg, some in cubes.groupby("epsg"):
        x, y = to_map(int(epsg), lon, lat)
        zone = zone_of(int(epsg))
        for row in some.to_dict("records"):
            inside = (x >= row["x_min"]) & (x <= row["x_max"]) & (y >= row["y_min"]) & (y <= row["y_max"])
            if zone is not None:
                # A zone's projection means nothing on the other side of the globe.
                inside &= np.abs((lon - (6 * zone - 183) + 180) % 360 - 180) < 30
            expected |= {(int(place), row["url"]) for place in np.flatnonzero(inside)}
    assert {(row.point, row.url) for row in found.itertuples()} == expected
    assert set(found["point"]) == set(range(300))
    assert found["longitude"].tolist() == lon[found["point"]].tolist()
    assert found["latitude"].tolist() == lat[found["point"]].tolist()


def test_a_point_on_a_seam_finds_both_cubes_and_does_not_move(cubes: gpd.GeoDataFrame) -> None:
    polar = cubes[cubes["epsg"] == 3413]
    one = polar[(polar["x_min"] == -200_000) & (polar["y_min"] == -2_300_000)].iloc[0]
    two = polar[(polar["x_min"] == -100_000) & (polar["y_min"] == -2_300_000)].iloc[0]
    for y in np.linspace(-2_299_999, -2_200_001, 25):
        point = pyproj.Transformer.from_crs(3413, 4326, always_xy=True).transform(-100_000.0, y)
        found = find_cubes(point, cubes)
        assert found["url"].tolist() == sorted([one["url"], two["url"]])
        assert set(zip(found["longitude"], found["latitude"], strict=True)) == {point}
        assert np.allclose(found["x"], -100_000.0, atol=1e-6)
        assert np.allclose(found["y"], y, atol=1e-6)


def test_a_point_between_zones_finds_cubes_of_both_projections(cubes: gpd.GeoDataFrame) -> None:
    for lon, lat in ((84.0, 28.5), (90.0, 28.0), (78.0, 31.0)):
        # Tiles of both zones meet at their meridian.
        near = find_cubes([(lon, lat)], cubes)
        assert near["epsg"].nunique() == 2, (lon, lat)
        for row in near.to_dict("records"):
            assert (row["x"], row["y"]) == pytest.approx(to_map(row["epsg"], lon, lat), abs=1e-6)


@pytest.mark.parametrize(
    "box", [(-52, 68, -47, 71), (80, 27, 88, 31), (-80, -76, -60, -70), (170, -80, -170, -75), (60, 70, 70, 80)]
)
def test_regions_against_map_coordinates(box: tuple[float, ...], cubes: gpd.GeoDataFrame) -> None:
    west, south, east, north = box
    area = shapely.segmentize(shapely.box(west, south, east + 360 * (east < west), north), 0.02)
    expected = set()
    for epsg, some in cubes.groupby("epsg"):
        zone, middle = zone_of(int(epsg)), (west + east + 360 * (east < west)) / 2
        if zone is not None and abs((middle - (6 * zone - 183) + 180) % 360 - 180) > 30:
            continue
        if zone is None and (epsg == 3031) != (south < 0):
            continue
        ring = shapely.transform(area, lambda xy, epsg=epsg: np.column_stack(to_map(int(epsg), *xy.T)))
        tiles = shapely.box(*some[["x_min", "y_min", "x_max", "y_max"]].to_numpy().T)
        # What only grazes the region by a sliver of metres may go either way.
        inner = shapely.intersects(tiles, ring.buffer(-60.0))
        outer = shapely.intersects(tiles, ring.buffer(60.0))
        expected |= set(some["url"][inner])
        assert set(some["url"][inner]) == set(some["url"][outer]), "choose a box that no tile only grazes"
    assert len(expected) > 2
    assert set(find_cubes(box, cubes)["url"]) == expected


def test_a_cube_at_the_pole_is_found_from_all_sides() -> None:
    def feature(x: float, y: float) -> dict[str, Any]:
        square = shapely.box(x, y, x + 100_000, y + 100_000).__geo_interface__
        url = f"https://host/ITS_LIVE_vel_EPSG3031_G0120_X{int(x) + 50000}_Y{int(y) + 50000}.zarr"
        return {"properties": {"zarr_url": url, "epsg": 3031, "geometry_epsg": square}}

    corners = [feature(x, y) for x in (-100_000.0, 0.0) for y in (-100_000.0, 0.0)]
    assert len(find_cubes((0.0, -90.0), {"features": corners})) == 4
    # Of the tile on the other side, a quadrant has no more than the pole itself.
    assert len(find_cubes((0, -90, 90, -89.5), {"features": corners})) == 3
    assert len(find_cubes((-180, -90, 180, -89), {"features": corners})) == 4
    around = {"features": [feature(-50_000.0, -50_000.0)]}
    for box in ((170, -90, -170, -89.9), (10, -89.99, 20, -89.9), (-180, -89.7, 180, -89.6)):
        assert len(find_cubes(box, around)) == 1
    with pytest.raises(EmptyDataError):
        find_cubes((10, -89, 20, -88), around)
    with pytest.raises(EmptyDataError):
        find_cubes((0.0, 90.0), around)


def test_points_in_any_crs_and_of_any_kind(cubes: gpd.GeoDataFrame) -> None:
    by_pair = find_cubes((-49.5, 69.2), cubes)
    points = gpd.GeoSeries([shapely.Point(-49.5, 69.2)], crs=4326)
    for where in (
        [[-49.5, 69.2]],
        shapely.Point(-49.5, 69.2),
        points,
        points.to_crs(3413),
        points.to_frame("geometry"),
    ):
        found = find_cubes(where, cubes)
        assert found["url"].tolist() == by_pair["url"].tolist()
        assert np.allclose(found[["x", "y"]], by_pair[["x", "y"]], atol=1e-4)
    for where, message in (
        ((1.0, 91.0), "latitude"),
        ([[np.nan, 1.0]], "finite"),
        (gpd.GeoSeries([shapely.Point(0, 0)]), "no CRS"),
        ("nowhere.geojson", "is no file"),
    ):
        with pytest.raises(InputError, match=message):
            find_cubes(where, cubes)
    with pytest.raises(EmptyDataError, match="no cube"):
        find_cubes((0.0, 0.0), cubes)


def test_the_service_finds_the_same_cubes(cubes: gpd.GeoDataFrame, data: Callable[[str], Path], stac: Any) -> None:
    features = json.loads(data(CATALOGUE).read_text())["features"]
    wanted = set(find_cubes((-52, 68, -47, 71), cubes)["url"]) | set(find_cubes((83, 27, 85, 29), cubes)["url"])
    for feature in features:
        url = feature["properties"]["zarr_url"]
        if url in wanted:
            stac.items.append(
                {
                    "type": "Feature",
                    "id": url.rsplit("/", 1)[1],
                    "collection": "itslive-cubes",
                    "geometry": feature["geometry"],
                    "properties": {"proj:code": f"EPSG:{feature['properties']['epsg']}", "datetime": None},
                    "assets": {"zarr": {"href": url, "roles": ["data"]}},
                }
            )
    seam = pyproj.Transformer.from_crs(3413, 4326, always_xy=True).transform(-100_000.0, -2_250_000.0)
    for where in (seam, (84.0, 28.5), [seam, (84.0, 28.5)], (-50, 69, -48, 70)):
        ours, theirs = find_cubes(where, cubes), find_cubes(where, stac.url)
        assert theirs["url"].tolist() == ours["url"].tolist()
        assert theirs["x_min"].tolist() == ours["x_min"].tolist()
    for item in stac.items:
        item["assets"] = {"zarr": {"href": "https://host/other.zarr", "roles": ["data"]}}
    with pytest.raises(UnsupportedFormatError, match="is no cube of ITS_LIVE"):
        find_cubes((-52, 68, -47, 71), stac.url)


@pytest.mark.parametrize("content", ["{", "[]", '{"features": [{"properties": {"zarr_url": "a"}}]}', '{"features": 3}'])
def test_what_is_no_catalogue_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "catalogue.json").write_text(content)
    with pytest.raises(UnsupportedFormatError, match=r"catalogue\.json is no"):
        read_cube_catalogue(tmp_path / "catalogue.json")
    with pytest.raises(InputError, match="no such file"):
        find_cubes((0, 0), tmp_path / "nowhere.json")
    with pytest.raises(InputError, match="lacks url"):
        find_cubes((0, 0), gpd.GeoDataFrame(geometry=[], crs=4326))


def test_names_and_addresses_of_mosaics() -> None:
    assert mosaic_name("rgi5", 2019) == "ITS_LIVE_velocity_120m_RGI05A_2019_v02.nc"
    assert mosaic_name("19", layer="vx", version="V02.1") == "ITS_LIVE_velocity_120m_RGI19A_0000_V02.1_vx.tif"
    assert mosaic_name(1, 2018, archive="nsidc") == "NSIDC-0776_RGI01A_2018_V02.0.nc"
    for name in (mosaic_name(7), mosaic_name(7, 1984), mosaic_name(7, archive="nsidc")):
        assert parse_velocity_name(name).format() == name
    assert mosaic_url(5).endswith("/velocity_mosaic/v2/static/ITS_LIVE_velocity_120m_RGI05A_0000_v02.nc")
    for arguments in ({"region": 13}, {"region": "GRE"}, {"region": 5, "year": 1983}, {"region": 5, "version": "2"},
                      {"region": 5, "archive": "esa"}, {"region": 0}):  # fmt: skip
        with pytest.raises(InputError):
            mosaic_name(**arguments)


def test_the_region_of_a_point_comes_from_an_outline_file(tmp_path: Path) -> None:
    boxes = {
        "05": shapely.box(-75, 58, -10, 85),
        "06": shapely.box(-26, 62, -12, 68),
        "15": shapely.box(75, 25, 105, 35),
        "19": shapely.box(-180, -90, 180, -50),
    }
    outlines = gpd.GeoDataFrame({"o1region": list(boxes)}, geometry=list(boxes.values()), crs=4326)
    path = tmp_path / "00_rgi70_O1Regions.shp"
    outlines.to_file(path)
    for source in (path, str(path), outlines.to_crs(3857).drop(index=3)):
        assert mosaic_region(-49.5, 69.2, outlines=source) == "RGI05A"
    assert mosaic_region(310.5, 69.2, outlines=path) == "RGI05A"
    found = mosaic_region([-49.5, -20, 90, 0], [69.2, 65, 30, -80], outlines=path)
    # The second point lies in both boxes: the lower number counts. Region 15 has no mosaic.
    assert found.tolist() == ["RGI05A", "RGI05A", None, "RGI19A"]
    with pytest.raises(EmptyDataError, match="RGI15A, which has no mosaic"):
        mosaic_region(90, 30, outlines=path)
    with pytest.raises(EmptyDataError, match="no region"):
        mosaic_region(0, 0, outlines=path)
    for arguments, message in (
        ({"outlines": tmp_path / "nowhere.shp"}, "no such file"),
        ({"outlines": outlines.rename(columns={"o1region": "name"})}, "pass column="),
        ({"outlines": outlines.assign(o1region="Iceland")}, "no region number"),
        ({"outlines": outlines.set_crs(None, allow_override=True)}, "no CRS"),
    ):
        with pytest.raises(InputError, match=message):
            mosaic_region(0, 0, **arguments)
    with pytest.raises(InputError, match="latitude"):
        mosaic_region(0, 95, outlines=path)
