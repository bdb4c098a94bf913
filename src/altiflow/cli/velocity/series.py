"""`altiflow velocity series`: velocity in time at points, along a line or in an area."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import geopandas as gpd
import xarray as xr

from altiflow.cli.options import REGION_HELP, counted, quiet_option, region_choice, saying, told
from altiflow.cli.velocity.filtering import filter_options, filtered
from altiflow.errors import InputError
from altiflow.gridding import series_along, series_at, series_in, series_table
from altiflow.gridding.export import SERIES_SUFFIXES, write_series
from altiflow.readers import read_velocity
from altiflow.region import as_places

__all__ = ["series"]


@click.command()
@click.argument("sources", nargs=-1, required=True)
@click.option("--point", "points", multiple=True, help="longitude,latitude; may be given several times.")
@click.option("--points", "points_file", help="CSV with longitude, latitude (and name), or a vector file of points.")
@click.option("--line", help="Vector file of a line.")
@click.option("--spacing", type=float, default=240.0, show_default=True, help="Points along the line are this far [m].")
@click.option("--area", help=REGION_HELP)
@click.option("--crs", help="CRS of sources that state none.")
@click.option("--metric", type=click.Choice(["map", "ground"]), help="Of the series.")
@click.option(
    "--method", type=click.Choice(["nearest", "linear"]), default="nearest", show_default=True, help="Between cells."
)
@filter_options
@click.option(
    "--out", "-o", default="series.csv", show_default=True, help=".csv, .parquet, or .zip, a CSV of each point."
)
@quiet_option
@told
def series(sources: tuple[str, ...], out: str, quiet: bool, **asked: Any) -> None:
    """Write the velocity of every image pair at points, along a line or in an area.

    SOURCES are cubes, pairs on one grid or mosaics; of several, an image pair in two of them is one row.

    \b
    altiflow velocity series cube.zarr --point=-49.46,69.11 --unlock -o series.csv
    altiflow velocity series east.zarr west.zarr --points stakes.csv --max-separation 64 -o stakes.parquet
    """
    if Path(out).suffix not in SERIES_SUFFIXES:
        raise InputError(f"{out}: a series is written as .csv, .parquet or .zip")
    fields = [read_velocity(one if "://" in one else Path(one), crs=asked["crs"]) for one in sources]
    say = saying(quiet)
    found = filtered(_series_of(fields, asked), asked, quiet=quiet)
    table = series_table(found)
    write_series(table, out)
    say(f"{counted(found.sizes['point'], 'point')}, {counted(found.sizes['time'], 'layer')}")
    say(f"{counted(len(table), 'row')} in {out}, {found.attrs['units']}, {found.attrs['velocity_metric']} metres")
    empty = set(map(str, found["point"].values)) - set(map(str, table["point"]))
    if empty:
        click.echo(f"warning: no velocity at {counted(len(empty), 'point')}: {', '.join(sorted(empty)[:5])}", err=True)


def _series_of(fields: list[xr.Dataset], asked: dict[str, Any]) -> xr.Dataset:
    """Return the series at the places that the command line names, of one kind."""
    kinds = [name for name in ("points", "points_file", "line", "area") if asked[name]]
    if len(kinds) != 1:
        raise InputError("say where: --point, --points, --line or --area, one of them")
    options: dict[str, Any] = {"method": asked["method"], "metric": asked["metric"]}
    if kinds[0] == "line":
        return series_along(fields, gpd.read_file(asked["line"]), spacing=asked["spacing"], **options)
    if kinds[0] == "area":
        if len(fields) != 1:
            raise InputError(f"--area is of one source, {len(fields)} are given; build a cube of them first")
        return series_in(fields[0], {"area": region_choice(asked["area"])})
    places = as_places(asked["points_file"]) if asked["points_file"] else [_point(text) for text in asked["points"]]
    return series_at(fields, places, **options)


def _point(text: str) -> tuple[float, float]:
    """Return longitude and latitude."""
    try:
        longitude, latitude = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--point {text} is not longitude,latitude") from None
    return longitude, latitude
