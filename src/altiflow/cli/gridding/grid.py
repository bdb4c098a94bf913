"""`altiflow grid`: segments onto a grid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from altiflow.cli.gridding.outputs import gridded, output_options, statistics_options, write_gridded
from altiflow.cli.gridding.sources import tally_of, tally_options
from altiflow.cli.options import finish, given_options, quiet_option, saying, told
from altiflow.errors import InputError
from altiflow.gridding import ATL20_GRIDS, GRID_NAMES, write_atl20_months
from altiflow.readers import Ledger

__all__ = ["grid"]


def _list_grids(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    """Print the names of the grids and stop."""
    if wanted:
        click.echo("\n".join(GRID_NAMES))
        context.exit()


@click.command()
@click.argument("sources", nargs=-1)
@click.option("--preset", type=click.Choice(["atl20"]), help="atl20: monthly files like the official product's.")
@tally_options
@statistics_options
@output_options
@click.option(
    "--list", is_flag=True, is_eager=True, expose_value=False, callback=_list_grids, help="Names of the grids."
)
@quiet_option
@told
def grid(sources: tuple[str, ...], preset: str | None, quiet: bool, **options: Any) -> None:
    """Put segments on a grid: count, lengths, weighted mean and std, extremes, uncertainty.

    SOURCES are tables, folders of them, granules (files or addresses), or one tally. They are read one by one, so that
    there may be more than fit into memory.

    \b
    altiflow grid segments.parquet -o grid.nc --grid EASE2_N12.5km --freq MS --geotiff tiffs
    altiflow grid tables/ -o winter.zarr --period 2018-11-01 2019-05-01 --min-count 10 --workers 4
    altiflow grid segments.parquet --preset atl20 -o atl20/
    altiflow grid --list
    """
    say, ledger = saying(quiet), Ledger()
    if preset == "atl20":
        _write_atl20(sources, options, ledger, quiet)
        return
    tally = tally_of(sources, options, ledger, quiet=quiet)
    write_gridded(gridded(tally, options), options, say)
    finish(ledger, options["out"], say)


def _write_atl20(sources: tuple[str, ...], options: dict[str, Any], ledger: Ledger, quiet: bool) -> None:
    """Write a file like ATL20's for each hemisphere and month that there are segments of."""
    others = {"grid_name": "grid", "periods": "period", "shares": "quantile"}
    fixed = ("grid_name", "step", "freq", "periods", "coarsen", "shares", "samples", "histogram", "whole", "geotiff")
    wrong = sorted(given_options() & {*fixed, "min_count", "min_weight", "cells", "sparse", "weight", "values"})
    if wrong:
        said = ", ".join(f"--{others.get(name, name).replace('_', '-')}" for name in wrong)
        raise InputError(f"--preset atl20 fixes what is counted and written; leave out {said}")
    folder, say = Path("atl20" if options["out"] == "grid.nc" else options["out"]), saying(quiet)
    written = []
    for number, name in enumerate(ATL20_GRIDS):
        # Both hemispheres read every file; the ledger counts it once.
        account = Ledger() if number else ledger
        tally = tally_of(sources, {**options, "grid_name": name, "step": "D"}, account, quiet=quiet)
        written += write_atl20_months(tally, folder)
    for path in written:
        say(str(path))
    finish(ledger, str(folder), say)
