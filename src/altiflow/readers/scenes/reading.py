"""Reading of scene pairs: the part that two images share, on one lattice of whole pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyproj
import shapely
from affine import Affine

from altiflow.errors import GridMismatchError, InputError, NoOverlapError
from altiflow.readers.catalogue.moments import Moment
from altiflow.readers.field import crs_text
from altiflow.readers.scenes.acquisition import find_acquisition
from altiflow.readers.scenes.opening import Nodata, Place, SceneFile, open_scene
from altiflow.readers.scenes.pair import ScenePair
from altiflow.region import as_region

__all__ = ["read_scene_pair"]

_DRIFT = 0.01
"""Pixels by which two lattices may run apart over an image."""

_ALIGNED = 1e-3
"""Shifts [pixel] of one lattice from the other that are rounding."""

_EDGE_POINTS = 50


def read_scene_pair(
    first: Place,
    second: Place,
    *,
    bounds: Sequence[float] | None = None,
    region: Any = None,
    dates: tuple[Moment, Moment] | None = None,
    band: int = 1,
    nodata: Nodata = "auto",
) -> ScenePair:
    """Return the part that two images share, on the lattice of the first.

    Parameters
    ----------
    first, second
        GeoTIFFs or other rasters GDAL opens, paths or addresses (https://, s3://); of a cloud-optimised GeoTIFF only
        the window is fetched. The first is the earlier one.
    bounds
        (x_min, y_min, x_max, y_max) [m] in the CRS of the images; pixels whose centres lie in them are read.
    region
        Anything :func:`altiflow.as_region` takes; its bounding box on the map is read. Not with `bounds`.
    dates
        When the images were taken, UTC; else tags of the files tell it, else Landsat's metadata file beside them, else
        their names (Landsat, Sentinel-1, Sentinel-2, NISAR). The tag TIFFTAG_DATETIME is not believed: it tells when a
        file was made.
    band
        Which band, from 1.
    nodata
        A value; "auto": what each file declares, and 0 in unsigned integers that declare none; "none". NaN never is
        valid, nor what a mask band leaves out.

    Raises
    ------
    InputError
        If a file is not there or has no CRS, a transform is rotated, dates are missing or reversed, or an argument
        means nothing.
    GridMismatchError
        If CRS or pixel size differ.
    NoOverlapError
        If the images do not share a pixel, or none lies in the bounds.
    EmptyDataError
        If an image is all nodata there.
    UnsupportedFormatError, CorruptGranuleError, GranuleError, FieldError
        If a file is no raster of real numbers, is damaged, cannot be fetched, or is not on a map in metres.

    Notes
    -----
    Lattices may lie apart by any distance. Whole pixels of it are taken up by reading; what is left, at most half a
    pixel, is kept in ``shift``, so that nothing is resampled.
    """
    if bounds is not None and region is not None:
        raise InputError("bounds and region both say where; give one")
    told = (None, None) if dates is None else _two(dates)
    with open_scene(first, band=band, nodata=nodata) as one, open_scene(second, band=band, nodata=nodata) as two:
        _check_alike(one, two)
        acquired = (find_acquisition(first, one.tags, told[0]), find_acquisition(second, two.tags, told[1]))
        right, down = _distance(one, two)
        rows, columns = _common(one, two, (round(right), round(down)))
        rows, columns = _window(one, rows, columns, _box(one.crs, bounds, region))
        image, valid = one.read(rows, columns)
        shifted = slice(rows.start - round(down), rows.stop - round(down))
        across = slice(columns.start - round(right), columns.stop - round(right))
        other, other_valid = two.read(shifted, across)
        rest = (right - round(right), down - round(down))
        shift = (0.0, 0.0) if max(map(abs, rest)) < _ALIGNED else rest
        notes = [one.note, two.note]
        if shift != (0.0, 0.0):
            notes.append(f"lattices lie ({shift[0]:.4f}, {shift[1]:.4f}) pixels apart, which is added to offsets")
        return ScenePair(
            image,
            other,
            valid,
            other_valid,
            one.transform @ Affine.translation(columns.start, rows.start),
            crs_text(one.crs),
            acquired,
            shift,
            (one.name, two.name),
            tuple(notes),
        )


def _two(dates: Any) -> tuple[Moment, Moment]:
    if isinstance(dates, str) or not isinstance(dates, Sequence) or len(dates) != 2:
        raise InputError(f"dates must be two, of the first image and the second, got {dates!r}")
    return dates[0], dates[1]


def _check_alike(one: SceneFile, two: SceneFile) -> None:
    """Refuse images of another map or pixel."""
    if not one.crs.equals(two.crs, ignore_axis_order=True) and one.crs.to_authority() != two.crs.to_authority():
        raise GridMismatchError(
            f"{one.name} is in {one.crs.name}, {two.name} in {two.crs.name}; warp one of them to the map of the other"
        )
    for size, other, count in (
        (one.transform.a, two.transform.a, max(one.shape[1], two.shape[1])),
        (one.transform.e, two.transform.e, max(one.shape[0], two.shape[0])),
    ):
        if abs(size - other) * count > _DRIFT * abs(size):
            raise GridMismatchError(
                f"pixels of {one.name} are {abs(size):g} m, those of {two.name} {abs(other):g} m; resample one of them"
            )


def _distance(one: SceneFile, two: SceneFile) -> tuple[float, float]:
    """Return how far (right, down) [pixel] the second lattice begins from the first."""
    right = (two.transform.c - one.transform.c) / one.transform.a
    down = (two.transform.f - one.transform.f) / one.transform.e
    return right, down


def _common(one: SceneFile, two: SceneFile, distance: tuple[int, int]) -> tuple[slice, slice]:
    """Return rows and columns of the first image that the second has as well."""
    spans = []
    for side, away in ((0, distance[1]), (1, distance[0])):
        low, high = max(0, away), min(one.shape[side], two.shape[side] + away)
        if low >= high:
            raise NoOverlapError(f"{one.name} and {two.name} do not share a pixel; choose images of one place")
        spans.append(slice(low, high))
    return spans[0], spans[1]


def _box(crs: pyproj.CRS, bounds: Sequence[float] | None, region: Any) -> tuple[float, ...] | None:
    """Return the bounds that were asked for on the map, None for all."""
    if region is not None:
        return _region_box(crs, region)
    if bounds is None:
        return None
    try:
        x_min, y_min, x_max, y_max = (float(value) for value in bounds)
    except (TypeError, ValueError) as error:
        raise InputError(f"bounds must be (x_min, y_min, x_max, y_max) [m], got {bounds!r}") from error
    if not (np.isfinite((x_min, y_min, x_max, y_max)).all() and x_min < x_max and y_min < y_max):
        raise InputError(f"bounds must be (x_min, y_min, x_max, y_max) [m] with minima first, got {bounds!r}")
    return x_min, y_min, x_max, y_max


def _region_box(crs: pyproj.CRS, region: Any) -> tuple[float, ...]:
    """Return the bounding box on the map of a region on the globe, its edges followed by points."""
    area = as_region(region).geometry
    west, south, east, north = area.bounds
    dense = shapely.segmentize(area, max(east - west, north - south) / _EDGE_POINTS)
    transformer = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    x, y = transformer.transform(*shapely.get_coordinates(dense).T)
    known = np.isfinite(x) & np.isfinite(y)
    if not known.any():
        raise NoOverlapError(f"the region {region!r} does not lie on the map of the images ({crs.name})")
    return float(x[known].min()), float(y[known].min()), float(x[known].max()), float(y[known].max())


def _window(one: SceneFile, rows: slice, columns: slice, box: tuple[float, ...] | None) -> tuple[slice, slice]:
    """Return the part of a window whose pixel centres lie in a box."""
    if box is None:
        return rows, columns
    x_min, y_min, x_max, y_max = box
    turned = ~one.transform
    left, top = turned @ (x_min, y_max)
    right, bottom = turned @ (x_max, y_min)
    found = []
    for low, high, span in ((top, bottom, rows), (left, right, columns)):
        start, stop = max(span.start, int(np.ceil(low - 0.5))), min(span.stop, int(np.floor(high - 0.5)) + 1)
        if start >= stop:
            shown = ", ".join(f"{value:.0f}" for value in box)
            raise NoOverlapError(f"no pixel that both images have lies in the bounds ({shown})")
        found.append(slice(start, stop))
    return found[0], found[1]
