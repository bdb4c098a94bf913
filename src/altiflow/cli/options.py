"""What the commands share: options, choices and how errors are told."""

from __future__ import annotations

import functools
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from altiflow.errors import AltiflowError, InputError, TruthError
from altiflow.readers import Ledger
from altiflow.readers.remote.addresses import public_url

__all__ = [
    "beam_choice",
    "check_suffix",
    "comparisons_told",
    "counted",
    "filter_option",
    "finish",
    "given_options",
    "login_option",
    "no_choice",
    "quiet_option",
    "reading_options",
    "region_choice",
    "saying",
    "told",
    "typed_command",
    "velocity_file_options",
    "velocity_options",
]

ERROR, TRUTH, INTERRUPTED = 1, 3, 130
"""Exit codes: 1 for an error of the data or the arguments, 3 for a sample that misses its truth; click uses 2."""

Command = TypeVar("Command", bound=Callable[..., Any])
_COMPARISON = re.compile(r"(?P<column>\w+):(?P<op>==?|!=|<=?|>=?):(?P<value>.+)")
BEAMS_HELP = "strong, weak, all, or ground tracks separated by commas (gt1l,gt3r)."
SCREENS_HELP = "Preset (default, ice, best, none) or screen; may be given several times."
REGION_HELP = (
    "west,south,east,north in degrees (west > east crosses 180), 'north of 60', 'within 50 km of lon,lat', WKT, or a "
    "vector file."
)


def told(command: Command) -> Command:
    """Turn altiflow's errors, and files that cannot be read or written, into one line on stderr and an exit code."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            _refuse_empty()
            return command(*args, **kwargs)
        except AltiflowError as error:
            click.echo(f"error: {as_options(str(error))}", err=True)
            sys.exit(TRUTH if isinstance(error, TruthError) else ERROR)
        except BrokenPipeError:
            # Who reads no further, such as head, is no error to tell of; click ends the program.
            raise
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            click.echo(f"error: {where}{error.strerror or error}; choose another path", err=True)
            sys.exit(ERROR)
        except KeyboardInterrupt as error:
            click.echo("interrupted: what was finished before is kept", err=True)
            _leave(error)

    return wrapped  # type: ignore[return-value]


def _leave(error: KeyboardInterrupt) -> NoReturn:
    """End the program; at once if it was interrupted again while it waited for what was in work."""
    before = error.__context__
    while before is not None:
        if isinstance(before, KeyboardInterrupt):
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(INTERRUPTED)
        before = before.__context__
    sys.exit(INTERRUPTED)


_MAY_BE_EMPTY = ("partition",)
"""Options whose value is a list of no word."""


def _refuse_empty() -> None:
    """Refuse options and arguments that are there and empty, as a variable of the shell that is not set leaves them."""
    context = click.get_current_context()
    for parameter in context.command.params:
        value = context.params.get(parameter.name or "")
        if parameter.name not in _MAY_BE_EMPTY and (value == "" or (isinstance(value, tuple) and "" in value)):
            name = parameter.opts[0] if isinstance(parameter, click.Option) else parameter.human_readable_name
            raise InputError(f"{name} is empty; give a value, or leave it out")


def given_options() -> set[str]:
    """Return the names of the options that the command line itself gives, not their defaults."""
    context = click.get_current_context()
    source = click.core.ParameterSource.COMMANDLINE
    return {name for name in context.params if context.get_parameter_source(name) == source}


def as_options(text: str) -> str:
    """Return a message of the library with its arguments written as options.

    Examples
    --------
    >>> as_options("the file states no CRS; pass crs= (or on_error='skip')")
    "the file states no CRS; pass --crs (or --on-error 'skip')"
    """
    for phrase, said in _PHRASES.items():
        text = text.replace(phrase, said)
    return re.sub(rf"\b({'|'.join(_ARGUMENTS)})=(?=\S?)", lambda found: _option(found, text), text)


_ARGUMENTS = (
    "product",
    "beams",
    "screens",
    "region",
    "on_error",
    "crs",
    "raster_crs",
    "metric",
    "max_dt_days",
    "engine",
    "freq",
    "step",
    "value",
    "weight",
    "histogram",
)
_PHRASES = {
    "(variable=)": "(FILE:VARIABLE)",
    "store.replace(tally) puts": "--replace puts",
    "store.granules lists those it has": "altiflow tally info --granules lists those it has",
    "tally.granules lists those it has": "altiflow tally info --granules lists those it has",
    "TallyStore.create makes one": "altiflow tally add makes one where nothing is yet",
    "make it with quantiles=0.001 or quantiles='exact'": "make it with --samples 0.001 or --samples exact",
    "make it with step='D'": "make it with --step D",
    "(altiflow.gridding.GRID_NAMES lists all)": "(altiflow grid --list)",
    "periods=": "--period",
    "'YS' or None": "'YS' or 'none'; a winter is --period 2018-11-01 2019-05-01",
    "pass replace=True": "give --replace",
    "pass allow_shrink=True": "give --allow-shrink",
    "allow_shrink=True": "--allow-shrink",
    "append=True": "--append",
    "pass steady=True": "give --steady",
    "min_days": "--min-days",
    "raise max_dt": "raise --max-dt",
    "max_dt is ": "--max-dt is ",
    "for files on this machine, list_granules(..., footprints='read') reads them": "give the folder, whose files are "
    "opened then",
    "max_distance_m": "--max-distance",
    "max_gap_m": "--max-gap",
    "min_cover": "--min-cover",
    "Dataset.drop_vars": "leaving them out",
    "drop them first, or write NetCDF": "write NetCDF or Zarr",
    "with read_segments": "with altiflow read",
    "log in with `session = earthaccess.login()` (a free account at https://urs.earthdata.nasa.gov) and pass "
    "session=session": "give --login netrc, environment or interactive (a free account at "
    "https://urs.earthdata.nasa.gov)",
    ", or search anonymously with session=None": "",
    "version='latest'": "--version latest",
    "pass overwrite=True": "give --overwrite",
    "pass dates=(first, second)": "give --dates FIRST SECOND",
    "(crs, source_crs, ground_crs)": "(--ground-crs)",
}
"""What the library says of itself, as the command line has it."""


def _option(found: re.Match[str], text: str) -> str:
    """Return an argument as an option, with a space where its value follows."""
    rest = text[found.end() : found.end() + 1]
    return f"--{found[1].replace('_', '-')}" + (" " if rest and rest not in " ,;:)." else "")


def reading_options(command: Command) -> Command:
    """Add the options of reading granules."""
    for option in reversed(
        [
            click.option("--product", help="ATL10, ATL07, ATL06 or ATL11; found from the files where not given."),
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


def velocity_file_options(command: Command) -> Command:
    """Add the options that say what a velocity file does not."""
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
        ]
    ):
        command = option(command)
    return command


def velocity_options(command: Command) -> Command:
    """Add the options of reading velocity, and of putting it at segments."""
    for option in reversed(
        [
            velocity_file_options,
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


def login_option(command: Command) -> Command:
    """Add --login."""
    return click.option(
        "--login",
        type=click.Choice(["environment", "netrc", "interactive"]),
        help="Log in to Earthdata: by EARTHDATA_TOKEN (or _USERNAME and _PASSWORD), by ~/.netrc, or asking. "
        "Without it, nobody is logged in or asked.",
    )(command)


def quiet_option(command: Command) -> Command:
    """Add --quiet."""
    return click.option("--quiet", is_flag=True, help="Print nothing but errors.")(command)


def filter_option(example: str) -> Callable[[Command], Command]:
    """Return the option of comparisons of columns."""
    return click.option(
        "--filter",
        "filters",
        multiple=True,
        metavar="COLUMN:OP:VALUE",
        help=f"Compare a column, such as {example}; may be given several times.",
    )


def comparisons_told(filters: Iterable[str]) -> list[tuple[str, str, str]]:
    """Return column, operator and value of each comparison."""
    found = [(text, _COMPARISON.fullmatch(text)) for text in filters]
    for text, match in found:
        if match is None:
            raise InputError(f"--filter {text} is not of the form column:op:value, such as epsg:==:3413")
    return [(match["column"], match["op"], match["value"]) for _, match in found if match is not None]


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
    if len(numbers) != 4:
        raise InputError(f"--region {text} has {len(numbers)} numbers; west,south,east,north are four")
    return numbers


def no_choice(text: str) -> str | None:
    """Return None for the word none, anything else as it is."""
    return None if text == "none" else text


def typed_command() -> str:
    """Return the command line of this call as it may be typed again, addresses without what may be secret."""
    context = click.get_current_context()
    words = ["altiflow", *context.command_path.split()[1:]]
    for one in context.command.params:
        value = context.params.get(one.name or "")
        given = context.get_parameter_source(one.name or "") is click.core.ParameterSource.COMMANDLINE
        if not given or value is None or value is False:
            continue
        many = [public_url(str(each)) for each in (value if isinstance(value, tuple) else (value,))]
        if isinstance(one, click.Argument):
            words += many
        elif value is True:
            words.append(one.opts[0])
        elif one.nargs > 1:
            words += [one.opts[0], *many]
        else:
            # A box may begin with a minus sign, which an option of its own does not take.
            words += [f"{one.opts[0]}={each}" for each in many]
    return shlex.join(words)


def saying(quiet: bool) -> Callable[[str], None]:
    """Return what prints a line, or nothing."""
    return (lambda line: None) if quiet else click.echo


def counted(number: int, noun: str) -> str:
    """Return a number and its noun.

    Examples
    --------
    >>> counted(1, "granule"), counted(0, "granule")
    ('1 granule', '0 granules')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def check_suffix(path: str, suffix: str) -> None:
    """Refuse a file name that says another format than is written."""
    if Path(path).suffix != suffix:
        raise InputError(f"{path} would hold another format than its name says; call it {Path(path).stem}{suffix}")


def finish(ledger: Ledger, out: str, say: Callable[[str], None]) -> None:
    """Say where the results are, which files were empty, and which were left out and why."""
    say(f"results in {out}")
    empty = [row["granule"] for row in ledger.rows if row["status"] == "empty"]
    if empty:
        more = f" and {len(empty) - 3} more" if len(empty) > 3 else ""
        say(f"{len(empty)} of {counted(len(ledger.rows), 'file')} without a segment: {', '.join(empty[:3])}{more}")
    if ledger.failures:
        click.echo(f"warning: {len(ledger.failures)} of {counted(len(ledger.rows), 'file')} were left out:", err=True)
        for row in ledger.failures:
            click.echo(f"  {row['reason']}", err=True)
