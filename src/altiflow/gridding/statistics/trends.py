"""Trends: how fast the value of each cell changes, and how surely."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import InputError
from altiflow.gridding.frame import make_frame
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.statistics.fits import CellFits, Noise, fit_cells
from altiflow.gridding.statistics.layers import (
    carry_history,
    describe_value,
    find_variable,
    period_bounds,
    turn_layers,
)
from altiflow.units import YEAR_DAYS

__all__ = ["TrendWeights", "trend"]

TrendWeights: TypeAlias = Literal["sigma", "length_sum"]
"""What values are weighted by: 1/sigma² of the variable ``<value>_sigma``, or the length that went in."""

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[Any]

_BLOCK = 1 << 22
"""Values taken at a time."""

_DAY = np.timedelta64(86_400_000_000_000, "ns")


def trend(
    dataset: xr.Dataset,
    *,
    value: str = "freeboard",
    seasonal: bool = False,
    weights: TrendWeights | None = None,
    robust: bool = False,
    min_count: int | None = None,
    noise: Noise = "white",
    epoch: str | np.datetime64 | None = None,
) -> xr.Dataset:
    """Return the least-squares trend of each cell's value against time.

    Parameters
    ----------
    dataset
        Gridded Dataset, dims (time, y, x); a value counts at the middle of its period.
    value
        What to fit: the variable ``<value>_mean``, or ``<value>`` where that is not there, as for
        ``"freeboard_anomaly"``.
    seasonal
        Whether to fit an annual cosine and sine along with the line.
    weights
        None weighs alike; "sigma" by 1/``<value>_sigma``² (``<value>_mean_sigma`` also goes), "length_sum" by
        length. Values without a positive weight are left out.
    robust
        Whether to reject outliers and fit again, until none changes.
    min_count
        Cells with fewer values in the fit are NaN; None asks for one more than there are parameters (2, or 4 with
        `seasonal`).
    noise
        "white" takes the residuals for independent; "ar1" widens the error for the lag-1 correlation φ of the
        residuals of neighbouring periods by ((1+φ)/(1-φ))^½, with a negative φ taken for 0.
    epoch
        When the intercept holds (UTC); None is the midnight in the middle of the record.

    Returns
    -------
    xarray.Dataset
        On (y, x): ``<value>_trend`` [unit per year of 365.25 days] and ``<value>_trend_sigma``,
        ``<value>_intercept`` at the attribute ``epoch``, ``<value>_residual_std``, ``n_used``, ``n_rejected``;
        with `seasonal` ``<value>_amplitude`` and ``<value>_phase``, the time of the maximum [days after 1 January];
        with "ar1" ``<value>_residual_lag1``.

    Raises
    ------
    InputError
        If a variable is missing, the periods are undated, or an argument means nothing.

    Notes
    -----
    The error is from the scatter of the residuals, s² = Σwr²/(n-p), whatever the scale of the weights.

    Outliers are residuals (times w^½) further than 3 scaled median absolute deviations (1.4826 MAD) from their
    median; all values are judged anew in each of at most 10 rounds, so that one thrown out by a first fit that
    outliers had bent may come back. Of normal noise 0.3 % go, and more in short records: ask for a `min_count` of
    ten or so. EVMD (elevation verification from multiple DEMs, of the CARST toolkit) clusters the elevations
    before any fit and keeps those that others back to within a fixed number of metres, so it must be told the
    scatter, and outliers that agree with one another stand; the rejection here needs no scale, but more than half
    of the values must follow the line.

    The factor of "ar1" is the large-sample one of Weatherhead et al. (1998), J. Geophys. Res. 103(D14), 17149; short
    records underestimate φ, so that the error is then still too small. It is meant for even periods.

    Examples
    --------
    An unequal year does not bend the line: time counts in days, not in layers.

    >>> grid = Grid.named("EASE2_N25km").window(slice(0, 1), slice(0, 1))
    >>> starts = np.array(["2019-01-01", "2019-01-11", "2020-01-01", "2021-01-01"], "datetime64[D]")
    >>> data = make_frame(grid, np.stack([starts, starts + 10], axis=1))
    >>> rise = 0.5 * (starts - starts[0]).astype(float) / 365.25
    >>> data["height_mean"] = (("time", "y", "x"), rise[:, None, None], {"units": "m"})
    >>> found = trend(data, value="height")
    >>> found.height_trend.values.round(9).tolist(), found.height_trend.units
    ([[0.5]], 'm year-1')
    """
    _check(noise, weights)
    period_bounds(dataset)
    layers = turn_layers(dataset).sortby("time")
    name, bounds = find_variable(layers, value), period_bounds(layers)
    middle = bounds[:, 0] + (bounds[:, 1] - bounds[:, 0]) // 2
    start, told = _find_epoch(epoch, bounds), describe_value(layers, name)
    time = (middle - start) / _DAY / YEAR_DAYS
    january = start.astype("datetime64[Y]").astype("datetime64[ns]")
    wave = 2 * np.pi * ((middle - january) / _DAY / YEAR_DAYS) if seasonal else None
    source = layers[name].transpose("time", "y", "x")
    fit = partial(fit_cells, time, wave=wave, robust=robust, min_count=min_count or 0, noise=noise)
    found = _fit_blocks(source, _weight_variable(layers, name, value, weights), weights, fit)
    frame = make_frame(Grid.from_dataset(layers), [[bounds.min(), bounds.max()]]).isel(time=0)
    _fill_trend(frame, value, told, found, start)
    if seasonal:
        _fill_wave(frame, value, told, found)
    if noise == "ar1":
        meaning = {"long_name": f"lag-1 correlation of the residuals of {value}", "units": "1", "grid_mapping": "crs"}
        frame[f"{value}_residual_lag1"] = (("y", "x"), found["lag1"], meaning)
    step = f"trend(value={value!r}, {seasonal=}, {weights=}, {robust=}, {min_count=}, {noise=})"
    frame.attrs |= carry_history(layers, step) | {"epoch": _word(start), "n_periods": len(time)}
    return frame


def _check(noise: str, weights: str | None) -> None:
    if noise not in get_args(Noise):
        raise InputError(f"noise must be 'white' or 'ar1', got {noise!r}")
    if weights is not None and weights not in get_args(TrendWeights):
        raise InputError(f"weights must be None, 'sigma' or 'length_sum', got {weights!r}")


def _find_epoch(epoch: str | np.datetime64 | None, bounds: npt.NDArray[np.datetime64]) -> np.datetime64:
    """Return the time of the intercept."""
    if bounds.size == 0:
        raise InputError("the Dataset has no period to fit a trend to")
    if epoch is None:
        first, last = bounds.min(), bounds.max()
        day: np.datetime64 = (first + (last - first) // 2).astype("datetime64[D]").astype("datetime64[ns]")
        return day
    try:
        found: np.datetime64 = np.datetime64(epoch).astype("datetime64[ns]")
    except ValueError as error:
        raise InputError(f"epoch={epoch!r} is no time; give one such as '2020-01-01'") from error
    if np.isnat(found):
        raise InputError("epoch is NaT; give a time such as '2020-01-01', or None")
    return found


def _weight_variable(layers: xr.Dataset, name: str, value: str, weights: TrendWeights | None) -> xr.DataArray | None:
    """Return the variable to weigh by, on (time, y, x)."""
    if weights is None:
        return None
    if weights == "length_sum":
        # Of a second value of a tally the lengths have its name before them.
        own = f"{value}_length_sum"
        found = own if own in layers.data_vars else find_variable(layers, "length_sum", ("",))
    else:
        stem = name if f"{name}_sigma" in layers.data_vars else value
        found = find_variable(layers, stem, ("_sigma",))
    return layers[found].transpose("time", "y", "x")


def _fit_blocks(
    source: xr.DataArray,
    weighing: xr.DataArray | None,
    weights: TrendWeights | None,
    fit: Callable[[Floats, Floats], CellFits],
) -> dict[str, Numbers]:
    """Return the fields of the fits of all cells, each (rows, cols), read and fitted some rows at a time."""
    layers, height, width = source.shape
    rows = max(_BLOCK // max(layers * width, 1), 1)
    parts = []
    for first in range(0, height, rows):
        part = slice(first, first + rows)
        values = _flat(source, part)
        weight = np.ones_like(values) if weighing is None else _flat(weighing, part)
        if weights == "sigma":
            weight = np.divide(1.0, weight**2, out=np.zeros_like(weight), where=weight > 0)
        parts.append(fit(values, weight))
    names = [one.name for one in fields(CellFits)]
    return {name: np.concatenate([getattr(part, name) for part in parts]).reshape(height, width) for name in names}


def _flat(variable: xr.DataArray, rows: slice) -> Floats:
    """Return the values (t, cells) of some rows."""
    values = np.asarray(variable.isel(y=rows).to_numpy(), float)
    return values.reshape(len(values), -1)


def _word(time: np.datetime64) -> str:
    """Return a time in words: the day, and the second unless it is midnight."""
    text = str(time.astype("datetime64[s]"))
    return text.removesuffix("T00:00:00")


def _fill_trend(
    frame: xr.Dataset, value: str, told: dict[str, str], found: dict[str, Numbers], epoch: np.datetime64
) -> None:
    """Put the line, its errors and counts into the frame."""
    unit = told.get("units")
    rate = {} if unit is None else {"units": "year-1" if unit == "1" else f"{unit} year-1"}
    counting = {"units": "1", "grid_mapping": "crs"}
    support = {"cell_methods": "area: mean", "ancillary_variables": "n_used n_rejected"}
    per_year: dict[str, Any] = {**told, **rate, **support, "year_days": YEAR_DAYS}
    error = per_year | {"ancillary_variables": "n_used"}
    described: dict[str, tuple[str, str, dict[str, Any]]] = {
        f"{value}_trend": ("slope", f"trend of {value}", per_year),
        f"{value}_trend_sigma": ("slope_sigma", f"standard error of the trend of {value}", error),
        f"{value}_intercept": ("intercept", f"{value} of the line at {_word(epoch)}", told | support),
        f"{value}_residual_std": ("residual_std", f"standard deviation of {value} about the fit", told | support),
        "n_used": ("n_used", "number of periods in the fit", counting),
        "n_rejected": ("n_rejected", "number of periods rejected as outliers", counting),
    }
    for name, (statistic, meaning, attributes) in described.items():
        frame[name] = (("y", "x"), found[statistic], {"long_name": meaning} | attributes)
    frame[f"{value}_trend"].attrs["ancillary_variables"] = f"{value}_trend_sigma n_used n_rejected"
    frame[f"{value}_intercept"].attrs["epoch"] = _word(epoch)


def _fill_wave(frame: xr.Dataset, value: str, told: dict[str, str], found: dict[str, Numbers]) -> None:
    """Put amplitude and phase of the annual wave into the frame."""
    cosine, sine = np.asarray(found["cosine"], float), np.asarray(found["sine"], float)
    phase = np.mod(np.arctan2(sine, cosine) / (2 * np.pi), 1.0) * YEAR_DAYS
    amplitude = {"long_name": f"amplitude of the annual wave of {value}", "cell_methods": "area: mean"}
    maximum = {
        "long_name": f"maximum of the annual wave of {value}, days after 1 January",
        "units": "days",
        "grid_mapping": "crs",
    }
    frame[f"{value}_amplitude"] = (("y", "x"), np.hypot(cosine, sine), amplitude | told)
    frame[f"{value}_phase"] = (("y", "x"), phase, maximum)
