"""Edge: where the ice ends, by its concentration."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import xarray as xr

from altiflow.errors import InputError
from altiflow.fusion.trajectories.seeds import moments_of
from altiflow.gridding.remap.resample import Lattice

__all__ = ["IceEdge", "edge_of"]

Floats = npt.NDArray[np.float64]

_UNITS = {"1": 1.0, "": 1.0, "fraction": 1.0, "%": 0.01, "percent": 0.01}
_NAMES = ("concentration", "ice_concentration", "sea_ice_concentration", "ice_conc", "cdr_seaice_conc")
_STANDARD = "sea_ice_area_fraction"


class IceEdge:
    """The concentration of the ice at places and moments on the map of a velocity field.

    Parameters
    ----------
    concentration
        (time, y, x) as a share, read a layer at a time.
    there
        From the map of the velocity field to that of the concentration.
    least
        Concentration below which there is no ice to speak of.
    """

    def __init__(self, concentration: xr.DataArray, factor: float, there: pyproj.Transformer, least: float) -> None:
        self.concentration, self.factor, self.there, self.least = concentration, factor, there, least
        self.lattice = Lattice.from_axes(concentration["x"].values, concentration["y"].values)
        self._kept: dict[int, Floats] = {}
        times = concentration["time"].values.astype("datetime64[ns]")
        order = np.argsort(times, kind="stable")
        self._order, self._times = order, times[order]

    def sample(self, x: Floats, y: Floats, seconds: Floats) -> Floats:
        """Return the concentration (n,) of the layer nearest in time, NaN where it is not known."""
        result = np.full(x.size, np.nan)
        layers = self._layers(seconds)
        there_x, there_y = self.there.transform(x, y)
        for layer in np.unique(layers[layers >= 0]):
            chosen = np.flatnonzero(layers == layer)
            stencil = self.lattice.stencil(there_x[chosen], there_y[chosen])
            result[chosen] = stencil.apply(self._layer(int(layer)))
        return result

    def _layers(self, seconds: Floats) -> npt.NDArray[np.intp]:
        """Return the layer nearest to moments (n,) [s since 2000]; -1 further off than layers are from each other."""
        if self._times.size == 1 and np.isnat(self._times[0]):
            return np.zeros(seconds.size, np.intp)
        moments = moments_of(seconds)
        after = np.clip(np.searchsorted(self._times, moments), 0, self._times.size - 1)
        before = np.maximum(after - 1, 0)
        nearer = np.abs(moments - self._times[before]) <= np.abs(moments - self._times[after])
        place = np.where(nearer, before, after)
        pause = max(np.diff(self._times), default=np.timedelta64(1, "D"))
        far = np.abs(moments - self._times[place]) > pause
        return np.asarray(np.where(far, -1, self._order[place]), np.intp)

    def _layer(self, layer: int) -> Floats:
        """Return a layer (rows, cols); flags beyond a share of 1 are no concentration."""
        if layer not in self._kept:
            values = np.asarray(self.concentration.isel(time=layer).values, float) * self.factor
            while len(self._kept) > 2:
                self._kept.pop(next(iter(self._kept)))
            self._kept[layer] = np.where((values >= 0) & (values <= 1 + 1e-6), values, np.nan)
        return self._kept[layer]


def edge_of(ice: Any, crs: str, least: float) -> IceEdge:
    """Return the edge of the ice for a velocity field in `crs`.

    Parameters
    ----------
    ice
        Concentration (time, y, x) or (y, x), a DataArray or a Dataset with one, with units ("1" or "%") and a CRS: the
        attribute ``crs`` or a grid mapping.
    crs
        Of the velocity field.
    least
        Concentration [share] below which there is no ice to speak of.

    Raises
    ------
    InputError
        If it is no concentration, or does not say its units or its CRS.
    """
    if not (isinstance(least, int | float) and 0 < least <= 1):
        raise InputError(f"min_ice is a concentration as a share, above 0 and at most 1, got {least!r}")
    values = _find_concentration(ice)
    units = values.attrs.get("units")
    if units not in _UNITS:
        raise InputError(f"ice has units {units!r}; set ice.attrs['units'] to '1' or '%'")
    if "time" not in values.dims:
        values = values.drop_vars("time", errors="ignore").expand_dims(time=[np.datetime64("NaT", "ns")])
    if values.dims != ("time", "y", "x") or not {"time", "y", "x"} <= set(values.coords):
        raise InputError(f"ice has dimensions {values.dims}; give (time, y, x) or (y, x) with coordinates [m]")
    if values["time"].dtype.kind != "M":
        raise InputError(f"ice has times of type {values['time'].dtype}; give datetime64 (UTC)")
    there = pyproj.Transformer.from_crs(crs, _find_crs(ice, values), always_xy=True)
    return IceEdge(values, _UNITS[units], there, float(least))


def _find_concentration(ice: Any) -> xr.DataArray:
    """Return the variable of a Dataset that is a concentration, or the DataArray itself."""
    if isinstance(ice, xr.DataArray):
        return ice
    if not isinstance(ice, xr.Dataset):
        raise InputError(f"ice is a DataArray or Dataset of sea-ice concentration, not {type(ice).__name__}")
    stated = [str(name) for name in ice.data_vars if ice[name].attrs.get("standard_name") == _STANDARD]
    found = stated or [name for name in _NAMES if name in ice.data_vars]
    if len(found) != 1:
        raise InputError(
            f"ice has {len(found)} variables that are a concentration; it has "
            f"{', '.join(map(str, ice.data_vars))}: pass one of them, ice=dataset['name']"
        )
    return ice[found[0]]


def _find_crs(ice: Any, values: xr.DataArray) -> pyproj.CRS:
    """Return the CRS that the concentration states."""
    mapping = str(values.attrs.get("grid_mapping", values.encoding.get("grid_mapping", "crs")))
    try:
        for holder in (values, ice):
            if isinstance(holder.attrs.get("crs"), str):
                return pyproj.CRS.from_user_input(holder.attrs["crs"])
            if mapping in holder.coords or (isinstance(holder, xr.Dataset) and mapping in holder):
                return pyproj.CRS.from_cf(holder[mapping].attrs)
    except (pyproj.exceptions.CRSError, KeyError) as error:
        raise InputError(f"ice states a CRS that pyproj does not know: {error}") from error
    raise InputError("ice has no CRS; set ice.attrs['crs'], such as 'EPSG:3408'")
