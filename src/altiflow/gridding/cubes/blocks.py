"""Blocks: one computation for every pixel of a cube, all layers of a block of pixels at a time.

Whatever holds the cube (memory, a store, dask), a computation sees arrays (layers, pixels) of float64 with a multiple
of ``LANE`` pixels, beyond the last one NaN. Computations treat pixels alike and apart, so that the answer does not
depend, to the bit, on where blocks end and who computes them.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import FieldError
from altiflow.progress import progress_bar
from altiflow.readers.field import space_dims

__all__ = ["LANE", "Samples", "map_pixels"]

Floats = npt.NDArray[np.float64]

LANE = 64
"""Pixels of the smallest block."""

_PANEL = 2**20
"""Values (layers times pixels) of one array inside a computation: 8 MB, of which it holds about a dozen."""

_WIDE = 4 * LANE
"""Pixels of the smallest panel of a computation that takes values as they are stored, and so has room for more."""

_VIEW = 16 * LANE
"""Pixels of the largest panel of a computation that takes views."""

_BLOCK = 2**24
"""Values of one array that is read at once."""

_THREADS = 4
"""Most threads where dask does not count them; each holds about a dozen panels."""

_COMPONENTS = ("vx", "vy", "vx_sigma", "vy_sigma")


@dataclass(frozen=True)
class Samples:
    """Velocities of one block of pixels.

    Attributes
    ----------
    vx, vy
        (layers, pixels); NaN where there is none.
    vx_sigma, vy_sigma
        (layers, pixels), or (layers, 1) where one holds for the whole layer, or None.
    """

    vx: Floats
    vy: Floats
    vx_sigma: Floats | None
    vy_sigma: Floats | None

    @property
    def valid(self) -> npt.NDArray[np.bool_]:
        """Whether both components are there (layers, pixels)."""
        return np.isfinite(self.vx) & np.isfinite(self.vy)


Kernel = Callable[[Samples], Floats]


def map_pixels(
    cube: xr.Dataset,
    kernel: Kernel,
    rows: int,
    *,
    order: npt.NDArray[np.intp] | None = None,
    depth: int = 0,
    given: Literal["double", "stored", "views"] = "double",
    label: str = "pixels",
    quiet: bool = True,
) -> Any:
    """Return what a computation gives for every pixel, (rows, ...) float64: a dask array if the cube is one.

    Parameters
    ----------
    cube
        A checked cube (time, y, x) or series (time, point).
    kernel
        Gives (rows, pixels) from :class:`Samples`; must not look from one pixel at another.
    rows
        Number of values that it gives for each pixel.
    order
        Which layers it is given, in this order; None gives all as they are.
    depth
        Number of values that it holds for each pixel at a time, where that is more than the layers.
    given
        Whether it is given values as float64, or as they are stored and takes care itself; or views of them as they
        lie: not copied, all layers, and no pixels beyond the last one. `order` and `depth` do not go with views.
    label, quiet
        Text of the progress bar, and whether there is none; dask arrays are worked out later, and have none.
    """
    dims = space_dims(cube)
    names = [name for name in _COMPONENTS if name in cube and cube[name].dims == ("time", *dims)]
    order = np.arange(cube.sizes["time"]) if order is None else order
    layer = {
        name: np.asarray(cube[name].values, np.float64)[order, None]
        for name in _COMPONENTS
        if name in cube and name not in names
    }
    work = _Work(kernel, rows, tuple(names), layer, order, max(depth, rows, order.size), given)
    if any(cube[name].chunks is not None for name in names):
        return _map_lazily(cube, work)
    shape = tuple(cube.sizes[dim] for dim in dims)
    found = np.empty((rows, *shape))
    with progress_bar(label, math.prod(shape), quiet=quiet) as bar:
        for block in _cut(cube, dims):
            parts = [np.asarray(cube[name].isel(block).values) for name in names]
            place = (slice(None), *(block[dim] for dim in dims))
            found[place] = work(*parts, threads=min(_THREADS, os.cpu_count() or 1), done=bar.update)
    return found


@dataclass(frozen=True)
class _Work:
    """A computation on blocks (layers, ...) of the named variables."""

    kernel: Kernel
    rows: int
    names: tuple[str, ...]
    layer: dict[str, Floats]
    order: npt.NDArray[np.intp]
    depth: int
    given: Literal["double", "stored", "views"]

    def __call__(
        self, *parts: npt.NDArray[Any], threads: int = 1, done: Callable[[int], object] | None = None
    ) -> Floats:
        """Return (rows, ...) of one block; `done` is told how many pixels are, from the thread that calls."""
        shape = parts[0].shape[1:]
        count = math.prod(shape)
        flat = [part.reshape(len(part), count) for part in parts]
        found = np.empty((self.rows, count))
        step = self._step(count, threads)
        panels = [slice(first, min(first + step, count)) for first in range(0, count, step)]

        def fill(panel: slice) -> int:
            found[:, panel] = self._panel(flat, panel)
            return int(panel.stop - panel.start)

        many = threads > 1 and len(panels) > 1
        with ThreadPoolExecutor(threads) if many else nullcontext() as pool:
            for pixels in map(fill, panels) if pool is None else pool.map(fill, panels):
                if done is not None:
                    done(pixels)
        return found.reshape(self.rows, *shape)

    def _step(self, count: int, threads: int) -> int:
        """Return the pixels of one panel; views are wide, as memory is read in rows, but enough to share out."""
        if self.given == "views":
            return min(max(-(-count // (2 * threads * LANE)), 2), _VIEW // LANE) * LANE
        return max(LANE if self.given == "double" else _WIDE, _PANEL // self.depth // LANE * LANE)

    def _panel(self, flat: list[npt.NDArray[Any]], panel: slice) -> Floats:
        """Return (rows, pixels) of the panel of parts (layers, pixels)."""
        width = panel.stop - panel.start
        wide = -(-width // LANE) * LANE
        taken = {}
        for name, part in zip(self.names, flat, strict=True):
            if self.given == "views":
                taken[name] = part[:, panel]
                continue
            values = np.empty((self.order.size, wide), np.float64 if self.given == "double" else part.dtype)
            values[:, :width] = np.take(part[:, panel], self.order, axis=0)
            values[:, width:] = np.nan
            taken[name] = values
        vx, vy, vx_sigma, vy_sigma = (taken.get(name, self.layer.get(name)) for name in _COMPONENTS)
        if vx is None or vy is None:
            raise FieldError("the cube has no vx and vy on all of its dimensions; see check_field")
        return self.kernel(Samples(vx, vy, vx_sigma, vy_sigma))[:, :width]


def _cut(cube: xr.Dataset, dims: tuple[str, ...]) -> Iterator[dict[str, slice]]:
    """Yield blocks of pixels that follow the chunks of the store and fit into memory; what is in memory is one."""
    if all(_lies_whole(cube[name]) for name in _COMPONENTS if name in cube):
        yield {dim: slice(0, cube.sizes[dim]) for dim in dims}
        return
    stored = cube["vx"].encoding.get("preferred_chunks") or {}
    shape = [cube.sizes[dim] for dim in dims]
    steps = [min(size, int(stored.get(dim, size))) for dim, size in zip(dims, shape, strict=True)]
    room = max(LANE, _BLOCK // cube.sizes["time"])
    # The last dimension lies together in memory and is cut last.
    for place in range(len(steps)):
        over = math.prod(steps) / room
        if over > 1:
            steps[place] = max(1, int(steps[place] / over))
    for corner in product(*(range(0, size, step) for size, step in zip(shape, steps, strict=True))):
        yield {dim: slice(at, at + step) for dim, at, step in zip(dims, corner, steps, strict=True)}


def _lies_whole(values: xr.DataArray) -> bool:
    """Return whether values are in memory in one piece, and pixels can be taken from it without a copy."""
    return values.variable._in_memory and bool(values.values.flags.c_contiguous)


def _map_lazily(cube: xr.Dataset, work: _Work) -> Any:
    """Return the dask array of the results; its blocks are those of the cube, each with all layers."""
    import dask.array

    # Untyped, and there only where the cube's own arrays are dask's.
    da: Any = dask.array
    parts = [da.asarray(cube[name].data).rechunk({0: -1}) for name in work.names]
    widths = [max(sizes) for sizes in parts[0].chunks]
    if math.prod(widths) > max(_BLOCK, LANE * widths[0]):
        cut = {0: -1} | dict.fromkeys(range(1, parts[0].ndim), "auto")
        parts[0] = parts[0].rechunk(cut, block_size_limit=_BLOCK * parts[0].dtype.itemsize)
    parts = [parts[0], *(part.rechunk(parts[0].chunks) for part in parts[1:])]
    chunks = ((work.rows,), *parts[0].chunks[1:])
    meta = np.empty((0,) * parts[0].ndim)
    return da.map_blocks(work, *parts, chunks=chunks, dtype=np.float64, meta=meta)
