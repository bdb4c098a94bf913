"""What every candidate is given and gives back, and the cell rule written out for those that have none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj

__all__ = [
    "COLS",
    "CRS",
    "EDGE",
    "ROWS",
    "WIDTH",
    "Candidate",
    "Cells",
    "Points",
    "cell_numbers",
    "cells_from_dense",
    "cells_from_sums",
    "projected",
    "weighted",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CRS = "EPSG:6932"
ROWS = COLS = 2880
WIDTH = 6250.0
EDGE = 9_000_000.0
"""The grid EASE2_S6.25km: x from -EDGE rightwards, y from EDGE downwards, cells of WIDTH [m]."""


@dataclass(frozen=True)
class Points:
    """Segments, each array (n,): positions in float64 [degrees], length and freeboard in float32 [m]."""

    longitude: Floats
    latitude: Floats
    length: npt.NDArray[np.float32]
    freeboard: npt.NDArray[np.float32]

    def head(self, size: int) -> Points:
        """Return the first `size` segments."""
        return Points(self.longitude[:size], self.latitude[:size], self.length[:size], self.freeboard[:size])


@dataclass(frozen=True)
class Cells:
    """Answer of a candidate: the occupied cells (m,), ascending, and their statistics; None where it gives none."""

    cell: Ints
    count: Ints | None = None
    weight_sum: Floats | None = None
    weight_mean: Floats | None = None
    mean: Floats | None = None
    std: Floats | None = None


@dataclass(frozen=True)
class Candidate:
    """One way to grid.

    Attributes
    ----------
    name, title
        Short name and one line for the table.
    needs
        Modules that must be importable.
    prepare
        Makes of Points what a user of it would already hold; not timed.
    run
        Does the work; timed.
    cells
        Makes Cells of what `run` returned; not timed. None for a yardstick that has no answer.
    cap
        Most segments it is run on; None for any number.
    note
        What the reader of the table must know.
    """

    name: str
    title: str
    needs: tuple[str, ...]
    prepare: Callable[[Points], Any]
    run: Callable[[Any], Any]
    cells: Callable[[Any], Cells] | None
    cap: int | None = None
    note: str = ""


@cache
def _transformer() -> pyproj.Transformer:
    return pyproj.Transformer.from_crs("EPSG:4326", CRS, always_xy=True)


def projected(points: Points, first: int = 0, last: int | None = None) -> tuple[Floats, Floats]:
    """Return x and y [m] of the points from `first` to `last`, by PROJ."""
    x, y = _transformer().transform(points.longitude[first:last], points.latitude[first:last])
    return x, y


def cell_numbers(points: Points) -> Ints:
    """Return row * COLS + col of the points (n,), by PROJ and floor."""
    x, y = projected(points)
    row = np.floor((EDGE - y) / WIDTH).astype(np.int64)
    return row * COLS + np.floor((x + EDGE) / WIDTH).astype(np.int64)


def weighted(points: Points) -> tuple[Floats, Floats, Floats]:
    """Return L, L h and L h^2 (n,) in double precision."""
    length, freeboard = points.length.astype(float), points.freeboard.astype(float)
    first = length * freeboard
    return length, first, first * freeboard


def cells_from_sums(cell: Any, count: Any, weight: Any, first: Any, second: Any) -> Cells:
    """Return the answer that follows from N and the sums of L, L h and L h^2 of the occupied cells."""
    number = np.asarray(cell, np.int64)
    order = np.argsort(number)
    total, one, two = (np.asarray(values, float)[order] for values in (weight, first, second))
    tally = np.rint(np.asarray(count, float)[order]).astype(np.int64)
    mean = one / total
    std = np.sqrt(np.maximum(two / total - mean * mean, 0.0))
    return Cells(number[order], tally, total, total / tally, mean, std)


def cells_from_dense(count: Any, weight: Any, first: Any, second: Any) -> Cells:
    """Return the answer that dense grids of N and the sums of L, L h and L h^2 hold, each (ROWS, COLS) or flat."""
    flat = [np.asarray(grid).ravel() for grid in (count, weight, first, second)]
    cell = np.flatnonzero(flat[0])
    return cells_from_sums(cell, *(grid[cell] for grid in flat))
