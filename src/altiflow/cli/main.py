"""The group of commands."""

from __future__ import annotations

import click

from altiflow.cli.fusion import dhdt, drift, flux, fuse
from altiflow.cli.gridding import grid, tally
from altiflow.cli.onboarding import completion, doctor, tutorial
from altiflow.cli.readers import coincide, download, read, search
from altiflow.cli.run import run
from altiflow.cli.service import catalog, serve
from altiflow.cli.shown import chart, draw, info, style
from altiflow.cli.track import track
from altiflow.cli.velocity import velocity
from altiflow.version import __version__

__all__ = ["main"]


CHAPTERS = {
    "Begin": (doctor, tutorial, completion),
    "Find and bring": (search, coincide, download),
    "All in one": (run,),
    "Altimetry": (read, grid, tally, dhdt),
    "Velocity": (velocity, track),
    "Both": (fuse, drift, flux),
    "Look": (info, draw, chart, style),
    "Serve others": (catalog, serve),
}
"""Commands by what they are for, as the help lists them."""


class Chapters(click.Group):
    """A group whose help lists commands by chapters, each with its whole first sentence."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the lists of commands."""
        for title, commands in CHAPTERS.items():
            with formatter.section(title):
                formatter.write_dl([(one.name or "", one.get_short_help_str(500)) for one in commands])


@click.group(cls=Chapters, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="altiflow")
def main() -> None:
    """ICESat-2 altimetry and ice velocity on one grid: read, grid, fuse and map.

    \b
    Try it without data, login or network:
      altiflow run --sample --out sample-run

    Exit codes: 0 done, 1 error, 2 wrong use, 3 the sample misses its known truth,
    130 interrupted (a second Ctrl-C leaves at once).
    """


for chapter in CHAPTERS.values():
    for command in chapter:
        main.add_command(command)
