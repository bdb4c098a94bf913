"""Shelves: floating ice in balance with the water, and what melts off its base."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import InputError
from altiflow.units import canonical_unit

__all__ = ["ICE_DENSITY", "WATER_DENSITY", "basal_melt", "ice_shelf_height", "ice_shelf_thickness"]

Quantity = TypeVar("Quantity", float, npt.NDArray[np.float64], xr.DataArray)

Kind = TypeVar("Kind")

WATER_DENSITY = 1028.0
"""Of sea water below ice shelves [kg m-3]; with 917 for ice a metre of height stands for 9.261 m of ice, the 9.26 of
captoolkit (F. Paolo, github.com/fspaolo/captoolkit)."""

ICE_DENSITY = 917.0
"""Of ice without air [kg m-3] (Cuffey and Paterson 2010, The Physics of Glaciers, table 2.1)."""


def ice_shelf_thickness(
    height: Quantity,
    *,
    firn_air: Quantity | float = 0.0,
    rho_w: float = WATER_DENSITY,
    rho_i: float = ICE_DENSITY,
) -> Quantity:
    """Return the thickness of ice afloat [m of ice without air], NaN where the height is not above the firn air.

    Parameters
    ----------
    height
        Of the surface above the sea surface of the moment [m]: geoid, mean dynamic topography, tide and the inverse
        barometer taken off.
    firn_air
        Thickness d of the air in the firn [m].
    rho_w, rho_i
        Densities of sea water and of ice [kg m-3].

    Raises
    ------
    InputError
        If the water is not the denser of the two, or two DataArrays have different coordinates or not metres.

    Notes
    -----
    ``H = (h - d) rho_w / (rho_w - rho_i)`` (Moholdt et al. 2014, doi:10.1002/2014JF003171).

    Examples
    --------
    >>> [float(ice_shelf_thickness(height, firn_air=15.0)).__round__(1) for height in (50.0, 10.0)]
    [324.1, nan]
    """
    _check_labels({"height": height, "firn_air": firn_air})
    above = height - firn_air
    afloat: Any = above.where(above > 0) if isinstance(above, xr.DataArray) else np.where(above > 0, above, np.nan)[()]
    thickness: Quantity = afloat * _leverage(rho_w, rho_i)
    return _named(thickness, "thickness", "m", "thickness of ice afloat, without air")


def ice_shelf_height(
    thickness: Quantity,
    *,
    firn_air: Quantity | float = 0.0,
    rho_w: float = WATER_DENSITY,
    rho_i: float = ICE_DENSITY,
) -> Quantity:
    """Return the height above the sea surface [m] of ice afloat: the inverse of :func:`ice_shelf_thickness`.

    Raises
    ------
    InputError
        As :func:`ice_shelf_thickness` does.
    """
    _check_labels({"thickness": thickness, "firn_air": firn_air})
    height = thickness / _leverage(rho_w, rho_i) + firn_air
    return _named(height, "height", "m", "height of ice afloat above the sea surface")


def basal_melt(
    height_rate: Quantity,
    divergence: Quantity | float,
    height: Quantity | float,
    *,
    smb: Quantity | float,
    firn_air: Quantity | float = 0.0,
    rho_w: float = WATER_DENSITY,
    rho_i: float = ICE_DENSITY,
) -> Quantity:
    """Return the melt at the base of an ice shelf [m of ice per year], positive where ice melts.

    Parameters
    ----------
    height_rate
        Dh/Dt of the ice on its way [m/yr], positive where the surface rises: ``dhdt`` of
        :func:`~altiflow.fusion.heights.lagrangian_dhdt`, or an Eulerian rate plus
        :func:`~altiflow.fusion.heights.advected_topography`.
    divergence
        ∇·v on the ground [1/yr], positive where the ice spreads: :func:`~altiflow.fusion.strain_rates`.
    height
        Of the surface above the sea surface [m]. Of a thickness H, ``ice_shelf_height(H)``.
    smb
        Surface mass balance [m of ice per year], positive where the surface gains.
    firn_air
        Thickness d of the air in the firn [m], taken not to change.
    rho_w, rho_i
        Densities of sea water and of ice [kg m-3].

    Raises
    ------
    InputError
        If the water is not denser than the ice, or DataArrays lie on different coordinates (of which xarray would keep
        those they share, without a word) or state other units than these.

    Notes
    -----
    Ice is conserved on its way, ``DH/Dt + H ∇·v = smb - melt``, and floats, ``H = (h - d) rho_w / (rho_w - rho_i)``::

        melt: Quantity = smb - (Dh/Dt + (h - d) ∇·v) rho_w / (rho_w - rho_i)

    (Moholdt et al. 2014; Adusumilli et al. 2020, doi:10.1038/s41561-020-0616-z.) Freezing on is negative. The ice has
    to be afloat: at the grounding line the second equation does not hold.

    Examples
    --------
    A shelf that neither spreads nor gains and sinks by a metre a year melts by 9.26 m:

    >>> round(basal_melt(-1.0, 0.0, 50.0, smb=0.0), 2), basal_melt(0.0, 0.0, 50.0, smb=-0.5)
    (9.26, -0.5)
    """
    given = {"height_rate": height_rate, "divergence": divergence, "height": height, "smb": smb, "firn_air": firn_air}
    _check_labels(given)
    above: Any = height - firn_air
    melt: Quantity = smb - (height_rate + above * divergence) * _leverage(rho_w, rho_i)
    return _named(melt, "basal_melt", "m yr-1", "melt at the base, as ice; positive where ice melts")


_UNITS = {"height_rate": "m yr-1", "smb": "m yr-1", "divergence": "yr-1"}
"""What is not in metres."""


def _check_labels(given: dict[str, Any]) -> None:
    """Raise unless all DataArrays have the coordinates that they share in common, and the units that are asked for."""
    labelled = {name: data for name, data in given.items() if isinstance(data, xr.DataArray)}
    for name, data in labelled.items():
        wanted, stated = _UNITS.get(name, "m"), data.attrs.get("units")
        if stated is not None and not _same_unit(str(stated), wanted):
            raise InputError(f"{name} is in {stated!r}, and {wanted!r} is needed; convert it and its attribute 'units'")
    try:
        xr.align(*labelled.values(), join="exact")
    except ValueError as error:
        raise InputError(
            f"{', '.join(labelled)} lie on different coordinates; put them on one grid first, such as with "
            f"align_velocity or regrid: {error}"
        ) from error


def _same_unit(stated: str, wanted: str) -> bool:
    """Return whether two spellings are of one unit."""
    if wanted == "m yr-1":
        try:
            return canonical_unit(stated) == wanted
        except InputError:
            return False
    plain = stated.strip().lower().replace("**", "").replace("^", "")
    return plain in {"m": ("m", "meter", "meters", "metre", "metres"), "yr-1": ("yr-1", "1/yr", "a-1", "y-1")}[wanted]


def _named(found: Kind, name: str, units: str, meaning: str) -> Kind:
    """Return a DataArray with its name and units; anything else as it is."""
    if not isinstance(found, xr.DataArray):
        return found
    mapping = {key: value for key, value in found.attrs.items() if key in ("crs", "grid_mapping")}
    found = found.rename(name)
    found.attrs = {"units": units, "long_name": meaning, **mapping}
    return found


def _leverage(rho_w: float, rho_i: float) -> float:
    """Return the metres of ice that a metre of height stands for."""
    if not (np.isfinite(rho_w) and 0 < rho_i < rho_w):
        raise InputError(
            f"ice of {rho_i!r} kg m-3 does not float on water of {rho_w!r} kg m-3; rho_w must be above rho_i"
        )
    return rho_w / (rho_w - rho_i)
