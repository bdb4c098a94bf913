"""Scene pair: two images on one lattice, what of them is valid, and when they were taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine

from altiflow.errors import EmptyDataError, InputError
from altiflow.readers.catalogue.moments import Moment
from altiflow.readers.field import crs_text
from altiflow.readers.scenes.acquisition import Acquisition, given_acquisition

__all__ = ["Image", "ScenePair", "check_transform", "image_dtype"]

Image = npt.NDArray[np.float32] | npt.NDArray[np.unsignedinteger[Any]] | npt.NDArray[np.signedinteger[Any]]
Mask = npt.NDArray[np.bool_]

_EVEN = 1e-9
"""Largest shear of a transform, as a share of the pixel."""


@dataclass(frozen=True, eq=False)
class ScenePair:
    """Two images of one place on one lattice.

    Attributes
    ----------
    first, second
        Brightness, (rows, columns); the first is the earlier one. Whole numbers of 8 and 16 bits as the file has them,
        for a tile of Sentinel-2 is twice as large otherwise (mind that they do not go below 0); all else float32.
    valid_first, valid_second
        Where each has a value, (rows, columns).
    transform
        From (column, row) of corners to map coordinates [m]; x to the right, y upwards, no rotation.
    crs
        As :func:`altiflow.readers.field.crs_text` writes it.
    acquired
        When the images were taken.
    shift
        (right, down) [pixel]: how far the lattice of the second image lies from the one it is laid on, at most half a
        pixel. What is found in the arrays misses this part of the displacement.
    names
        File names of the images.
    notes
        What was decided while reading, in words.

    Raises
    ------
    InputError
        If the shapes differ, the images are no two-dimensional numbers, the transform is rotated, or the second image
        was not taken after the first.
    EmptyDataError
        If an image has no valid pixel.
    FieldError
        If the CRS is not projected in metres.

    Examples
    --------
    >>> image = np.arange(12.0).reshape(3, 4)
    >>> pair = ScenePair.from_arrays(image, image, transform=Affine(10, 0, 5e5, 0, -10, 6e6), crs="EPSG:32607",
    ...                              dates=("2020-01-01", "2020-01-11"))
    >>> pair.separation_days, pair.pixel, pair.bounds
    (10.0, (10.0, 10.0), (500000.0, 5999970.0, 500040.0, 6000000.0))
    """

    first: Image
    second: Image
    valid_first: Mask
    valid_second: Mask
    transform: Affine
    crs: str
    acquired: tuple[Acquisition, Acquisition]
    shift: tuple[float, float] = (0.0, 0.0)
    names: tuple[str, str] = ("first", "second")
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is no pair."""
        arrays = (self.first, self.second, self.valid_first, self.valid_second)
        shapes = {array.shape for array in arrays}
        if len(shapes) != 1 or self.first.ndim != 2 or 0 in self.first.shape:
            told = " and ".join(str(array.shape) for array in arrays[:2])
            raise InputError(f"images have shapes {told}; both must be (rows, columns) of one size")
        check_transform(self.transform, " and ".join(self.names))
        crs_text(self.crs)
        if not self.acquired[0].time < self.acquired[1].time:
            first, second = (str(taken.time)[:19] for taken in self.acquired)
            raise InputError(
                f"{self.names[0]} was taken at {first}, {self.names[1]} at {second}: the first must be the earlier "
                "one; swap them, or pass dates=(first, second)"
            )
        for name, valid in zip(self.names, (self.valid_first, self.valid_second), strict=True):
            if not valid.any():
                raise EmptyDataError(f"{name} has no valid pixel where both images are; all of it is nodata")

    @classmethod
    def from_arrays(
        cls,
        first: npt.ArrayLike,
        second: npt.ArrayLike,
        *,
        transform: Affine,
        crs: object,
        dates: tuple[Moment, Moment],
        valid_first: npt.ArrayLike | None = None,
        valid_second: npt.ArrayLike | None = None,
    ) -> ScenePair:
        """Return the pair of two arrays on one lattice; NaN is invalid.

        Raises
        ------
        InputError, EmptyDataError, FieldError
            As the class.
        """
        images, masks = [], []
        for name, image, valid in (("first", first, valid_first), ("second", second, valid_second)):
            given = np.asarray(image)
            if given.dtype.kind not in "biuf":
                raise InputError(f"{name} has values of type {given.dtype}; an image is real numbers")
            values = np.ascontiguousarray(given, dtype=image_dtype(given.dtype))
            known = np.isfinite(values)
            masks.append(known if valid is None else known & np.asarray(valid, bool))
            images.append(values)
        acquired = (given_acquisition(dates[0], "dates"), given_acquisition(dates[1], "dates"))
        return cls(images[0], images[1], masks[0], masks[1], transform, crs_text(crs), acquired)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return (self.first.shape[0], self.first.shape[1])

    @property
    def pixel(self) -> tuple[float, float]:
        """Width and height of a pixel [m]."""
        return self.transform.a, -self.transform.e

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(x_min, y_min, x_max, y_max) of the outer edges [m]."""
        rows, columns = self.shape
        left, top = self.transform.c, self.transform.f
        return left, top + rows * self.transform.e, left + columns * self.transform.a, top

    @property
    def time_bnds(self) -> npt.NDArray[np.datetime64]:
        """When the images were taken, (2,), datetime64[ns]."""
        return np.array([taken.time for taken in self.acquired], dtype="datetime64[ns]")

    @property
    def separation_days(self) -> float:
        """Time between the images [d]."""
        start, end = self.time_bnds
        return float((end - start) / np.timedelta64(86_400_000_000_000, "ns"))

    def xy(self, row: npt.ArrayLike, column: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return map coordinates [m] of pixel coordinates, in which the centre of the first pixel is (0, 0)."""
        across, down = np.asarray(column, float) + 0.5, np.asarray(row, float) + 0.5
        return self.transform.c + across * self.transform.a, self.transform.f + down * self.transform.e


def image_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type in which an image of a type is held.

    Examples
    --------
    >>> [image_dtype(np.dtype(name)).name for name in ("uint16", "int32", "float64", "bool")]
    ['uint16', 'float32', 'float32', 'float32']
    """
    small = dtype.kind in "ui" and dtype.itemsize <= 2
    return np.dtype(dtype.newbyteorder("=") if small else np.float32)


def check_transform(transform: Affine, name: str) -> None:
    """Refuse a transform that is rotated, sheared, mirrored or upside down.

    Raises
    ------
    InputError
        Naming the images and the way out.
    """
    size = max(abs(transform.a), abs(transform.e))
    if not np.isfinite(tuple(transform)[:6]).all() or size == 0:
        raise InputError(f"{name}: the transform {tuple(transform)[:6]} has no pixel size; georeference the image")
    if max(abs(transform.b), abs(transform.d)) > _EVEN * size:
        raise InputError(f"{name}: the transform {tuple(transform)[:6]} is rotated; warp the image to a map first")
    if transform.a <= 0 or transform.e >= 0:
        raise InputError(
            f"{name}: the transform {tuple(transform)[:6]} does not run right and down; warp the image to a map first"
        )
