"""The face of the package: its names, and what importing it does."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import altiflow


def test_every_name_of_the_face_is_there() -> None:
    assert [name for name in altiflow.__all__ if not hasattr(altiflow, name)] == []
    assert set(altiflow.__all__) <= set(dir(altiflow))
    with pytest.raises(AttributeError, match="no attribute 'draw'"):
        altiflow.draw  # noqa: B018


def test_importing_warns_of_nothing_prints_nothing_and_makes_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "MPL", "PYTEST"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "import altiflow"],
        env={**clean, "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert list(home.rglob("*")) == []


def test_packages_are_reached_listed_and_known_to_type_checkers_and_wrong_names_are_not() -> None:
    floors = {"readers", "gridding", "fusion", "tracking", "explore", "region", "errors", "units"}
    code = f"import altiflow as af; assert {floors!r} <= set(dir(af)); [getattr(af, one) for one in {floors!r}]"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    face = ast.parse(Path(altiflow.__file__).read_text(encoding="utf-8"))
    seen = {one.name for node in ast.walk(face) if isinstance(node, ast.ImportFrom) for one in node.names}
    assert floors | set(altiflow.__all__) <= seen
    assert not [node for node in face.body if isinstance(node, ast.FunctionDef) and node.name == "__getattr__"]
