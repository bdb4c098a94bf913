"""`altiflow style`: the colours of the maps, for QGIS."""

from __future__ import annotations

from typing import Any

import click

from altiflow.cli.options import quiet_option, saying, told
from altiflow.explore import write_style

__all__ = ["style"]


@click.command()
@click.argument("files", nargs=-1, required=True)
@click.option("--variable", help="Column of a table to show; its mean where not given.")
@click.option(
    "--limits", nargs=2, type=float, metavar="LOW HIGH", help="Ends of the colours; from the data if not given."
)
@click.option("--cmap", help="Colour map of matplotlib, or difference or uncertainty; by the variable if not given.")
@click.option("--units", help="Units of the legend; those of the file where not given.")
@click.option("--classes", default=8, show_default=True, help="Of a table, as many colours.")
@quiet_option
@told
def style(files: tuple[str, ...], quiet: bool, **asked: Any) -> None:
    """Write QGIS styles (.qml) beside FILES, in the colours of the maps and with units in the legend.

    FILES are GeoTIFFs, or tables of cells or segments (.parquet, .gpkg, .fgb, .geojson). QGIS takes a style of the same
    name when it opens the file. GeoTIFFs and cells that altiflow writes have one already.

    \b
    altiflow style geotiff/*.tif
    altiflow style cells.parquet --variable freeboard_mean --limits 0 0.6
    """
    say = saying(quiet)
    for file in files:
        say(f"wrote {write_style(file, **asked)}")
