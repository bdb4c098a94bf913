"""Plans of jobs: what a request asks for, checked and looked up, ready for JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from altiflow.errors import AltiflowError, InputError, RequestError
from altiflow.explore.service.asking import granule_parameters, make_query, pair_parameters, read_parameters
from altiflow.explore.service.catalogues import ServedCatalogue
from altiflow.explore.service.jobs.tracks import plan_track
from altiflow.explore.service.limits import ServiceLimits
from altiflow.explore.service.scenes import ServedScenes
from altiflow.gridding import GRID_NAMES, Grid, grid_covering
from altiflow.readers.catalogue.moments import as_moment

__all__ = ["JOB_KINDS", "plan_job"]

MOST_SOURCES = 5000
"""Files of one job."""
MOST_VALUES = 4e9
"""Cells times layers of one cube."""
MOST_GRIDDED = 4e8
"""Cells times months of one grid, which is made in memory."""
_CELLS = (120, 240)


def plan_job(
    asked: Any,
    catalogues: Sequence[ServedCatalogue],
    scenes: ServedScenes | None = None,
    limits: ServiceLimits = ServiceLimits(),  # noqa: B008
) -> dict[str, Any]:
    """Return what is to be done for a request.

    Parameters
    ----------
    asked
        ``{"kind": "cube", "search": {...}, "epsg": 3413, "cell": 240}``, a cube of image pairs, or
        ``{"kind": "grid", "search": {...}, "grid": "EASE2_N25km", "value": "freeboard"}``, granules on a grid by month,
        or what :func:`plan_track` takes. The search has the parameters of ``/velocities/urls/`` and
        ``/altimetry/urls/``.
    catalogues, scenes
        Where the files are looked up; no other file is ever read.
    limits
        Of regions to track in.

    Raises
    ------
    RequestError
        If it means nothing, no file is found, or more is asked for than is allowed.
    """
    if not isinstance(asked, Mapping):
        raise RequestError("body", str(asked), "the body is no JSON object", "send a JSON object with kind and search")
    kind = asked.get("kind")
    if not isinstance(kind, str) or kind not in JOB_KINDS:
        raise RequestError("kind", str(kind), f"kind={str(kind)[:40]!r} is not known", f"give {', '.join(JOB_KINDS)}")
    of_rows, known, plan = JOB_KINDS[kind]
    unknown = [str(name) for name in asked if name not in ("kind", *known)]
    if unknown:
        raise RequestError(unknown[0][:80], "", f"there is no {unknown[0][:80]!r}", f"known are {', '.join(known)}")
    if plan is None:
        if scenes is None:
            raise RequestError("kind", kind, "no scenes are served", "ask for another kind")
        return {"kind": kind, **plan_track(asked, scenes, limits)}
    catalogue = next((one for one in catalogues if one.store.kind == of_rows), None)
    if catalogue is None:
        raise RequestError("kind", kind, f"no catalogue of {of_rows} is served", "ask for another kind")
    return {"kind": kind, **plan(asked, catalogue)}


def _search(asked: Mapping[str, Any], catalogue: ServedCatalogue) -> tuple[dict[str, Any], list[tuple[Any, ...]], int]:
    """Return the values of the search of a job, name, address and path of the files it finds, and of how many years."""
    given = asked.get("search", {})
    if not isinstance(given, Mapping) or not all(isinstance(value, (str, int, float)) for value in given.values()):
        raise RequestError("search", str(given), "search is no object of text and numbers", "see /velocities/urls/")
    kind = catalogue.store.kind
    known = pair_parameters(catalogue.limits) if kind == "pairs" else granule_parameters(catalogue.limits)
    values = read_parameters(((str(name), str(value)) for name, value in given.items()), known)
    found = catalogue.find(make_query(kind, values))
    if not 0 < len(found.places) <= MOST_SOURCES:
        reason = f"the search finds {len(found.places)} files, and 1 to {MOST_SOURCES} are allowed"
        raise RequestError("search", str(dict(given)), reason, "ask for another area or period; coverage counts them")
    rows = [row for batch in catalogue.store.rows(found.places, ("granule", "address", "local")) for row in batch]
    return values, rows, len(np.unique(found.years))


def _sources(rows: Sequence[tuple[Any, ...]]) -> list[str]:
    """Return where the files are, on this machine before elsewhere."""
    return [str(local or address) for _, address, local in rows if local or address]


def _plan_cube(asked: Mapping[str, Any], catalogue: ServedCatalogue) -> dict[str, Any]:
    """Return the plan of a cube of image pairs on one grid."""
    values, rows, _ = _search(asked, catalogue)
    region = values.get("polygon") or values.get("bbox")
    if region is None:
        raise RequestError("search", "", "the search names no polygon or bbox", "say where the cube is to be")
    epsg, cell = asked.get("epsg"), asked.get("cell", 240)
    if isinstance(epsg, bool) or not isinstance(epsg, int) or not 1024 <= epsg <= 32767:
        raise RequestError("epsg", str(epsg), "epsg is no code of a map", "give one such as 3413")
    if isinstance(cell, bool) or cell not in _CELLS:
        raise RequestError("cell", str(cell), f"cell={cell!r} is no cell of ITS_LIVE", "give 120 or 240 metres")
    try:
        grid = grid_covering(region, epsg, cell)
    except AltiflowError as error:
        raise RequestError("epsg", str(epsg), str(error).partition(";")[0], "give a map that has the area") from error
    values_of_cube = float(grid.shape[0]) * grid.shape[1] * len(rows)
    if values_of_cube > MOST_VALUES:
        reason = f"the cube has {values_of_cube:.2g} values of a variable, and {MOST_VALUES:.2g} are allowed"
        raise RequestError("search", "", reason, "ask for a smaller area or a shorter period", 413)
    plan = {"epsg": epsg, "cell": cell, "region": region.wkt, "sources": _sources(rows), "result": "cube.zip"}
    return plan


def _plan_grid(asked: Mapping[str, Any], catalogue: ServedCatalogue) -> dict[str, Any]:
    """Return the plan of granules on a grid, by month."""
    values, rows, years = _search(asked, catalogue)
    name, value = asked.get("grid"), asked.get("value", "freeboard")
    if not isinstance(name, str) or name not in GRID_NAMES:
        shown = ", ".join(sorted(GRID_NAMES)[:4])
        raise RequestError("grid", str(name), f"grid={str(name)[:40]!r} is not known", f"give a name such as {shown}")
    if not (isinstance(value, str) and value.isidentifier() and len(value) < 60):
        raise RequestError("value", str(value), "value is no column", "give one such as freeboard")
    region = values.get("polygon") or values.get("bbox")
    if "start" not in values or "end" not in values:
        raise RequestError("search", "", "the search names no start and end", "give both, such as 2019-01")
    _check_gridded(Grid.named(name), values, years)
    return {
        "grid": name,
        "value": value,
        "region": None if region is None else region.wkt,
        "sources": _sources(rows),
        "result": "grid.nc",
    }


def _check_gridded(grid: Grid, values: Mapping[str, Any], years: int) -> None:
    """Raise RequestError if the months of a period on a grid are more than is allowed."""
    first, last = (as_moment(values[side], side, last=side == "end") for side in ("start", "end"))
    if first is None or last is None:
        raise InputError("start and end of a search are moments once they are checked")
    months = min(12 * (last.year - first.year) + last.month - first.month + 1, 12 * years + 1)
    cells = float(grid.shape[0]) * grid.shape[1] * months
    if cells > MOST_GRIDDED:
        reason = f"{months} months have {cells:.2g} cells, and {MOST_GRIDDED:.2g} are allowed"
        raise RequestError("grid", str(values["start"]), reason, "ask for a coarser grid or a shorter period", 413)


Plan = Callable[[Mapping[str, Any], ServedCatalogue], dict[str, Any]]

JOB_KINDS: Mapping[str, tuple[str, tuple[str, ...], Plan | None]] = {
    "cube": ("pairs", ("search", "epsg", "cell"), _plan_cube),
    "grid": ("granules", ("search", "grid", "value"), _plan_grid),
    "track": ("scenes", ("scenes", "bbox", "polygon", "parameters"), None),
}
"""Kinds of jobs: of which rows they are, what they are told, and what plans those of a catalogue."""
