"""The page that says what is tested names tests that are there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "acceptance.md"


def read_index() -> dict[int, list[str]]:
    """Return the names of the tests of each statement, by its number."""
    found: dict[int, list[str]] = {}
    number = 0
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        statement, test = re.match(r"(\d+)\. ", line), re.fullmatch(r" +- `(tests/\S+::\S+)`", line)
        if statement:
            number = int(statement[1])
            assert number not in found, f"{number} is there twice"
            found[number] = []
        elif test:
            found[number].append(test[1])
    return found


@cache
def names_in(path: Path) -> frozenset[str]:
    """Return the names of the test functions of a file, those of a class as Class::name."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        inner, prefix = (node.body, f"{node.name}::") if isinstance(node, ast.ClassDef) else ([node], "")
        names |= {f"{prefix}{part.name}" for part in inner if isinstance(part, ast.FunctionDef)}
    return frozenset(name for name in names if name.split("::")[-1].startswith("test_"))


def test_all_34_statements_are_there_in_order_with_a_test() -> None:
    index = read_index()
    assert list(index) == list(range(1, 35))
    assert [number for number, tests in index.items() if not tests] == []


def test_every_test_that_is_named_exists() -> None:
    missing = []
    for tests in read_index().values():
        for test in tests:
            path, _, name = test.partition("::")
            if not (ROOT / path).is_file() or name not in names_in(ROOT / path):
                missing.append(test)
    assert missing == []


def test_a_line_that_names_tests_is_read_as_one() -> None:
    """No test is named in a form that this index does not see."""
    assert PAGE.read_text(encoding="utf-8").count("::") == sum(len(tests) for tests in read_index().values())
