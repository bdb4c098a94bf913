"""Arrays of points to statistics of cells, in one pass over memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from altiflow.errors import InputError
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.kernel import states as numpy_states
from altiflow.gridding.kernel.finder import cell_finder
from altiflow.gridding.kernel.merge import merge_cells
from altiflow.gridding.kernel.single import BLOCK
from altiflow.gridding.kernel.states import run_starts, sort_rows

__all__ = [
    "CellStatistics",
    "Engine",
    "choose_engine",
    "native_array",
    "reduce_cells",
    "reduce_points",
    "run_reducer",
    "sort_rows",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Engine = Literal["auto", "numpy", "numba"]

_SHUFFLED = 0.25
"""More runs than this per row, and sorting the rows first is cheaper."""
_SUPERBLOCK = 8 * BLOCK
"""Rows whose cells are found in one call."""
_COMPACT = 200_000
"""Runs kept before those of the same cell are merged."""


@dataclass(frozen=True)
class CellStatistics:
    """Statistics of the cells that hold anything, each (m,).

    Attributes
    ----------
    cell
        Number of the cell, row * cols + col, ascending; 32 bits where they suffice.
    count
        Number of segments; 32 bits where they suffice.
    weight_sum
        Sum of weights.
    mean
        Weighted mean.
    m2
        Sum of w (h - mean)^2.
    low, high
        Smallest and largest value, in the precision of the values.
    """

    cell: npt.NDArray[Any]
    count: npt.NDArray[Any]
    weight_sum: Floats
    mean: Floats
    m2: Floats
    low: npt.NDArray[Any]
    high: npt.NDArray[Any]

    @property
    def std(self) -> Floats:
        """Weighted population standard deviation about the mean."""
        return np.sqrt(self.m2 / self.weight_sum)

    @property
    def weight_mean(self) -> Floats:
        """Mean weight of a segment."""
        return np.asarray(self.weight_sum / self.count)


def choose_engine(engine: Engine) -> Literal["numpy", "numba"]:
    """Return the engine to use: numba for "auto" where it is installed.

    Raises
    ------
    InputError
        If numba is asked for and not installed, or the word is not known.
    """
    installed = find_spec("numba") is not None
    if engine == "auto":
        return "numba" if installed else "numpy"
    if engine == "numba" and not installed:
        raise InputError("engine='numba' needs numba; install it with: pip install 'altiflow[fast]'")
    if engine not in ("numpy", "numba"):
        raise InputError(f"engine must be 'auto', 'numpy' or 'numba', got {engine!r}")
    return engine


def run_reducer(engine: Literal["numpy", "numba"]) -> Any:
    """Return the function that reduces runs; see :func:`altiflow.gridding.kernel.states.reduce_runs`."""
    if engine == "numba":
        from altiflow.gridding.kernel import compiled

        return compiled.reduce_runs
    return numpy_states.reduce_runs


def row_scanner(engine: Literal["numpy", "numba"]) -> Any:
    """Return the function that looks through the rows of a block for runs and for rows that do not count."""
    if engine == "numba":
        from altiflow.gridding.kernel import compiled

        return compiled.scan_rows
    return _scan


def reduce_cells(cell: npt.ArrayLike, value: npt.ArrayLike, weight: npt.ArrayLike) -> CellStatistics:
    """Return statistics of `value` (n,) with `weight` (n,) > 0 for each number in `cell` (n,).

    The variance is taken of differences, so that heights of thousands of metres keep their centimetres whatever the
    order; the mean is never outside the smallest and largest value, and the standard deviation of equal values is
    exactly 0.

    Examples
    --------
    >>> found = reduce_cells([7, 7], [3000.1, 3000.1], [1.0, 2.0])
    >>> found.mean.tolist(), found.std.tolist()
    ([3000.1], [0.0])
    """
    numbers = np.asarray(cell, np.int64)
    order = sort_rows(numbers)
    numbers = numbers[order]
    starts = run_starts(numbers[1:] != numbers[:-1]) if numbers.size else np.empty(0, np.int64)
    found = numpy_states.reduce_runs(starts, np.asarray(value, float)[order], np.asarray(weight, float)[order])
    return _statistics(numbers[starts], found, np.dtype(float))


def native_array(values: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return an array in the byte order of the machine, which compiled code needs.

    Examples
    --------
    >>> native_array(np.array([1.0], ">f8")).dtype.isnative
    True
    """
    found = np.asarray(values)
    return found if found.dtype.isnative else found.astype(found.dtype.newbyteorder("="))


def reduce_points(
    longitude: npt.ArrayLike,
    latitude: npt.ArrayLike,
    value: npt.ArrayLike,
    weight: npt.ArrayLike,
    grid: Grid,
    *,
    engine: Engine = "auto",
) -> CellStatistics:
    """Return statistics of `value` with `weight` for each cell of `grid` that holds any point.

    Parameters
    ----------
    longitude, latitude
        (n,) [degrees], WGS84; fastest in track order, right in any.
    value, weight
        (n,); rows whose value is not finite, or whose weight is not finite and positive, are left out.
    grid
        Where to; points outside are left out.
    engine
        "numba" is compiled, "numpy" needs nothing; both find the same cells, and sums differ in the last digits.

    Raises
    ------
    InputError
        If the arrays are not one-dimensional and of one length.

    Examples
    --------
    >>> found = reduce_points([0, 0, 0], [-70, -70, -80], [1, 2, 3], [1, 1, 1], Grid.named("EASE2_S25km"))
    >>> found.count.tolist(), found.mean.tolist()
    ([2, 1], [1.5, 3.0])
    """
    arrays = tuple(native_array(array) for array in (longitude, latitude, value, weight))
    if len({array.shape for array in arrays}) != 1 or arrays[0].ndim != 1:
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise InputError(f"longitude, latitude, value and weight must be (n,) with one n, got {shapes}")
    chosen = choose_engine(engine)
    cells: list[Ints] = []
    parts: list[npt.NDArray[np.void]] = []
    held = 0
    for cell, states in _block_runs(arrays, grid, chosen):
        cells.append(cell)
        parts.append(states)
        held += cell.size
        if held > _COMPACT:
            cells, parts = ([found] for found in merge_cells(cells, parts, engine=chosen))  # type: ignore[assignment]
            held = -cells[0].size
    return _statistics(*merge_cells(cells, parts, engine=chosen), arrays[2].dtype)


def _block_runs(
    arrays: tuple[npt.NDArray[Any], ...], grid: Grid, engine: Literal["numpy", "numba"]
) -> Iterator[tuple[Ints, npt.NDArray[np.void]]]:
    """Yield cell number and state of the runs of each block."""
    find, scan, reduce = cell_finder(grid, engine), row_scanner(engine), run_reducer(engine)
    for begin in range(0, arrays[0].size, _SUPERBLOCK):
        longitude, latitude, *_ = (array[begin : begin + _SUPERBLOCK] for array in arrays)
        cells = find(longitude, latitude)
        for inner in range(0, cells.size, BLOCK):
            cell = cells[inner : inner + BLOCK]
            value, weight = (array[begin + inner : begin + inner + cell.size] for array in arrays[2:])
            starts, clean = scan(cell, value, weight)
            if not clean:
                keep = np.flatnonzero((cell >= 0) & np.isfinite(value) & np.isfinite(weight) & (weight > 0))
                cell, value, weight = cell[keep], value[keep], weight[keep]
                starts, _ = scan(cell, value, weight)
            if cell.size == 0:
                continue
            if starts.size > _SHUFFLED * cell.size:
                order = sort_rows(cell)
                cell, value, weight = cell[order], value[order], weight[order]
                starts = run_starts(cell[1:] != cell[:-1])
            yield cell[starts].astype(np.int64), reduce(starts, value, weight, squares=False)


def _scan(cell: npt.NDArray[Any], value: npt.NDArray[Any], weight: npt.NDArray[Any]) -> tuple[Ints, bool]:
    """Return where runs of one cell start, and whether all rows are inside, finite and of positive weight."""
    if cell.size == 0:
        return np.empty(0, np.int64), True
    with np.errstate(over="ignore", invalid="ignore"):
        # The sum of finite numbers may overflow; then every row is looked at.
        clean = cell.min() >= 0 and weight.min() > 0 and np.isfinite(weight.max()) and np.isfinite(value.sum())
    return run_starts(cell[1:] != cell[:-1]), bool(clean)


def _statistics(cell: Ints, states: npt.NDArray[np.void], value: np.dtype[Any]) -> CellStatistics:
    """Return the statistics that states hold, in as few bytes as hold them."""
    names = {"weight_sum": "weight", "mean": "mean", "m2": "m2"}
    long = {name: np.ascontiguousarray(states[field]) for name, field in names.items()}
    extreme = np.float32 if value == np.float32 else np.float64
    low, high = (states[name].astype(extreme) for name in ("low", "high"))
    return CellStatistics(_short(cell), _short(states["count"]), low=low, high=high, **long)


def _short(numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return whole numbers from 0 up in 32 bits if they fit."""
    fits = numbers.size == 0 or numbers.max() < 2**31
    return np.ascontiguousarray(numbers, np.int32 if fits else np.int64)
