"""Tiles of ice speed for the map of the widget: from a server on this machine, or as files that a notebook serves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

import numpy as np
import pyproj
import xarray as xr

from altiflow.errors import InputError
from altiflow.explore.service import make_app, start_app
from altiflow.explore.service.app import LOOPBACK_HOSTS
from altiflow.explore.service.fields import TILE_GRIDS, ServedField, TileGrid, draw_tile
from altiflow.explore.service.running import RunningService
from altiflow.explore.widget.maps.planes import as_plane
from altiflow.files import whole_file
from altiflow.gridding.remap.resample import Lattice
from altiflow.readers.field import check_field

__all__ = ["Reach", "SpeedTiles", "field_bounds", "write_tiles"]

Reach = Literal["auto", "loopback", "proxy", "files"]
"""How the browser reaches tiles: at this machine itself, through jupyter-server-proxy, or as files beside the notebook.
"auto" takes the first where the browser is on this machine, the second on a hub that has the proxy, else the third."""

_FIELD = "speed"
_PROXY = "jupyter_server_proxy"
_MOST_TILES = 20_000


@dataclass(frozen=True)
class _Style:
    """Layer, limits [unit of the field] and colours."""

    layer: int
    limits: tuple[float, float]
    colours: str


class SpeedTiles:
    """Where a browser finds the tiles of a velocity field, until it is closed.

    Parameters
    ----------
    field
        A velocity field.
    layer, limits, colours
        Which layer, speeds of the first and last colour [unit of the field], and one of the service's colours.
    reach
        How the browser reaches them.
    folder
        Of files, below the folder where the notebook is.
    zooms
        Lowest and highest zoom of files.

    Raises
    ------
    FieldError
        If it is no velocity field.
    InputError
        If a word is not known, or the proxy is asked for and not there.
    """

    def __init__(
        self,
        field: xr.Dataset,
        *,
        layer: int = 0,
        limits: tuple[float, float] = (1.0, 10_000.0),
        colours: str = "viridis",
        reach: Reach = "auto",
        folder: str | Path = "altiflow_tiles",
        zooms: tuple[int, int] = (0, 5),
    ) -> None:
        if reach not in get_args(Reach):
            raise InputError(f"reach={reach!r} means nothing; use {', '.join(map(repr, get_args(Reach)))}")
        if reach == "proxy" and find_spec(_PROXY) is None:
            raise InputError("reach='proxy' needs jupyter-server-proxy where the notebook's server runs; install it")
        self.field = check_field(field)
        self.reach = _usual_reach() if reach == "auto" else reach
        self._style = _Style(layer, limits, colours)
        self._folder, self._zooms = Path(folder), zooms
        self._service: RunningService | None = None

    @property
    def max_native_zoom(self) -> int | None:
        """Highest zoom there is, None for any."""
        return self._zooms[1] if self.reach == "files" else None

    def url(self, epsg: int) -> str:
        """Return the address of tiles with {z}, {x} and {y}; files are written, and a server begun, if need be.

        Raises
        ------
        InputError
            If there are no tiles in this projection.
        """
        plane, style = as_plane(epsg), self._style
        if self.reach == "files":
            folder = self._folder / str(epsg)
            write_tiles(
                self.field,
                folder,
                epsg=epsg,
                zooms=self._zooms,
                layer=style.layer,
                limits=style.limits,
                colours=style.colours,
            )
            return f"{_files_address(folder)}/{{z}}/{{x}}/{{y}}.png"
        low, high = style.limits
        asked = f"layer={style.layer}&low={low!r}&high={high!r}&colours={style.colours}&size={plane.tile_pixels}"
        return f"{self._root()}/tiles/{_FIELD}/{epsg}/{{z}}/{{x}}/{{y}}.png?{asked}"

    def close(self) -> None:
        """End the server; closing twice is the same as once."""
        if self._service is not None:
            self._service.close()
            self._service = None

    def _root(self) -> str:
        """Return the address of the server as the browser has it."""
        if self._service is None:
            # The proxy asks by the name of the hub; the server listens to this machine alone all the same.
            hosts = () if self.reach == "proxy" else LOOPBACK_HOSTS
            self._service = start_app(make_app(fields={_FIELD: self.field}, hosts=hosts))
        if self.reach == "proxy":
            return f"{_base_address()}proxy/{urlsplit(self._service.url).port}"
        return self._service.url


def write_tiles(
    field: xr.Dataset,
    folder: str | Path,
    *,
    epsg: int,
    zooms: tuple[int, int] = (0, 5),
    layer: int = 0,
    limits: tuple[float, float] = (1.0, 10_000.0),
    colours: str = "viridis",
) -> int:
    """Write pictures of the ground speed as ``folder/zoom/x/y.png``, and return how many; tiles beside it are left out.

    Parameters
    ----------
    field
        A velocity field.
    folder
        Where to; what is there already stays if it has the same name, and is written anew.
    epsg
        Projection: 3413, 3031 or 3857, with the tile matrix of ``altiflow serve``.
    zooms
        Lowest and highest zoom.
    layer, limits, colours
        Which layer, speeds of the first and last colour [unit of the field], and one of the service's colours.

    Raises
    ------
    FieldError
        If it is no velocity field.
    InputError
        If there is no such projection, layer or zoom, or there would be more than 20 000 tiles.
    """
    plane, grid = as_plane(epsg), TILE_GRIDS[as_plane(epsg).epsg]
    served = ServedField(_FIELD, field)
    bounds = field_bounds(served.dataset, epsg)
    tiles = [tile for zoom in range(zooms[0], zooms[1] + 1) for tile in _tiles_in(grid, zoom, bounds)]
    if len(tiles) > _MOST_TILES:
        raise InputError(
            f"zooms={zooms!r} make {len(tiles):,} tiles, and {_MOST_TILES:,} are written; end at a lower one"
        )

    def write(tile: tuple[int, int, int]) -> None:
        target = Path(folder).joinpath(*map(str, tile[:2]), f"{tile[2]}.png")
        target.parent.mkdir(parents=True, exist_ok=True)
        picture = draw_tile(served, grid, tile, layer=layer, limits=limits, colours=colours, size=plane.tile_pixels)
        with whole_file(target) as part:
            part.write_bytes(picture)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, tiles))
    return len(tiles)


def field_bounds(field: xr.Dataset, epsg: int) -> tuple[float, float, float, float]:
    """Return the edges (x_min, y_min, x_max, y_max) of a field on a map of the widget [m], inside its square."""
    edges = Lattice.from_axes(field["x"].values, field["y"].values).bounds
    to_map = pyproj.Transformer.from_crs(field.attrs["crs"], epsg, always_xy=True)
    half = as_plane(epsg).half
    found = to_map.transform_bounds(*edges, densify_pts=41)
    x_min, y_min, x_max, y_max = (float(np.clip(value, -half, half)) for value in found)
    # In longitude a field across the antimeridian begins in the east.
    return (-half, y_min, half, y_max) if x_min > x_max else (x_min, y_min, x_max, y_max)


def _tiles_in(grid: TileGrid, zoom: int, bounds: tuple[float, float, float, float]) -> Iterator[tuple[int, int, int]]:
    """Yield (zoom, x, y) of the tiles that meet a window of the map."""
    left, top = grid.tile_at(zoom, bounds[0], bounds[3])
    right, bottom = grid.tile_at(zoom, bounds[2], bounds[1])
    yield from ((zoom, x, y) for x in range(left, right + 1) for y in range(top, bottom + 1))


def _usual_reach() -> Reach:
    """Return how tiles are reached where it is not said."""
    if "JUPYTERHUB_SERVICE_PREFIX" not in os.environ:
        return "loopback"
    return "proxy" if find_spec(_PROXY) is not None else "files"


def _base_address() -> str:
    """Return the address of the notebook's server on its host, a slash at its end."""
    given = os.environ.get("JUPYTERHUB_SERVICE_PREFIX") or os.environ.get("VOILA_BASE_URL") or "/"
    return f"{given.rstrip('/')}/"


def _files_address(folder: Path) -> str:
    """Return the address under which the notebook's server has a folder below the one it runs in."""
    inside = os.path.relpath(folder, os.environ.get("JUPYTER_SERVER_ROOT") or ".")
    if inside.startswith(".."):
        raise InputError(
            f"folder {str(folder)!r} is not below {Path.cwd()}, so no browser can see it; give one that is"
        )
    voila = "VOILA_BASE_URL" in os.environ
    return f"{_base_address()}{'voila/' if voila else ''}files/{Path(inside).as_posix()}"
