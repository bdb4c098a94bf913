"""`altiflow drift`: altimetry of many days on a grid, where its ice is at a date."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pandas as pd
import xarray as xr

from altiflow.cli.gridding.outputs import check_grid_suffix, write_grid
from altiflow.cli.options import counted, quiet_option, saying, told, typed_command, velocity_file_options
from altiflow.errors import InputError
from altiflow.explore.report import drift_report, series_report
from altiflow.fusion import DriftPlan, drift_series, grid_with_drift
from altiflow.gridding import Grid, Tally, TallyStore, is_tally, read_tally
from altiflow.gridding.frame import crop_dataset
from altiflow.readers import read_table, read_velocity, value_column

__all__ = ["drift"]


@click.command()
@click.argument("altimetry")
@click.argument("velocity", nargs=-1)
@click.option("--target", "targets", multiple=True, help="Date (UTC) that the ice is brought to; several make layers.")
@click.option("--every", help="Instead, a series of targets this far apart, such as 1D; needs --start and --end.")
@click.option("--start", help="First target of a series.")
@click.option("--end", help="Last target of a series.")
@click.option("--out", "-o", default="drift.nc", show_default=True, help="NetCDF, Zarr ...; of a series, a folder.")
@click.option(
    "--grid", "grid_name", default="EASE2_N25km", show_default=True, help="Named grid (altiflow grid --list)."
)
@click.option("--whole", is_flag=True, help="Keep the whole grid; else it is cut to the window that holds data.")
@click.option("--window", default="15D", show_default=True, help="Altimetry of so long before and after counts.")
@click.option(
    "--mode",
    type=click.Choice(["drift", "eulerian", "both"]),
    default="both",
    show_default=True,
    help="Ice where it is at the target, where it was measured, or both and their difference.",
)
@click.option("--value", help="Column to grid; that of the product where not given.")
@click.option("--weight", default="segment_length", show_default=True, help="Column of weights; none: unweighted.")
@click.option("--parcel", default=6250.0, show_default=True, help="Size of what moves as one [m].")
@click.option("--dt", default="1D", show_default=True, help="Longest step of time.")
@click.option(
    "--scheme", type=click.Choice(["rk4", "midpoint", "euler"]), default="rk4", show_default=True, help="Integrator."
)
@click.option("--steady", is_flag=True, help="The only layer of the velocity holds at all times.")
@click.option("--sigma", help="Error of the drift along an axis, such as '2.1 km d-1'; else that of the files.")
@click.option("--rho", default=0.0, show_default=True, help="Correlation of the errors of one day and the next.")
@click.option("--growth", help="Correct growth: fit, or a rate per day; not corrected where not given.")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes, of a series.")
@click.option(
    "--report", help="Page that shows it all, such as march.html; of a series report.html in its folder, or none."
)
@velocity_file_options
@quiet_option
@told
def drift(altimetry: str, velocity: tuple[str, ...], quiet: bool, **options: Any) -> None:
    """Grid altimetry where its ice is at a date, not where it was measured.

    ALTIMETRY is a table (.parquet) or a tally with time bins (a file, or a store); VELOCITY one or more files of the
    motion of the days around. What leaves the field on its way is counted, and told.

    \b
    altiflow drift segments.parquet icemotion_weekly_nh_2018.nc --target 2018-03-01 -o march.nc --sigma "2.1 km d-1"
    altiflow drift winter.tally icemotion_*.nc --every 1D --start 2018-11-01 --end 2019-04-30 -o daily/
    """
    say = saying(quiet)
    field = _field(velocity, options)
    plan = DriftPlan(**{name: options[name] for name in _PLAN}, growth=_growth(options["growth"]))
    source = _source(altimetry)
    value = options["value"] or _value(altimetry, source)
    shared: dict[str, Any] = {"value": value, "weight": None if options["weight"] == "none" else options["weight"]}
    grid = Grid.named(options["grid_name"])
    if options["every"]:
        made = drift_series(
            source,
            field,
            grid,
            options["out"],
            targets=_targets(options),
            plan=plan,
            parcel=options["parcel"],
            workers=options["workers"],
            quiet=quiet,
            **shared,
        )
        say(f"{counted(len(made.paths), 'file')} in {options['out']}: {made.made} made, {made.kept} were there already")
        if made.empty:
            click.echo(f"warning: {counted(made.empty, 'target')} without altimetry in the window", err=True)
        if options["report"] != "none":
            page = series_report(made.paths, value, command=typed_command(), targets=_targets(options))
            say(f"wrote {page.write(options['report'] or Path(options['out']) / 'report.html')}")
        return
    check_grid_suffix(Path(options["out"]))
    tally = source.tally() if isinstance(source, TallyStore) else source
    how: dict[str, Any] = {name: getattr(plan, name) for name in (*_PLAN, "growth")}
    found = grid_with_drift(tally, field, grid, target=_targets(options), parcel=options["parcel"], **how, **shared)
    cut = found if options["whole"] else crop_dataset(found, margin=2)
    _account(found, say)
    shape = " x ".join(str(cut.sizes[name]) for name in ("time", "y", "x"))
    say(f"{found.attrs['grid_name']}, {shape}: {write_grid(cut, options['out'])}")
    if options["report"] not in (None, "none"):
        say(f"wrote {drift_report(cut, value, command=typed_command()).write(options['report'])}")


_PLAN = ("window", "mode", "dt", "scheme", "steady", "sigma", "rho")
"""Options that are those of the library."""


def _field(velocity: tuple[str, ...], options: dict[str, Any]) -> xr.Dataset | None:
    """Return the velocity field, None where none is needed."""
    if not velocity:
        if options["mode"] == "eulerian":
            return None
        raise click.UsageError("give VELOCITY files, or --mode eulerian for ice where it was measured")
    return read_velocity(
        [Path(path) for path in velocity],
        product=options["velocity_product"],
        crs=options["velocity_crs"],
        metric=options["velocity_metric"],
    )


def _source(altimetry: str) -> Any:
    """Return the table, tally or store of a path."""
    if not is_tally(altimetry):
        return read_table(altimetry)
    return TallyStore.open(altimetry) if Path(altimetry).is_dir() else read_tally(altimetry)


def _value(altimetry: str, source: Any) -> str:
    """Return the column to grid where the command line names none."""
    if isinstance(source, Tally):
        return source.values[0]
    return source.head.values[0] if isinstance(source, TallyStore) else value_column(altimetry)


def _targets(options: dict[str, Any]) -> Any:
    """Return the targets that the command line asks for."""
    if not options["every"]:
        if not options["targets"] or options["start"] or options["end"]:
            raise click.UsageError("give --target DATE, or --every 1D with --start and --end")
        return list(options["targets"])
    if options["targets"] or not (options["start"] and options["end"]):
        raise click.UsageError("--every needs --start and --end, and no --target")
    try:
        return pd.date_range(options["start"], options["end"], freq=options["every"])
    except ValueError as error:
        raise InputError(f"--every {options['every']} from {options['start']} to {options['end']}: {error}") from error


def _growth(text: str | None) -> Any:
    """Return the word fit, a rate, or None."""
    if text is None or text == "fit":
        return text
    try:
        return float(text)
    except ValueError as error:
        raise InputError(f"--growth is fit or a rate per day, got {text!r}") from error


def _account(found: xr.Dataset, say: Any) -> None:
    """Say what became of the altimetry of each target."""
    for layer in range(found.sizes["time"]):
        one = found.isel(time=layer)
        number = {name: int(one[f"segments_{name}"]) for name in ("in_window", "gridded", "lost", "outside_grid")}
        words = ("left_field", "left_period", "no_velocity", "ice_edge")
        why = ", ".join(f"{int(one[f'parcels_{word}'])} {word}" for word in words if int(one[f"parcels_{word}"]))
        say(
            f"{str(one['time'].values)[:10]}: of {number['in_window']} segments in the window {number['gridded']} "
            f"gridded, {number['lost']} lost on the way, {number['outside_grid']} outside the grid"
            + (f" (parcels: {why})" if why else "")
        )
