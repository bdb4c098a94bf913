"""`altiflow velocity mean`: velocity per month or year out of image pairs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import xarray as xr

from altiflow.cli.options import counted, quiet_option, saying, told
from altiflow.cli.velocity.filtering import filter_options, filtered
from altiflow.errors import InputError
from altiflow.gridding import invert_displacements, mean_of_speeds, mid_date_mean, weighted_mean, write_velocity
from altiflow.readers import read_velocity

__all__ = ["mean"]

_WAYS: dict[str, Callable[..., xr.Dataset]] = {
    "least-squares": invert_displacements,
    "weighted": weighted_mean,
    "mid-date": mid_date_mean,
    "speeds": mean_of_speeds,
}


@click.command()
@click.argument("cube")
@click.option("--periods", default="YS", show_default=True, help="Length of a layer: MS (month), QS-DEC, YS (year).")
@click.option(
    "--how",
    type=click.Choice([*_WAYS]),
    default="least-squares",
    show_default=True,
    help="least-squares: each pair is the mean of its interval. weighted: by overlap and error. mid-date and speeds: "
    "old ways, biased.",
)
@click.option("--crs", help="CRS of a source that states none.")
@click.option("--min-pairs", type=click.IntRange(min=1), default=1, show_default=True, help="Fewest of a velocity.")
@filter_options
@click.option("--out", "-o", default="mean.nc", show_default=True, help=".nc, .zarr, or a folder of GeoTIFFs.")
@quiet_option
@told
def mean(cube: str, periods: str, how: str, min_pairs: int, out: str, quiet: bool, **asked: Any) -> None:
    """Make one velocity per month or year of a cube, of components, with errors and counts.

    \b
    altiflow velocity mean cube.zarr --periods YS --unlock -o annual.nc
    altiflow velocity mean cube.zarr --periods MS --max-separation 64 --outliers 6 -o monthly.zarr
    """
    if Path(out).suffix not in (".nc", ".zarr", ""):
        raise InputError(f"{out}: velocity is written as .nc, .zarr, or a folder of GeoTIFFs (no suffix)")
    say = saying(quiet)
    pairs = filtered(read_velocity(cube if "://" in cube else Path(cube), crs=asked["crs"]), asked, quiet=quiet)
    found = _WAYS[how](pairs, periods, min_pairs=min_pairs, quiet=quiet)
    write_velocity(found, out)
    name = "vx" if "vx" in found else "speed"
    share = float(np.isfinite(found[name].values).mean()) * 100
    say(f"{counted(found.sizes['time'], 'layer')}, {share:.0f} % of cells with a velocity: {out}")
    if how in ("mid-date", "speeds"):
        click.echo(f"warning: {found.attrs.get('bias', 'this way is biased; --how least-squares is not')}", err=True)
