"""`altiflow tally`: tallies that grow, are merged and exported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from altiflow.cli.gridding.outputs import gridded, output_options, statistics_options, write_gridded
from altiflow.cli.gridding.sources import refuse_other, tally_of, tally_options
from altiflow.cli.options import (
    check_suffix,
    counted,
    finish,
    no_choice,
    quiet_option,
    region_choice,
    saying,
    told,
)
from altiflow.explore import describe_tally
from altiflow.files import whole_file
from altiflow.gridding import TallyStore, merge_tallies, open_tally, region_series, write_tally
from altiflow.readers import Ledger

__all__ = ["tally"]


@click.group()
def tally() -> None:
    """Keep statistics that can be added: days, granules, regions, in any order.

    \b
    altiflow tally add winter granules/2019-01-01 --grid EASE2_N6.25km
    altiflow tally add winter granules/2019-01-02
    altiflow tally export winter -o month.nc --freq MS --coarsen 4
    """


@tally.command()
@click.argument("store")
@click.argument("sources", nargs=-1)
@click.option("--replace", is_flag=True, help="Granules that are in the store already are taken anew.")
@tally_options
@quiet_option
@told
def add(store: str, sources: tuple[str, ...], replace: bool, quiet: bool, **options: Any) -> None:
    """Add tables, folders or granules to a store; it is made if it is not there.

    A store keeps its grid, values, weight and step; give them with the first granules. Granules that are in it already
    are refused, or taken anew with --replace.
    """
    say, ledger = saying(quiet), Ledger()
    there = TallyStore.open(store) if _holds_something(Path(store)) else None
    if there is not None:
        refuse_other(store, there.head, options)
    new = tally_of(sources, options, ledger, quiet=quiet, like=there.head if there else None)
    if there is None:
        there = TallyStore.create(store, new)
    elif replace:
        there.replace(new)
    else:
        there.add(new)
    say(f"{counted(len(new.granules), 'granule')} added, {len(there.granules)} in {store}")
    finish(ledger, store, say)


def _holds_something(path: Path) -> bool:
    """Return whether there is a file, or a folder that is not empty."""
    return path.exists() and not (path.is_dir() and not any(path.iterdir()))


@tally.command()
@click.argument("store")
@click.argument("granules", nargs=-1, required=True)
@quiet_option
@told
def remove(store: str, granules: tuple[str, ...], quiet: bool) -> None:
    """Take granules out of a store."""
    there = TallyStore.open(store)
    there.remove(granules)
    saying(quiet)(f"{counted(len(granules), 'granule')} removed, {len(there.granules)} in {store}")


@tally.command()
@click.argument("tallies", nargs=-1, required=True)
@click.option("--out", "-o", default="merged.tally.parquet", show_default=True, help="Tally file.")
@quiet_option
@told
def merge(tallies: tuple[str, ...], out: str, quiet: bool) -> None:
    """Merge tally files and stores into one file; the order does not matter."""
    check_suffix(out, ".parquet")
    merged = merge_tallies(open_tally(path) for path in tallies)
    write_tally(merged, out)
    saying(quiet)(f"{counted(len(merged.granules), 'granule')}, {merged.records.states.size} records in {out}")


@tally.command()
@click.argument("path")
@click.option("--granules", is_flag=True, help="List the names of the granules instead.")
@told
def info(path: str, granules: bool) -> None:
    """Say what is in a tally file or store."""
    found = open_tally(path)
    click.echo("\n".join(found.granules) if granules else describe_tally(found))


@tally.command()
@click.argument("path")
@statistics_options
@output_options
@quiet_option
@told
def export(path: str, quiet: bool, **options: Any) -> None:
    """Make a grid of a tally: any longer period, any coarser grid.

    \b
    altiflow tally export winter -o season.nc --period 2018-11-01 2019-05-01
    altiflow tally export winter -o months.zarr --freq MS --coarsen 2 --geotiff tiffs
    """
    write_gridded(gridded(open_tally(path), options), options, saying(quiet))


@tally.command()
@click.argument("path")
@click.option("--region", required=True, help="west,south,east,north in degrees, WKT, or a vector file.")
@click.option("--freq", default="MS", show_default=True, help="D, 7D, MS (month), QS-DEC; none: one row.")
@click.option("--value", help="Which value; the first where not given.")
@click.option("--out", "-o", default="series.csv", show_default=True, help="CSV file.")
@quiet_option
@told
def series(path: str, region: str, freq: str, value: str | None, out: str, quiet: bool) -> None:
    """Make the time series of a region: means, uncertainty and coverage."""
    check_suffix(out, ".csv")
    found = region_series(open_tally(path), region_choice(region), no_choice(freq), value=value)
    with whole_file(out) as part:
        found.to_csv(part, index=False)
    saying(quiet)(f"{counted(len(found), 'row')} in {out}")
    if not found["n_segments"].any():
        click.echo(f"warning: no segment of {path} lies in the region", err=True)
