"""Kernels: other ways to match chips, by name, beside the two that are built in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from altiflow.errors import InputError
from altiflow.tracking.compiled.pixels import textured_pixels
from altiflow.tracking.matching.plans import Found
from altiflow.tracking.status import AMBIGUOUS, EDGE, FLAT, LEAST_TEXTURE, NO_CONVERGENCE, NODATA

if TYPE_CHECKING:
    from altiflow.tracking.parameters import TrackParameters

__all__ = ["GROUP", "ChipMatches", "ChipTask", "Kernel", "find_kernel", "kernel_names", "match_with", "register_kernel"]

GROUP = "altiflow_kernels"
"""Entry points of this group are kernels of installed packages."""

BUILT_IN = ("coarse-to-fine", "full")

_FAR_FROM_PEAK = 1.25
"""How far beyond the radius a displacement between pixels may lie [px]."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ChipTask:
    """What a kernel is asked.

    Attributes
    ----------
    first, second
        Filtered images (rows, cols), 0 where there is no data.
    valid_first, valid_second
        False where a pixel has no data.
    rows, columns
        Pixels behind the middles of the chips (m,), (n,): a chip of 20 px reaches from 10 before to 10 behind.
    near, radius
        Displacements (right, down) to look about (m, n, 2), and how far (m, n) [px]; what is found farther away, by
        more than a pixel and a quarter, is ambiguous.
    parameters
        How to look.
    """

    first: npt.NDArray[np.float32]
    second: npt.NDArray[np.float32]
    valid_first: npt.NDArray[np.bool_]
    valid_second: npt.NDArray[np.bool_]
    rows: npt.NDArray[np.int32]
    columns: npt.NDArray[np.int32]
    near: npt.NDArray[np.int32]
    radius: npt.NDArray[np.int32]
    parameters: TrackParameters


@dataclass(frozen=True, eq=False)
class ChipMatches:
    """What a kernel answers, (m, n) each.

    Attributes
    ----------
    dx, dy
        Displacements right and down [px]; NaN without.
    corr, del_corr
        How well chip and match correlate, and the lead over the next best.
    dx_error, dy_error
        1-sigma [px], not negative; NaN where the kernel does not know.

    All are finite or NaN, and correlations at most 1 (but for rounding): what else a kernel answers is refused.
    """

    dx: npt.NDArray[Any]
    dy: npt.NDArray[Any]
    corr: npt.NDArray[Any]
    del_corr: npt.NDArray[Any]
    dx_error: npt.NDArray[Any]
    dy_error: npt.NDArray[Any]


Kernel = Callable[[ChipTask], ChipMatches]

_KERNELS: dict[str, Kernel] = {}


def register_kernel(name: str, kernel: Kernel) -> None:
    """Make a kernel known as a word for ``TrackParameters(search=)``, in this process.

    An installed package makes its kernels known to all processes by entry points of the group ``altiflow_kernels``.
    What a kernel finds goes through the same screens, correction and writing as any other displacement.

    Parameters
    ----------
    name
        The word.
    kernel
        A function of a :class:`ChipTask` that returns :class:`ChipMatches`.

    Raises
    ------
    InputError
        If the word is taken by another kernel.
    """
    if name in BUILT_IN or _KERNELS.get(name, kernel) is not kernel:
        raise InputError(f"there is a kernel {name!r} already; choose another name")
    _KERNELS[name] = kernel


def kernel_names() -> tuple[str, ...]:
    """Return the words for ``TrackParameters(search=)``: built in, registered, and of installed packages."""
    # Loaded here: the built-in searches do without.
    from importlib.metadata import entry_points

    return *BUILT_IN, *sorted({*_KERNELS, *entry_points(group=GROUP).names})


def find_kernel(name: str) -> Kernel:
    """Return a kernel by its word.

    Raises
    ------
    InputError
        If there is none of that name, or it cannot be loaded.
    """
    if name in _KERNELS:
        return _KERNELS[name]
    from importlib.metadata import entry_points

    for entry in entry_points(group=GROUP, name=name):
        try:
            kernel: Kernel = entry.load()
        except (ImportError, AttributeError) as error:
            raise InputError(f"the kernel {name!r} of {entry.value} cannot be loaded: {error}") from error
        return _KERNELS.setdefault(name, kernel)
    raise InputError(f"there is no kernel {name!r}; use one of {', '.join(kernel_names())}, or register it")


def match_with(kernel: Kernel, task: ChipTask) -> Found:
    """Return what a kernel finds.

    Chips that pass the rim of the images have no displacement, whatever the kernel says; nor have those that lack
    pixels or are even, or whose match does or is.

    Raises
    ------
    InputError
        If an answer is not on the lattice, or is nothing that a match can have.
    """
    shape = task.rows.size, task.columns.size
    layers = _answered(kernel(task), shape)
    found = Found.nothing(shape)
    known = np.isfinite(layers["dx"]) & np.isfinite(layers["dy"]) & np.isfinite(layers["corr"])
    half = task.parameters.chip // 2
    inside = [
        (each - half >= 0) & (each + half <= size)
        for each, size in zip((task.rows, task.columns), task.first.shape, strict=True)
    ]
    there = inside[0][:, None] & inside[1][None, :]
    found.status[there] = np.where(known, 0, NO_CONVERGENCE)[there]
    found.status[~there] = EDGE
    lacking = _lacking(task, layers["dx"], layers["dy"], found.status == 0)
    found.status[lacking > 0] = lacking[lacking > 0]
    apart = np.stack([layers["dx"], layers["dy"]], axis=-1) - task.near
    far = (np.abs(apart) > task.radius[..., None] + _FAR_FROM_PEAK).any(axis=-1)
    found.status[far & (found.status == 0)] = AMBIGUOUS
    kept = found.status == 0
    for place, name in enumerate(("dx", "dy", "dx_error", "dy_error", "corr")):
        found.fine[kept, place] = layers[name][kept]
    # Nothing is known of how errors along the two axes go together.
    found.fine[kept, 5] = 0.0
    found.quality[kept, 0], found.quality[kept, 1] = layers["corr"][kept], layers["del_corr"][kept]
    found.shift[kept] = np.rint(found.fine[kept, :2])
    found.chip[kept] = task.parameters.chip
    return found


def _answered(answer: Any, shape: tuple[int, int]) -> dict[str, Floats]:
    """Return the layers of an answer; raise InputError if they are not on the lattice, or mean nothing."""
    try:
        layers = {name: np.asarray(getattr(answer, name), float) for name in ChipMatches.__dataclass_fields__}
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(f"the kernel answers no ChipMatches of numbers: {error}") from error
    wrong = [f"{name} {each.shape}" for name, each in layers.items() if each.shape != shape]
    if wrong:
        raise InputError(f"the kernel answers {', '.join(wrong)}; all must be {shape}")
    for name, each in layers.items():
        odd = np.isinf(each)
        if name in _LIMITS:
            low, high = _LIMITS[name]
            odd |= (each < low) | (each > high)
        if odd.any():
            raise InputError(
                f"the kernel answers {name}={each[odd][0]:g} in {int(odd.sum())} cells; use NaN for nothing"
            )
    return layers


_LIMITS = {
    "dx": (-1e6, 1e6),
    "dy": (-1e6, 1e6),
    "corr": (-1.01, 1.01),
    "del_corr": (-2.02, 2.02),
    "dx_error": (0.0, 1e6),
    "dy_error": (0.0, 1e6),
}
"""What a match can have; correlations may be rounded."""


def _lacking(task: ChipTask, dx: Floats, dy: Floats, tried: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Return why chips cannot have a displacement (m, n): a match beyond the rim, or no data or texture in either."""
    half, area = task.parameters.chip // 2, task.parameters.chip**2
    why = np.zeros(tried.shape, np.uint8)
    tables = [
        np.pad(each.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
        for each in (
            task.valid_first,
            task.valid_second,
            textured_pixels(task.first).astype(bool) & task.valid_first,
            textured_pixels(task.second).astype(bool) & task.valid_second,
        )
    ]
    i, j = np.nonzero(tried)
    row, column = task.rows[i] - half, task.columns[j] - half
    far_row, far_column = (at + np.rint(each[i, j]).astype(int) for at, each in ((row, dy), (column, dx)))
    rows, cols = task.first.shape
    outside = (far_row < 0) | (far_column < 0) | (far_row + 2 * half > rows) | (far_column + 2 * half > cols)
    needs = task.parameters.min_valid_first, task.parameters.min_valid_second, LEAST_TEXTURE, LEAST_TEXTURE
    places = ((row, column), (np.where(outside, 0, far_row), np.where(outside, 0, far_column))) * 2
    few = []
    for table, need, (top, left) in zip(tables, needs, places, strict=True):
        low, right = top + 2 * half, left + 2 * half
        seen = table[low, right] - table[top, right] - table[low, left] + table[top, left]
        few.append(seen < need * area - 1e-6)
    why[i, j] = np.select([outside, few[0] | few[1], few[2] | few[3]], [EDGE, NODATA, FLAT], 0)
    return why
