"""The examples of the pages that say so run as they stand, one block after the other, offline."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
MARK = "<!-- runs -->\n"
"""Stands before a Python block that runs with no data but the sample's."""


def marked(page: Path) -> list[str]:
    """Return the blocks of a page that are to run."""
    return re.findall(re.escape(MARK) + r"```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.M)


RUN = sorted(page for page in DOCS.rglob("*.md") if "_build" not in page.parts and marked(page))


@pytest.mark.parametrize("page", RUN, ids=lambda path: str(path.relative_to(DOCS)))
def test_the_blocks_of_a_page_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    known: dict[str, object] = {"__name__": "page"}
    for block in marked(page):
        if ">>>" in block:
            test = doctest.DocTestParser().get_doctest(block, known, page.name, str(page), 0)
            runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
            assert runner.run(test, clear_globs=False).failed == 0
            known = test.globs
        else:
            exec(compile(block, str(page), "exec"), known)


def test_no_block_is_marked_in_a_way_that_is_not_seen() -> None:
    assert len(RUN) > 5
    for page in DOCS.rglob("*.md"):
        if "_build" not in page.parts:
            assert page.read_text(encoding="utf-8").count("<!-- runs -->") == len(marked(page)), page
