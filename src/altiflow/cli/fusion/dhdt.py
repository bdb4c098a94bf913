"""`altiflow dhdt`: height change between passes, at a place or of the ice on its way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import geopandas as gpd

from altiflow.cli.options import counted, quiet_option, saying, told, velocity_file_options
from altiflow.fusion import counts_text, eulerian_dhdt, lagrangian_dhdt
from altiflow.readers import join_tables, read_table, read_velocity, write_table
from altiflow.readers.table import check_table_path

__all__ = ["dhdt"]


@click.command()
@click.argument("tables", nargs=-1, required=True)
@click.option("--velocity", multiple=True, help="File of land-ice velocity to follow the ice by; may be repeated.")
@click.option(
    "--frame",
    type=click.Choice(["eulerian", "lagrangian"]),
    help="At the place, or of the ice on its way; where not given, lagrangian with --velocity and eulerian without.",
)
@click.option("--steady", is_flag=True, help="Take the velocity for all times: an undated mosaic needs it said.")
@click.option(
    "--pairs",
    type=click.Choice(["all", "consecutive"]),
    default="all",
    show_default=True,
    help="Each height with every later pass, or with the first that has one there.",
)
@click.option("--max-distance", default=65.0, show_default=True, help="From the ice to the later track [m].")
@click.option("--max-gap", default=100.0, show_default=True, help="Between two points interpolated between [m].")
@click.option("--min-days", default=1.0, show_default=True, help="Least time between two heights.")
@click.option(
    "--across",
    type=click.Choice(["slope", "none"]),
    default="slope",
    show_default=True,
    help="Carry heights from the later track to the ice by the slope in the table, or leave them.",
)
@click.option("--out", "-o", default="dhdt.parquet", show_default=True, help=".parquet, .gpkg or .fgb")
@velocity_file_options
@quiet_option
@told
def dhdt(
    tables: tuple[str, ...],
    velocity: tuple[str, ...],
    frame: str | None,
    steady: bool,
    pairs: Any,
    max_distance: float,
    max_gap: float,
    min_days: float,
    across: Any,
    out: str,
    velocity_product: str | None,
    velocity_crs: str | None,
    velocity_metric: Any,
    quiet: bool,
) -> None:
    """Compare heights of land ice between passes: dh/dt with its error, one row per pair of heights.

    TABLES are tables of ATL06 or ATL11, of several passes; read ATL06 with --beams all, because strong and weak beams
    change sides whenever the spacecraft turns round.

    \b
    altiflow read ATL06/ -o atl06.parquet --beams all
    altiflow dhdt atl06.parquet -o dhdt.parquet
    altiflow dhdt atl06.parquet --velocity annual.nc -o moving.parquet
    altiflow dhdt atl06.parquet --velocity mosaic.nc --crs EPSG:3413 --steady -o moving.parquet
    """
    wanted = frame or ("lagrangian" if velocity else "eulerian")
    if (wanted == "lagrangian") != bool(velocity):
        raise click.UsageError("--frame lagrangian needs --velocity, and --frame eulerian has no use for it")
    check_table_path(out)
    table = join_tables([read_table(path) for path in tables])
    if wanted == "eulerian":
        changes = eulerian_dhdt(
            table, pairs=pairs, max_distance_m=max_distance, max_gap_m=max_gap, min_days=min_days, across=across
        )
    else:
        motion = read_velocity(
            [Path(path) for path in velocity], product=velocity_product, crs=velocity_crs, metric=velocity_metric
        )
        changes = lagrangian_dhdt(
            table,
            motion,
            pairs=pairs,
            max_distance_m=max_distance,
            max_gap_m=max_gap,
            min_days=min_days,
            across=across,
            steady=steady,
        )
    write_table(changes, out)
    _summarise(changes, out, saying(quiet))


def _summarise(changes: gpd.GeoDataFrame, out: str, say: Callable[[str], None]) -> None:
    """Say how many pairs there are, what they show, and what became of the other heights."""
    about = changes.attrs["altiflow"]["height_change"]
    low, middle, high = changes["dhdt"].quantile([0.25, 0.5, 0.75])
    say(f"{about['frame']} height change, {counted(len(changes), 'pair')} of heights: {out}")
    say(f"dh/dt median {middle:.2f} m/yr, the middle half {low:.2f} to {high:.2f}")
    if about["frame"] == "lagrangian":
        say(f"the ice moved {changes['dx_adv'].median():.0f} m (median)")
    say(f"counts: {counts_text(about['counts'])}")
    if about["pairs_without_correction"]:
        say(f"{counted(about['pairs_without_correction'], 'pair')} without a slope to correct the later height by")
