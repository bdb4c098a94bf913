"""Scalars of a gridded Dataset on another grid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import EmptyDataError, InputError, NoOverlapError
from altiflow.gridding.frame import make_frame
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.remap.overlap import Overlap, overlap_cells
from altiflow.gridding.remap.resample import MIN_VALID, Lattice, Stencil
from altiflow.version import __version__

__all__ = ["RegridMethod", "regrid"]

RegridMethod: TypeAlias = Literal["conservative", "bilinear", "nearest"]
"""How values come from one grid to another."""

Floats = npt.NDArray[np.float64]

_Kind = Literal["mean", "sum", "most", "std", "min", "max", "choice"]
_ENDINGS: dict[str, _Kind] = {
    "_sum": "sum",
    "n_segments": "sum",
    "n_passes": "most",
    "n_sections": "most",
    "_std": "std",
    "_min": "min",
    "_max": "max",
    "time_first": "min",
    "time_last": "max",
}
_COUNTS = ("sum", "most")
"""Kinds that are 0 where a cell is empty."""
_COMMENTS = {
    "n_passes": "the most of the cells it is made of: a lower bound",
    "n_sections": "the most of the cells it is made of: a lower bound",
    "_median": "area mean of the medians of the cells it is made of, not the median of their segments",
    "_mad": "area mean of those of the cells it is made of, not that of their segments",
    "_mode": "area mean of the modes of the cells it is made of, not the mode of their segments",
    "_sigma": "as if the errors of the cells it is made of were the same: an upper bound",
    "_sigma_passes": "as if the errors of the cells it is made of were the same: an upper bound",
}
"""What a reader of a regridded variable must know; a coarser tally has the numbers themselves."""
_VECTORS = ("vx", "vy")
_TOLD = ("covered_area", "coverage")


def regrid(
    dataset: xr.Dataset,
    grid: Grid,
    *,
    method: RegridMethod = "conservative",
    min_coverage: float | None = None,
    cuts: int | None = None,
) -> xr.Dataset:
    """Return the scalars of a gridded Dataset on another grid.

    Parameters
    ----------
    dataset
        A gridded Dataset, dims (..., y, x).
    grid
        Where to, in any CRS.
    method
        "conservative" takes area means; "bilinear" and "nearest" take the value at the centre of the target cell,
        which skips data where the target is the coarser grid.
    min_coverage
        Least share of a target cell (conservative) or of the weight of the four neighbours (bilinear) that must
        have a value; None is 0 for conservative, any value at all, and 0.5 for bilinear. The share of a cell is
        counted in pieces, so that between lattices 0.8 is a sensible most.
    cuts
        Pieces along each side of a source cell, where the grids share no lattice; None puts eight across a target
        cell.

    Returns
    -------
    xarray.Dataset
        The same variables with their attributes, coordinates and periods. With "conservative" also
        ``covered_area`` [m2], the area of each target cell under source cells with a value, and ``coverage``, that
        over the area of the cell, at most 1.

    Raises
    ------
    InputError
        If the Dataset holds vectors (vx, vy), variables that have no mean, or an argument means nothing.
    EmptyDataError
        If every cell is empty.
    NoOverlapError
        If the grids do not meet where the data are.

    Notes
    -----
    Conservative: on one lattice with cells in whole ratio the area means are exact. Else every source cell is cut
    into pieces of known true area, and each goes to the target cell its centre falls into: the integral over the
    covered area, Σ mean x ``covered_area``, is that of the source to rounding, whatever the number of pieces, and
    means stay within the values they are of. By name or cell_methods,

    * sums (``n_segments``, ``_sum``, cell_methods "sum") are shared out by area, so counts become fractions;
      bilinear and nearest take them as densities;
    * ``<value>_std`` pools the variance within the cells and that between their means, if ``<value>_mean`` is there;
    * ``_sigma`` and ``_sigma_passes`` are Σaσ / Σa, as if the errors of the source cells were the same: an upper
      bound, since a reference surface and a pass cross several cells; ``tally.coarsen`` gives them as they are;
    * ``n_passes`` and ``n_sections`` are the most of all source cells that reach into the target cell: a lower bound;
    * ``_min``, ``_max``, ``time_first`` and ``time_last`` are those of all source cells that reach into the target;
    * ``length_mean`` is length_sum / n_segments of the target.

    Examples
    --------
    Sums are shared out, means are not:

    >>> fine = Grid.named("EASE2_N12.5km").window(slice(720, 722), slice(720, 722))
    >>> coarse = Grid.named("EASE2_N25km").window(slice(360, 361), slice(360, 361))
    >>> data = make_frame(coarse, [["2020-01-01", "2020-02-01"]])
    >>> data["freeboard_mean"] = (("time", "y", "x"), [[[0.3]]])
    >>> data["n_segments"] = (("time", "y", "x"), [[[8]]])
    >>> found = regrid(data, fine)
    >>> found.freeboard_mean.values.tolist(), found.n_segments.values.tolist()
    ([[[0.3, 0.3], [0.3, 0.3]]], [[[2.0, 2.0], [2.0, 2.0]]])
    """
    share = _check(method, min_coverage, cuts)
    layers = dataset.isel(y=slice(None, None, -1)) if _upward(dataset) else dataset
    source = Grid.from_dataset(layers)
    layers = layers.drop_vars(_TOLD, errors="ignore")
    stacks = {str(name): _stack(found) for name, found in layers.data_vars.items() if {"y", "x"} <= set(found.dims)}
    kinds = {name: _kind(name, layers[name]) for name in stacks}
    _check_kinds(kinds, method)
    if method == "conservative":
        found = _conserve(source, grid, stacks, kinds, share, cuts)
    else:
        found = _sample(source, grid, stacks, kinds, method, share)
    return _frame(layers, grid, found, method)


def _check(method: str, min_coverage: float | None, cuts: int | None) -> float:
    """Return the least share of valid area or weight."""
    if method not in ("conservative", "bilinear", "nearest"):
        raise InputError(f"method must be 'conservative', 'bilinear' or 'nearest', got {method!r}")
    if min_coverage is not None and not 0 <= min_coverage <= 1:
        raise InputError(f"min_coverage must be between 0 and 1, got {min_coverage!r}")
    if cuts is not None and cuts < 1:
        raise InputError(f"cuts must be at least 1, got {cuts!r}")
    if min_coverage is None:
        return 0.0 if method == "conservative" else MIN_VALID
    return min_coverage


def _upward(dataset: xr.Dataset) -> bool:
    """Return whether y runs from the bottom up."""
    if not {"y", "x"} <= set(dataset.dims):
        raise InputError(f"the Dataset needs dimensions y and x, got {', '.join(map(str, dataset.dims))}")
    return dataset.sizes["y"] > 1 and float(dataset["y"][0]) < float(dataset["y"][-1])


def _stack(variable: xr.DataArray) -> Floats:
    """Return the layers of a variable as columns (cells, layers)."""
    if variable.dtype.kind not in "fiubM":
        raise InputError(f"{variable.name} holds {variable.dtype}, no numbers; leave it out with Dataset.drop_vars")
    raw = variable.transpose(..., "y", "x").to_numpy()
    # Times as nanoseconds since 1970, in double precision good to a microsecond.
    values = np.where(np.isnat(raw), np.nan, raw.astype(np.int64)) if raw.dtype.kind == "M" else raw.astype(float)
    return values.reshape(-1, values.shape[-2] * values.shape[-1]).T


def _kind(name: str, variable: xr.DataArray) -> _Kind:
    """Return what a variable is, as far as it matters for putting cells together."""
    if variable.dtype == bool or "flag_meanings" in variable.attrs or name.endswith("_phase"):
        return "choice"
    if str(variable.attrs.get("cell_methods", "")).endswith(": sum"):
        return "sum"
    return next((kind for ending, kind in _ENDINGS.items() if name.endswith(ending)), "mean")


def _check_kinds(kinds: dict[str, _Kind], method: str) -> None:
    """Refuse vectors, and what has no mean unless it is taken as it is."""
    vectors = [name for name in kinds if name in _VECTORS or name.startswith(tuple(f"{one}_" for one in _VECTORS))]
    if vectors:
        raise InputError(
            f"{', '.join(vectors)} are components of vectors, which turn from map to map: use "
            f"altiflow.align_velocity for them, and Dataset.drop_vars({vectors!r}) for the rest"
        )
    choices = [name for name, kind in kinds.items() if kind == "choice"]
    if choices and method != "nearest":
        raise InputError(
            f"{', '.join(choices)} (flags or phases) have no mean: use method='nearest', or leave them out with "
            f"Dataset.drop_vars({choices!r})"
        )
    if not kinds:
        raise InputError("the Dataset has no variable on its grid")


def _conserve(
    source: Grid, target: Grid, stacks: dict[str, Floats], kinds: dict[str, _Kind], share: float, cuts: int | None
) -> dict[str, Floats]:
    """Return every stack (cells, layers) put together by area, with the area covered."""
    held = np.zeros(source.shape[0] * source.shape[1], dtype=bool)
    for stack in stacks.values():
        held |= (np.isfinite(stack) & (stack != 0)).any(axis=1)
    for name, kind in kinds.items():
        if kind not in _COUNTS:
            held |= np.isfinite(stacks[name]).any(axis=1)
    if not held.any():
        raise EmptyDataError("every cell of the Dataset is empty, so there is nothing to put on another grid")
    pieces = (cuts, cuts) if cuts and not source.same_family(target) else None
    overlap = overlap_cells(source, target, np.flatnonzero(held), cuts=pieces)
    if overlap.area.nnz == 0:
        raise NoOverlapError(f"no cell with data lies in {target!r}; choose another grid")
    values = {name: stack[overlap.cells] for name, stack in stacks.items()}
    found = {name: _combine(overlap, name, kind, values) for name, kind in kinds.items()}
    size = target.cell_area.reshape(-1, 1)
    for name, kind in kinds.items():
        if share and kind not in _COUNTS:
            thin = overlap.cover(values[name]) < share * size * (1 - 1e-9)
            found[name] = np.where(thin, np.nan, found[name])
    _quotients(found)
    area = overlap.cover(_best_covered(values, kinds))
    with np.errstate(invalid="ignore"):
        return found | {"covered_area": area, "coverage": np.where(area > 0, np.minimum(area / size, 1.0), 0.0)}


def _combine(overlap: Overlap, name: str, kind: _Kind, values: dict[str, Floats]) -> Floats:
    """Return one variable (n, layers) of the target cells."""
    own = values[name]
    if kind == "sum":
        total = overlap.share(own)
        whole = np.isfinite(own).all()
        return total if whole else np.where(overlap.cover(own) > 0, total, np.nan)
    if kind == "std":
        variance = overlap.average(own**2)
        means = values.get(f"{name.removesuffix('_std')}_mean")
        if means is not None and means.shape == own.shape:
            there = np.where(np.isfinite(own), means, np.nan)
            variance = variance + np.nan_to_num(overlap.spread(there, overlap.average(there)))
        return np.sqrt(variance)
    if kind == "most":
        return np.nan_to_num(-overlap.lowest(np.where(own > 0, -own, np.nan)))
    if kind in ("min", "max"):
        return overlap.lowest(own) if kind == "min" else -overlap.lowest(-own)
    return overlap.average(own)


def _quotients(found: dict[str, Floats]) -> None:
    """Set mean lengths per segment to the quotient of their sum and the number of segments, value by value."""
    for name in [name for name in found if name.endswith("length_mean")]:
        prefix = name.removesuffix("length_mean")
        length, number = found.get(f"{prefix}length_sum"), found.get(f"{prefix}n_segments")
        if length is not None and number is not None and length.shape == number.shape:
            empty = np.full(length.shape, np.nan)
            found[name] = np.divide(length, number, out=empty, where=np.isfinite(length) & (number > 0))


def _best_covered(values: dict[str, Floats], kinds: dict[str, _Kind]) -> Floats:
    """Return 1 where any variable but a sum has a value, else NaN, of the variables with the most layers."""
    names = [name for name, kind in kinds.items() if kind not in _COUNTS] or list(kinds)
    layers = max(values[name].shape[1] for name in names)
    chosen = [values[name] for name in names if values[name].shape[1] == layers]
    there = [np.isfinite(one) & ((one != 0) | (kinds[names[0]] not in _COUNTS)) for one in chosen]
    return np.where(np.any(there, axis=0), 1.0, np.nan)


def _sample(
    source: Grid,
    target: Grid,
    stacks: dict[str, Floats],
    kinds: dict[str, _Kind],
    method: Literal["bilinear", "nearest"],
    share: float,
) -> dict[str, Floats]:
    """Return every stack (cells, layers) at the centres of the target cells."""
    stencil = _centre_stencil(source, target, method)
    if not stencil.weight.any():
        raise NoOverlapError(f"no centre of {target!r} lies in {source!r}; choose another grid")
    per_area, area = 1.0 / source.cell_area.reshape(-1, 1), target.cell_area.reshape(-1, 1)
    apply = _applier(stencil, share)
    found = {}
    for name, stack in stacks.items():
        if kinds[name] == "sum":
            whole = np.isfinite(stack).all()
            densities = apply(stack * per_area) * area
            found[name] = np.nan_to_num(densities) if whole else densities
        else:
            found[name] = apply(stack)
    return found


def _centre_stencil(source: Grid, target: Grid, method: Literal["bilinear", "nearest"]) -> Stencil:
    """Return the stencil of the target's centres on the lattice of the source."""
    if source.crs.equals(target.crs, ignore_axis_order=True):
        x, y = np.meshgrid(target.x, target.y)
    else:
        x, y = source.project(*target.lonlat())
    return Lattice.from_axes(source.x, source.y).stencil(x, y, method)


def _applier(stencil: Stencil, share: float) -> Callable[[Floats], Floats]:
    def apply(stack: Floats) -> Floats:
        layers = [stencil.apply(layer.reshape(stencil.shape), min_valid=share) for layer in stack.T]
        return np.stack(layers, axis=1)

    return apply


def _frame(layers: xr.Dataset, grid: Grid, found: dict[str, Floats], method: str) -> xr.Dataset:
    """Return the results in a Dataset with the coordinates and attributes of the source."""
    frame = make_frame(grid, [["NaT", "NaT"]]).isel(time=0, drop=True)
    frame = frame.drop_vars("time_bnds")
    kept = {name: one for name, one in layers.coords.items() if not {"y", "x"} & set(one.dims)}
    frame = frame.assign_coords(kept)
    own = frame.attrs
    for name, variable in layers.data_vars.items():
        if str(name) in found:
            dims = tuple(dim for dim in variable.dims if dim not in ("y", "x"))
            shape = (*(layers.sizes[dim] for dim in dims), *grid.shape)
            attributes = {**variable.attrs, "grid_mapping": "crs"}
            comment = next((text for ending, text in _COMMENTS.items() if str(name).endswith(ending)), "")
            if comment and method == "conservative":
                attributes["comment"] = f"{attributes.get('comment', '')}; {comment}".removeprefix("; ")
            numbers = found[str(name)].T.reshape(shape)
            frame[name] = ((*dims, "y", "x"), _times(numbers) if variable.dtype.kind == "M" else numbers, attributes)
        elif name != "crs":
            frame[name] = variable
    _fill_coverage(frame, found)
    said = f"altiflow {__version__}: regrid(grid={grid.name!r}, {method=})"
    history = f"{said}\n{layers.attrs.get('history', '')}".strip()
    frame.attrs = {**layers.attrs, **own, "history": history, "altiflow_version": __version__}
    return frame


def _times(numbers: Floats) -> npt.NDArray[np.datetime64]:
    """Return nanoseconds since 1970 as times."""
    known = np.isfinite(numbers)
    whole = np.where(known, numbers, 0.0).astype(np.int64).astype("datetime64[ns]")
    return np.where(known, whole, np.datetime64("NaT", "ns"))


def _fill_coverage(frame: xr.Dataset, found: dict[str, Floats]) -> None:
    """Put the area covered, in all and as a share, into the frame."""
    described: dict[str, dict[str, Any]] = {
        "covered_area": {"long_name": "area of the cell under source cells with a value", "units": "m2"},
        "coverage": {"long_name": "share of the cell under source cells with a value", "units": "1"},
    }
    for name, attributes in described.items():
        if name not in found:
            continue
        like = next(
            one for one in frame.data_vars.values() if one.dims[-2:] == ("y", "x") and one.size == found[name].size
        )
        attributes |= {"grid_mapping": "crs"}
        frame[name] = (like.dims, found[name].T.reshape(like.shape), attributes)
