"""Report: one page that shows a run, to look at and to forward."""

from altiflow.explore.report.drifts import drift_report
from altiflow.explore.report.page import Page
from altiflow.explore.report.runs import run_report
from altiflow.explore.report.series import series_report

__all__ = ["Page", "drift_report", "run_report", "series_report"]
