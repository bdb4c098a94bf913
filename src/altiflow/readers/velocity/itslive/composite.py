"""ITS_LIVE annual composites: a layer a year, and what was fitted through all years."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import cftime
import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import CorruptGranuleError, FieldError, MissingDataError
from altiflow.readers.field import Metric, build_field
from altiflow.readers.velocity.formats.lazy import made_lazily
from altiflow.readers.velocity.formats.netcdf import (
    choose_crs,
    crop_dataset,
    mapping_crs,
    require_variables,
    state_metric,
    state_units,
)
from altiflow.readers.velocity.formats.stores import open_store
from altiflow.readers.velocity.options import Bounds, Options, check_options
from altiflow.readers.velocity.products import PRODUCTS, VelocityProduct

__all__ = ["read_composite", "read_composite_static"]

_LAYER = ("time", "y", "x")
_PLANE = ("y", "x")

_FIT = {"vx": "vx0", "vy": "vy0", "vx_sigma": "vx0_error", "vy_sigma": "vy0_error", "count": "count0"}
"""Parts of the field of the fit, and what the store calls them."""

_FLAGS = ("landice", "floatingice")
"""Masks, kept as they are; 0 or 255 where nothing is known."""

_MISSING = {"u": 32_767.0, "f": -32_767.0}
"""Fill by the kind of dtype: the unsigned integers do not declare theirs."""


def read_composite(dataset: xr.Dataset, path: Path, product: VelocityProduct, options: Options) -> xr.Dataset:
    """Return the yearly layers of an opened composite that touch the period, lazily, as a velocity field.

    A layer is the mean of the civil year of its stamp. Components are NaN where either is fill, errors and count
    are NaN and 0 there; nothing is read before it is looked at. What was fitted through all years is in
    :func:`read_composite_static`.

    Raises
    ------
    WrongProductError
        If time, vx, vy, or the coordinates are missing or on other dimensions.
    MissingDataError
        If there is no layer, or no units of time.
    FieldError
        If two layers are of one year.
    InputError
        If the store states no CRS and none is given.
    EmptyDataError
        If no layer touches the period, or no cells lie in the bounds.
    """
    wanted = {"vx": _LAYER, "vy": _LAYER, "x": ("x",), "y": ("y",), "time": ("time",)}
    require_variables(dataset, wanted, path, product.name)
    bounds = _year_bounds(dataset["time"], path)
    layers = options.touching(bounds, path.name)
    part = crop_dataset(dataset, options, path).isel(time=slice(int(layers.min()), int(layers.max()) + 1))
    names = {"vx": "vx", "vy": "vy", "vx_sigma": "vx_error", "vy_sigma": "vy_error", "count": "count"}
    return _make_field(part, names, path, product, options, bounds=bounds[layers])


def read_composite_static(
    path: str | Path, *, crs: object = None, metric: Metric | None = None, bounds: Bounds | None = None
) -> xr.Dataset:
    """Return what an ITS_LIVE composite fits through all years, lazily: an undated field of one layer.

    Parameters
    ----------
    path
        The Zarr store of a composite, or its URL.
    crs
        CRS of a store that states none; anything pyproj takes. None is ever guessed.
    metric
        "map" or "ground", where the product's default, map, is not right.
    bounds
        (x_min, y_min, x_max, y_max) [m] in the field's CRS: only cells whose centres lie in them.

    Returns
    -------
    xarray.Dataset
        vx, vy on (time, y, x), one layer: the value of the fitted line at its origin (1 January 2018 in the
        products); their standard errors, the count of image pairs, and on the same dimensions what else the store
        has on (y, x), under its own names: ``dvx_dt``, ``dvy_dt`` (per year), ``v_amp``, ``vx_amp`` and
        ``vy_amp``, the amplitudes of the year's cycle, ``v_phase`` ... the day of the year of its maximum,
        ``outlier_percent``, ``landice`` and ``floatingice``. Phases are angles: average them as such.

    Raises
    ------
    InputError
        If there is no store, an argument means nothing, or a CRS is needed or contradicts the store.
    WrongProductError
        If it holds no fit: vx0, vy0, x and y.
    CorruptGranuleError
        If it cannot be opened.
    EmptyDataError
        If no cells lie in the bounds.
    """
    options = check_options(crs, metric, None, None, bounds)
    product, place = PRODUCTS["ITS_LIVE-composite"], Path(str(path).rstrip("/"))
    dataset = open_store(path)
    require_variables(dataset, {"vx0": _PLANE, "vy0": _PLANE, "x": ("x",), "y": ("y",)}, place, product.name)
    part = crop_dataset(dataset, options, place)
    undated = np.full((1, 2), np.datetime64("NaT", "ns"), dtype="datetime64[ns]")
    field = _make_field(part, _FIT, place, product, options, bounds=undated)
    taken = {"v0", "v0_error", *_FIT.values()}
    for name, variable in part.variables.items():
        if variable.dims == _PLANE and name not in taken:
            field[name] = _make_companion(str(name), variable)
    return field


def _make_field(
    part: xr.Dataset,
    names: dict[str, str],
    path: Path,
    product: VelocityProduct,
    options: Options,
    *,
    bounds: npt.NDArray[np.datetime64],
) -> xr.Dataset:
    """Return the field of the variables under these names, lazily."""
    attrs = part[names["vx"]].attrs
    dated = not np.isnat(bounds).any()
    metric, metric_source = state_metric(attrs.get("map_scale_corrected"), options.metric, product.metric)
    raw = {key: part[name].variable for key, name in names.items() if name in part.variables}
    for key, variable in raw.items():
        if variable.dims != raw["vx"].dims:
            raise FieldError(f"{names[key]} lies on {variable.dims}, not on {raw['vx'].dims} as {names['vx']} does")
    pair, lifted = (raw["vx"], raw["vy"]), not dated
    fills = {key: _fills(variable) for key, variable in raw.items()}
    masked = _Masked(fills["vx"], fills["vy"], product.limit)
    parts: dict[str, xr.Variable] = {
        "vx": made_lazily(masked.first, *pair, lifted=lifted),
        "vy": made_lazily(masked.second, *pair, lifted=lifted),
    }
    for key in ("vx_sigma", "vy_sigma"):
        if key in raw:
            parts[key] = made_lazily(masked.error(fills[key]), *pair, raw[key], lifted=lifted)
    count = made_lazily(masked.count, *pair, raw["count"], dtype=np.int32, lifted=lifted) if "count" in raw else None
    field = build_field(
        parts["vx"],
        parts["vy"],
        x=part["x"].values,
        y=part["y"].values,
        time_bnds=bounds,
        crs=choose_crs(mapping_crs(part, attrs.get("grid_mapping", "mapping")), options.crs, path),
        units=state_units(attrs.get("units"), options.units, product.units, path),
        velocity_metric=metric,
        metric_source=metric_source,
        source=f"{product.name} {path.name}" + ("" if dated else ", the fit through all years"),
        time_rule="interval_mean" if dated else "undated",
        year_days=product.year_days,
        vx_sigma=parts.get("vx_sigma"),
        vy_sigma=parts.get("vy_sigma"),
        count=count,
    )
    return field.assign_attrs(year_days_source="assumed")


class _Masked:
    """Makers of parts of a field from the raw components, cell by cell; NaN where either component is fill."""

    def __init__(self, x_fills: list[float], y_fills: list[float], limit: float) -> None:
        self.x_fills, self.y_fills, self.limit = x_fills, y_fills, limit

    def first(self, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return vx."""
        return np.where(self._valid(x, y), x, np.float32(np.nan)).astype(np.float32)

    def second(self, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return vy."""
        return np.where(self._valid(x, y), y, np.float32(np.nan)).astype(np.float32)

    def error(self, fills: list[float]) -> Any:
        """Return the maker of a standard error."""

        def make(x: npt.NDArray[Any], y: npt.NDArray[Any], error: npt.NDArray[Any]) -> npt.NDArray[Any]:
            good = self._valid(x, y) & _is_value(error, fills, self.limit) & (error >= 0)
            return np.where(good, error, np.float32(np.nan)).astype(np.float32)

        return make

    def count(self, x: npt.NDArray[Any], y: npt.NDArray[Any], count: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the number of image pairs, 0 where there is no velocity."""
        return np.where(self._valid(x, y) & (count > 0), count, 0).astype(np.int32)

    def _valid(self, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        return _is_value(x, self.x_fills, self.limit) & _is_value(y, self.y_fills, self.limit)


def _is_value(values: npt.NDArray[Any], fills: list[float], limit: float) -> npt.NDArray[np.bool_]:
    """Return where values are no fill and not beyond the limit."""
    with np.errstate(invalid="ignore"):
        return np.asarray((np.abs(values.astype(np.float64)) <= limit) & ~np.isin(values, fills))


def _fills(variable: xr.Variable) -> list[float]:
    """Return the declared fills of a variable, and that of its kind of dtype."""
    declared = [variable.attrs[name] for name in ("_FillValue", "missing_value") if name in variable.attrs]
    known = [_MISSING[variable.dtype.kind]] if variable.dtype.kind in _MISSING else []
    return [float(value) for values in declared for value in np.atleast_1d(values)] + known


def _make_companion(name: str, variable: xr.Variable) -> xr.Variable:
    """Return what the store has on (y, x) beside the fit, with one layer, lazily; masks as they are."""
    said = ("units", "standard_name", "description")
    attrs: dict[Hashable, Any] = {key: variable.attrs[key] for key in said if key in variable.attrs}
    attrs.setdefault("units", "1")
    if name in _FLAGS:
        made = made_lazily(np.asarray, variable, dtype=variable.dtype, lifted=True)
    else:
        fills = _fills(variable)

        def make(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
            good = _is_value(values, fills, np.inf) & np.isfinite(values)
            return np.where(good, values, np.float32(np.nan)).astype(np.float32)

        made = made_lazily(make, variable, lifted=True)
    made.attrs = attrs
    return made


def _year_bounds(time: xr.DataArray, path: Path) -> npt.NDArray[np.datetime64]:
    """Return the civil year of each stamp (time, 2).

    Stamps lie on one day of the year, 1 January or 2 July by the version.
    """
    if time.size == 0 or ("units" not in time.attrs and time.dtype.kind != "M"):
        raise MissingDataError(f"{path.name} has {time.size} layers and time units {time.attrs.get('units')!r}")
    try:
        if time.dtype.kind == "M":
            years = time.values.astype("datetime64[Y]")
        else:
            labels = cftime.num2date(time.values, time.attrs["units"], time.attrs.get("calendar", "standard"))
            years = np.array([f"{label.year:04d}" for label in labels], dtype="datetime64[Y]")
    except (ValueError, TypeError, AttributeError) as error:
        raise CorruptGranuleError(f"the time of {path.name} cannot be read: {error}") from error
    if (np.diff(years) <= np.timedelta64(0, "Y")).any():
        raise FieldError(f"the years of {path.name} do not follow each other, each once: {years.astype(str).tolist()}")
    return np.stack([years, years + np.timedelta64(1, "Y")], axis=1).astype("datetime64[ns]")
