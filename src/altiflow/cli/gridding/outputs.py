"""What `altiflow grid` and `altiflow tally export` share: how statistics are asked for, and where they go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import xarray as xr

from altiflow.errors import EmptyDataError, InputError
from altiflow.explore import write_styles
from altiflow.gridding import Tally, write_cells, write_geotiffs, write_netcdf, write_sparse, write_zarr

__all__ = ["check_grid_suffix", "gridded", "output_options", "statistics_options", "write_grid", "write_gridded"]

Command = TypeVar("Command", bound=Callable[..., Any])


def statistics_options(command: Command) -> Command:
    """Add the options of what a grid holds."""
    for option in reversed(
        [
            click.option(
                "--freq",
                default="none",
                show_default=True,
                help="Length of a layer: D, 7D, MS (month), QS-DEC (season); none: one.",
            ),
            click.option(
                "--period",
                "periods",
                nargs=2,
                multiple=True,
                metavar="START END",
                help="Instead, a layer from START up to END, e.g. a winter; may be given several times.",
            ),
            click.option(
                "--coarsen", type=click.IntRange(min=1), default=1, help="Cells of this grid that make one, a side."
            ),
            click.option(
                "--quantile", "shares", type=float, multiple=True, help="Share from 0 to 1; may be given several times."
            ),
            click.option(
                "--min-count", type=int, default=1, show_default=True, help="Empty cells with fewer segments."
            ),
            click.option(
                "--min-weight", type=float, default=0.0, help="Empty cells with less weight (metres of segments)."
            ),
            click.option(
                "--whole", is_flag=True, help="Keep the whole grid; else it is cut to the window that holds data."
            ),
        ]
    ):
        command = option(command)
    return command


def output_options(command: Command) -> Command:
    """Add the options of where a grid goes."""
    for option in reversed(
        [
            click.option(
                "--out",
                "-o",
                default="grid.nc",
                show_default=True,
                help="NetCDF (.nc), Zarr (.zarr), cells for GIS (.parquet, .gpkg, .fgb). What is there is replaced.",
            ),
            click.option("--geotiff", help="Folder for cloud-optimised GeoTIFFs, one per variable, with QGIS styles."),
            click.option("--cells", help="GeoParquet of the filled cells (.parquet), a polygon each."),
            click.option("--sparse", help="Parquet of the filled cells, which altiflow info and map read as the grid."),
        ]
    ):
        command = option(command)
    return command


def gridded(tally: Tally, options: dict[str, Any]) -> xr.Dataset:
    """Return the statistics that the command line asks for."""
    chosen = tally if options["coarsen"] == 1 else tally.coarsen(options["coarsen"])
    freq = None if options["freq"] == "none" else options["freq"]
    return chosen.to_dataset(
        None if options["periods"] else freq,
        periods=options["periods"] or None,
        quantiles=options["shares"],
        min_count=options["min_count"],
        min_weight=options["min_weight"],
        crop=not options["whole"],
    )


_WRITERS: dict[str, Callable[[xr.Dataset, Path], Any]] = {
    ".nc": write_netcdf,
    ".zarr": write_zarr,
    ".gpkg": write_cells,
    ".fgb": write_cells,
    ".parquet": write_cells,
}


def check_grid_suffix(path: Path) -> None:
    """Refuse a file name that says no format a grid is written in."""
    if path.suffix not in _WRITERS:
        raise InputError(f"cannot write a grid to {path.name}: the suffix is one of {', '.join(_WRITERS)}")


def write_grid(dataset: xr.Dataset, path: str | Path) -> Path:
    """Write a gridded Dataset in the format that its name says, and return the path."""
    target = Path(path)
    check_grid_suffix(target)
    _WRITERS[target.suffix](dataset, target)
    return target


def write_gridded(dataset: xr.Dataset, options: dict[str, Any], say: Callable[[str], None]) -> None:
    """Write the files that the command line asks for, and say what is in them."""
    out = Path(options["out"])
    check_grid_suffix(out)
    filled = _filled(dataset, options)
    if options["sparse"]:
        write_sparse(dataset, options["sparse"])
    _WRITERS[out.suffix](dataset, out)
    for_gis = [out] if out.suffix in (".parquet", ".gpkg", ".fgb") else []
    if options["geotiff"]:
        for_gis += write_geotiffs(dataset, options["geotiff"])
    if options["cells"]:
        for_gis.append(write_cells(dataset, options["cells"]))
    write_styles(for_gis)
    rows, cols = dataset.sizes["y"], dataset.sizes["x"]
    say(f"{dataset.attrs['grid_name']}, {dataset.sizes['time']} x {rows} x {cols}, {filled} filled cells: {out}")
    counts = [int(dataset.attrs[f"segments_{name}"]) for name in ("gridded", "outside_grid", "left_out")]
    say("{} segments gridded, {} outside the grid, {} without a value".format(*counts))


def _filled(dataset: xr.Dataset, options: dict[str, Any]) -> int:
    """Return how many cells hold a mean; none is an error."""
    mean = next(name for name in dataset.data_vars if str(name).endswith("_mean") and not str(name).endswith("th_mean"))
    filled = int(dataset[mean].notnull().sum())
    if filled == 0:
        most = int(dataset["n_segments"].max())
        raise EmptyDataError(
            f"no cell is left with --min-count {options['min_count']} and --min-weight {options['min_weight']:g}; "
            f"the most segments in one are {most}"
        )
    return filled
