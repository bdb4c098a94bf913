"""`altiflow catalog`: one catalogue of what folders, lists, dumps and indexes hold, and catalogues in a database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from altiflow.cli.options import check_suffix, counted, quiet_option, saying, told
from altiflow.cli.service.extras import database_option, import_extra, schema_option
from altiflow.errors import InputError
from altiflow.readers import write_catalogue, write_pairs
from altiflow.readers.catalogue import collect_catalogue

__all__ = ["catalog"]


@click.group()
def catalog() -> None:
    """Make the catalogues that `altiflow serve` searches.

    \b
    altiflow catalog build items.ndjson -o pairs.parquet
    altiflow catalog build granules/ --footprints read -o granules.parquet
    altiflow catalog load pairs.parquet --database postgresql://loader@db.example.org/ice
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


@catalog.command()
@click.argument("catalogue")
@database_option
@schema_option
@quiet_option
@told
def load(catalogue: str, database: str | None, schema: str, quiet: bool) -> None:
    """Put CATALOGUE (GeoParquet) into PostgreSQL with PostGIS, in the place of the one of its kind.

    Searches see the rows before or the new ones, and a load that fails leaves those before; a running service goes on
    with the new ones by itself. Needs the extra: pip install "altiflow[postgres]".

    \b
    altiflow catalog load pairs.parquet --database postgresql://loader@db.example.org/ice
    """
    postgis = _postgis("load")
    done = postgis.load_catalogue(catalogue, _named(database), schema=schema, quiet=quiet)
    say = saying(quiet)
    say(f"{counted(done.size, 'image pair' if done.kind == 'pairs' else 'granule')} in schema {schema}")
    if done.without_footprint:
        say(f"{done.without_footprint} without a footprint, so that no search in a region finds them")


@catalog.command()
@database_option
@schema_option
@quiet_option
@told
def migrate(database: str | None, schema: str, quiet: bool) -> None:
    """Bring the tables of catalogues in a database to what this version of altiflow knows; catalogues stay.

    \b
    altiflow catalog migrate --database postgresql://loader@db.example.org/ice
    """
    held, known = _postgis("migrate").migrate_database(_named(database), schema=schema)
    done = f"is of version {known}" if held == known else f"was of version {held}, and is of version {known} now"
    saying(quiet)(f"schema {schema} {done}")


def _postgis(word: str) -> Any:
    """Return what puts catalogues into a database."""
    return import_extra("altiflow.explore.service.stores.postgis", f"altiflow catalog {word}", "postgres")


def _named(database: str | None) -> str:
    """Return the address of a database, which has to be given."""
    if database is None:
        raise InputError("which database is not said; give --database postgresql://user@host:5432/name")
    return database
