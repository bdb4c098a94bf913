"""What `altiflow velocity series` and `mean` share: which layers and values are left out first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
import xarray as xr

from altiflow.cli.options import saying
from altiflow.gridding import filter_layers, reject_locked, reject_outliers
from altiflow.readers.catalogue.pairs.choosing.words import month_numbers

__all__ = ["filter_options", "filtered"]

Command = TypeVar("Command", bound=Callable[..., Any])


def filter_options(command: Command) -> Command:
    """Add the options of filters in time."""
    for option in reversed(
        [
            click.option("--min-separation", type=float, help="Leave out pairs of fewer days."),
            click.option("--max-separation", type=float, help="Leave out pairs of more days."),
            click.option("--mission", "missions", multiple=True, help="Only these: landsat, sentinel1, sentinel2."),
            click.option("--months", help="Only pairs with their middle in these months: Nov-Feb, or 11,12,1."),
            click.option("--period", nargs=2, metavar="START END", help="Only pairs that lie in it."),
            click.option("--unlock", is_flag=True, help="Reject long pairs that locked onto features at rest."),
            click.option("--outliers", type=float, help="Reject values this many scaled MADs off the median."),
            click.option("--outlier-window", type=float, help="Days around a pair that its median is of; else all."),
        ]
    ):
        command = option(command)
    return command


def filtered(velocity: xr.Dataset, asked: dict[str, Any], *, quiet: bool) -> xr.Dataset:
    """Return a cube or series without what the command line leaves out; counts are said."""
    say = saying(quiet)
    before = velocity.sizes["time"]
    chosen = filter_layers(
        velocity,
        min_separation=asked["min_separation"],
        max_separation=asked["max_separation"],
        missions=asked["missions"] or None,
        months=month_numbers(asked["months"]) if asked["months"] else None,
        period=asked["period"],
    )
    if chosen.sizes["time"] < before:
        say(f"{before - chosen.sizes['time']} of {before} layers left out")
    if asked["unlock"]:
        chosen = reject_locked(chosen, quiet=quiet)
        say(f"{int(chosen['n_locked'].sum())} values locked, left out")
    if asked["outliers"] is not None:
        window = asked["outlier_window"]
        chosen = reject_outliers(chosen, threshold=asked["outliers"], window_days=window, quiet=quiet)
        say(f"{int(chosen['n_outliers'].sum())} outliers left out")
    return chosen
