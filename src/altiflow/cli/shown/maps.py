"""`altiflow map`: look at what is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import xarray as xr

from altiflow.cli.options import quiet_option, region_choice, saying, told, velocity_file_options
from altiflow.errors import InputError, UnsupportedFormatError
from altiflow.explore import draw_difference, draw_footprints, draw_map, draw_panels, draw_speed
from altiflow.explore.cartography.layers import layer_number
from altiflow.explore.inventories import is_catalogue
from altiflow.gridding.export import gridded_field, is_sparse, read_sparse
from altiflow.readers import as_catalogue, read_gridded, read_velocity
from altiflow.readers.gridded import grid_kind
from altiflow.readers.velocity.formats.stores import is_remote

__all__ = ["draw"]

_SAID = ("velocity_product", "velocity_crs", "velocity_metric")
"""What may be said of a velocity file."""


@click.command(name="map", short_help="Draw a map: a grid, velocity, a difference, months, footprints.")
@click.argument("gridded", metavar="FILE")
@click.option("--out", "-o", default="map.png", show_default=True, help=".png, .pdf or .svg")
@click.option("--variable", help="Variable to draw; the mean, or the speed of a velocity file, where not given.")
@click.option("--layer", default=0, show_default=True, help="Which layer, from 0; -1 is the last.")
@click.option("--panels", is_flag=True, help="All layers as small maps, with one colour bar.")
@click.option("--minus", help="Draw FILE minus this one; FILE itself for two of its layers.")
@click.option("--minus-layer", default=0, show_default=True, help="Which layer of the one that is subtracted.")
@click.option("--velocity", help="Velocity NetCDF on a grid, drawn as arrows.")
@click.option("--footprints", help="Catalogue whose footprints are drawn as outlines.")
@click.option("--projection", help="CRS of the map, e.g. EPSG:3413 or EPSG:3031; that of the data where not given.")
@click.option("--region", help="What the map shows: west,south,east,north, 'north of 60', WKT, or a vector file.")
@click.option("--title", help="Title of the map.")
@click.option(
    "--limits", nargs=2, type=float, metavar="LOW HIGH", help="Ends of the colours; from the data if not given."
)
@click.option("--cmap", help="Colour map of matplotlib, or difference or uncertainty; by the variable if not given.")
@velocity_file_options
@quiet_option
@told
def draw(gridded: str, out: str, quiet: bool, **asked: Any) -> None:
    """Draw a map of FILE, as PNG, PDF or SVG by the name of --out.

    FILE is a gridded result (NetCDF, Zarr or sparse table), drawn with velocity over it if there is any;
    velocity (any file or store that altiflow reads as such), drawn as speed on the ground in logarithmic colours, with
    the direction of the flow; or a catalogue, whose footprints are drawn.

    \b
    altiflow map fused.nc -o map.pdf
    altiflow map grid.nc --velocity velocity.nc --variable freeboard_std --layer 1 --limits 0 0.4
    altiflow map grid.nc --panels -o months.png
    altiflow map grid.nc --layer 1 --minus grid.nc -o change.png
    altiflow map grid.nc --projection EPSG:3413 --region "north of 65"
    altiflow map its_live.nc --crs EPSG:3413 -o speed.png
    altiflow map annual.nc --variable vx_sigma
    altiflow map granules.parquet -o footprints.png
    """
    where = {"crs": asked["projection"], "region": region_choice(asked["region"])}
    words = {"path": Path(out), "title": asked["title"]}
    if is_catalogue(Path(gridded)):
        _refuse(asked, "variable", "panels", "minus", "velocity", "footprints", "limits", "cmap", of="a grid")
        draw_footprints(as_catalogue(gridded), **words, **where)
        saying(quiet)(f"footprints: {out}")
        return
    if asked["panels"] and asked["minus"]:
        raise InputError("--panels are of one file and --minus of two; give one of them")
    name = _draw_values(gridded, asked, words | where | {"limits": asked["limits"], "cmap": asked["cmap"]})
    saying(quiet)(f"{name}: {out}")


def _draw_values(gridded: str, asked: dict[str, Any], words: dict[str, Any]) -> str:
    """Draw a grid or velocity, and return what of it."""
    layer, name = asked["layer"], asked["variable"]
    field = _velocity_in(gridded, asked)
    over: dict[str, Any] = {"footprints": None if asked["footprints"] is None else as_catalogue(asked["footprints"])}
    if field is not None and asked["velocity"]:
        raise InputError(f"{gridded} is velocity itself, with its own arrows; --velocity goes over other maps")
    if field is not None and name is None:
        _refuse(asked, "panels", "minus", of="a grid, or of --variable of velocity")
        draw_speed(field, time=layer, **words, **over)
        return "speed"
    if field is not None and not (asked["panels"] or asked["minus"]):
        chosen = gridded_field(field.isel(time=[layer_number(field, layer)]))
        draw_map(chosen, name, velocity=chosen, **words, **over)
        return str(name)
    dataset = _grid_of(gridded) if field is None else gridded_field(field)
    name = name or _usual_variable(dataset)
    if asked["minus"] or asked["panels"]:
        _refuse(asked, "velocity", "footprints", of="a single map")
    if asked["minus"]:
        other = dataset if asked["minus"] == gridded else _grid_of(asked["minus"])
        draw_difference(dataset, other, name, times=(layer, asked["minus_layer"]), **words)
    elif asked["panels"]:
        draw_panels(dataset, name, **words)
    else:
        own = dataset if {"vx", "vy"} <= set(dataset.data_vars) else None
        velocity = read_gridded(asked["velocity"]) if asked["velocity"] else own
        draw_map(dataset, name, time=layer, velocity=velocity, **words, **over)
    return name


def _grid_of(path: str) -> xr.Dataset:
    """Return the gridded Dataset in a file."""
    return read_sparse(path) if is_sparse(path) else read_gridded(path)


def _refuse(asked: dict[str, Any], *names: str, of: str) -> None:
    """Refuse options that mean nothing here."""
    wrong = [f"--{name}" for name in names if asked[name]]
    if wrong:
        raise InputError(f"{', '.join(wrong)}: of {of}; leave out")


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
