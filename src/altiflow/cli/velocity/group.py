"""The group of commands `altiflow velocity`."""

from __future__ import annotations

import click

from altiflow.cli.velocity.cube import cube
from altiflow.cli.velocity.mean import mean
from altiflow.cli.velocity.search import search
from altiflow.cli.velocity.series import series

__all__ = ["velocity"]


@click.group()
def velocity() -> None:
    """Find image pairs of ice velocity, put them on a grid, and take series and means of them.

    \b
    altiflow velocity search --region=-50,69,-48,70 --start 2019 --download pairs
    altiflow velocity cube pairs -o cube.zarr --epsg 3413 --region=-50,69,-48,70
    altiflow velocity series cube.zarr --point=-49.46,69.11 -o series.csv
    altiflow velocity mean cube.zarr --periods YS -o annual.nc
    """


for command in (search, cube, series, mean):
    velocity.add_command(command)
