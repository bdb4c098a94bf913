"""`altiflow map` and `altiflow info`: look at what is there."""

from __future__ import annotations

from pathlib import Path

import click

from altiflow.cli.options import quiet_option, saying, told
from altiflow.explore import describe_file, draw_map
from altiflow.gridding.export import is_sparse, read_sparse
from altiflow.readers import read_gridded

__all__ = ["draw", "info"]


@click.command(name="map")
@click.argument("gridded")
@click.option("--out", "-o", default="map.png", show_default=True, help=".png, .pdf or .svg")
@click.option("--variable", help="Variable to draw; the mean where not given.")
@click.option("--layer", default=0, show_default=True, help="Which layer, from 0.")
@click.option("--velocity", help="Velocity NetCDF on a grid, drawn as arrows.")
@click.option("--title", help="Title of the map.")
@click.option(
    "--limits", nargs=2, type=float, metavar="LOW HIGH", help="Ends of the colours; from the data if not given."
)
@quiet_option
@told
def draw(
    gridded: str,
    out: str,
    variable: str | None,
    layer: int,
    velocity: str | None,
    title: str | None,
    limits: tuple[float, float] | None,
    quiet: bool,
) -> None:
    """Draw a gridded result (NetCDF, Zarr or sparse table), with velocity over it if there is any.

    \b
    altiflow map fused.nc -o map.pdf
    altiflow map grid.nc --velocity velocity.nc --variable freeboard_std --layer 1 --limits 0 0.4
    """
    dataset = read_sparse(gridded) if is_sparse(gridded) else read_gridded(gridded)
    name = variable or next((str(n) for n in dataset.data_vars if str(n).endswith("_mean") and n != "length_mean"), "")
    arrows = read_gridded(velocity) if velocity else (dataset if {"vx", "vy"} <= set(dataset.data_vars) else None)
    draw_map(dataset, name, time=layer, velocity=arrows, path=Path(out), title=title, limits=limits)
    saying(quiet)(f"{name}: {out}")


@click.command()
@click.argument("file")
@told
def info(file: str) -> None:
    """Say what is in a granule, table, grid or velocity file.

    \b
    altiflow info ATL10-01_20190101001111_00010201_006_01.h5
    altiflow info segments.parquet
    """
    click.echo(describe_file(file))
