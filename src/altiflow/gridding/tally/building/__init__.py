"""Tallies built: the columns of a table as arrays, how often segments overlap, and the records they come to."""

from altiflow.gridding.tally.building.build import TallyOptions, build_records
from altiflow.gridding.tally.building.columns import SegmentColumns, SegmentSource, segment_columns, table_provenance

__all__ = ["SegmentColumns", "SegmentSource", "TallyOptions", "build_records", "segment_columns", "table_provenance"]
