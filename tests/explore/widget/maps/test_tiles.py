"""Tiles of ice speed come from a server on this machine, or lie in files, and are the same."""

from __future__ import annotations

import io
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyproj
import pytest
import xarray as xr
from PIL import Image

from altiflow.errors import FieldError, InputError
from altiflow.explore.service.fields import TILE_GRIDS
from altiflow.explore.service.fields.pictures import colour_speeds
from altiflow.explore.widget import write_tiles
from altiflow.explore.widget.maps import PLANES, SpeedTiles, field_bounds, speed_legend
from altiflow.explore.widget.maps import tiles as tiles_module
from altiflow.readers.field import build_field

open_address = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


def field_at(x0: float = -2e5, y0: float = -2.3e6, epsg: int = 3413) -> xr.Dataset:
    """Return ice of 100 m/yr with a still corner."""
    x, y = x0 + np.arange(40) * 5e3 + 2.5e3, y0 - np.arange(40) * 5e3 - 2.5e3
    vx = np.full((1, 40, 40), 100.0)
    vx[0, :20, :20] = np.nan
    bounds = np.array([["2019-01-01", "2020-01-01"]], "M8[ns]")
    return build_field(
        vx, 0 * vx, x=x, y=y, time_bnds=bounds, crs=f"EPSG:{epsg}", units="m/yr", year_days=365.25,
        velocity_metric="ground", metric_source="user", source="test",
    )  # fmt: skip


def pixels_of(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


@pytest.mark.parametrize("epsg", [3413, 3031, 3857])
def test_written_tiles_are_those_of_the_server(epsg: int, tmp_path: Path) -> None:
    field = field_at(epsg=3031 if epsg == 3031 else 3413, y0=2e5 if epsg == 3031 else -2.3e6)
    written = write_tiles(field, tmp_path, epsg=epsg, zooms=(2, 4), limits=(10.0, 1000.0))
    files = sorted(tmp_path.rglob("*.png"))
    assert written == len(files)
    tiles = SpeedTiles(field, limits=(10.0, 1000.0), reach="loopback")
    try:
        seen = 0
        for file in files:
            zoom, x, y = (int(part) for part in (*file.parts[-3:-1], file.stem))
            with open_address(tiles.url(epsg).format(z=zoom, x=x, y=y)) as answer:
                held = pixels_of(answer.read())
            assert np.array_equal(held, pixels_of(file.read_bytes()))
            seen += int((held[..., 3] > 0).sum()) if zoom == 4 else 0
        # All of the field that has a value is seen, and it is seen once.
        ground = PLANES[epsg].resolution(4) ** 2 * seen
        assert epsg == 3857 or ground == pytest.approx(1200 * 5e3**2, rel=0.05)
    finally:
        tiles.close()
        tiles.close()


def test_a_tile_beside_the_field_is_not_written(tmp_path: Path) -> None:
    write_tiles(field_at(), tmp_path, epsg=3413, zooms=(5, 5))
    grid = TILE_GRIDS[3413]
    for file in tmp_path.rglob("*.png"):
        x_min, y_min, x_max, y_max = grid.bounds(5, int(file.parent.name), int(file.stem))
        assert x_max >= -2e5
        assert x_min <= 0
        assert y_max >= -2.5e6
        assert y_min <= -2.3e6


def test_more_tiles_than_anybody_wants_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="20,000"):
        write_tiles(field_at(), tmp_path, epsg=3413, zooms=(0, 14))


def test_what_is_no_velocity_has_no_tiles(tmp_path: Path) -> None:
    with pytest.raises(FieldError):
        write_tiles(xr.Dataset(), tmp_path, epsg=3413)
    with pytest.raises(InputError, match="epsg=32633"):
        write_tiles(field_at(), tmp_path, epsg=32633)


def test_files_have_the_address_of_the_notebooks_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("JUPYTERHUB_SERVICE_PREFIX", "VOILA_BASE_URL", "JUPYTER_SERVER_ROOT"):
        monkeypatch.delenv(name, raising=False)
    tiles = SpeedTiles(field_at(), reach="files", folder="t", zooms=(0, 1))
    assert tiles.url(3413) == "/files/t/3413/{z}/{x}/{y}.png"
    assert tiles.max_native_zoom == 1
    assert list(tmp_path.rglob("*.png"))
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ada/")
    assert tiles.url(3413) == "/user/ada/files/t/3413/{z}/{x}/{y}.png"
    monkeypatch.setenv("VOILA_BASE_URL", "/user/ada/")
    assert tiles.url(3413) == "/user/ada/voila/files/t/3413/{z}/{x}/{y}.png"
    outside = SpeedTiles(field_at(), reach="files", folder=tmp_path.parent / "elsewhere", zooms=(0, 0))
    with pytest.raises(InputError, match="not below"):
        outside.url(3413)


def test_on_a_hub_tiles_go_through_its_proxy_or_lie_in_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JUPYTERHUB_SERVICE_PREFIX", raising=False)
    assert SpeedTiles(field_at()).reach == "loopback"
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ada/")
    there: Callable[[str], object | None] = lambda name: object()  # noqa: E731
    monkeypatch.setattr(tiles_module, "find_spec", lambda name: None)
    assert SpeedTiles(field_at()).reach == "files"
    with pytest.raises(InputError, match="jupyter-server-proxy"):
        SpeedTiles(field_at(), reach="proxy")
    monkeypatch.setattr(tiles_module, "find_spec", there)
    tiles = SpeedTiles(field_at())
    try:
        address = tiles.url(3413)
        assert address.startswith("/user/ada/proxy/")
        port = address.split("/")[4]
        # The proxy asks under the name of the hub, which the server lets through.
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}/tiles/speed/3413/0/0/0.png", headers={"Host": "hub.org"}
        )
        with open_address(asked) as answer:
            assert answer.status == 200
    finally:
        tiles.close()
    with pytest.raises(InputError, match="reach='tunnel'"):
        SpeedTiles(field_at(), reach="tunnel")  # type: ignore[arg-type]


def test_the_edges_of_a_field_on_another_map_hold_all_of_it() -> None:
    x_min, y_min, x_max, y_max = field_bounds(field_at(), 3857)
    lon, lat = PLANES[3413].locate([[-2e5, -2.3e6], [0, -2.5e6], [-2e5, -2.5e6], [0, -2.3e6]]).T
    xy = PLANES[3857].project(lon, lat)
    assert (xy >= [x_min, y_min]).all()
    assert (xy <= [x_max, y_max]).all()


def test_the_legend_says_ends_powers_of_ten_and_unit() -> None:
    legend = speed_legend((20.0, 4000.0), "m/yr")
    assert [text in legend for text in (">20<", ">100<", ">1,000<", ">4,000<", "ice speed [m/yr]")] == [True] * 5
    # 1000 would run into 1200.
    assert ">1,000<" not in speed_legend((10.0, 1200.0), "m/yr")
    with pytest.raises(InputError, match="limits"):
        speed_legend((0.0, 1.0), "m/yr")


@pytest.mark.parametrize("epsg", [3413, 3857])
def test_every_pixel_of_a_tile_has_the_colour_of_the_cell_it_lies_in(epsg: int, tmp_path: Path) -> None:
    # The middle of no pixel lies between two cells.
    x0, y0, grid = -199_993.0, -2_299_993.0, TILE_GRIDS[epsg]
    field = field_at(x0, y0)
    field["vx"].values[0] *= np.linspace(0.2, 3.0, 1600, dtype="float32").reshape(40, 40)
    # Pixels are smaller than cells from here on; before, cells are taken together.
    zooms = (4, 6) if epsg == 3413 else (7, 8)
    write_tiles(field, tmp_path, epsg=epsg, zooms=zooms, limits=(10.0, 1000.0))
    to_field = pyproj.Transformer.from_crs(epsg, 3413, always_xy=True)
    seen = 0
    for file in tmp_path.rglob("*.png"):
        held = pixels_of(file.read_bytes())
        zoom, x, y = (int(part) for part in (*file.parts[-3:-1], file.stem))
        x_min, _, x_max, y_max = grid.bounds(zoom, x, y)
        steps = (np.arange(len(held)) + 0.5) * (x_max - x_min) / len(held)
        at = to_field.transform(*np.meshgrid(x_min + steps, y_max - steps))
        column, row = np.floor((at[0] - x0) / 5e3).astype(int), np.floor((y0 - at[1]) / 5e3).astype(int)
        inside = (column >= 0) & (column < 40) & (row >= 0) & (row < 40)
        speed = np.full(inside.shape, np.nan)
        speed[inside] = field["vx"].values[0][row[inside], column[inside]]
        assert np.array_equal(held[..., 3] > 0, np.isfinite(speed))
        assert np.array_equal(held, colour_speeds(speed, (10.0, 1000.0)))
        seen += int(np.isfinite(speed).sum())
    assert seen > 5000
