"""`altiflow velocity cube`: image pairs and cubes on one grid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import numpy as np

from altiflow.cli.options import REGION_HELP, counted, quiet_option, region_choice, saying, told
from altiflow.errors import InputError
from altiflow.gridding import Grid, build_cube, grid_covering

__all__ = ["cube"]


@click.command()
@click.argument("sources", nargs=-1, required=True)
@click.option("--out", "-o", required=True, help="Zarr store to write (.zarr).")
@click.option("--grid", "grid_name", help="Named grid (altiflow grid --list); or give --epsg and --cell.")
@click.option("--epsg", type=int, help="Map of the cube, such as 3413 (north), 3031 (south) or 32607.")
@click.option("--cell", type=float, default=120.0, show_default=True, help="Cell size [m]; 120 and 240 are ITS_LIVE's.")
@click.option("--bounds", help="Of the cube: x_min,y_min,x_max,y_max [m of its map].")
@click.option("--region", help=f"Of the cube: {REGION_HELP}")
@click.option("--clip", is_flag=True, help="Leave cells outside the region empty.")
@click.option("--metric", type=click.Choice(["map", "ground"]), help="Needed where sources are in both.")
@click.option("--period", nargs=2, metavar="START END", help="Only layers that touch it.")
@click.option("--crs", help="CRS of sources that state none.")
@click.option("--method", type=click.Choice(["auto", "bilinear", "nearest", "area"]), default="auto", show_default=True)
@click.option("--precision", type=float, help="Keep int16 in steps of this [unit of the cube]; else float32.")
@click.option(
    "--on-error",
    type=click.Choice(["raise", "skip"]),
    default="raise",
    show_default=True,
    help="Stop at the first source that fails, or leave it out and say so.",
)
@click.option("--replace", is_flag=True, help="Put the new cube in the place of one that is there.")
@quiet_option
@told
def cube(sources: tuple[str, ...], out: str, on_error: Any, replace: bool, quiet: bool, **asked: Any) -> None:
    """Put image pairs, cubes and dated mosaics of any map on one grid, vectors turned to its axes.

    SOURCES are files, folders or Zarr stores (paths, s3:// or https://). The same command goes on where an interrupted
    one stopped.

    \b
    altiflow velocity cube pairs/ -o cube.zarr --epsg 3413 --region=-49.8,69.0,-49.2,69.3
    altiflow velocity cube east.zarr west.zarr -o both.zarr --epsg 32646 --bounds 780000,3305000,795000,3320000
    """
    if Path(out).suffix != ".zarr":
        raise InputError(f"{out}: a cube is a Zarr store; call it {Path(out).stem}.zarr")
    region = region_choice(asked["region"])
    grid = _grid_of(asked, region)
    say = saying(quiet)
    made = build_cube(
        [source if "://" in source else Path(source) for source in sources],
        grid,
        store=out,
        region=region if asked["clip"] else None,
        metric=asked["metric"],
        period=asked["period"],
        crs=asked["crs"],
        method=asked["method"],
        precision=asked["precision"],
        on_error=on_error,
        replace=replace,
        quiet=quiet,
    )
    _report(made, out, say)


def _grid_of(asked: dict[str, Any], region: Any) -> Grid:
    """Return the grid that the command line asks for."""
    if asked["clip"] and region is None:
        raise InputError("--clip needs --region")
    if asked["grid_name"]:
        if asked["epsg"] or asked["bounds"]:
            raise InputError("--grid has its own map; give it alone, with --region for a part of it")
        grid = Grid.named(asked["grid_name"])
        return grid if region is None else grid.window(region)
    if not asked["epsg"] or (asked["bounds"] is None) == (region is None):
        raise InputError("say where the cube is to be: --epsg with --bounds (m) or --region (degrees), or --grid")
    if region is not None:
        return grid_covering(region, asked["epsg"], asked["cell"])
    try:
        edges = tuple(float(part) for part in asked["bounds"].split(","))
    except ValueError:
        edges = ()
    if len(edges) != 4:
        raise InputError(f"--bounds {asked['bounds']} is not four numbers: x_min,y_min,x_max,y_max")
    if asked["cell"] in (120.0, 240.0):
        return Grid.its_live(asked["epsg"], bounds=edges, cell=int(asked["cell"]))  # type: ignore[arg-type]
    return Grid.from_bounds(asked["epsg"], edges, asked["cell"])


def _report(made: Any, out: str, say: Any) -> None:
    """Say what the cube holds, and what is not in it."""
    told, cells = made.attrs, made["valid_cells"].values
    first, last = (str(found(made["time_bnds"].values))[:10] for found in (np.min, np.max))
    rows, cols = made.sizes["y"], made.sizes["x"]
    say(f"{counted(made.sizes['time'], 'layer')} of {rows} x {cols} cells, {first} to {last}")
    left = [
        (int(told["sources_outside"]), "outside the grid"),
        (int(told["layers_merged"]), "there more than once, merged"),
        (int(np.count_nonzero(cells == 0)), "without a valid cell"),
    ]
    for number, what in left:
        if number:
            say(f"{number} {what}")
    failed = json.loads(told["sources_failed"])
    if failed:
        click.echo(f"warning: {counted(len(failed), 'source')} left out:", err=True)
        for name, reason in failed.items():
            click.echo(f"  {name}: {reason}", err=True)
    say(f"velocity in {told['units']}, {told['velocity_metric']} metres, along the axes of {told['crs']}: {out}")
