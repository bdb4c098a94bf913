"""`altiflow chart`: distributions, coverage and series."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import pandas as pd

from altiflow.cli.options import quiet_option, saying, told
from altiflow.errors import InputError, UnsupportedFormatError
from altiflow.explore import draw_coverage, draw_histogram, draw_series
from altiflow.explore.inventories import is_catalogue
from altiflow.readers import as_catalogue, read_table, value_column

__all__ = ["chart"]

Command = TypeVar("Command", bound=Callable[..., Any])

_TIMES = ("time", "mid", "period_start", "time_start", "start")
"""Columns that a chart may run along, in this order."""


@click.group()
def chart() -> None:
    """Draw charts: how values are distributed, when there are data, how values change.

    \b
    altiflow chart histogram segments.parquet -o freeboard.png
    altiflow chart coverage segments.parquet --freq MS
    altiflow chart coverage pairs.parquet --freq YS --by satellite
    altiflow chart series series.csv --value speed --sigma v_sigma --by satellite
    """


def _shared(command: Command) -> Command:
    """Add the options of all charts."""
    command = click.option("--title", help="Title of the chart.")(command)
    return click.option("--out", "-o", default="chart.png", show_default=True, help=".png, .pdf or .svg")(command)


@chart.command(short_help="How values are distributed, by length of track.")
@click.argument("table")
@click.option("--column", help="What is shown; that of the product where not given.")
@click.option("--weight", default="segment_length", show_default=True, help="Column of weights; none: count segments.")
@click.option("--bins", type=int, help="Number of bars; by the spread of the values where not given.")
@click.option("--units", help="Unit at the axis; that of the table where not given.")
@_shared
@quiet_option
@told
def histogram(table: str, out: str, column: str | None, weight: str, quiet: bool, **asked: Any) -> None:
    """Draw how the values of a TABLE of segments are distributed, by length of track."""
    name = column or value_column(table)
    draw_histogram(_table(table), name, weight=None if weight == "none" else weight, path=out, **asked)
    saying(quiet)(f"{name}: {out}")


@chart.command(short_help="How much there is of each day, month or year.")
@click.argument("table")
@click.option(
    "--freq", type=click.Choice(["D", "MS", "YS"]), default="D", show_default=True, help="Day, month or year."
)
@click.option("--by", help="Column whose values are told apart, such as product or satellite.")
@_shared
@quiet_option
@told
def coverage(table: str, out: str, quiet: bool, **asked: Any) -> None:
    """Draw how much there is of each day, month or year: km of track of segments, rows of a catalogue or series."""
    found = _table(table)
    length = "segment_length" if "segment_length" in found else None
    draw_coverage(found, time=_time_of(found, table), length=length, path=out, **asked)
    saying(quiet)(f"coverage: {out}")


@chart.command(short_help="How values change in time, with their errors.")
@click.argument("table")
@click.option("--value", required=True, help="Column of the values.")
@click.option("--sigma", help="Column of the standard errors; VALUE_sigma, if there, where not given.")
@click.option("--by", help="Column whose values are told apart, such as satellite or point.")
@click.option("--units", help="Unit at the axis; that of the table where not given.")
@_shared
@quiet_option
@told
def series(table: str, out: str, quiet: bool, value: str, units: str | None, **asked: Any) -> None:
    """Draw the values of a TABLE (.csv or .parquet) in time, with their errors."""
    found = _table(table)
    held = list(found["units"].dropna().unique()) if "units" in found else []
    unit = units if units is not None else str(held[0]) if len(held) == 1 else ""
    draw_series(found, value, time=_time_of(found, table), units=unit, path=out, **asked)
    saying(quiet)(f"{value}: {out}")


def _table(path: str) -> pd.DataFrame:
    """Return the table, catalogue or series in a file."""
    suffix = Path(path).suffix.lower()
    if suffix != ".csv":
        return as_catalogue(path) if is_catalogue(Path(path)) else _parquet(path)
    if not Path(path).is_file():
        raise InputError(f"there is no file {path}")
    found = pd.read_csv(path)
    for name in found.columns.intersection([*_TIMES]):
        found[name] = pd.to_datetime(found[name], errors="coerce", format="ISO8601")
    return found


def _parquet(path: str) -> pd.DataFrame:
    """Return a table of segments, or any other in Parquet: a series has no geometry."""
    try:
        found: pd.DataFrame = read_table(path)
        return found
    except UnsupportedFormatError:
        if not Path(path).is_file():
            raise
        return pd.read_parquet(path)


def _time_of(table: pd.DataFrame, path: str) -> str:
    """Return the column of times."""
    found = next((name for name in _TIMES if name in table), None)
    if found is None:
        raise InputError(
            f"{path} has no column of times: none of {', '.join(_TIMES)}; it has {', '.join(table.columns)}"
        )
    return found
