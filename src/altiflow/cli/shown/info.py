"""`altiflow info`: say what is there."""

from __future__ import annotations

from typing import Any

import click

from altiflow.cli.options import told, velocity_file_options
from altiflow.explore import describe_file

__all__ = ["info"]


@click.command(short_help="Say what is in a file, a data set or a folder.")
@click.argument("file")
@velocity_file_options
@told
def info(file: str, velocity_product: str | None, velocity_crs: str | None, velocity_metric: Any) -> None:
    """Say what is in FILE: granule, table, catalogue, ledger, grid, velocity, data set or folder of granules.

    Of a ledger and a data set: granules by what became of them, what was dropped, and why some failed. Of a catalogue:
    products, period, place, size and where the files are. Of velocity: its map, metric, kind, units, time and errors;
    what the file does not say can be said here.

    \b
    altiflow info ATL10-01_20190101001111_00010201_006_01.h5
    altiflow info segments.parquet
    altiflow info granules.parquet
    altiflow info ross-sea/
    altiflow info its_live.nc --crs EPSG:3413
    """
    click.echo(describe_file(file, product=velocity_product, crs=velocity_crs, metric=velocity_metric))
