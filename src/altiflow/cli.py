"""The command `altiflow`: parse, call the library, print."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from altiflow.errors import AltiflowError, TruthError
from altiflow.explore import RunPlan, describe_file, draw_map, run_fusion, run_sample
from altiflow.fusion import align_velocity, along_across, check_overlap, sample_velocity
from altiflow.gridding import GRID_NAMES, Grid, grid_segments, window_with_data, write_geotiffs, write_netcdf
from altiflow.readers import (
    Ledger,
    make_sample,
    read_gridded,
    read_segments,
    read_table,
    read_velocity,
    write_table,
)
from altiflow.version import __version__

__all__ = ["main"]

ERROR, TRUTH = 1, 3
"""Exit codes: 1 for an error of the data or the arguments, 3 for a sample that misses its truth; click uses 2."""

Command = TypeVar("Command", bound=Callable[..., Any])
BEAMS_HELP = "strong, weak, all, or ground tracks separated by commas (gt1l,gt3r)."
SCREENS_HELP = "Preset (default, ice, best, none) or screen; may be given several times."
REGION_HELP = "west,south,east,north in degrees (west > east crosses 180), WKT, or a vector file."


def told(command: Command) -> Command:
    """Turn altiflow's errors into one line on stderr and an exit code."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except AltiflowError as error:
            click.echo(f"error: {error}", err=True)
            sys.exit(TRUTH if isinstance(error, TruthError) else ERROR)

    return wrapped  # type: ignore[return-value]


def reading_options(command: Command) -> Command:
    """Add the options of reading granules."""
    for option in reversed(
        [
            click.option("--product", help="ATL10 or ATL06; found from the files where not given."),
            click.option("--beams", default="strong", show_default=True, help=BEAMS_HELP),
            click.option("--screens", multiple=True, default=("default",), show_default=True, help=SCREENS_HELP),
            click.option("--region", help=REGION_HELP),
            click.option(
                "--on-error",
                type=click.Choice(["raise", "skip"]),
                default="raise",
                show_default=True,
                help="Stop at the first granule that fails, or leave it out and say so in the ledger.",
            ),
            click.option(
                "--workers",
                type=click.IntRange(min=1),
                default=1,
                show_default=True,
                help="Threads that read granules.",
            ),
        ]
    ):
        command = option(command)
    return command


def velocity_options(command: Command) -> Command:
    """Add the options of reading velocity."""
    for option in reversed(
        [
            click.option("--velocity-product", help="Velocity product; found from the files where not given."),
            click.option("--crs", "velocity_crs", help="CRS of a velocity file that states none, e.g. EPSG:3413."),
            click.option(
                "--metric",
                "velocity_metric",
                type=click.Choice(["map", "ground"]),
                help="Whether velocity is in map or ground metres, where the file does not say.",
            ),
            click.option(
                "--method",
                type=click.Choice(["linear", "nearest"]),
                default="linear",
                show_default=True,
                help="Interpolation of velocity in space.",
            ),
            click.option(
                "--max-dt-days",
                type=float,
                default=31.0,
                show_default=True,
                help="No velocity for segments further than this outside the layer nearest in time.",
            ),
        ]
    ):
        command = option(command)
    return command


def quiet_option(command: Command) -> Command:
    """Add --quiet."""
    return click.option("--quiet", is_flag=True, help="Print nothing but errors.")(command)


def beam_choice(text: str) -> Any:
    """Return a word, or a list of ground tracks."""
    return text.split(",") if text not in ("strong", "weak", "all") else text


def region_choice(text: str | None) -> Any:
    """Return four numbers as a box, anything else as it is."""
    if text is None:
        return None
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        return text
    return numbers if len(numbers) == 4 else text


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="altiflow")
def main() -> None:
    """ICESat-2 altimetry and ice velocity on one grid: read, grid, fuse and map.

    \b
    Try it without data, login or network:
      altiflow run --sample --out sample-run

    Exit codes: 0 done, 1 error, 2 wrong use, 3 the sample misses its known truth.
    """


@main.command()
@click.option("--sample", is_flag=True, help="Simulate two months of granules and motion, and check the result.")
@click.option(
    "--hemisphere",
    type=click.Choice(["north", "south", "both"]),
    default="north",
    show_default=True,
    help="Hemisphere of the sample; both go into sub-folders.",
)
@click.option("--seed", default=0, show_default=True, help="Seed of the sample.")
@click.option("--altimetry", multiple=True, help="Granule, or folder of granules; may be given several times.")
@click.option("--velocity", multiple=True, help="Velocity file; may be given several times.")
@click.option("--out", default="altiflow-run", show_default=True, help="Folder of the results.")
@click.option("--grid", default="auto", show_default=True, help="Named grid; auto is EASE-Grid 2.0, 25 km.")
@click.option("--freq", default="MS", show_default=True, help="Length of a layer: MS month, D day, 7D ...; none: one.")
@click.option("--start", help="Keep segments from this time (UTC) on, e.g. 2019-01-01.")
@click.option("--end", help="Keep segments before this time (UTC).")
@reading_options
@velocity_options
@quiet_option
@told
def run(sample: bool, hemisphere: str, seed: int, quiet: bool, **options: Any) -> None:
    """Do it all: read granules, grid them, add velocity, draw a map, record the run.

    \b
    altiflow run --sample
    altiflow run --altimetry granules/ --velocity icemotion_daily_nh_25km_2019.nc --grid EASE2_N12.5km --out jan

    Writes segments.parquet, ledger.parquet, grid.nc, geotiff/, velocity.nc, fused.parquet, fused.nc, map.png and
    run.json; with --sample the simulated granules and motion too, in simulated/.
    """
    say: Callable[[str], None] = (lambda line: None) if quiet else click.echo
    if not sample:
        if not options["altimetry"]:
            raise click.UsageError("give --altimetry (granules or folders), or --sample for the built-in sample")
        result = run_fusion(_plan(options, quiet), say=say)
        _finish(result.ledger, options["out"], say)
        return
    if options["altimetry"] or options["velocity"]:
        raise click.UsageError("--sample brings its own data; leave --altimetry and --velocity out")
    for pole in ("north", "south") if hemisphere == "both" else (hemisphere,):
        out = Path(options["out"]) / pole if hemisphere == "both" else Path(options["out"])
        say(f"simulating two months of granules and motion, {pole}ern hemisphere")
        folder = out / "simulated"
        made = make_sample(folder, seed=seed, hemisphere=pole)  # type: ignore[arg-type]
        own = {"altimetry": (str(folder),), "velocity": (str(made.motion),), "out": str(out)}
        told_of = {"seed": seed, "hemisphere": pole}
        result = run_sample(_plan({**options, **own, "sample": told_of}, quiet), made, say=say)
        _finish(result.ledger, str(out), say)


def _plan(options: dict[str, Any], quiet: bool) -> RunPlan:
    """Return the plan that the command line asks for."""
    changed = {
        "beams": beam_choice(options["beams"]),
        "region": region_choice(options["region"]),
        "freq": None if options["freq"] == "none" else options["freq"],
        "quiet": quiet,
    }
    return RunPlan(**{**options, **changed})


def _finish(ledger: Ledger, out: str, say: Callable[[str], None]) -> None:
    """Say where the results are, and which granules were left out and why."""
    say(f"results in {out}")
    if ledger.failures:
        click.echo(f"warning: {len(ledger.failures)} of {len(ledger.rows)} granules were left out:", err=True)
        for row in ledger.failures:
            click.echo(f"  {row['reason']}", err=True)


@main.command()
@click.argument("granules", nargs=-1, required=True)
@click.option("--out", "-o", default="segments.parquet", show_default=True, help=".parquet, .gpkg or .fgb")
@click.option("--ledger", "ledger_path", help="Where to write the ledger (.parquet).")
@reading_options
@quiet_option
@told
def read(
    granules: tuple[str, ...], out: str, ledger_path: str | None, beams: str, region: str | None, **options: Any
) -> None:
    """Read granules into one table of segments.

    \b
    altiflow read granules/ -o segments.parquet --beams all --region=-180,70,180,90
    """
    ledger, say = Ledger(), _saying(options["quiet"])
    try:
        table = read_segments(
            list(granules), beams=beam_choice(beams), region=region_choice(region), ledger=ledger, **options
        )
    finally:
        if ledger_path:
            ledger.write(ledger_path)
    write_table(table, out)
    say(ledger.summary())
    _finish(ledger, out, say)


@main.command()
@click.argument("table")
@click.option("--out", "-o", default="grid.nc", show_default=True, help="NetCDF file.")
@click.option("--grid", "grid_name", default="EASE2_N25km", show_default=True, help="Named grid (see --list).")
@click.option("--value", help="Column to grid; freeboard or height where not given.")
@click.option("--weight", default="segment_length", show_default=True, help="Column of weights; none: unweighted.")
@click.option("--freq", default="none", show_default=True, help="Length of a layer: MS month, D day ...; none: one.")
@click.option("--geotiff", help="Folder for GeoTIFFs, one per variable.")
@click.option("--whole", is_flag=True, help="Keep the whole grid; else it is cut to the window that holds data.")
@click.option("--list", "listing", is_flag=True, is_eager=True, expose_value=False, callback=lambda *a: _list_grids(*a))
@quiet_option
@told
def grid(
    table: str,
    out: str,
    grid_name: str,
    value: str | None,
    weight: str,
    freq: str,
    geotiff: str | None,
    whole: bool,
    quiet: bool,
) -> None:
    """Put a table of segments on a grid: count, lengths, length-weighted mean and std, min and max.

    \b
    altiflow grid segments.parquet -o grid.nc --grid EASE2_N12.5km --freq MS --geotiff tiffs
    altiflow grid --list
    """
    segments = read_table(table)
    column = value or next((name for name in ("freeboard", "height") if name in segments), "freeboard")
    chosen = Grid.named(grid_name) if whole else window_with_data(segments, Grid.named(grid_name))
    gridded = grid_segments(
        segments,
        chosen,
        value=column,
        weight=None if weight == "none" else weight,
        freq=None if freq == "none" else freq,
    )
    write_netcdf(gridded, out)
    if geotiff:
        write_geotiffs(gridded, geotiff)
    _saying(quiet)(f"{column} on {chosen.name} {chosen.shape}: {int((gridded['n_segments'] > 0).sum())} cells in {out}")


def _list_grids(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    """Print the names of the grids and stop."""
    if wanted:
        click.echo("\n".join(GRID_NAMES))
        context.exit()


@main.command()
@click.argument("table")
@click.argument("velocity", nargs=-1, required=True)
@click.option("--out", "-o", default="fused.parquet", show_default=True, help="Table with velocity at every segment.")
@click.option("--grid-file", help="Gridded NetCDF; velocity is put on its grid and periods too.")
@click.option("--velocity-out", default="velocity.nc", show_default=True, help="Where, with --grid-file.")
@velocity_options
@quiet_option
@told
def fuse(
    table: str,
    velocity: tuple[str, ...],
    out: str,
    grid_file: str | None,
    velocity_out: str,
    velocity_product: str | None,
    velocity_crs: str | None,
    velocity_metric: Any,
    method: Any,
    max_dt_days: float,
    quiet: bool,
) -> None:
    """Put velocity at every segment of a table, and on a grid if one is given.

    \b
    altiflow fuse segments.parquet icemotion_daily_nh_25km_2019.nc -o fused.parquet --grid-file grid.nc
    altiflow fuse atl06.parquet its_live.nc --crs EPSG:3413
    """
    segments = read_table(table)
    motion = read_velocity(
        [Path(path) for path in velocity], product=velocity_product, crs=velocity_crs, metric=velocity_metric
    )
    fused = along_across(sample_velocity(segments, motion, method=method, max_dt_days=max_dt_days))
    overlap = check_overlap(segments, motion, method=method)
    write_table(fused, out)
    say = _saying(quiet)
    say(overlap.text)
    say(f"{int(fused['v_valid'].sum())} of {len(fused)} segments have a velocity: {out}")
    if grid_file:
        gridded = read_gridded(grid_file)
        write_netcdf(align_velocity(motion, Grid.from_dataset(gridded), time=gridded), velocity_out)
        say(f"velocity on the grid: {velocity_out}")


@main.command(name="map")
@click.argument("gridded")
@click.option("--out", "-o", default="map.png", show_default=True, help=".png, .pdf or .svg")
@click.option("--variable", help="Variable to draw; the mean where not given.")
@click.option("--layer", default=0, show_default=True, help="Which layer, from 0.")
@click.option("--velocity", help="Velocity NetCDF on a grid, drawn as arrows.")
@click.option("--title", help="Title of the map.")
@quiet_option
@told
def draw(
    gridded: str, out: str, variable: str | None, layer: int, velocity: str | None, title: str | None, quiet: bool
) -> None:
    """Draw a gridded result, with velocity over it if there is any.

    \b
    altiflow map fused.nc -o map.pdf
    altiflow map grid.nc --velocity velocity.nc --variable freeboard_std --layer 1
    """
    dataset = read_gridded(gridded)
    name = variable or next((str(n) for n in dataset.data_vars if str(n).endswith("_mean") and n != "length_mean"), "")
    arrows = read_gridded(velocity) if velocity else (dataset if {"vx", "vy"} <= set(dataset.data_vars) else None)
    draw_map(dataset, name, time=layer, velocity=arrows, path=Path(out), title=title)
    _saying(quiet)(f"{name}: {out}")


@main.command()
@click.argument("file")
@told
def info(file: str) -> None:
    """Say what is in a granule, table, grid or velocity file.

    \b
    altiflow info ATL10-01_20190101001111_00010201_006_01.h5
    altiflow info segments.parquet
    """
    click.echo(describe_file(file))


def _saying(quiet: bool) -> Callable[[str], None]:
    return (lambda line: None) if quiet else click.echo
