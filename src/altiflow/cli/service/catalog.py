"""`altiflow catalog build`: one catalogue of what folders, lists, dumps and indexes hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from altiflow.cli.options import check_suffix, counted, quiet_option, saying, told
from altiflow.readers import write_catalogue, write_pairs
from altiflow.readers.catalogue import collect_catalogue

__all__ = ["catalog"]


@click.group()
def catalog() -> None:
    """Make the catalogues that `altiflow serve` searches.

    \b
    altiflow catalog build items.ndjson -o pairs.parquet
    altiflow catalog build granules/ --footprints read -o granules.parquet
    """


@catalog.command()
@click.argument("sources", nargs=-1, required=True)
@click.option("--out", "-o", required=True, help="The catalogue, .parquet (GeoParquet).")
@click.option("--kind", type=click.Choice(["pairs", "granules"]), help="Which, where the sources list both.")
@click.option(
    "--footprints",
    type=click.Choice(["none", "read"]),
    default="none",
    show_default=True,
    help="read opens the ICESat-2 granules of folders, as names tell no footprint.",
)
@quiet_option
@told
def build(sources: tuple[str, ...], out: str, kind: Any, footprints: Any, quiet: bool) -> None:
    """Build one catalogue of what SOURCES list, of image pairs or of granules.

    A source is a folder of granules or image pairs; a .txt with a name or address a line; STAC items (.json, .geojson,
    or .ndjson with an item a line); an index of ITS_LIVE (.parquet, or a folder of them); or a catalogue.

    \b
    altiflow catalog build names.txt more.ndjson -o pairs.parquet
    """
    check_suffix(out, ".parquet")
    say = saying(quiet)
    table = collect_catalogue(sources, kind=kind, footprints=footprints, quiet=quiet)
    pairs = "mid" in table.columns
    path = (write_pairs if pairs else write_catalogue)(table, Path(out))
    say(f"{counted(len(table), 'image pair' if pairs else 'granule')} in {path}")
    without = int(table.geometry.isna().sum())
    if without:
        say(f"{without} without a footprint, so that no search in a region finds them")
    facts = table.attrs["altiflow"]
    if facts["duplicates"]:
        say(f"{facts['duplicates']} stood there twice")
    unknown = facts["unknown_names"]
    if unknown:
        click.echo(f"warning: {counted(len(unknown), 'name')} of no known form, such as {unknown[0]}", err=True)
