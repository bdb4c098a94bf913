"""Pairs of images of a surface that moves by a known field: both are drawn from it, neither from the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import scipy.fft
from scipy.ndimage import gaussian_filter, map_coordinates, spline_filter

__all__ = ["GROUND", "Kind", "Scene", "make_scene", "make_triplet", "ramp", "texture", "trunk"]

Floats = npt.NDArray[np.float32]
Kind = Literal["trunk", "clean", "hard", "ramp-clean", "ramp", "ramp-hard", "trunk-opaque", "hard-opaque"]

GROUND = (0.37, -0.42)
"""Displacement of ground that does not move, from misregistration [px]."""
_FINE = 3
"""Texture is made on a grid so much finer than the images."""
_SLOPE = 1.1
"""Amplitude falls with frequency to this power."""
_BAND = 256
_MARGIN = 48


@dataclass(frozen=True)
class Scene:
    """Two images (rows, cols) of uint16, 0 where there is no data, and the truth.

    Attributes
    ----------
    dx, dy
        Displacement at each pixel of image 1 (rows, cols) [px].
    clouded
        True under clouds, thin ones too, or nodata, in either image.
    opaque
        True where less than half of the ground's light comes through the clouds of either image.
    """

    first: npt.NDArray[np.uint16]
    second: npt.NDArray[np.uint16]
    dx: Floats
    dy: Floats
    clouded: npt.NDArray[np.bool_]
    opaque: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Look:
    """What stands between a surface and its images: blur [px], coherence, noise and clouds.

    Clouds are a share of both images together; their rims are what they take to become opaque, in standard deviations
    of the field whose highest parts they are.
    """

    blur: float = 0.55
    coherence: float = 1.0
    noise: float = 0.0
    clouds: float = 0.0
    rims: float = 0.3


# With such rims the loop errs as on the scenes the goals were set on: by more than 1 px in 7.1 % of hard (there 7.3 %),
# by less than 0.1 px in 62 % of trunk (62 %).
_LOOKS = {
    "trunk": _Look(coherence=0.9, noise=0.05, clouds=0.04),
    "trunk-opaque": _Look(coherence=0.9, noise=0.05, clouds=0.04, rims=0.0),
    "clean": _Look(),
    "hard": _Look(coherence=0.7, noise=0.5, clouds=0.08),
    "hard-opaque": _Look(coherence=0.7, noise=0.5, clouds=0.08, rims=0.0),
    "ramp-clean": _Look(),
    # The loop errs by 0.045 px an axis here, as what the goals were set on.
    "ramp": _Look(coherence=0.95, noise=0.05),
    "ramp-hard": _Look(coherence=0.7, noise=0.5),
}


def make_scene(
    kind: Kind,
    size: int,
    *,
    seed: int,
    ground: tuple[float, float] = GROUND,
    fastest: float = 30.0,
    wedge: bool = False,
) -> Scene:
    """Return a pair of images of a kind.

    Parameters
    ----------
    kind
        "trunk": a curved stream of ice between ground that does not move, with changing texture, noise, light and
        clouds; "clean" without these, "hard" with more; "... opaque": the same under clouds without thin rims.
        "ramp ...": displacements from -1.5 to 1.5 px along both axes.
    size
        Pixels along each axis.
    seed
        The same seed gives the same scene.
    ground
        Displacement of the ground, along x and y [px].
    fastest
        Largest displacement of the stream [px].
    wedge
        Leave a corner of image 1 and another of image 2 without data.
    """
    rng, look = np.random.default_rng(seed), _LOOKS[kind]
    dx, dy = ramp(size) if kind.startswith("ramp") else trunk(size, ground, fastest)
    margin = _MARGIN + int(np.ceil(max(abs(dx).max(), abs(dy).max())))
    surface = texture(rng, (size + 2 * margin) * _FINE, look.blur * _FINE)
    other = texture(rng, (size + 2 * margin) * _FINE, look.blur * _FINE) if look.coherence < 1 else None
    start = margin * _FINE
    one = surface[start : start + size * _FINE : _FINE, start : start + size * _FINE : _FINE].copy()
    if other is not None:
        # Both images have their own part of what changed, so neither is the reference.
        half = np.float32(np.sqrt(1 / look.coherence - 1))
        one += half * other[start : start + size * _FINE : _FINE, start : start + size * _FINE : _FINE]
        del other
    two = _moved(surface, dx, dy, margin)
    del surface
    if look.coherence < 1:
        change = texture(rng, (size + 2 * margin) * _FINE, look.blur * _FINE)
        two += half * change[start : start + size * _FINE : _FINE, start : start + size * _FINE : _FINE]
    if look.noise:
        one, two = (
            each + look.noise * _detail(one) * rng.standard_normal(one.shape, np.float32) for each in (one, two)
        )
    if look.coherence < 1:
        two = two * _light(rng, size, 0.15) + _light(rng, size, 0.3) - 1
    return _photographed(rng, one, two, dx, dy, look, wedge)


def make_triplet(size: int, *, seed: int, fastest: float = 6.0) -> tuple[npt.NDArray[np.uint16], ...]:
    """Return three images of one texture, moved once and twice by a stream, each with its own changes and noise.

    What is at p in image 1 is at p + d(p) in image 2, and moves on by d of that place to image 3.
    """
    rng, look = np.random.default_rng(seed), _LOOKS["trunk"]
    dx, dy = trunk(size, GROUND, fastest)
    row, col = np.mgrid[:size, :size].astype(np.float32)
    onward = [map_coordinates(each, [row + dy, col + dx], order=1, mode="nearest") for each in (dx, dy)]
    steps = (np.zeros_like(dx), np.zeros_like(dy)), (dx, dy), (dx + onward[0], dy + onward[1])
    margin = _MARGIN + int(np.ceil(2 * fastest))
    surface = texture(rng, (size + 2 * margin) * _FINE, look.blur * _FINE)
    inner = slice(margin * _FINE, (margin + size) * _FINE, _FINE)
    images = []
    for number, step in enumerate(steps):
        image = _moved(surface, *step, margin) if number else surface[inner, inner].copy()
        change = texture(rng, (size + 2 * margin) * _FINE, look.blur * _FINE)[inner, inner]
        image += np.float32(np.sqrt(1 / look.coherence - 1)) * change
        image += look.noise * _detail(image) * rng.standard_normal(image.shape, np.float32)
        images.append(np.clip(np.rint(8000 + 1200 * image), 1, 65535).astype(np.uint16))
    return tuple(images)


def texture(rng: np.random.Generator, size: int, blur: float) -> Floats:
    """Return isotropic texture (size, size) of unit variance, amplitude ~ f^-1.1, blurred by a Gaussian [px]."""
    white = rng.standard_normal((size, size), np.float32)
    spectrum = scipy.fft.rfft2(white, workers=2)
    del white
    down, along = scipy.fft.fftfreq(size).astype(np.float32)[:, None], scipy.fft.rfftfreq(size).astype(np.float32)
    square = down**2 + along**2
    square[0, 0] = 1
    # Waves longer than half an image would be one slope.
    square = np.maximum(square, np.float32((4 / size) ** 2))
    spectrum *= square ** np.float32(-_SLOPE / 2) * np.exp(np.float32(-2 * (np.pi * blur) ** 2) * square)
    spectrum[0, 0] = 0
    made = scipy.fft.irfft2(spectrum, s=(size, size), workers=2)
    return np.asarray(made / made.std(), np.float32)


def ramp(size: int, widest: float = 1.5) -> tuple[Floats, Floats]:
    """Return displacements that grow along x and along y, each from -1.5 to 1.5 px."""
    line = np.linspace(-widest, widest, size, dtype=np.float32)
    return np.tile(line, (size, 1)), np.tile(line[:, None], (1, size))


def trunk(size: int, ground: tuple[float, float], fastest: float) -> tuple[Floats, Floats]:
    """Return the displacements of a curved stream on ground that only shifts.

    Its middle is an arc of a circle, its speed falls to the margins as (1 - s^4)^2 of the distance over its half width.
    """
    row, col = np.mgrid[:size, :size].astype(np.float32) / np.float32(size)
    from_x, from_y = col + np.float32(0.35), row + np.float32(0.25)
    radius = np.hypot(from_x, from_y)
    side = (radius - np.float32(0.95)) / np.float32(_half_width(size, fastest))
    speed = np.where(abs(side) < 1, (1 - side**4) ** 2, 0).astype(np.float32) * np.float32(fastest)
    return (
        (speed * from_y / radius + np.float32(ground[0])).astype(np.float32),
        (-speed * from_x / radius + np.float32(ground[1])).astype(np.float32),
    )


def _half_width(size: int, fastest: float) -> float:
    """Return the half width of the stream, of the image's width, so that no strain is above 0.14."""
    steepest = 1.93
    return min(0.45, max(0.25, steepest * fastest / 0.14 / size))


def _moved(surface: Floats, dx: Floats, dy: Floats, margin: int) -> Floats:
    """Return image 2: at each pixel the texture of the place whose displacement ends there, by a cubic spline."""
    size = dx.shape[0]
    coefficients = spline_filter(surface, order=3, output=np.float32, mode="mirror")
    made = np.empty_like(dx)
    for top in range(0, size, _BAND):
        rows = slice(top, min(top + _BAND, size))
        row, col = np.mgrid[rows, :size].astype(np.float64)
        from_row, from_col = row.copy(), col.copy()
        for _ in range(30):
            at = [from_row, from_col]
            from_col, from_row = (
                col - map_coordinates(dx, at, order=1, mode="nearest"),
                row - map_coordinates(dy, at, order=1, mode="nearest"),
            )
        places = [(each + margin) * _FINE for each in (from_row, from_col)]
        made[rows] = map_coordinates(coefficients, places, order=3, prefilter=False, output=np.float32)
    return made


def _detail(image: Floats) -> np.float32:
    """Return the standard deviation of what a chip is matched by: the image less a wide mean."""
    return np.float32((image - gaussian_filter(image, 3)).std())


def _light(rng: np.random.Generator, size: int, spread: float) -> Floats:
    """Return a factor about 1 that changes slowly over an image."""
    coarse = rng.standard_normal((6, 6))
    at = np.linspace(1, 4, size)
    made = map_coordinates(coarse, np.meshgrid(at, at, indexing="ij"), order=3)
    return (1 + spread * made / 2).astype(np.float32)


def _clouds(rng: np.random.Generator, size: int, look: _Look) -> Floats:
    """Return the opacity of clouds, 0 where there are none, to 1."""
    if look.clouds <= 0:
        return np.zeros((size, size), np.float32)
    coarse = gaussian_filter(rng.standard_normal((size // 8 + 1, size // 8 + 1)), 6)
    wide = map_coordinates(coarse, np.mgrid[:size, :size] / 8, order=1)
    depth = (wide - np.quantile(wide, 1 - look.clouds / 2)) / coarse.std()
    return np.asarray(np.clip(depth / look.rims, 0, 1) if look.rims else depth > 0, np.float32)


def _photographed(
    rng: np.random.Generator, one: Floats, two: Floats, dx: Floats, dy: Floats, look: _Look, wedge: bool
) -> Scene:
    """Return the images as whole numbers, with clouds and nodata."""
    size = one.shape[0]
    made, clouded, opaque = [], np.zeros((size, size), bool), np.zeros((size, size), bool)
    for number, image in enumerate((one, two)):
        clouds = _clouds(rng, size, look)
        veil = texture(rng, size, 2.0) if look.clouds else np.float32(0)
        bright = image + clouds * (3 + 0.5 * veil - image)
        counts = np.clip(np.rint(8000 + 1200 * bright), 1, 65535).astype(np.uint16)
        clouded |= clouds > 0
        opaque |= clouds > 0.5
        if wedge:
            row, col = np.mgrid[:size, :size]
            lost = (row + 2 * col < 0.5 * size) if number == 0 else (row + 2 * col > 2.6 * size)
            counts[lost] = 0
            clouded, opaque = clouded | lost, opaque | lost
        made.append(counts)
    return Scene(made[0], made[1], dx, dy, clouded, opaque)
