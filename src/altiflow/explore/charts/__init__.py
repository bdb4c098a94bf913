"""Charts: distributions, coverage in time, and series with their errors, in one style."""

from altiflow.explore.charts.coverage import draw_coverage
from altiflow.explore.charts.histogram import draw_histogram
from altiflow.explore.charts.series import draw_series

__all__ = ["draw_coverage", "draw_histogram", "draw_series"]
