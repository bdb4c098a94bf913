"""Statistics over the periods of gridded Datasets: climatology, departures from it, and trends."""

from altiflow.gridding.statistics.normals import anomaly, climatology
from altiflow.gridding.statistics.trends import trend

__all__ = ["anomaly", "climatology", "trend"]
