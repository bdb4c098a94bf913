"""The full search of many chips at a time by torch, on a processor or a graphics card."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from altiflow.tracking.matching.extras import load_torch
from altiflow.tracking.status import LEAST_TEXTURE

__all__ = ["Peaks", "Surfaces", "batch_peaks"]

Ints = npt.NDArray[np.int32]
Images = npt.NDArray[np.float32]

_SIDE = 7
_NEAR = 7
"""What is handed out about a peak reaches so far [px]."""
_BYTES = 256 * 2**20
"""Of the spectra of a batch."""
_SPECTRA = 5
"""Arrays as large as a batch of windows that are held at a time."""


@dataclass(frozen=True)
class Surfaces:
    """What the correlations of a tile are made of: chips of image 1, image 2 and the norms of its windows.

    Attributes
    ----------
    one, two
        Images (rows, cols).
    norms
        One over the root of the squares, less their mean, of the window that begins at each pixel.
    lacking, even
        True where such a window has too few valid, or too few textured, pixels.
    chip
        Width of the chips [px].
    """

    one: Images
    two: Images
    norms: Images
    lacking: npt.NDArray[np.bool_]
    even: npt.NDArray[np.bool_]
    chip: int

    @classmethod
    def of_tile(cls, one: Images, two: Images, norms: Images, counts: Ints, *, chip: int, need: float) -> Surfaces:
        """Return the surfaces of a tile; `counts` are running sums of valid and of textured pixels of image 2."""
        seen, textured = (
            each[chip:, chip:] - each[:-chip, chip:] - each[chip:, :-chip] + each[:-chip, :-chip] for each in counts
        )
        area = chip * chip
        return cls(one, two, norms, seen < need * area - 1e-6, textured < LEAST_TEXTURE * area, chip)


@dataclass(frozen=True)
class Peaks:
    """Peaks of a batch of surfaces.

    Attributes
    ----------
    cells
        Which chips these are (n,).
    row, col
        Place of the best (n,).
    best, second
        Its height, and that of the best outside the 7 x 7 about it, at least 0 (n,).
    near
        Values (n, 15, 15) about it; -2 beyond the surface and where windows are barred.
    barred, lacking
        True where every window is barred, and where one lacks data (n,).
    """

    cells: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    col: npt.NDArray[np.int64]
    best: Images
    second: Images
    near: Images
    barred: npt.NDArray[np.bool_]
    lacking: npt.NDArray[np.bool_]


def batch_peaks(surfaces: Surfaces, corners: Ints, windows: Ints, *, device: str) -> Iterator[Peaks]:
    """Yield the peaks of the correlations of chips with their windows, those of one size of window at a time.

    Parameters
    ----------
    surfaces
        Of the tile.
    corners
        First row and column of each chip (n, 2).
    windows
        Top, bottom, left and right of what each is compared with (n, 4).
    device
        "cpu" or "cuda".

    Raises
    ------
    InputError
        If torch is not installed, or the device is not at hand.

    Notes
    -----
    Products by the Fourier transform of a window and of the chip without its mean, in single precision; a length of
    the window itself is enough, since only places at which the whole chip lies in it are used.
    """
    torch = load_torch(device)
    held = [torch.as_tensor(np.ascontiguousarray(each), device=device) for each in (surfaces.one, surfaces.two)]
    maps = [
        torch.as_tensor(np.ascontiguousarray(each), device=device)
        for each in (surfaces.norms, surfaces.lacking, surfaces.even)
    ]
    sizes = np.stack([windows[:, 1] - windows[:, 0], windows[:, 3] - windows[:, 2]], axis=1)
    for tall, wide in np.unique(sizes, axis=0).tolist():
        alike = np.flatnonzero((sizes == (tall, wide)).all(axis=1))
        count = max(1, _BYTES // (4 * _SPECTRA * tall * wide))
        for start in range(0, alike.size, count):
            cells = alike[start : start + count]
            places = (corners[cells], windows[cells][:, [0, 2]])
            yield _peaks(torch, held, maps, cells, places, (tall, wide), surfaces.chip)


def _peaks(
    torch: Any,
    held: list[Any],
    maps: list[Any],
    cells: npt.NDArray[np.int64],
    places: tuple[Ints, Ints],
    size: tuple[int, int],
    chip: int,
) -> Peaks:
    """Return the peaks of a batch."""
    lags = size[0] - chip + 1, size[1] - chip + 1
    template, window = _cut(torch, held[0], places[0], (chip, chip)), _cut(torch, held[1], places[1], size)
    # Twice: what rounding leaves of a mean far from zero would count once for each pixel of the window.
    for _ in range(2):
        template = template - template.mean(dim=(1, 2), keepdim=True)
    # The chip does not know the level of the window, single precision does.
    window = window - window.mean(dim=(1, 2), keepdim=True)
    length = template.square().sum(dim=(1, 2), keepdim=True).sqrt()
    spectrum = torch.fft.rfft2(window) * torch.fft.rfft2(template, s=size).conj()
    found = torch.fft.irfft2(spectrum, s=size)[:, : lags[0], : lags[1]]
    norm, lacking, even = (_cut(torch, each, places[1], lags) for each in maps)
    # A chip that the filter left nothing of correlates with nothing.
    found = torch.where(length > 0, found * norm / length.clamp_min(1e-30), 0.0)
    unfit = lacking | even
    found = torch.where(unfit, -2.0, found)
    flat = found.flatten(1)
    best, at = flat.max(dim=1)
    row, col = at // lags[1], at % lags[1]
    down, right = (
        torch.arange(each, device=found.device)[None] - middle[:, None]
        for each, middle in zip(lags, (row, col), strict=True)
    )
    own = (down.abs() <= _SIDE // 2)[:, :, None] & (right.abs() <= _SIDE // 2)[:, None, :]
    second = found.masked_fill(own, 0.0).flatten(1).max(dim=1).values.clamp_min(0.0)
    wide = torch.nn.functional.pad(found, (_NEAR,) * 4, value=-2.0)
    near = _cut_each(torch, wide, torch.stack([row, col], dim=1), (2 * _NEAR + 1,) * 2)
    barred, any_lacking = unfit.flatten(1).all(dim=1), lacking.flatten(1).any(dim=1)
    told = [each.cpu().numpy() for each in (row, col, best, second, near, barred, any_lacking)]
    return Peaks(cells, *told)


def _cut(torch: Any, image: Any, corners: Ints, size: tuple[int, int]) -> Any:
    """Return rectangles (n, rows, cols) of an image that begin at rows and columns (n, 2)."""
    place = torch.as_tensor(corners.astype(np.int64), device=image.device)
    rows, cols = (
        place[:, axis, None] + torch.arange(length, device=image.device)[None] for axis, length in enumerate(size)
    )
    return image[rows[:, :, None], cols[:, None, :]]


def _cut_each(torch: Any, images: Any, corners: Any, size: tuple[int, int]) -> Any:
    """Return a rectangle (n, rows, cols) of each of many images, that begins at its row and column (n, 2)."""
    number = torch.arange(images.shape[0], device=images.device)
    rows, cols = (
        corners[:, axis, None] + torch.arange(length, device=images.device)[None] for axis, length in enumerate(size)
    )
    return images[number[:, None, None], rows[:, :, None], cols[:, None, :]]
