"""Everything that opens an input: granules, tables, velocity fields, searches, and the built-in sample."""

from altiflow.readers.ledger import Ledger
from altiflow.readers.sample import Sample, make_sample
from altiflow.readers.segments import read_segments
from altiflow.readers.table import read_table, write_table

__all__ = ["Ledger", "Sample", "make_sample", "read_segments", "read_table", "write_table"]
