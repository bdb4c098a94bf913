"""Answers compared: with a reference in extended precision, with PROJ's cells, and with exact fractions."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.candidates.points import COLS, CRS, EDGE, WIDTH, Cells, Points, cell_numbers, projected

__all__ = ["Difference", "PrecisionChecks", "ProjChecks", "compare", "precision_checks", "proj_checks", "reference"]

Floats = npt.NDArray[np.float64]
BATCH = 2_000_000
"""Rows taken to extended precision, or to PROJ, at a time."""
FEW = 262_144
"""Points whose cells altiflow finds in one call."""
POLAR = 100_000.0
"""Nearer to the pole [m] PROJ's own equal-area formula cancels, to errors of millimetres: no yardstick there."""


@dataclass(frozen=True)
class Difference:
    """How far an answer is from the reference.

    Attributes
    ----------
    cells
        Cells that only one of the two has, or whose N differs where N is given.
    weight_sum, weight_mean, mean, std
        Largest relative difference in the cells that both have; None where the candidate gives none. The standard
        deviation is compared where the reference's is above 1e-6 m.
    nonzero
        Cells whose standard deviation must be 0 (one segment, or all equal) and is not; None where none is given.
    """

    cells: int
    weight_sum: float | None
    weight_mean: float | None
    mean: float | None
    std: float | None
    nonzero: int | None


def reference(points: Points) -> Cells:
    """Return the answer by PROJ, a sort and two passes in extended precision; slow, and not timed."""
    number = cell_numbers(points)
    order = np.argsort(number, kind="stable")
    number = number[order]
    starts = np.flatnonzero(np.concatenate([[True], number[1:] != number[:-1]]))
    ends = np.append(starts[1:], number.size)
    parts = []
    first = 0
    while first < starts.size:
        last = max(int(np.searchsorted(ends, starts[first] + BATCH, side="right")), first + 1)
        rows = order[starts[first] : ends[last - 1]]
        parts.append(_batch(points, rows, starts[first:last] - starts[first]))
        first = last
    total, mean, std = (np.concatenate(column).astype(float) for column in zip(*parts, strict=True))
    count = ends - starts
    return Cells(number[starts], count, total, total / count, mean, std)


def _batch(points: Points, rows: Any, starts: Any) -> tuple[Any, Any, Any]:
    """Return sum of L, weighted mean and standard deviation of groups of rows."""
    length, value = (each[rows].astype(np.longdouble) for each in (points.length, points.freeboard))
    total = np.add.reduceat(length, starts)
    mean = np.add.reduceat(length * value, starts) / total
    away = value - np.repeat(mean, np.diff(starts, append=rows.size))
    return total, mean, np.sqrt(np.add.reduceat(length * away * away, starts) / total)


def compare(found: Cells, true: Cells) -> Difference:
    """Return how far `found` is from `true`."""
    _, ours, theirs = np.intersect1d(found.cell, true.cell, assume_unique=True, return_indices=True)
    differing = found.cell.size + true.cell.size - 2 * ours.size
    if found.count is not None and true.count is not None:
        differing += int(np.count_nonzero(found.count[ours] != true.count[theirs]))
    far = {}
    for name in ("weight_sum", "weight_mean", "mean"):
        far[name] = _relative(getattr(found, name), getattr(true, name), ours, theirs)
    varied = true.std is not None and true.std[theirs] > 1e-6
    std = _relative(found.std, true.std, ours[varied], theirs[varied])
    constant = true.std is not None and true.std[theirs] == 0.0
    nonzero = None if found.std is None else int(np.count_nonzero(found.std[ours[constant]] != 0.0))
    return Difference(differing, **far, std=std, nonzero=nonzero)


def _relative(found: Floats | None, true: Floats | None, ours: Any, theirs: Any) -> float | None:
    """Return the largest relative difference; infinite where a value is not finite."""
    if found is None or true is None:
        return None
    away = np.abs(found[ours] - true[theirs])
    away = np.divide(away, np.abs(true[theirs]), out=away, where=away != 0.0)
    return float(np.where(np.isfinite(away), away, np.inf).max(initial=0.0))


@dataclass(frozen=True)
class ProjChecks:
    """altiflow's cells and positions beside PROJ's.

    Attributes
    ----------
    engine
        "numpy" or "numba".
    points
        Number of points compared, tracks and random ones.
    cells
        Points in another cell than PROJ's.
    metres
        Largest difference of x or y from PROJ's [m], farther than POLAR from the pole.
    """

    engine: str
    points: int
    cells: int
    metres: float


def proj_checks(points: Points, engine: Any, number: int, seed: int = 0) -> ProjChecks:
    """Return how cells and positions compare on `points` and on `number` random points of the half sphere."""
    from altiflow import Grid
    from altiflow.gridding.kernel import cell_finder
    from altiflow.gridding.kernel.projection import polar_projection

    find, projection = cell_finder(Grid.named("EASE2_S6.25km"), engine), polar_projection(CRS)
    if projection is None:
        raise ValueError(f"altiflow has no polynomial for {CRS}")
    rng = np.random.default_rng(seed)
    latitude = -np.degrees(np.arcsin(rng.uniform(0.0, 1.0, number)))
    scattered = Points(rng.uniform(-180.0, 180.0, number), latitude, points.length[:0], points.freeboard[:0])
    cells, metres = 0, 0.0
    for many in (points, scattered):
        for begin in range(0, many.latitude.size, BATCH):
            longitude, latitude = (each[begin : begin + BATCH] for each in (many.longitude, many.latitude))
            x, y = projected(many, begin, begin + BATCH)
            inside = np.maximum(np.abs(x), np.abs(y)) < EDGE
            row, col = np.floor((EDGE - y) / WIDTH), np.floor((x + EDGE) / WIDTH)
            true = np.where(inside, row * COLS + col, -1)
            steps = range(0, latitude.size, FEW)
            found = np.concatenate([find(longitude[at : at + FEW], latitude[at : at + FEW]).copy() for at in steps])
            cells += int(np.count_nonzero(found != true))
            ours = projection.project(longitude, latitude)
            away = np.maximum(np.abs(ours[0] - x), np.abs(ours[1] - y))
            metres = max(metres, float(away[np.hypot(x, y) > POLAR].max()))
    return ProjChecks(engine, points.latitude.size + number, cells, metres)


@dataclass(frozen=True)
class PrecisionChecks:
    """altiflow's variance where it is hard.

    Attributes
    ----------
    engine
        "numpy" or "numba".
    relative
        Relative error of M2 against exact fractions: 4,000 heights of 3,000 m with a spread of 0.1 m.
    negative
        Cells of negative M2, of cells of one segment and of equal values.
    nonzero
        The same, not exactly 0.
    """

    engine: str
    relative: float
    negative: int
    nonzero: int


def precision_checks(engine: Any, seed: int = 0) -> PrecisionChecks:
    """Return how exact the variance is."""
    from altiflow import Grid
    from altiflow.gridding.kernel import reduce_points

    grid, rng = Grid.named("EASE2_S6.25km"), np.random.default_rng(seed)
    height, weight = rng.normal(3000.0, 0.1, 4000), rng.lognormal(3.0, 0.6, 4000)
    here = np.full(height.size, -75.01)
    found = reduce_points(here, here, height, weight, grid, engine=engine)
    exact = _exact_m2(height, weight)
    relative = float(abs(Fraction(float(found.m2[0])) - exact) / exact)
    # One place a cell: 400 places with fifty equal heights in three visits, 400 with a single one.
    turns, levels = np.linspace(-179.0, 179.0, 800), rng.normal(3000.0, 0.1, 800)
    rows = np.concatenate([np.repeat(np.arange(400), 25), np.arange(800), np.repeat(np.arange(400), 24)])
    values, weights = levels[rows], rng.lognormal(3.0, 0.6, rows.size)
    flat = reduce_points(turns[rows], np.full(rows.size, -65.0), values, weights, grid, engine=engine)
    return PrecisionChecks(engine, relative, int((flat.m2 < 0).sum()), int((flat.m2 != 0).sum()))


def _exact_m2(value: Floats, weight: Floats) -> Fraction:
    """Return the sum of w (h - mean)^2 without any rounding."""
    pairs = [(Fraction(float(h)), Fraction(float(w))) for h, w in zip(value, weight, strict=True)]
    total = sum(w for _, w in pairs)
    first = sum(w * h for h, w in pairs)
    return Fraction(sum(w * h * h for h, w in pairs) - first * first / total)
