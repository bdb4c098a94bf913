"""Tiles of a pair of images: what tracking needs of both, cut out with a margin, and no more at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from altiflow.tracking.compiled.pixels import textured_pixels
from altiflow.tracking.compiled.splines import spline_coefficients, spline_slopes
from altiflow.tracking.compiled.warping import warp_back
from altiflow.tracking.matching.extras import load_cv2
from altiflow.tracking.matching.prefilters import MEAN_COUNTS, WHOLE_KINDS, filter_reach, prefilter_image
from altiflow.tracking.matching.surfaces import centred
from altiflow.tracking.parameters import TrackParameters

__all__ = ["Frame", "Pair", "Splines", "Tile", "cut_tiles", "filter_margin"]

Image = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

_SIDE = 1024
"""Tiles are about this wide, without their margin [px]."""
_HALO = 16
"""Width of what usual filters and the splines need beyond what is looked at [px]."""
_SPLINES = 4
"""Width of what the splines need of this [px]."""
_KEPT = 300 * 2**20
"""Frames are kept for the next step if all of them take no more bytes than this; else each step makes them again."""
_BYTES = 46
"""Bytes of a pixel of a frame, what its windows are divided by, and its splines."""


@dataclass(frozen=True)
class Tile:
    """A block of the lattice, and the window of the images it needs.

    Attributes
    ----------
    rows, cols
        First cell and the one behind the last, along each axis.
    top, left, bottom, right
        Window [px], margin included.
    """

    rows: tuple[int, int]
    cols: tuple[int, int]
    top: int
    left: int
    bottom: int
    right: int

    @property
    def cells(self) -> tuple[slice, slice]:
        """The block as slices of the lattice."""
        return slice(*self.rows), slice(*self.cols)

    def shared_out(self, count: int) -> list[Tile]:
        """Return the tile in so many parts of its rows at most, with the same window."""
        first, last = self.rows
        edges = np.unique(np.linspace(first, last, count + 1).round().astype(int))
        return [replace(self, rows=(int(a), int(b))) for a, b in pairwise(edges)]


def filter_margin(parameters: TrackParameters) -> int:
    """Return what a filter needs beyond what tiles have for it in any case [px]."""
    if parameters.prefilter in WHOLE_KINDS:
        return 0
    return max(filter_reach(parameters.prefilter, parameters.prefilter_width) + _SPLINES - _HALO, 0)


def cut_tiles(middles: tuple[Ints, Ints], shape: tuple[int, int], margin: int) -> list[Tile]:
    """Return tiles that cover a lattice; they begin at even pixels, so that decimated ones are those of the image.

    Parameters
    ----------
    middles
        Rows and columns behind the middles of the chips [px].
    shape
        Of the images.
    margin
        How far from a middle is looked [px].
    """
    rows, cols = (_blocks(each.size, size) for each, size in zip(middles, shape, strict=True))
    made = []
    for one in rows:
        for other in cols:
            (top, bottom), (left, right) = (
                (max(int(at[a]) - margin - _HALO, 0) // 2 * 2, min(int(at[b - 1]) + margin + _HALO, size))
                for at, (a, b), size in zip(middles, (one, other), shape, strict=True)
            )
            made.append(Tile(one, other, top, left, bottom, right))
    return made


def _blocks(cells: int, size: int) -> list[tuple[int, int]]:
    """Return the cells along an axis in blocks of about the same size."""
    count = max(1, min(cells, round(size / _SIDE)))
    edges = np.linspace(0, cells, count + 1).round().astype(int)
    return [(int(a), int(b)) for a, b in pairwise(edges)]


def _native(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return an image in one piece, of a number type that compiled code knows."""
    if image.dtype.kind == "f":
        return np.ascontiguousarray(image, np.float32 if image.dtype.itemsize <= 4 else np.float64)
    return np.ascontiguousarray(image, image.dtype.newbyteorder("="))


@dataclass(frozen=True)
class Frame:
    """Both images in the window of a tile.

    Attributes
    ----------
    one, two
        Filtered (rows, cols), 0 where there is no data.
    valid_one, valid_two
        1 where a pixel and its neighbours have data.
    counts_one, counts_two
        Running sums (2, rows + 1, cols + 1) of pixels with data and of those that differ from a neighbour.
    """

    one: Image
    two: Image
    valid_one: Bytes
    valid_two: Bytes
    counts_one: Ints
    counts_two: Ints
    _windows: dict[int, tuple[Image, Image]] = field(default_factory=dict, repr=False, compare=False)

    def windows(self, chip: int) -> tuple[Image, Image]:
        """Return image 2 without its mean, and the norms of its windows of a width; made when first asked for."""
        if chip not in self._windows:
            self._windows[chip] = centred(self.two, chip)
        return self._windows[chip]


@dataclass(frozen=True)
class Splines:
    """Slopes of image 1 along x and y (2, rows, cols), and spline coefficients of image 2, in the window of a tile."""

    slopes: Image
    coefficients: Image


@dataclass
class Pair:
    """Two images, of which frames are made as they are asked for.

    Attributes
    ----------
    first, second, valid_first, valid_second
        Images (rows, cols), and False where a pixel has no data, if that is known.
    parameters
        How to track.
    tiles
        All tiles that will be asked for.
    """

    first: npt.NDArray[Any]
    second: npt.NDArray[Any]
    valid_first: Mask | None
    valid_second: Mask | None
    parameters: TrackParameters
    tiles: Sequence[Tile] = ()
    _store: dict[tuple[str, Tile], Any] = field(default_factory=dict)
    _whole: dict[int, Any] = field(default_factory=dict)
    _lock: Any = field(default_factory=Lock)

    def frame(self, tile: Tile) -> Frame:
        """Return both images in the window of a tile."""
        found: Frame | None = self._store.get(("frame", tile))
        if found is None:
            found = Frame(*self._both(tile))
            self._keep("frame", tile, found)
        return found

    def prepared(self, tile: Tile) -> tuple[Frame, Splines]:
        """Return frame and splines in the window of a tile."""
        frame, found = self.frame(tile), self._store.get(("splines", tile))
        if found is None:
            found = Splines(spline_slopes(spline_coefficients(frame.one)), spline_coefficients(frame.two))
            self._keep("splines", tile, found)
        return frame, found

    def warped(self, tile: Tile, field: npt.NDArray[np.float64], middles: tuple[Ints, Ints]) -> tuple[Frame, Splines]:
        """Return frame and splines with image 2 drawn back along displacements (2, rows, cols) on the lattice [px]."""
        (frame, splines), cv2 = self.prepared(tile), load_cv2()
        start = np.array([middles[0][0] - 0.5 - tile.top, middles[1][0] - 0.5 - tile.left])
        two, valid = warp_back(splines.coefficients, frame.valid_two, field, start, self.parameters.spacing)
        counts = np.asarray(cv2.integral(valid))[None]
        back = Frame(frame.one, two, frame.valid_one, valid, frame.counts_one, counts)
        return back, Splines(splines.slopes, spline_coefficients(two))

    def _keep(self, kind: str, tile: Tile, made: Frame | Splines) -> None:
        """Keep what was made if there is room for that of all tiles."""
        if _BYTES * sum((each.bottom - each.top) * (each.right - each.left) for each in self.tiles) <= _KEPT:
            self._store[kind, tile] = made

    def _both(self, tile: Tile) -> Iterator[Any]:
        """Yield the fields of a frame."""
        sides = [self._side(number, tile) for number in (0, 1)]
        return (part for parts in zip(*sides, strict=True) for part in parts)

    def _seen(self, number: int, window: tuple[slice, slice]) -> tuple[npt.NDArray[Any], Mask]:
        """Return a window of one image, and where it has data."""
        image, valid = ((self.first, self.valid_first), (self.second, self.valid_second))[number]
        raw = _native(image[window])
        ok = np.isfinite(raw) if raw.dtype.kind == "f" else np.ones(raw.shape, bool)
        if valid is not None:
            ok &= valid[window]
        return raw, ok

    def _of_whole(self, number: int) -> Any:
        """Return what a filter needs of the whole of one image: the image filtered, or its mean; made once."""
        kind, width = self.parameters.prefilter, self.parameters.prefilter_width
        if kind not in (*WHOLE_KINDS, *MEAN_COUNTS):
            return None
        with self._lock:
            if number not in self._whole:
                raw, ok = self._seen(number, (slice(None), slice(None)))
                mean = float(raw.mean(where=ok, dtype=np.float64)) if ok.any() else 0.0
                whole = kind in WHOLE_KINDS
                self._whole[number] = prefilter_image(raw, ok, kind=kind, width=width) if whole else mean
            return self._whole[number]

    def _side(self, number: int, tile: Tile) -> tuple[Image, Bytes, Ints]:
        """Return one image of a frame: filtered, where it may be used, and its counts."""
        window = (slice(tile.top, tile.bottom), slice(tile.left, tile.right))
        kind, width, known = self.parameters.prefilter, self.parameters.prefilter_width, self._of_whole(number)
        raw, ok = self._seen(number, window)
        if kind in WHOLE_KINDS:
            made = np.ascontiguousarray(known[window])
        else:
            made = prefilter_image(raw, ok, kind=kind, width=width, level=known)
        cv2, seen = load_cv2(), ok.view(np.uint8)
        counts = np.empty((2, seen.shape[0] + 1, seen.shape[1] + 1), np.int32)
        textured = textured_pixels(raw)
        textured &= seen
        for each, sums in zip((seen, textured), counts, strict=True):
            cv2.integral(each, sums)
        inner = seen if ok.all() else cv2.erode(seen, np.ones((3, 3), np.uint8))
        return made, np.asarray(inner), counts
