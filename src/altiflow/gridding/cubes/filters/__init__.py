"""Filters: which layers, and which values of them, to trust."""

from altiflow.gridding.cubes.filters.locking import reject_locked
from altiflow.gridding.cubes.filters.outliers import reject_outliers
from altiflow.gridding.cubes.filters.selection import filter_layers
from altiflow.gridding.cubes.filters.space import reject_isolated

__all__ = ["filter_layers", "reject_isolated", "reject_locked", "reject_outliers"]
