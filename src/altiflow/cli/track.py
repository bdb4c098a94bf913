"""`altiflow track`: velocity from image pairs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, get_args

import click
import pandas as pd
import xarray as xr

from altiflow.cli.configuration import config_option
from altiflow.cli.options import REGION_HELP, counted, given_options, quiet_option, region_choice, saying, told
from altiflow.errors import InputError
from altiflow.explore.overlay import write_overlay
from altiflow.gridding import write_netcdf, write_velocity
from altiflow.tracking import (
    STAGES,
    CorrectionRule,
    TrackParameters,
    TrackPlan,
    rename_as_pycorr,
    track_pairs,
    track_stages,
    tracked_field,
    tracked_name,
    write_tracked,
)
from altiflow.tracking.batch import REPORT
from altiflow.tracking.neighbours.gaps import Filling
from altiflow.tracking.parameters import Prefilter, Subpixel

__all__ = ["track"]

_LOOKING = (
    click.option("--spacing", type=int, help="Distance of the output cells [pixel]; 10."),
    click.option("--chip", type=int, help="Width of the chip that is looked for [pixel]; every cell has this one."),
    click.option("--chips", help="Widths to choose from in each cell, such as 16,24,32; 16,20,24,32,48."),
    click.option("--radius", type=int, help="Largest displacement along an axis [pixel]; 25."),
    click.option("--max-speed", type=float, help="Largest speed [m/d], in place of --radius."),
    click.option("--search", help="coarse-to-fine, full (every place), or the kernel of an installed package."),
    click.option(
        "--subpixel", type=click.Choice(get_args(Subpixel)), help="Peak between pixels, --search full; spline."
    ),
    click.option(
        "--filter",
        "prefilter",
        type=click.Choice(get_args(Prefilter)),
        help="Filter of both images; gaussian.",
    ),
    click.option("--filter-width", "prefilter_width", type=float, help="Its width [pixel]; sigma 3."),
    click.option("--corr-min", type=float, help="Least correlation; 0."),
    click.option("--del-corr-min", type=float, help="Least lead over the second peak; 0.05."),
    click.option("--corr-always", type=float, help="Correlation from which the lead does not matter; 1."),
    click.option("--snr-min", type=float, help="Least ratio of the correlation to those beside it; 0."),
    click.option("--median-threshold", type=float, help="Of the normalised median test of neighbours; 4."),
    click.option("--coherence", type=float, help="What three neighbours may differ by (NDC) [pixel]; 1.5."),
    click.option("--coherence-share", type=float, help="The same as a share of the radius (autoRIFT: 0.2)."),
    click.option("--touching", type=float, help="What three of the eight cells about one may differ by [pixel]; off."),
    click.option("--residual-threshold", type=float, help="Residual from a Gaussian mean [standard deviations]; off."),
    click.option("--opening", type=int, help="Width of the square of cells that must be kept together; 1."),
    click.option("--min-clump", type=int, help="Fewest cells of a group that is kept; 1."),
    click.option("--fill-gaps", type=int, help="Largest gap that is filled from its neighbours [cells]; 0."),
    click.option("--filling", type=click.Choice(get_args(Filling)), help="How gaps are filled; median."),
    click.option(
        "--backend",
        type=click.Choice(["opencv", "torch-cpu", "torch-cuda"]),
        help="What finds the correlations with --search full; opencv.",
    ),
    click.option("--threads", type=int, help="Threads of a pair; all there are."),
    click.option("--parameters", type=click.Path(), help="JSON file of parameters; options given here come first."),
)
_READING = (
    click.option("--dates", nargs=2, metavar="FIRST SECOND", help="When the images were taken, where they do not say."),
    click.option("--bounds", help="x_min,y_min,x_max,y_max [m of the map of the images]."),
    click.option("--region", help=REGION_HELP),
    click.option("--band", type=click.IntRange(min=1), default=1, show_default=True, help="Band of the images."),
    click.option(
        "--nodata",
        default="auto",
        show_default=True,
        help="A value, none, or auto: as declared, else 0 in whole numbers.",
    ),
)
_KNOWING = (
    click.option("--prior", help="Velocity to look about: a file that read_velocity reads."),
    click.option("--prior-radius", type=int, help="How far from it to look [pixel]; 3."),
    click.option("--prior-gap-speed", type=float, help="Largest speed where it has no value [m/d]; the whole radius."),
    click.option("--ground", help="Outlines of rock, or raster of 0 ice, 1 land, 2 ocean: file or address."),
    click.option("--ground-crs", help="CRS of outlines that state none, such as EPSG:32607."),
    click.option("--ground-radius", type=int, help="Largest displacement on land and ocean [pixel]."),
    click.option(
        "--correction",
        type=click.Choice(["median", "mode", "plane", "none"]),
        default="median",
        show_default=True,
        help="What is taken off so that land stands still.",
    ),
    click.option("--min-land", type=int, default=500, show_default=True, help="Fewest cells of land to believe it."),
    click.option("--max-shift", type=float, default=3.0, show_default=True, help="Largest shift to believe [pixel]."),
)
_WRITING = (
    click.option("--out", "-o", help="NetCDF file (.nc) or folder; with --pairs a folder."),
    click.option("--units", type=click.Choice(["m/yr", "m/d"]), default="m/yr", show_default=True),
    click.option("--year-days", type=float, default=365.25, show_default=True, help="Length of a year; ITS_LIVE: 365."),
    click.option(
        "--packing",
        type=click.Choice(["float", "its_live"]),
        default="float",
        show_default=True,
        help="its_live: whole numbers in m/yr, as ITS_LIVE writes them.",
    ),
    click.option("--geotiff", type=click.Path(), help="Folder for a GeoTIFF of each variable too."),
    click.option("--pycorr", type=click.Path(), help="NetCDF file under the names of pycorr too."),
    click.option("--browse", type=click.Path(), help="Picture of the speed too: .png, .tif, or .kmz for globes."),
    click.option(
        "--browse-limits", nargs=2, type=float, metavar="LOW HIGH", help="Speeds of its first and last colour."
    ),
    click.option("--overwrite", is_flag=True, help="Replace files that are there."),
)


Command = TypeVar("Command", bound=Callable[..., Any])


def _with(options: tuple[Any, ...]) -> Callable[[Command], Command]:
    """Return what adds options to a command."""

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


@click.command()
@click.argument("images", nargs=-1)
@config_option
@click.option(
    "--stages", type=click.Path(), help="Folder that keeps what each stage comes to; unchanged ones are not made again."
)
@click.option("--until", type=click.Choice(STAGES), default="export", show_default=True, help="Last of the --stages.")
@click.option("--pairs", type=click.Path(), help="CSV file with columns first, second (and first_date, second_date).")
@_with(_WRITING)
@_with(_READING)
@_with(_LOOKING)
@_with(_KNOWING)
@click.option(
    "--on-error",
    type=click.Choice(["finish", "raise", "skip"]),
    default="finish",
    show_default=True,
    help="Of a list: finish it and exit with 1, stop at the first pair that fails, or leave it out and exit with 0.",
)
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Pairs at a time.")
@quiet_option
@told
def track(images: tuple[str, ...], pairs: str | None, out: str | None, quiet: bool, **asked: Any) -> None:
    """Track features between two images, or the pairs of a list, to granules of velocity.

    IMAGES are the earlier and the later image: GeoTIFFs of one map and pixel, files or addresses.

    \b
    altiflow track first_B8.TIF second_B8.TIF -o pair.nc --max-speed 20
    altiflow track first_B8.TIF second_B8.TIF -o pair.nc --ground rock.gpkg --browse pair.png
    altiflow track first_B8.TIF second_B8.TIF -o pair.nc --config pair.toml --stages work/
    altiflow track --pairs list.csv -o granules/ --ground rock.gpkg

    A list goes on where an interrupted run stopped; report.csv in the folder accounts for every pair.
    """
    if (pairs is None) == (not images):
        raise InputError("give two images, or a list of pairs with --pairs")
    say, plan = saying(quiet), _plan(asked)
    if asked["until"] != "export" and asked["stages"] is None:
        raise InputError(f"--until {asked['until']} goes with --stages, the folder that keeps what the stages come to")
    if out is None and asked["until"] == "export":
        raise InputError("give --out, the NetCDF file or folder to write")
    asked["quiet"] = quiet
    _refuse_taken(asked)
    if pairs is not None:
        _track_list(pairs, plan, str(out), asked, say)
    elif asked["stages"] is not None:
        _track_stages(images, plan, out, asked, say)
    else:
        _track_two(images, plan, str(out), asked, say)


def _refuse_taken(asked: dict[str, Any]) -> None:
    """Raise InputError if a file that is asked for too is there, before hours of tracking and not behind them."""
    wanted = {name: Path(asked[name]) for name in ("geotiff", "pycorr", "browse") if asked[name]}
    if "geotiff" in wanted:
        wanted["geotiff"] /= "vx.tif"
    for name, path in wanted.items():
        if path.is_file() and not asked["overwrite"]:
            raise InputError(f"{path} is there already; give --{name} another place, or --overwrite")


def _track_list(pairs: str, plan: TrackPlan, out: str, asked: dict[str, Any], say: Any) -> None:
    """Track the pairs of a list."""
    wrong = sorted(given_options() & {"dates", "geotiff", "pycorr", "browse", "browse_limits", "stages"})
    if wrong:
        raise InputError(f"--{wrong[0].replace('_', '-')} goes with two images; leave it out with --pairs")
    if Path(out).suffix:
        raise InputError(f"--out {out} must be a folder: a list of pairs makes a granule each")
    word = "raise" if asked["on_error"] == "raise" else "skip"
    report = track_pairs(
        pairs,
        out,
        plan=plan,
        on_error=word,  # type: ignore[arg-type]
        overwrite=asked["overwrite"],
        workers=asked["workers"],
        quiet=asked["quiet"],
    )
    _finish(report, out, asked["on_error"], say)


def _plan(asked: dict[str, Any]) -> TrackPlan:
    """Return how to read and track, from the command line."""
    rule = CorrectionRule(model=asked["correction"], min_count=asked["min_land"], max_shift=asked["max_shift"])
    nodata = asked["nodata"]
    if nodata not in ("auto", "none"):
        try:
            nodata = float(nodata)
        except ValueError as error:
            raise InputError(f"--nodata {nodata} is neither a number, auto nor none") from error
    return TrackPlan(
        parameters=_parameters(asked),
        max_speed=asked["max_speed"],
        prior=asked["prior"],
        prior_radius=asked["prior_radius"],
        prior_gap_speed=asked["prior_gap_speed"],
        ground=asked["ground"],
        ground_crs=asked["ground_crs"],
        ground_radius=asked["ground_radius"],
        rule=rule,
        units=asked["units"],
        year_days=asked["year_days"],
        bounds=_edges(asked["bounds"]),
        region=region_choice(asked["region"]),
        band=asked["band"],
        nodata=nodata,
        packing=asked["packing"],
    )


def _parameters(asked: dict[str, Any]) -> TrackParameters:
    """Return the parameters of a file, with what the command line says in their place."""
    base = TrackParameters()
    if asked["parameters"]:
        path = Path(asked["parameters"])
        if not path.is_file():
            raise InputError(f"there is no file of parameters {path}")
        base = TrackParameters.from_json(path.read_text(encoding="utf-8"))
    names = [name for name in TrackParameters.__dataclass_fields__ if asked.get(name) is not None]
    changes = {name: asked[name] for name in names}
    if "chips" in changes:
        try:
            changes["chips"] = tuple(int(part) for part in changes["chips"].split(","))
        except ValueError as error:
            raise InputError(f"--chips {asked['chips']} are no whole numbers separated by commas") from error
    elif "chip" in changes:
        changes["chips"] = None
    kept = {name: getattr(base, name) for name in TrackParameters.__dataclass_fields__}
    return TrackParameters(**{**kept, **changes})


def _edges(text: str | None) -> tuple[float, float, float, float] | None:
    if text is None:
        return None
    try:
        x_min, y_min, x_max, y_max = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"--bounds {text} is not four numbers: x_min,y_min,x_max,y_max") from error
    return x_min, y_min, x_max, y_max


def _track_two(images: tuple[str, ...], plan: TrackPlan, out: str, asked: dict[str, Any], say: Any) -> None:
    """Track two images and write what is asked for."""
    if len(images) != 2:
        raise InputError(f"{counted(len(images), 'image')} given; a pair has two, the earlier one first")
    target = Path(out)
    if target.suffix == ".nc" and target.exists() and not asked["overwrite"]:
        raise InputError(f"{target} is there already; choose another name, or give --overwrite")
    granule = plan.track(plan.read(images[0], images[1], asked["dates"]), quiet=asked["quiet"])
    path = target if target.suffix else target / tracked_name(granule)
    write_tracked(granule, path, packing=plan.packing, overwrite=asked["overwrite"])
    _show(granule, path, asked, say)


def _track_stages(images: tuple[str, ...], plan: TrackPlan, out: str | None, asked: dict[str, Any], say: Any) -> None:
    """Track two images stage by stage, and write what is asked for."""
    if len(images) != 2:
        raise InputError(f"{counted(len(images), 'image')} given; a pair has two, the earlier one first")
    staged = track_stages(
        *images,
        asked["stages"],
        plan=plan,
        dates=asked["dates"],
        until=asked["until"],
        out=out,
        overwrite=asked["overwrite"],
        quiet=asked["quiet"],
    )
    say("stages: " + ", ".join(f"{stage} {word}" for stage, word in staged.stages.items()))
    if staged.granule is not None and staged.path is not None:
        _show(staged.granule, staged.path, asked, say)


def _show(granule: xr.Dataset, path: Path, asked: dict[str, Any], say: Any) -> None:
    """Tell what was done, and write GeoTIFFs and a picture where asked for."""
    say(granule.attrs["track_log"])
    if asked["geotiff"]:
        write_velocity(tracked_field(granule, path.name), Path(asked["geotiff"]))
    if asked["pycorr"]:
        write_netcdf(rename_as_pycorr(granule), asked["pycorr"], overwrite=asked["overwrite"])
    if asked["browse"]:
        write_overlay(granule, asked["browse"], limits=asked["browse_limits"], overwrite=asked["overwrite"])
    say(f"velocity in {granule['vx'].attrs['units']}, map metres: {path}")


def _finish(report: pd.DataFrame, out: str, on_error: str, say: Any) -> None:
    """Say what became of a list, and exit with 1 if a pair failed and nobody allowed it."""
    counts = report["status"].value_counts()
    told_counts = ", ".join(f"{word} {counts[word]}" for word in ("tracked", "there", "failed") if word in counts)
    say(f"{counted(len(report), 'pair')}: {told_counts}; {Path(out) / REPORT}")
    failed = report[report["status"] == "failed"]
    for row in failed.itertuples():
        click.echo(f"  {row.first}, {row.second}: {row.reason}", err=True)
    if len(failed) and on_error != "skip":
        click.echo(
            f"error: {len(failed)} of {counted(len(report), 'pair')} failed; --on-error skip allows it", err=True
        )
        sys.exit(1)
