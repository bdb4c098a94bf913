"""What the commands share: options, choices and how errors are told."""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from altiflow.errors import AltiflowError, TruthError
from altiflow.readers import Ledger

__all__ = [
    "beam_choice",
    "finish",
    "no_choice",
    "quiet_option",
    "reading_options",
    "region_choice",
    "saying",
    "told",
    "velocity_options",
]

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
            click.echo(f"error: {as_options(str(error))}", err=True)
            sys.exit(TRUTH if isinstance(error, TruthError) else ERROR)

    return wrapped  # type: ignore[return-value]


def as_options(text: str) -> str:
    """Return a message of the library with its arguments written as options.

    Examples
    --------
    >>> as_options("the file states no CRS; pass crs= (or on_error='skip')")
    "the file states no CRS; pass --crs (or --on-error 'skip')"
    """
    return re.sub(rf"\b({'|'.join(_ARGUMENTS)})=(?=\S?)", lambda found: _option(found, text), text)


_ARGUMENTS = (
    "product",
    "beams",
    "screens",
    "region",
    "on_error",
    "crs",
    "metric",
    "max_dt_days",
    "engine",
    "freq",
    "step",
)


def _option(found: re.Match[str], text: str) -> str:
    """Return an argument as an option, with a space where its value follows."""
    rest = text[found.end() : found.end() + 1]
    return f"--{found[1].replace('_', '-')}" + (" " if rest and rest not in " ,;:)." else "")


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


def no_choice(text: str) -> str | None:
    """Return None for the word none, anything else as it is."""
    return None if text == "none" else text


def saying(quiet: bool) -> Callable[[str], None]:
    """Return what prints a line, or nothing."""
    return (lambda line: None) if quiet else click.echo


def finish(ledger: Ledger, out: str, say: Callable[[str], None]) -> None:
    """Say where the results are, and which granules were left out and why."""
    say(f"results in {out}")
    if ledger.failures:
        click.echo(f"warning: {len(ledger.failures)} of {len(ledger.rows)} granules were left out:", err=True)
        for row in ledger.failures:
            click.echo(f"  {row['reason']}", err=True)
