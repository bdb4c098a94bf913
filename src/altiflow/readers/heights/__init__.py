"""Land-ice heights on a grid, and their change with time: ATL14, ATL15 and ITS_LIVE."""

from altiflow.readers.heights.atl15 import HeightLayer, read_atl14, read_atl15
from altiflow.readers.heights.changes import read_height_change

__all__ = ["HeightLayer", "read_atl14", "read_atl15", "read_height_change"]
