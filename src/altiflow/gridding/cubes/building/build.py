"""Cubes built from image pairs, cubes and mosaics of any map, on one grid."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from altiflow.errors import InputError
from altiflow.gridding.cubes.building.pieces import NAMES, Piece, cut_pieces, fill_piece, inside_region
from altiflow.gridding.cubes.building.plan import CubePlan, plan_cube
from altiflow.gridding.cubes.building.store import CubeStore, cube_frame, layer_texts
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.remap.patches import AlignMethod
from altiflow.progress import progress_bar
from altiflow.readers.field import Metric, check_field
from altiflow.readers.velocity import read_velocity
from altiflow.readers.velocity.options import Options, Period, check_options
from altiflow.readers.velocity.source import list_paths
from altiflow.region import as_region

__all__ = ["build_cube"]

_SHOWN = 3
"""Sources that are all named in the attributes of a cube; its layers name their granules themselves."""


def build_cube(
    sources: Any,
    grid: Grid,
    *,
    store: str | Path | None = None,
    region: Any = None,
    metric: Metric | None = None,
    period: Period | None = None,
    crs: Any = None,
    method: AlignMethod = "auto",
    precision: float | None = None,
    on_error: Literal["raise", "skip"] = "raise",
    replace: bool = False,
    quiet: bool = True,
) -> xr.Dataset:
    """Return a cube of all layers of the sources on one grid, vectors along the axes of its map.

    Parameters
    ----------
    sources
        Files of image pairs, Zarr cubes (paths or addresses), other velocity files, folders of them, or velocity
        fields; any mix of maps, cell sizes and lattices.
    grid
        Where to, such as ``Grid.its_live(3413, bounds=...)``.
    store
        A Zarr store to write. The same call goes on where an interrupted one stopped; the store appears when it is
        whole. None: the cube is not written, its values are dask arrays that are worked out when asked for.
    region
        Cells with their centre outside are left empty; anything :func:`altiflow.as_region` takes.
    metric
        "map" or "ground"; None where all sources have one.
    period
        (start, end): only layers that touch it; sources without one are counted (``sources_outside_period``).
    crs
        CRS of files that state none.
    method
        How values come onto the grid; see :func:`altiflow.align_velocity`.
    precision
        Keep components and sigmas as int16 in steps of this (in the cube's unit), as ITS_LIVE does with 1 m/yr; None
        is float32.
    on_error
        "skip" leaves out sources that cannot be read and names them in the attribute ``sources_failed``.
    replace
        Put the new store in the place of one that is there.
    quiet
        Show no progress bar.

    Returns
    -------
    xarray.Dataset
        A velocity field, one layer per image pair: ``vx, vy, vx_sigma, vy_sigma`` (and ``vxy_covariance``, where a
        source lies on another map) on (time, y, x), unread, with ``granule`` and what else is known of each layer.
        Single pairs come first, sorted by start, end and name; layers of cubes follow in their own order. Attributes
        say how many sources were outside the grid (``sources_outside``) or failed.

    Raises
    ------
    NoOverlapError
        If no source reaches the grid.
    FieldError
        If sources are in two metrics and `metric` is not given, or one is undated or no velocity field.
    InputError
        If something is at `store`, or an argument means nothing.
    GranuleError
        If a source cannot be read, unless `on_error` is "skip".

    Notes
    -----
    Components and covariances turn by the Jacobian of the two maps (or its rotation, for the ground metric) on the
    source lattice, then they are resampled. Units per year of different years are brought to 365.25 days. One image
    pair in two sources (neighbouring cubes, zones that overlap) is one layer: each cell is from the first source, in
    the order of the layers, that has a value there. Pieces are sized by the cells of the sources and the number of
    layers, so that some 1.5 GB is held at most. ``stable_shift_x`` and ``stable_shift_y`` are those of the source's own
    map and unit, NaN where the cube has another. Without errors in any source there are no sigmas.
    """
    if not isinstance(grid, Grid):
        raise InputError(f"grid must be a Grid, such as Grid.its_live(3413, bounds=...), got {type(grid).__name__}")
    if on_error not in ("raise", "skip"):
        raise InputError(f"on_error must be 'raise' or 'skip', got {on_error!r}")
    if precision is not None and not precision > 0:
        raise InputError(f"precision must be a positive step, or None for float32, got {precision!r}")
    target = None if store is None else Path(store)
    if target is not None and target.exists() and not replace:
        raise InputError(f"there is something at {target} already; choose another name, or pass replace=True")
    options = check_options(crs, metric, period)
    found = list_sources(sources)
    plan = plan_cube(found, grid, options=options, method=method, on_error=on_error, quiet=quiet)
    mask = None if region is None else inside_region(grid, as_region(region))
    told = _provenance(plan, len(found), options, "" if region is None else as_region(region).wkt)
    if target is None:
        return _lazy_cube(plan, mask, told)
    kept = CubeStore.begin(plan, target, precision=precision, extra=told)
    _fill_store(plan, kept, mask, quiet)
    return read_velocity(kept.publish(replace=replace))


def list_sources(sources: Any) -> list[Any]:
    """Return files, stores and fields, folders opened, each once.

    Raises
    ------
    InputError
        If there is none, or a path is not there.
    """
    given = [sources] if isinstance(sources, (str, Path, xr.Dataset)) else list(sources)
    found: list[Any] = []
    for one in given:
        if isinstance(one, xr.Dataset):
            found.append(check_field(one))
        else:
            found += [path for path in list_paths(one) if path not in found]
    if not found:
        raise InputError(f"sources={sources!r} names no velocity; give files, stores or fields")
    return found


def _fill_store(plan: CubePlan, kept: CubeStore, mask: npt.NDArray[np.bool_] | None, quiet: bool) -> None:
    """Write the pieces of a plan that are not written yet."""
    done = kept.done()
    pieces = cut_pieces(plan)
    names = [f"{n}:{piece.sources[0]}:{piece.rows.start}:{piece.cols.start}" for n, piece in enumerate(pieces)]
    waiting = [(name, piece) for name, piece in zip(names, pieces, strict=True) if name not in done]
    with progress_bar("cube", len(pieces), done=len(pieces) - len(waiting), quiet=quiet) as bar:
        for name, piece in waiting:
            for layers, values in fill_piece(plan, piece, mask):
                kept.write(layers, piece.rows, piece.cols, values)
            kept.note(name)
            bar.update()


def _provenance(plan: CubePlan, count: int, options: Options, clip: str) -> dict[str, Any]:
    """Return what the attributes of the cube say of its sources."""
    names = [source.name for source in plan.sources]
    shown = names if len(names) <= _SHOWN else [names[0], "...", names[-1]]
    told: dict[str, Any] = {
        "source": "; ".join(shown) + (f" ({len(names)} in all)" if len(names) > _SHOWN else ""),
        "sources_given": count,
        "sources_outside": len(plan.outside),
        "sources_outside_period": len(plan.untimely),
        "sources_failed": json.dumps(dict(plan.failed)),
        "layers_merged": plan.merged,
        "grid_name": plan.grid.name,
        "grid_signature": plan.grid.signature,
    }
    if clip:
        told["region"] = clip
    if options.period is not None:
        told["period"] = " to ".join(str(time)[:19] for time in options.period)
    return told


def _lazy_cube(plan: CubePlan, mask: npt.NDArray[np.bool_] | None, told: dict[str, Any]) -> xr.Dataset:
    """Return the cube as dask arrays that are worked out when asked for.

    Raises
    ------
    InputError
        If dask is not there.
    """
    try:
        import dask.array as da
        from dask.delayed import delayed
    except ImportError as error:
        raise InputError('without store= a cube is made of dask arrays: pip install "altiflow[dask]"') from error
    tiles: dict[tuple[int, ...], list[tuple[Piece, Any]]] = defaultdict(list)
    for piece in cut_pieces(plan):
        values = delayed(_whole_piece, pure=True)(plan, piece, mask)
        tiles[piece.sources].append((piece, da.from_delayed(values, _shape(plan, piece), dtype=np.float32)))
    stacks = [_join_tiles(parts) for parts in tiles.values()]
    # Pieces come in the order of their batches, which a pair that is there twice can join late.
    rows = np.concatenate([plan.sources[index].rows for batch in tiles for index in batch])
    every = _merge_rows(da.concatenate(stacks, axis=1), rows, len(plan.layers))
    cube = cube_frame(plan, told).drop_vars(["crs", "valid_cells"])
    for place, name in enumerate(NAMES[: plan.variables]):
        cube[name] = (("time", "y", "x"), every[place], layer_texts(plan, name))
    return check_field(cube)


def _whole_piece(plan: CubePlan, piece: Piece, mask: npt.NDArray[np.bool_] | None) -> npt.NDArray[np.float32]:
    """Return the values (variables, layers, rows, cols) of a piece."""
    parts = [values for _, values in fill_piece(plan, piece, mask)]
    return np.concatenate(parts, axis=1) if parts else np.full(_shape(plan, piece), np.nan, dtype=np.float32)


def _shape(plan: CubePlan, piece: Piece) -> tuple[int, int, int, int]:
    """Return the shape (variables, layers, rows, cols) of a piece."""
    layers = sum(plan.sources[index].velocity.sizes["time"] for index in piece.sources)
    return plan.variables, layers, piece.rows.stop - piece.rows.start, piece.cols.stop - piece.cols.start


def _join_tiles(parts: list[tuple[Piece, Any]]) -> Any:
    """Return the tiles of one piece of layers as one dask array on the whole grid."""
    import dask.array as da

    lines: dict[int, list[Any]] = defaultdict(list)
    for piece, values in parts:
        lines[piece.rows.start].append(values)
    return da.concatenate([da.concatenate(line, axis=3) for line in lines.values()], axis=2)


def _merge_rows(every: Any, rows: npt.NDArray[np.intp], count: int) -> Any:
    """Return layers (variables, count, ...) out of all layers of all sources, each cell from the first that has it."""
    import dask.array as da

    turn = pd.Series(rows).groupby(rows).cumcount().to_numpy()
    merged = None
    for number in range(int(turn.max()) + 1):
        chosen = np.flatnonzero(turn == number)
        source = np.zeros(count, dtype=np.intp)
        source[rows[chosen]] = chosen
        if merged is None:
            merged = every if np.array_equal(source, np.arange(len(rows))) else every[:, source]
            continue
        there = np.isin(np.arange(count), rows[chosen])[None, :, None, None]
        merged = da.where(there & ~da.isfinite(merged[:1]), every[:, source], merged)
    return merged
