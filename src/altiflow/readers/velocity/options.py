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

__all__ = ["Options", "Period", "check_options"]

Period = tuple[Any, Any]


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
    """

    crs: Any = None
    metric: Metric | None = None
    period: tuple[np.datetime64, np.datetime64] | None = None
    units: str | None = None

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


def check_options(crs: Any, metric: Metric | None, period: Period | None, units: str | None = None) -> Options:
    """Return the options of a caller.

    Raises
    ------
    InputError
        If the metric is not a word for one, the unit is not known, or the period is not two times in order.

    Examples
    --------
    >>> check_options(None, "ground", ("2018-01-01", "2018-02-01")).period[1]
    np.datetime64('2018-02-01T00:00:00.000000000')
    """
    if metric not in (None, "map", "ground"):
        raise InputError(f"metric={metric!r} means nothing here; use 'map' or 'ground', or leave it out")
    units = None if units is None else canonical_unit(units)
    if period is None:
        return Options(crs, metric, units=units)
    try:
        start, end = (pd.Timestamp(moment).to_datetime64().astype("datetime64[ns]") for moment in period)
    except (ValueError, TypeError) as error:
        raise InputError(f"period={period!r} is not two times such as ('2018-01-01', '2018-02-01'): {error}") from error
    if np.isnat(start) or np.isnat(end) or end <= start:
        raise InputError(f"period={period!r} must be two times, the end after the start")
    return Options(crs, metric, (start, end), units)
