"""The tally as a gridded Dataset: dense arrays are made here, and only here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import EmptyDataError, InputError
from altiflow.gridding.frame import make_frame
from altiflow.gridding.kernel import NO_TIME
from altiflow.gridding.periods import Times, make_periods
from altiflow.gridding.tally.cells import Cells, cells_of, histograms, quantiles_of
from altiflow.gridding.tally.passes import granule_release
from altiflow.version import __version__

if TYPE_CHECKING:
    from altiflow.gridding.tally.tally import Tally

__all__ = ["period_edges", "tally_dataset", "tally_periods"]

# Freeboard of a laser is that of the snow surface, so it is not the CF standard name sea_ice_freeboard.
_MARGIN = 2
"""Cells around the data that are kept with `crop`."""
_STANDARD_NAMES = {("ATL06", "height"): "height_above_reference_ellipsoid"}


@dataclass(frozen=True)
class _Layer:
    """One variable: its name, its numbers per filled cell (m,) or (m, bins), and its attributes."""

    name: str
    numbers: npt.NDArray[Any]
    attributes: dict[str, Any]


def tally_dataset(
    tally: Tally,
    *,
    freq: str | None = None,
    periods: npt.ArrayLike | None = None,
    values: Sequence[str] | None = None,
    quantiles: Sequence[float] = (),
    min_count: int = 1,
    min_weight: float = 0.0,
    section_rho: float = 0.0,
    crop: bool = False,
) -> xr.Dataset:
    """Return the statistics of a tally per cell and period.

    Parameters
    ----------
    tally
        The tally.
    freq
        "D", "7D", "MS" (month), "QS-DEC" (season) ...: see :func:`altiflow.gridding.make_periods`; None puts all into
        one layer, from the first time to the last.
    periods
        Instead of `freq`, [start, end) of each period (t, 2), e.g. a winter; what lies in none of them is left out.
    values
        Which values; all where not given.
    quantiles
        Shares from 0 to 1, of a tally that keeps samples; the median absolute deviation and the mode come along.
    min_count, min_weight
        Cells with fewer segments, or less weight, are empty but for their count.
    section_rho
        Correlation of the errors of neighbouring reference-surface sections of a pass, from 0 to 1, in
        ``<value>_sigma``; of those k apart it is its power k. From version 7 of ATL10 on the surface is interpolated
        from section to section, so that it is not 0.
    crop
        Give the window that holds data, not the whole grid.

    Returns
    -------
    xarray.Dataset
        On (time, y, x): ``n_segments``, ``n_passes``, ``n_sections`` (with reference surfaces); with w the weights
        and h the values ``length_sum`` Σw, ``length_mean`` Σw/n, ``<value>_mean`` Σwh/Σw, ``<value>_std``
        (Σw(h-mean)²/Σw)^½, ``<value>_min``, ``<value>_max``, ``<value>_sigma`` (with the segments' 1-sigma),
        ``<value>_sigma_passes``, ``time_first``, ``time_last``; asked for, ``<value>_median``, ``<value>_q05`` ...,
        ``<value>_mad``, ``<value>_mode``, and ``<value>_histogram`` on (bin, time, y, x). Empty cells are NaN with
        n_segments 0. Of a second value the counts and lengths begin with its name.

    Raises
    ------
    InputError
        If the periods cut through the tally's time bins, a value is not in the tally, quantiles are asked of a
        tally without samples, or section_rho is no correlation.
    EmptyDataError
        With `crop`, if no cell holds anything.
    """
    names = list(values) if values is not None else list(tally.values)
    unknown = [name for name in names if name not in tally.values]
    if unknown:
        raise InputError(f"the tally has no value {', '.join(unknown)}; it has {', '.join(tally.values)}")
    if quantiles and tally.options.quantiles is None:
        raise InputError("the tally keeps no samples; make it with quantiles=0.001 or quantiles='exact'")
    edges = tally_periods(tally, freq) if periods is None else _given_periods(tally, periods)
    step = None if freq is None and periods is None else tally.options.step
    found = {
        name: cells_of(tally.records, tally.values.index(name), edges, step, section_rho=section_rho) for name in names
    }
    grid, rows, cols = _window(tally, list(found.values())) if crop else (tally.grid, 0, 0)
    frame = make_frame(grid, edges)
    frame.attrs |= _provenance(tally, list(found.items()), freq if periods is None else edges)
    frame.attrs |= {"section_rho": section_rho} if section_rho else {}
    for number, (name, cells) in enumerate(found.items()):
        keep = (cells.states["count"] >= min_count) & (cells.states["weight"] >= min_weight)
        place = _places(cells, tally, grid.shape, (rows, cols))
        for layer in _layers(tally, name, cells, quantiles, prefix="" if number == 0 else f"{name}_"):
            shown = keep if layer.numbers.dtype.kind != "i" else np.ones_like(keep)
            frame[layer.name] = _dense(frame, layer, place, shown)
    if tally.options.histogram:
        frame = frame.assign_coords(_bins(tally.options.histogram))
    return frame


def tally_periods(tally: Tally, freq: str | None) -> Times:
    """Return [start, end) of the periods of a tally (t, 2)."""
    first, last = tally.span
    if freq is not None and tally.options.step is None:
        raise InputError(f"freq={freq!r} needs a tally with time bins; make it with step='D'")
    if freq is not None:
        bins = tally.records.states["bin"]
        if bins.size == 0:
            raise EmptyDataError("the tally is empty, so it has no periods; give periods=")
        first = np.datetime64(int(bins.min()), "s")
        last = np.datetime64(int(bins.max()), "s")
    return make_periods(first.astype("datetime64[ns]"), last.astype("datetime64[ns]"), freq)


def _given_periods(tally: Tally, periods: npt.ArrayLike) -> Times:
    """Return periods as they were given (t, 2), once it is known that they can be told apart."""
    edges = period_edges(periods)
    if (edges[:, 0] >= edges[:, 1]).any() or (edges[1:, 0] < edges[:-1, 1]).any():
        raise InputError(f"periods are [start, end), one after the other and without overlap, got {periods!r}")
    if tally.options.step is None:
        raise InputError("periods= needs a tally with time bins; make it with step='D'")
    return edges


def period_edges(periods: npt.ArrayLike) -> Times:
    """Return [start, end) of periods (t, 2) that somebody gave."""
    given = np.asarray(periods)
    told = f"periods are pairs of times such as ['2018-11-01', '2019-05-01'], got {periods!r}"
    if given.size == 0 or given.size % 2 or given.dtype.kind in "iufb":
        raise InputError(told)
    try:
        edges = given.astype("datetime64[ns]").reshape(-1, 2)
    except (TypeError, ValueError) as error:
        raise InputError(f"{told} ({error})") from error
    if np.isnat(edges).any():
        raise InputError(told)
    return np.asarray(edges)


def _window(tally: Tally, found: list[Cells]) -> tuple[Any, int, int]:
    """Return the part of the grid that holds data, two cells more on each side, and its first row and column."""
    cells = np.concatenate([cells.cell for cells in found])
    if cells.size == 0:
        raise EmptyDataError(f"no segment lies in the grid {tally.grid.name} and the periods; choose others")
    row, col = np.divmod(cells, tally.grid.shape[1])
    first = max(int(row.min()) - _MARGIN, 0), max(int(col.min()) - _MARGIN, 0)
    last = int(row.max()) + 1 + _MARGIN, int(col.max()) + 1 + _MARGIN
    window = tally.grid.window(slice(first[0], last[0]), slice(first[1], last[1]))
    return window, *first


def _places(cells: Cells, tally: Tally, shape: tuple[int, int], corner: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Return where each filled cell is in the dense array, (m,)."""
    row, col = np.divmod(cells.cell, tally.grid.shape[1])
    return (cells.period * shape[0] + row - corner[0]) * shape[1] + col - corner[1]


def _dense(
    frame: xr.Dataset, layer: _Layer, place: npt.NDArray[np.int64], shown: npt.NDArray[np.bool_]
) -> tuple[tuple[str, ...], npt.NDArray[Any], dict[str, Any]]:
    """Return the variable with its empty cells."""
    shape = (frame.sizes["time"], frame.sizes["y"], frame.sizes["x"], *layer.numbers.shape[1:])
    kind = layer.numbers.dtype
    empty: Any = {"i": 0, "M": np.datetime64("NaT", "ns")}.get(kind.kind, np.nan)
    dense = np.full(shape, empty, kind)
    dense.reshape(-1, *layer.numbers.shape[1:])[place[shown]] = layer.numbers[shown]
    if dense.ndim == 3:
        return ("time", "y", "x"), dense, layer.attributes
    # CF recommends other dimensions left of time, y and x.
    return ("bin", "time", "y", "x"), np.ascontiguousarray(np.moveaxis(dense, -1, 0)), layer.attributes


def _layers(tally: Tally, value: str, cells: Cells, quantiles: Sequence[float], *, prefix: str) -> Iterator[_Layer]:
    """Yield the variables of one value."""
    states, units = cells.states, tally.told.get("units", {})
    counted = {"units": "1", "standard_name": "number_of_observations"}
    yield _layer(f"{prefix}n_segments", states["count"], "number of segments", "sum", counted)
    yield _layer(f"{prefix}n_passes", cells.passes, "number of passes (granule and beam)", "", {"units": "1"})
    if "sections" in cells.records.details and value == "freeboard":
        yield _layer("n_sections", cells.sections, "number of reference-surface sections", "", {"units": "1"})
    if tally.weight:
        told = {"units": units[tally.weight]} if tally.weight in units else {}
        stem = prefix + ("length" if tally.weight == "segment_length" else tally.weight)
        yield _layer(f"{stem}_sum", states["weight"], f"sum of {tally.weight}", "sum", told)
        yield _layer(f"{stem}_mean", states["weight"] / states["count"], f"mean {tally.weight}", "mean", told)
    yield from _moments(tally, value, cells, prefix)
    if quantiles:
        told = _known(tally, value)
        for name, numbers in quantiles_of(cells, quantiles).items():
            yield _layer(f"{value}_{name}", numbers, f"{_QUANTILES.get(name, 'quantile')} of {value}", "", told)
    if tally.options.histogram:
        weights = histograms(cells, len(tally.options.histogram) - 1)
        yield _layer(f"{value}_histogram", weights, f"weight of segments in bins of {value}", "sum", {})
    for name, field in (("time_first", "first"), ("time_last", "last")):
        if (states[field] != NO_TIME).any():
            times = states[field].astype("datetime64[ns]")
            yield _layer(f"{prefix}{name}", times, f"time of the {field} segment", "", _CLOCK)


_CLOCK = {"standard_name": "time", "units_metadata": "leap_seconds: none"}
_QUANTILES = {"median": "weighted median", "mad": "weighted median absolute deviation", "mode": "mode"}


def _moments(tally: Tally, value: str, cells: Cells, prefix: str) -> Iterator[_Layer]:
    """Yield mean, scatter, extremes and uncertainty of one value."""
    states, told = cells.states, _known(tally, value) | {"ancillary_variables": f"{prefix}n_segments"}
    by = f"weighted by {tally.weight}" if tally.weight else "unweighted"
    yield _layer(f"{value}_mean", states["mean"], f"mean {value}, {by}", f"mean ({by})", told)
    scatter = f"population standard deviation of {value}, {by}"
    yield _layer(f"{value}_std", cells.std, scatter, f"standard_deviation ({by})", told)
    yield _layer(f"{value}_min", states["low"], f"smallest {value}", "minimum", told)
    yield _layer(f"{value}_max", states["high"], f"largest {value}", "maximum", told)
    plain = {name: text for name, text in told.items() if name != "standard_name"}
    if np.isfinite(states["noise"]).any():
        formal = {
            "comment": "from the 1-sigma of the segments; that of a reference surface is common to its section, and "
            "segments that overlap count the same photons several times"
        }
        yield _layer(f"{value}_sigma", cells.sigma, f"1-sigma of the mean {value}, formal", "", plain | formal)
    spread = {"comment": "from the scatter of the means of passes (granule and beam); needs two"}
    empirical = f"1-sigma of the mean {value}, empirical"
    yield _layer(f"{value}_sigma_passes", cells.sigma_passes, empirical, "", plain | spread)


def _layer(name: str, numbers: npt.NDArray[Any], meaning: str, method: str, told: dict[str, Any]) -> _Layer:
    """Return a variable with its attributes."""
    attributes = {"long_name": meaning, **told, "grid_mapping": "crs"}
    if method:
        attributes["cell_methods"] = f"time: area: {method}"
    return _Layer(name, np.ascontiguousarray(numbers), attributes)


def _known(tally: Tally, column: str) -> dict[str, str]:
    """Return unit and CF standard name of a column, as far as the provenance tells them."""
    found = {
        "units": tally.told.get("units", {}).get(column),
        "standard_name": _STANDARD_NAMES.get((str(tally.told.get("product")), column)),
    }
    return {name: text for name, text in found.items() if text}


def _bins(edges: tuple[float, ...]) -> dict[str, Any]:
    """Return the coordinate of the histogram: the middles of the bins, with their bounds."""
    bounds = np.stack([edges[:-1], edges[1:]], axis=1)
    attributes = {"long_name": "middle of the bin; a bin holds its lower edge", "bounds": "bin_bnds"}
    return {"bin": ("bin", bounds.mean(axis=1), attributes), "bin_bnds": (("bin", "nv"), bounds)}


def _words(periods: Times) -> str:
    """Return periods as text, the first and the last of many."""
    words = [" to ".join(str(edge)[:19] for edge in period) for period in periods]
    return "; ".join(words if len(words) < 5 else [words[0], "...", words[-1]])


def _provenance(tally: Tally, found: Sequence[tuple[str, Cells]], asked: str | Times | None) -> dict[str, Any]:
    """Return what the Dataset's attributes say of how it came about; the counts are those of the first value."""
    title, (value, cells) = tally.told.get("title"), found[0]
    number = tally.values.index(value)
    held = int(tally.records.states["count"][tally.records.states["value"] == number].sum())
    shown, left_out = int(cells.states["count"].sum()), int(tally.passes.left_out[:, number].sum())
    attributes: dict[str, Any] = {
        "title": f"Gridded {title}" if title else f"Gridded {', '.join(name for name, _ in found)}",
        "history": f"altiflow {__version__}: tally of {', '.join(tally.values)} weighted by {tally.weight}, "
        + (f"periods={_words(asked)}" if isinstance(asked, np.ndarray) else f"freq={asked!r}"),
        "altiflow_version": __version__,
        "segments_gridded": shown,
        "segments_outside_grid": int(tally.passes.rows.sum()) - left_out - held,
        "segments_left_out": left_out,
    }
    if held > shown:
        attributes["segments_outside_periods"] = held - shown
    if tally.told.get("product"):
        attributes["product"] = tally.told["product"]
    units = np.unique(np.concatenate([each.records.states["unit"] for _, each in found]))
    there = [tally.passes.names[unit] for unit in units]
    for name, words in (("granules", {one for one, _ in there}), ("beams", {one for _, one in there})):
        if any(words):
            attributes[name] = " ".join(sorted(words))
    known = sorted({granule_release(granule) for granule, _ in there} - {("", "")})
    if known:
        attributes["releases"] = " ".join(sorted({release for _, release in known}))
    if known and "(simulated)" not in str(title):
        attributes["doi"] = " ".join(f"10.5067/ATLAS/{product}.{release}" for product, release in known)
    if tally.told.get("missing"):
        attributes["files_missing"] = " ".join(tally.told["missing"])
    if tally.told.get("screens"):
        attributes["screens"] = json.dumps(tally.told["screens"])
    return attributes
