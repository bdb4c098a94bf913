"""Prior: the displacement that a velocity field makes one expect, in pixels of the images."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyproj
import xarray as xr

from altiflow.errors import NoOverlapError
from altiflow.gridding.remap.layers import read_layer, refuse_displacement
from altiflow.gridding.remap.resample import Lattice
from altiflow.gridding.vectors import apply_matrix, convert_metric, transfer_matrix
from altiflow.readers.field import check_field
from altiflow.readers.scenes import ScenePair
from altiflow.units import YEAR_DAYS, convert_factor

__all__ = ["expect_offsets"]

Floats = npt.NDArray[np.float64]


def expect_offsets(
    field: xr.Dataset, pair: ScenePair, row: npt.ArrayLike, column: npt.ArrayLike
) -> tuple[Floats, Floats]:
    """Return the displacement (dx, dy) [px] that a velocity field gives over the interval of a pair.

    Parameters
    ----------
    field
        A velocity field on any map, in any unit and metric. Of several layers the mean counts, weighted by the days
        that each shares with the pair; where none shares any, of all layers.
    pair
        The images.
    row, column
        Lattice in pixel coordinates (rows,), (cols,); the centre of the first pixel is 0.

    Returns
    -------
    tuple
        Right and down, (rows, cols) each; NaN where the field has no value. It is what is to be found in the arrays of
        the pair: without the part of a pixel between the lattices of the images.

    Raises
    ------
    FieldError
        If it is no velocity field, or holds displacements.
    NoOverlapError
        If the field has no value on the lattice.

    Notes
    -----
    The field is sampled along its own axes, bilinearly; then each vector turns by the Jacobian between the maps
    ("map"), or by its rotation and the scale of the map of the images ("ground").
    """
    checked = check_field(field)
    refuse_displacement(checked)
    x, y = (part.ravel() for part in np.meshgrid(*_centres(pair, row, column)))
    crs = str(checked.attrs["crs"])
    at_x, at_y = pyproj.Transformer.from_crs(pair.crs, crs, always_xy=True).transform(x, y)
    lattice = Lattice.from_axes(checked["x"].values, checked["y"].values)
    window = lattice.window(at_x, at_y)
    if window is None:
        raise NoOverlapError(f"the prior ({checked.attrs['source']}) does not reach the images")
    rows, cols = window
    vx, vy = _mean_layers(checked, pair, rows, cols)
    part = Lattice.from_axes(checked["x"].values[cols], checked["y"].values[rows])
    stencil = part.stencil(at_x, at_y, "bilinear")
    along_x, along_y = stencil.apply(vx), stencil.apply(vy)
    metric = checked.attrs["velocity_metric"]
    known = np.flatnonzero(np.isfinite(along_x) & np.isfinite(along_y))
    if known.size == 0:
        raise NoOverlapError(f"the prior ({checked.attrs['source']}) has no value where the images are")
    matrix = transfer_matrix(crs, pair.crs, at_x[known], at_y[known], metric=metric)
    turned = apply_matrix(matrix, along_x[known], along_y[known])
    on_map = convert_metric(*turned, x[known], y[known], crs=pair.crs, source=metric, target="map")
    year = float(checked.attrs.get("year_days", YEAR_DAYS))
    days = convert_factor(str(checked.attrs["units"]), "m/d", source_year_days=year) * pair.separation_days
    found = np.full((2, x.size), np.nan)
    found[0, known] = on_map[0] * days / pair.pixel[0] - pair.shift[0]
    found[1, known] = -on_map[1] * days / pair.pixel[1] - pair.shift[1]
    shape = (np.size(row), np.size(column))
    return found[0].reshape(shape), found[1].reshape(shape)


def _centres(pair: ScenePair, row: npt.ArrayLike, column: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return x (cols,) and y (rows,) of a lattice [m]."""
    return pair.xy(0.0, column)[0], pair.xy(row, 0.0)[1]


def _mean_layers(field: xr.Dataset, pair: ScenePair, rows: slice, cols: slice) -> tuple[Floats, Floats]:
    """Return vx and vy of a window, means over layers weighted by the days shared with the pair."""
    weights = _shared_days(field, pair)
    total = np.zeros((2, len(range(*rows.indices(field.sizes["y"]))), len(range(*cols.indices(field.sizes["x"])))))
    weight = np.zeros(total.shape[1:])
    for layer in np.flatnonzero(weights > 0):
        values = read_layer(field, int(layer), rows, cols)[:2]
        known = np.isfinite(values[0])
        total += np.where(known, values, 0.0) * weights[layer]
        weight += known * weights[layer]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / weight
    return mean[0], mean[1]


def _shared_days(field: xr.Dataset, pair: ScenePair) -> Floats:
    """Return the weight of each layer (time,): days shared with the pair, or 1 for all where none shares any."""
    bounds = field["time_bnds"].values
    start, end = pair.time_bnds
    shared = (np.minimum(bounds[:, 1], end) - np.maximum(bounds[:, 0], start)) / np.timedelta64(1, "D")
    weights = np.where(np.isfinite(shared), np.maximum(shared, 0.0), 0.0)
    return weights if weights.any() else np.ones(len(bounds))
