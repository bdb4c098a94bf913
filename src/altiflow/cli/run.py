"""`altiflow run`: the whole way from granules to a map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from altiflow.cli.options import (
    beam_choice,
    finish,
    given_options,
    no_choice,
    quiet_option,
    reading_options,
    region_choice,
    saying,
    told,
    typed_command,
    velocity_options,
)
from altiflow.cli.readers.access import access_told, remote_options, sources_told
from altiflow.explore import RunPlan, run_fusion, run_sample
from altiflow.readers import make_sample

__all__ = ["run"]


@click.command()
@click.option("--sample", is_flag=True, help="Simulate two months of granules and motion, and check the result.")
@click.option(
    "--hemisphere",
    type=click.Choice(["north", "south", "both"]),
    default="north",
    show_default=True,
    help="Hemisphere of the sample; both go into sub-folders.",
)
@click.option("--seed", default=0, show_default=True, help="Seed of the sample.")
@click.option("--altimetry", multiple=True, help="Granule, folder or address; may be given several times.")
@click.option("--velocity", multiple=True, help="Velocity file; may be given several times.")
@click.option("--out", default="altiflow-run", show_default=True, help="Folder of the results.")
@click.option("--grid", default="auto", show_default=True, help="Named grid; auto is EASE-Grid 2.0, 25 km.")
@click.option("--freq", default="MS", show_default=True, help="Length of a layer: MS month, D day, 7D ...; none: one.")
@click.option("--start", help="Keep segments from this time (UTC) on, e.g. 2019-01-01.")
@click.option("--end", help="Keep segments before this time (UTC).")
@reading_options
@remote_options
@velocity_options
@quiet_option
@told
def run(sample: bool, hemisphere: str, seed: int, quiet: bool, **options: Any) -> None:
    """Do it all: read granules, grid them, add velocity, draw a map, record the run.

    \b
    altiflow run --sample
    altiflow run --altimetry granules/ --velocity icemotion_daily_nh_25km_2019.nc --grid EASE2_N12.5km --out jan
    altiflow run --catalogue found.parquet --login netrc --reader indexed --velocity motion.nc --out jan

    Writes segments.parquet, ledger.parquet, grid.nc, geotiff/, velocity.nc, fused.parquet, fused.nc, map.png,
    run.json and report.html, a page that shows it all; with --sample the simulated granules and motion too, in
    simulated/.
    """
    say = saying(quiet)
    if not sample:
        _refuse_idle("hemisphere", "seed")
        if not options["altimetry"] and not options["catalogues"]:
            raise click.UsageError(
                "give --altimetry (granules, folders, addresses) or --catalogue, or --sample for the built-in sample"
            )
        options["altimetry"] = tuple(sources_told(options["altimetry"], options))
        opening = access_told(options)
        options["engine"] = opening["reader"]
        result = run_fusion(_plan(options, quiet), access=opening["access"], say=say)
        finish(result.ledger, options["out"], say)
        return
    _refuse_own_data(options)
    for pole in ("north", "south") if hemisphere == "both" else (hemisphere,):
        out = Path(options["out"]) / pole if hemisphere == "both" else Path(options["out"])
        say(f"simulating two months of granules and motion, {pole}ern hemisphere")
        folder = out / "simulated"
        made = make_sample(folder, seed=seed, hemisphere=pole)  # type: ignore[arg-type]
        own = {"altimetry": (str(folder),), "velocity": (str(made.motion),), "out": str(out)}
        told_of = {"seed": seed, "hemisphere": pole}
        result = run_sample(_plan({**options, **own, "sample": told_of}, quiet), made, say=say)
        finish(result.ledger, str(out), say)


def _refuse_own_data(options: dict[str, Any]) -> None:
    """Refuse, with --sample, options that say what to read and how; take those of addresses out."""
    own = {"catalogues": "--catalogue", "s3": "--s3", "reader": "--reader", "first_read": "--first-read"}
    own |= {name: f"--{name.replace('_', '-')}" for name in ("altimetry", "velocity", "index", "login", "token_file")}
    own |= {name: f"--{name}" for name in ("attempts", "timeout")}
    clash = sorted(own[name] for name in given_options() & own.keys())
    if clash:
        raise click.UsageError(f"--sample brings its own data; leave {' and '.join(clash)} out")
    for name in own.keys() - {"altimetry", "velocity"}:
        options.pop(name)


def _refuse_idle(*names: str) -> None:
    """Refuse options that mean nothing without --sample."""
    context = click.get_current_context()
    for name in names:
        if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT:
            raise click.UsageError(f"--{name} is of the built-in sample; add --sample, or leave it out")


def _plan(options: dict[str, Any], quiet: bool) -> RunPlan:
    """Return the plan that the command line asks for."""
    changed = {
        "beams": beam_choice(options["beams"]),
        "region": region_choice(options["region"]),
        "freq": no_choice(options["freq"]),
        "quiet": quiet,
        "command": typed_command(),
    }
    return RunPlan(**{**options, **changed})
