"""ATL20 files, the official ones and altiflow's own: monthly and daily grids of freeboard."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pyproj
import xarray as xr

from altiflow.errors import CorruptGranuleError, GridMismatchError, MissingDataError, WrongProductError
from altiflow.readers.catalogue.names import Hemisphere
from altiflow.readers.hdf5 import check_hdf5
from altiflow.readers.icesat2.products import DELTA_TIME_EPOCH

__all__ = ["Atl20", "read_atl20"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Plan:
    """What the grid of a hemisphere is (NSIDC polar stereographic, 25 km): centres from the upper left on [m]."""

    epsg: int
    name: str
    shape: tuple[int, int]
    first: tuple[float, float]


_CELL = 25_000.0
_HUGHES_RADIUS = 6_378_273.0
_CODE = r"(?:AUTHORITY\[\"EPSG\",\s*\"|ID\[\"EPSG\",\s*)(\d+)\"?\]\]$"
"""The EPSG code at the end of a WKT of either version."""
_PLANS: dict[Hemisphere, _Plan] = {
    "north": _Plan(3411, "NSIDC_PS_N25km", (448, 304), (-3_837_500.0, 5_837_500.0)),
    "south": _Plan(3412, "NSIDC_PS_S25km", (332, 316), (-3_937_500.0, 4_337_500.0)),
}
_CODES: dict[str, Hemisphere] = {"01": "north", "02": "south"}
_NAME = re.compile(r"ATL20(?:-like)?-(01|02)_(\d{4})(\d{2})")
_DAY = re.compile(r"day(\d\d)")

_NEEDED = ("mean_fb", "sigma", "length_sum", "n_segs")
_CLOCKS = {"delta_time_beg": "data_begin", "delta_time_end": "data_end"}
_NO_NUMBER = 1e9
"""No freeboard, length, count, or time since 2018 [s] is as large; the fills 3.4e38, 1.8e308 and 2147483647 are."""

_MEANINGS = {
    "n_segments": ("number of segments", "1"),
    "length_sum": ("sum of segment lengths", "m"),
    "length_mean": ("mean segment length", "m"),
    "freeboard_mean": ("mean freeboard", "m"),
    "freeboard_std": ("standard deviation of freeboard", "m"),
    "data_begin": ("begin of the data of the layer (delta_time_beg)", ""),
    "data_end": ("end of the data of the layer (delta_time_end)", ""),
}


@dataclass(frozen=True, eq=False)
class Atl20:
    """One month of ATL20 of one hemisphere, under altiflow's names.

    Attributes
    ----------
    monthly
        On (time, y, x) with one time: ``n_segments`` (int64), ``length_sum``, ``length_mean`` [m],
        ``freeboard_mean``, ``freeboard_std`` [m] (``mean_fb``, ``sigma``); empty cells are NaN with n_segments 0. On
        (time): ``data_begin``, ``data_end`` (``delta_time_beg``, ``delta_time_end``, UTC; NaT where there are none),
        ``time_bnds``; and the grid mapping ``crs``. y runs from the top down.
    daily
        The same for each day that has a group in the file, in order; days may be missing.
    hemisphere
        "north" or "south".
    """

    monthly: xr.Dataset
    daily: xr.Dataset
    hemisphere: Hemisphere

    @property
    def month(self) -> str:
        """The month, such as "2019-01"."""
        return str(self.monthly["time"].to_numpy()[0])[:7]


def read_atl20(path: str | Path) -> Atl20:
    """Return the grids of an ATL20 file, or of one that :func:`altiflow.gridding.atl20.write_atl20` made.

    Parameters
    ----------
    path
        The file, of release 001 or later; ``grid_y`` may run either way, days may be missing, and a part cut from the
        grid is read as well if the file name tells the hemisphere.

    Raises
    ------
    InputError, UnsupportedFormatError
        If there is no such file, or it is not HDF5.
    WrongProductError
        If it says that it is another product, its cells are not those of ATL20, or nothing tells the hemisphere.
    MissingDataError
        If a group or data set is missing, by name, or nothing tells the month.
    CorruptGranuleError
        If the file is damaged, or contradicts itself.
    GridMismatchError
        If it states another CRS than that of its cells; EPSG:3413 is one.

    Notes
    -----
    The CRS is that of the hemisphere, EPSG:3411 or EPSG:3412 (Hughes 1980 ellipsoid), once what the file states does
    not contradict it: its variables name it as "../crs: ../grid_x ../crs: ../grid_y", which common tools do not
    follow, and its ``crs_wkt`` begins with a stray quotation mark. ``grid_lat`` and ``grid_lon`` are not used: the
    longitude of release 001 is said to be turned by 180 degrees. Fill is what the file declares, and every number
    beyond 1e9. A month's file reaches past its last midnight, so that the month is that of the middle of the time it
    covers (``time_coverage_start`` and ``_end``, else the delta times), and only without those that of its name.

    The layout is that of files of release 001 to 004 as others have printed it: ``grid_y`` descending, ``mean_fb``
    float32; a public script takes one number from ``delta_time_beg``. No official file was at hand, so that reading
    one is not verified; nor are the types of the other data sets, what the delta times delimit, how the monthly
    ``sigma`` is defined, and whether a day without data has a group.

    Examples
    --------
    >>> read_atl20("ATL20-01_20200301003512_09880601_004_01.h5")
    Traceback (most recent call last):
    altiflow.errors.InputError: there is no file ATL20-01_20200301003512_09880601_004_01.h5
    """
    source = Path(path)
    check_hdf5(source)
    try:
        with h5py.File(source, "r") as file:
            return _read(file, source)
    except (OSError, RuntimeError) as error:
        raise CorruptGranuleError(
            f"{source.name} cannot be read, truncated or damaged; fetch it again ({error})"
        ) from error


def _read(file: h5py.File, source: Path) -> Atl20:
    """Return the grids of an open file."""
    product = _text(file.attrs.get("short_name", "ATL20"))
    if not product.startswith("ATL20"):
        raise WrongProductError(f"{source.name} is {product}, not ATL20; give a file of ATL20")
    for name in ("grid_x", "grid_y", "monthly", "daily"):
        if name not in file:
            raise MissingDataError(f"{source.name} lacks {name!r}, so it is no whole ATL20 file; fetch it again")
    x, y = (np.asarray(file[name][...], float).ravel() for name in ("grid_x", "grid_y"))
    hemisphere = _hemisphere(source, (y.size, x.size))
    _check_crs(file, _PLANS[hemisphere], source)
    upward = y.size > 1 and y[0] < y[-1]
    y = y[::-1] if upward else y
    _check_lattice(x, y, hemisphere, source)
    groups = {int(found[1]): name for name in file["daily"] if (found := _DAY.fullmatch(name))}
    layers = {0: _read_group(file["monthly"], (y.size, x.size), source, upward=upward)}
    for day in sorted(groups):
        layers[day] = _read_group(file["daily"][groups[day]], (y.size, x.size), source, upward=upward)
    month = _month(file, source, layers[0])
    start, one = month.astype("datetime64[D]"), np.timedelta64(1, "D")
    days = np.array([start + (day - 1) * one for day in layers if day], dtype="datetime64[D]").reshape(-1)
    if days.size and (days.min() < start or days.max().astype("datetime64[M]") != month):
        raise CorruptGranuleError(f"{source.name}: {max(groups)} is no day of {month}; give the file its own name back")
    frame = {"x": x, "y": y, "plan": _PLANS[hemisphere]}
    whole = np.array([[start, (month + np.timedelta64(1, "M")).astype("datetime64[D]")]])
    monthly = _dataset([layers[0]], whole, **frame)
    daily = _dataset([layers[day] for day in sorted(groups)], np.stack([days, days + one], axis=1), **frame)
    told = _told(file, source)
    return Atl20(monthly.assign_attrs(told, monthly_mean="mean_of_days"), daily.assign_attrs(told), hemisphere)


def _hemisphere(source: Path, shape: tuple[int, int]) -> Hemisphere:
    """Return the hemisphere by file name and size of the grid."""
    found = _NAME.search(source.name)
    by_size = next((name for name, plan in _PLANS.items() if plan.shape == shape), None)
    by_name = _CODES[found[1]] if found else None
    if by_name and by_size and by_name != by_size:
        raise CorruptGranuleError(
            f"{source.name} is of the {by_name} by its name and of the {by_size} by its grid of {shape[0]} rows x "
            f"{shape[1]} cols; give the file its own name back"
        )
    if (hemisphere := by_name or by_size) is None:
        raise WrongProductError(
            f"{source.name} has a grid of {shape[0]} rows x {shape[1]} cols; that of ATL20 has 448 x 304 (north) or "
            "332 x 316 (south), and the name of a part of it begins with ATL20-01 or ATL20-02"
        )
    return hemisphere


def _check_crs(file: h5py.File, plan: _Plan, source: Path) -> None:
    """Refuse a file whose grid mapping, if it has one, states another CRS than that of its cells."""
    mapping = file["crs"].attrs if "crs" in file else {}
    # The official crs_wkt begins with a stray quotation mark, so that it cannot be parsed as it is.
    found = re.search(_CODE, _text(mapping.get("crs_wkt", "")).strip('" '))
    named = re.search(r"EPSG:+(\d+)$", _text(mapping.get("srid", "")))
    stated = {int(match[1]) for match in (found, named) if match}
    radius = float(np.ravel(mapping.get("semi_major_axis", _HUGHES_RADIUS))[0])
    if stated - {plan.epsg} or abs(radius - _HUGHES_RADIUS) > 1:
        shown = ", ".join(f"EPSG:{code}" for code in sorted(stated)) or "no EPSG code"
        raise GridMismatchError(
            f"{source.name} states {shown} and an ellipsoid of {radius:.0f} m; ATL20 lies on EPSG:{plan.epsg} (Hughes "
            "1980, 6378273 m). EPSG:3413 and EPSG:3976 are the same maps on WGS84, where a place falls 11 m away at 85 "
            "degrees of latitude and 70 m at 60: grid again, do not relabel"
        )


def _check_lattice(x: Floats, y: Floats, hemisphere: Hemisphere, source: Path) -> None:
    """Refuse centres that are not cells of the hemisphere's grid, one after the other."""
    plan = _PLANS[hemisphere]
    for name, values, first, step, count in (
        ("grid_x", x, plan.first[0], _CELL, plan.shape[1]),
        ("grid_y", y, plan.first[1], -_CELL, plan.shape[0]),
    ):
        place = (values - first) / step
        on = place.size > 0 and np.abs(place - np.round(place[0]) - np.arange(place.size)).max() <= 1e-5
        if not (on and round(place[0]) >= 0 and round(place[-1]) < count):
            raise WrongProductError(
                f"{source.name}: {name} holds {values[:2].tolist()} ..., not cell centres of {plan.name} "
                f"({first:.0f}, {first + step:.0f} ... m)"
            )


def _read_group(
    group: h5py.Group, shape: tuple[int, int], source: Path, *, upward: bool
) -> dict[str, npt.NDArray[Any]]:
    """Return the layers of one group, each (rows, cols), from the top down."""
    missing = [name for name in _NEEDED if name not in group]
    if missing:
        there = ", ".join(group) or "nothing"
        raise MissingDataError(f"{source.name}: {group.name} lacks {', '.join(missing)}; it has {there}")
    raw = {name: _values(group[name], source, shape) for name in _NEEDED}
    raw = {name: values[::-1] for name, values in raw.items()} if upward else raw
    count = np.where(raw["n_segs"] > 0, raw["n_segs"], 0).astype(np.int64)
    length = raw["length_sum"]
    found: dict[str, npt.NDArray[Any]] = {
        "n_segments": count,
        "length_sum": length,
        "length_mean": np.divide(length, count, out=np.full(shape, np.nan), where=count > 0),
        "freeboard_mean": raw["mean_fb"],
        "freeboard_std": raw["sigma"],
    }
    for name, known in _CLOCKS.items():
        found[known] = _moment(_values(group[name], source) if name in group else np.empty(0), known)
    return found


def _moment(seconds: Floats, which: str) -> npt.NDArray[np.datetime64]:
    """Return the first or the last of some moments (), in seconds since the epoch of ICESat-2; NaT if there is none."""
    known = seconds[np.isfinite(seconds)]
    if known.size == 0:
        return np.array("NaT", "datetime64[ns]")
    chosen = float(known.min() if which == "data_begin" else known.max())
    moment = np.datetime64(DELTA_TIME_EPOCH, "us") + np.timedelta64(round(chosen * 1e6), "us")
    return np.array(moment, "datetime64[ns]")


def _values(variable: h5py.Dataset, source: Path, shape: tuple[int, int] | None = None) -> Floats:
    """Return the numbers of a data set of a shape, any if None; NaN for fill."""
    if shape is not None and variable.shape != shape:
        why = "; rows and columns look swapped" if variable.shape == shape[::-1] else ""
        raise CorruptGranuleError(
            f"{source.name}: {variable.name} is {variable.shape}, the grid {shape[0]} rows x {shape[1]} cols{why}"
        )
    raw = variable[...]
    declared = np.isin(raw, np.ravel(variable.attrs["_FillValue"])) if "_FillValue" in variable.attrs else False
    values = raw.astype(np.float64)
    with np.errstate(invalid="ignore"):
        values[declared | ~(np.abs(values) < _NO_NUMBER)] = np.nan
    return np.asarray(values, np.float64)


def _month(file: h5py.File, source: Path, monthly: dict[str, npt.NDArray[Any]]) -> np.datetime64:
    """Return the month of a file: of the middle of the time that it covers, else of its data, else of its name."""
    ends = [_text(file.attrs.get(f"time_coverage_{end}", "")) for end in ("start", "end")]
    if all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", end) for end in ends):
        span = np.array([end[:19] for end in ends], "datetime64[s]")
    else:
        span = np.array([monthly["data_begin"], monthly["data_end"]], "datetime64[s]")
    if not np.isnat(span).any():
        return np.datetime64(str(span[0] + (span[1] - span[0]) // 2)[:7], "M")
    named = _NAME.search(source.name)
    if named is None:
        raise MissingDataError(
            f"{source.name} does not tell its month: it lacks time_coverage_start and _end, the delta times of monthly "
            "and a name such as ATL20-01_yyyymm..."
        )
    return np.datetime64(f"{named[2]}-{named[3]}", "M")


def _dataset(layers: list[dict[str, npt.NDArray[Any]]], bounds: npt.NDArray[Any], **frame: Any) -> xr.Dataset:
    """Return the layers on (time, y, x)."""
    x, y, plan = frame["x"], frame["y"], frame["plan"]
    bounds = bounds.astype("datetime64[ns]").reshape(-1, 2)
    axis = {
        name: {"standard_name": f"projection_{name}_coordinate", "units": "m", "axis": name.upper()} for name in "xy"
    }
    dataset = xr.Dataset(
        coords={
            "time": ("time", bounds[:, 0], {"standard_name": "time", "bounds": "time_bnds", "axis": "T"}),
            "y": ("y", y, axis["y"]),
            "x": ("x", x, axis["x"]),
            "time_bnds": (("time", "nv"), bounds),
        }
    )
    for name, (meaning, unit) in _MEANINGS.items():
        timed = name in _CLOCKS.values()
        kind = "datetime64[ns]" if timed else "int64" if name == "n_segments" else "float64"
        dims = ("time",) if timed else ("time", "y", "x")
        stack = np.array([layer[name] for layer in layers], dtype=kind).reshape(
            (len(bounds), y.size, x.size)[: len(dims)]
        )
        attributes = {"long_name": meaning} | ({} if timed else {"units": unit, "grid_mapping": "crs"})
        dataset[name] = (dims, stack, attributes)
    crs = pyproj.CRS.from_epsg(plan.epsg)
    attributes = {name: text for name, text in crs.to_cf().items() if text is not None}
    corner = f"{plan.first[0] - _CELL / 2} {_CELL} 0.0 {plan.first[1] + _CELL / 2} 0.0 {-_CELL}"
    attributes |= {"spatial_ref": crs.to_wkt(), "GeoTransform": corner, "grid_name": plan.name}
    dataset["crs"] = xr.Variable((), np.int32(0), attributes)
    return dataset


def _told(file: h5py.File, source: Path) -> dict[str, str]:
    """Return what the file says of itself."""
    names = ("title", "short_name", "history", "identifier_product_doi", "time_coverage_start", "time_coverage_end")
    told = {name: _text(file.attrs[name]) for name in names if name in file.attrs}
    return told | {"product": told.get("short_name", "ATL20"), "granules": source.stem}


def _text(value: Any) -> str:
    """Return an attribute as text: old files hold bytes, or arrays of one."""
    found = np.ravel(value)[0] if np.size(value) else ""
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)
