"""Tallies: mergeable statistics of segments per cell and time bin."""

from altiflow.gridding.tally.build import TallyOptions
from altiflow.gridding.tally.columns import SegmentSource, table_provenance
from altiflow.gridding.tally.series import region_series
from altiflow.gridding.tally.storage import read_tally, write_tally
from altiflow.gridding.tally.tally import Tally, merge_tallies, tally_segments

__all__ = [
    "SegmentSource",
    "Tally",
    "TallyOptions",
    "merge_tallies",
    "read_tally",
    "region_series",
    "table_provenance",
    "tally_segments",
    "write_tally",
]
