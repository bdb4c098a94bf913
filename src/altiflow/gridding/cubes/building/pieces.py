"""Pieces: layers of a plan's sources on a part of its grid, with units and metric of the cube."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import InputError
from altiflow.gridding.cubes.building.plan import CubePlan, CubeSource
from altiflow.gridding.cubes.convert import convert_field
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.remap.patches import Patch, cut_patches
from altiflow.region import Region

__all__ = ["NAMES", "Piece", "cut_pieces", "fill_piece", "inside_region"]

NAMES = ("vx", "vy", "vx_sigma", "vy_sigma", "vxy_covariance")
"""Variables of a cube, in the order in which pieces hold them."""

_CONVERTED = ("velocity_metric", "units", "year_days", "velocity_kind")

_WINDOW = 1 << 24
"""Values of a component that are read at a time of a source of many layers, 64 MB in float32."""

_MARGIN = 4
"""Cells of a source that are read beyond a tile."""

_STACK = 1 << 20
"""Values of a component that are turned and resampled at a time: with errors and intermediate results 0.3 GB."""

_BAND = 1 << 24
"""Cells of a grid that single layers are put on at a time."""

Values = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Piece:
    """A part of a cube that is worked out, and written, as one.

    Attributes
    ----------
    sources
        Indices of the plan's sources: several of one layer, or one of many.
    rows, cols
        The part of the grid.
    """

    sources: tuple[int, ...]
    rows: slice
    cols: slice


def cut_pieces(plan: CubePlan) -> list[Piece]:
    """Return the pieces of a plan, in the order in which they are to be written.

    Single layers go a chunk's depth at a time, on bands of whole rows; a field of many layers goes all of them at a
    time, on tiles of few cells: its store is cut so that a few cells of all layers are quick to read.
    """
    depth = plan.chunks[0]
    rows, cols = plan.grid.shape
    single = [index for index, source in enumerate(plan.sources) if source.velocity.sizes["time"] == 1]
    batches: dict[int, list[int]] = {}
    for index in single:
        batches.setdefault(int(plan.sources[index].rows[0]) // depth, []).append(index)
    band = max(1, _BAND // cols)
    pieces = [
        Piece(tuple(batch), slice(top, min(top + band, rows)), slice(0, cols))
        for batch in batches.values()
        for top in range(0, rows, band)
    ]
    for index in range(len(single), len(plan.sources)):
        height, width = _tile(plan, plan.sources[index])
        for top in range(0, rows, height):
            for left in range(0, cols, width):
                tile = slice(top, min(top + height, rows)), slice(left, min(left + width, cols))
                pieces.append(Piece((index,), *tile))
    return pieces


def _tile(plan: CubePlan, source: CubeSource) -> tuple[int, int]:
    """Return rows and columns of the tiles for a source of many layers: by the cells of the source in them."""
    layers = source.velocity.sizes["time"]
    steps = [abs(float(np.diff(source.velocity[name].values[:2])[0])) for name in ("y", "x")]
    ratio = [max(cell / step, 1e-6) for cell, step in zip(plan.grid.resolution[::-1], steps, strict=True)]
    side = int(max(np.sqrt(_WINDOW / layers) - _MARGIN, 1.0))
    found = []
    for size, chunk, cells in zip(plan.grid.shape, plan.chunks[1:], ratio, strict=True):
        fit = max(1, int(side / cells))
        found.append(min(fit // chunk * chunk if fit >= chunk else fit, size))
    return found[0], found[1]


def fill_piece(
    plan: CubePlan, piece: Piece, mask: npt.NDArray[np.bool_] | None
) -> Iterator[tuple[npt.NDArray[np.intp], Values]]:
    """Yield (rows of the plan (n,), values (variables, n, rows, cols)) of a piece, a few layers at a time.

    `mask` says which cells of the whole grid are wanted; None: all. A row may come twice.
    """
    grid = plan.grid.window(piece.rows, piece.cols)
    outside = None if mask is None else ~mask[piece.rows, piece.cols]
    if len(piece.sources) > 1 or plan.sources[piece.sources[0]].velocity.sizes["time"] == 1:
        places = np.array([plan.sources[index].rows[0] for index in piece.sources])
        values = np.concatenate([_resample(plan, plan.sources[index], grid) for index in piece.sources], axis=1)
        yield places, _clip(values, outside)
        return
    source = plan.sources[piece.sources[0]]
    for first, values in _resample_long(plan, source, grid):
        yield source.rows[first : first + values.shape[1]], _clip(values, outside)


def inside_region(grid: Grid, region: Region) -> npt.NDArray[np.bool_]:
    """Return which cells (rows, cols) have their centre in the region.

    Raises
    ------
    InputError
        If none has.
    """
    inside = region.contains(*(part.ravel() for part in grid.lonlat())).reshape(grid.shape)
    if not inside.any():
        raise InputError(f"no cell of {grid!r} has its centre in the region {region}; choose another grid or region")
    return np.asarray(inside, bool)


def _clip(values: Values, outside: npt.NDArray[np.bool_] | None) -> Values:
    """Return the values with NaN in the cells that are not wanted."""
    if outside is not None:
        values[:, :, outside] = np.nan
    return values


def _resample(plan: CubePlan, source: CubeSource, grid: Grid) -> Values:
    """Return a source of one layer on the grid, (variables, 1, rows, cols)."""
    result = _room(plan, 1, grid)
    for patch in cut_patches(source.velocity, grid, source.method):
        window = _read_window(plan, source.velocity, patch)
        result[:, :, patch.rows, patch.cols] = patch.resample_stack(_stack(window, [0], plan.errors))[: len(result)]
    return _as_sigmas(result)


def _resample_long(plan: CubePlan, source: CubeSource, grid: Grid) -> Iterator[tuple[int, Values]]:
    """Yield (first layer, values (variables, n, rows, cols)) of a source of many layers on the grid."""
    windows = []
    for patch in cut_patches(source.velocity, grid, source.method):
        window = _read_window(plan, source.velocity, patch)
        windows.append((patch, window, np.isfinite(window["vx"].values).any(axis=(1, 2))))
    cells = max((window["vx"].values[0].size for _, window, _ in windows), default=1)
    cells = max(cells, grid.shape[0] * grid.shape[1])
    depth = max(1, min(plan.chunks[0], _STACK // cells))
    for first in range(0, source.velocity.sizes["time"] if windows else 0, depth):
        last = min(first + depth, source.velocity.sizes["time"])
        result = _room(plan, last - first, grid)
        for patch, window, held in windows:
            layers = first + np.flatnonzero(held[first:last])
            if layers.size:
                found = patch.resample_stack(_stack(window, layers, plan.errors))[: len(result)]
                result[:, layers - first, patch.rows, patch.cols] = found
        yield first, _as_sigmas(result)


def _stack(window: xr.Dataset, layers: npt.ArrayLike, errors: bool) -> npt.NDArray[np.float64]:
    """Return vx, vy, and their variances and covariance, (2 or 5, n, rows, cols), of layers (n,) of a window."""
    chosen = np.asarray(layers)
    vx, vy = (window[name].values[chosen].astype(float) for name in ("vx", "vy"))
    usable = np.isfinite(vx) & np.isfinite(vy)
    if "valid" in window:
        usable &= window["valid"].values[chosen].astype(bool)
    values = np.full((5 if errors else 2, *vx.shape), np.nan)
    values[0], values[1] = vx, vy
    if errors:
        for place, name in ((2, "vx_sigma"), (3, "vy_sigma")):
            if name in window:
                sigma = window[name].values[chosen].astype(float) ** 2
                values[place] = sigma[:, None, None] if sigma.ndim == 1 else sigma
        cov = window["vxy_covariance"].values[chosen] if "vxy_covariance" in window else 0.0
        values[4] = np.where(np.isfinite(values[2]) & np.isfinite(values[3]), cov, np.nan)
    values[:, ~usable] = np.nan
    return values


def _read_window(plan: CubePlan, velocity: xr.Dataset, patch: Patch) -> xr.Dataset:
    """Return the window of a field that a patch needs, in memory and in the metric and unit of the cube."""
    kept = [name for name in (*NAMES, "valid") if name in velocity]
    window = velocity[kept].assign_coords(time_bnds=velocity["time_bnds"]).assign_attrs(velocity.attrs)
    window = window.isel(y=patch.source_rows, x=patch.source_cols).load()
    attrs = plan.attrs
    if any(velocity.attrs.get(key) != attrs.get(key) for key in _CONVERTED):
        units, year = str(attrs["units"]), attrs.get("year_days")
        window = convert_field(window, metric=attrs["velocity_metric"], units=units, year_days=year)
    return window


def _room(plan: CubePlan, layers: int, grid: Grid) -> Values:
    """Return an empty array (variables, layers, rows, cols)."""
    return np.full((plan.variables, layers, *grid.shape), np.nan, dtype=np.float32)


def _as_sigmas(values: Values) -> Values:
    """Return the values with standard errors in the place of variances."""
    if len(values) > 2:
        values[2:4] = np.sqrt(values[2:4])
    return values
