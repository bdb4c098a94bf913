"""Granules on disk as a catalogue, by their names or by what is in them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd

from altiflow.errors import EmptyDataError, InputError
from altiflow.readers.catalogue.local.files import find_local_granules
from altiflow.readers.catalogue.local.tracks import read_track
from altiflow.readers.catalogue.names import name_columns
from altiflow.readers.catalogue.tables.columns import build_catalogue
from altiflow.readers.catalogue.tables.newest import keep_newest
from altiflow.workers import map_each

__all__ = ["list_granules"]


def list_granules(
    paths: str | Path | Iterable[str | Path],
    *,
    version: str = "latest",
    footprints: Literal["none", "read"] = "none",
    workers: int = 1,
    quiet: bool = True,
) -> gpd.GeoDataFrame:
    """Return the ICESat-2 granules in files and folders as a catalogue; column ``path`` says where they are.

    Parameters
    ----------
    paths
        Files and folders, as :func:`read_segments` takes them.
    version
        "latest" keeps, of each piece of each track, the highest version and its highest revision; "006" keeps that
        version only; "all" keeps every file.
    footprints
        "none" goes by names alone: where a granule is, how the spacecraft flew and, but for the start, when is then
        unknown. "read" opens every file; the footprint is the ground tracks of its beams.
    workers
        Files read at a time.
    quiet
        Show no progress bar.

    Returns
    -------
    geopandas.GeoDataFrame
        As :func:`search_granules`, without addresses. ``attrs["altiflow"]`` holds how many a newer version or revision
        replaced (``superseded``), and the files left out as their names are no granule's (``unknown_names``).

    Raises
    ------
    InputError
        If a path does not exist, or an argument means nothing.
    EmptyDataError
        If no granule is there.
    GranuleError
        If a granule cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for revision in ("01", "02"):
    ...     (folder / f"ATL10-01_20220107195849_02531401_006_{revision}.h5").touch()
    >>> list_granules(folder)["revision"].tolist()
    [2]
    """
    if footprints not in ("none", "read"):
        raise InputError(f"footprints={footprints!r} means nothing; use 'none' or 'read'")
    files = find_local_granules(paths)
    named = [(path, told) for path in files if (told := name_columns(path))]
    rows: list[Any] = [
        {**told, "path": str(path), "size_mb": path.stat().st_size / 2**20}
        for path, told in named
        if version in ("latest", "all") or told["version"].lstrip("0") == str(version).lstrip("0")
    ]
    if not rows:
        raise EmptyDataError(
            f"none of the {len(files)} files is an ICESat-2 granule by its name"
            + ("" if version in ("latest", "all") else f", of version {version}; version='all' lists those there")
        )
    kept = rows if version == "all" else keep_newest(rows)
    if footprints == "read":
        tracks = map_each(_track_of, kept, workers=workers, label="footprints", quiet=quiet)
        kept = [{**row, **track} for row, track in zip(kept, tracks, strict=True)]
    told = {
        "product": "+".join(sorted({str(row["product"]) for row in kept})),
        "superseded": len(rows) - len(kept),
        "unknown_names": sorted(path.name for path in files if path not in {file for file, _ in named}),
        "screens": {},
    }
    return build_catalogue(kept, told)


def _track_of(row: Any) -> dict[str, Any]:
    """Return what the file of a row tells; what it does not tell stays as the name has it."""
    return {name: value for name, value in read_track(Path(row["path"])).items() if value is not None}
