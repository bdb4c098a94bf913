"""Scores: maps beside the true map, with each way of gridding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pyproj import Transformer
from scipy.ndimage import map_coordinates

from altiflow import Grid, grid_with_drift
from benchmarks.drift.tracks import freeboard_below, measured
from benchmarks.drift.world import CENTRE, ERROR, HALF, TARGET, WINDOW_DAYS, World, seconds_of, transported

__all__ = ["GRIDS", "Truth", "find_truth", "grid_all", "place_errors", "score_by_way", "score_rows", "score_windows"]

Floats = npt.NDArray[np.float64]

BIAS = 1.1
_PARTS = 8
"""Points of the true map along a 25 km cell."""


def _window(name: str) -> Grid:
    whole = Grid.named(name)
    x, y = whole.project(np.array([CENTRE[0]]), np.array([CENTRE[1]]))
    coarse = Grid.named("EASE2_N25km")
    row, col = (int(place[0]) for place in coarse.rowcol(x, y))
    reach, parts = round(HALF / coarse.resolution[0]), round(coarse.resolution[0] / whole.resolution[0])
    rows, cols = (slice(parts * (middle - reach), parts * (middle + reach)) for middle in (row, col))
    return whole.window(rows, cols)


GRIDS = {"25 km": _window("EASE2_N25km"), "6.25 km": _window("EASE2_N6.25km")}


@dataclass(frozen=True)
class Truth:
    """The freeboard at the target on points, and their means.

    Attributes
    ----------
    points
        (rows, cols) [m], evenly over the grid, from the top; NaN where the ice has no known past.
    """

    points: Floats

    def on(self, grid: Grid) -> Floats:
        """Return the mean of each cell (rows, cols); NaN unless all of its points are known."""
        parts = self.points.shape[0] // grid.shape[0]
        return self.points.reshape(grid.shape[0], parts, grid.shape[1], parts).mean(axis=(1, 3))

    def at(self, tracks: pd.DataFrame) -> Floats:
        """Return the freeboard (n,) where samples are, as if the ice stood still in the place it has at the target."""
        grid = GRIDS["25 km"]
        x, y = grid.project(tracks["longitude"].to_numpy(), tracks["latitude"].to_numpy())
        step, (west, _, _, north) = grid.resolution[0] / _PARTS, grid.bounds
        places = np.stack([(north - y) / step - 0.5, (x - west) / step - 0.5])
        return np.asarray(map_coordinates(self.points, places, order=1, mode="constant", cval=np.nan))


def _points(crs: str, parts: int) -> tuple[Floats, Floats]:
    """Return points over the grids, `parts` along a 25 km cell, each (rows, cols) [m, `crs`]."""
    grid = GRIDS["25 km"]
    west, south, east, north = grid.bounds
    step = grid.resolution[0] / parts
    x, y = np.meshgrid(np.arange(west + step / 2, east, step), np.arange(north - step / 2, south, -step))
    lonlat = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True).transform(x, y)
    x, y = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(*lonlat)
    return np.asarray(x), np.asarray(y)


def find_truth(world: World) -> Truth:
    """Return the true map at the target: points of it carried back to where their ice was laid out."""
    x, y = _points(world.motion.attrs["crs"], _PARTS)
    moment = np.full(x.size, seconds_of(world.target))
    return Truth(world.carried(x.ravel(), y.ravel(), moment).reshape(x.shape))


def place_errors(world: World, known: xr.Dataset) -> float:
    """Return how far off ice is put along an axis [km, rms] by the known motion, over half the window."""
    x, y = (part.ravel() for part in _points(known.attrs["crs"], 1))
    ends = np.full(x.size, seconds_of(world.target)), np.full(x.size, seconds_of(world.start))
    one, two = (transported(field, x, y, *ends) for field in (world.motion, known))
    both = (one.status == 0) & (two.status == 0)
    return float(np.sqrt(np.mean((one.x - two.x)[both] ** 2 + (one.y - two.y)[both] ** 2) / 2) / 1e3)


def grid_all(
    world: World, truth: Truth, known: xr.Dataset, tracks: pd.DataFrame, rho: float, rng: np.random.Generator
) -> Iterator[tuple[str, dict[str, xr.Dataset]]]:
    """Yield each grid's name with the Datasets by the motion that they were corrected with."""
    table = measured(tracks, freeboard_below(tracks, world), rng)
    still = measured(tracks, truth.at(tracks), rng)
    biased = known.assign(vx=known["vx"] * BIAS, vy=known["vy"] * BIAS)
    common = {"target": world.target, "window": f"{WINDOW_DAYS}D", "value": "freeboard"}
    for name, grid in GRIDS.items():
        yield (
            name,
            {
                "known": grid_with_drift(table, known, grid, mode="both", sigma=f"{ERROR} km d-1", rho=rho, **common),
                "true": grid_with_drift(table, world.motion, grid, dt="12h", time_rule="constant", **common),
                "biased": grid_with_drift(table, biased, grid, **common),
                "still": grid_with_drift(still, None, grid, mode="eulerian", **common),
            },
        )


def score_rows(found: dict[str, xr.Dataset], truth: Floats) -> list[dict[str, float | str]]:
    """Return a row of scores for each way; errors are of the cells that all ways and the truth have."""
    maps = {
        "Eulerian": found["known"]["freeboard_mean_eulerian"],
        "drift-aware, realistic motion": found["known"]["freeboard_mean"],
        "drift-aware, realistic motion 10 % too fast": found["biased"]["freeboard_mean"],
        "drift-aware, true motion": found["true"]["freeboard_mean"],
        "no motion at all (noise floor)": found["still"]["freeboard_mean"],
    }
    values = {name: data.values[0] for name, data in maps.items()}
    common = np.isfinite(truth) & np.all([np.isfinite(each) for each in values.values()], axis=0)
    rows: list[dict[str, float | str]] = []
    for name, each in values.items():
        share = np.isfinite(each[np.isfinite(truth)]).mean()
        rows.append({"way": name, **_errors(each[common], truth[common]), "share": float(share)})
    stated = found["known"]["freeboard_sigma_total"].values[0]
    known = common & np.isfinite(stated)
    within = np.abs(values["drift-aware, realistic motion"] - truth)[known] <= stated[known]
    rows[1] |= {"stated": float(np.sqrt(np.mean(stated[known] ** 2))), "within": float(within.mean())}
    return rows


def score_by_way(found: xr.Dataset, truth: Floats) -> list[dict[str, float | str]]:
    """Return the errors of both ways by how far the ice of a cell was moved."""
    moved = found["displacement_mean"].values[0] / 1e3
    rows: list[dict[str, float | str]] = []
    edges = (0.0, 10.0, 20.0, 30.0, 40.0, np.inf)
    for low, high in pairwise(edges):
        here = (moved >= low) & (moved < high)
        told = f"{low:.0f} to {high:.0f} km" if np.isfinite(high) else f"beyond {low:.0f} km"
        rows.append({"moved": told, **_both(found, truth, here)})
    return rows


def score_windows(known: xr.Dataset, table: pd.DataFrame, truth: Floats) -> list[dict[str, float | str]]:
    """Return the errors of both ways by the length of the window, at 25 km."""
    rows: list[dict[str, float | str]] = []
    for days in (1, 3, 7, WINDOW_DAYS):
        found = grid_with_drift(
            table, known, GRIDS["25 km"], target=TARGET, window=f"{days}D", value="freeboard", mode="both"
        )
        share = np.isfinite(found["freeboard_mean"].values[0][np.isfinite(truth)]).mean()
        rows.append({"window": f"{days} d", **_both(found, truth, np.isfinite(truth)), "share": float(share)})
    return rows


def _both(found: xr.Dataset, truth: Floats, here: npt.NDArray[np.bool_]) -> dict[str, float]:
    """Return number of cells and errors of both ways, of the cells that both have."""
    one, two = (found[name].values[0] for name in ("freeboard_mean_eulerian", "freeboard_mean"))
    common = here & np.isfinite(truth) & np.isfinite(one) & np.isfinite(two)
    scores = {"cells": int(common.sum())}
    for name, each in (("eulerian", one), ("drift", two)):
        scores |= {f"{name}_{key}": value for key, value in _errors(each[common], truth[common]).items()}
    return scores


def _errors(values: Floats, truth: Floats) -> dict[str, float]:
    """Return root mean square error [m] and correlation."""
    return {
        "rmse": float(np.sqrt(np.mean((values - truth) ** 2))),
        "correlation": float(np.corrcoef(values, truth)[0, 1]),
    }
