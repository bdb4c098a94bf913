"""Commands that show: maps, charts, styles for GIS, and what is in a file."""

from altiflow.cli.shown.charts import chart
from altiflow.cli.shown.info import info
from altiflow.cli.shown.maps import draw
from altiflow.cli.shown.styles import style

__all__ = ["chart", "draw", "info", "style"]
