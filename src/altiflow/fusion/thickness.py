"""Thickness of sea ice out of its freeboard and the snow on it, and back."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from altiflow.errors import InputError
from altiflow.version import __version__

__all__ = ["SeaIceThickness", "ThicknessErrors", "add_sea_ice_thickness", "freeboard_of_ice", "sea_ice_thickness"]

Values = float | npt.ArrayLike | pd.Series | xr.DataArray
Kind = TypeVar("Kind")
Table = TypeVar("Table", pd.DataFrame, xr.Dataset)

RHO_W, RHO_I, RHO_S = 1024.0, 915.0, 300.0
"""Densities of sea water, sea ice and snow [kg/m3] (Petty et al. 2020, J. Geophys. Res. Oceans 125)."""


@dataclass(frozen=True)
class ThicknessErrors:
    """Standard errors of what sea-ice thickness is made from.

    Attributes
    ----------
    freeboard, snow_depth
        Random, independent from one value to the next [m]: a number, or as many as there are values.
    freeboard_bias, snow_bias
        Systematic, common to all values [m]; of snow the spread of the products one could have taken.
    rho_w, rho_i, rho_s
        Systematic: one density is taken for all values [kg/m3].
    """

    freeboard: Values = 0.02
    snow_depth: Values = 0.05
    freeboard_bias: Values = 0.0
    snow_bias: Values = 0.0
    rho_w: float = 0.5
    rho_i: float = 10.0
    rho_s: float = 40.0


@dataclass(frozen=True)
class SeaIceThickness(Generic[Kind]):
    """Sea-ice thickness, each part of the kind that went in.

    Attributes
    ----------
    thickness
        [m]; below 0 where snow alone would press the surface lower than it is.
    sigma_random, sigma_systematic
        Standard errors [m]: the one falls in a mean, the other does not.
    snow_deeper
        Whether the snow is deeper than the total freeboard: either is wrong, or the ice is flooded. Nothing is clipped.
    """

    thickness: Kind
    sigma_random: Kind
    sigma_systematic: Kind
    snow_deeper: Kind


def sea_ice_thickness(
    freeboard: Any,
    snow_depth: Any,
    *,
    rho_w: float = RHO_W,
    rho_i: float = RHO_I,
    rho_s: float = RHO_S,
    errors: ThicknessErrors = ThicknessErrors(),
) -> SeaIceThickness[Any]:
    """Return the thickness of sea ice that floats with a total freeboard and snow on it.

    Parameters
    ----------
    freeboard
        Height of the snow surface above the water [m], as ATL10 gives it: numbers, an array, a Series or a DataArray.
    snow_depth
        Of the snow on it [m], of the same kind or one number.
    rho_w, rho_i, rho_s
        Densities of water, ice and snow [kg/m3].
    errors
        Standard errors of all of them.

    Returns
    -------
    SeaIceThickness
        ``thickness``, ``sigma_random``, ``sigma_systematic`` and ``snow_deeper``, of the kind of the freeboard. NaN
        where the freeboard or the snow depth is.

    Raises
    ------
    InputError
        If densities are not those of snow lighter than ice lighter than water, a snow depth is below 0, or two Series
        or DataArrays have different labels.

    Notes
    -----
    Ice and snow weigh as much as the water they displace (Archimedes; Laxon et al. 2003, with the total freeboard of a
    laser: Kwok and Cunningham 2008)::

        h_i = ρ_w / (ρ_w - ρ_i) h_f - (ρ_w - ρ_s) / (ρ_w - ρ_i) h_s

    The slopes are 9.394 by freeboard and -6.642 by snow depth. Errors go through by first order: random those of
    freeboard and snow depth, systematic those of the densities and the biases, ``∂h_i/∂ρ_i = h_i / (ρ_w - ρ_i)``,
    ``∂h_i/∂ρ_s = h_s / (ρ_w - ρ_i)``, ``∂h_i/∂ρ_w = (h_f - h_s - h_i) / (ρ_w - ρ_i)``.

    Examples
    --------
    Snow deeper than the freeboard is told, not taken away:

    >>> found = sea_ice_thickness([0.30, 0.10], [0.15, 0.12])
    >>> found.thickness.round(3).tolist(), found.snow_deeper.tolist()
    ([1.822, 0.142], [False, True])
    """
    gap = _check_densities(rho_w, rho_i, rho_s)
    height, snow = _matched(freeboard, snow_depth)
    by_height, by_snow = rho_w / gap, -(rho_w - rho_s) / gap
    thickness = by_height * height + by_snow * snow
    random = _root(_squares(thickness, (by_height, errors.freeboard), (by_snow, errors.snow_depth)))
    systematic = _root(
        _squares(
            thickness,
            (by_height, errors.freeboard_bias),
            (by_snow, errors.snow_bias),
            (thickness / gap, errors.rho_i),
            (snow / gap, errors.rho_s),
            ((height - snow - thickness) / gap, errors.rho_w),
        )
    )
    return SeaIceThickness(thickness, random, systematic, snow > height)


def freeboard_of_ice(
    thickness: Any, snow_depth: Any, *, rho_w: float = RHO_W, rho_i: float = RHO_I, rho_s: float = RHO_S
) -> Any:
    """Return the total freeboard [m] of sea ice of a thickness [m] under snow [m]: the inverse of sea_ice_thickness.

    Parameters
    ----------
    thickness, snow_depth
        Numbers, arrays, Series or DataArrays of one kind.
    rho_w, rho_i, rho_s
        Densities of water, ice and snow [kg/m3].

    Raises
    ------
    InputError
        As :func:`sea_ice_thickness` does.

    Examples
    --------
    >>> freeboard_of_ice(1.822, 0.15).round(3).item()
    0.3
    """
    gap = _check_densities(rho_w, rho_i, rho_s)
    ice, snow = _matched(thickness, snow_depth)
    return (gap * ice + (rho_w - rho_s) * snow) / rho_w


def add_sea_ice_thickness(
    data: Table,
    *,
    freeboard: str = "freeboard",
    snow_depth: str | float = "snow_depth",
    freeboard_sigma: str | None = None,
    rho_w: float = RHO_W,
    rho_i: float = RHO_I,
    rho_s: float = RHO_S,
    errors: ThicknessErrors = ThicknessErrors(),
) -> Table:
    """Return a copy of a table or Dataset with sea-ice thickness.

    Parameters
    ----------
    data
        Segments, or a gridded Dataset.
    freeboard, snow_depth
        Names of the columns or variables [m], such as freeboard_mean of a grid; snow depth may be one number.
    freeboard_sigma
        Name of the random standard error of freeboard; that of `errors` where not given.
    rho_w, rho_i, rho_s, errors
        As for :func:`sea_ice_thickness`.

    Returns
    -------
    DataFrame or Dataset
        With ``sea_ice_thickness``, ``sea_ice_thickness_sigma_random``, ``sea_ice_thickness_sigma_systematic`` [m] and
        ``snow_deeper``.

    Raises
    ------
    InputError
        If a column is missing, or as :func:`sea_ice_thickness` does.

    Examples
    --------
    >>> table = pd.DataFrame({"freeboard": [0.3], "snow_depth": [0.15]})
    >>> add_sea_ice_thickness(table).sea_ice_thickness.round(3).tolist()
    [1.822]
    """
    named = [name for name in (freeboard, snow_depth, freeboard_sigma) if isinstance(name, str)]
    missing = [name for name in named if name not in data]
    if missing:
        raise InputError(f"there is no {', '.join(missing)} among {', '.join(map(str, data))}; name the columns")
    if freeboard_sigma is not None:
        told = {name: getattr(errors, name) for name in ThicknessErrors.__dataclass_fields__}
        errors = ThicknessErrors(**told | {"freeboard": data[freeboard_sigma]})
    snow: Any = data[snow_depth] if isinstance(snow_depth, str) else snow_depth
    found = sea_ice_thickness(data[freeboard], snow, rho_w=rho_w, rho_i=rho_i, rho_s=rho_s, errors=errors)
    plain = "sea_ice_thickness"
    columns = {
        plain: found.thickness,
        f"{plain}_sigma_random": found.sigma_random,
        f"{plain}_sigma_systematic": found.sigma_systematic,
        "snow_deeper": found.snow_deeper,
    }
    densities = f"rho_w {rho_w:g}, rho_i {rho_i:g}, rho_s {rho_s:g} kg m-3"
    result: Table = _with_columns(data, columns, densities)
    return result


def _with_columns(data: Any, columns: dict[str, Any], densities: str) -> Any:
    """Return the data with columns, their units and the densities told."""
    result = data.assign(**columns)
    if isinstance(data, xr.Dataset):
        for name in columns:
            text = name.replace("_", " ").replace("snow deeper", "snow deeper than freeboard")
            mapping = {"grid_mapping": "crs"} if "crs" in data.variables else {}
            units = {} if name == "snow_deeper" else {"units": "m"}
            result[name].attrs = {"long_name": text, **units, **mapping}
        history = f"{data.attrs.get('history', '')}; altiflow {__version__}: add_sea_ice_thickness".removeprefix("; ")
        return result.assign_attrs(history=history, densities=densities)
    result.attrs = copy.deepcopy(data.attrs)
    provenance = result.attrs.setdefault("altiflow", {})
    provenance["densities"] = densities
    provenance.setdefault("units", {}).update({name: "m" for name in columns if name != "snow_deeper"})
    return result


def _check_densities(rho_w: float, rho_i: float, rho_s: float) -> float:
    """Return the density of water less that of ice."""
    if not (np.isfinite([rho_w, rho_i, rho_s]).all() and 0 < rho_s < rho_i < rho_w):
        raise InputError(
            f"snow is lighter than ice and ice than water, got rho_s={rho_s!r}, rho_i={rho_i!r}, rho_w={rho_w!r} kg/m3"
        )
    return rho_w - rho_i


def _matched(first: Any, second: Any) -> tuple[Any, Any]:
    """Return two quantities as what can be computed with, once their labels are the same."""
    pair = [one if isinstance(one, pd.Series | xr.DataArray) else np.asarray(one, float) for one in (first, second)]
    if isinstance(pair[0], pd.Series) and isinstance(pair[1], pd.Series) and not pair[0].index.equals(pair[1].index):
        raise InputError("the two Series have different indexes, which pandas would fill with NaN; align them first")
    one, other = pair
    if isinstance(one, xr.DataArray) and isinstance(other, xr.DataArray):
        try:
            xr.align(one, other, join="exact")
        except ValueError as error:
            raise InputError(f"the two DataArrays lie on different coordinates, regrid one: {error}") from error
    if bool((pair[1] < 0).any()):
        raise InputError(f"snow depth is {float(pair[1].min()):g} m somewhere; give NaN where it is not known")
    return pair[0], pair[1]


def _squares(like: Any, *parts: tuple[Any, Any]) -> Any:
    """Return the sum of (slope times error) squared, NaN where `like` is."""
    total = like * 0.0
    for slope, error in parts:
        known = error if isinstance(error, pd.Series | xr.DataArray) else np.asarray(error, float)
        total = total + (slope * known) ** 2
    return total


def _root(square: Any) -> Any:
    """Return the square root, of the same kind."""
    return square**0.5
