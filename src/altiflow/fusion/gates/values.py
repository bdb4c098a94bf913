"""Values at the pieces of a gate, and which independent errors they are made of.

Pieces closer together than the cells of a field share the errors of its cells. So each value comes with its weights on
the cells: the variance of a sum ``Σ f_i q_i`` over pieces i is ``Σ_k (Σ_i f_i w_ik)² σ_k²`` over cells k, and does not
fall as the pieces get shorter. With one piece to each cell it is ``Σ f_i² σ_i²``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import InputError
from altiflow.fusion.fields.intervals import choose_layers
from altiflow.fusion.gates.gate import GatePieces
from altiflow.gridding.grids.crs import as_crs, name_crs, transformer_between
from altiflow.gridding.remap.layers import read_covariance, read_layer
from altiflow.gridding.remap.resample import Lattice
from altiflow.gridding.vectors import convert_metric

__all__ = ["GateSample", "GateValue", "Uncertain", "as_uncertain", "normal_weights", "sample_normal", "sample_value"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

GateValue = float | npt.ArrayLike | xr.DataArray | tuple[xr.Dataset, str]
"""One number, one for each piece of the gate (n,) or (time, n), or layers (y, x) or (time, y, x): a DataArray, or a
Dataset with the name of its variable."""


@dataclass(frozen=True)
class Uncertain:
    """A quantity of a flux with its errors.

    Attributes
    ----------
    value
        One number for the whole gate; one for each piece (n,) or (time, n); or layers (y, x) or (time, y, x) that are
        bilinear between cells: a DataArray whose attribute ``crs`` says its CRS, or that has the x and y of the
        velocity, or (Dataset, name), whose grid mapping and ``time_bnds`` count. Several layers need the times of the
        velocity's, or time_bnds that hold them.
    sigma
        Standard error, of the same kind as the value or one number. It is taken as independent between pieces (an
        array) or cells (layers), and as one for the whole gate where the value is one number. None: not known.
    bias
        Error that all pieces have in common, in size.
    """

    value: GateValue
    sigma: GateValue | None = None
    bias: float = 0.0


@dataclass(frozen=True)
class GateSample:
    """A quantity at the n pieces of a gate, for one layer.

    Attributes
    ----------
    values
        (n,), NaN where there is none.
    parts
        Where independent errors come in: for each, the sources (k, n), the weights (k, n) of their errors in the
        values, and the variances of all sources (m,).
    covariances
        Of the sources of the first part with those of the second, (m,); None where there is none.
    """

    values: Floats
    parts: tuple[tuple[Ints, Floats, Floats], ...] = ()
    covariances: Floats | None = None

    def variance(self, factor: Floats) -> float:
        """Return the variance of the sum of factor (n,) times value, 0 of a factor counting as nothing."""
        used = factor != 0
        sums = [
            np.bincount(
                index[:, used].ravel(), np.nan_to_num(weight[:, used] * factor[used]).ravel(), minlength=spread.size
            )
            for index, weight, spread in self.parts
        ]
        total = 0.0
        for found, (_, _, spread) in zip(sums, self.parts, strict=True):
            known = found != 0
            total += float((found[known] ** 2 * spread[known]).sum())
        if self.covariances is not None:
            both = sums[0] * sums[1]
            total += float((2 * both * np.where(both == 0, 0.0, self.covariances)).sum())
        return total


def as_uncertain(given: Any, name: str) -> Uncertain:
    """Return a quantity with its errors, once its bias is known to be a size."""
    found = given if isinstance(given, Uncertain) else Uncertain(given)
    if not (isinstance(found.bias, int | float | np.number) and np.isfinite(found.bias) and float(found.bias) >= 0):
        raise InputError(f"the bias of {name} is the size of a common error, zero or more, got {found.bias!r}")
    return found


def normal_weights(pieces: GatePieces, metric: str) -> Floats:
    """Return a (n, 2) with ``v_n = a · (vx, vy)``: velocity on the ground along the normal from field components."""
    if metric == "ground":
        return pieces.normal
    # v_n = n · M⁻¹ v, and M is symmetric: M⁻¹ turns to the normal instead.
    n_x, n_y = pieces.normal.T
    turned = convert_metric(n_x, n_y, pieces.x, pieces.y, crs=pieces.crs, source="map", target="ground")
    return np.stack(turned, axis=-1)


def sample_normal(
    field: xr.Dataset, layer: int, pieces: GatePieces, weights: Floats, *, min_valid: float, sigma: float | None
) -> GateSample:
    """Return the velocity on the ground along the normal [the field's units], bilinear between the cells of a layer.

    Parameters
    ----------
    field
        A checked velocity field.
    layer
        Which of its layers.
    pieces
        Of the gate, in the field's CRS.
    weights
        What :func:`normal_weights` returned.
    min_valid
        Least share of the bilinear weight on valid cells.
    sigma
        Standard error of each component of a cell; None: those of the field.
    """
    lattice = Lattice.from_axes(field["x"].values, field["y"].values)
    window = lattice.window(pieces.x, pieces.y)
    if window is None:
        return GateSample(np.full(pieces.x.size, np.nan))
    found = read_layer(field, layer, *window)
    stencil = Lattice.from_axes(field["x"].values[window[1]], field["y"].values[window[0]]).stencil(pieces.x, pieces.y)
    share = stencil.shares(np.isfinite(found[0]), min_valid=min_valid)
    vx, vy = (stencil.apply(part, min_valid=min_valid) for part in found[:2])
    values = weights[:, 0] * vx + weights[:, 1] * vy
    spreads = [part.ravel() for part in found[2:]] if sigma is None else [np.full(found[0].size, sigma**2)] * 2
    if not any(np.isfinite(spread).any() for spread in spreads):
        return GateSample(values)
    parts = tuple((stencil.index, share * weights[:, axis], spreads[axis]) for axis in (0, 1))
    common = None if sigma is not None else np.broadcast_to(read_covariance(field, layer, *window), found[0].shape)
    return GateSample(values, parts, None if common is None else common.ravel())


def sample_value(quantity: Uncertain, name: str, field: xr.Dataset, layer: int, pieces: GatePieces) -> GateSample:
    """Return a quantity at the pieces of a gate, for a layer of a field.

    Raises
    ------
    InputError
        If its shape or its times do not fit.
    """
    if _is_raster(quantity.value):
        return _sample_raster(quantity, name, field, layer, pieces)
    size = pieces.x.size
    values = _at_pieces(quantity.value, name, field, layer, size)
    if quantity.sigma is None:
        return GateSample(values)
    if _is_raster(quantity.sigma):
        raise InputError(f"the sigma of {name} is a layer and its value is not; give both as layers on one grid")
    sigma = _at_pieces(quantity.sigma, f"the sigma of {name}", field, layer, size)
    one = np.ndim(np.asarray(quantity.value)) == 0
    index = np.zeros((1, size), np.intp) if one else np.arange(size)[None]
    return GateSample(values, ((index, np.ones((1, size)), sigma[:1] ** 2 if one else sigma**2),))


def _at_pieces(given: Any, name: str, field: xr.Dataset, layer: int, size: int) -> Floats:
    """Return a number, or one for each piece, as (n,)."""
    values = np.asarray(given, float)
    layers = field.sizes["time"]
    if values.shape not in ((), (size,), (layers, size)):
        raise InputError(
            f"{name} has shape {values.shape}; give one number, one for each of {size} pieces of the gate, "
            f"({layers}, {size}) for the layers too, or layers on y and x"
        )
    return np.array(np.broadcast_to(values[layer] if values.ndim == 2 else values, (size,)), float)


@dataclass(frozen=True)
class _Raster:
    """Layers on a map: (y, x) or (time, y, x), with what is known of their CRS and their intervals."""

    layers: xr.DataArray
    crs: str
    bounds: npt.NDArray[np.datetime64] | None

    @classmethod
    def of(cls, given: Any, name: str, field: xr.Dataset) -> _Raster:
        """Return the layers of a DataArray, or of a Dataset and the name of its variable."""
        source: Any = given
        if isinstance(given, tuple):
            source, variable = given
            if variable not in source:
                raise InputError(f"{name} is {variable!r}, which the Dataset has not: {', '.join(map(str, source))}")
            given = source[variable]
        if set(given.dims) - {"time", "y", "x"} or not {"y", "x"} <= set(given.dims):
            raise InputError(f"{name} has dimensions {given.dims}, it needs (y, x) or (time, y, x)")
        stated = [given.attrs.get("crs"), source.attrs.get("crs")]
        held = source.variables if isinstance(source, xr.Dataset) else source.coords
        stated += [held[word].attrs.get("crs_wkt") for word in ("crs", "spatial_ref") if word in held]
        bounds = source["time_bnds"].values if "time_bnds" in source.coords else None
        return cls(given, _known_crs(stated, given, name, field), bounds)

    def layer(self, name: str, field: xr.Dataset, layer: int, window: tuple[slice, slice]) -> Floats:
        """Return a window (rows, cols) of the layer that speaks for a layer of the field."""
        found = self.layers.isel(y=window[0], x=window[1])
        if "time" in found.dims:
            found = found.isel(time=self._index(name, field["time"].values[layer : layer + 1]))
        return np.asarray(found.transpose("y", "x").values, float)

    def _index(self, name: str, moment: npt.NDArray[np.datetime64]) -> int:
        """Return the only layer, the one whose interval holds a moment, or the one of its time."""
        if self.layers.sizes["time"] == 1:
            return 0
        if self.bounds is not None:
            index, days = choose_layers(moment, self.bounds)
            if index[0] >= 0 and days[0] == 0:
                return int(index[0])
        same = np.flatnonzero(self.layers["time"].values == moment[0])
        if self.bounds is None and same.size == 1:
            return int(same[0])
        raise InputError(
            f"{name} has no layer for {moment[0]!s} of the velocity; give a single layer, one for each time of the "
            "velocity, or (dataset, name) with time_bnds"
        )


def _known_crs(stated: list[Any], layers: xr.DataArray, name: str, field: xr.Dataset) -> str:
    """Return the CRS that is stated first, or that of the field whose cells the layers share."""
    known = next((text for text in stated if text is not None), None)
    if known is not None:
        return name_crs(as_crs(known))
    if all(layers[axis].size == field[axis].size and (layers[axis] == field[axis]).all() for axis in ("x", "y")):
        return name_crs(as_crs(field.attrs["crs"]))
    raise InputError(f"{name} states no CRS; set its attrs['crs'], such as 'EPSG:3413'")


def _is_raster(given: Any) -> bool:
    """Return whether a value is given as layers on a map."""
    return isinstance(given, xr.DataArray) or (
        isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], xr.Dataset)
    )


def _sample_raster(quantity: Uncertain, name: str, field: xr.Dataset, layer: int, pieces: GatePieces) -> GateSample:
    """Return a layer at the pieces of a gate."""
    raster = _Raster.of(quantity.value, name, field)
    x, y = pieces.x, pieces.y
    if raster.crs != pieces.crs:
        x, y = transformer_between(pieces.crs, raster.crs).transform(x, y)
    window = Lattice.from_axes(raster.layers["x"].values, raster.layers["y"].values).window(x, y)
    if window is None:
        return GateSample(np.full(x.size, np.nan))
    part = raster.layers.isel(y=window[0], x=window[1])
    stencil = Lattice.from_axes(part["x"].values, part["y"].values).stencil(x, y)
    found = raster.layer(name, field, layer, window)
    values = stencil.apply(found)
    if quantity.sigma is None:
        return GateSample(values)
    if _is_raster(quantity.sigma):
        errors = _Raster.of(quantity.sigma, f"the sigma of {name}", field)
        if errors.layers.sizes["y"] != raster.layers.sizes["y"] or errors.layers.sizes["x"] != raster.layers.sizes["x"]:
            raise InputError(f"the sigma of {name} lies on other cells than its value; give both on one grid")
        spread = errors.layer(name, field, layer, window)
    elif isinstance(quantity.sigma, int | float | np.number):
        spread = np.full(found.shape, float(quantity.sigma))
    else:
        raise InputError(f"the sigma of {name} is an array and its value a layer; give a number or a layer")
    return GateSample(values, ((stencil.index, stencil.shares(np.isfinite(found)), spread.ravel() ** 2),))
