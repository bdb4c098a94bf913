"""How far an ATL20 file and a gridded Dataset are apart, layer by layer and variable by variable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from altiflow.errors import InputError, NoOverlapError
from altiflow.files import whole_file
from altiflow.gridding.atl20.cells import ATL20_VARIABLES, on_product_grid, parse_month
from altiflow.gridding.atl20.means import mean_of_days
from altiflow.gridding.statistics.layers import period_bounds
from altiflow.readers.atl20 import read_atl20

__all__ = ["Parity", "compare_atl20"]

_WITHIN = 1e-3
"""Share of cells closer than this [m] is told (or than `_RELATIVE` of the file's value, if that is more)."""
_RELATIVE = 1e-6
"""Float32, which the file stores, has seven digits: a sum of lengths of 100 km is good to a centimetre."""


@dataclass(frozen=True, eq=False)
class Parity:
    """What a comparison of an ATL20 file with a Dataset gave.

    Attributes
    ----------
    file
        Name of the file.
    month
        Such as "2020-03".
    hemisphere
        "north" or "south".
    monthly_mean
        How the month of the Dataset was averaged: "mean_of_days" or "pooled".
    days_in_file, days_in_ours
        Number of days with a group in the file, and of daily layers in the Dataset; 0 for a monthly Dataset.
    table
        One row per layer ("monthly", "day01" ...) and variable (as the file names it). ``both``, ``only_file`` and
        ``only_ours``: cells that are filled in both or in one; then, of the cells in both and of ours minus the
        file's: ``mean_difference``, ``rms``, ``max_abs``, ``p95_abs`` (95th percentile of the size), ``correlation``
        (NaN where either is constant) and ``share_within``, the share closer than 1e-3 (m, or a millionth of the
        file's value if that is more).
    """

    file: str
    month: str
    hemisphere: str
    monthly_mean: str
    days_in_file: int
    days_in_ours: int
    table: pd.DataFrame = field(repr=False)

    @property
    def text(self) -> str:
        """The report in a few lines."""
        lines = [
            f"{self.file} ({self.month}, {self.hemisphere}) and ours ({self.monthly_mean}); differences: ours - file"
        ]
        lines += [_line(row) for _, row in self.table[self.table["layer"] == "monthly"].iterrows()]
        daily = self.table[self.table["layer"] != "monthly"]
        if len(daily):
            lines.append(f"days: {self.days_in_file} in the file, {self.days_in_ours} in ours; all days together:")
            lines += [_line(_together(rows)) for _, rows in daily.groupby("variable", sort=False)]
        return "\n".join(lines)

    def write(self, path: str | Path) -> Path:
        """Write the table as CSV, or report and table as Markdown, by the suffix .csv or .md; return the path.

        Raises
        ------
        InputError
            If the suffix is another.
        """
        target = Path(path)
        if target.suffix not in (".csv", ".md"):
            raise InputError(f"path must end in .csv or .md, got {target.name!r}")
        content = self.table.to_csv(index=False, lineterminator="\n") if target.suffix == ".csv" else self._markdown()
        with whole_file(target) as part:
            part.write_text(content, encoding="utf-8")
        return target

    def _markdown(self) -> str:
        """Return report and table."""
        rows = [[_shown(value) for value in row] for row in self.table.itertuples(index=False)]
        lines = [list(self.table.columns), ["---"] * self.table.shape[1], *rows]
        table = "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
        report = "\n".join(f"    {line}" for line in self.text.splitlines())
        return f"# ATL20 and altiflow, {self.month}, {self.hemisphere}\n\n{report}\n\n{table}\n"


def compare_atl20(file: str | Path, dataset: xr.Dataset, *, month: str | np.datetime64 | None = None) -> Parity:
    """Return how far an ATL20 file and a gridded Dataset are apart, cell by cell.

    Parameters
    ----------
    file
        An official file, or one that :func:`write_atl20` wrote.
    dataset
        Freeboard on the grid of the file or a window of it: daily layers, which are compared day by day and, averaged
        by :func:`mean_of_days`, with the monthly layer; or monthly layers, of either mean. The daily layers of the
        file itself, from :func:`altiflow.readers.atl20.read_atl20`, tell whether its month follows from its days.
    month
        Must be the file's; None takes it from there.

    Raises
    ------
    GridMismatchError
        If the Dataset is on another grid; EPSG:3413 is one.
    NoOverlapError
        If no layer of the Dataset is in the month, or the file is of the other hemisphere.
    InputError
        If `month` is not the file's, or the layers are neither days nor months; and as :func:`mean_of_days` says.
    GranuleError
        If the file cannot be read; see :func:`altiflow.readers.atl20.read_atl20`.

    Notes
    -----
    Differences from an official file need not be errors of either: which segments ATL20 leaves out (least number or
    length per cell, kind of surface), how its monthly ``sigma`` is defined, and where its days begin are not verified.

    Examples
    --------
    >>> import tempfile
    >>> from altiflow.gridding.atl20 import pooled_mean, write_atl20
    >>> from altiflow.gridding.frame import make_frame
    >>> from altiflow.gridding.grids.grid import Grid
    >>> grid = Grid.named("NSIDC_PS_N25km").window(slice(0, 1), slice(0, 1))
    >>> daily = make_frame(grid, [["2020-03-01", "2020-03-02"], ["2020-03-09", "2020-03-10"]])
    >>> for name, numbers in (
    ...     ("n_segments", [100, 10]), ("length_sum", [2000.0, 400.0]),
    ...     ("freeboard_mean", [0.2, 0.5]), ("freeboard_std", [0.0, 0.0]),
    ... ):
    ...     daily[name] = (("time", "y", "x"), np.reshape(numbers, (2, 1, 1)))
    >>> found = compare_atl20(write_atl20(daily, tempfile.mkdtemp()), pooled_mean(daily))
    >>> print(found.text.splitlines()[1])
    monthly mean_fb    1 cells in both, 0 only in the file, 0 only in ours; mean -0.15 m, rms 0.15 m, largest 0.15 m,
    0.0 % the same to 1e-3
    """
    hemisphere, layers = on_product_grid(dataset)
    daily = _are_days(layers)
    _check_variables(layers)
    theirs = read_atl20(file)
    found = parse_month(theirs.month)
    if month is not None and parse_month(month) != found:
        raise InputError(f"month={month!r} is not that of {Path(file).name}, {found}; leave it out or give that file")
    if theirs.hemisphere != hemisphere:
        raise NoOverlapError(f"{Path(file).name} is of the {theirs.hemisphere}, the Dataset of the {hemisphere}")
    periods = period_bounds(layers)[:, 0]
    chosen = layers.isel(time=np.flatnonzero(periods.astype("M8[M]") == found))
    if chosen.sizes["time"] == 0:
        shown = ", ".join(map(str, np.unique(periods.astype("M8[M]"))[:6]))
        raise NoOverlapError(f"{Path(file).name} is of {found}, the Dataset of {shown}; choose a file of that month")
    ours = mean_of_days(chosen) if daily else chosen
    rows = list(_compare_layers("monthly", on_product_grid(theirs.monthly)[1].isel(time=0), ours.isel(time=0)))
    days_in_file = 0
    if daily:
        days_in_file = theirs.daily.sizes["time"]
        rows += _compare_days(on_product_grid(theirs.daily)[1], chosen)
    monthly_mean = str(ours.attrs.get("monthly_mean", "pooled"))
    held = chosen.sizes["time"] if daily else 0
    return Parity(
        Path(file).name, theirs.month, theirs.hemisphere, monthly_mean, days_in_file, held, pd.DataFrame(rows)
    )


def _are_days(layers: xr.Dataset) -> bool:
    """Return whether the layers are days, not months."""
    bounds = period_bounds(layers)
    days, months = bounds[:, 0].astype("M8[D]"), bounds[:, 0].astype("M8[M]")
    if ((bounds[:, 0] == days) & (bounds[:, 1] == days + 1)).all():
        return True
    if ((bounds[:, 0] == months) & (bounds[:, 1] == months + 1)).all():
        return False
    raise InputError("the Dataset must have layers of one day or of one calendar month (freq='D' or 'MS')")


def _check_variables(layers: xr.Dataset) -> None:
    """Refuse a Dataset without the variables that are compared."""
    absent = [name for name in ATL20_VARIABLES.values() if name not in layers.data_vars]
    if absent:
        raise InputError(f"the Dataset has no {', '.join(absent)}; grid the column freeboard by segment_length")


def _compare_days(theirs: xr.Dataset, ours: xr.Dataset) -> Iterator[dict[str, Any]]:
    """Yield the rows of every day that is in either."""
    days = [period_bounds(layers)[:, 0].astype("M8[D]") for layers in (theirs, ours)]
    for day in np.union1d(*days):
        places = [np.flatnonzero(held == day) for held in days]
        pair = [
            layers.isel(time=int(place[0])) if place.size else None
            for layers, place in zip((theirs, ours), places, strict=True)
        ]
        yield from _compare_layers(f"day{day.tolist().day:02d}", *pair)


def _compare_layers(layer: str, theirs: xr.Dataset | None, ours: xr.Dataset | None) -> Iterator[dict[str, Any]]:
    """Yield a row per variable; a layer that is None has no cell."""
    for name, known in ATL20_VARIABLES.items():
        first, second = _values(theirs, known), _values(ours, known)
        if first is None or second is None:
            empty = np.full_like(next(found for found in (first, second) if found is not None), np.nan)
            first, second = (empty if found is None else found for found in (first, second))
        yield {"layer": layer, "variable": name, **_figures(first, second)}


def _values(layer: xr.Dataset | None, name: str) -> npt.NDArray[np.float64] | None:
    """Return a variable (rows, cols), NaN where it is empty."""
    if layer is None:
        return None
    values = np.asarray(layer[name].transpose("y", "x").to_numpy(), float)
    return np.where(values > 0, values, np.nan) if name == "n_segments" else values


def _figures(theirs: npt.NDArray[np.float64], ours: npt.NDArray[np.float64]) -> dict[str, float]:
    """Return how two layers (rows, cols) differ."""
    in_file, in_ours = np.isfinite(theirs), np.isfinite(ours)
    both = in_file & in_ours
    counts = {
        "both": int(both.sum()),
        "only_file": int((in_file & ~in_ours).sum()),
        "only_ours": int((in_ours & ~in_file).sum()),
    }
    names = ("mean_difference", "rms", "max_abs", "p95_abs", "correlation", "share_within")
    if not counts["both"]:
        return counts | dict.fromkeys(names, np.nan)
    first, second = theirs[both], ours[both]
    apart = second - first
    size = np.abs(apart)
    close = size <= np.maximum(_WITHIN, _RELATIVE * np.abs(first))
    numbers = (
        apart.mean(),
        np.sqrt((apart**2).mean()),
        size.max(),
        np.percentile(size, 95),
        _correlation(first, second),
        close.mean(),
    )
    return counts | {name: float(number) for name, number in zip(names, numbers, strict=True)}


def _correlation(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> float:
    """Return Pearson's correlation, NaN where either is constant."""
    a, b = first - first.mean(), second - second.mean()
    scale = np.sqrt((a**2).sum() * (b**2).sum())
    return float((a * b).sum() / scale) if np.ptp(first) > 0 and np.ptp(second) > 0 and scale > 0 else np.nan


def _together(rows: pd.DataFrame) -> pd.Series:
    """Return the figures of several layers as those of one."""
    both = rows["both"].to_numpy()
    full = rows[both > 0]
    weight = full["both"].to_numpy(float) / max(both.sum(), 1)
    nothing = not len(full)
    return pd.Series(
        {
            "layer": "daily",
            "variable": rows["variable"].iloc[0],
            **{name: int(rows[name].sum()) for name in ("both", "only_file", "only_ours")},
            "mean_difference": np.nan if nothing else float((weight * full["mean_difference"]).sum()),
            "rms": np.nan if nothing else float(np.sqrt((weight * full["rms"] ** 2).sum())),
            "max_abs": np.nan if nothing else float(full["max_abs"].max()),
            "share_within": np.nan if nothing else float((weight * full["share_within"]).sum()),
        }
    )


def _line(row: pd.Series) -> str:
    """Return one line of the report."""
    cells = f"{row['both']} cells in both, {row['only_file']} only in the file, {row['only_ours']} only in ours"
    head = f"{row['layer']:>8} {row['variable']:<10} {cells}"
    if not row["both"]:
        return head
    unit = "" if row["variable"] == "n_segs" else " m"
    return (
        f"{head}; mean {row['mean_difference']:+.3g}{unit}, rms {row['rms']:.3g}{unit}, largest {row['max_abs']:.3g}"
        f"{unit}, {100 * row['share_within']:.1f} % the same to 1e-3"
    )


def _shown(value: Any) -> str:
    """Return a cell of the table."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
