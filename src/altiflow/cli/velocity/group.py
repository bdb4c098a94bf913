"""The group of commands `altiflow velocity`."""

from __future__ import annotations

import click

from altiflow.cli.velocity.search import search

__all__ = ["velocity"]


@click.group()
def velocity() -> None:
    """Find and use image pairs of ice velocity.

    \b
    altiflow velocity search --region=-50,69,-48,70 --start 2019 --count-by year
    """


for command in (search,):
    velocity.add_command(command)
