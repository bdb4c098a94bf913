"""Engines: the ways to get arrays out of an HDF5 granule, behind one protocol."""

from altiflow.readers.icesat2.engines.indexed_engine import StaleIndexError
from altiflow.readers.icesat2.engines.opening import check_engine, open_engine
from altiflow.readers.icesat2.engines.protocol import Arrays, Engine, EngineName, Rows, Spans

__all__ = ["Arrays", "Engine", "EngineName", "Rows", "Spans", "StaleIndexError", "check_engine", "open_engine"]
