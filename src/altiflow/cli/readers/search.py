"""`altiflow search`: which granules there are, in the archive or on this machine."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import geopandas as gpd
import pandas as pd

from altiflow.cli.options import (
    REGION_HELP,
    comparisons_told,
    counted,
    filter_option,
    given_options,
    login_option,
    quiet_option,
    region_choice,
    told,
)
from altiflow.errors import EmptyDataError, InputError
from altiflow.readers import as_catalogue, count_by, filter_catalogue, find_motion, search_granules
from altiflow.readers.catalogue import catalogue_features, write_catalogue
from altiflow.readers.catalogue.pairs import keep_where
from altiflow.readers.remote import log_in, table_addresses

__all__ = ["search", "show_catalogue"]

Command = TypeVar("Command", bound=Callable[..., Any])
_SHOWN = 20
_RANGE = re.compile(r"(\d+)(?:-(\d+))?")

_OPTIONS = (
    click.option("--region", help=REGION_HELP),
    click.option("--start", help="First moment (UTC); a day, month or year is meant whole."),
    click.option("--end", help="Last moment (UTC); a day, month or year is meant whole."),
    click.option("--version", default="latest", show_default=True, help="Version of the product, such as 006."),
    click.option("--cycle", help="Repeat cycles: 12, 12-14 or 12,15."),
    click.option("--track", help="Reference ground tracks: 253, 250-260 or 253,1001."),
    filter_option("size_mb:<:100"),
    click.option("--hemisphere", type=click.Choice(["north", "south"]), help="Granules of one hemisphere."),
    click.option(
        "--step",
        type=click.Choice(["daily", "weekly"]),
        default="daily",
        show_default=True,
        help="Means of NSIDC-0116, which is found by year and hemisphere; no search is made.",
    ),
    click.option(
        "--source",
        help="Instead of the archive: a folder of granules, image pairs or ice motion, or a catalogue.",
    ),
    click.option("--endpoint", help="Root of another deployment of the archive's search service."),
    click.option("--timeout", type=float, default=60.0, show_default=True, help="Longest wait for an answer [s]."),
)
"""What is searched for."""


def _search_options(command: Command) -> Command:
    """Add the options of what is searched for."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command(short_help="Find granules in the archive or on this machine.")
@click.argument("product", required=False)
@_search_options
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "count", "urls", "geojson"]),
    default="table",
    show_default=True,
    help="What is printed: a table of the first 20, their number alone, all addresses, or GeoJSON.",
)
@click.option("--count-by", "facets", help="Print counts by year, month, product, version, cycle, rgt, hemisphere ...")
@click.option("--out", "-o", help="Also write them: .parquet, .geojson, .json, .csv, or .txt for addresses alone.")
@login_option
@quiet_option
@told
def search(
    product: str | None,
    form: str,
    facets: str | None,
    out: str | None,
    login: Any,
    quiet: bool,
    source: str | None,
    **asked: Any,
) -> None:
    """Search granules of PRODUCT (ATL10, ATL07, ATL06, ATL11, ATL20, NSIDC-0776 ...) in the archive, or in --source.

    Of several versions and revisions of a granule the newest is kept. Searching needs no login; bringing the files
    does: altiflow download.

    \b
    altiflow search ATL10 --region=160,-78,-150,-70 --start 2022-01 --end 2022-03 -o granules.parquet
    altiflow search ATL06 --region 'within 50 km of -49.5,69.1' --cycle 12-14 --format count
    altiflow search NSIDC-0116 --hemisphere north --start 2019 --end 2020 --step weekly --format urls
    altiflow search --source granules/ --region 'north of 80' --filter 'size_mb:<:100' --count-by year,month
    """
    filters: dict[str, Any] = {
        "cycle": _numbers("--cycle", asked["cycle"]),
        "rgt": _numbers("--track", asked["track"]),
    }
    comparisons = comparisons_told(asked["filters"])
    try:
        found = _find(product, source, login, asked)
        found = filter_catalogue(found, hemisphere=asked["hemisphere"], **filters)
        for column, op, value in comparisons:
            found = keep_where(found, column, op, value)
        if len(found) == 0:
            raise EmptyDataError(
                "no granule is left; PRODUCT, --start, --end, --cycle, --track, --hemisphere, --filter and --region "
                "say what to keep"
            )
    except EmptyDataError:
        if form != "count":
            raise
        click.echo("0")
        return
    if out:
        write_catalogue(found, out)
    if facets:
        click.echo(count_by(found, *facets.split(",")).to_string(index=False))  # type: ignore[arg-type]
    else:
        show_catalogue(found, form, quiet)
    if out and not quiet:
        click.echo(f"{counted(len(found), 'granule')} in {out}", err=form != "table")


def _find(product: str | None, source: str | None, login: Any, asked: dict[str, Any]) -> gpd.GeoDataFrame:
    """Return the granules of the archive, of a folder or of a catalogue."""
    region, period = region_choice(asked["region"]), {"start": asked["start"], "end": asked["end"]}
    if source is not None:
        return filter_catalogue(_listed(source, asked["version"], region), product=product, region=region, **period)
    if product is None:
        raise InputError("name a product, such as ATL10, or a folder or catalogue with --source")
    if product.upper() == "NSIDC-0116":
        if asked["hemisphere"] is None:
            raise InputError("NSIDC-0116 has files of each hemisphere; give --hemisphere north or south")
        return find_motion(**period, hemisphere=asked["hemisphere"], step=asked["step"])
    return search_granules(
        product,
        region=region,
        **period,
        version=asked["version"],
        session=log_in(login) if login else None,
        endpoint=asked["endpoint"],
        timeout=asked["timeout"],
    )


def _listed(source: str, version: str, region: Any) -> gpd.GeoDataFrame:
    """Return what is on this machine; granules are opened only to see whether they meet a region."""
    if not Path(source).is_dir() and "version" in given_options():
        raise InputError(f"--version says which granules of the archive or of a folder; {source} keeps those it has")
    return as_catalogue(source, version=version, footprints="none" if region is None else "read")


def _numbers(option: str, text: str | None) -> list[int] | None:
    """Return the numbers of a list of numbers and ranges."""
    if text is None:
        return None
    found: list[int] = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None or int(match[2] or match[1]) < int(match[1]):
            raise InputError(f"{option} {text} is not of numbers and ranges, such as 12, 12-14 or 12,15")
        found += range(int(match[1]), int(match[2] or match[1]) + 1)
    return found


def show_catalogue(found: gpd.GeoDataFrame, form: str, quiet: bool) -> None:
    """Print what was found as a table, a number, addresses or GeoJSON."""
    if form == "count":
        click.echo(str(len(found)))
    elif form == "urls":
        click.echo("\n".join(table_addresses(found)))
    elif form == "geojson":
        click.echo(json.dumps(catalogue_features(found)))
    elif not quiet:
        click.echo(_summary(found))
        click.echo(_lines(found))


def _summary(found: gpd.GeoDataFrame) -> str:
    """Return one line: how many granules there are, of when, how large, and what was left out."""
    told = found.attrs.get("altiflow", {})
    left = [f"{count} by {name}" for name, count in told.get("screens", {}).items() if count]
    left += [f"{told['superseded']} with a newer version"] if told.get("superseded") else []
    left += [f"{len(told['unknown_names'])} that are no granules"] if told.get("unknown_names") else []
    first, last = found["start"].min(), found["end"].fillna(found["start"]).max()
    when = "" if pd.isna(first) else f", {first:%Y-%m-%d} to {last:%Y-%m-%d}"
    size = f", {found['size_mb'].sum():.0f} MB" if found["size_mb"].notna().any() else ""
    return f"{counted(len(found), 'granule')}{when}{size}" + (f"; left out: {', '.join(left)}" if left else "")


def _lines(found: gpd.GeoDataFrame) -> str:
    """Return the first granules as a table of text."""
    first = found.head(_SHOWN)
    plain = pd.DataFrame(first[["granule", "start", "cycle", "rgt", "hemisphere", "size_mb"]])
    plain["start"] = [None if pd.isna(moment) else f"{moment:%Y-%m-%d %H:%M}" for moment in plain["start"]]
    plain["size_mb"] = [None if pd.isna(size) else f"{size:.1f}" for size in plain["size_mb"]]
    text = plain.astype(object).where(plain.notna(), "-").to_string(index=False)
    more = f"\n... and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return text + more
