"""Ctrl-C ends a command in one line, and a second one at once."""

from __future__ import annotations

import os

import click
import pytest
from click.testing import CliRunner

from altiflow.cli.options import as_options, told


@click.command()
@click.option("--twice", is_flag=True)
@told
def waiting(twice: bool) -> None:
    """Be interrupted, and again while that is seen to."""
    try:
        raise KeyboardInterrupt
    finally:
        if twice:
            raise KeyboardInterrupt


def test_an_interrupt_is_one_line_and_a_code_of_its_own() -> None:
    done = CliRunner().invoke(waiting)
    assert (done.exit_code, done.output) == (130, "interrupted: what was finished before is kept\n")


def test_a_second_interrupt_leaves_without_waiting_for_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[int] = []
    monkeypatch.setattr(os, "_exit", left.append)
    assert CliRunner().invoke(waiting, ["--twice"]).exit_code == 130
    assert left[0] == 130


def test_messages_name_options_where_the_library_names_arguments() -> None:
    text = "append=True keeps granules that are not asked for, allow_shrink=True removes them; use one"
    assert as_options(text) == "--append keeps granules that are not asked for, --allow-shrink removes them; use one"
