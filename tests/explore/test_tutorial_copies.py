"""Tutorials that are copied, and what completes the command in a shell."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from altiflow.cli import main
from altiflow.errors import InputError
from altiflow.explore.tutorials import copy_tutorial, list_tutorials


def test_tutorials_are_listed_in_order_with_their_titles() -> None:
    found = list_tutorials()
    assert [one.number for one in found] == list(range(1, len(found) + 1))
    assert found[0].title == "From granules to a map of freeboard"
    result = CliRunner().invoke(main, ["tutorial"])
    assert result.output.count("\n") == len(found) + 2


def test_a_copy_is_the_notebook_and_never_replaces_work(tmp_path: Path) -> None:
    copy = copy_tutorial(1, tmp_path / "new")
    assert copy.read_bytes() == list_tutorials()[0].path.read_bytes()
    assert json.loads(copy.read_text())["nbformat"] == 4
    copy.write_text("my work")
    with pytest.raises(InputError, match="there already"):
        copy_tutorial(1, tmp_path / "new")
    assert copy.read_text() == "my work"
    assert copy_tutorial(1, tmp_path / "new", replace=True).read_text() != "my work"
    with pytest.raises(InputError, match="there is no tutorial 99; choose from 1, 2"):
        copy_tutorial(99, tmp_path)


def test_a_folder_without_notebooks_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no tutorials"):
        list_tutorials(tmp_path)


def test_the_command_copies_and_says_what_opening_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = CliRunner().invoke(main, ["tutorial", "2", "--to", str(tmp_path)])
    assert result.exit_code == 0
    assert Path(result.output.split("wrote ")[1].splitlines()[0]).is_file()
    assert "jupyter lab" in result.output
    monkeypatch.setattr("importlib.util.find_spec", lambda *_: None)
    result = CliRunner().invoke(main, ["tutorial", "1", "--to", str(tmp_path), "--open"])
    assert result.exit_code == 1
    assert f"pip install jupyterlab, then jupyter lab {tmp_path}" in result.output
    assert len(list(tmp_path.iterdir())) == 2, "the copy is there to be opened"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_of_the_shell(shell: str) -> None:
    result = CliRunner().invoke(main, ["completion", shell])
    assert result.exit_code == 0
    assert f"_ALTIFLOW_COMPLETE={shell}_complete" in result.output
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=result.output, text=True, check=True)


def test_completion_takes_the_shell_of_the_user_or_asks_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/usr/bin/zsh")
    assert "_ALTIFLOW_COMPLETE=zsh_complete" in CliRunner().invoke(main, ["completion"]).output
    for unknown in ("/bin/tcsh", ""):
        monkeypatch.setenv("SHELL", unknown)
        result = CliRunner().invoke(main, ["completion"])
        assert result.exit_code == 1
        assert "altiflow completion bash" in result.output


def test_the_help_names_every_command_once_and_whole() -> None:
    help_text = CliRunner().invoke(main, ["--help"], terminal_width=100).output
    text = " ".join(help_text.partition("Begin:")[2].split())
    assert "..." not in text
    for name, command in main.commands.items():
        assert f"{name} {command.get_short_help_str(500)[:40]}" in text
