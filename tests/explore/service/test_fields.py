"""Tiles show known colours where they belong, and series are those of the library."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from itertools import product

import matplotlib
import numpy as np
import pyproj
import pytest
import requests
from catalogues import make_field
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from altiflow.errors import InputError, RequestError
from altiflow.explore.service import ServiceLimits, make_app, start_app
from altiflow.explore.service.fields import TILE_GRIDS, ServedField, draw_tile
from altiflow.explore.service.patience import Patience
from altiflow.gridding import series_at, series_table

FIELD = make_field()


def picture(content: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(content))
    assert image.format == "PNG"
    return np.asarray(image.convert("RGBA"))


def colour(speed: float, low: float = 1.0, high: float = 10_000.0) -> list[int]:
    """Return the colour of a speed, by the definition of the scale."""
    share = np.log(speed / low) / np.log(high / low)
    return [*matplotlib.colormaps["viridis"](share, bytes=True)[:3], 255]


@settings(deadline=None)
@given(
    epsg=st.sampled_from(sorted(TILE_GRIDS)),
    zoom=st.integers(0, 20),
    place=st.tuples(st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True)),
)
def test_the_bounds_of_a_tile_lead_back_to_it(epsg: int, zoom: int, place: tuple[float, float]) -> None:
    grid = TILE_GRIDS[epsg]
    x, y = (int(share * 2**zoom) for share in place)
    x_min, y_min, x_max, y_max = grid.bounds(zoom, x, y)
    assert grid.tile_at(zoom, (x_min + x_max) / 2, (y_min + y_max) / 2) == (x, y)
    # The four tiles of the next zoom fill it.
    parts = [grid.bounds(zoom + 1, 2 * x + i, 2 * y + j) for i, j in product((0, 1), repeat=2)]
    assert min(part[0] for part in parts) == pytest.approx(x_min, abs=1e-6)
    assert max(part[3] for part in parts) == pytest.approx(y_max, abs=1e-6)
    across, up = grid.centres(zoom, x, y, 256)
    assert np.all((across > x_min) & (across < x_max) & (up > y_min) & (up < y_max))
    assert up[0] > up[-1]


def test_tiles_of_web_mercator_are_those_of_everybody() -> None:
    # Longitude and latitude of the upper left corner (OpenStreetMap wiki, slippy map tile names).
    zoom, x, y = 5, 11, 7
    bounds = TILE_GRIDS[3857].bounds(zoom, x, y)
    lon, lat = pyproj.Transformer.from_crs(3857, 4326, always_xy=True).transform(bounds[0], bounds[3])
    assert lon == pytest.approx(x / 2**zoom * 360 - 180, abs=1e-9)
    assert lat == pytest.approx(np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * y / 2**zoom)))), abs=1e-9)


def test_polar_tiles_have_the_resolutions_of_the_base_maps_they_lie_on() -> None:
    # 512 pixels a tile from 16384 m on, and the origin at the upper left (-4194304, 4194304).
    for epsg in (3413, 3031):
        across, up = TILE_GRIDS[epsg].centres(3, 0, 0, 512)
        assert (across[1] - across[0], across[0], up[0]) == (2048.0, -4194304.0 + 1024, 4194304.0 - 1024)


@pytest.mark.parametrize(("zoom", "x", "y"), [(0, 1, 0), (3, 8, 0), (3, 0, -1), (25, 0, 0), (-1, 0, 0)])
def test_tiles_that_are_not_there_are_refused(zoom: int, x: int, y: int) -> None:
    with pytest.raises(InputError):
        TILE_GRIDS[3413].bounds(zoom, x, y)


@pytest.mark.parametrize("metric", ["ground", "map"])
@pytest.mark.parametrize("epsg", [3413, 3857])
@pytest.mark.parametrize("zoom", [3, 5, 8])
def test_every_pixel_has_the_colour_of_its_cell(metric: str, epsg: int, zoom: int) -> None:
    field = make_field(metric)
    grid = TILE_GRIDS[epsg]
    to_field = pyproj.Transformer.from_crs(epsg, 3413, always_xy=True)
    middle = pyproj.Transformer.from_crs(3413, epsg, always_xy=True).transform(-3.2e5, -2.5e6)
    tile = (zoom, *grid.tile_at(zoom, *middle))
    # A scale on which a hundredth of the speed is another colour.
    shown = picture(draw_tile(ServedField("a", field), grid, tile, limits=(500.0, 1500.0)))
    x, y = to_field.transform(*np.meshgrid(*grid.centres(*tile, 256)))
    # Cells of one colour, away from edges: there the coarser cells have the value of the finer ones.
    edge = 45_000 if zoom < 5 else 3000
    east = (x > -3.2e5 + edge) & (x < -2.4e5 - min(edge, 20_000)) & (y < -2.4e6 - edge) & (y > -2.6e6 + edge)
    outside = (x < -4e5 - edge) | (x > -2.4e5 + edge) | (y > -2.4e6 + edge) | (y < -2.6e6 - edge)
    assert east.any()
    factor = 1.0
    if metric == "map":
        lon, lat = pyproj.Transformer.from_crs(3413, 4326, always_xy=True).transform(x[east], y[east])
        factor = pyproj.Proj(3413).get_factors(lon, lat).meridional_scale
    share = np.log(np.broadcast_to(1000.0 / factor, east.sum()) / 500) / np.log(3)
    expected = matplotlib.colormaps["viridis"](share, bytes=True)
    assert np.abs(shown[east].astype(int) - expected).max() <= 3
    assert (shown[outside] == 0).all()


def test_holes_and_what_is_beyond_the_scale() -> None:
    grid = TILE_GRIDS[3413]
    served = ServedField("a", FIELD)
    tile = (9, *grid.tile_at(9, -3.7e5, -2.5e6))
    assert (picture(draw_tile(served, grid, tile)) == 0).all()
    tile = (9, *grid.tile_at(9, -3.9e5, -2.5e6))
    assert picture(draw_tile(served, grid, tile, limits=(100, 1000)))[128, 10].tolist() == colour(100, 100, 1000)
    assert picture(draw_tile(served, grid, tile, layer=-1))[128, 10].tolist() == colour(20)
    assert picture(draw_tile(served, grid, tile, size=512)).shape == (512, 512, 4)


def test_a_tile_of_the_other_pole_or_beyond_the_map_is_clear() -> None:
    served = ServedField("a", FIELD)
    for epsg, tile in ((3031, (0, 0, 0)), (3857, (1, 0, 1))):
        assert (picture(draw_tile(served, TILE_GRIDS[epsg], tile)) == 0).all()


def test_far_away_tiles_show_means_of_cells() -> None:
    values = np.where((np.indices((64, 64)).sum(axis=0) % 2)[None] == 0, 30.0, 10.0)
    field = FIELD.isel(time=[0], y=slice(64), x=slice(64))
    field = field.assign(vx=(field.vx.dims, values, field.vx.attrs), vy=(field.vy.dims, 0 * values, field.vy.attrs))
    served = ServedField("a", field)
    x, y = np.array([field.x.values[20:24].mean()]), np.array([field.y.values[20:24].mean()])
    assert served.speed_at(0, x, y, spacing=4000.0).tolist() == [20.0]
    assert served.speed_at(0, x + 400, y + 400, spacing=10.0)[0] in (10.0, 30.0)


@pytest.fixture(scope="module")
def running() -> Iterator[str]:
    with start_app(make_app(fields={"north": FIELD})) as service:
        yield service.url


def test_fields_are_listed_with_the_tilings(running: str) -> None:
    told = requests.get(f"{running}/fields", timeout=30).json()
    assert told["fields"][0] == {
        "name": "north",
        "crs": "EPSG:3413",
        "units": "m yr-1",
        "layers": 2,
        "period": ["2019-01-01T00:00:00Z", "2019-02-17T00:00:00Z"],
        "bounds": [-400000.0, -2600000.0, -240000.0, -2400000.0],
    }
    assert [one["epsg"] for one in told["tilings"]] == [3857, 3413, 3031]


def test_tiles_come_over_http(running: str) -> None:
    x, y = TILE_GRIDS[3413].tile_at(9, -2.6e5, -2.5e6)
    answer = requests.get(f"{running}/tiles/north/3413/9/{x}/{y}.png?low=10&high=1000", timeout=30)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert picture(answer.content)[100, 100].tolist() == colour(1000, 10, 1000)


@pytest.mark.parametrize(
    ("address", "status", "parameter"),
    [
        ("/tiles/south/3413/0/0/0.png", 404, "name"),
        ("/tiles/north/4326/0/0/0.png", 404, "epsg"),
        ("/tiles/north/3413/0/1/0.png", 404, "tile"),
        ("/tiles/north/3413/99/1/0.png", 404, "tile"),
        ("/tiles/north/3413/x/0/0.png", 404, "zoom"),
        ("/tiles/north/3413/0/0/..%2f0.png", 404, "address"),
        ("/tiles/north/3413/0/0/0.png?layer=2", 400, "layer"),
        ("/tiles/north/3413/0/0/0.png?low=10&high=1", 400, "low"),
        ("/tiles/north/3413/0/0/0.png?low=-1", 400, "low"),
        ("/tiles/north/3413/0/0/0.png?size=100000", 400, "size"),
        ("/tiles/north/3413/0/0/0.png?colours=mine", 400, "colours"),
        ("/fields/north/series?lon=1", 400, "lat"),
        ("/fields/north/series?lon=1&lat=91", 400, "lat"),
        ("/fields/none/series?lon=1&lat=1", 404, "name"),
        ("/search", 404, "address"),
    ],
)
def test_what_is_not_there_is_refused(address: str, status: int, parameter: str, running: str) -> None:
    answer = requests.get(f"{running}{address}", timeout=30)
    assert (answer.status_code, answer.json()["error"]["parameter"]) == (status, parameter)


def test_series_are_those_of_the_library(running: str) -> None:
    lon, lat = pyproj.Transformer.from_crs(3413, 4326, always_xy=True).transform(-2.6e5, -2.5e6)
    rows = requests.get(f"{running}/fields/north/series", params={"lon": lon, "lat": lat}, timeout=30).json()
    expected = series_table(series_at(FIELD, [(lon, lat)]))
    assert [row["speed"] for row in rows] == expected["speed"].tolist() == pytest.approx([1000.0, 2000.0])
    assert rows[0]["start"] == "2019-01-01T00:00:00Z"
    assert rows[0]["units"] == "m yr-1"
    assert set(expected.columns) - {"point"} == set(rows[0])
    lines = requests.get(
        f"{running}/fields/north/series", params={"lon": lon, "lat": lat, "serialization": "text"}, timeout=30
    ).text.splitlines()
    assert len(lines) == 2


def test_off_the_field_and_in_a_hole_there_is_no_row(running: str) -> None:
    hole = pyproj.Transformer.from_crs(3413, 4326, always_xy=True).transform(-3.7e5, -2.5e6)
    for lon, lat in ((0.0, -75.0), hole):
        answer = requests.get(f"{running}/fields/north/series", params={"lon": lon, "lat": lat}, timeout=30)
        assert (answer.status_code, answer.json()) == (200, [])


def test_names_of_fields_are_words() -> None:
    with pytest.raises(InputError, match=r"name '\.\./x' cannot stand in an address"):
        make_app(fields={"../x": FIELD})


def test_series_and_tiles_that_take_too_long_are_given_up_and_come_back_when_they_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    go = threading.Event()
    read = ServedField._coarsen

    def slowly(self: ServedField, number: int) -> Iterator[object]:
        go.wait(30)
        yield from read(self, number)

    monkeypatch.setattr(ServedField, "_coarsen", slowly)
    with start_app(make_app(fields={"north": FIELD}, limits=ServiceLimits(seconds=0.2))) as running:
        address = f"{running.url}/tiles/north/3413/2/1/2.png"
        late = requests.get(address, timeout=30)
        assert (late.status_code, late.headers["retry-after"]) == (503, "10")
        assert late.json()["error"]["reason"] == "the answer took longer than 0.2 s"
        go.set()
        for _ in range(100):
            if (answer := requests.get(address, timeout=30)).status_code == 200:
                break
        assert picture(answer.content).shape == (256, 256, 4)
    with start_app(make_app(fields={"north": FIELD}, limits=ServiceLimits(seconds=1e-9))) as running:
        late = requests.get(f"{running.url}/fields/north/series?lon=-49&lat=69", timeout=30)
        assert late.status_code == 503


def test_no_more_than_a_few_answers_are_worked_on_and_errors_are_those_of_the_work() -> None:
    go, patience = threading.Event(), Patience(0.1)
    for _ in range(8):
        with pytest.raises(RequestError, match="longer than"):
            patience.ask(lambda: go.wait(30))
    begun: list[int] = []
    with pytest.raises(RequestError, match="longer than"):
        patience.ask(lambda: begun.append(1))
    assert begun == []
    go.set()
    with pytest.raises(ZeroDivisionError):
        Patience(30).ask(lambda: 1 / 0)
