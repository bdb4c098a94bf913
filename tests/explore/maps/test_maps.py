from __future__ import annotations

from pathlib import Path
from typing import Any

import cartopy.crs as ccrs
import numpy as np
import pyproj
import pytest
import xarray as xr
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_rgb
from matplotlib.quiver import Quiver, QuiverKey

from altiflow.errors import EmptyDataError, InputError
from altiflow.explore.cartography import Graticule, map_scale, period_text, projection_of, thin_velocity
from altiflow.explore.maps import draw_map, draw_panels
from altiflow.gridding.frame import make_frame
from altiflow.gridding.grids.grid import Grid

MONTHS = np.array([["2019-01-01", "2019-02-01"], ["2019-02-01", "2019-03-01"]], "datetime64[ns]")
CELL = 25_000.0


def window_of(name: str, longitude: float, latitude: float, cells: int = 30) -> Grid:
    grid = Grid.named(name)
    row, col = (int(number) for number in grid.rowcol(*grid.project(longitude, latitude)))
    return grid.window(slice(row - cells, row + cells + 1), slice(col - cells, col + cells + 1))


def gridded_on(grid: Grid) -> xr.Dataset:
    dataset = make_frame(grid, MONTHS)
    x, y = np.meshgrid(np.arange(grid.shape[1]), np.arange(grid.shape[0]))
    first = np.where((x + y) % 5 == 0, 0.2 + 0.01 * x, np.nan)
    first[0, 0], first[-1, -1] = 9.0, -9.0
    values = np.stack([first, np.full(grid.shape, np.nan)])
    attributes = {"units": "m", "long_name": "mean freeboard, weighted by segment_length", "grid_mapping": "crs"}
    dataset["freeboard_mean"] = (("time", "y", "x"), values, attributes)
    count = np.isfinite(values).astype(int)
    dataset["n_segments"] = (("time", "y", "x"), count, {"units": "1", "grid_mapping": "crs"})
    return dataset.assign_attrs(product="ATL10", releases="006")


def motion_on(grid: Grid) -> xr.Dataset:
    dataset = make_frame(grid, MONTHS)
    x, y = np.meshgrid(grid.x - grid.x.mean(), grid.y - grid.y.mean())
    for name, component in (("vx", -y), ("vy", x)):
        layers = np.stack([component * 1e-5, np.full(grid.shape, 3.0)])
        dataset[name] = (("time", "y", "x"), layers, {"units": "cm s-1", "grid_mapping": "crs"})
    return dataset


@pytest.fixture(scope="module")
def north() -> Grid:
    return window_of("EASE2_N25km", 180, 80)


@pytest.fixture(scope="module")
def south() -> Grid:
    return window_of("EASE2_S25km", -28, -66)


def found(axes: Any, kind: type) -> Any:
    return next(child for child in axes.get_children() if isinstance(child, kind))


def texts(figure: Any) -> list[str]:
    return [text.get_text().replace("\N{NO-BREAK SPACE}", " ") for text in figure.texts]


def test_cells_are_where_the_grid_says_and_keep_their_values(north: Grid) -> None:
    dataset = gridded_on(north)
    mesh = found(draw_map(dataset, "freeboard_mean").axes[0], QuadMesh)
    np.testing.assert_array_equal(np.ma.filled(mesh.get_array(), np.nan), dataset["freeboard_mean"].values[0])
    corners = mesh.get_coordinates()
    assert tuple(corners[0, 0]) == (north.bounds[0], north.bounds[3])
    assert tuple(corners[-1, -1]) == (north.bounds[2], north.bounds[1])


def test_ascending_y_gives_the_same_map(north: Grid) -> None:
    dataset = gridded_on(north)
    turned = dataset.isel(y=slice(None, None, -1))
    one, other = (found(draw_map(data, "freeboard_mean").axes[0], QuadMesh) for data in (dataset, turned))
    np.testing.assert_array_equal(one.get_array().filled(-99), other.get_array().filled(-99))


def test_a_pixel_at_a_known_place_has_the_colour_of_its_cell_and_the_pole_is_land() -> None:
    grid = window_of("EASE2_S25km", 0, -90, cells=20)
    dataset = gridded_on(grid)
    data = np.full((2, *grid.shape), np.nan)
    data[0, 5, 8] = 1.0
    dataset["freeboard_mean"] = dataset["freeboard_mean"].copy(data=data)
    figure = draw_map(dataset, "freeboard_mean", limits=(0, 1))
    axes = figure.axes[0]
    assert axes.get_xlim()[1] - axes.get_xlim()[0] >= 24 * CELL
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3] / 255.0

    def colour_at(x: float, y: float) -> Any:
        col, row = axes.transData.transform((x, y))
        return pixels[pixels.shape[0] - 1 - int(row), int(col)]

    x, y = float(grid.x[8]), float(grid.y[5])
    np.testing.assert_allclose(colour_at(x - 8000, y + 8000), to_rgb("#fde725"), atol=0.01)
    np.testing.assert_allclose(colour_at(x + 1.4 * CELL, y + 0.3 * CELL), to_rgb("#d8d3c8"), atol=0.03)


def test_the_colour_bar_says_what_and_in_which_units_and_shows_that_ends_are_cut(north: Grid) -> None:
    figure = draw_map(gridded_on(north), "freeboard_mean")
    bar = found(figure.axes[0], QuadMesh).colorbar
    assert bar.extend == "both"
    assert bar.ax.get_ylabel() == "mean freeboard, weighted by segment length [m]"
    figure = draw_map(gridded_on(north), "freeboard_mean", limits=(-10, 10))
    bar = found(figure.axes[0], QuadMesh).colorbar
    assert bar.extend == "neither"
    assert bar.mappable.get_clim() == (-10, 10)


def test_cells_without_segments_stay_empty_in_a_map_of_counts(north: Grid) -> None:
    dataset = gridded_on(north)
    mesh = found(draw_map(dataset, "n_segments").axes[0], QuadMesh)
    assert mesh.get_array().count() == int((dataset["n_segments"].values[0] > 0).sum())


def test_texts_name_period_projection_grid_product_and_version(south: Grid) -> None:
    heading, period, note = texts(draw_map(gridded_on(south), "freeboard_mean"))
    assert (heading, period) == ("Mean freeboard", "1 Jan 2019 to 31 Jan 2019")
    for words in ("EPSG:6932", "grid EASE2_S25km", "cells of 25 km", "ATL10 006", "ice shelves not shown", "altiflow "):
        assert words in note


def test_only_southern_maps_speak_of_ice_shelves(north: Grid) -> None:
    figure = draw_map(gridded_on(north), "freeboard_mean", title="My map")
    assert texts(figure)[0] == "My map"
    assert "shelves" not in texts(figure)[2]


def test_arrows_point_along_the_velocity_and_have_a_key(north: Grid) -> None:
    velocity = motion_on(north)
    axes = draw_map(gridded_on(north), "freeboard_mean", velocity=velocity).axes[0]
    arrows, key = found(axes, Quiver), found(axes, QuiverKey)
    x, y = arrows.XY.T
    np.testing.assert_allclose(arrows.U, -(y - north.y.mean()) * 1e-5, atol=1e-9)
    np.testing.assert_allclose(arrows.V, (x - north.x.mean()) * 1e-5, atol=1e-9)
    assert key.text.get_text() == "Ice velocity  5 cm s⁻¹"
    assert 15 <= len(np.unique(x)) <= 25
    second = draw_map(gridded_on(north), "freeboard_mean", velocity=velocity.isel(time=[1]))
    assert set(np.round(found(second.axes[0], Quiver).U, 6)) == {3.0}


def test_the_metric_of_arrows_is_named(north: Grid) -> None:
    velocity = motion_on(north).assign_attrs(velocity_metric="map")
    assert "velocity in map metres" in texts(draw_map(gridded_on(north), "freeboard_mean", velocity=velocity))[2]
    assert "metres" not in texts(draw_map(gridded_on(north), "freeboard_mean"))[2]


def test_arrows_of_ground_velocity_point_where_the_ice_goes_on_a_map_that_is_not_conformal() -> None:
    grid = window_of("EASE2_N25km", 45, 55)
    velocity = motion_on(grid).isel(time=[1]).assign_attrs(velocity_metric="ground")
    arrows = found(draw_map(gridded_on(grid), "freeboard_mean", velocity=velocity).axes[0], Quiver)
    np.testing.assert_allclose(np.hypot(arrows.U, arrows.V), np.hypot(3.0, 3.0), rtol=1e-9)
    # Where the ice is a step later: by the azimuth of its ground velocity, on the ellipsoid.
    degrees = pyproj.Transformer.from_crs(grid.crs, 4326, always_xy=True)
    lon, lat = degrees.transform(arrows.X, arrows.Y)
    # On this map north lies a longitude against the clock from y, and the velocity 45 degrees with it.
    azimuth = 45.0 + lon
    ahead = pyproj.Geod(ellps="WGS84").fwd(lon, lat, azimuth, np.full(lon.shape, 100.0))
    x, y = degrees.transform(ahead[0], ahead[1], direction="INVERSE")
    turned = np.degrees(np.arctan2(y - arrows.Y, x - arrows.X) - np.arctan2(arrows.V, arrows.U))
    np.testing.assert_allclose((turned + 180) % 360 - 180, 0.0, atol=0.02)
    assert np.abs(np.degrees(np.arctan2(arrows.V, arrows.U)) - 45.0).max() > 1.0


def test_the_layer_of_the_same_time_is_taken(north: Grid) -> None:
    dataset = gridded_on(north)
    dataset["freeboard_mean"] = dataset["freeboard_mean"].fillna(0.3)
    axes = draw_map(dataset, "freeboard_mean", time=-1, velocity=motion_on(north)).axes[0]
    assert set(np.round(found(axes, Quiver).V, 6)) == {3.0}


def test_velocity_that_is_nowhere_valid_is_said(north: Grid) -> None:
    nothing = motion_on(north)
    nothing["vx"] = nothing["vx"] * np.nan
    figure = draw_map(gridded_on(north), "freeboard_mean", velocity=nothing)
    assert not [child for child in figure.axes[0].get_children() if isinstance(child, Quiver)]
    assert "no velocity in this window" in texts(figure)[2]


def test_thinning_takes_block_means() -> None:
    grid = Grid.from_bounds("EPSG:6931", (0, 0, 66_000, 66_000), 1000)
    layer = motion_on(grid).isel(time=0)
    thinned = thin_velocity(layer, grid.bounds)
    assert thinned["vx"].shape == (22, 22)
    np.testing.assert_allclose(thinned["vx"][0, 0], layer["vx"][:3, :3].mean())
    np.testing.assert_allclose(thinned["x"][0], grid.x[:3].mean())


@pytest.mark.parametrize("code", [3408, 3409, 3411, 3412, 3413, 3031, 3976, 6931, 6932, 32622])
def test_the_projection_has_the_plane_of_the_crs(code: int) -> None:
    crs = pyproj.CRS(f"EPSG:{code}")
    latitude = -72.0 if code in (3409, 3412, 3031, 3976, 6932) else 72.0
    projection = projection_of(crs)
    expected = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(-50.5, latitude)
    drawn = pyproj.Transformer.from_crs("EPSG:4326", pyproj.CRS(projection.to_wkt()), always_xy=True)
    np.testing.assert_allclose(drawn.transform(-50.5, latitude), expected, atol=1e-3)
    kinds = (ccrs.LambertAzimuthalEqualArea, ccrs.Stereographic)
    assert isinstance(projection, kinds) == (code != 32622)


def test_the_scale_bar_is_as_long_as_a_true_distance(north: Grid) -> None:
    axes = draw_map(gridded_on(north), "freeboard_mean").axes
    halves = [patch.get_width() for patch in axes[2].patches]
    bounds = (axes[0].get_xlim()[0], axes[0].get_ylim()[0], axes[0].get_xlim()[1], axes[0].get_ylim()[1])
    scale, latitude = map_scale(north.crs, bounds)
    assert sum(halves) / scale == pytest.approx(200e3) or sum(halves) / scale == pytest.approx(500e3)
    assert latitude == pytest.approx(80, abs=0.5)
    assert scale == pytest.approx(1 / np.cos(np.radians(5)), abs=1e-3), "tangential scale of an equal-area map"
    assert axes[2].get_position().width == pytest.approx(axes[0].get_position().width)


@pytest.mark.parametrize(
    ("name", "place", "cols"),
    [
        ("EASE2_N25km", (180, 80), (0, 61)),
        ("EASE2_N25km", (180, 80), (20, 30)),
        ("NSIDC_PS_N25km", (-150, 74), (0, 61)),
        ("EASE_Sl25km", (0, -89), (0, 61)),
    ],
)
def test_no_text_overlaps_another_or_leaves_the_figure(
    name: str, place: tuple[float, float], cols: tuple[int, int]
) -> None:
    grid = window_of(name, *place)
    grid = grid.window(slice(None), slice(*cols))
    figure = draw_map(gridded_on(grid), "freeboard_mean", velocity=motion_on(grid))
    figure.canvas.draw()
    labels = [text for axes in figure.axes[::2] for text in axes.texts if text.get_text()]
    key = found(figure.axes[0], QuiverKey).text
    boxes = [text.get_window_extent() for text in (*labels, key, *figure.texts, figure.axes[1].yaxis.label)]
    for number, box in enumerate(boxes):
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert not [other for other in boxes[:number] if box.overlaps(other)]


def test_meridians_and_parallels_are_labelled_by_their_own_numbers() -> None:
    grid = window_of("EASE2_N25km", 0, 90, cells=60)
    graticule = Graticule(grid.crs, grid.bounds)
    assert graticule.pole == 1
    assert [line.label for line in graticule.meridians()][:4] == ["180°", "150°W", "120°W", "90°W"]
    to_degrees = pyproj.Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    for line in graticule.parallels():
        assert np.unique(np.round(to_degrees.transform(*line.points.T)[1], 6)) == [float(line.label[:-2])]


def test_panels_share_window_and_colours(north: Grid) -> None:
    dataset = gridded_on(north)
    dataset["freeboard_mean"] = dataset["freeboard_mean"].fillna(0.3)
    figure = draw_panels(dataset, "freeboard_mean")
    maps = [axes for axes in figure.axes if hasattr(axes, "projection")]
    assert [axes.get_title(loc="left") for axes in maps] == ["1 Jan 2019 to 31 Jan 2019", "1 Feb 2019 to 28 Feb 2019"]
    assert maps[0].get_xlim() == maps[1].get_xlim()
    assert found(maps[0], QuadMesh).get_clim() == found(maps[1], QuadMesh).get_clim()


@pytest.mark.parametrize(("suffix", "start"), [(".png", b"\x89PNG"), (".pdf", b"%PDF"), (".svg", b"<?xml")])
def test_files_are_written_whole_and_the_same_each_time(tmp_path: Path, north: Grid, suffix: str, start: bytes) -> None:
    for name in ("one", "two"):
        draw_map(gridded_on(north), "freeboard_mean", path=tmp_path / "maps" / (name + suffix))
    one, two = ((tmp_path / "maps" / (name + suffix)).read_bytes() for name in ("one", "two"))
    assert one.startswith(start)
    assert one == two
    assert len(list((tmp_path / "maps").iterdir())) == 2


def test_what_cannot_be_drawn_is_refused_with_a_reason(tmp_path: Path, north: Grid) -> None:
    dataset = gridded_on(north)
    cases: list[tuple[type[Exception], str, dict[str, Any]]] = [
        (InputError, "no variable 'height_mean'; it has freeboard_mean", {"variable": "height_mean"}),
        (InputError, "a map needs", {"variable": "crs"}),
        (InputError, "no layer 2", {"time": 2}),
        (EmptyDataError, "no value in layer 1", {"time": 1}),
        (InputError, "map.jpg", {"path": tmp_path / "map.jpg"}),
        (InputError, "lowest", {"limits": (1, 1)}),
        (InputError, "colour map 'rainbows'", {"cmap": "rainbows"}),
        (InputError, "EASE-Grid 2.0 South", {"velocity": motion_on(window_of("EASE2_S25km", -28, -66))}),
        (InputError, "no vy", {"velocity": motion_on(north).drop_vars("vy")}),
        (
            InputError,
            "2 layers and 0",
            {"velocity": motion_on(north).assign_coords(time=MONTHS[:, 1] + np.timedelta64(5, "D"))},
        ),
    ]
    for error, words, changed in cases:
        with pytest.raises(error, match=words):
            draw_map(dataset, **({"variable": "freeboard_mean"} | changed))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="projected"):
        projection_of("EPSG:4326")
    with pytest.raises(InputError, match="at least one layer"):
        draw_panels(dataset, "freeboard_mean", times=[])


def test_ice_that_was_brought_to_a_date_tells_it_before_the_days_of_measurement() -> None:
    bounds = np.array([["2019-01-16", "2019-02-15"]], "datetime64[ns]")
    times = {"time": ("time", np.array(["2019-01-31"], "datetime64[ns]")), "time_bnds": (("time", "nv"), bounds)}
    mapped = xr.Dataset(coords=times)
    measured = "16 Jan 2019 to 14 Feb 2019"
    assert period_text(mapped, 0) == measured
    assert period_text(mapped.assign_attrs(drift='{"mode": "eulerian"}'), 0) == measured
    moved = mapped.assign_attrs(drift='{"mode": "both"}')
    assert period_text(moved, 0) == f"brought to 31 Jan 2019, measured {measured}"
