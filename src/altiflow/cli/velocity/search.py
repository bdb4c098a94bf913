"""`altiflow velocity search`: which image pairs there are, how many, and their files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
import geopandas as gpd

from altiflow.cli.options import (
    REGION_HELP,
    comparisons_told,
    counted,
    filter_option,
    quiet_option,
    region_choice,
    saying,
    told,
)
from altiflow.cli.readers.download import say_downloads
from altiflow.errors import EmptyDataError
from altiflow.readers import cap_per_year, count_by, download_files, search_pairs, write_pairs
from altiflow.readers.catalogue.pairs import keep_where

__all__ = ["search"]

Command = TypeVar("Command", bound=Callable[..., Any])


_OPTIONS = (
    click.option("--region", help=REGION_HELP),
    click.option("--start", help="First moment (UTC); a day, month or year is meant whole."),
    click.option("--end", help="Last moment (UTC); a day, month or year is meant whole."),
    click.option(
        "--period-rule",
        type=click.Choice(["middle", "inside", "touching"]),
        default="middle",
        show_default=True,
        help="Pairs of the period: middle in it, both images in it, or any moment between them.",
    ),
    click.option(
        "--percent-valid",
        "percent_valid_pixels",
        type=float,
        default=0.0,
        show_default=True,
        help="Least share of valid pixels [percent].",
    ),
    click.option("--min-separation", type=float, help="Least days between the images."),
    click.option("--max-separation", type=float, help="Most days between the images."),
    click.option("--mission", multiple=True, help="landsat, sentinel1, sentinel2 or nisar; several times."),
    click.option("--satellite", multiple=True, help="L8, S2A ...; may be given several times."),
    click.option("--version", multiple=True, help="v00, v01 or v02; may be given several times."),
    click.option("--months", help="Months of the middle: Nov-Feb, or 11,12,1."),
    filter_option("epsg:==:3413"),
    click.option("--cap", type=click.IntRange(min=1), help="Most pairs of a year."),
    click.option(
        "--strategy",
        type=click.Choice(["first", "spread", "coverage", "random"]),
        default="first",
        show_default=True,
        help="Which pairs of a year are taken where there is a cap.",
    ),
    click.option("--seed", type=click.IntRange(min=0), help="Seed of --strategy random."),
    click.option(
        "--source",
        help="STAC service, or index: .parquet, .geojson, or a folder. By default, that of ITS_LIVE.",
    ),
    click.option(
        "--on-short",
        type=click.Choice(["raise", "warn"]),
        default="raise",
        show_default=True,
        help="Where a service sends fewer pairs than it announced.",
    ),
    click.option("--timeout", type=float, default=60.0, show_default=True, help="Longest wait [s]."),
)
"""What is searched for."""


def _search_options(command: Command) -> Command:
    """Add the options of what is searched for."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command()
@_search_options
@click.option("--count-by", "facets", help="Print counts by year, month, season, satellite, mission, separation ...")
@click.option("--out", "-o", help=".parquet, .geojson, .json or .csv; .txt for addresses alone.")
@click.option("--download", "folder", help="Folder for the files; a second run completes the first.")
@click.option("--workers", type=click.IntRange(min=1), default=4, show_default=True, help="Files at a time.")
@click.option(
    "--on-error",
    type=click.Choice(["raise", "skip"]),
    default="raise",
    show_default=True,
    help="Files that cannot be had: an error at the end, or a line.",
)
@quiet_option
@told
def search(
    facets: str | None, out: str | None, folder: str | None, workers: int, on_error: Any, quiet: bool, **asked: Any
) -> None:
    """Search image pairs of ITS_LIVE: count them, write them, or bring the files.

    \b
    altiflow velocity search --region=-102.4,-75.5,-99.1,-74.7 --percent-valid 40 --max-separation 120 \\
        --months Nov-Jan --cap 10 --strategy spread --count-by year -o pairs.parquet
    """
    say = saying(quiet)
    pairs = _find(asked)
    say(_summary(pairs))
    if facets:
        click.echo(count_by(pairs, *facets.split(",")).to_string(index=False))  # type: ignore[arg-type]
    if out:
        say(f"{counted(len(pairs), 'pair')} in {write_pairs(pairs, out)}")
    if folder:
        done = download_files(pairs, folder, workers=workers, on_error=on_error, timeout=asked["timeout"], quiet=quiet)
        say_downloads(done, folder, say)


def _find(asked: dict[str, Any]) -> gpd.GeoDataFrame:
    """Return the pairs that the command line asks for; the cap comes after all filters."""
    options = {**asked, "region": region_choice(asked["region"])}
    filters, cap = options.pop("filters"), options.pop("cap")
    strategy, seed = options.pop("strategy"), options.pop("seed")
    lists: dict[str, Any] = {name: list(options.pop(name)) or None for name in ("mission", "satellite", "version")}
    comparisons = comparisons_told(filters)
    pairs = search_pairs(**options, **lists)
    for column, op, value in comparisons:
        pairs = keep_where(pairs, column, op, value)
    if len(pairs) == 0:
        raise EmptyDataError(f"no image pair is left after --filter {', '.join(filters)}")
    return pairs if cap is None else cap_per_year(pairs, cap, strategy=strategy, seed=seed)


def _summary(pairs: gpd.GeoDataFrame) -> str:
    """Return one line: how many pairs there are, of when, and what was left out."""
    told = pairs.attrs["altiflow"]
    dropped = [f"{count} by {name}" for name, count in told["screens"].items() if count]
    twice = [f"{told['duplicates']} that stood there twice"] if told["duplicates"] else []
    left = f"; left out: {', '.join(dropped + twice)}" if dropped or twice else ""
    first, last = (f"{moment:%Y-%m-%d}" for moment in (pairs["mid"].min(), pairs["mid"].max()))
    return f"{counted(len(pairs), 'pair')}, {first} to {last}{left}"
