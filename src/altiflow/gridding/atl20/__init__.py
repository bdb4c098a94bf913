"""ATL20, the official monthly grid of freeboard: its means, its file layout, and how far a result is from it."""

from altiflow.gridding.atl20.cells import ATL20_GRIDS
from altiflow.gridding.atl20.layout import atl20_name, write_atl20, write_atl20_months
from altiflow.gridding.atl20.means import mean_of_days, pooled_mean
from altiflow.gridding.atl20.parity import Parity, compare_atl20

__all__ = [
    "ATL20_GRIDS",
    "Parity",
    "atl20_name",
    "compare_atl20",
    "mean_of_days",
    "pooled_mean",
    "write_atl20",
    "write_atl20_months",
]
