"""Maps in another CRS, of a region, of differences and of footprints."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import matplotlib
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
import xarray as xr
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_rgb
from matplotlib.quiver import Quiver

from altiflow import Grid, draw_difference, draw_footprints, draw_map
from altiflow.errors import EmptyDataError, GridMismatchError, InputError
from altiflow.explore.cartography import colour_map, north_of
from altiflow.explore.maps.differences import subtract_layers
from altiflow.gridding.frame import make_frame
from altiflow.gridding.vectors import east_north

CELL = 25_000.0


def dataset_on(grid: Grid, values: Any, name: str = "freeboard_mean") -> xr.Dataset:
    frame = make_frame(grid, [["2019-01-01", "2019-02-01"], ["2019-02-01", "2019-03-01"]])
    attributes = {"units": "m", "long_name": "mean freeboard, weighted", "grid_mapping": "crs"}
    frame[name] = (("time", "y", "x"), np.broadcast_to(values, (2, *grid.shape)).copy(), attributes)
    return frame


def block(name: str = "EASE2_N25km", lon: float = -40.0, lat: float = 84.0, cells: int = 15) -> Grid:
    grid = Grid.named(name)
    row, col = (int(number) for number in grid.rowcol(*grid.project(lon, lat)))
    return grid.window(slice(row - cells, row + cells + 1), slice(col - cells, col + cells + 1))


def colour_at(figure: Any, lon: float, lat: float, crs: str) -> Any:
    """Return the colour of the pixel at a place."""
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3] / 255.0
    place = pyproj.Transformer.from_crs(4326, crs, always_xy=True).transform(lon, lat)
    col, row = figure.axes[0].transData.transform(place)
    return pixels[pixels.shape[0] - 1 - int(row), int(col)]


def texts(figure: Any) -> str:
    return " | ".join(text.get_text().replace("\N{NO-BREAK SPACE}", " ") for text in figure.texts)


@pytest.mark.parametrize(
    ("crs", "name", "region", "lat"),
    [
        ("EPSG:3413", "EASE2_N25km", "north of 70", 84.0),
        ("EPSG:3031", "EASE2_S25km", "south of -60", -72.0),
        ("EPSG:6931", "NSIDC_PS_N25km", "north of 70", 84.0),
    ],
)
def test_a_cell_has_its_colour_at_its_place_on_a_map_of_another_crs(
    crs: str, name: str, region: str, lat: float
) -> None:
    grid = block(name, lat=lat)
    values = np.full(grid.shape, 0.0)
    values[12:18, 12:18] = 1.0
    figure = draw_map(dataset_on(grid, values), "freeboard_mean", crs=crs, region=region, limits=(0, 1))
    to_globe = pyproj.Transformer.from_crs(grid.crs, 4326, always_xy=True)
    for row, col, colour in ((15, 15, "#fde725"), (15, 3, "#440154"), (3, 15, "#440154")):
        lon, place = to_globe.transform(grid.x[col] + 3000, grid.y[row] + 3000)
        np.testing.assert_allclose(colour_at(figure, lon, place, crs), to_rgb(colour), atol=0.02)
    sea = colour_at(figure, 5.0, 71.5 if lat > 0 else -61.5, crs)
    np.testing.assert_allclose(sea, to_rgb("#edf2f6"), atol=0.02)
    left, right = figure.axes[0].get_xlim()
    edge = pyproj.Transformer.from_crs(4326, crs, always_xy=True).transform(0.0, 70.0 if lat > 0 else -60.0)
    assert right == pytest.approx(np.hypot(*edge), rel=1e-3)
    assert left == pytest.approx(-right, rel=1e-6)
    assert f"map: {crs}" in texts(figure)
    assert grid.name in texts(figure)


def test_arrows_on_another_map_point_where_the_ice_goes() -> None:
    """Against components to east and north, which no map turns."""
    grid = block(lon=30.0, lat=80.0)
    dataset = dataset_on(grid, 0.3)
    x, y = np.meshgrid(grid.x, grid.y)
    velocity = make_frame(grid, [["2019-01-01", "2019-02-01"], ["2019-02-01", "2019-03-01"]])
    for name, component in (("vx", 3.0 + y * 1e-6), ("vy", 1.0 + x * 1e-6)):
        velocity[name] = (("time", "y", "x"), np.stack([component] * 2), {"units": "cm s-1", "grid_mapping": "crs"})
    figure = draw_map(dataset, "freeboard_mean", velocity=velocity, crs="EPSG:3413")
    arrows = next(child for child in figure.axes[0].get_children() if isinstance(child, Quiver))
    there = arrows.XY
    own = np.array(pyproj.Transformer.from_crs(3413, grid.crs, always_xy=True).transform(*there.T))
    sent = (3.0 + own[1] * 1e-6, 1.0 + own[0] * 1e-6)
    expected = east_north(*sent, *own, crs=grid.crs, metric="map")
    drawn = east_north(arrows.U, arrows.V, *there.T, crs="EPSG:3413", metric="map")
    apart = np.degrees(np.arctan2(drawn[0], drawn[1]) - np.arctan2(expected[0], expected[1]))
    np.testing.assert_allclose((apart + 180) % 360 - 180, 0.0, atol=0.05)
    np.testing.assert_allclose(np.hypot(arrows.U, arrows.V), np.hypot(*sent), rtol=1e-3)


def test_colours_and_cells_are_of_the_region_alone() -> None:
    grid = block()
    values = np.zeros(grid.shape)
    values[:, 20:] = 100.0
    west = pyproj.Transformer.from_crs(grid.crs, 4326, always_xy=True).transform(grid.x[5], grid.y[15])
    around = f"within 80 km of {west[0]},{west[1]}"
    mesh = next(
        child
        for child in draw_map(dataset_on(grid, values), "freeboard_mean", region=around).axes[0].get_children()
        if isinstance(child, QuadMesh)
    )
    assert mesh.get_array().max() == 0.0
    with pytest.raises(EmptyDataError, match="within region='within 50 km of 100,75'"):
        draw_map(dataset_on(grid, values), "freeboard_mean", region="within 50 km of 100,75")
    with pytest.raises(InputError, match="reaches too far round the globe"):
        draw_map(dataset_on(grid, values), "freeboard_mean", region="south of -80", crs="EPSG:3413")
    with pytest.raises(InputError, match="needs a projected CRS"):
        draw_map(dataset_on(grid, values), "freeboard_mean", crs="EPSG:4326")
    with pytest.raises(InputError, match="is no CRS"):
        draw_map(dataset_on(grid, values), "freeboard_mean", crs="polar")


def test_a_difference_is_symmetric_and_tells_how_many_cells_have_both() -> None:
    grid = block()
    first = np.full(grid.shape, np.nan)
    first[5:20, 5:20] = 0.4
    first[5, 5] = 0.1
    earlier = grid.window(slice(2, 30), slice(3, 29))
    second = np.full(earlier.shape, np.nan)
    second[8:28, 7:26] = 0.3
    found = subtract_layers(dataset_on(grid, first), dataset_on(earlier, second), "freeboard_mean")
    rows, cols = slice(10, 20), slice(10, 20)
    assert (found.both, found.only_first, found.only_second) == (100, 125, 20 * 19 - 100)
    change = found.dataset["freeboard_mean_difference"].values[0]
    np.testing.assert_allclose(change[rows, cols], 0.1)
    assert np.isfinite(change).sum() == 100
    assert (found.mean, found.rms) == (pytest.approx(0.1), pytest.approx(0.1))
    figure = draw_difference(dataset_on(grid, first), dataset_on(earlier, second), "freeboard_mean", times=(1, 0))
    mesh = next(child for child in figure.axes[0].get_children() if isinstance(child, QuadMesh))
    low, high = mesh.get_clim()
    assert low == -high
    assert "100 cells have both; 125 only the first, 280 only the second" in texts(figure)
    assert "1 Feb 2019 to 28 Feb 2019, minus 1 Jan 2019 to 31 Jan 2019" in texts(figure)
    assert mesh.colorbar.ax.get_ylabel() == "difference of mean freeboard [m]"


def test_what_cannot_be_subtracted_is_refused() -> None:
    grid = block()
    one, empty = dataset_on(grid, 0.3), dataset_on(grid, np.nan)
    with pytest.raises(EmptyDataError, match="961 have it in the first alone, 0 in the second"):
        draw_difference(one, empty, "freeboard_mean")
    with pytest.raises(GridMismatchError, match="NSIDC"):
        draw_difference(one, dataset_on(block("NSIDC_PS_N25km"), 0.3), "freeboard_mean")
    centimetres = dataset_on(grid, 30.0)
    centimetres["freeboard_mean"].attrs["units"] = "cm"
    with pytest.raises(InputError, match="in 'm' and in 'cm'"):
        draw_difference(one, centimetres, "freeboard_mean")


@pytest.mark.parametrize(("name", "words"), [("velocity_metric", ("map", "ground")), ("year_days", (365.0, 365.25))])
def test_velocities_of_another_metric_or_year_are_not_subtracted(name: str, words: tuple[Any, Any]) -> None:
    grid = block()
    first, second = (
        dataset_on(grid, value).rename(freeboard_mean="vx").assign_attrs({name: word})
        for value, word in zip((104.0, 100.0), words, strict=True)
    )
    with pytest.raises(InputError, match=f"'vx' has {name} {words[0]} and {words[1]}; convert_field"):
        draw_difference(first, second, "vx")
    assert subtract_layers(first, second.assign_attrs({name: words[0]}), "vx").mean == pytest.approx(4.0)
    # What is no velocity has no metric, though ice may have been moved by one.
    still = [one.rename(vx="freeboard_mean") for one in (first, second)]
    assert subtract_layers(*still, "freeboard_mean").mean == pytest.approx(4.0)


def _shapes(figure: Any, label: str) -> list[Any]:
    return [child for child in figure.axes[0].get_children() if child.get_gid() == label]


def test_footprints_lie_where_they_are_also_across_the_antimeridian() -> None:
    across = shapely.MultiPolygon([shapely.box(170, 70, 180, 75), shapely.box(-180, 70, -170, 75)])
    cap = shapely.box(-180, 80, 180, 90)
    table = gpd.GeoDataFrame(
        {"product": ["ATL10", "ATL07", "ATL10", "ATL10"], "start": pd.to_datetime(["2019-01-05"] * 4)},
        geometry=[across, cap, None, shapely.LineString([(10, 70), (10, 75)])],
        crs=4326,
    )
    figure = draw_footprints(table, title="Granules")
    assert "3 of 4 rows" in texts(figure)
    assert "1 without a footprint" in texts(figure)
    assert "5 Jan 2019" in texts(figure)
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend == ["ATL10: 2", "ATL07: 1"]
    patches = [patch for patch in _shapes(figure, "ATL10") if hasattr(patch, "get_path")]
    box = patches[0].get_path().get_extents()
    grown = pyproj.Transformer.from_crs(4326, 3413, always_xy=True)
    inside = grown.transform(180.0, 72.5)
    assert patches[0].get_path().contains_point(inside), "one piece, without a seam at 180"
    corners = np.array([grown.transform(lon, lat) for lon in np.linspace(170, 190, 81) for lat in (70.0, 75.0)])
    expected = [*corners.min(axis=0), *corners.max(axis=0)]
    np.testing.assert_allclose([box.x0, box.y0, box.x1, box.y1], expected, atol=100)
    assert len(patches) == 2
    hole = [patch.get_path().contains_point((0.0, 0.0)) for patch in _shapes(figure, "ATL07")]
    assert any(hole)


def test_footprints_go_over_a_map_and_what_cannot_be_drawn_is_refused() -> None:
    grid = block()
    table = gpd.GeoDataFrame({"product": ["ATL10"]}, geometry=[shapely.box(-50, 82, -30, 86)], crs=4326)
    figure = draw_map(dataset_on(grid, 0.3), "freeboard_mean", footprints=table)
    assert "outlines: 1 footprint of ATL10" in texts(figure)
    assert len(_shapes(figure, "footprint")) == 1
    with pytest.raises(EmptyDataError, match="none of the 1 rows has a footprint"):
        draw_footprints(gpd.GeoDataFrame({"product": ["a"]}, geometry=[None], crs=4326))
    both = gpd.GeoDataFrame({"product": ["a", "b"]}, geometry=[shapely.box(0, -80, 9, -70), shapely.box(0, 70, 9, 80)])
    with pytest.raises(InputError, match="has no CRS"):
        draw_footprints(both)
    with pytest.raises(InputError, match="both hemispheres"):
        draw_footprints(both.set_crs(4326))
    with pytest.raises(InputError, match="by='beam' is no column"):
        draw_footprints(table, by="beam")


def test_there_is_an_arrow_to_the_north_only_where_there_is_one_north() -> None:
    pole = draw_map(dataset_on(block(lat=89.0), 0.3), "freeboard_mean")
    assert not [child for child in pole.axes[0].get_children() if child.get_gid() == "north"]
    grid = Grid.from_bounds("EPSG:3413", (9.5e5, -2.1e6, 1.0e6, -2.05e6), 1000)
    figure = draw_map(dataset_on(grid, 0.3), "freeboard_mean")
    arrow = next(child for child in figure.axes[0].get_children() if child.get_gid() == "north")
    head, tail = (figure.axes[0].transAxes.transform(place) for place in (arrow.xy, arrow.get_position()))
    turned = np.degrees(np.arctan2(*(head - tail)))
    # Of polar stereographic with the meridian of 45 W upright, north is turned by longitude + 45.
    lon, _ = pyproj.Transformer.from_crs(3413, 4326, always_xy=True).transform(9.75e5, -2.075e6)
    assert turned == pytest.approx(-(lon + 45.0), abs=0.1)
    assert north_of(grid.crs, grid.bounds)[0] == pytest.approx(turned, abs=0.1)


def _lab(rgb: Any) -> Any:
    """Return CIELAB of sRGB, written apart from the package's way to it."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    matrix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt((linear @ matrix.T / [0.9505, 1.0, 1.089]).T)
    return np.column_stack([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("name", ["difference", "uncertainty"])
def test_own_colours_are_even_and_told_apart_by_colour_blind_eyes(name: str) -> None:
    steps = np.arange(2, 255, 5)
    colours = colour_map(name)(steps)[:, :3]
    lab = _lab(colours)
    apart = np.linalg.norm(np.diff(lab, axis=0), axis=1)
    # But for the one step that cuts a corner.
    assert apart.max() / np.sort(apart)[1] < 1.05
    if name == "uncertainty":
        assert (np.diff(lab[:, 0]) < 0).all()
    else:
        np.testing.assert_allclose(lab[:, 0], lab[::-1, 0], atol=1.5)
        assert np.abs(lab[25, 1:]).max() < 1.0
    # Machado, Oliveira and Fernandes (2009): how a deuteranope and a protanope see colours in linear light.
    for matrix in (
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    ):
        linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
        seen = np.clip(linear @ np.array(matrix).T, 0, 1)
        seen_lab = _lab(np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055))
        distance = np.linalg.norm(seen_lab[:, None] - seen_lab[None], axis=2)
        assert distance[np.triu_indices(51, 10)].min() > 7.0
        sea = _lab(np.array([to_rgb("#edf2f6")]))
        assert np.linalg.norm(lab - sea, axis=1).min() > 6.0


def test_a_colour_map_that_is_nowhere_is_refused() -> None:
    with pytest.raises(InputError, match="no colour map 'rainbows'"):
        colour_map("rainbows")
    assert colour_map(matplotlib.colormaps["cividis"]).name == "cividis"
