"""`altiflow fuse`: velocity at every segment and on a grid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from altiflow.cli.options import no_choice, quiet_option, saying, told, velocity_options
from altiflow.fusion import align_velocity, along_across, check_overlap, sample_velocity
from altiflow.fusion import fuse as fuse_all
from altiflow.gridding import Grid, window_with_data, write_netcdf
from altiflow.readers import read_gridded, read_table, read_velocity, value_column, write_table
from altiflow.readers.table import check_table_path

__all__ = ["fuse"]


@click.command()
@click.argument("table")
@click.argument("velocity", nargs=-1, required=True)
@click.option("--out", "-o", default="fused.parquet", show_default=True, help="Table with velocity at every segment.")
@click.option("--grid", "grid_name", help="Named grid: altimetry, velocity and deformation on its cells, in one file.")
@click.option("--freq", default="MS", show_default=True, help="Length of its layers: D, 7D, MS (month) ...; none: one.")
@click.option("--value", help="Column to grid; that of the product where not given.")
@click.option("--grid-out", default="fused.nc", show_default=True, help="Where, with --grid.")
@click.option("--grid-file", help="Gridded NetCDF; velocity is put on its grid and periods too.")
@click.option("--velocity-out", default="velocity.nc", show_default=True, help="Where, with --grid-file.")
@velocity_options
@quiet_option
@told
def fuse(
    table: str,
    velocity: tuple[str, ...],
    out: str,
    grid_name: str | None,
    freq: str,
    value: str | None,
    grid_out: str,
    grid_file: str | None,
    velocity_out: str,
    velocity_product: str | None,
    velocity_crs: str | None,
    velocity_metric: Any,
    method: Any,
    max_dt_days: float,
    quiet: bool,
) -> None:
    """Put velocity at every segment of a table, and both on a grid if one is asked for.

    \b
    altiflow fuse segments.parquet icemotion_daily_nh_25km_2019.nc -o fused.parquet --grid EASE2_N25km
    altiflow fuse segments.parquet icemotion_daily_nh_25km_2019.nc --grid-file grid.nc
    altiflow fuse atl06.parquet its_live.nc --crs EPSG:3413
    """
    check_table_path(out)
    segments = read_table(table)
    motion = read_velocity(
        [Path(path) for path in velocity], product=velocity_product, crs=velocity_crs, metric=velocity_metric
    )
    fused = along_across(sample_velocity(segments, motion, method=method, max_dt_days=max_dt_days))
    overlap = check_overlap(segments, motion, method=method, max_dt_days=max_dt_days)
    write_table(fused, out)
    say = saying(quiet)
    say(overlap.text)
    if overlap.in_period == 0:
        click.echo("warning: every velocity is from outside the period of the field", err=True)
    say(f"{int(fused['v_valid'].sum())} of {len(fused)} segments have a velocity: {out}")
    if grid_name:
        grid = window_with_data(segments, Grid.named(grid_name))
        column = value or value_column(table)
        both = fuse_all(
            segments, motion, grid, value=column, freq=no_choice(freq), method=method, max_dt_days=max_dt_days
        )
        say(f"altimetry, velocity and deformation: {write_netcdf(both.grid, grid_out)}")
    if grid_file:
        gridded = read_gridded(grid_file)
        write_netcdf(align_velocity(motion, Grid.from_dataset(gridded), time=gridded), velocity_out)
        say(f"velocity on the grid: {velocity_out}")
