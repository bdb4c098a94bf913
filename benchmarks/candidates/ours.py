"""altiflow, and two yardsticks: PROJ alone and one reading of the inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.candidates.points import Candidate, Cells, Points, projected

__all__ = ["OURS", "YARDSTICKS"]


def _reduce(points: Points, engine: str) -> Any:
    from altiflow import Grid
    from altiflow.gridding.kernel import reduce_points

    grid = Grid.named("EASE2_S6.25km")
    return reduce_points(points.longitude, points.latitude, points.freeboard, points.length, grid, engine=engine)


def _numpy(points: Points) -> Any:
    return _reduce(points, "numpy")


def _numba(points: Points) -> Any:
    return _reduce(points, "numba")


def _cells(found: Any) -> Cells:
    std = np.sqrt(found.m2 / found.weight_sum)
    return Cells(found.cell, found.count, found.weight_sum, found.weight_sum / found.count, found.mean, std)


def _arrow(points: Points) -> Any:
    """Return the segments as an Arrow table, without a copy."""
    import pyarrow as pa

    names = {"longitude": points.longitude, "latitude": points.latitude}
    return pa.table(names | {"segment_length": points.length, "freeboard": points.freeboard})


def _tally(table: Any) -> Any:
    from altiflow import Grid, tally_segments

    return tally_segments(table, Grid.named("EASE2_S6.25km"), value="freeboard", step=None)


def _tally_cells(tally: Any) -> Cells:
    states = tally.records.states
    std = np.sqrt(states["m2"] / states["weight"])
    length = states["weight"] / states["count"]
    return Cells(states["cell"], states["count"], states["weight"], length, states["mean"], std)


def _same(points: Points) -> Points:
    return points


def _read(points: Points) -> int:
    """Touch every byte of the inputs once, by the quickest reduction numpy has."""
    arrays = (points.longitude, points.latitude, points.length, points.freeboard)
    return sum(int(np.maximum.reduce(array.view(f"i{array.itemsize}"))) for array in arrays)


KERNEL = ("altiflow.gridding.kernel",)
OURS = (
    Candidate("altiflow-numpy", "altiflow, numpy kernel", KERNEL, _same, _numpy, _cells),
    Candidate("altiflow-numba", "altiflow, numba kernel (1 thread)", (*KERNEL, "numba"), _same, _numba, _cells),
    Candidate(
        "altiflow-tally",
        "altiflow, tally_segments of an Arrow table, numba",
        (*KERNEL, "numba"),
        _arrow,
        _tally,
        _tally_cells,
        note="Arrow table given; also extremes and sum of L^2, and can be added to",
    ),
)
YARDSTICKS = (
    Candidate("read", "yardstick: every input read once", (), _same, _read, None, note="24 bytes a segment"),
    Candidate("proj", "yardstick: pyproj's transform alone", (), _same, projected, None),
)
