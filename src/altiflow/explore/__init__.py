"""Showing results: maps, the run from end to end, and what is in a file."""

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
