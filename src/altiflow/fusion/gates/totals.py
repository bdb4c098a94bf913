"""Totals over the pieces of a gate, layer by layer, with independent and common errors apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import InputError, NoOverlapError
from altiflow.fusion.gates.gate import GatePieces
from altiflow.fusion.gates.values import GateSample, Uncertain, normal_weights, sample_normal, sample_value
from altiflow.readers.layers import LAYER_COORDS
from altiflow.units import YEAR_DAYS, convert_factor, flux_factor
from altiflow.version import __version__

__all__ = ["FluxPlan", "build_flux"]

Floats = npt.NDArray[np.float64]

_AMOUNTS = {"area": ("m2", "km2"), "volume": ("m3", "km3"), "mass": ("kg", "Gt")}
_LIMITS = {
    "concentration": (0.0, 1.0, "a share from 0 to 1; divide percent by 100"),
    "thickness": (0.0, 1e4, "a thickness from 0 to 10,000 m"),
    "density": (100.0, 1100.0, "a density of ice in kg/m3, from 100 to 1100"),
}
_UNITS = {"concentration": "1", "thickness": "m", "density": "kg m-3"}
_ROUNDING = 1e-9
"""Slack of values at a limit, and of the share of a gate."""


@dataclass(frozen=True)
class FluxPlan:
    """What flux to compute.

    Attributes
    ----------
    field
        A checked velocity field.
    pieces
        Of the gate, on the field's map.
    kind
        Of what.
    quantities
        By name: velocity, of which only the bias counts, and what it is multiplied by.
    time
        That the flux is given per.
    min_cover, velocity_sigma, depth_factor, min_valid
        As the functions of :mod:`~altiflow.fusion.gates.fluxes` say.
    """

    field: xr.Dataset
    pieces: GatePieces
    kind: Literal["area", "volume", "mass"]
    quantities: Mapping[str, Uncertain]
    time: str
    min_cover: float
    velocity_sigma: float | None
    depth_factor: float
    min_valid: float

    @property
    def unit(self) -> str:
        """Unit of the flux."""
        return f"{_AMOUNTS[self.kind][1]} {self.time}-1"

    @property
    def scale(self) -> float:
        """The number that turns field units times metres (times kg/m3) into the unit of the flux."""
        attrs = self.field.attrs
        year = float(attrs.get("year_days", YEAR_DAYS))
        per_second = convert_factor(str(attrs["units"]), "m s-1", source_year_days=year)
        return per_second * self.depth_factor * flux_factor(f"{_AMOUNTS[self.kind][0]} s-1", self.unit)


@dataclass(frozen=True)
class _Layer:
    """The flux of one layer: values of each piece (n,) by name, the flux of each (n,), and what holds for the total."""

    values: dict[str, Floats]
    flux: Floats
    total: float
    sigma: float
    bias: float
    coverage: float
    known_errors: frozenset[str]


def build_flux(plan: FluxPlan) -> xr.Dataset:
    """Return the flux of every layer.

    Raises
    ------
    InputError
        If a value at the gate is not possible.
    NoOverlapError
        If no piece has all values in any layer.
    """
    weights = normal_weights(plan.pieces, str(plan.field.attrs["velocity_metric"]))
    layers = [_layer_flux(plan, layer, weights) for layer in range(plan.field.sizes["time"])]
    if not any(layer.coverage > 0 for layer in layers):
        lacking = [name for name in layers[0].values if not any(np.isfinite(one.values[name]).any() for one in layers)]
        raise NoOverlapError(
            f"no piece of the gate has all values in any layer ({', '.join(lacking) or 'not one of them at one place'} "
            "missing all along it); check where the gate and the data lie, or min_cover"
        )
    return _build_result(plan, layers)


def _layer_flux(plan: FluxPlan, layer: int, weights: Floats) -> _Layer:
    """Return the flux of one layer."""
    pieces = plan.pieces
    samples: dict[str, GateSample] = {
        "velocity": sample_normal(
            plan.field, layer, pieces, weights, min_valid=plan.min_valid, sigma=plan.velocity_sigma
        )
    }
    for name, quantity in plan.quantities.items():
        if name != "velocity":
            samples[name] = sample_value(quantity, name, plan.field, layer, pieces)
            _check_limits(samples[name].values, name)
    values = {name: sample.values for name, sample in samples.items()}
    product = np.prod(list(values.values()), axis=0)
    known = np.isfinite(product)
    flux = np.where(known, product * pieces.length * plan.scale, np.nan)
    variance, bias = 0.0, 0.0
    told = frozenset(name for name, sample in samples.items() if sample.parts)
    for name, sample in samples.items():
        others = [data for other, data in values.items() if other != name]
        factor = np.where(known, np.prod([pieces.length, *others], axis=0) * plan.scale, 0.0)
        variance += sample.variance(factor)
        bias += abs(float(factor.sum())) * plan.quantities[name].bias
    coverage = float(pieces.length[known].sum() / pieces.length.sum())
    enough = coverage > 0 and coverage >= plan.min_cover - _ROUNDING
    totals = (float(flux[known].sum()), float(np.sqrt(variance)) if told else np.nan, bias)
    total, sigma, bias = totals if enough else (np.nan, np.nan, np.nan)
    return _Layer(values, flux, total, sigma, bias, coverage, told)


def _check_limits(values: Floats, name: str) -> None:
    """Raise if a value at the gate is not possible."""
    low, high, meaning = _LIMITS[name]
    wrong = (values < low - _ROUNDING) | (values > high + _ROUNDING)
    if wrong.any():
        raise InputError(f"{name} is {values[wrong][0]:g} at {int(wrong.sum())} pieces of the gate; it is {meaning}")


def _build_result(plan: FluxPlan, layers: list[_Layer]) -> xr.Dataset:
    """Return the Dataset of the flux."""
    name = f"{plan.kind}_flux"
    result = xr.Dataset(coords=_coordinates(plan))
    texts = {"velocity": "velocity on the ground across the gate, positive from its left to its right"}
    for quantity in layers[0].values:
        data = np.stack([layer.values[quantity] for layer in layers])
        called = "v_normal" if quantity == "velocity" else quantity
        attrs = {"units": _UNITS.get(quantity, plan.field.attrs["units"]), "long_name": texts.get(quantity, quantity)}
        result[called] = (("time", "piece"), data, attrs)
    text = f"{plan.kind} of ice that passes"
    rows = {"units": plan.unit, "long_name": f"{text} the piece"}
    result[name] = (("time", "piece"), np.stack([layer.flux for layer in layers]), rows)
    told = sorted(frozenset[str]().union(*(layer.known_errors for layer in layers)))
    series = {f"{name}_total": ([layer.total for layer in layers], f"{text} the gate, positive from left to right")}
    if told:
        series[f"{name}_sigma"] = ([layer.sigma for layer in layers], "standard error by independent errors")
    series[f"{name}_bias"] = ([layer.bias for layer in layers], "error by common errors, added linearly")
    for called, (numbers, meaning) in series.items():
        result[called] = ("time", np.array(numbers), {"units": plan.unit, "long_name": meaning})
    shares = np.array([layer.coverage for layer in layers])
    result["coverage"] = ("time", shares, {"units": "1", "long_name": "share of the gate's length with all values"})
    return result.assign_attrs(_attributes(plan, told))


def _coordinates(plan: FluxPlan) -> dict[str, object]:
    """Return the coordinates of layers and pieces."""
    pieces = plan.pieces
    kept = [name for name in ("time", "time_bnds", *LAYER_COORDS) if name in plan.field.coords]
    places = {
        "distance": (pieces.distance, "m", "distance of the middle of the piece along the gate on the ground"),
        "length": (pieces.length, "m", "length of the piece on the ground"),
        "x": (pieces.x, "m", "x of the map"),
        "y": (pieces.y, "m", "y of the map"),
        "longitude": (pieces.longitude, "degrees_east", "longitude"),
        "latitude": (pieces.latitude, "degrees_north", "latitude"),
        "normal_x": (pieces.normal[:, 0], "1", "unit normal to the right, on the ground, along x of the map"),
        "normal_y": (pieces.normal[:, 1], "1", "unit normal to the right, on the ground, along y of the map"),
    }
    coords: dict[str, object] = {name: plan.field.coords[name] for name in kept}
    for name, (data, unit, text) in places.items():
        coords[name] = ("piece", data, {"units": unit, "long_name": text})
    return coords


def _attributes(plan: FluxPlan, told: list[str]) -> dict[str, object]:
    """Return what holds for all of the flux."""
    attrs: dict[str, object] = {
        name: plan.field.attrs[name] for name in ("crs", "velocity_metric", "metric_source", "time_rule", "source")
    }
    if "year_days" in plan.field.attrs:
        attrs["year_days"] = plan.field.attrs["year_days"]
    return attrs | {
        "title": f"{plan.kind.capitalize()} flux through a gate: {plan.field.attrs['source']}",
        "history": f"altiflow {__version__}: {plan.kind}_flux",
        "sign": "positive from the left to the right of the gate, from its start to its end",
        "gate_length_m": float(plan.pieces.length.sum()),
        "depth_factor": plan.depth_factor,
        "min_cover": plan.min_cover,
        "sigma_of": " ".join(told) or "none",
        "biases": ", ".join(f"{name} {quantity.bias:g}" for name, quantity in plan.quantities.items()),
    }
