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

from altiflow.errors import AltiflowError, EmptyDataError, FieldError, NoOverlapError
from altiflow.gridding.cubes.building.stamps import field_stamp, file_stamp
from altiflow.gridding.grids.crs import transformer_between
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.remap.patches import AlignMethod, PatchMethod, choose_method, reached_window
from altiflow.gridding.remap.resample import Lattice
from altiflow.progress import progress_bar
from altiflow.readers.field import Metric
from altiflow.readers.layers import LAYER_COORDS, is_cube
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

_STATED = ("crs", "velocity_metric", "units", "velocity_kind")

_CHECKED = 1 << 20
"""Cells of a grid in which it is looked for one that a source really holds."""

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
    stamp
        Path, size and time of the file; "" where there is none: then its content tells it.
    """

    name: str
    velocity: xr.Dataset
    rows: npt.NDArray[np.intp]
    method: PatchMethod
    stamp: str = ""

    @property
    def identity(self) -> list[Any]:
        """What tells this source from any other, or from itself with another content or other options."""
        told = {key: str(self.velocity.attrs.get(key)) for key in (*_STATED, "year_days")}
        axes = [self.velocity[name].values[[0, -1]].tolist() for name in ("x", "y")]
        stamp = self.stamp or field_stamp(self.velocity)
        return [self.name, stamp, told, axes, self.rows.tolist(), self.method.point, self.method.points]


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
    untimely
        Names of sources without a layer in the period.
    failed
        Sources that could not be opened: (name, reason).
    merged
        Layers that came from more than one source: their cells are filled from the first that has a value.
    attrs
        Attributes of the field: units, metric, year, source.
    errors, covariance
        Whether any source has standard errors, and whether those of vx and vy are correlated on the grid: some source
        lies on another map, or has a covariance itself.
    """

    grid: Grid
    layers: pd.DataFrame
    sources: tuple[CubeSource, ...]
    outside: tuple[str, ...]
    untimely: tuple[str, ...]
    failed: tuple[tuple[str, str], ...]
    merged: int
    attrs: dict[str, Any] = field(default_factory=dict)
    errors: bool = True
    covariance: bool = False

    @property
    def variables(self) -> int:
        """Number of variables: two components, their sigmas and the covariance, as far as there are any."""
        return 5 if self.covariance else 4 if self.errors else 2

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
            "sources": [one.identity for one in self.sources],
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
    quiet: bool = True,
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
    opened, untimely, failed = _open_all(sources, options, on_error, quiet)
    reaching = [one for one in opened if _reaches(one.velocity, grid)]
    outside = tuple(one.name for one in opened if not any(one is other for other in reaching))
    if not reaching:
        first = f"; first: {_where(opened[0])}" if opened else ""
        late = f", {len(untimely)} have no layer in the period" if untimely else ""
        raise NoOverlapError(f"none of {len(sources)} sources reaches the grid {grid!r}{late}{first}")
    reaching = _in_order(reaching)
    attrs = _common_attributes(reaching, options.metric)
    layers, rows, merged = _number_layers(reaching, grid, attrs)
    planned = []
    for one, numbers in zip(reaching, rows, strict=True):
        lattice = Lattice.from_axes(one.velocity["x"].values, one.velocity["y"].values)
        planned.append(CubeSource(one.name, one.velocity, numbers, choose_method(method, grid, lattice), one.stamp))
    errors = any(_has_sigmas(one.velocity) for one in reaching)
    turned = any(
        "vxy_covariance" in one.velocity
        or pyproj.CRS(one.velocity.attrs["crs"]) != grid.crs
        or one.velocity.attrs["velocity_metric"] != attrs["velocity_metric"]
        for one in reaching
    )
    return CubePlan(
        grid,
        layers,
        tuple(planned),
        outside,
        untimely,
        failed,
        merged,
        attrs,
        errors=errors,
        covariance=errors and turned,
    )


@dataclass(frozen=True)
class _Opened:
    """A source that opened: its name, its field, and what tells its content."""

    name: str
    velocity: xr.Dataset
    stamp: str


def _open_all(
    sources: Sequence[Any], options: Options, on_error: str, quiet: bool
) -> tuple[list[_Opened], tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return what opens, the names of what has no layer in the period, and (name, reason) of what does not open."""
    opened, untimely, failed = [], [], []
    # A metric that is asked for is that of the cube: what files say of theirs stands.
    stated = replace(options, metric=None)
    with progress_bar("open", len(sources), quiet=quiet) as bar:
        for source in sources:
            bar.update()
            name = str(source.attrs["source"]) if isinstance(source, xr.Dataset) else Path(str(source)).name
            try:
                opened.append(_open(source, name, stated))
            except EmptyDataError:
                untimely.append(name)
            except AltiflowError as error:
                if on_error == "raise":
                    raise
                failed.append((name, str(error)))
    return opened, tuple(untimely), tuple(failed)


def _open(source: Any, name: str, options: Options) -> _Opened:
    """Return a source that opens: a field itself, its layers in the period, or one that is unread."""
    if not isinstance(source, xr.Dataset):
        velocity = open_velocity(source, options=options)
        _check_dated(velocity, name)
        return _Opened(name, velocity, file_stamp(source))
    _check_dated(source, name)
    return _Opened(name, source.isel(time=options.touching(source["time_bnds"].values, name)), "")


def _has_sigmas(velocity: xr.Dataset) -> bool:
    """Return whether a field gives any standard error; those on a grid are not read for it."""
    found = [velocity[name] for name in ("vx_sigma", "vy_sigma") if name in velocity]
    return any(one.ndim > 1 or bool(np.isfinite(one.values).any()) for one in found)


def _check_dated(velocity: xr.Dataset, name: str) -> None:
    """Raise if a field has no intervals."""
    if velocity.attrs["time_rule"] == "undated":
        raise FieldError(f"{name} is undated, and every layer of a cube is an interval; give it time_bnds first")


def _reaches(velocity: xr.Dataset, grid: Grid) -> bool:
    """Return whether a field reaches the grid: of small meetings, whether any cell has its centre in the field."""
    lattice = Lattice.from_axes(velocity["x"].values, velocity["y"].values)
    source = pyproj.CRS(velocity.attrs["crs"])
    window = reached_window(lattice, source, grid)
    if window is None:
        return False
    rows, cols = window
    if (rows.stop - rows.start) * (cols.stop - cols.start) > _CHECKED:
        return True
    x, y = np.meshgrid(grid.x[cols], grid.y[rows])
    back = transformer_between(grid.crs.to_wkt(), source.to_wkt())
    return bool(lattice.contains(*back.transform(x.ravel(), y.ravel())).any())


def _where(opened: _Opened) -> str:
    """Return name, CRS and extent of a source, in words."""
    x, y = opened.velocity["x"].values, opened.velocity["y"].values
    crs = opened.velocity.attrs["crs"]
    return f"{opened.name}, {crs}, x {x.min():.0f} to {x.max():.0f}, y {y.min():.0f} to {y.max():.0f} m"


def _in_order(opened: list[_Opened]) -> list[_Opened]:
    """Return single layers sorted by start, end and name, then the fields of many layers as they were given."""
    single = [one for one in opened if one.velocity.sizes["time"] == 1]
    single.sort(key=lambda one: (*one.velocity["time_bnds"].values[0].astype("i8").tolist(), one.name, one.stamp))
    return single + [one for one in opened if one.velocity.sizes["time"] > 1]


def _number_layers(
    opened: list[_Opened], grid: Grid, attrs: dict[str, Any]
) -> tuple[pd.DataFrame, list[npt.NDArray[np.intp]], int]:
    """Return the layers, the rows that those of each source go to, and how many came again.

    Image pairs of one granule are one layer; layers that are no image pairs are one each, whatever they are called.
    """
    tables: list[pd.DataFrame] = []
    taken: set[str] = set()
    for one in opened:
        table = _layer_table(one, grid, attrs)
        if not is_cube(one.velocity):
            table["granule"] = [_free_name(name, taken) for name in table["granule"]]
        taken.update(table["granule"])
        tables.append(table)
    every = pd.concat(tables, ignore_index=True)
    codes, _ = pd.factorize(every["granule"])
    layers = every[~every["granule"].duplicated()].reset_index(drop=True)
    ends = np.cumsum([len(table) for table in tables])
    rows = [np.asarray(part, np.intp) for part in np.split(codes, ends[:-1])]
    return layers, rows, len(every) - len(layers)


def _free_name(name: str, taken: set[str]) -> str:
    """Return a name that is not taken, with a number behind it if it has to be."""
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name}~{number}"
    return found


def _layer_table(one: _Opened, grid: Grid, attrs: dict[str, Any]) -> pd.DataFrame:
    """Return granule, start, end and what else is known of the layers of a field."""
    velocity = one.velocity
    bounds = velocity["time_bnds"].values.astype("datetime64[ns]")
    table = pd.DataFrame({"start": bounds[:, 0], "end": bounds[:, 1]})
    stem = Path(one.name).stem
    table["granule"] = velocity["granule"].values if is_cube(velocity) else [f"{stem}#{n}" for n in range(len(bounds))]
    days = (bounds[:, 1] - bounds[:, 0]) / np.timedelta64(86_400_000_000_000, "ns")
    same = all(velocity.attrs.get(key) == attrs.get(key) for key in ("velocity_metric", "units", "year_days"))
    same = same and pyproj.CRS(velocity.attrs["crs"]) == grid.crs
    for coordinate, (kind, _, _) in LAYER_COORDS.items():
        if coordinate not in ("granule", "valid_cells"):
            kept = coordinate in velocity.coords and (same or coordinate not in ("stable_shift_x", "stable_shift_y"))
            absent = np.full(len(bounds), "") if kind == "U" else np.full(len(bounds), np.nan)
            table[coordinate] = velocity[coordinate].values if kept else absent
    table["separation_days"] = days
    return table


def _common_attributes(opened: list[_Opened], metric: Metric | None) -> dict[str, Any]:
    """Return metric, unit and year that all sources come to."""
    metrics = {str(one.velocity.attrs["velocity_metric"]) for one in opened}
    if metric is None and len(metrics) > 1:
        raise FieldError(
            "sources are in map and in ground metres, up to 4 % apart; say which the cube is to be in: metric='map' or "
            "metric='ground'"
        )
    units = {
        (str(one.velocity.attrs["units"]), one.velocity.attrs.get("year_days"))
        for one in opened
        if one.velocity.attrs["velocity_kind"] == "velocity"
    }
    unit, year = units.pop() if len(units) == 1 else ("m yr-1", YEAR_DAYS) if units else ("m s-1", None)
    told = {str(one.velocity.attrs["metric_source"]) for one in opened}
    attrs: dict[str, Any] = {
        "units": unit,
        "velocity_metric": metric or metrics.pop(),
        "velocity_kind": "velocity",
        "time_rule": "interval_mean",
        "metric_source": told.pop() if len(told) == 1 else "assumed",
    }
    return attrs | ({"year_days": float(year)} if year is not None else {})
