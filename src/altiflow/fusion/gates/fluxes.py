"""Area, volume and mass of ice that passes a gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np
import xarray as xr

from altiflow.errors import InputError
from altiflow.fusion.gates.gate import Gate
from altiflow.fusion.gates.totals import FluxPlan, build_flux
from altiflow.fusion.gates.values import GateValue, Uncertain, as_uncertain
from altiflow.gridding.cubes import convert_field
from altiflow.gridding.remap.resample import MIN_VALID

__all__ = ["FluxTime", "area_flux", "mass_flux", "volume_flux"]

FluxTime = Literal["s", "d", "month", "yr"]
"""Times that a flux is given per: a month is 30.4375 days, a year 365.25."""

Quantity = Uncertain | GateValue


def area_flux(
    gate: Gate,
    field: xr.Dataset,
    *,
    concentration: Quantity | None = None,
    velocity_sigma: float | None = None,
    velocity_bias: float = 0.0,
    per: FluxTime | None = None,
    min_cover: float = 1.0,
) -> xr.Dataset:
    """Return the area of ice that passes a gate in a time, for every layer of a field.

    Parameters
    ----------
    gate
        The line; flow from its left to its right is positive.
    field
        A velocity field, in either metric. Displacements are divided by their intervals.
    concentration
        Share of the area that is ice, from 0 to 1; all of it where not given.
    velocity_sigma
        Standard error of a velocity component of a cell, independent between cells [the field's units]; that of the
        field where not given.
    velocity_bias
        Error of velocity along the normal that all of the gate has in common [the field's units].
    per
        "s", "d", "month" or "yr"; where not given "yr" for a field per year, "d" per day, else "month".
    min_cover
        Least share of the gate's length with all values; a layer with less has no total. What is missing counts as
        nothing, and is not made up for.

    Returns
    -------
    xarray.Dataset
        On (time, piece): ``v_normal`` on the ground [the field's units], the quantities, and ``area_flux`` of each
        piece [km2 per time]. On time: ``area_flux_total``, its ``_sigma`` (independent errors, in quadrature),
        ``_bias`` (common errors, added linearly), and ``coverage``, the share of the gate's length with values. The
        pieces have ``distance`` and ``length`` [m], ``x, y, longitude, latitude, normal_x, normal_y``. No sigma where
        no standard error is known; the attribute ``sigma_of`` says whose are in it.

    Raises
    ------
    FieldError
        If the field does not state what a velocity field must.
    InputError
        If a value has another shape than the gate, is not possible, or its layer states no CRS.
    NoOverlapError
        If no piece of the gate has all values in any layer.

    Notes
    -----
    The flux is ``F = Σ C_i v_i L_i`` over pieces i, with the velocity v on the ground along the normal, bilinear at the
    middle of the piece, its length L on the ground and the concentration C. Independent errors belong to the cells of
    the field, and cells that several pieces lean on count once: with ``v_i = Σ_k w_ik v_k`` the variance is ``Σ_k (Σ_i
    C_i L_i w_ik)² σ_k²``, or ``Σ L²[(C σ_v)² + (v σ_C)²]`` with one piece to each cell. Shorter pieces do not make it
    smaller.

    Examples
    --------
    Ten centimetres per second through 100 km of ground; the map of EPSG:3413 makes it 104 km at 60 N, and 10.4 cm/s:

    >>> import shapely
    >>> from altiflow.readers.field import build_field
    >>> axis, bounds = np.arange(-4.0, 5) * 25e3, np.array([["2020-01-01", "2020-02-01"]], "M8[ns]")
    >>> field = build_field(np.zeros((1, 9, 9)), np.full((1, 9, 9), -10.3943), x=axis, y=axis - 3332e3,
    ...                     time_bnds=bounds, crs="EPSG:3413", units="cm/s", velocity_metric="map",
    ...                     metric_source="user", source="example")
    >>> gate = Gate(shapely.LineString([(51.97e3, -3332e3), (-51.97e3, -3332e3)]), "EPSG:3413", 5e3)
    >>> flux = [area_flux(way, field, per="s").area_flux_total.item() for way in (gate, gate.reverse())]
    >>> [round(each * 1e6 / 100) * 100 for each in flux]
    [-10000, 10000]
    """
    given = {} if concentration is None else {"concentration": concentration}
    plan = _plan(
        gate,
        field,
        given,
        kind="area",
        per=per,
        min_cover=min_cover,
        velocity_sigma=velocity_sigma,
        velocity_bias=velocity_bias,
    )
    return build_flux(plan)


def volume_flux(
    gate: Gate,
    field: xr.Dataset,
    *,
    thickness: Quantity,
    concentration: Quantity | None = None,
    depth_factor: float = 1.0,
    velocity_sigma: float | None = None,
    velocity_bias: float = 0.0,
    per: FluxTime | None = None,
    min_cover: float = 1.0,
) -> xr.Dataset:
    """Return the volume of ice that passes a gate in a time, for every layer of a field.

    Parameters
    ----------
    gate, field, velocity_sigma, velocity_bias, per, min_cover
        As for :func:`area_flux`.
    thickness
        Of the ice [m]. With a `concentration` it is the mean over the ice, without one the mean over the whole area.
    concentration
        Share of the area that is ice, from 0 to 1; leave it out for glaciers and for mean thickness.
    depth_factor
        Mean velocity over depth as a share of that at the surface: 1 for sliding and floating ice, 0.8 to 0.9 where ice
        deforms over a frozen bed.

    Returns
    -------
    xarray.Dataset
        As :func:`area_flux` does, with ``thickness`` and ``volume_flux`` [km3 per time].

    Raises
    ------
    FieldError, InputError, NoOverlapError
        As :func:`area_flux` does; also if the thickness is below 0, or the factor not above 0 and up to 1.

    Notes
    -----
    ``F = Σ H_i C_i v_i L_i``, and with one piece to each cell ``σ_F² = Σ L²[(H C σ_v)² + (v H σ_C)² + (v C σ_H)²]``;
    common errors b add linearly, ``|Σ H C L| b_v + |Σ v C L| b_H + |Σ v H L| b_C``.
    """
    given = {"thickness": thickness} | ({} if concentration is None else {"concentration": concentration})
    plan = _plan(
        gate,
        field,
        given,
        kind="volume",
        per=per,
        min_cover=min_cover,
        velocity_sigma=velocity_sigma,
        velocity_bias=velocity_bias,
        depth_factor=depth_factor,
    )
    return build_flux(plan)


def mass_flux(
    gate: Gate,
    field: xr.Dataset,
    *,
    thickness: Quantity,
    density: Quantity,
    concentration: Quantity | None = None,
    depth_factor: float = 1.0,
    velocity_sigma: float | None = None,
    velocity_bias: float = 0.0,
    per: FluxTime | None = None,
    min_cover: float = 1.0,
) -> xr.Dataset:
    """Return the mass of ice that passes a gate in a time, for every layer of a field.

    Parameters
    ----------
    gate, field, thickness, concentration, depth_factor, velocity_sigma, velocity_bias, per, min_cover
        As for :func:`volume_flux`.
    density
        Of the ice [kg/m3], such as 917 for glacier ice or ``Uncertain(915, bias=10)`` for sea ice.

    Returns
    -------
    xarray.Dataset
        As :func:`area_flux` does, with ``thickness``, ``density`` and ``mass_flux`` [Gt per time].

    Raises
    ------
    FieldError, InputError, NoOverlapError
        As :func:`volume_flux` does; also if the density is not that of ice, 100 to 1100 kg/m3.

    Notes
    -----
    ``F = Σ ρ_i H_i C_i v_i L_i``; errors as those of :func:`volume_flux`.
    """
    given = {"thickness": thickness, "density": density}
    given |= {} if concentration is None else {"concentration": concentration}
    plan = _plan(
        gate,
        field,
        given,
        kind="mass",
        per=per,
        min_cover=min_cover,
        velocity_sigma=velocity_sigma,
        velocity_bias=velocity_bias,
        depth_factor=depth_factor,
    )
    return build_flux(plan)


def _plan(
    gate: Gate,
    field: xr.Dataset,
    given: Mapping[str, Quantity],
    *,
    kind: Literal["area", "volume", "mass"],
    per: FluxTime | None,
    min_cover: float,
    velocity_sigma: float | None,
    velocity_bias: float,
    depth_factor: float = 1.0,
) -> FluxPlan:
    """Return what to compute, once it is known to be possible."""
    if not isinstance(gate, Gate):
        raise InputError(
            f"gate must be a Gate, got {type(gate).__name__}; Gate.of(line, spacing=..., crs=...) makes one"
        )
    checked = convert_field(field)
    if per is not None and per not in get_args(FluxTime):
        raise InputError(f"per must be one of {get_args(FluxTime)}, got {per!r}")
    if not 0 < min_cover <= 1:
        raise InputError(f"min_cover is a share of the gate, above 0 and up to 1, got {min_cover!r}")
    if not 0 < depth_factor <= 1:
        raise InputError(f"depth_factor is a share of the surface velocity, above 0 and up to 1, got {depth_factor!r}")
    if velocity_sigma is not None and not (np.isfinite(velocity_sigma) and velocity_sigma >= 0):
        raise InputError(f"velocity_sigma is a standard error, zero or more, got {velocity_sigma!r}")
    own = str(checked.attrs["units"]).split()[1].removesuffix("-1")
    quantities = {"velocity": Uncertain(0.0, bias=velocity_bias), **given}
    return FluxPlan(
        field=checked,
        pieces=gate.pieces(checked.attrs["crs"]),
        kind=kind,
        quantities={name: as_uncertain(value, name) for name, value in quantities.items()},
        time=per or {"yr": "yr", "d": "d"}.get(own, "month"),
        min_cover=min_cover,
        velocity_sigma=velocity_sigma,
        depth_factor=depth_factor,
        min_valid=MIN_VALID,
    )
