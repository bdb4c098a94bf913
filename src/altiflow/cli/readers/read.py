"""`altiflow read`: granules into one table."""

from __future__ import annotations

from typing import Any

import click

from altiflow.cli.options import (
    beam_choice,
    finish,
    given_options,
    quiet_option,
    reading_options,
    region_choice,
    saying,
    told,
)
from altiflow.cli.readers.access import access_told, remote_options, sources_told
from altiflow.errors import EmptyDataError, InputError
from altiflow.readers import Ledger, read_segments, read_to_dataset, write_table
from altiflow.readers.datasets.layout import PARTITION
from altiflow.readers.table import check_table_path

__all__ = ["read"]


@click.command()
@click.argument("granules", nargs=-1)
@click.option("--out", "-o", default="segments.parquet", show_default=True, help=".parquet, .gpkg, .fgb, .csv or .nc")
@click.option("--to", "dataset", help="Instead, a folder: a data set of many files that grows, resumable.")
@click.option(
    "--partition",
    default=",".join(PARTITION),
    show_default=True,
    help="With --to: its folders, among product, hemisphere, year, month, day, beam.",
)
@click.option(
    "--geometry", type=click.Choice(["WKB", "point"]), default="WKB", show_default=True, help="With --to: points."
)
@click.option("--allow-shrink", is_flag=True, help="With --to: take out granules that are not asked for any more.")
@click.option("--append", is_flag=True, help="With --to: leave granules in that are not asked for.")
@click.option("--ledger", "ledger_path", help="Where to write the ledger (.parquet).")
@reading_options
@remote_options
@quiet_option
@told
def read(granules: tuple[str, ...], dataset: str | None, ledger_path: str | None, **options: Any) -> None:
    """Read granules into one table of segments, or into a data set of many files.

    \b
    altiflow read granules/ -o segments.parquet --beams all --region=-180,70,180,90
    altiflow read granules/ --to ross-sea/ --on-error skip --workers 4
    altiflow read --catalogue found.parquet --login netrc --reader indexed --to ross-sea/ --workers 8

    GRANULES are files, folders, and https:// or s3:// addresses, of which only the bytes needed are fetched. A second
    run into the same data set reads what is missing.
    """
    ledger, say = Ledger(), saying(options["quiet"])
    places, opening = sources_told(granules, options), access_told(options)
    options |= {"engine": opening["reader"], "access": opening["access"]}
    options |= {"beams": beam_choice(options["beams"]), "region": region_choice(options["region"])}
    out = options.pop("out")
    kept = {name: options.pop(name) for name in ("partition", "geometry", "allow_shrink", "append")}
    _refuse_idle(dataset)
    if dataset:
        words = [word for word in kept.pop("partition").split(",") if word]
        ledger = read_to_dataset(places, dataset, partition=words, **kept, **options)
        if ledger_path:
            ledger.write(ledger_path)
        say(ledger.summary())
        finish(ledger, dataset, say)
        return
    check_table_path(out)
    try:
        table = read_segments(places, ledger=ledger, **options)
    finally:
        if ledger_path:
            ledger.write(ledger_path)
    say(ledger.summary())
    if len(table) == 0:
        raise EmptyDataError(f"no segment is left, so {out} is not written; --screens and --region say what to keep")
    write_table(table, out)
    finish(ledger, out, say)


def _refuse_idle(dataset: str | None) -> None:
    """Refuse options that have no effect."""
    given = given_options()
    idle = given & ({"out"} if dataset else {"partition", "geometry", "allow_shrink", "append"})
    if idle:
        name = f"--{min(idle).replace('_', '-')}"
        raise InputError(f"{name} has no effect {'with' if dataset else 'without'} --to; leave it out")
