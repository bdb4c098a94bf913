"""`altiflow coincide`: which granules and velocity files are of the same place and time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import click
import geopandas as gpd
import numpy as np
import pandas as pd

from altiflow.cli.options import counted, quiet_option, told
from altiflow.cli.readers.search import show_catalogue
from altiflow.errors import NoOverlapError
from altiflow.readers import as_catalogue, find_coincident, write_catalogue
from altiflow.readers.catalogue import coincident_features, write_coincident
from altiflow.readers.remote import table_addresses

__all__ = ["coincide"]

_SHOWN = 20


@click.command(short_help="Find granules and velocity files of one place and time.")
@click.argument("altimetry")
@click.argument("velocity")
@click.option(
    "--max-dt",
    required=True,
    help="Longest time between the two: days, such as 5, or text such as 12h; 0: they overlap.",
)
@click.option(
    "--undated",
    type=click.Choice(["keep", "drop"]),
    default="keep",
    show_default=True,
    help="Velocity without a period, such as a mosaic or a cube of all years: of any time, or left out.",
)
@click.option(
    "--rows",
    type=click.Choice(["pairs", "altimetry", "velocity"]),
    default="pairs",
    show_default=True,
    help="What comes out: pairs of a granule and a velocity file, or one side of them, each once.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "count", "urls", "geojson"]),
    default="table",
    show_default=True,
    help="What is printed: a table of the first 20, their number alone, all addresses, or GeoJSON.",
)
@click.option("--out", "-o", help="Also write them: .parquet, .geojson, .json or .csv; .txt of one side.")
@quiet_option
@told
def coincide(
    altimetry: str,
    velocity: str,
    max_dt: str,
    undated: Literal["keep", "drop"],
    rows: str,
    form: str,
    out: str | None,
    quiet: bool,
) -> None:
    """Find granules of ALTIMETRY and files of VELOCITY that are of the same place and time.

    Each is a catalogue that `altiflow search` or `altiflow velocity search` wrote, the catalogue of ITS_LIVE cubes,
    or a folder of granules, which are opened to see where they are. Sea-ice freeboard goes with sea-ice motion
    (NSIDC-0116), land-ice height with velocity of land ice; between sea and land nothing coincides.

    \b
    altiflow search NSIDC-0116 --hemisphere south --start 2019 --end 2019 -o motion.parquet
    altiflow coincide granules.parquet motion.parquet --max-dt 12h -o pairs.parquet
    altiflow coincide granules.parquet pairs.parquet --max-dt 30 --rows altimetry -o wanted.parquet
    """
    left, right = _opened(altimetry, altimetry=True), _opened(velocity, altimetry=False)
    overlap: Literal["yes", "no"] = "yes" if rows == "pairs" else "no"
    try:
        pairs = find_coincident(left, right, max_dt=max_dt, undated=undated, overlap=overlap)
    except NoOverlapError:
        if form != "count":
            raise
        click.echo("0")
        return
    if rows == "pairs":
        if out:
            write_coincident(pairs, out)
        _show_pairs(pairs, left, right, form, quiet)
    else:
        side = left if rows == "altimetry" else right
        kept = side.iloc[np.unique(pairs[f"{rows}_row"])]
        if out:
            write_catalogue(kept, out)
        show_catalogue(kept, form, quiet)
    if out and not quiet:
        click.echo(f"results in {out}", err=form != "table")


def _opened(source: str, *, altimetry: bool) -> gpd.GeoDataFrame:
    """Return a catalogue; files of a folder are opened, as their names do not tell where they are.

    Of a folder that holds both sides, this one's files count.
    """
    found = as_catalogue(source, footprints="read")
    own = found["product"].str.startswith("ATL").to_numpy(bool) == altimetry
    return found[own].reset_index(drop=True) if Path(source).is_dir() and own.any() else found


def _show_pairs(
    pairs: gpd.GeoDataFrame, left: gpd.GeoDataFrame, right: gpd.GeoDataFrame, form: str, quiet: bool
) -> None:
    """Print pairs; as addresses, the files of both sides, each once."""
    if form == "count":
        click.echo(str(len(pairs)))
    elif form == "geojson":
        click.echo(json.dumps(coincident_features(pairs)))
    elif form == "urls":
        sides = ((left, "altimetry_row"), (right, "velocity_row"))
        lists = [table_addresses(side.iloc[np.unique(pairs[row])]) for side, row in sides]
        click.echo("\n".join([*lists[0], *lists[1]]))
    elif not quiet:
        click.echo(_summary(pairs))
        plain = pd.DataFrame(pairs.head(_SHOWN)[["altimetry", "velocity", "dt_days"]])
        plain["dt_days"] = ["-" if pd.isna(days) else f"{days:.2f}" for days in plain["dt_days"]]
        more = f"\n... and {len(pairs) - _SHOWN} more" if len(pairs) > _SHOWN else ""
        click.echo(plain.to_string(index=False) + more)


def _summary(pairs: gpd.GeoDataFrame) -> str:
    """Return one line: how many pairs there are of how many, and what could not be compared."""
    said = pairs.attrs["altiflow"]
    texts = []
    for name, noun in (("altimetry", "granule"), ("velocity", "velocity file")):
        counts = said[name]
        lacking = f", {counts['no_footprint']} without a footprint" if counts["no_footprint"] else ""
        undated = f", {counts['undated']} undated" if counts["undated"] else ""
        texts.append(f"{pairs[f'{name}_row'].nunique()} of {counted(counts['rows'], noun)}{lacking}{undated}")
    return f"{counted(len(pairs), 'pair')}: {'; '.join(texts)}"
