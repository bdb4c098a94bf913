"""Engines: the ways to get arrays out of an HDF5 granule, behind one protocol."""

from altiflow.readers.icesat2.engines.opening import Engine, EngineName, H5pyEngine, open_engine

__all__ = ["Engine", "EngineName", "H5pyEngine", "open_engine"]
