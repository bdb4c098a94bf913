"""Tallies of many files, and tallies in a folder that grows."""

from altiflow.gridding.stores.store import TallyStore, empty_tally, is_tally, open_tally
from altiflow.gridding.stores.stream import grid_dataset, tally_files

__all__ = ["TallyStore", "empty_tally", "grid_dataset", "is_tally", "open_tally", "tally_files"]
