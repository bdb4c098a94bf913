"""`altiflow tutorial`: the notebooks that come with altiflow."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import click

from altiflow.cli.options import told
from altiflow.errors import InputError
from altiflow.explore.tutorials import copy_tutorial, list_tutorials

__all__ = ["tutorial"]


@click.command()
@click.argument("number", type=int, required=False)
@click.option("--to", default=".", show_default=True, help="Folder for the copy.")
@click.option("--replace", is_flag=True, help="Replace a copy that is there.")
@click.option("--open", "show", is_flag=True, help="Open it in Jupyter (pip install jupyterlab).")
@told
def tutorial(number: int | None, to: str, replace: bool, show: bool) -> None:
    """List the tutorials, or copy tutorial NUMBER to work through it.

    All run without login and without network.

    \b
    altiflow tutorial
    altiflow tutorial 1 --to lessons --open
    """
    if number is None:
        for one in list_tutorials():
            click.echo(f"{one.number}  {one.title}")
        click.echo("\naltiflow tutorial 1 --open copies the first one here and opens it")
        return
    copy = copy_tutorial(number, to, replace=replace)
    click.echo(f"wrote {copy}")
    if importlib.util.find_spec("jupyterlab") is not None:
        if show:
            sys.exit(subprocess.run([sys.executable, "-m", "jupyterlab", str(copy)], check=False).returncode)
        click.echo(f"open it: jupyter lab {copy}")
    elif show:
        raise InputError(f"there is no Jupyter here: pip install jupyterlab, then jupyter lab {copy}")
    else:
        click.echo(f"open it where notebooks are opened, or: pip install jupyterlab, then jupyter lab {copy}")
