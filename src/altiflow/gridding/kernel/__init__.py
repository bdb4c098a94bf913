"""The inner loops of gridding: projection, cells, runs and mergeable states."""

from altiflow.gridding.kernel.finder import cell_finder
from altiflow.gridding.kernel.merge import merge_cells
from altiflow.gridding.kernel.reduce import (
    CellStatistics,
    Engine,
    choose_engine,
    native_array,
    reduce_cells,
    reduce_points,
    run_reducer,
    sort_rows,
)
from altiflow.gridding.kernel.states import NO_TIME, STATE, merge_states, reduce_runs, run_starts

__all__ = [
    "NO_TIME",
    "STATE",
    "CellStatistics",
    "Engine",
    "cell_finder",
    "choose_engine",
    "merge_cells",
    "merge_states",
    "native_array",
    "reduce_cells",
    "reduce_points",
    "reduce_runs",
    "run_reducer",
    "run_starts",
    "sort_rows",
]
