"""HDF5 files: whether one is whole, and its chunks read without HDF5's library."""

from altiflow.readers.hdf5.arrays import count_bytes, read_arrays
from altiflow.readers.hdf5.attributes import text_attribute
from altiflow.readers.hdf5.index import ChunkIndex, drop_index, load_index, save_index
from altiflow.readers.hdf5.tables import ChunkTable, describe_data_set
from altiflow.readers.hdf5.walk import Walker
from altiflow.readers.hdf5.wholeness import (
    DAMAGE,
    check_claim,
    check_hdf5,
    check_head,
    open_hdf5,
    size_of,
    telling_damage,
)

__all__ = [
    "DAMAGE",
    "ChunkIndex",
    "ChunkTable",
    "Walker",
    "check_claim",
    "check_hdf5",
    "check_head",
    "count_bytes",
    "describe_data_set",
    "drop_index",
    "load_index",
    "open_hdf5",
    "read_arrays",
    "save_index",
    "size_of",
    "telling_damage",
    "text_attribute",
]
