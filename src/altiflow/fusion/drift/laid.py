"""Parcels put down on a grid: the tally of their segments, and the pieces that make up its cells."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from altiflow.gridding.tally import Tally

__all__ = ["Laid", "digest_arrays", "growth_shift", "name_units", "number_keys"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Laid:
    """Parcels put down on a grid.

    Attributes
    ----------
    tally
        Of the segments that lie on the grid, in one time bin.
    parcel, cell
        Number of the parcel and of the cell of each piece (n,): a parcel that comes to lie across an edge is in two.
    weight, count
        Sum of the weights, and number of segments, of each piece (n,).
    mean
        Mean value of each piece (n,).
    outside, outside_weight
        Segments that came to lie outside the grid, and their weight.
    """

    tally: Tally
    parcel: Ints
    cell: Ints
    weight: Floats
    count: Ints
    mean: Floats
    outside: int
    outside_weight: float


def number_keys(keys: list[Ints]) -> Ints:
    """Return a number for each row (n,), the same for rows with the same keys, in the order of the keys."""
    order = np.lexsort(tuple(reversed(keys)))
    differ = np.zeros(max(order.size - 1, 0), bool)
    for key in keys:
        differ |= key[order][1:] != key[order][:-1]
    number = np.empty(order.size, np.int64)
    number[order] = np.concatenate([np.zeros(min(order.size, 1), np.int64), np.cumsum(differ)])
    return number


def name_units(unit: npt.NDArray[np.int32], names: Sequence[tuple[str, str]]) -> tuple[Ints, list[tuple[str, str]]]:
    """Return the passes of rows (n,) numbered among those that are there, and the names of these."""
    there, number = np.unique(unit, return_inverse=True)
    return np.asarray(number, np.int64), [names[each] for each in there]


def growth_shift(cell: Ints, rate: Floats, age: Floats) -> Floats:
    """Return what values in cells (n,) grow in ages (n,) at the rates (cells,); nothing outside, or without a rate."""
    return np.where(cell >= 0, np.nan_to_num(rate[cell]) * age, 0.0)


def digest_arrays(*arrays: npt.NDArray[Any], told: Any = None) -> str:
    """Return a digest of arrays of numbers, and of what is told beside them as JSON.

    Examples
    --------
    >>> digest_arrays(np.array([1.0, 2.0])) == digest_arrays(np.array([1.0, 2.5]))
    False
    """
    found = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode())
    for array in arrays:
        found.update(f"{array.dtype.str}{array.shape}".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()
