"""Opening of images: files on this machine, and addresses of which only the window asked for is fetched."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyproj
import rasterio
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from altiflow.errors import CorruptGranuleError, GranuleError, InputError, UnsupportedFormatError
from altiflow.readers.field import crs_text
from altiflow.readers.remote import public_url
from altiflow.readers.remote.ranges import is_remote
from altiflow.readers.scenes.pair import Image, check_transform, image_dtype

__all__ = ["REMOTE_OPTIONS", "Nodata", "Place", "SceneFile", "open_scene"]

Place = str | Path

Nodata = float | Literal["auto", "none"]
"""A value that means "no data"; "auto": what the file declares, and 0 in unsigned integers that declare none, as the
archives of Landsat and Sentinel-2 fill them; "none": no value does."""

REMOTE_OPTIONS = {
    # Without it GDAL asks for a listing of the folder, and for sidecar files.
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    # Signed addresses are valid for one method only.
    "CPL_VSIL_CURL_USE_HEAD": "NO",
    "GDAL_HTTP_MULTIRANGE": "YES",
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
    "GDAL_HTTP_MAX_RETRY": "4",
    "GDAL_HTTP_RETRY_DELAY": "0.5",
    "GDAL_HTTP_TIMEOUT": "60",
    "GDAL_HTTP_CONNECTTIMEOUT": "30",
    "VSI_CACHE": "TRUE",
}
"""Options of GDAL for addresses."""

_PLAIN = {"GDAL_CACHEMAX": 64}
"""GDAL keeps blocks up to a twentieth of the memory otherwise [MB]."""


@dataclass(frozen=True)
class SceneFile:
    """An open image.

    Attributes
    ----------
    name
        File name.
    source
        The open file.
    band
        Which band, from 1.
    crs, transform
        Its map.
    nodata
        The value that means "no data", None where none does.
    note
        How that value was found, in words.
    """

    name: str
    source: Any
    band: int
    crs: pyproj.CRS
    transform: Affine
    nodata: float | None
    note: str

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return (self.source.height, self.source.width)

    @property
    def tags(self) -> dict[str, str]:
        """Tags of the file and of the band."""
        return {**self.source.tags(), **self.source.tags(self.band)}

    def read(self, rows: slice, columns: slice) -> tuple[Image, npt.NDArray[np.bool_]]:
        """Return a window and where it is valid; small whole numbers as they are, all else as float32.

        Raises
        ------
        CorruptGranuleError
            If it cannot be read.
        """
        window = Window.from_slices(rows, columns)
        try:
            values = self.source.read(self.band, window=window, out_dtype=image_dtype(self.dtype))
            # A mask band or an alpha band; what follows from nodata is decided here.
            masked = "nodata" not in self._mask_flags() and "all_valid" not in self._mask_flags()
            valid = self.source.read_masks(self.band, window=window) > 0 if masked else None
        except RasterioError as error:
            raise CorruptGranuleError(f"{self.name} cannot be read, truncated or damaged: {error}") from error
        known = np.isfinite(values) if values.dtype.kind == "f" else np.ones(values.shape, bool)
        if valid is not None:
            known &= valid
        # Compared as the pixels are held; a number that they cannot hold is none of them.
        if self.nodata is not None and _fits(self.nodata, values.dtype):
            known &= values != np.asarray(self.nodata).astype(values.dtype)
        # One True for all pixels: a mask of a whole tile takes half as much memory as the image.
        return values, np.broadcast_to(np.True_, known.shape) if known.all() else known

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels in the file."""
        dtype: np.dtype[Any] = np.dtype(self.source.dtypes[self.band - 1])
        return dtype

    def _mask_flags(self) -> set[str]:
        return {flag.name for flag in self.source.mask_flag_enums[self.band - 1]}


@contextmanager
def open_scene(place: Place, *, band: int = 1, nodata: Nodata = "auto") -> Iterator[SceneFile]:
    """Yield an open image, checked; of an address nothing but its head is fetched.

    Raises
    ------
    InputError
        If there is no such file or band, it has no CRS, or its transform is rotated.
    UnsupportedFormatError
        If it is no raster of real numbers.
    GranuleError
        If an address cannot be opened.
    FieldError
        If its CRS is not projected in metres.
    """
    text = str(place)
    name = public_url(text).rpartition("/")[2]
    remote = is_remote(text)
    options = _PLAIN | (REMOTE_OPTIONS if remote else {})
    if not remote and not Path(text).is_file():
        raise InputError(f"there is no image {text}")
    with rasterio.Env(**options), warnings.catch_warnings():
        # An image without a place on the map is refused below.
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            source = rasterio.open(text)
        except RasterioError as error:
            if remote:
                raise GranuleError(f"{public_url(text)} cannot be opened: {_without_secrets(error, text)}") from None
            raise UnsupportedFormatError(f"{name} is no raster that can be read: {error}") from error
        with source:
            yield _check(source, name, band, nodata)


def _fits(value: float, dtype: np.dtype[Any]) -> bool:
    """Return whether pixels of a type can hold a value."""
    if not np.isfinite(value):
        return False
    if dtype.kind == "f":
        return True
    limits = np.iinfo(dtype)
    return value == round(value) and limits.min <= value <= limits.max


def _without_secrets(error: Exception, text: str) -> str:
    """Return what GDAL says, without the query of an address."""
    query = text.partition("?")[2]
    return str(error).replace(query, "...") if query else str(error)


def _check(source: Any, name: str, band: int, nodata: Nodata) -> SceneFile:
    """Return an open raster as an image."""
    if not 1 <= band <= source.count:
        raise InputError(f"{name} has {source.count} bands, there is no band {band!r}")
    kind = np.dtype(source.dtypes[band - 1]) if source.dtypes[band - 1] not in ("complex_int16",) else np.dtype(complex)
    if kind.kind not in "uif":
        raise UnsupportedFormatError(f"{name} holds {source.dtypes[band - 1]}; images to track are real numbers")
    if source.crs is None:
        hint = "; it has ground control points: warp it with them" if source.gcps[0] else ""
        raise InputError(f"{name} states no CRS, so it cannot be laid on a map{hint}")
    check_transform(source.transform, name)
    crs = pyproj.CRS.from_user_input(source.crs.to_wkt())
    crs_text(crs)
    value, note = _nodata(source.nodatavals[band - 1], kind, nodata, name)
    return SceneFile(name, source, band, crs, source.transform, value, note)


def _nodata(declared: float | None, kind: np.dtype[Any], given: Nodata, name: str) -> tuple[float | None, str]:
    """Return the value that means "no data", and how it was found."""
    if given == "none":
        return None, f"{name}: no value means nodata, as told"
    if given == "auto":
        if declared is not None:
            return float(declared), f"{name}: nodata {declared:g} as declared"
        if kind.kind == "u":
            return 0.0, f"{name}: declares no nodata; 0 taken for it"
        return None, f"{name}: declares no nodata"
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise InputError(f"nodata must be a number, 'auto' or 'none', got {given!r}")
    return float(given), f"{name}: nodata {given:g} as told"
