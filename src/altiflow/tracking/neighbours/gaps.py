"""Small gaps filled from their neighbours: by medians, by inverse distance, or as an even skin across the gap."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import scipy

from altiflow.errors import InputError
from altiflow.tracking.compiled.medians import neighbour_medians

__all__ = ["Filling", "fill_small_gaps"]

Filling = Literal["median", "distance", "skin"]

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_NEAREST = 12
"""Values that the mean by inverse distance is of."""
_AROUND = ((0, 1), (0, -1), (1, 0), (-1, 0))


def fill_small_gaps(
    values: npt.NDArray[Any], *, largest: int, fillable: Mask | None = None, how: Filling = "median"
) -> tuple[Floats, Mask]:
    """Return values with small gaps filled, and True where a cell was filled (rows, cols).

    A gap is a group of cells without a value that touch along an edge.

    Parameters
    ----------
    values
        (rows, cols); NaN is without.
    largest
        Largest gap that is filled [cells].
    fillable
        False where a cell must stay as it is; such cells count to no gap.
    how
        "median": of the neighbours within two cells, from the rim inwards. "distance": mean of the nearest 12 values,
        weighted by the inverse square of their distance (Shepard 1968). "skin": the surface without curvature that
        hangs on the rim of the gap (Laplace's equation), as in painting over.

    Raises
    ------
    InputError
        If `largest` is negative, or the word is not known.

    Examples
    --------
    >>> fill_small_gaps(np.array([[1.0, np.nan, 3.0, np.nan, np.nan]]), largest=1)
    (array([[ 1.,  2.,  3., nan, nan]]), array([[False,  True, False, False, False]]))
    >>> fill_small_gaps(np.array([[1.0, np.nan, np.nan, 4.0]]), largest=2, how="skin")[0].round(6)
    array([[1., 2., 3., 4.]])
    """
    if largest < 0:
        raise InputError(f"largest={largest} is negative; use a number of cells, 0 for none")
    if how not in get_args(Filling):
        raise InputError(f"how={how!r} means nothing; use one of {', '.join(get_args(Filling))}")
    made = np.array(values, float)
    missing = np.isnan(made) if fillable is None else np.isnan(made) & fillable
    group, _ = scipy.ndimage.label(missing)
    small = missing & (np.bincount(group.ravel())[group] <= largest)
    if small.any() and np.isfinite(made).any():
        {"median": _by_medians, "distance": _by_distance, "skin": _by_skin}[how](made, small)
    return made, small & np.isfinite(made)


def _by_medians(made: Floats, small: Mask) -> None:
    """Fill cells with medians of their neighbours, from the rim inwards."""
    left = small.copy()
    while left.any():
        middle = neighbour_medians(made, 2)[0]
        now = left & np.isfinite(middle)
        if not now.any():
            break
        made[now] = middle[now]
        left &= ~now


def _by_distance(made: Floats, small: Mask) -> None:
    """Fill cells with the mean of the nearest values, by inverse squared distance."""
    known = np.argwhere(np.isfinite(made))
    tree = scipy.spatial.cKDTree(known)
    apart, which = tree.query(np.argwhere(small), k=min(_NEAREST, len(known)))
    apart, which = apart.reshape(int(small.sum()), -1), which.reshape(int(small.sum()), -1)
    weight = 1 / apart**2
    near = made[tuple(known[which.ravel()].T)].reshape(which.shape)
    made[small] = (weight * near).sum(axis=1) / weight.sum(axis=1)


def _by_skin(made: Floats, small: Mask) -> None:
    """Fill cells so that each is the mean of those that touch it; gaps that touch no value stay."""
    number = np.full(made.shape, -1)
    number[small] = np.arange(int(small.sum()))
    cells = np.argwhere(small)
    rows: list[Any] = []
    columns: list[Any] = []
    around, right = np.zeros(len(cells)), np.zeros(len(cells))
    for step in _AROUND:
        beside = cells + step
        there: Mask = np.all((beside >= 0) & (beside < made.shape), axis=1)
        at = tuple(np.where(there[:, None], beside, 0).T)
        unknown, known = there & (number[at] >= 0), there & np.asarray(np.isfinite(made[at]))
        around += unknown | known
        right[known] += made[at][known]
        rows.append(np.flatnonzero(unknown))
        columns.append(number[at][unknown])
    # Without a value on its rim a gap has no skin.
    group, count = scipy.ndimage.label(small)
    group = np.asarray(group)
    sums = np.bincount(group[small], weights=_touches(made, cells), minlength=count + 1)
    hung = sums[group[small]] > 0
    row, column = np.concatenate(rows), np.concatenate(columns)
    links = scipy.sparse.coo_array((np.ones(row.size), (row, column)), shape=(len(cells),) * 2)
    matrix = scipy.sparse.csr_array(scipy.sparse.diags_array(np.maximum(around, 1.0)) - links)
    used = np.flatnonzero(hung)
    if used.size:
        inner = scipy.sparse.csc_array(matrix[used][:, used])
        made[tuple(cells[used].T)] = scipy.sparse.linalg.spsolve(inner, right[used])


def _touches(made: Floats, cells: npt.NDArray[Any]) -> Floats:
    """Return 1 for cells (n, 2) that touch a value along an edge, else 0."""
    wide = np.pad(np.isfinite(made), 1)
    row, column = cells.T + 1
    touched: Floats = np.max([wide[row + i, column + j] for i, j in _AROUND], axis=0).astype(float)
    return touched
