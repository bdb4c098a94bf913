"""Plans: which layers a cube will have, out of which sources, on which grid and in which pieces it is worked out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import xarray as xr

from altiflow.errors import AltiflowError, FieldError, NoOverlapError
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.remap.patches import AlignMethod, PatchMethod, choose_method, reached_window
from altiflow.gridding.remap.resample import Lattice
from altiflow.readers.field import LAYER_COORDS, Metric, is_cube
from altiflow.readers.velocity.options import Options
from altiflow.readers.velocity.source import open_velocity
from altiflow.units import YEAR_DAYS

__all__ = ["CubePlan", "CubeSource", "plan_cube"]

_VALUES = 1 << 24
"""Values of one variable that are held at a time: a batch of layers on the whole grid, 64 MB in float32."""

_CHUNK = 1 << 18
"""Values in a chunk of the store, 1 MB in float32."""

_SIDES = (16, 512)
"""Shortest and longest side of a chunk [cells]."""

_LAYERS = 1024
"""Most layers in a chunk."""


@dataclass(frozen=True)
class CubeSource:
    """A field that goes into a cube.

    Attributes
    ----------
    name
        File name or source in words.
    velocity
        The field, unread where that can be.
    rows
        Row of the plan that each of its layers goes to (layers,).
    method
        How its values come onto the grid.
    """

    name: str
    velocity: xr.Dataset
    rows: npt.NDArray[np.intp]
    method: PatchMethod


@dataclass(frozen=True)
class CubePlan:
    """What a cube will be.

    Attributes
    ----------
    grid
        Its grid.
    layers
        One row per layer: granule, start, end and what else is known (``LAYER_COORDS``).
    sources
        Those that reach the grid: single layers sorted by time first, then fields of many.
    outside
        Names of sources that do not reach the grid.
    failed
        Sources that could not be opened: (name, reason).
    merged
        Layers that came from more than one source: their cells are filled from the first that has a value.
    attrs
        Attributes of the field: units, metric, year, source.
    covariance
        Whether vx and vy have correlated errors on the grid: some source lies on another map.
    """

    grid: Grid
    layers: pd.DataFrame
    sources: tuple[CubeSource, ...]
    outside: tuple[str, ...]
    failed: tuple[tuple[str, str], ...]
    merged: int
    attrs: dict[str, Any] = field(default_factory=dict)
    covariance: bool = False

    @property
    def variables(self) -> int:
        """Number of variables: two components, their sigmas, and the covariance where there is one."""
        return 5 if self.covariance else 4

    @property
    def chunks(self) -> tuple[int, int, int]:
        """Layers, rows and columns of a chunk: by the size of the cube alone."""
        cells = self.grid.shape[0] * self.grid.shape[1]
        depth = int(np.clip(_VALUES // cells, 1, min(_LAYERS, len(self.layers))))
        side = int(np.clip(np.sqrt(_CHUNK / depth), *_SIDES))
        return depth, min(side, self.grid.shape[0]), min(side, self.grid.shape[1])

    @property
    def signature(self) -> str:
        """Sixteen hex digits that name the plan: equal signatures, equal cubes."""
        told = {
            "grid": self.grid.signature,
            "layers": [*map(str, self.layers["granule"])],
            "bounds": self.layers[["start", "end"]].astype("datetime64[ns]").astype("int64").to_numpy().tolist(),
            "sources": [(one.name, one.rows.tolist(), one.method.point, one.method.points) for one in self.sources],
            "attrs": {key: str(value) for key, value in sorted(self.attrs.items())},
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def plan_cube(
    sources: Sequence[Any],
    grid: Grid,
    *,
    options: Options,
    method: AlignMethod,
    on_error: str,
) -> CubePlan:
    """Return the plan of a cube; of files and stores only what they say of themselves is read.

    Raises
    ------
    NoOverlapError
        If no source reaches the grid.
    FieldError
        If sources are in two metrics and none is asked for, or one is undated.
    AltiflowError
        What opening a source raises, unless `on_error` is "skip".
    """
    opened, failed = _open_all(sources, options, on_error)
    reaching = [one for one in opened if _reaches(one[1], grid)]
    outside = tuple(name for name, velocity in opened if not _reaches(velocity, grid))
    if not reaching:
        raise NoOverlapError(
            f"none of {len(opened)} sources reaches the grid {grid!r}; first: {_where(opened[0]) if opened else 'none'}"
        )
    reaching = _in_order(reaching)
    layers, rows, merged = _number_layers(reaching)
    attrs = _common_attributes(reaching, options.metric)
    other = [pyproj.CRS(velocity.attrs["crs"]) != grid.crs for _, velocity in reaching]
    planned = []
    for (name, velocity), numbers in zip(reaching, rows, strict=True):
        lattice = Lattice.from_axes(velocity["x"].values, velocity["y"].values)
        planned.append(CubeSource(name, velocity, numbers, choose_method(method, grid, lattice)))
    errors = any("vx_sigma" in velocity for _, velocity in reaching)
    mixed = errors and (any(other) or any(v.attrs["velocity_metric"] != attrs["velocity_metric"] for _, v in reaching))
    return CubePlan(grid, layers, tuple(planned), outside, tuple(failed), merged, attrs, mixed)


def _open_all(
    sources: Sequence[Any], options: Options, on_error: str
) -> tuple[list[tuple[str, xr.Dataset]], list[tuple[str, str]]]:
    """Return (name, field) of what opens, and (name, reason) of what does not."""
    opened, failed = [], []
    # A metric that is asked for is that of the cube: what files say of theirs stands.
    stated = replace(options, metric=None)
    for source in sources:
        own = isinstance(source, xr.Dataset)
        name = str(source.attrs["source"]) if own else Path(str(source)).name
        try:
            velocity = source if own else open_velocity(source, options=stated)
            _check_dated(velocity, name)
            opened.append((name, velocity))
        except AltiflowError as error:
            if on_error == "raise":
                raise
            failed.append((name, str(error)))
    return opened, failed


def _check_dated(velocity: xr.Dataset, name: str) -> None:
    """Raise if a field has no intervals."""
    if velocity.attrs["time_rule"] == "undated":
        raise FieldError(f"{name} is undated, and every layer of a cube is an interval; give it time_bnds first")


def _reaches(velocity: xr.Dataset, grid: Grid) -> bool:
    """Return whether a field reaches the grid."""
    lattice = Lattice.from_axes(velocity["x"].values, velocity["y"].values)
    return reached_window(lattice, pyproj.CRS(velocity.attrs["crs"]), grid) is not None


def _where(opened: tuple[str, xr.Dataset]) -> str:
    """Return name, CRS and extent of a source, in words."""
    name, velocity = opened
    x, y = velocity["x"].values, velocity["y"].values
    return f"{name}, {velocity.attrs['crs']}, x {x.min():.0f} to {x.max():.0f}, y {y.min():.0f} to {y.max():.0f} m"


def _in_order(opened: list[tuple[str, xr.Dataset]]) -> list[tuple[str, xr.Dataset]]:
    """Return single layers sorted by start, end and name, then the fields of many layers as they were given."""
    single = [one for one in opened if one[1].sizes["time"] == 1]
    keys = [(*one[1]["time_bnds"].values[0].astype("i8").tolist(), one[0]) for one in single]
    order = sorted(range(len(single)), key=lambda index: keys[index])
    return [single[index] for index in order] + [one for one in opened if one[1].sizes["time"] > 1]


def _number_layers(opened: list[tuple[str, xr.Dataset]]) -> tuple[pd.DataFrame, list[npt.NDArray[np.intp]], int]:
    """Return the layers, the rows that those of each source go to, and how many came again."""
    tables = [_layer_table(name, velocity) for name, velocity in opened]
    every = pd.concat(tables, ignore_index=True)
    codes, _ = pd.factorize(every["granule"])
    layers = every[~every["granule"].duplicated()].reset_index(drop=True)
    ends = np.cumsum([len(table) for table in tables])
    rows = [np.asarray(part, np.intp) for part in np.split(codes, ends[:-1])]
    return layers, rows, len(every) - len(layers)


def _layer_table(name: str, velocity: xr.Dataset) -> pd.DataFrame:
    """Return granule, start, end and what else is known of the layers of a field."""
    bounds = velocity["time_bnds"].values.astype("datetime64[ns]")
    table = pd.DataFrame({"start": bounds[:, 0], "end": bounds[:, 1]})
    stem = Path(name).stem
    table["granule"] = velocity["granule"].values if is_cube(velocity) else [f"{stem}#{n}" for n in range(len(bounds))]
    days = (bounds[:, 1] - bounds[:, 0]) / np.timedelta64(86_400_000_000_000, "ns")
    for coordinate, (kind, _, _) in LAYER_COORDS.items():
        if coordinate not in ("granule", "valid_cells"):
            absent = np.full(len(bounds), "") if kind == "U" else np.full(len(bounds), np.nan)
            table[coordinate] = velocity[coordinate].values if coordinate in velocity.coords else absent
    table["separation_days"] = days
    return table


def _common_attributes(opened: list[tuple[str, xr.Dataset]], metric: Metric | None) -> dict[str, Any]:
    """Return metric, unit and year that all sources come to."""
    metrics = {str(velocity.attrs["velocity_metric"]) for _, velocity in opened}
    if metric is None and len(metrics) > 1:
        raise FieldError(
            "sources are in map and in ground metres, up to 4 % apart; say which the cube is to be in: metric='map' or "
            "metric='ground'"
        )
    units = {
        (str(velocity.attrs["units"]), velocity.attrs.get("year_days"))
        for _, velocity in opened
        if velocity.attrs["velocity_kind"] == "velocity"
    }
    unit, year = units.pop() if len(units) == 1 else ("m yr-1", YEAR_DAYS) if units else ("m s-1", None)
    told = {str(velocity.attrs["metric_source"]) for _, velocity in opened}
    attrs: dict[str, Any] = {
        "units": unit,
        "velocity_metric": metric or metrics.pop(),
        "velocity_kind": "velocity",
        "time_rule": "interval_mean",
        "metric_source": told.pop() if len(told) == 1 else "assumed",
    }
    return attrs | ({"year_days": float(year)} if year is not None else {})
