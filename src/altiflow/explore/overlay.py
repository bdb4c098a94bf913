"""Overlays: the speed of ice as a picture in logarithmic colours that lies on the map, for GIS and for globes."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt
import pyproj
import rasterio
import xarray as xr
from matplotlib import colormaps
from matplotlib.colors import LogNorm
from PIL import Image

from altiflow.errors import EmptyDataError, InputError
from altiflow.files import whole_file
from altiflow.gridding.grids.grid import Grid

__all__ = ["write_overlay"]

Pixels = npt.NDArray[np.uint8]

_SUFFIXES = (".png", ".kmz", ".tif")
_DATE = (1980, 1, 1, 0, 0, 0)
"""Of the members of a KMZ: the same input makes the same file."""

_DEGREE = 111_195.0
"""Metres of a degree of latitude on a sphere of the Earth's mean radius."""

_LARGEST = 8192
"""Most pixels along a side of a picture for a globe."""


def write_overlay(
    granule: xr.Dataset,
    path: str | Path,
    *,
    limits: tuple[float, float] | None = None,
    cmap: str = "viridis",
    overwrite: bool = False,
) -> Path:
    """Write the speed of a granule or of one layer of a field as a picture, and return the path.

    Parameters
    ----------
    granule
        A tracked granule, or a velocity field of one layer.
    path
        ``.png``: a pixel a cell, with a world file ``.pgw`` beside it; ``.tif``: the same as a GeoTIFF; ``.kmz``:
        turned to longitude and latitude, for globes. Cells without a velocity are transparent.
    limits
        (lowest, highest) speed of the colours, in the unit of the granule; where not given the 2nd and the 99.5th
        percentile, at most four powers of ten.
    cmap
        A colour map of matplotlib.
    overwrite
        Whether a file that is there may be replaced.

    Raises
    ------
    InputError
        If the suffix, the limits or the colour map mean nothing, there are several layers, or the file is there.
    EmptyDataError
        If no cell has a speed above 0.
    """
    target = Path(path)
    if target.suffix.lower() not in _SUFFIXES:
        raise InputError(f"an overlay is written as {', '.join(_SUFFIXES)}; got {target.name!r}")
    if target.exists() and not overwrite:
        raise InputError(f"{target} is there already; choose another name, or pass overwrite=True")
    if cmap not in colormaps:
        raise InputError(f"cmap={cmap!r} is no colour map of matplotlib; take one such as 'viridis'")
    speed, grid, unit = _speed(granule)
    low, high = _limits(speed, limits)
    pixels = _coloured(speed, low, high, cmap)
    writers = {".png": _write_png, ".kmz": _write_kmz, ".tif": _write_tif}
    metric = granule.attrs.get("velocity_metric") or granule["vx"].attrs.get("velocity_metric")
    of = f" in {metric} metres" if metric else ""
    title = f"Ice speed{of}, {low:g} to {high:g} {unit}, logarithmic colours"
    writers[target.suffix.lower()](pixels, grid, target, title)
    return target


def _speed(granule: xr.Dataset) -> tuple[npt.NDArray[np.float64], Grid, str]:
    """Return the speed (y, x) from the top down, its grid and unit."""
    if "vx" not in granule or "vy" not in granule:
        raise InputError("the Dataset has no vx and vy; give a granule, or one layer of a velocity field")
    layer = granule
    if "time" in granule["vx"].dims:
        if granule.sizes["time"] != 1:
            raise InputError(f"the field has {granule.sizes['time']} layers; choose one, such as field.isel(time=[0])")
        layer = granule.isel(time=0)
    down = layer.sortby("y", ascending=False)
    mapping = down[down["vx"].attrs["grid_mapping"]].attrs if down["vx"].attrs.get("grid_mapping") in down else {}
    crs = granule.attrs.get("crs") or mapping.get("crs_wkt")
    if crs is None:
        raise InputError("the Dataset states no CRS; give a granule, or a velocity field")
    speed = np.hypot(np.asarray(down["vx"].values, float), np.asarray(down["vy"].values, float))
    unit = str(granule["vx"].attrs.get("units", granule.attrs.get("units", "")))
    return speed, Grid.from_centres(crs, down["x"].values, down["y"].values), unit


def _limits(speed: npt.NDArray[np.float64], limits: tuple[float, float] | None) -> tuple[float, float]:
    """Return the lowest and the highest speed of the colours."""
    if limits is not None:
        if len(limits) != 2 or not 0 < limits[0] < limits[1] < np.inf:
            raise InputError(f"limits must be (lowest, highest) above 0, got {limits!r}")
        return float(limits[0]), float(limits[1])
    known = speed[np.isfinite(speed) & (speed > 0)]
    if known.size == 0:
        raise EmptyDataError("no cell has a speed above 0, so there is nothing to colour")
    low, high = (float(value) for value in np.percentile(known, [2, 99.5]))
    return max(low, high / 1e4), max(high, low * 1.01)


def _coloured(speed: npt.NDArray[np.float64], low: float, high: float, cmap: str) -> Pixels:
    """Return colours (rows, columns, 4), transparent where there is no speed."""
    norm = LogNorm(low, high, clip=True)
    colours = colormaps[cmap](np.asarray(norm(np.where(speed > 0, speed, low)), float), bytes=True)
    pixels = np.asarray(colours, np.uint8).copy()
    pixels[~np.isfinite(speed)] = 0
    return pixels


def _write_png(pixels: Pixels, grid: Grid, target: Path, title: str) -> None:
    """Write a picture and its world file: cell sizes, and the centre of the first cell."""
    across, down = grid.resolution
    lines = (across, 0.0, 0.0, -down, grid.x[0], grid.y[0])
    with whole_file(target.with_suffix(".pgw")) as part:
        part.write_text("".join(f"{value!r}\n" for value in map(float, lines)), encoding="ascii")
    with whole_file(target) as part:
        part.write_bytes(_png(pixels))


def _write_tif(pixels: Pixels, grid: Grid, target: Path, title: str) -> None:
    """Write a picture with its place as a GeoTIFF of red, green, blue and alpha."""
    rows, columns = grid.shape
    profile: dict[str, Any] = {"driver": "GTiff", "height": rows, "width": columns, "count": 4, "dtype": "uint8"}
    profile |= {"crs": grid.crs.to_wkt(), "transform": grid.transform, "photometric": "RGB", "compress": "deflate"}
    with whole_file(target) as part, rasterio.open(part, "w", **profile) as out:
        out.write(np.moveaxis(pixels, -1, 0))
        out.update_tags(TIFFTAG_IMAGEDESCRIPTION=title)


def _write_kmz(pixels: Pixels, grid: Grid, target: Path, title: str) -> None:
    """Write a picture in longitude and latitude, zipped with the KML that says where it lies."""
    turned, bounds = _on_globe(pixels, grid)
    west, south, east, north = bounds
    box = "".join(
        f"<{side}>{value!r}</{side}>"
        for side, value in (("north", north), ("south", south), ("east", east), ("west", west))
    )
    kml = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><GroundOverlay>'
        f"<name>{escape(title)}</name><Icon><href>speed.png</href></Icon><LatLonBox>{box}</LatLonBox>"
        "</GroundOverlay></kml>\n"
    )
    with whole_file(target) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("doc.kml", _DATE), kml)
        archive.writestr(zipfile.ZipInfo("speed.png", _DATE), _png(turned))


def _on_globe(pixels: Pixels, grid: Grid) -> tuple[Pixels, tuple[float, float, float, float]]:
    """Return a picture in longitude and latitude, and its edges (west, south, east, north) [degrees]."""
    rows, columns = grid.shape
    transformer = pyproj.Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    x_min, y_min, x_max, y_max = grid.bounds
    across, down = np.linspace(x_min, x_max, 2 * columns + 1), np.linspace(y_max, y_min, 2 * rows + 1)
    longitude, latitude = transformer.transform(*np.meshgrid(across, down))
    if not np.isfinite(longitude).all():
        raise InputError("the map reaches beyond the globe, so no picture of it lies in longitude and latitude")
    middle = longitude[rows, columns]
    # Counted from the middle, so that a map across the antimeridian is one piece.
    longitude = middle + (longitude - middle + 180) % 360 - 180
    west, east, south, north = longitude.min(), longitude.max(), latitude.min(), latitude.max()
    step = float(np.hypot(*grid.resolution)) / np.sqrt(2) / _DEGREE
    height = int(np.clip(np.ceil((north - south) / step), 1, _LARGEST))
    stretch = max(float(np.cos(np.radians((north + south) / 2))), 0.01)
    width = int(np.clip(np.ceil((east - west) * stretch / step), 1, _LARGEST))
    lon = west + (np.arange(width) + 0.5) * (east - west) / width
    lat = north - (np.arange(height) + 0.5) * (north - south) / height
    lons, lats = np.meshgrid(lon, lat)
    x, y = transformer.transform(lons, lats, direction="INVERSE")
    column, row = np.floor((x - x_min) / grid.resolution[0]), np.floor((y_max - y) / grid.resolution[1])
    with np.errstate(invalid="ignore"):
        inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    turned = np.zeros((height, width, 4), np.uint8)
    turned[inside] = pixels[row[inside].astype(int), column[inside].astype(int)]
    return turned, (float(west), float(south), float(east), float(north))


def _png(pixels: Pixels) -> bytes:
    """Return a picture as PNG."""
    stream = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, format="PNG", optimize=False)
    return stream.getvalue()
