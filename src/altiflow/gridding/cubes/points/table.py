"""Tables of series: one row per point and layer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from altiflow.gridding.cubes.points.sampling import PARTS
from altiflow.readers.field import check_series
from altiflow.readers.layers import LAYER_COORDS

__all__ = ["series_table"]

_STATED = ("units", "year_days", "velocity_metric", "crs")


def series_table(series: xr.Dataset, *, empty: bool = False) -> pd.DataFrame:
    """Return a series as a table, one row per point and layer, for CSV, Parquet or a plot.

    Parameters
    ----------
    series
        What :func:`series_at` and its like return.
    empty
        Keep rows without a velocity.

    Returns
    -------
    pandas.DataFrame
        ``point, start, mid, end, vx, vy, speed`` and what else the series has, sorted by point and start; ``units``,
        ``year_days``, ``velocity_metric`` and ``crs``, along whose axes vx and vy are, in every row. ``speed`` is that
        of the components; ``v_sigma`` is its standard error along the flow.

    Examples
    --------
    >>> from altiflow.gridding.cubes import series_at
    >>> from altiflow.readers.field import build_field
    >>> bounds = np.array([["2020-01-01", "2020-01-17"]], dtype="M8[ns]")
    >>> cube = build_field(np.full((1, 2, 2), 3.0), np.full((1, 2, 2), 4.0), x=[0, 120], y=[120, 0], crs=3413,
    ...     time_bnds=bounds, units="m/yr", year_days=365.0, velocity_metric="map", metric_source="user", source="a")
    >>> series_table(series_at(cube, [(0.0, 0.0)], crs=3413))[["start", "speed"]].values.tolist()
    [[Timestamp('2020-01-01 00:00:00'), 5.0]]
    """
    check_series(series)
    valid = np.isfinite(series["vx"].values) & np.isfinite(series["vy"].values)
    layer, point = np.nonzero(valid | empty)
    bounds = series["time_bnds"].values
    order = np.lexsort((bounds[layer, 1], bounds[layer, 0], point))
    layer, point = layer[order], point[order]
    columns = {"point": series["point"].values[point], "start": bounds[layer, 0], "mid": series["time"].values[layer]}
    columns["end"] = bounds[layer, 1]
    for name in (*PARTS, "count"):
        if name in series:
            values = series[name].values
            columns[name] = values[layer] if values.ndim == 1 else values[layer, point]
    columns["speed"] = np.hypot(columns["vx"], columns["vy"])
    if {"vx_sigma", "vy_sigma"} <= set(columns):
        cross = columns.get("vxy_covariance", 0.0) * columns["vx"] * columns["vy"]
        square = (columns["vx"] * columns["vx_sigma"]) ** 2 + (columns["vy"] * columns["vy_sigma"]) ** 2 + 2 * cross
        along = np.sqrt(np.maximum(square, 0.0))
        moving = columns["speed"] > 0
        columns["v_sigma"] = np.divide(along, columns["speed"], out=np.full(along.shape, np.nan), where=moving)
    for name in LAYER_COORDS:
        if name in series.coords:
            columns[name] = series[name].values[layer]
    for name in ("longitude", "latitude", "x", "y", "cell_distance", "distance"):
        if name in series.variables:
            columns[name] = series[name].values[point]
    result = pd.DataFrame(columns)
    for name in _STATED:
        # A velocity without these cannot be read, and CSV has no attributes.
        result[name] = pd.Categorical([str(series.attrs.get(name, ""))] * len(result))
    result.attrs = {name: series.attrs[name] for name in (*_STATED, "source") if name in series.attrs}
    return result
