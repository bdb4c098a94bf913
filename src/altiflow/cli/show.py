"""`altiflow map` and `altiflow info`: look at what is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import xarray as xr

from altiflow.cli.options import quiet_option, saying, told, velocity_file_options
from altiflow.errors import InputError, UnsupportedFormatError
from altiflow.explore import describe_file, draw_map, draw_speed
from altiflow.explore.cartography.layers import layer_number
from altiflow.gridding.export import gridded_field, is_sparse, read_sparse
from altiflow.readers import read_gridded, read_velocity
from altiflow.readers.gridded import grid_kind
from altiflow.readers.velocity.formats.stores import is_remote

__all__ = ["draw", "info"]

_SAID = ("velocity_product", "velocity_crs", "velocity_metric")
"""What may be said of a velocity file."""


@click.command(name="map")
@click.argument("gridded")
@click.option("--out", "-o", default="map.png", show_default=True, help=".png, .pdf or .svg")
@click.option("--variable", help="Variable to draw; the mean, or the speed of a velocity file, where not given.")
@click.option("--layer", default=0, show_default=True, help="Which layer, from 0.")
@click.option("--velocity", help="Velocity NetCDF on a grid, drawn as arrows.")
@click.option("--title", help="Title of the map.")
@click.option(
    "--limits", nargs=2, type=float, metavar="LOW HIGH", help="Ends of the colours; from the data if not given."
)
@velocity_file_options
@quiet_option
@told
def draw(gridded: str, out: str, velocity: str | None, quiet: bool, **asked: Any) -> None:
    """Draw a gridded result (NetCDF, Zarr or sparse table), with velocity over it if there is any, or velocity alone.

    Of velocity (any file or store that altiflow reads as such), it is the speed on the ground in logarithmic colours,
    with the direction of the flow.

    \b
    altiflow map fused.nc -o map.pdf
    altiflow map grid.nc --velocity velocity.nc --variable freeboard_std --layer 1 --limits 0 0.4
    altiflow map its_live.nc --crs EPSG:3413 -o speed.png
    altiflow map annual.nc --variable vx_sigma
    """
    words = {"path": Path(out), "title": asked["title"], "limits": asked["limits"]}
    layer, name = asked["layer"], asked["variable"]
    field = _velocity_in(gridded, asked)
    if field is not None and velocity:
        raise InputError(f"{gridded} is velocity itself, with its own arrows; --velocity goes over other maps")
    if field is not None and name is None:
        draw_speed(field, time=layer, **words)
    elif field is not None:
        chosen = gridded_field(field.isel(time=[layer_number(field, layer)]))
        draw_map(chosen, name, velocity=chosen, **words)
    else:
        dataset = read_sparse(gridded) if is_sparse(gridded) else read_gridded(gridded)
        name = name or _usual_variable(dataset)
        own = dataset if {"vx", "vy"} <= set(dataset.data_vars) else None
        draw_map(dataset, name, time=layer, velocity=read_gridded(velocity) if velocity else own, **words)
    saying(quiet)(f"{name or 'speed'}: {out}")


def _velocity_in(path: str, asked: dict[str, Any]) -> xr.Dataset | None:
    """Return the field in a file that is velocity and nothing else; None of another."""
    product, crs, metric = said = [asked[name] for name in _SAID]
    known = is_remote(path) or any(word is not None for word in said)
    kind = None if known or not Path(path).exists() else grid_kind(path)
    if not known and (not Path(path).exists() or is_sparse(path) or kind not in (None, "velocity")):
        return None
    try:
        return read_velocity(path if is_remote(path) else Path(path), product=product, crs=crs, metric=metric)
    except UnsupportedFormatError:
        if known:
            raise
        return None


def _usual_variable(dataset: xr.Dataset) -> str:
    """Return the variable that a map is of where none is named."""
    names = [str(name) for name in dataset.data_vars]
    means = [name for name in names if name.endswith("_mean") and name != "length_mean"]
    return next(iter([*means, *(name for name in names if name == "speed")]), "")


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
