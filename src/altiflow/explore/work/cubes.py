"""Cubes: image pairs on one grid, as an archive of a Zarr store."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from altiflow.explore.work.packing import as_place, pack
from altiflow.gridding import build_cube, grid_covering
from altiflow.region import as_region

__all__ = ["make"]

_STORE = "cube.zarr"


def make(plan: Mapping[str, Any], folder: Path, result: Path) -> None:
    """Make the archive of a cube; one that was begun in the folder goes on where it was.

    Raises
    ------
    AltiflowError
        If no file can be used.
    """
    store = folder / _STORE
    if not store.exists():
        grid = grid_covering(as_region(plan["region"]), plan["epsg"], plan["cell"])
        sources = [as_place(source) for source in plan["sources"]]
        build_cube(sources, grid, store=store, metric="ground", on_error="skip")
    pack(sorted(file for file in store.rglob("*") if file.is_file()), folder, result, "packing")
