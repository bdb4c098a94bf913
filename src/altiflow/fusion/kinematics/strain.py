"""Strain rates, divergence, shear and vorticity of a velocity field, on the ground."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import InputError
from altiflow.fusion.fields.layers import has_errors, read_layer
from altiflow.fusion.kinematics.ground import MetricSlopes, gradient_operator
from altiflow.fusion.kinematics.invariants import STRAIN_NAMES, STRAIN_TEXTS, Gradient, StrainName, measure
from altiflow.fusion.kinematics.noise import warn_of_drift_noise, warn_of_rounding
from altiflow.fusion.kinematics.planes import Fit, Planes, Window, fit_layer
from altiflow.fusion.kinematics.windows import (
    RateUnit,
    choose_window,
    rate_factor,
    rate_unit,
)
from altiflow.gridding.cubes import convert_field
from altiflow.gridding.frame import crs_variable
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.remap.resample import Lattice
from altiflow.gridding.vectors import metric_matrix
from altiflow.readers.layers import LAYER_COORDS
from altiflow.units import YEAR_DAYS
from altiflow.version import __version__

__all__ = ["measure_rates", "strain_rates"]

Floats = npt.NDArray[np.float64]

_CELLS = 200_000
"""Cells worked on at a time: each takes about a kilobyte."""


def strain_rates(
    field: xr.Dataset,
    *,
    window: int | None = None,
    window_m: float | None = None,
    fit: Fit = "plane",
    min_valid: float = 1.0,
    names: Sequence[StrainName] = STRAIN_NAMES,
    units: RateUnit | None = None,
) -> xr.Dataset:
    """Return the strain rates, divergence and vorticity of the ice on the ground, with their standard errors.

    Parameters
    ----------
    field
        A velocity field, in either metric. Displacements are divided by their intervals first.
    window
        Cells, odd, through which a plane is fitted to each component. By default 3; 11 where the components come in
        whole m/yr, as ITS_LIVE's image pairs and cubes do: their rounding alone, 0.29 m/yr, gives 1.7e-3 per year
        between neighbours 240 m apart. Attribute ``window`` says what was used and why.
    window_m
        The same in metres of the map, to the nearest odd number of cells.
    fit
        "plane": least squares over the window. "central": differences of the cells on either side.
    min_valid
        Least share of the window that must be valid, above 0.5. With 1, all of it: a one-sided difference at the ice
        edge makes up divergence. Below 1 the plane is that of the valid cells; the cell itself is always one.
    names
        Which quantities, see Notes.
    units
        "s-1", "d-1" or "yr-1" (of 365.25 days); by default the time of the field's own unit.

    Returns
    -------
    xarray.Dataset
        On (time, y, x) of the field: the quantities, ``<name>_sigma`` where the field has standard errors, and
        ``n_valid``, the valid cells of the window. NaN where the window is not valid enough.

    Raises
    ------
    FieldError
        If the field does not state what a velocity field must, or is a displacement without an interval.
    InputError
        If the window, a name or the unit is not one.

    Warns
    -----
    ScienceWarning
        If components come in whole m/yr and the window asked for does not smooth their rounding below 1e-4 per year; if
        the divergence of layers of up to two days over cells of 10 km or more is mostly below its standard error, as it
        is of daily drift: 2.1 km/d of error over 75 km make 0.028 per day.

    Notes
    -----
    All are true to the ground, whatever the map: map and ground metric of one motion give one answer. With the matrix M
    of :func:`~altiflow.gridding.vectors.metric_matrix` (``v_map = M v_ground``), ``g = M⁻¹ M⁻¹`` and the map velocity
    v, the strain rate is half the Lie derivative of the metric in the orthonormal axes of the ground components::

        E = M e M,   e_ij = 1/2 (v^k ∂_k g_ij + g_kj ∂_i v^k + g_ik ∂_j v^k)
        divergence = trace E = A (∂_x (v_x / A) + ∂_y (v_y / A)),   A = det M
        vorticity = A (∂_x (g v)_y - ∂_y (g v)_x)
        shear = sqrt((E_xx - E_yy)² + 4 E_xy²),   total_deformation = sqrt(divergence² + shear²)
        longitudinal = tᵀ E t,   transverse = nᵀ E n,   flow_shear = tᵀ E n,   t along the flow, n to its left
        principal_1, principal_2 = (divergence ± shear) / 2
        effective² = 1/2 (E_xx² + E_yy²) + E_xy²;   effective_incompressible² = effective² + 1/2 divergence²

    On EASE-Grid 2.0 A is 1 and the divergence that of the map velocities. Errors of cells and components are taken as
    independent; with s of every cell and spacing d, "central" gives s / (d √2) for E_xx, a plane over 3 cells
    s / (d √6). Errors common to neighbours hardly matter to a gradient. Magnitudes of noise alone are not zero.

    Examples
    --------
    Ground speed that does not change along a meridian of a sphere converges as the meridians do, v tan(latitude) / R:

    >>> from altiflow.gridding.vectors import from_east_north
    >>> from altiflow.readers.field import build_field
    >>> x, y = np.meshgrid(np.arange(5) * 25e3, np.arange(5) * 25e3 - 2e6)
    >>> vx, vy = from_east_north(0 * x, 0 * x + 10.0, x, y, crs="EPSG:3408", metric="ground")
    >>> bounds = np.array([["2020-01-01", "2020-01-08"]], "M8[ns]")
    >>> field = build_field(vx[None], vy[None], x=x[0], y=y[:, 0], time_bnds=bounds, crs="EPSG:3408", units="cm/s",
    ...                     velocity_metric="ground", metric_source="user", source="example")
    >>> rates = strain_rates(field, names=["divergence"])
    >>> latitude = np.radians(72.389)
    >>> float(-rates.divergence[0, 2, 2] / (0.1 * np.tan(latitude) / 6371228.0)).__round__(3)
    1.0
    """
    unknown = [name for name in names if name not in STRAIN_NAMES]
    if unknown or not names:
        raise InputError(f"names must be of {', '.join(STRAIN_NAMES)}; got {list(names)!r}")
    checked = convert_field(field)
    frame, reason = choose_window(checked, window=window, window_m=window_m, fit=fit, min_valid=min_valid)
    warn_of_rounding(checked, frame)
    unit = rate_unit(checked, units)
    result = measure_rates(checked, frame, tuple(names), unit)
    result.attrs["window"] = f"{result.attrs['window']} ({reason})"
    warn_of_drift_noise(result, frame, checked, "divergence")
    return result


def measure_rates(checked: xr.Dataset, frame: Window, names: tuple[StrainName, ...], unit: RateUnit) -> xr.Dataset:
    """Return quantities of the gradient of a checked velocity field over a window; what they say is not judged."""
    ascending = checked.isel(y=slice(None, None, -1)) if checked["y"].values[0] > checked["y"].values[-1] else checked
    lattice = Lattice.from_axes(ascending["x"].values, ascending["y"].values)
    slopes = MetricSlopes.over(str(checked.attrs["crs"]), lattice)
    plan = _Plan(ascending, frame, names, rate_factor(checked, unit), slopes)
    found = _empty(plan)
    for rows in _row_blocks(plan):
        _fill_block(plan, rows, found)
    if ascending is not checked:
        found = {name: data[:, ::-1] for name, data in found.items()}
    result = _build_result(checked, found, unit)
    shape = f"{frame.cols} x {frame.rows} cells, {frame.cols * frame.step[0]:g} x {frame.rows * frame.step[1]:g} m"
    return result.assign_attrs(window=shape, fit=frame.fit, min_valid=frame.min_valid)


@dataclass(frozen=True)
class _Plan:
    """A field with y ascending, and what to take of it."""

    field: xr.Dataset
    window: Window
    names: tuple[StrainName, ...]
    factor: float
    slopes: MetricSlopes

    @property
    def shape(self) -> tuple[int, int, int]:
        """(layers, rows, cols)."""
        return self.field.sizes["time"], self.field.sizes["y"], self.field.sizes["x"]

    @property
    def errors(self) -> bool:
        """Whether the field has standard errors."""
        return has_errors(self.field)


def _empty(plan: _Plan) -> dict[str, npt.NDArray[np.generic]]:
    """Return room for every quantity."""
    found: dict[str, npt.NDArray[np.generic]] = {"n_valid": np.zeros(plan.shape, np.int32)}
    for name in plan.names:
        found[name] = np.full(plan.shape, np.nan)
        if plan.errors and name != "principal_direction":
            found[f"{name}_sigma"] = np.full(plan.shape, np.nan)
    return found


def _row_blocks(plan: _Plan) -> Iterator[slice]:
    """Yield the rows of the field in parts."""
    _, rows, cols = plan.shape
    height = max(1, _CELLS // cols)
    for first in range(0, rows, height):
        yield slice(first, min(first + height, rows))


def _fill_block(plan: _Plan, rows: slice, found: dict[str, npt.NDArray[np.generic]]) -> None:
    """Write the quantities of some rows, all layers, into `found`."""
    reach = plan.window.reach[0]
    around = slice(max(rows.start - reach, 0), min(rows.stop + reach, plan.shape[1]))
    inner = slice(rows.start - around.start, rows.stop - around.start)
    crs = str(plan.field.attrs["crs"])
    x, y = np.meshgrid(plan.field["x"].values, plan.field["y"].values[around])
    matrix = metric_matrix(crs, x, y)
    operator: Floats | None = None
    for layer in range(plan.shape[0]):
        values = read_layer(plan.field, layer, around, slice(None))
        if not np.isfinite(values[0]).any():
            continue
        if plan.field.attrs["velocity_metric"] == "ground":
            values = _to_map(values, matrix)
        index, count, planes = fit_layer(values[:2], values[2:] if plan.errors else None, plan.window)
        found["n_valid"][layer, rows] = count[inner]
        row = index // plan.shape[2]
        own = (row >= inner.start) & (row < inner.stop)
        if not own.any():
            continue
        if operator is None:
            slopes = plan.slopes.at(x[inner].ravel(), y[inner].ravel())
            operator = gradient_operator(matrix[inner].reshape(-1, 2, 2), slopes)
        cells = index[own] - inner.start * plan.shape[2]
        spread = None if planes.covariance is None else planes.covariance[:, own]
        chosen = Planes(planes.terms[:, own], spread)
        part = _measure_cells(plan, chosen, operator[cells], matrix[inner].reshape(-1, 2, 2)[cells])
        for name, data in part.items():
            found[name][layer, rows].reshape(-1)[cells] = data


def _to_map(values: Floats, matrix: Floats) -> Floats:
    """Return components and variances (4, rows, cols) of the ground metric in the map metric."""
    result = np.empty_like(values)
    for place in (0, 1):
        first, second = matrix[..., place, 0], matrix[..., place, 1]
        result[place] = first * values[0] + second * values[1]
        result[place + 2] = first**2 * values[2] + second**2 * values[3]
    return result


def _measure_cells(plan: _Plan, planes: Planes, operator: Floats, matrix: Floats) -> dict[str, Floats]:
    """Return the quantities (k,) and their sigmas at k cells.

    Parameters
    ----------
    plan
        The names and the factor of the unit.
    planes
        Of both components.
    operator
        From their six terms to the gradient on the ground, (k, 4, 6).
    matrix
        From ground to map velocity, (k, 2, 2).
    """
    both, terms = operator * plan.factor, planes.terms
    rates = np.einsum("kij,kj->ki", both, np.concatenate([terms[0], terms[1]], axis=-1))
    velocity = terms[..., 0].T
    ground = np.linalg.inv(matrix)
    along = np.einsum("kij,kj->ki", ground, velocity)
    speed = np.hypot(along[:, 0], along[:, 1])[:, None]
    gradient = Gradient(rates, np.divide(along, speed, out=np.full_like(along, np.nan), where=speed > 0))
    spread = None
    if planes.covariance is not None:
        left = np.stack([-gradient.along[:, 1], gradient.along[:, 0]], axis=-1)
        turn = np.divide(np.einsum("ki,kij->kj", left, ground), speed, out=np.zeros_like(along), where=speed > 0)
        spread = _carry(both, turn, planes.covariance)
    result: dict[str, Floats] = {}
    for name in plan.names:
        result[name], slope = measure(gradient, name)
        if spread is not None and slope is not None:
            result[f"{name}_sigma"] = np.sqrt(np.einsum("ki,kij,kj->k", slope, spread, slope))
    return result


def _carry(operator: Floats, turn: Floats, covariance: Floats) -> Floats:
    """Return the covariance (k, 5, 5) of the gradient and the direction of the flow.

    Parameters
    ----------
    operator
        From the terms of both components to the gradient, (k, 4, 6).
    turn
        Derivative of the direction [radians] by both components, (k, 2).
    covariance
        Of the terms of both components (2, k, 3, 3).
    """
    total = np.zeros((len(operator), 5, 5))
    for place in (0, 1):
        whole = np.zeros((len(operator), 5, 3))
        whole[:, :4], whole[:, 4, 0] = operator[..., 3 * place : 3 * place + 3], turn[:, place]
        total += whole @ covariance[place] @ np.swapaxes(whole, -1, -2)
    return total


def _build_result(field: xr.Dataset, found: dict[str, npt.NDArray[np.generic]], unit: RateUnit) -> xr.Dataset:
    """Return the quantities with the coordinates of the field and its grid mapping."""
    kept = [name for name in ("time", "time_bnds", "y", "x", *LAYER_COORDS) if name in field.coords]
    result = xr.Dataset(coords={name: field.coords[name] for name in kept})
    x, y = (np.linspace(field[name].values[0], field[name].values[-1], field.sizes[name]) for name in ("x", "y"))
    result["crs"] = crs_variable(Grid.from_centres(field.attrs["crs"], x, y))
    for name, data in found.items():
        plain = name.removesuffix("_sigma")
        text = "valid cells in the window" if name == "n_valid" else STRAIN_TEXTS[plain]
        attrs = {"long_name": text if plain == name else f"standard error of {text}", "grid_mapping": "crs"}
        attrs["units"] = {"n_valid": "1", "principal_direction": "degrees"}.get(name, unit)
        result[name] = (("time", "y", "x"), data, attrs)
    kept_attrs = ("crs", "time_rule", "source", "metric_source")
    result.attrs = {name: field.attrs[name] for name in kept_attrs if name in field.attrs}
    result.attrs |= {
        "title": f"Strain rates: {field.attrs['source']}",
        "history": f"altiflow {__version__}: strain_rates",
        "axes": "x and y of the map, on the ground",
        "source_metric": field.attrs["velocity_metric"],
    }
    if unit == "yr-1":
        result.attrs["year_days"] = YEAR_DAYS
    return result
