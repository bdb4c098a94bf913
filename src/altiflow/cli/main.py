"""The group of commands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module

import click
from click.shell_completion import CompletionItem

from altiflow.version import __version__

__all__ = ["main"]


CHAPTERS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "Begin": {
        "doctor": (
            "onboarding.doctor",
            "Look at versions, extras, logins, disk and map projections, and say what to do about what is amiss.",
        ),
        "tutorial": ("onboarding.tutorial", "List the tutorials, or copy tutorial NUMBER to work through it."),
        "completion": ("onboarding.completion", "Print what makes SHELL complete commands and options of altiflow."),
    },
    "Find and bring": {
        "search": ("readers.search", "Find granules in the archive or on this machine."),
        "coincide": ("readers.coincide", "Find granules and velocity files of one place and time."),
        "download": ("readers.download", "Bring files into a folder, each whole or not at all."),
    },
    "All in one": {
        "run": ("run", "Do it all: read granules, grid them, add velocity, draw a map, record the run."),
    },
    "Altimetry": {
        "read": ("readers.read", "Read granules into one table of segments, or into a data set of many files."),
        "grid": (
            "gridding.grid",
            "Put segments on a grid: count, lengths, weighted mean and std, extremes, uncertainty.",
        ),
        "tally": ("gridding.tally", "Keep statistics that can be added: days, granules, regions, in any order."),
        "dhdt": (
            "fusion.dhdt",
            "Compare heights of land ice between passes: dh/dt with its error, one row per pair of heights.",
        ),
    },
    "Velocity": {
        "velocity": (
            "velocity.group",
            "Find image pairs of ice velocity, put them on a grid, and take series and means of them.",
        ),
        "track": ("track", "Track features between two images, or the pairs of a list, to granules of velocity."),
    },
    "Both": {
        "fuse": ("fusion.fuse", "Put velocity at every segment of a table, and both on a grid if one is asked for."),
        "drift": ("fusion.drift", "Grid altimetry where its ice is at a date, not where it was measured."),
        "flux": (
            "fusion.flux",
            "Add up the ice that passes a gate: its area, volume with --thickness, mass with --density too.",
        ),
    },
    "Look": {
        "info": ("shown.info", "Say what is in a file, a data set or a folder."),
        "map": ("shown.maps", "Draw a map: a grid, velocity, a difference, months, footprints."),
        "chart": (
            "shown.charts",
            "Draw charts: how values are distributed, when there are data, how values change.",
        ),
        "style": (
            "shown.styles",
            "Write QGIS styles (.qml) beside FILES, in the colours of the maps and with units in the legend.",
        ),
    },
    "Serve others": {
        "catalog": ("service.catalog", "Make the catalogues that `altiflow serve` searches."),
        "serve": (
            "service.serve",
            "Answer searches of CATALOGUES (GeoParquet), one of image pairs and one of granules, or either.",
        ),
        "jobs": (
            "service.jobs",
            "Ask a service for cubes, grids and tracked pairs, follow them, and fetch what comes of them.",
        ),
    },
}
"""Commands by what they are for, as the help lists them: each with its module and the first sentence of its help, so
that telling of all of them loads none."""

_KNOWN = {name: told for commands in CHAPTERS.values() for name, told in commands.items()}


class Commands(MutableMapping[str, click.Command]):
    """Commands by their names; the module of one is loaded when it is asked for."""

    def __init__(self) -> None:
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        """Return a command."""
        if name not in self._loaded:
            module = import_module(f"altiflow.cli.{_KNOWN[name][0]}")
            found = (getattr(module, one) for one in module.__all__)
            self._loaded[name] = next(one for one in found if isinstance(one, click.Command) and one.name == name)
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        """Take one more command."""
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        """Take back a command that was taken."""
        del self._loaded[name]

    def __contains__(self, name: object) -> bool:
        """Return whether there is such a command."""
        return name in self._loaded or name in _KNOWN

    def __iter__(self) -> Iterator[str]:
        """Yield the names, which loads nothing."""
        return iter({**_KNOWN, **self._loaded})

    def __len__(self) -> int:
        """Return how many there are."""
        return len({**_KNOWN, **self._loaded})


class Chapters(click.Group):
    """A group whose help lists commands by chapters, each with its whole first sentence."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the lists of commands."""
        for title, commands in CHAPTERS.items():
            with formatter.section(title):
                formatter.write_dl([(name, said) for name, (_, said) in commands.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands that begin so, in the order of the help, and the options."""
        found = [CompletionItem(name, help=said) for name, (_, said) in _KNOWN.items() if name.startswith(incomplete)]
        return found + click.Command.shell_complete(self, ctx, incomplete)


@click.group(cls=Chapters, commands=Commands(), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="altiflow")
def main() -> None:
    """ICESat-2 altimetry and ice velocity on one grid: read, grid, fuse and map.

    \b
    Try it without data, login or network:
      altiflow run --sample --out sample-run

    Exit codes: 0 done, 1 error, 2 wrong use, 3 the sample misses its known truth,
    130 interrupted (a second Ctrl-C leaves at once).
    """
