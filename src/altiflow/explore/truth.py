"""How far results on the built-in sample are from what it was made from."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr

from altiflow.errors import TruthError
from altiflow.gridding import Grid
from altiflow.readers.sample import Gyre
from altiflow.units import convert_factor

__all__ = ["TruthReport", "check_truth", "compare_truth"]

GRID_LIMIT = 1e-9
"""Largest relative difference allowed between gridded statistics and a loop over the segments."""
VELOCITY_LIMIT = 0.1
"""Largest difference [cm/s] allowed between velocity at a segment and the analytic motion."""
FEWEST_SEGMENTS = 100_000
"""Fewest segments the sample must give."""


@dataclass(frozen=True)
class TruthReport:
    """Distances from the truth.

    Attributes
    ----------
    segments, cells
        What was compared: segments, and cells with data over all periods.
    grid_difference
        Largest relative difference of any gridded statistic from a plain loop.
    velocity_difference
        Largest difference of a velocity component at a segment from the analytic motion [cm/s].
    velocity_missing
        Segments that got no velocity.
    freeboard_bias, freeboard_rms
        Freeboard of the segments on ice minus the pattern [m]; the noise put in is 0.02 m.
    """

    segments: int
    cells: int
    grid_difference: float
    velocity_difference: float
    velocity_missing: int
    freeboard_bias: float
    freeboard_rms: float

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers by name."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Return the report as lines of text."""
        return [
            f"segments                    {self.segments} in {self.cells} cells",
            f"grid against a plain loop   {self.grid_difference:.1e} (limit {GRID_LIMIT:.0e}, relative)",
            f"velocity against the truth  {self.velocity_difference:.3f} cm/s (limit {VELOCITY_LIMIT} cm/s)",
            f"freeboard against the truth {self.freeboard_bias:+.4f} m, rms {self.freeboard_rms:.4f} m (noise 0.02 m)",
        ]


def compare_truth(fused: gpd.GeoDataFrame, gridded: xr.Dataset, truth: Gyre, *, value: str) -> TruthReport:
    """Return how far gridded statistics and velocity at segments are from the sample's truth.

    Parameters
    ----------
    fused
        Segments with vx and vy.
    gridded
        The same segments on a grid.
    truth
        What the sample was made from.
    value
        Column and variable stem compared.
    """
    x, y = truth.project(fused["longitude"], fused["latitude"])
    time = fused["time"].to_numpy()
    told = fused.attrs["altiflow"]["velocity"]
    factor = convert_factor(told["units"], "cm s-1")
    vx, vy = truth.velocity(x, y, time)
    apart = np.maximum(np.abs(fused["vx"] * factor - vx), np.abs(fused["vy"] * factor - vy))
    ice = (fused["segment_type"] == 1).to_numpy()
    freeboard = fused.loc[ice, value].to_numpy(dtype=float) - truth.freeboard(x[ice], y[ice], time[ice])
    return TruthReport(
        segments=len(fused),
        cells=int((gridded["n_segments"] > 0).sum()),
        grid_difference=_loop_difference(fused, gridded, value),
        velocity_difference=float(np.nanmax(apart)) if apart.notna().any() else math.nan,
        velocity_missing=int(apart.isna().sum()),
        freeboard_bias=float(freeboard.mean()),
        freeboard_rms=float(np.sqrt((freeboard**2).mean())),
    )


def check_truth(report: TruthReport) -> None:
    """Refuse a report that is beyond its limits.

    Raises
    ------
    TruthError
        Naming what is beyond which limit.
    """
    wrong = []
    if not report.grid_difference <= GRID_LIMIT:
        wrong.append(
            f"gridded statistics differ from a plain loop by {report.grid_difference:.2e} (limit {GRID_LIMIT})"
        )
    if not report.velocity_difference <= VELOCITY_LIMIT:
        wrong.append(f"velocity differs from the truth by {report.velocity_difference} cm/s (limit {VELOCITY_LIMIT})")
    if report.velocity_missing:
        wrong.append(f"{report.velocity_missing} segments got no velocity (limit 0)")
    if report.segments < FEWEST_SEGMENTS:
        wrong.append(f"{report.segments} segments were read (at least {FEWEST_SEGMENTS})")
    if wrong:
        raise TruthError("the sample does not reproduce its truth: " + "; ".join(wrong))


def _loop_difference(table: gpd.GeoDataFrame, gridded: xr.Dataset, value: str) -> float:
    """Return the largest relative difference of the gridded statistics from a loop over the segments."""
    cells = _loop_cells(table, Grid.from_dataset(gridded), gridded, value)
    if len(cells) != int((gridded["n_segments"] > 0).sum()):
        return math.inf
    worst = 0.0
    names = ("n_segments", "length_sum", "length_mean", f"{value}_mean", f"{value}_std", f"{value}_min", f"{value}_max")
    arrays = [gridded[name].to_numpy() for name in names]
    for place, rows in cells.items():
        for expected, array in zip(_plain_statistics(rows), arrays, strict=True):
            found = float(array[place])
            if not math.isfinite(found):
                return math.inf
            worst = max(worst, abs(found - expected) / max(abs(expected), 1.0))
    return worst


def _loop_cells(
    table: gpd.GeoDataFrame, grid: Grid, gridded: xr.Dataset, value: str
) -> dict[tuple[int, int, int], list[tuple[float, float]]]:
    """Return (length, value) of the segments of each (time, row, col), found one by one."""
    left, top = grid.transform.c, grid.transform.f
    width, height = grid.resolution
    x, y = (list(map(float, axis)) for axis in grid.project(table["longitude"], table["latitude"]))
    bounds = [(pd.Timestamp(low), pd.Timestamp(high)) for low, high in gridded["time_bnds"].to_numpy()]
    cells: dict[tuple[int, int, int], list[tuple[float, float]]] = {}
    rows = zip(x, y, table["time"], table["segment_length"].astype(float), table[value].astype(float), strict=True)
    for east, north, time, length, measured in rows:
        row, col = math.floor((top - north) / height), math.floor((east - left) / width)
        period = next(i for i, (low, high) in enumerate(bounds) if low <= time < high)
        cells.setdefault((period, row, col), []).append((length, measured))
    return cells


def _plain_statistics(rows: list[tuple[float, float]]) -> tuple[float, ...]:
    """Return count, length sum and mean, weighted mean and std, min and max, each by its definition."""
    total = math.fsum(length for length, _ in rows)
    mean = math.fsum(length * measured for length, measured in rows) / total
    variance = math.fsum(length * (measured - mean) ** 2 for length, measured in rows) / total
    values = [measured for _, measured in rows]
    return len(rows), total, total / len(rows), mean, math.sqrt(variance), min(values), max(values)
