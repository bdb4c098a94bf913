"""Showing results: maps, the run from end to end, and what is in a file."""

from altiflow.explore.maps import draw_map, draw_panels
from altiflow.explore.run import RunPlan, RunResult, run_fusion, run_sample
from altiflow.explore.summary import describe_file

__all__ = ["RunPlan", "RunResult", "describe_file", "draw_map", "draw_panels", "run_fusion", "run_sample"]
