"""`altiflow read`: granules into one table."""

from __future__ import annotations

from typing import Any

import click

from altiflow.cli.options import beam_choice, finish, quiet_option, reading_options, region_choice, saying, told
from altiflow.errors import EmptyDataError
from altiflow.readers import Ledger, read_segments, write_table

__all__ = ["read"]


@click.command()
@click.argument("granules", nargs=-1, required=True)
@click.option("--out", "-o", default="segments.parquet", show_default=True, help=".parquet, .gpkg or .fgb")
@click.option("--ledger", "ledger_path", help="Where to write the ledger (.parquet).")
@reading_options
@quiet_option
@told
def read(
    granules: tuple[str, ...], out: str, ledger_path: str | None, beams: str, region: str | None, **options: Any
) -> None:
    """Read granules into one table of segments.

    \b
    altiflow read granules/ -o segments.parquet --beams all --region=-180,70,180,90
    """
    ledger, say = Ledger(), saying(options["quiet"])
    try:
        table = read_segments(
            list(granules), beams=beam_choice(beams), region=region_choice(region), ledger=ledger, **options
        )
    finally:
        if ledger_path:
            ledger.write(ledger_path)
    say(ledger.summary())
    if len(table) == 0:
        raise EmptyDataError(f"no segment is left, so {out} is not written; --screens and --region say what to keep")
    write_table(table, out)
    finish(ledger, out, say)
