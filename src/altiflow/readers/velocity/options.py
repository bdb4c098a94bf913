"""Options: what a caller says about a velocity file, checked once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from altiflow.errors import EmptyDataError, InputError
from altiflow.readers.field import Metric
from altiflow.units import canonical_unit

__all__ = ["Bounds", "Options", "Period", "check_options"]

Period = tuple[Any, Any]
Bounds = tuple[float, float, float, float]
"""x_min, y_min, x_max, y_max [m] in the CRS of the field."""


@dataclass(frozen=True)
class Options:
    """What the caller says.

    Attributes
    ----------
    crs
        CRS of a file that states none; anything pyproj takes.
    metric
        "map", "ground", or None to go by the file.
    period
        [start, end) as datetime64[ns], or None for all of time.
    units
        Unit of a file that states none, or None for the product's.
    bounds
        x_min, y_min, x_max, y_max [m] in the field's CRS, or None for all of it.
    """

    crs: Any = None
    metric: Metric | None = None
    period: tuple[np.datetime64, np.datetime64] | None = None
    units: str | None = None
    bounds: Bounds | None = None

    def touching(self, bounds: npt.NDArray[np.datetime64], name: str) -> npt.NDArray[np.intp]:
        """Return the indices of the layers (time, 2) that touch the period.

        Raises
        ------
        EmptyDataError
            If none does.
        """
        if self.period is None:
            return np.arange(len(bounds))
        start, end = self.period
        layers = np.flatnonzero((bounds[:, 1] > start) & (bounds[:, 0] < end))
        if layers.size == 0:
            first, last = (str(time)[:10] for time in (bounds[:, 0].min(), bounds[:, 1].max()))
            raise EmptyDataError(
                f"{name} covers {first} to {last}; no layer touches the period {str(start)[:19]} to {str(end)[:19]}"
            )
        return layers

    def window(self, x: npt.ArrayLike, y: npt.ArrayLike, name: str) -> tuple[slice, slice]:
        """Return the rows and the columns of the cells whose centres x (cols,), y (rows,) [m] lie in the bounds.

        A centre on the edge lies in them.

        Raises
        ------
        EmptyDataError
            If fewer than two cells lie in them along an axis: a field has at least two.
        """
        columns, rows = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
        if self.bounds is None:
            return slice(0, rows.size), slice(0, columns.size)
        found = []
        for axis, values, low, high in (
            ("y", rows, self.bounds[1], self.bounds[3]),
            ("x", columns, self.bounds[0], self.bounds[2]),
        ):
            inside = np.flatnonzero((values >= low) & (values <= high))
            if inside.size < 2:
                reach = f"{np.nanmin(values):g} to {np.nanmax(values):g}" if values.size else "nothing"
                raise EmptyDataError(
                    f"{name} has {inside.size} cell centres with {axis} from {low:g} to {high:g} m, and a field needs "
                    f"2; its own go over {reach} m: give bounds=(x_min, y_min, x_max, y_max) in its CRS"
                )
            found.append(slice(int(inside.min()), int(inside.max()) + 1))
        return found[0], found[1]


def check_options(
    crs: Any, metric: Metric | None, period: Period | None, units: str | None = None, bounds: Bounds | None = None
) -> Options:
    """Return the options of a caller.

    Raises
    ------
    InputError
        If the metric is not a word for one, the unit is not known, the period is not two times in order, or the
        bounds are not four numbers in order.

    Examples
    --------
    >>> check_options(None, "ground", ("2018-01-01", "2018-02-01")).period[1]
    np.datetime64('2018-02-01T00:00:00.000000000')
    """
    if metric not in (None, "map", "ground"):
        raise InputError(f"metric={metric!r} means nothing here; use 'map' or 'ground', or leave it out")
    units = None if units is None else canonical_unit(units)
    bounds = None if bounds is None else _check_bounds(bounds)
    if period is None:
        return Options(crs, metric, units=units, bounds=bounds)
    try:
        start, end = (pd.Timestamp(moment).to_datetime64().astype("datetime64[ns]") for moment in period)
    except (ValueError, TypeError) as error:
        raise InputError(f"period={period!r} is not two times such as ('2018-01-01', '2018-02-01'): {error}") from error
    if np.isnat(start) or np.isnat(end) or end <= start:
        raise InputError(f"period={period!r} must be two times, the end after the start")
    return Options(crs, metric, (start, end), units, bounds)


def _check_bounds(bounds: Bounds) -> Bounds:
    """Return the bounds as four finite numbers, the lower ones first."""
    try:
        x_min, y_min, x_max, y_max = (float(value) for value in bounds)
    except (ValueError, TypeError) as error:
        raise InputError(f"bounds={bounds!r} is not (x_min, y_min, x_max, y_max) [m] in the field's CRS") from error
    if not (np.isfinite([x_min, y_min, x_max, y_max]).all() and x_min < x_max and y_min < y_max):
        raise InputError(f"bounds={bounds!r} must be finite, x_min below x_max and y_min below y_max")
    return x_min, y_min, x_max, y_max
