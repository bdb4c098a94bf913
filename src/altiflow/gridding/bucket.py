"""Drop in the bucket: statistics of the segments of one table that fall into each cell of a grid."""

from __future__ import annotations

import json
from math import gcd

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pandas.tseries import offsets

from altiflow.errors import InputError
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.kernel import Engine
from altiflow.gridding.periods import make_periods, parse_offset
from altiflow.gridding.tally import SegmentSource, table_provenance, tally_segments
from altiflow.version import __version__

__all__ = ["grid_segments"]

_DAY = 86_400


def grid_segments(
    table: SegmentSource,
    grid: Grid,
    *,
    value: str,
    weight: str | None = "segment_length",
    freq: str | None = None,
    engine: Engine = "auto",
) -> xr.Dataset:
    """Return length-weighted statistics of a segment table per cell and period.

    Parameters
    ----------
    table
        Points in any CRS, or an Arrow table with longitude and latitude, with columns `value`, `weight` and (for
        `freq`) ``time``.
    grid
        Where to; points outside it never appear in it.
    value
        Column to average.
    weight
        Column of weights; None weighs every segment alike.
    freq
        None puts everything into one layer, from the first time to the last, or undated if no segment has a time;
        else "D", "7D", "MS" (month) ...: see :func:`altiflow.gridding.make_periods`. Periods without data are
        there and empty.
    engine
        "numba", "numpy", or "auto": numba where it is installed.

    Returns
    -------
    xarray.Dataset
        On (time, y, x): ``n_segments``, ``n_passes`` and, where sections are known, ``n_sections``; with w the
        weights and h the values ``length_sum`` Σw, ``length_mean`` Σw/n, ``<value>_mean`` Σwh/Σw, ``<value>_std``
        (Σw(h-mean)²/Σw)^½, ``<value>_min``, ``<value>_max``, ``<value>_sigma`` and ``<value>_sigma_passes`` (1-sigma
        of the mean, formal where the segments' own is known, and from the scatter of passes), ``time_first`` and
        ``time_last``. Empty cells are NaN with n_segments 0. Weights other than segment_length give
        ``<weight>_sum`` and ``<weight>_mean``; without weights there is neither. The attributes
        ``segments_gridded``, ``segments_outside_grid`` and ``segments_left_out`` (no finite value, no positive
        weight, or no time where `freq` asks for one) add up to the rows of the table.

    Raises
    ------
    InputError
        If a column is missing or of the wrong type, if value and weight would give variables of one name, or if
        the table has no points or no CRS.
    EmptyDataError
        If the table has no rows, or no usable one.

    Notes
    -----
    Equations of the ATL20 product: mean segment length L̄ = ΣL/N and mean freeboard h̄ = ΣLh/ΣL; the standard
    deviation is the square root of its σ². For more than one table, see :func:`altiflow.tally_segments`.
    """
    tally = tally_segments(table, grid, value=value, weight=weight, step=_step(freq), engine=engine)
    gridded = tally.to_dataset(periods=_periods(table, freq)) if freq else tally.to_dataset()
    return gridded.assign_attrs(_provenance(table), history=_history(value=value, weight=weight, freq=freq))


def _history(**arguments: str | None) -> str:
    """Return how the Dataset came about."""
    given = ", ".join(f"{name}={argument!r}" for name, argument in arguments.items())
    return f"altiflow {__version__}: grid_segments({given})"


def _provenance(table: SegmentSource) -> dict[str, str]:
    """Return what the table tells of where it comes from and what was left out of it."""
    told = table_provenance(table)
    attributes = {}
    for name in ("product", "doi", "releases", "granules", "beams"):
        if told.get(name):
            attributes[name] = told[name] if isinstance(told[name], str) else " ".join(told[name])
    if "screens" in told:
        attributes["screens"] = json.dumps(told["screens"], sort_keys=True)
    return attributes


def _step(freq: str | None) -> int | None:
    """Return the time bins [s] that periods of this length are made of."""
    if freq is None:
        return None
    offset = parse_offset(freq)
    if not isinstance(offset, offsets.Tick):
        return _DAY
    seconds, rest = divmod(pd.Timedelta(offset).value, 10**9)
    if rest:
        raise InputError(f"freq={freq!r} is shorter than a second, or no whole number of them")
    return gcd(seconds, _DAY)


def _periods(table: SegmentSource, freq: str) -> npt.NDArray[np.datetime64]:
    """Return the periods of a table's times (t, 2)."""
    times = np.empty(0, "datetime64[ns]")
    if isinstance(table, pd.DataFrame | gpd.GeoDataFrame):
        if "time" in table.columns:
            column = table["time"]
            plain = column.dt.tz_convert("UTC").dt.tz_localize(None) if column.dt.tz is not None else column
            times = np.asarray(plain, dtype="datetime64[ns]")
    elif "time" in table.column_names:
        times = table["time"].to_numpy().astype("datetime64[ns]")
    known = times[~np.isnat(times)]
    nat = np.datetime64("NaT", "ns")
    return make_periods(known.min() if known.size else nat, known.max() if known.size else nat, freq)
