"""`altiflow completion`: what makes a shell complete the commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from altiflow.errors import InputError

__all__ = ["completion"]


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes SHELL complete commands and options of altiflow.

    \b
    altiflow completion bash >> ~/.bashrc
    altiflow completion zsh >> ~/.zshrc
    altiflow completion fish > ~/.config/fish/completions/altiflow.fish
    """
    made = get_completion_class(shell)
    if made is None:
        raise InputError(f"{shell} is not known; choose bash, zsh or fish")
    click.echo(made(context.find_root().command, {}, "altiflow", "_ALTIFLOW_COMPLETE").source())
