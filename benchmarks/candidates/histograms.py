"""Peers that count into bins: numpy, boost-histogram, scipy, flox and pyresample."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.candidates.points import (
    COLS,
    CRS,
    EDGE,
    ROWS,
    WIDTH,
    Candidate,
    Cells,
    Points,
    cell_numbers,
    cells_from_dense,
    cells_from_sums,
    projected,
    weighted,
)

__all__ = ["HISTOGRAMS"]


def _same(points: Points) -> Points:
    return points


def _dense(sums: Any) -> Cells:
    return cells_from_dense(*sums)


def _sparse(sums: Any) -> Cells:
    return cells_from_sums(*sums)


def _bincount(points: Points) -> Any:
    cell, size = cell_numbers(points), ROWS * COLS
    return np.bincount(cell, minlength=size), *(np.bincount(cell, sums, size) for sums in weighted(points))


def _boost(points: Points) -> Any:
    import boost_histogram as bh

    x, y = projected(points)
    axes = [bh.axis.Regular(count, -EDGE, EDGE) for count in (ROWS, COLS)]
    found = bh.Histogram(*axes, storage=bh.storage.WeightedMean())
    return found.fill(-y, x, weight=points.length, sample=points.freeboard)


def _boost_cells(found: Any) -> Cells:
    view = found.view().ravel()
    cell = np.flatnonzero(view["sum_of_weights"])
    total = view["sum_of_weights"][cell]
    std = np.sqrt(np.maximum(view["_sum_of_weighted_deltas_squared"][cell], 0.0) / total)
    return Cells(cell, weight_sum=total, mean=view["value"][cell], std=std)


def _binned(points: Points) -> Any:
    from scipy.stats import binned_statistic_2d

    x, y = projected(points)
    sums = weighted(points)
    edges = np.linspace(-EDGE, EDGE, ROWS + 1)
    values = [np.ones_like(sums[0]), *sums]
    return binned_statistic_2d(-y, x, values, statistic="sum", bins=[edges, edges]).statistic


def _coo(points: Points) -> Any:
    from scipy.sparse import coo_array

    row, col = np.divmod(cell_numbers(points), COLS)
    values = [np.ones(row.size), *weighted(points)]
    return [coo_array((value, (row, col)), shape=(ROWS, COLS)).tocsr() for value in values]


def _coo_cells(matrices: Any) -> Cells:
    filled = matrices[0].tocoo()
    row, col = (np.asarray(index, np.int64) for index in filled.coords)
    return cells_from_sums(row * COLS + col, *(matrix.data for matrix in matrices))


def _flox(points: Points) -> Any:
    from flox import groupby_reduce

    cell = cell_numbers(points)
    values = np.stack([np.ones(cell.size), *weighted(points)])
    sums, found = groupby_reduce(values, cell, func="sum", engine="numpy")
    return found, *sums


def _lazy(points: Points) -> Any:
    import dask.array as da

    columns = (points.longitude, points.latitude, points.length, points.freeboard)
    return [da.from_array(column, chunks=1_000_000) for column in columns]


def _buckets(columns: Any) -> Any:
    import dask
    from pyresample.area_config import create_area_def
    from pyresample.bucket import BucketResampler

    longitude, latitude, length, freeboard = columns
    extent = [-EDGE, -EDGE, EDGE, EDGE]
    area = create_area_def("EASE2_S6.25km", CRS, shape=(ROWS, COLS), area_extent=extent, units="m")
    buckets = BucketResampler(area, longitude, latitude)
    length, freeboard = length.astype(float), freeboard.astype(float)
    sums = [buckets.get_sum(values) for values in (length, length * freeboard, length * freeboard**2)]
    return dask.compute(buckets.get_count(), *sums)


HISTOGRAMS = (
    Candidate("numpy-bincount", "numpy + pyproj + bincount x4", (), _same, _bincount, _dense),
    Candidate(
        "boost-histogram",
        "boost-histogram WeightedMean (pyproj)",
        ("boost_histogram",),
        _same,
        _boost,
        _boost_cells,
        note="one pass: gives no N, so no mean length",
    ),
    Candidate("scipy-binned", "scipy binned_statistic_2d (pyproj)", ("scipy",), _same, _binned, _dense, cap=10_000_000),
    Candidate("scipy-sparse", "scipy.sparse coo to csr x4 (pyproj)", ("scipy",), _same, _coo, _coo_cells),
    Candidate("flox", "flox groupby_reduce, numpy engine (pyproj)", ("flox",), _same, _flox, _sparse),
    Candidate(
        "pyresample",
        "pyresample BucketResampler (dask, all cores)",
        ("pyresample", "dask"),
        _lazy,
        _buckets,
        _dense,
        cap=10_000_000,
        note="dask arrays of 10^6 given",
    ),
)

if WIDTH * COLS != 2 * EDGE:
    raise ValueError("the grid's width, columns and edge do not belong together")
