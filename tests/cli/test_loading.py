"""What the command loads: nothing for its version, help and completion, and then what is asked for."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from altiflow.cli.main import CHAPTERS, Commands, main

PROGRAM = """
import sys
from altiflow.cli import main
try:
    main(sys.argv[1:], prog_name="altiflow")
finally:
    heavy = {"numpy", "pandas", "xarray", "matplotlib", "altiflow.readers"} & set(sys.modules)
    print("loaded", sorted(heavy), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("words", "typed", "told"),
    [
        (["--version"], None, "altiflow, version"),
        (["--help"], None, "Serve others:"),
        (["sarch"], None, "No such command 'sarch'"),
        ([], "altiflow se", "plain,search"),
        ([], "altiflow --ver", "plain,--version"),
    ],
    ids=str,
)
def test_version_help_and_completion_load_no_command(words: list[str], typed: str | None, told: str) -> None:
    completing = {"_ALTIFLOW_COMPLETE": "bash_complete", "COMP_WORDS": typed or "", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        env={**os.environ, **(completing if typed else {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told in done.stdout + done.stderr
    assert done.stderr.endswith("loaded []\n"), done.stderr


def test_the_list_says_what_each_command_says_itself() -> None:
    said = {name: text for commands in CHAPTERS.values() for name, (_, text) in commands.items()}
    assert {name: command.get_short_help_str(500) for name, command in main.commands.items()} == said
    assert {name: command.name for name, command in main.commands.items()} == {name: name for name in said}


def test_commands_are_a_mapping_that_takes_more() -> None:
    commands = Commands()
    count = len(commands)
    assert "search" in commands
    assert "sarch" not in commands
    assert commands.get("sarch") is None
    commands["twin"] = commands["info"]
    assert (len(commands), list(commands)[-1], commands["twin"] is commands["info"]) == (count + 1, "twin", True)
    del commands["twin"]
    assert (len(commands), "twin" in commands) == (count, False)


def test_a_command_that_is_not_there_is_refused_with_one_that_is_meant() -> None:
    result = CliRunner().invoke(main, ["serch"])
    assert result.exit_code == 2
    assert "serch" in result.output
