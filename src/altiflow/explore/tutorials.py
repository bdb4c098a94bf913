"""Tutorials: the notebooks that come with altiflow, copied to where a user works."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from altiflow.errors import InputError
from altiflow.files import whole_file

__all__ = ["Tutorial", "copy_tutorial", "list_tutorials"]

_NAME = re.compile(r"(\d\d)_\w+\.ipynb")


@dataclass(frozen=True)
class Tutorial:
    """A notebook: its number, its title, and where it is."""

    number: int
    title: str
    path: Path


def list_tutorials(folder: str | Path | None = None) -> list[Tutorial]:
    """Return the tutorials in order; those that were installed with altiflow, unless a folder is given.

    Raises
    ------
    InputError
        If there are none.
    """
    for place in _folders() if folder is None else [Path(folder)]:
        found = sorted(path for path in place.glob("*.ipynb") if _NAME.fullmatch(path.name))
        if found:
            return [Tutorial(int(path.name[:2]), _title(path), path) for path in found]
    raise InputError("this installation has no tutorials; install altiflow from its wheel, or open them in its sources")


def copy_tutorial(number: int, to: str | Path = ".", *, replace: bool = False) -> Path:
    """Return the copy of a tutorial in a folder, which is made if need be.

    Raises
    ------
    InputError
        If there is no such tutorial, or the copy would replace a file.
    """
    every = list_tutorials()
    chosen = next((one for one in every if one.number == number), None)
    if chosen is None:
        raise InputError(f"there is no tutorial {number}; choose from {', '.join(str(one.number) for one in every)}")
    target = Path(to) / chosen.path.name
    if target.exists() and not replace:
        raise InputError(
            f"{target} is there already, perhaps with work of yours; choose another folder, or replace=True"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(target) as part:
        shutil.copyfile(chosen.path, part)
    return target


def _folders() -> list[Path]:
    """Return where tutorials may be: in the package as installed, or beside it in its sources."""
    package = Path(__file__).parents[1]
    return [package / "tutorials", package.parents[1] / "tutorials"]


def _title(path: Path) -> str:
    """Return the first heading of a notebook."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    lines = "".join("".join(cell["source"]) + "\n" for cell in cells if cell["cell_type"] == "markdown").splitlines()
    return next((line.lstrip("# ") for line in lines if line.startswith("# ")), path.stem)
