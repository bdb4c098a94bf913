"""Climatology: what is normal for the month or season, and the departure from it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import EmptyDataError, InputError
from altiflow.gridding.frame import make_frame
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.grids.lattice import check_same_grid
from altiflow.gridding.statistics.layers import (
    carry_history,
    describe_value,
    find_variable,
    period_bounds,
    turn_layers,
)
from altiflow.gridding.statistics.seasons import SEASONS, Cycle, Slots, cycle_bounds, find_slots

__all__ = ["anomaly", "climatology"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_WORDS = {"month": "calendar month", "season": "season (the December of a DJF is of the year of its January)"}


def climatology(
    dataset: xr.Dataset,
    *,
    value: str = "freeboard",
    by: Cycle = "month",
    min_years: int = 1,
    min_months: int = 2,
    years: tuple[int, int] | None = None,
) -> xr.Dataset:
    """Return the mean over the years of each calendar month or season, cell by cell.

    Parameters
    ----------
    dataset
        Gridded Dataset, dims (time, y, x), in calendar months; for seasons also in whole seasons ("QS-DEC").
    value
        What to average: the variable ``<value>_mean``, or ``<value>`` where that is not there.
    by
        "month", or "season": DJF, MAM, JJA, SON. The December of a DJF belongs to the year of its January.
    min_years
        Cells with fewer years are NaN.
    min_months
        Months that a season of one year must have in a cell for that year to count; a season that was gridded
        as one period has all three.
    years
        First and last year of the base period, both included; None takes all.

    Returns
    -------
    xarray.Dataset
        On (month, y, x) or (season, y, x), all months or seasons of the year: ``<value>_climatology``, and
        ``<value>_climatology_std``, the standard deviation between years (divisor n-1; NaN where n is 1), both in
        the unit of the value, and ``n_years``. The coordinate ``time`` with its climatological bounds tells what
        years went in.

    Raises
    ------
    InputError
        If the periods are not calendar months (or seasons), a month is there twice, or an argument means nothing.
    EmptyDataError
        If no period lies in `years`.

    Notes
    -----
    Each year weighs alike, whatever its number of segments, and so does each month within a season: a year with
    many tracks is no more typical than one with few. A cell's mean is over the years that have it.

    Examples
    --------
    The year with a hundred times the segments weighs no more than the other:

    >>> grid = Grid.named("EASE2_N25km").window(slice(0, 1), slice(0, 1))
    >>> data = make_frame(grid, [["2019-03-01", "2019-04-01"], ["2020-03-01", "2020-04-01"]])
    >>> data["freeboard_mean"] = (("time", "y", "x"), [[[0.2]], [[0.4]]])
    >>> data["n_segments"] = (("time", "y", "x"), [[[1]], [[100]]])
    >>> found = climatology(data).sel(month=3)
    >>> found.freeboard_climatology.values.round(3).tolist(), found.n_years.values.tolist()
    ([[0.3]], [[2]])
    """
    layers = turn_layers(dataset)
    name = find_variable(layers, value)
    slots = find_slots(period_bounds(layers), by)
    base = _check_base(slots, years, min_years, min_months)
    source = layers[name].transpose("time", "y", "x")
    count, shape = (12 if by == "month" else 4), source.shape[1:]
    mean, std = np.full((2, count, *shape), np.nan)
    number = np.zeros((count, *shape), dtype=np.int64)
    for place in range(count):
        chosen = np.flatnonzero((slots.place == place) & (slots.year >= base[0]) & (slots.year <= base[1]))
        if chosen.size:
            values = np.asarray(source.isel(time=chosen).to_numpy(), float)
            least = 1 if by == "month" else min_months
            yearly = _yearly_means(values, slots.year[chosen], slots.months[chosen], least)
            mean[place], std[place], number[place] = _over_years(yearly, min_years)
    frame = _cycle_frame(Grid.from_dataset(layers), by, base)
    told = describe_value(layers, name)
    _fill_climatology(frame, value, told, by, (mean, std, number))
    step = f"climatology(value={value!r}, by={by!r}, min_years={min_years}, years={base})"
    frame.attrs |= carry_history(layers, step) | {"base_period": f"{base[0]} to {base[1]}"}
    return frame


def anomaly(dataset: xr.Dataset, climatology: xr.Dataset, *, value: str = "freeboard") -> xr.Dataset:
    """Return the value minus the climatology of its month or season, cell by cell.

    Parameters
    ----------
    dataset
        Gridded Dataset, dims (time, y, x), in calendar months (or seasons, for a climatology of seasons).
    climatology
        What :func:`climatology` gave, on the same grid.
    value
        What to compare: ``<value>_mean`` (or ``<value>``) with ``<value>_climatology``.

    Returns
    -------
    xarray.Dataset
        ``<value>_anomaly`` on (time, y, x), in the unit of the value; NaN where either is. ``n_segments``,
        ``length_sum`` and ``<value>_sigma`` (as ``<value>_anomaly_sigma``: the error of the climatology is not in
        it) come along where they are there.

    Raises
    ------
    GridMismatchError
        If the two are on different grids; see :func:`altiflow.gridding.remap.regridding.regrid`.
    InputError
        If they are in different units, or the periods do not fit the climatology.

    Examples
    --------
    >>> grid = Grid.named("EASE2_N25km").window(slice(0, 1), slice(0, 1))
    >>> data = make_frame(grid, [["2019-03-01", "2019-04-01"], ["2020-03-01", "2020-04-01"]])
    >>> data["freeboard_mean"] = (("time", "y", "x"), [[[0.25]], [[0.5]]])
    >>> anomaly(data, climatology(data)).freeboard_anomaly.values.ravel().tolist()
    [-0.125, 0.125]
    """
    layers, normal = turn_layers(dataset), turn_layers(climatology)
    name, normal_name = find_variable(layers, value), find_variable(normal, value, ("_climatology",))
    grid = Grid.from_dataset(layers)
    check_same_grid(grid, Grid.from_dataset(normal))
    told = describe_value(layers, name)
    if told.get("units") != normal[normal_name].attrs.get("units"):
        units = normal[normal_name].attrs.get("units")
        raise InputError(f"{name} is in {told.get('units')}, {normal_name} in {units}; bring both to one unit")
    by = _cycle_of(normal)
    bounds = period_bounds(layers)
    rows = _match_labels(normal, by, find_slots(bounds, by).place)
    usual = np.asarray(normal[normal_name].transpose(by, "y", "x").to_numpy(), float)
    values = np.asarray(layers[name].transpose("time", "y", "x").to_numpy(), float)
    frame = make_frame(grid, bounds)
    meaning = {"long_name": f"{value} minus its climatology of the {by}", "cell_methods": "time: area: mean"}
    frame[f"{value}_anomaly"] = (("time", "y", "x"), values - usual[rows], meaning | told)
    for plain, target in (
        ("n_segments", "n_segments"),
        ("length_sum", "length_sum"),
        (f"{value}_sigma", f"{value}_anomaly_sigma"),
    ):
        # Of a second value of a tally the counts have its name before them.
        source = f"{value}_{plain}" if f"{value}_{plain}" in layers.data_vars else plain
        if source in layers.data_vars:
            frame[target] = layers[source].transpose("time", "y", "x").variable
    base = str(climatology.attrs.get("base_period", ""))
    frame.attrs |= carry_history(layers, f"anomaly(value={value!r}) from the climatology of {base or by}")
    frame.attrs |= {"base_period": base} if base else {}
    return frame


def _check_base(slots: Slots, years: tuple[int, int] | None, min_years: int, min_months: int) -> tuple[int, int]:
    """Return the first and last year of the base period."""
    if min_years < 1:
        raise InputError(f"min_years must be at least 1, got {min_years!r}")
    if min_months not in (1, 2, 3):
        raise InputError(f"min_months must be 1, 2 or 3, got {min_months!r}")
    if slots.year.size == 0:
        raise EmptyDataError("the Dataset has no period, so there is no climatology")
    there = int(slots.year.min()), int(slots.year.max())
    if years is None:
        return there
    first, last = int(years[0]), int(years[1])
    if first > last:
        raise InputError(f"years are (first, last), got {years!r}")
    if not ((slots.year >= first) & (slots.year <= last)).any():
        raise EmptyDataError(f"no period lies in years={years!r}; the Dataset has {there[0]} to {there[1]}")
    return first, last


def _yearly_means(values: Floats, year: Ints, months: Ints, least: int) -> Floats:
    """Return means (years, rows, cols) of layers (t, rows, cols), NaN with fewer than `least` months."""
    found = []
    for one in np.unique(year):
        chosen = year == one
        layers, valid = values[chosen], np.isfinite(values[chosen])
        held = (valid * months[chosen][:, None, None]).sum(axis=0)
        total = np.where(valid, layers, 0.0).sum(axis=0)
        enough = held >= least
        found.append(np.divide(total, valid.sum(axis=0), out=np.full(total.shape, np.nan), where=enough))
    return np.stack(found)


def _over_years(yearly: Floats, min_years: int) -> tuple[Floats, Floats, Ints]:
    """Return mean, standard deviation (divisor n-1) and number, each (rows, cols), of layers (years, rows, cols)."""
    valid = np.isfinite(yearly)
    number = valid.sum(axis=0)
    empty = np.full(number.shape, np.nan)
    mean = np.divide(np.where(valid, yearly, 0.0).sum(axis=0), number, out=empty.copy(), where=number >= min_years)
    away = np.where(valid & np.isfinite(mean), yearly - np.where(np.isfinite(mean), mean, 0.0), 0.0)
    wanted = (number >= max(min_years, 2)) & np.isfinite(mean)
    variance = np.divide((away**2).sum(axis=0), number - 1, out=empty.copy(), where=wanted)
    return mean, np.sqrt(variance), number


def _cycle_frame(grid: Grid, by: Cycle, years: tuple[int, int]) -> xr.Dataset:
    """Return a Dataset with the coordinates of the months or seasons, and no data."""
    labels = np.arange(1, 13) if by == "month" else np.array(SEASONS)
    frame = make_frame(grid, cycle_bounds(by, years))
    frame = frame.assign_coords({by: ("time", labels, {"long_name": _WORDS[by]})}).swap_dims(time=by)
    # CF: bounds of a climatological time are named by "climatology", and it is no axis here.
    told = {"standard_name": "time", "long_name": "start in the first year", "climatology": "time_bnds"}
    frame["time"].attrs = told | {"units_metadata": "leap_seconds: none"}
    return frame


def _fill_climatology(
    frame: xr.Dataset, value: str, told: dict[str, str], by: Cycle, found: tuple[Floats, Floats, Ints]
) -> None:
    """Put mean, standard deviation and number into the frame."""
    within = "area: mean time: mean within years"
    described = (
        (f"{value}_climatology", f"mean {value} over years, each alike", f"{within} time: mean over years"),
        (
            f"{value}_climatology_std",
            f"standard deviation of {value} between years",
            f"{within} time: standard_deviation over years",
        ),
    )
    for (name, meaning, methods), values in zip(described, found[:2], strict=True):
        attributes = {"long_name": meaning, "cell_methods": methods, "ancillary_variables": "n_years"}
        frame[name] = ((by, "y", "x"), values, attributes | told)
    counting = {"long_name": "number of years", "units": "1", "grid_mapping": "crs"}
    frame["n_years"] = ((by, "y", "x"), found[2], counting)


def _cycle_of(normal: xr.Dataset) -> Cycle:
    """Return whether a climatology is one of months or of seasons."""
    if "month" in normal.dims:
        return "month"
    if "season" in normal.dims:
        return "season"
    raise InputError(f"climatology needs a dimension month or season, got {', '.join(map(str, normal.dims))}")


def _match_labels(normal: xr.Dataset, by: Cycle, place: Ints) -> Ints:
    """Return the rows (t,) of the climatology that t periods belong to."""
    labels = [str(label) for label in normal[by].to_numpy()]
    wanted = [str(one + 1) if by == "month" else SEASONS[one] for one in place.tolist()]
    absent = sorted(set(wanted) - set(labels))
    if absent:
        raise InputError(f"climatology has no {by} {', '.join(absent)}; make it of all the year")
    return np.array([labels.index(label) for label in wanted], dtype=np.int64)
