"""The group of commands."""

from __future__ import annotations

import click

from altiflow.cli.fusion import dhdt, drift, flux, fuse
from altiflow.cli.gridding import grid, tally
from altiflow.cli.onboarding import completion, doctor, tutorial
from altiflow.cli.readers import coincide, download, read, search
from altiflow.cli.run import run
from altiflow.cli.service import catalog, serve
from altiflow.cli.shown import chart, draw, info, style
from altiflow.cli.track import track
from altiflow.cli.velocity import velocity
from altiflow.version import __version__

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="altiflow")
def main() -> None:
    """ICESat-2 altimetry and ice velocity on one grid: read, grid, fuse and map.

    \b
    Try it without data, login or network:
      altiflow run --sample --out sample-run

    Exit codes: 0 done, 1 error, 2 wrong use, 3 the sample misses its known truth.
    """


for command in (
    run,
    search,
    coincide,
    download,
    read,
    grid,
    tally,
    fuse,
    drift,
    dhdt,
    flux,
    velocity,
    track,
    draw,
    chart,
    style,
    info,
    catalog,
    serve,
):
    main.add_command(command)
for command in (doctor, tutorial, completion):
    main.add_command(command)
