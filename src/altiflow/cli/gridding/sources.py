"""Where `altiflow grid` and `altiflow tally` get segments from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from altiflow.cli.options import beam_choice, given_options, no_choice, region_choice
from altiflow.cli.readers.access import access_told, remote_options, sources_told
from altiflow.errors import InputError
from altiflow.gridding import Grid, Tally, is_tally, open_tally, tally_files
from altiflow.readers import Ledger, value_column

__all__ = [
    "Asked",
    "asked_for",
    "kept_by",
    "refuse_other",
    "tally_of",
    "tally_options",
]

Command = TypeVar("Command", bound=Callable[..., Any])


def tally_options(command: Command) -> Command:
    """Add the options of making a tally."""
    for option in reversed(
        [
            click.option(
                "--grid",
                "grid_name",
                default="EASE2_N25km",
                show_default=True,
                help="Named grid (altiflow grid --list).",
            ),
            click.option(
                "--value", "values", multiple=True, help="Column to grid; that of the product where not given."
            ),
            click.option(
                "--weight", default="segment_length", show_default=True, help="Column of weights; none: unweighted."
            ),
            click.option(
                "--step", default="D", show_default=True, help="Time bins of the tally: D, h, seconds, or none."
            ),
            click.option("--samples", help="Keep values for quantiles: exact, or a resolution such as 0.001."),
            click.option("--histogram", help="Keep a histogram: edges separated by commas."),
            click.option("--engine", type=click.Choice(["auto", "numpy", "numba"]), default="auto", show_default=True),
            click.option("--beams", help="Of granules: strong, weak, all, or ground tracks separated by commas."),
            click.option("--screens", multiple=True, help="Of granules: preset or screen; may be given several times."),
            click.option("--region", help="Of granules: west,south,east,north, WKT, or a vector file."),
            click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes."),
            click.option(
                "--on-error",
                type=click.Choice(["raise", "skip"]),
                default="raise",
                show_default=True,
                help="Stop at the first file that fails, or leave it out and say so.",
            ),
            remote_options,
        ]
    ):
        command = option(command)
    return command


def tally_of(
    sources: Sequence[str], options: dict[str, Any], ledger: Ledger, *, quiet: bool, like: Tally | None = None
) -> Tally:
    """Return the tally of tables, folders and granules, or the one that a file or a store holds.

    Grid, values and the like are those of `like` where it is given, else those the command line asks for.
    """
    options = dict(options)
    opening, sources = access_told(options), sources_told(sources, options)
    if len(sources) == 1 and is_tally(sources[0]):
        kept = open_tally(sources[0])
        if like is None:
            refuse_other(sources[0], kept, options)
            _refuse_reading(sources[0])
        return kept
    asked = (
        kept_by(like)
        if like
        else asked_for(options, tuple(options["values"]) or (value_column(sources[0], access=opening["access"]),))
    )
    return tally_files(
        sources[0] if len(sources) == 1 else list(sources),
        asked.grid,
        value=asked.values,
        weight=asked.weight,
        step=asked.step,
        quantiles=asked.quantiles,
        histogram=asked.histogram,
        engine=options["engine"],
        beams=beam_choice(options["beams"]) if options["beams"] else None,
        screens=options["screens"] or None,
        region=region_choice(options["region"]),
        **opening,
        workers=options["workers"],
        on_error=options["on_error"],
        ledger=ledger,
        quiet=quiet,
    )


@dataclass(frozen=True)
class Asked:
    """What a tally is to count."""

    grid: Grid
    values: tuple[str, ...]
    weight: str | None
    step: str | int | None
    quantiles: str | float | None
    histogram: tuple[float, ...]


def asked_for(options: dict[str, Any], values: tuple[str, ...]) -> Asked:
    """Return what the command line asks for; `values` where it names none."""
    samples = options["samples"] or ("exact" if options.get("shares") else None)
    return Asked(
        Grid.named(options["grid_name"]),
        tuple(options["values"]) or values,
        no_choice(options["weight"]),
        _step(options["step"]),
        samples if samples in (None, "exact") else _number("--samples", str(samples)),
        tuple(_number("--histogram", edge) for edge in (options["histogram"] or "").split(",") if edge),
    )


def kept_by(like: Tally) -> Asked:
    """Return what a tally counts."""
    kept = like.options
    return Asked(like.grid, like.values, like.weight, kept.step, kept.quantiles, kept.histogram)


def refuse_other(store: str, head: Tally, options: dict[str, Any]) -> None:
    """Refuse options of the command line that ask for something else than a tally counts."""
    asked, kept = asked_for(options, head.values), kept_by(head)
    for option, name in (
        ("grid_name", "grid"),
        ("values", "values"),
        ("weight", "weight"),
        ("step", "step"),
        ("samples", "quantiles"),
        ("histogram", "histogram"),
    ):
        one, two = getattr(asked, name), getattr(kept, name)
        if option in given_options() and (one.signature != two.signature if name == "grid" else one != two):
            said = {"grid_name": "grid", "values": "value"}.get(option, option)
            raise InputError(
                f"{store} was made with --{said} {two.name if name == 'grid' else two}, which --{said} cannot change; "
                "leave it out, or make another tally"
            )


def _refuse_reading(path: str) -> None:
    """Refuse options of reading granules where a tally is the source: its segments are not read again."""
    wrong = sorted(given_options() & {"beams", "screens", "region"})
    if wrong:
        raise InputError(f"{path} is a tally, whose segments are counted already; leave out --{', --'.join(wrong)}")


def _step(text: str) -> int | str | None:
    """Return the length of a time bin [s]."""
    seconds = {"D": 86_400, "h": 3_600, "none": None}
    return seconds[text] if text in seconds else int(text) if text.isdigit() else text


def _number(option: str, text: str) -> float:
    """Return a number that an option gives."""
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{option} takes numbers, got {text!r}") from None
