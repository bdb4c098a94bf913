"""Tallies: mergeable statistics of segments per cell and time bin."""

from altiflow.gridding.tally.building import (
    SegmentColumns,
    SegmentSource,
    TallyOptions,
    segment_columns,
    table_provenance,
)
from altiflow.gridding.tally.cells import Cells, cells_of
from altiflow.gridding.tally.records import Records, regroup
from altiflow.gridding.tally.series import region_series
from altiflow.gridding.tally.storage import read_tally, write_tally
from altiflow.gridding.tally.tally import Tally, merge_tallies, tally_columns, tally_segments

__all__ = [
    "Cells",
    "Records",
    "SegmentColumns",
    "SegmentSource",
    "Tally",
    "TallyOptions",
    "cells_of",
    "merge_tallies",
    "read_tally",
    "region_series",
    "regroup",
    "segment_columns",
    "table_provenance",
    "tally_columns",
    "tally_segments",
    "write_tally",
]
