"""Daily freeboard written in the layout of ATL20: one month of one hemisphere in one HDF5 file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5netcdf
import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import EmptyDataError, InputError
from altiflow.files import whole_file
from altiflow.gridding.atl20.cells import ATL20_VARIABLES, choose_month, on_product_grid, parse_month
from altiflow.gridding.atl20.means import mean_of_days
from altiflow.gridding.frame import CONVENTIONS, crs_variable
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.periods import make_periods
from altiflow.gridding.statistics.layers import period_bounds
from altiflow.gridding.tally import Tally
from altiflow.readers.catalogue.names import Hemisphere
from altiflow.version import __version__

__all__ = ["atl20_name", "write_atl20", "write_atl20_months"]

_FILL_4 = np.float32(3.4028235e38)
_FILL_8 = np.float64(1.7976931348623157e308)
_EPOCH = np.datetime64("2018-01-01", "ns")
_CODES: dict[str, str] = {"north": "01", "south": "02"}
_PACKED: dict[str, Any] = {"compression": "gzip", "compression_opts": 4, "shuffle": True}
_NOTICE = (
    "ATL20-LIKE grid made by altiflow in the layout of the ICESat-2 product ATL20. It is NOT the official product, "
    "which the National Snow and Ice Data Center distributes."
)
_DESCRIPTIONS = {
    "mean_fb": {
        "monthly": "daily mean freeboards of the month, each weighted by the mean length of that day's segments",
        "daily": "freeboard of the segments of the day, weighted by segment length",
    },
    "sigma": {
        "monthly": "root mean square distance of the month's segments from mean_fb, weighted by segment length; that "
        "the official sigma is defined so is not verified",
        "daily": "population standard deviation of the segments' freeboard, weighted by segment length",
    },
    "length_sum": dict.fromkeys(("monthly", "daily"), "sum of the lengths of the segments that were averaged"),
    "n_segs": dict.fromkeys(("monthly", "daily"), "number of segments that were averaged; 0 where there are none"),
}
_LONG_NAMES = {
    "mean_fb": "mean freeboard",
    "sigma": "standard deviation of freeboard",
    "length_sum": "sum of segment lengths",
    "n_segs": "number of segments",
}


def atl20_name(hemisphere: Hemisphere, month: str | np.datetime64, *, release: str = "") -> str:
    """Return the file name of a month: that of ATL20 up to the month, and altiflow's mark.

    Parameters
    ----------
    hemisphere
        "north" (01) or "south" (02).
    month
        Such as "2020-03".
    release
        Release of the granules that were averaged, such as "006".

    Raises
    ------
    InputError
        If there is no such hemisphere or month.

    Examples
    --------
    >>> atl20_name("south", "2020-03", release="006")
    'ATL20-02_202003_006_altiflow.h5'
    """
    if hemisphere not in _CODES:
        raise InputError(f"hemisphere must be 'north' or 'south', got {hemisphere!r}")
    said = f"_{release}" if release else ""
    return f"ATL20-{_CODES[hemisphere]}_{str(parse_month(month)).replace('-', '')}{said}_altiflow.h5"


def write_atl20(
    daily: xr.Dataset, path: str | Path, *, month: str | np.datetime64 | None = None, release: str = ""
) -> Path:
    """Write a month of daily freeboard in the layout of ATL20 and return the path; it appears whole or not at all.

    Parameters
    ----------
    daily
        Gridded freeboard on NSIDC_PS_N25km or NSIDC_PS_S25km, or a window of one, each layer one day: what
        :func:`altiflow.grid_segments` gives with ``freq="D"``.
    path
        The file; or a folder that is there, in which it gets the name of :func:`atl20_name`.
    month
        Which month of `daily`; None if it holds one.
    release
        Release of the granules that were averaged; "" for the one that the attribute ``releases`` of `daily` names.

    Raises
    ------
    GridMismatchError
        If `daily` is on another grid; EPSG:3413 is one.
    InputError
        If the layers are not days, variables are missing, or there are several months and none was chosen.
    EmptyDataError
        If no day is in the month.

    Notes
    -----
    Root ``grid_x``, ``grid_y``, ``grid_lat``, ``grid_lon`` and ``crs``; groups ``monthly`` and ``daily/dayDD`` with
    ``mean_fb``, ``sigma`` and ``length_sum`` (float32, fill 3.4028235e38), ``n_segs`` (int32, 0 where empty),
    ``delta_time_beg`` and ``delta_time_end`` (one number each: seconds from 2018-01-01 to the first and the last
    segment, or to the bounds of the period where `daily` has no such times; the attribute ``description`` says which).
    The monthly mean is that of :func:`mean_of_days`.

    Unlike the official files, every group repeats ``crs`` and names it in ``grid_mapping``, so that xarray and GDAL
    find it. Every day of the month has a group; that of a day without data is all fill, and its attribute ``status``
    tells a day without segments from one that was not in `daily`. What the official files do there, and the types
    of all but ``mean_fb``, are not verified.

    Examples
    --------
    The grid of EPSG:3413 has the same numbers, and is refused:

    >>> from altiflow.gridding.frame import make_frame
    >>> daily = make_frame(Grid.named("NSIDC_PS_WGS84_N25km"), [["2020-03-01", "2020-03-02"]])
    >>> write_atl20(daily, "march.h5")
    Traceback (most recent call last):
    altiflow.errors.GridMismatchError: ATL20 north is on NSIDC_PS_N25km only. ...
    """
    hemisphere, layers = on_product_grid(daily)
    wanted, chosen = choose_month(layers, month)
    release = release or str(daily.attrs.get("releases", ""))
    monthly = mean_of_days(chosen)
    name = atl20_name(hemisphere, wanted, release=release.replace(" ", "-"))
    target = Path(path) / name if Path(path).is_dir() else Path(path)
    with whole_file(target) as part, h5netcdf.File(part, "w") as file:
        grid = Grid.from_dataset(layers)
        _write_root(file, grid)
        file.attrs.update(_provenance(daily, hemisphere, wanted, release) | _coverage(chosen))
        _write_layer(file.create_group("monthly"), monthly.isel(time=0), "monthly", grid)
        _write_days(file.create_group("daily"), chosen, wanted, grid)
    return target


def write_atl20_months(tally: Tally, folder: str | Path, *, release: str = "") -> list[Path]:
    """Write every month of a tally of freeboard in the layout of ATL20 and return the paths, in order.

    Parameters
    ----------
    tally
        Of freeboard in days (``step="D"``), on NSIDC_PS_N25km or NSIDC_PS_S25km.
    folder
        Where to write; it is made if it is not there.
    release
        As for :func:`write_atl20`.

    Returns
    -------
    list of Path
        None of a tally that holds no segment.

    Raises
    ------
    GridMismatchError, InputError
        As for :func:`write_atl20`.
    """
    target = Path(folder)
    if tally.records.states.size == 0:
        return []
    first, last = tally.span
    months = make_periods(first, last, "MS")[:, 0].astype("M8[M]")
    target.mkdir(parents=True, exist_ok=True)
    paths = []
    for month in months:
        edges = np.arange(month.astype("M8[D]"), (month + 1).astype("M8[D]") + 1)
        try:
            daily = tally.to_dataset(periods=np.stack([edges[:-1], edges[1:]], axis=1), values=["freeboard"], crop=True)
        except EmptyDataError:
            continue
        paths.append(write_atl20(daily, target, release=release))
    return paths


def _write_root(file: Any, grid: Grid) -> None:
    """Write the cells: centres, their longitude and latitude, and the CRS."""
    file.dimensions = {"grid_y": grid.shape[0], "grid_x": grid.shape[1], "layer": 1}
    for axis, values in (("x", grid.x), ("y", grid.y)):
        variable = file.create_variable(f"grid_{axis}", (f"grid_{axis}",), "f8", data=values)
        told = {"standard_name": f"projection_{axis}_coordinate", "axis": axis.upper()}
        variable.attrs.update(told | {"long_name": f"{axis} of the cell centre", "units": "m"})
    longitude, latitude = grid.lonlat()
    for name, values, unit in (("lat", latitude, "degrees_north"), ("lon", longitude, "degrees_east")):
        variable = file.create_variable(f"grid_{name}", ("grid_y", "grid_x"), "f8", data=values, **_PACKED)
        word = {"lat": "latitude", "lon": "longitude"}[name]
        told = {"standard_name": word, "long_name": f"{word} of the cell centre (WGS84)"}
        variable.attrs.update(told | {"units": unit, "grid_mapping": "crs"})
    _write_crs(file, grid)


def _write_crs(group: Any, grid: Grid) -> None:
    """Write the grid mapping variable."""
    mapping = crs_variable(grid)
    group.create_variable("crs", (), "i4", data=mapping.values).attrs.update(mapping.attrs)


def _write_days(group: Any, chosen: xr.Dataset, month: np.datetime64, grid: Grid) -> None:
    """Write a group for every day of the month."""
    held = period_bounds(chosen)[:, 0].astype("M8[D]")
    for number, day in enumerate(np.arange(month.astype("M8[D]"), (month + 1).astype("M8[D]")), start=1):
        place = np.flatnonzero(held == day)
        layer = chosen.isel(time=int(place[0])) if place.size else None
        _write_layer(group.create_group(f"day{number:02d}"), layer, "daily", grid)


def _write_layer(group: Any, layer: xr.Dataset | None, kind: str, grid: Grid) -> None:
    """Write the variables of one layer (y, x), all fill where there is none."""
    _write_crs(group, grid)
    count = np.zeros(grid.shape, np.int64)
    if layer is not None:
        averaged_there = np.isfinite(layer[ATL20_VARIABLES["mean_fb"]].to_numpy())
        count = np.where(averaged_there, layer["n_segments"].to_numpy(), 0)
    averaged = "segments averaged" if count.any() else "no segments"
    group.attrs["status"] = "not in the input" if layer is None else averaged
    for name, known in ATL20_VARIABLES.items():
        if name == "n_segs":
            variable = group.create_variable(name, ("grid_y", "grid_x"), "i4", data=count.astype("i4"), **_PACKED)
        else:
            values = np.full(grid.shape, np.nan) if layer is None else layer[known].to_numpy()
            filled = np.where((count > 0) & np.isfinite(values), values, _FILL_4).astype("f4")
            variable = group.create_variable(
                name, ("grid_y", "grid_x"), "f4", data=filled, fillvalue=_FILL_4, **_PACKED
            )
        told = {"long_name": _LONG_NAMES[name], "units": "1" if name == "n_segs" else "m", "grid_mapping": "crs"}
        variable.attrs.update(told | {"description": _DESCRIPTIONS[name][kind], "source": "altiflow"})
    _write_span(group, layer)


def _write_span(group: Any, layer: xr.Dataset | None) -> None:
    """Write when the data of a layer begin and end."""
    first, last, meaning = _span(layer)
    for name, moment, which in (("delta_time_beg", first, "first"), ("delta_time_end", last, "last")):
        seconds = _FILL_8 if np.isnat(moment) else (moment - _EPOCH) / np.timedelta64(1, "s")
        variable = group.create_variable(name, ("layer",), "f8", data=np.array([seconds]), fillvalue=_FILL_8)
        told = {"long_name": f"time of the {which} data", "units": "seconds since 2018-01-01", "calendar": "standard"}
        variable.attrs.update(told | {"description": meaning})


def _span(layer: xr.Dataset | None) -> tuple[np.datetime64, np.datetime64, str]:
    """Return when the data of a layer begin and end, NaT where it has none, and what these times are."""
    nat = np.datetime64("NaT", "ns")
    if layer is None or not layer["n_segments"].to_numpy().any():
        return nat, nat, "no segments"
    if {"time_first", "time_last"} <= set(layer.data_vars):
        first, last = (_known(layer[name].to_numpy()) for name in ("time_first", "time_last"))
        if first.size and last.size:
            return first.min(), last.max(), "times of the first and the last segment that were averaged (UTC)"
    bounds = layer["time_bnds"].to_numpy().astype("M8[ns]")
    return bounds[0], bounds[1], "bounds of the period, [start, end) (UTC)"


def _known(times: npt.NDArray[Any]) -> npt.NDArray[np.datetime64]:
    """Return the times that are there (n,)."""
    return np.asarray(times[~np.isnat(times)]).astype("M8[ns]")


def _coverage(chosen: xr.Dataset) -> dict[str, str]:
    """Return the time that a month's data cover, after the conventions for dataset discovery."""
    spans = [_span(chosen.isel(time=number))[:2] for number in range(chosen.sizes["time"])]
    known = [span for span in spans if not np.isnat(span[0])]
    bounds = period_bounds(chosen)
    first = min(span[0] for span in known) if known else bounds[0, 0]
    last = max(span[1] for span in known) if known else bounds[-1, 1]
    return {f"time_coverage_{end}": f"{moment.astype('M8[us]')}Z" for end, moment in (("start", first), ("end", last))}


def _provenance(daily: xr.Dataset, hemisphere: Hemisphere, month: np.datetime64, release: str) -> dict[str, str]:
    """Return the attributes of the file."""
    step = f"altiflow {__version__}: write_atl20(month='{month}')"
    told = {
        "Conventions": CONVENTIONS,
        "short_name": "ATL20-like",
        "title": f"ATL20-like daily and monthly sea-ice freeboard, {month}, {hemisphere} (altiflow, not official)",
        "summary": _NOTICE,
        "hemisphere": hemisphere,
        "monthly_mean": "mean_of_days",
        "source": f"{daily.attrs.get('product', 'segments')} release {release or 'not stated'}",
        "altiflow_version": __version__,
        "history": f"{step}\n{daily.attrs.get('history', '')}".strip(),
    }
    carried = ("product", "doi", "granules", "beams", "screens")
    return told | {f"input_{name}": str(daily.attrs[name]) for name in carried if name in daily.attrs}
