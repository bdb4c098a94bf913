"""`altiflow completion`: what makes a shell complete the commands and options."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from altiflow.cli.options import told
from altiflow.errors import InputError

__all__ = ["completion"]

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS), required=False)
@click.pass_context
@told
def completion(context: click.Context, shell: str | None) -> None:
    """Print what makes SHELL complete commands and options of altiflow.

    Without SHELL, that of yours. It counts from the next shell on.

    \b
    altiflow completion bash >> ~/.bashrc
    altiflow completion zsh >> ~/.zshrc
    altiflow completion fish > ~/.config/fish/completions/altiflow.fish
    """
    wanted = shell or Path(os.environ.get("SHELL", "")).name
    made = get_completion_class(wanted) if wanted in SHELLS else None
    if made is None:
        raise InputError(f"the shell {wanted or 'of yours'} is not known; say which: altiflow completion bash")
    click.echo(made(context.find_root().command, {}, "altiflow", "_ALTIFLOW_COMPLETE").source())
