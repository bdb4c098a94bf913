"""A velocity field on a grid and in the time bins of gridded altimetry."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import FieldError
from altiflow.fusion.fields.intervals import layer_bounds, overlap_days, time_bins
from altiflow.fusion.fields.layers import is_undated
from altiflow.gridding.frame import make_frame
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.remap.layers import has_errors, refuse_displacement
from altiflow.gridding.remap.patches import AlignMethod, Patch, PatchMethod, choose_method, cut_patches
from altiflow.gridding.remap.resample import MIN_VALID, Lattice
from altiflow.readers.field import check_field
from altiflow.version import __version__

__all__ = ["align_velocity"]

Floats = npt.NDArray[np.float64]

_TEXTS = {
    "vx": "ice velocity along the x axis of the map",
    "vy": "ice velocity along the y axis of the map",
    "vx_sigma": "standard error of vx",
    "vy_sigma": "standard error of vy",
    "valid": "whether the cell has a velocity",
    "count": "number of layers of the field that contributed",
    "overlap_days": "sum over the contributing layers of the days they share with the time bin",
}


def align_velocity(field: xr.Dataset, grid: Grid, *, time: Any = None, method: AlignMethod = "auto") -> xr.Dataset:
    """Return a velocity field on `grid`, its components along the axes of the grid's CRS.

    Parameters
    ----------
    field
        A velocity field, as :func:`~altiflow.readers.velocity.read_velocity` returns it. A lazy one is read a
        window of a layer at a time.
    grid
        Where to; any projected CRS.
    time
        None keeps the layers of the field. A gridded Dataset, bins (n, 2) or edges (n + 1,) of datetime64
        make one mean per bin of the layers that share time with it, pixel by pixel.
    method
        "bilinear" between the source centres at the centre of a cell; "nearest"; "area": the mean over the
        cell; "auto": "area" where target cells are more than twice the source cells, else "bilinear".

    Returns
    -------
    xarray.Dataset
        (time, y, x) with y from the top down: ``vx, vy`` (and ``vx_sigma, vy_sigma`` where the field has
        them), NaN where invalid, ``valid``; with time bins ``count`` and ``overlap_days`` as well. It is a
        velocity field in the units and the metric of `field`, with the CRS of the grid, and a gridded
        Dataset.

    Raises
    ------
    FieldError
        If the field does not state what a velocity field must, is a displacement, or is undated with several
        layers and time bins are asked for.
    InputError
        If `time` gives no bins, or the method is not known.

    Notes
    -----
    Vectors turn by the Jacobian ("map") or its rotation ("ground") on the source lattice, then components and
    variances are resampled. A cell needs half of its weight on valid source cells. With w the days that layer
    and bin share, over the layers valid at the pixel::

        v = sum(w v) / sum(w)        sigma = sqrt(sum((w s)²)) / sum(w)

    so errors of layers are taken to be independent, those of neighbouring source cells to be common.
    Snapshots ("instant") in the bin weigh equally and have no overlap. An undated field is the same in every
    bin, with overlap_days NaN; the result stays "undated" in bins that have dates: to be mapped, and refused
    where a dated field is needed.
    """
    checked = check_field(field)
    refuse_displacement(checked)
    lattice = Lattice.from_axes(checked["x"].values, checked["y"].values)
    how = choose_method(method, grid, lattice)
    if time is None:
        bounds = layer_bounds(checked)
        values = _align_layers(checked, grid, how)
    else:
        bounds = time_bins(time)
        values = _align_bins(checked, grid, how, bounds)
    result = _build_result(checked, grid, bounds, values)
    if time is None:
        result = result.assign_coords(time=("time", checked["time"].values, result["time"].attrs))
    result.attrs["title"] = f"Ice velocity on {grid.name}: {checked.attrs['source']}"
    result.attrs["history"] = f"altiflow {__version__}: align_velocity(method={method!r})"
    result.attrs["resample_method"] = "area" if how.points > 1 else how.point
    result.attrs["resample_min_valid"] = MIN_VALID
    result.attrs["time_method"] = "layers kept" if time is None else "mean weighted by days of overlap"
    return result


def _align_layers(field: xr.Dataset, grid: Grid, how: PatchMethod) -> dict[str, Any]:
    """Return the variables of every layer of the field on the grid."""
    layers = field.sizes["time"]
    velocity = _empty(field, layers, grid)
    for patch in cut_patches(field, grid, how):
        for layer in range(layers):
            velocity[:, layer, patch.rows, patch.cols] = patch.resample(field, layer)[: len(velocity)]
    return _named(field, velocity)


def _align_bins(field: xr.Dataset, grid: Grid, how: PatchMethod, bins: npt.ArrayLike) -> dict[str, Any]:
    """Return the variables of every time bin on the grid."""
    weights = _layer_weights(field, bins)
    shape = (weights.shape[1], *grid.shape)
    velocity = _empty(field, weights.shape[1], grid)
    count, total = np.zeros(shape, np.int32), np.zeros(shape)
    for patch in cut_patches(field, grid, how):
        place = (slice(None), patch.rows, patch.cols)
        means, count[place], total[place] = _mean_over_layers(patch, field, weights)
        velocity[(slice(None), *place)] = means[: len(velocity)]
    dated = field.attrs["time_rule"] == "interval_mean"
    return {**_named(field, velocity), "count": count, "overlap_days": total if dated else total * np.nan}


def _mean_over_layers(patch: Patch, field: xr.Dataset, weights: Floats) -> tuple[Floats, Any, Floats]:
    """Return means and variances (4, bins, rows, cols), layers and sum of weights (bins, rows, cols)."""
    shape = (weights.shape[1], patch.rows.stop - patch.rows.start, patch.cols.stop - patch.cols.start)
    sums, total, count = np.zeros((4, *shape)), np.zeros(shape), np.zeros(shape, np.int32)
    for layer in np.flatnonzero(weights.any(axis=1)):
        values = patch.resample(field, int(layer))
        valid = np.isfinite(values[0]) & np.isfinite(values[1])
        for place in np.flatnonzero(weights[layer]):
            weight = weights[layer, place]
            sums[:2, place] += np.where(valid, weight * values[:2], 0.0)
            sums[2:, place] += np.where(valid, weight**2 * values[2:4], 0.0)
            total[place] += np.where(valid, weight, 0.0)
            count[place] += valid
    known = np.where(total > 0, total, np.nan)
    return np.concatenate([sums[:2] / known, sums[2:] / known**2]), count, total


def _layer_weights(field: xr.Dataset, bins: npt.ArrayLike) -> Floats:
    """Return the weight (layers, bins) of each layer in the mean of each bin."""
    edges = np.asarray(bins)
    layers = field.sizes["time"]
    if is_undated(field):
        if layers != 1:
            raise FieldError(
                f"the field is undated and has {layers} layers, so none can be given to a time bin; "
                "pick one: field.isel(time=[0])"
            )
        return np.ones((1, len(edges)))
    if field.attrs["time_rule"] == "instant":
        stamps = np.asarray(field["time"].values).astype("datetime64[ns]")[:, None]
        return ((stamps >= edges[:, 0]) & (stamps < edges[:, 1])).astype(float)
    return overlap_days(layer_bounds(field), edges)


def _empty(field: xr.Dataset, layers: int, grid: Grid) -> Floats:
    """Return room for vx, vy (and variances), (2 or 4, layers, rows, cols), in the precision of the field."""
    dtype = np.result_type(field["vx"].dtype, np.float32)
    return np.full((4 if has_errors(field) else 2, layers, *grid.shape), np.nan, dtype=dtype)


def _named(field: xr.Dataset, velocity: Floats) -> dict[str, Any]:
    """Return the variables by name; standard errors only where the field has them."""
    named: dict[str, Any] = {"vx": velocity[0], "vy": velocity[1]}
    for place, name in ((2, "vx_sigma"), (3, "vy_sigma")):
        if name in field:
            named[name] = np.sqrt(velocity[place])
    return named | {"valid": np.isfinite(velocity[0]) & np.isfinite(velocity[1])}


def _build_result(field: xr.Dataset, grid: Grid, bounds: npt.ArrayLike, values: dict[str, Any]) -> xr.Dataset:
    """Return the Dataset of the aligned variables."""
    units = {"count": "1", "overlap_days": "days"}
    frame = make_frame(grid, np.asarray(bounds))
    for name, data in values.items():
        attrs = {"long_name": _TEXTS[name], "grid_mapping": "crs"}
        if name != "valid":
            attrs["units"] = units.get(name, str(field.attrs["units"]))
        frame[name] = (("time", "y", "x"), data, attrs)
    frame.attrs = {**field.attrs, **frame.attrs, "crs": grid.crs_name, "source_crs": field.attrs["crs"]}
    if not is_undated(field) and "count" in values:
        frame.attrs["time_rule"] = "interval_mean"
    return frame
