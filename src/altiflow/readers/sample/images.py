"""Simulated images of a glacier, and outlines of the rock beside it, with known motion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
import rasterio
import scipy
import shapely
from affine import Affine

from altiflow.errors import InputError
from altiflow.files import whole_file
from altiflow.readers.sample.glacier import GLACIER, Glacier

__all__ = ["ImageSample", "make_images"]

Floats = npt.NDArray[np.float64]

_EPSG = 32714
"""UTM zone of the images: their axes are not those of the map that the glacier is given on."""

_PIXEL, _SIDE = 15.0, 600
_START, _DAYS = np.datetime64("2019-01-05T16:00:00", "s"), 16
_ROCK = 2.2
"""Rock begins at this many widths of the trough from its middle."""

_OFFSET = (0.40, -0.30)
"""How much further (right, down) [px] everything lies in each image than in the one before."""

_STEP = 12
"""Motion is worked out at every so many pixels, and is smooth between."""

_NOISE = 0.04
"""Noise of each image, of the scatter of the texture."""


@dataclass(frozen=True)
class ImageSample:
    """Images on disk.

    Attributes
    ----------
    paths
        GeoTIFFs under names of Landsat, 16 days apart, the earliest first.
    rock
        GeoPackage of outlines of rock.
    truth
        The glacier that moves in them.
    offset
        (right, down) [px] by which each lies beside the one before: what rock shows, and tracking has to take off.
    """

    paths: tuple[Path, ...]
    rock: Path
    truth: Glacier
    offset: tuple[float, float]

    def __iter__(self) -> Iterator[Path]:
        """Iterate over the images."""
        return iter(self.paths)


def make_images(folder: str | Path, *, seed: int = 0, images: int = 2) -> ImageSample:
    """Write simulated images of a glacier and outlines of the rock beside it; return what they were made from.

    The first image is texture as it is; the others sample it where things came from, by quintic splines on a lattice
    twice as fine, so that no image is smoother than another. Rock stands still, every image lies somewhat beside the
    one before, noise is in all of them, and a corner of the second has no data. The same seed gives the same images.

    Parameters
    ----------
    folder
        Where to write; made if it is not there.
    seed
        Of texture and noise.
    images
        How many, two to four, 16 days apart.

    Raises
    ------
    InputError
        If the number of images means nothing.

    Examples
    --------
    >>> import tempfile
    >>> sample = make_images(tempfile.mkdtemp())
    >>> [path.name for path in sample], sample.rock.name
    (['LC80010132019005LGN00_B8.TIF', 'LC80010132019021LGN00_B8.TIF'], 'rock.gpkg')
    """
    if isinstance(images, bool) or not isinstance(images, int) or not 2 <= images <= 4:
        raise InputError(f"images must be 2 to 4, got {images!r}")
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    transform = _transform(GLACIER)
    rng = np.random.default_rng(seed)
    fine = _texture(rng)
    paths = []
    for number in range(images):
        moment = _START + np.timedelta64(number * _DAYS, "D")
        column, row = _origins(transform, GLACIER, number)
        # Two fine cells a pixel, and a margin of 40 pixels about the image.
        places = [(row + 40.25) * 2, (column + 40.25) * 2]
        shown = scipy.ndimage.map_coordinates(fine, places, order=5, mode="nearest")
        values = np.maximum(20_000 + 4_000 * (shown + _NOISE * rng.standard_normal(shown.shape)), 1)
        if number == 1:
            values[:60, :60] = 0
        paths.append(_write(target / f"{_name(moment)}_B8.TIF", values, transform, moment))
    rock = target / "rock.gpkg"
    with whole_file(rock) as part:
        gpd.GeoDataFrame(geometry=_rock(transform, GLACIER), crs=_EPSG).to_file(part, driver="GPKG", layer="rock")
    return ImageSample(tuple(paths), rock, GLACIER, _OFFSET)


def _transform(glacier: Glacier) -> Affine:
    """Return the place of the images: about the middle of the trough."""
    middle = glacier.centre[0] + glacier.radius * np.cos(0.8), glacier.centre[1] + glacier.radius * np.sin(0.8)
    x, y = pyproj.Transformer.from_crs(glacier.crs, _EPSG, always_xy=True).transform(*middle)
    half = _SIDE // 2 * _PIXEL
    left, top = np.floor(x / _PIXEL) * _PIXEL - half, np.floor(y / _PIXEL) * _PIXEL + half
    return Affine(_PIXEL, 0, float(left), 0, -_PIXEL, float(top))


def _texture(rng: np.random.Generator) -> Floats:
    """Return texture of several scales on two cells a pixel, with a scatter of one."""
    size = 2 * (_SIDE + 80)
    shown = np.zeros((size, size))
    for width, weight in ((1.6, 1.0), (4.0, 0.7), (12.0, 0.5)):
        part = scipy.ndimage.gaussian_filter(rng.standard_normal((size, size)), width)
        shown += weight * part / part.std()
    return np.asarray(shown / shown.std())


def _origins(transform: Affine, glacier: Glacier, number: int) -> tuple[Floats, Floats]:
    """Return where in the first image (column, row) what an image shows at each of its pixels was."""
    row, column = np.mgrid[:_SIDE, :_SIDE].astype(float)
    if number == 0:
        return column, row
    right, down = _displacement(transform, glacier, number)
    from_column, from_row = column.copy(), row.copy()
    # The motion is that of where things came from, which is not known before it: a few rounds find it.
    for _ in range(5):
        from_column = column - right.ev(from_row, from_column)
        from_row = row - down.ev(from_row, from_column)
    return from_column, from_row


def _displacement(transform: Affine, glacier: Glacier, number: int) -> tuple[Any, Any]:
    """Return the displacement (right, down) [px] since the first image, as splines of row and column."""
    at = np.arange(-60, _SIDE + 61, _STEP, dtype=float)
    column, row = np.meshgrid(at, at)
    x, y = transform @ (column + 0.5, row + 0.5)
    there = pyproj.Transformer.from_crs(_EPSG, glacier.crs, always_xy=True)
    home_x, home_y = there.transform(x, y)
    end = _START + np.timedelta64(number * _DAYS, "D")
    years = number * _DAYS / 365.25
    vx, vy = glacier.velocity(home_x, home_y, _START, end)
    still = _distance(glacier, home_x, home_y) > _ROCK
    vx, vy = np.where(still, 0.0, vx), np.where(still, 0.0, vy)
    new_x, new_y = there.transform(home_x + vx * years, home_y + vy * years, direction="INVERSE")
    right = (new_x - x) / _PIXEL + number * _OFFSET[0]
    down = (y - new_y) / _PIXEL + number * _OFFSET[1]
    spline = scipy.interpolate.RectBivariateSpline
    return spline(at, at, right, kx=1, ky=1), spline(at, at, down, kx=1, ky=1)


def _distance(glacier: Glacier, x: Floats, y: Floats) -> Floats:
    """Return distances from the middle of the trough, in its widths."""
    away = np.hypot(x - glacier.centre[0], y - glacier.centre[1]) - glacier.radius
    return np.asarray(np.abs(away) / glacier.width, float)


def _rock(transform: Affine, glacier: Glacier) -> list[Any]:
    """Return outlines of rock on the map of the images, a little within where nothing moves."""
    centre, width = shapely.Point(*glacier.centre), (_ROCK + 0.15) * glacier.width
    around = centre.buffer(glacier.radius + 4 * glacier.width, quad_segs=180)
    outside = around.difference(centre.buffer(glacier.radius + width, quad_segs=180))
    inside = centre.buffer(glacier.radius - width, quad_segs=180)
    table = gpd.GeoSeries([outside, inside], crs=glacier.crs).segmentize(200.0).to_crs(_EPSG)
    left, top = transform.c, transform.f
    box = shapely.box(left, top - _SIDE * _PIXEL, left + _SIDE * _PIXEL, top)
    return [area for area in table.intersection(box) if not area.is_empty]


def _name(moment: np.datetime64) -> str:
    """Return an identifier of Landsat 8 before collections: path 1, row 13, year and day of the year."""
    year = moment.astype("datetime64[Y]")
    day = int((moment.astype("datetime64[D]") - year.astype("datetime64[D]")).astype(int)) + 1
    return f"LC8001013{year}{day:03d}LGN00"


def _write(path: Path, values: Floats, transform: Affine, moment: np.datetime64) -> Path:
    """Write an image as a GeoTIFF in tiles, its time in its tags."""
    whole = np.clip(np.round(values), 0, 65535).astype(np.uint16)
    profile: dict[str, Any] = {"driver": "GTiff", "height": _SIDE, "width": _SIDE, "count": 1, "dtype": "uint16"}
    profile |= {"crs": f"EPSG:{_EPSG}", "transform": transform, "nodata": 0, "tiled": True, "compress": "deflate"}
    profile |= {"blockxsize": 256, "blockysize": 256}
    with whole_file(path) as part, rasterio.open(part, "w", **profile) as out:
        out.write(whole, 1)
        out.update_tags(ACQUISITION_DATETIME=f"{moment}Z", TIFFTAG_IMAGEDESCRIPTION="simulated: not a measurement")
    return path
