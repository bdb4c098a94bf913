"""Sampling: the layers of a field at points, along the axes of another map where that is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import xarray as xr

from altiflow.gridding.remap.patches import turn_covariance
from altiflow.gridding.remap.resample import Lattice
from altiflow.gridding.vectors import apply_matrix, metric_matrix, transfer_matrix
from altiflow.readers.layers import LAYER_COORDS, is_cube
from altiflow.units import YEAR_DAYS, convert_factor

__all__ = ["PARTS", "SeriesMethod", "layer_coordinates", "merge_series", "sample_field"]

SeriesMethod = Literal["nearest", "linear"]
"""The cell a point is in, or bilinear between the four centres around it."""

Floats = npt.NDArray[np.float64]

_BLOCK = 1 << 22
"""Values that are interpolated at a time."""

PARTS = ("vx", "vy", "vx_sigma", "vy_sigma", "vxy_covariance")
"""Variables of a field that a series has, as far as the field has them."""


def sample_field(
    field: xr.Dataset, x: Floats, y: Floats, *, home: dict[str, Any], method: SeriesMethod
) -> tuple[xr.Dataset, npt.NDArray[np.bool_], Floats]:
    """Return a field at points x, y (n,) [m, home] as a series, whether each lies on it, and metres to its cell.

    `home` has the CRS, metric, unit and year that the series comes out in.
    """
    own = str(field.attrs["crs"])
    across_to = pyproj.Transformer.from_crs(home["crs"], own, always_xy=True)
    moved = across_to.transform(x, y) if own != home["crs"] else (x, y)
    across, up = (np.asarray(part, float) for part in moved)
    lattice = Lattice.from_axes(field["x"].values, field["y"].values)
    inside = lattice.contains(across, up)
    values = _read_points(field, lattice, across, up, method, inside)
    part = xr.Dataset(
        {name: (("time", "point")[: array.ndim], array) for name, array in values.items()},
        coords=layer_coordinates(field),
    )
    part.attrs = dict(field.attrs)
    part = _convert_points(part, (across, up), home)
    cells = lattice.stencil(across, up, "nearest").index[0]
    rows, cols = np.unravel_index(cells, lattice.shape)
    distance = np.hypot(across - field["x"].values[cols], up - field["y"].values[rows])
    return part, inside, np.where(inside, distance, np.nan)


def _read_points(
    field: xr.Dataset,
    lattice: Lattice,
    x: Floats,
    y: Floats,
    method: SeriesMethod,
    inside: npt.NDArray[np.bool_],
) -> dict[str, npt.NDArray[np.floating[Any]]]:
    """Return variables (time, point), or (time,), of a field at points; each chunk of its store is read once."""
    names = [name for name in PARTS if name in field]
    flat = {name: field[name].values for name in names if field[name].ndim == 1}
    spread = [name for name in names if name not in flat]
    result = {name: np.full((field.sizes["time"], x.size), np.nan, dtype=field["vx"].dtype) for name in spread}
    cells = lattice.stencil(x, y, "nearest").index[0]
    rows, cols = np.unravel_index(cells, lattice.shape)
    height, width = _chunk_sides(field)
    tiles = pd.Series(np.arange(x.size)[inside]).groupby([rows[inside] // height, cols[inside] // width])
    for points in tiles.indices.values():
        chosen = np.flatnonzero(inside)[points]
        window = lattice.window(x[chosen], y[chosen], margin=1)
        if window is not None:
            held = field[[*spread, *(["valid"] if "valid" in field else [])]].isel(y=window[0], x=window[1]).load()
            for name, values in _apply_stencil(held, spread, x[chosen], y[chosen], method):
                result[name][:, chosen] = values
    return {**result, **flat}


def _apply_stencil(
    held: xr.Dataset, names: list[str], x: Floats, y: Floats, method: SeriesMethod
) -> Iterator[tuple[str, Floats]]:
    """Yield each variable of a window in memory at points (time, n), a few layers at a time."""
    stencil = Lattice.from_axes(held["x"].values, held["y"].values).stencil(
        x, y, "nearest" if method == "nearest" else "bilinear"
    )
    usable = np.isfinite(held["vx"].values) & np.isfinite(held["vy"].values)
    if "valid" in held:
        usable &= held["valid"].values.astype(bool)
    step = max(1, _BLOCK // x.size)
    for name in names:
        values = held[name].values
        blocks = [slice(first, first + step) for first in range(0, len(values), step)]
        yield name, np.concatenate([stencil.apply(np.where(usable[part], values[part], np.nan)) for part in blocks])


def _chunk_sides(field: xr.Dataset) -> tuple[int, int]:
    """Return rows and columns of a chunk of the field's store; of the whole field where it has none."""
    chunks = field["vx"].encoding.get("chunks")
    if chunks is not None and len(chunks) == 3 and not field["vx"].variable._in_memory:
        return int(chunks[1]), int(chunks[2])
    return field.sizes["y"], field.sizes["x"]


def _convert_points(part: xr.Dataset, places: tuple[Floats, Floats], home: dict[str, Any]) -> xr.Dataset:
    """Return a series in the unit and the metric of `home`, and along the axes of its map."""
    own = part.attrs
    years = {"source_year_days": own.get("year_days", YEAR_DAYS), "target_year_days": home.get("year_days", YEAR_DAYS)}
    factor = convert_factor(str(own["units"]), str(home["units"]), **years)
    if all(own.get(key) == home.get(key) for key in ("crs", "velocity_metric")) and factor == 1.0:
        return part
    matrix = np.broadcast_to(np.eye(2) * factor, (places[0].size, 2, 2))
    if home["velocity_metric"] != own["velocity_metric"]:
        scale = metric_matrix(own["crs"], *places)
        matrix = (scale if home["velocity_metric"] == "map" else np.linalg.inv(scale)) @ matrix
    if own["crs"] != home["crs"]:
        matrix = transfer_matrix(own["crs"], home["crs"], *places, metric=home["velocity_metric"]) @ matrix
    result = part.copy()
    turned = [*apply_matrix(matrix[None], part["vx"].values, part["vy"].values)]
    if {"vx_sigma", "vy_sigma"} <= set(part.data_vars):
        known = [_spread(part, name) ** 2 for name in ("vx_sigma", "vy_sigma")]
        cov = part["vxy_covariance"].values if "vxy_covariance" in part else np.zeros_like(known[0])
        spread = turn_covariance(matrix[None], np.stack([*known, cov]))
        turned += [np.sqrt(spread[0]), np.sqrt(spread[1]), spread[2]]
    for name, values in zip(PARTS, turned, strict=False):
        result[name] = (("time", "point"), values.astype(part["vx"].dtype))
    result.attrs = {**{key: value for key, value in own.items() if key != "year_days"}, **home}
    return result


def _spread(part: xr.Dataset, name: str) -> npt.NDArray[np.floating[Any]]:
    """Return a variable of a series on (time, point), one per layer repeated where there is a velocity."""
    values = part[name].values
    return values if values.ndim == 2 else np.where(np.isfinite(part["vx"].values), values[:, None], np.nan)


def _unknown(part: xr.Dataset, name: str) -> npt.NDArray[np.floating[Any]]:
    """Return an error that a series does not have, (time, point): NaN; a covariance is 0 beside known errors."""
    known = name == "vxy_covariance" and "vx_sigma" in part
    return np.full(part["vx"].shape, 0.0 if known else np.nan, dtype=part["vx"].dtype)


def layer_coordinates(field: xr.Dataset) -> dict[str, Any]:
    """Return the coordinates of a field that belong to its layers."""
    names = ["time", "time_bnds", *(name for name in LAYER_COORDS if name in field.coords)]
    return {name: field[name].variable.load() for name in names}


def merge_series(parts: list[xr.Dataset]) -> xr.Dataset:
    """Return several series at the same points as one: an image pair that is in two of them is one layer.

    Each value is from the first series that has one.
    """
    if len(parts) == 1:
        return parts[0]
    for part in parts:
        for name in PARTS[2:]:
            if any(name in other for other in parts):
                # Where a field has no errors they are not known; that of another's stay.
                part[name] = (("time", "point"), _spread(part, name) if name in part else _unknown(part, name))
    names = set.intersection(*(set(part.variables) for part in parts))
    kept = [part.drop_vars([name for name in part.variables if name not in names]) for part in parts]
    joined = xr.concat(kept, dim="time", data_vars="all", coords="minimal", compat="override", combine_attrs="override")
    if not all(is_cube(part) for part in parts):
        return joined
    codes, _ = pd.factorize(joined["granule"].values)
    first = np.flatnonzero(~pd.Index(codes).duplicated())
    result = joined.isel(time=first)
    for index in np.setdiff1d(np.arange(codes.size), first):
        row = int(codes[index])
        free = ~np.isfinite(result["vx"].values[row])
        for name in PARTS:
            if name in result:
                result[name].values[row, free] = joined[name].values[index, free]
    return result
