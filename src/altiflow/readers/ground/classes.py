"""Classes of ground on a lattice: ice, land, ocean, unknown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pyproj
import rasterio
from affine import Affine
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.features import rasterize
from rasterio.vrt import WarpedVRT

from altiflow.errors import InputError
from altiflow.readers.ground.outlines import read_outlines
from altiflow.readers.remote import public_url
from altiflow.readers.remote.ranges import is_remote
from altiflow.readers.scenes.opening import REMOTE_OPTIONS

__all__ = ["GROUND", "ICE", "LAND", "OCEAN", "UNKNOWN", "Inside", "read_ground"]

ICE, LAND, OCEAN, UNKNOWN = 0, 1, 2, 255

GROUND: Mapping[str, int] = MappingProxyType({"ice": ICE, "land": LAND, "ocean": OCEAN, "unknown": UNKNOWN})
"""Codes of the ground; those of land, glacier and ocean are the ones of the masks that pycorr uses."""

Inside = Literal["land", "ice", "ocean"]

Codes = npt.NDArray[np.uint8]

_RASTERS = (".tif", ".tiff", ".vrt", ".img", ".jp2")


def read_ground(
    source: Any,
    *,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    crs: Any,
    source_crs: Any = None,
    inside: Inside = "land",
    classes: Mapping[int, str] | None = None,
    margin: float = 0.0,
) -> Codes:
    """Return the ground at the cells of a lattice, (y, x) uint8, by the codes of ``GROUND``.

    Parameters
    ----------
    source
        Outlines as :func:`read_outlines` takes them, or a raster of classes (GeoTIFF, VRT), a path or an address.
    x, y
        Cell centres (n,) [m], evenly spaced, y from the top down.
    crs
        CRS of x and y.
    source_crs
        CRS of outlines that state none.
    inside
        What outlines enclose: land (rock), ice (glaciers) or ocean. Outside of land and ocean is ice, outside of ice
        is land.
    classes
        Meaning of the values of a raster; 0 ice, 1 land, 2 ocean where not given. Others are unknown.
    margin
        Outlines are drawn in by this [m]: a chip near the edge of rock holds ice as well.

    Raises
    ------
    InputError
        If the source cannot be read, an argument means nothing, or no CRS is stated nor given.
    EmptyDataError
        If outlines enclose nothing.

    Examples
    --------
    >>> import shapely
    >>> rock = shapely.box(0, 0, 20, 20)
    >>> read_ground(rock, x=[5, 15, 25], y=[25, 15], crs=32607, source_crs=32607).tolist()
    [[0, 0, 0], [1, 1, 0]]
    """
    if inside not in get_args(Inside):
        raise InputError(f"inside must be one of {', '.join(get_args(Inside))}, got {inside!r}")
    if not 0 <= margin < np.inf:
        raise InputError(f"margin is a distance from 0 on [m], got {margin!r}")
    meant = {0: "ice", 1: "land", 2: "ocean"} if classes is None else dict(classes)
    strange = [word for word in meant.values() if word not in GROUND]
    if strange:
        raise InputError(f"classes has {strange[0]!r}; a class is one of {', '.join(GROUND)}")
    transform, shape = _lattice(np.asarray(x, float), np.asarray(y, float))
    if isinstance(source, (str, Path)) and _is_raster(str(source)):
        return _read_classes(str(source), transform, shape, crs, meant)
    outlines = read_outlines(source, crs=source_crs).to_crs(pyproj.CRS.from_user_input(crs))
    drawn = outlines.geometry.buffer(-margin) if margin else outlines.geometry
    shapes = [area for area in drawn if not area.is_empty]
    outside = LAND if inside == "ice" else ICE
    codes = np.full(shape, outside, np.uint8)
    if shapes:
        within = rasterize(shapes, out_shape=shape, transform=transform, fill=0, default_value=1, dtype=np.uint8)
        codes[within == 1] = GROUND[inside]
    return codes


def _is_raster(place: str) -> bool:
    return Path(public_url(place)).suffix.lower() in _RASTERS


def _lattice(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> tuple[Affine, tuple[int, int]]:
    """Return transform and shape of the lattice of cell centres."""
    if x.ndim != 1 or y.ndim != 1 or min(x.size, y.size) < 2 or x[1] <= x[0] or y[1] >= y[0]:
        raise InputError("x must ascend and y descend, with at least two cells each")
    width, height = (x[-1] - x[0]) / (x.size - 1), (y[0] - y[-1]) / (y.size - 1)
    return Affine(width, 0, x[0] - width / 2, 0, -height, y[0] + height / 2), (y.size, x.size)


def _read_classes(place: str, transform: Affine, shape: tuple[int, int], crs: Any, meant: Mapping[int, str]) -> Codes:
    """Return the classes of a raster at the centres of cells."""
    name = public_url(place).rpartition("/")[2]
    remote = is_remote(place)
    if not remote and not Path(place).is_file():
        raise InputError(f"there is no raster {place}")
    target = pyproj.CRS.from_user_input(crs).to_wkt()
    try:
        with rasterio.Env(**(REMOTE_OPTIONS if remote else {})), rasterio.open(place) as source:
            if source.crs is None:
                raise InputError(f"{name} states no CRS; classes of ground are read from a raster on a map")
            options = {"crs": target, "transform": transform, "height": shape[0], "width": shape[1]}
            # A nodata value outside of all classes, so that ground that is not in the raster is unknown.
            with WarpedVRT(source, resampling=Resampling.nearest, add_alpha=True, **options) as warped:
                values, known = warped.read(1), warped.dataset_mask() > 0
    except RasterioError as error:
        raise InputError(f"{name} is no raster that can be read: {type(error).__name__}") from error
    codes = np.full(shape, UNKNOWN, np.uint8)
    for value, word in meant.items():
        codes[known & (values == value)] = GROUND[word]
    return codes
