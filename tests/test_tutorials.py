"""The tutorials run from top to bottom, offline, and their two forms are one."""

from __future__ import annotations

import os
from pathlib import Path

import jupytext
import nbclient
import nbformat
import pytest

DATA = Path(os.environ.get("ALTIFLOW_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))

FOLDER = Path(__file__).resolve().parents[1] / "tutorials"
EXECUTED = os.environ.get("ALTIFLOW_EXECUTED", "")
"""Where what ran is left for the documentation, which then need not run it again."""

SOURCES = sorted(FOLDER.glob("*.md"))


def test_there_are_tutorials() -> None:
    assert len(SOURCES) >= 2


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_tutorial_runs_and_uses_the_public_face_only(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if DATA.is_dir():
        monkeypatch.setenv("ALTIFLOW_DATA", str(DATA))
    # Where a backend is set, a notebook shows no figure of its own.
    monkeypatch.delenv("MPLBACKEND", raising=False)
    notebook = jupytext.read(source)
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    assert "altiflow." not in code.replace("import altiflow as af", "")
    done = nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert all(cell.execution_count for cell in done.cells if cell.cell_type == "code")
    drawn = [cell for cell in done.cells if any("image/png" in out.get("data", {}) for out in cell.get("outputs", []))]
    assert [cell.source for cell in drawn if not cell.metadata.get("mystnb", {}).get("image", {}).get("alt")] == []
    assert list(os.scandir(tmp_path)) == []
    if EXECUTED:
        nbformat.write(done, Path(EXECUTED) / f"{source.stem}.ipynb")


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_notebook_and_text_are_the_same(source: Path) -> None:
    text, notebook = jupytext.read(source), jupytext.read(source.with_suffix(".ipynb"))
    assert [(c.cell_type, c.source) for c in text.cells] == [(c.cell_type, c.source) for c in notebook.cells]
