"""Showing results: maps, the run from end to end, and what is in a file."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from altiflow.explore.charts import draw_coverage, draw_histogram, draw_series
    from altiflow.explore.jobs import (
        ServiceJob,
        cancel_job,
        fetch_result,
        find_job,
        follow_job,
        list_jobs,
        submit_job,
    )
    from altiflow.explore.maps import (
        Panel,
        draw_difference,
        draw_footprints,
        draw_map,
        draw_panels,
        draw_side_by_side,
        draw_speed,
    )
    from altiflow.explore.opening import open_explorer
    from altiflow.explore.overlay import write_overlay
    from altiflow.explore.qgis import write_style, write_styles
    from altiflow.explore.run import RunPlan, RunResult, run_fusion, run_sample
    from altiflow.explore.summary import describe_file, describe_tally

__all__ = [
    "Panel",
    "RunPlan",
    "RunResult",
    "ServiceJob",
    "cancel_job",
    "describe_file",
    "describe_tally",
    "draw_coverage",
    "draw_difference",
    "draw_footprints",
    "draw_histogram",
    "draw_map",
    "draw_panels",
    "draw_series",
    "draw_side_by_side",
    "draw_speed",
    "fetch_result",
    "find_job",
    "follow_job",
    "list_jobs",
    "open_explorer",
    "run_fusion",
    "run_sample",
    "submit_job",
    "write_overlay",
    "write_style",
    "write_styles",
]

_HOMES = {
    "Panel": "maps",
    "RunPlan": "run",
    "RunResult": "run",
    "ServiceJob": "jobs",
    "cancel_job": "jobs",
    "describe_file": "summary",
    "describe_tally": "summary",
    "draw_coverage": "charts",
    "draw_difference": "maps",
    "draw_footprints": "maps",
    "draw_histogram": "charts",
    "draw_map": "maps",
    "draw_panels": "maps",
    "draw_series": "charts",
    "draw_side_by_side": "maps",
    "draw_speed": "maps",
    "fetch_result": "jobs",
    "find_job": "jobs",
    "follow_job": "jobs",
    "list_jobs": "jobs",
    "open_explorer": "opening",
    "run_fusion": "run",
    "run_sample": "run",
    "submit_job": "jobs",
    "write_overlay": "overlay",
    "write_style": "qgis",
    "write_styles": "qgis",
}
"""Where the names come from."""

# Hidden from type checkers, which would take any name for one that is there.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Return a name, or one of the modules, loaded when it is first asked for.

        The process of a job and the client of a service draw nothing, and load nothing that draws.
        """
        if name in _HOMES:
            module = import_module(f"altiflow.explore.{_HOMES[name]}")
            return globals().setdefault(name, getattr(module, name))
        if name in _HOMES.values():
            return import_module(f"altiflow.explore.{name}")
        raise AttributeError(f"module 'altiflow.explore' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the names, and the modules they come from."""
    return sorted({*globals(), *__all__, *_HOMES.values()})
