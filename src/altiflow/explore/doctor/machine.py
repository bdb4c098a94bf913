"""Machine: processors, memory, disk, and what altiflow needs beside its packages."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pyproj

from altiflow.explore.doctor.findings import Finding

__all__ = ["examine_machine"]

_GIB = 2**30
_LITTLE = 2.0
"""Memory [GiB] below which the larger jobs are slow or fail."""

_DOWN = -2187927.649279
"""Where 70 N, 45 W lies on EPSG:3413 along y [m]: -a cos(70°) / sqrt(1 - e² sin²(70°)) of WGS 84."""

_ROOM = 1.0
"""Disk [GiB] below which results may not fit."""


def examine_machine(folder: str | Path = ".") -> list[Finding]:
    """Return what is to be said of the machine, and of a folder that results go to."""
    return [_processors(), _memory(), _disk("results", Path(folder)), _disk("temporary files", _temporary()), _maps()]


def _processors() -> Finding:
    """Return how many processors may be used."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Finding("machine", "processors", "ok", f"{usable} usable")


def _memory() -> Finding:
    """Return how much memory there is."""
    try:
        size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / _GIB
    except (AttributeError, ValueError, OSError):
        return Finding("machine", "memory", "note", "not known on this system")
    if size < _LITTLE:
        return Finding("machine", "memory", "note", f"{size:.1f} GiB", "give large jobs smaller regions or periods")
    return Finding("machine", "memory", "ok", f"{size:.1f} GiB")


def _temporary() -> Path:
    """Return where temporary files go."""
    return Path(tempfile.gettempdir())


def _disk(use: str, folder: Path) -> Finding:
    """Return whether a folder can be written to, and how much room there is."""
    name, folder = f"disk for {use}", folder.resolve()
    # What writes results makes their folder, so the nearest one that is there tells.
    there = next((each for each in (folder, *folder.parents) if each.exists()), folder)
    try:
        with tempfile.TemporaryFile(dir=there) as probe:
            probe.write(b"altiflow")
            probe.flush()
        room = shutil.disk_usage(there).free / _GIB
    except OSError as error:
        told = f"{there} cannot be written to: {error.strerror}"
        return Finding("machine", name, "problem", told, "choose another folder: altiflow doctor --folder FOLDER")
    told = f"{room:.1f} GiB free in {there}" + ("" if there == folder else f", where {folder.name} will be made")
    return Finding("machine", name, "ok" if room >= _ROOM else "note", told, "" if room >= _ROOM else "make room")


def _maps() -> Finding:
    """Return whether coordinates can be turned: the database of PROJ is often another one's, or not there.

    On the standard parallel of a polar stereographic map the distance from the pole is that of the ellipsoid's axis,
    a cos(70°) / sqrt(1 - e² sin²(70°)) (Snyder 1987, eq. 14-15 and 21-34), and 45 W is straight down on EPSG:3413.
    """
    try:
        x, y = pyproj.Transformer.from_crs(4326, 3413, always_xy=True).transform(-45.0, 70.0)
    except pyproj.exceptions.ProjError as error:
        fix = "unset PROJ_DATA and PROJ_LIB, or install pyproj again"
        return Finding("machine", "map projections", "problem", f"PROJ fails: {str(error).splitlines()[0]}", fix)
    away = float(np.hypot(x, y - _DOWN))
    if away > 1e-3:
        fix = "unset PROJ_DATA and PROJ_LIB, or install pyproj again"
        return Finding("machine", "map projections", "problem", f"PROJ is {away:.3g} m off on EPSG:3413", fix)
    return Finding("machine", "map projections", "ok", f"PROJ {pyproj.proj_version_str}")
