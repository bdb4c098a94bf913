"""What the documentation calls exists: names, arguments, commands and options."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

import altiflow
from altiflow.cli import main

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts and not path.name.startswith("0")]
    + [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "benchmarks" / "README.md"]
    + list((ROOT / "tutorials").glob("*.md"))
)
FENCE = re.compile(r"^(?P<fence>`{3,}|~{3,})(?P<kind>[^\n]*)\n(?P<text>.*?)^(?P=fence)\s*$", re.MULTILINE | re.DOTALL)
NAME = re.compile(r"(?<![\w./-])(?:af|altiflow)(?:\.[A-Za-z_]\w*)+")
PIPE = {"|", "&&", ";", ">", ">>"}


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """Yield the kind and the text of each fenced block."""
    for found in FENCE.finditer(text):
        yield found["kind"].strip(), found["text"]


def inline(text: str) -> list[str]:
    """Return what stands in backticks outside of blocks, or in roles of Sphinx such as {func}."""
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", FENCE.sub("", text))


def python_in(text: str) -> Iterator[str]:
    """Yield the Python blocks, without what is for IPython and with doctests as they are typed."""
    for kind, block in blocks(text):
        if kind.startswith(("python", "{code-cell}")):
            code = re.sub(r"\A---\n.*?\n---\n", "", block, flags=re.DOTALL)
            lines = [line for line in code.splitlines() if not line.startswith((":", "%"))]
            if any(line.startswith(">>>") for line in lines):
                lines = [line[4:] for line in lines if line.startswith((">>>", "..."))]
            yield "\n".join(lines)


def commands_in(text: str) -> Iterator[str]:
    """Yield command lines that begin with altiflow, in blocks, indented or in backticks."""
    joined = re.sub(r"\s*\\\n\s*", " ", text)
    for line in joined.splitlines():
        if re.match(r"(?:\$ | {4}(?:\$ )?)altiflow ", line):
            yield line.strip().removeprefix("$ ")
    yield from (code for code in inline(text) if code.startswith("altiflow "))


def resolve(dotted: str) -> Any:
    """Return what a dotted name of altiflow is; raise AttributeError or ImportError if nothing."""
    found: Any = altiflow
    so_far = "altiflow"
    for part in dotted.split(".")[1:]:
        so_far += f".{part}"
        if inspect.ismodule(found) and not hasattr(found, part):
            found = importlib.import_module(so_far)
        elif part in getattr(found, "__annotations__", {}):
            return None
        else:
            found = getattr(found, part)
    return found


def wrong_calls(tree: ast.AST) -> Iterator[str]:
    """Yield calls of altiflow with a name or an argument that it does not know."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = re.sub(r"^af\b", "altiflow", ast.unparse(node.func))
        if not re.fullmatch(r"altiflow(\.\w+)+", name):
            continue
        taken = inspect.signature(resolve(name)).parameters
        yield from (f"{name}({word.arg}=)" for word in node.keywords if word.arg and word.arg not in taken)


def wrong_words(line: str) -> Iterator[str]:
    """Yield the commands and options of a command line that there are not."""
    words = shlex.split(line, comments=True)[1:]
    words = words[: next((at for at, word in enumerate(words) if word in PIPE), len(words))]
    command: click.Command = main
    for word in words:
        if word.startswith("-") and not re.match(r"-[\d.]", word) and word != "-":
            known = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
            if word.split("=")[0] not in known | {"--help", "-h"}:
                yield f"{line}: no option {word.split('=')[0]}"
        elif isinstance(command, click.Group) and re.fullmatch(r"[a-z-]+", word):
            if word not in command.commands:
                yield f"{line}: no command {word}"
                return
            command = command.commands[word]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    wrong = []
    for name in sorted({found for block in [*python_in(text), *inline(text)] for found in NAME.findall(block)}):
        try:
            resolve(re.sub(r"^af\b", "altiflow", name))
        except (AttributeError, ImportError):
            if not (ROOT / name).exists():
                wrong.append(name)
    wrong += [told for line in commands_in(text) for told in wrong_words(line)]
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_python_on_a_page_compiles_and_calls_with_arguments_that_there_are(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    trees = [ast.parse(block) for block in python_in(text)]
    for code in inline(text):
        if NAME.match(code):
            try:
                trees.append(ast.parse(code))
            except SyntaxError:
                continue
    assert [wrong for tree in trees for wrong in wrong_calls(tree)] == []


def test_names_that_do_not_exist_are_found() -> None:
    with pytest.raises(AttributeError):
        resolve("altiflow.Grid.nothing")
    assert list(wrong_calls(ast.parse("altiflow.read_segments('g', beam='all')"))) == ["altiflow.read_segments(beam=)"]
    assert list(wrong_words("altiflow read g -o t.parquet --beam all")) != []
    assert list(wrong_words("altiflow velocity filter")) != []
    assert list(wrong_words("altiflow velocity mean cube.zarr --periods YS | less --raw")) == []
    assert list(commands_in("x\n    altiflow run \\\n        --sample\n")) == ["altiflow run --sample"]
