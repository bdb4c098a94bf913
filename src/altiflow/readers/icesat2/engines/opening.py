"""Opening a granule, wherever it is, with the engine asked for."""

from __future__ import annotations

from pathlib import Path

from altiflow.errors import GranuleError, InputError
from altiflow.readers.hdf5 import check_hdf5, check_head
from altiflow.readers.icesat2.engines.h5coro_engine import H5coroEngine
from altiflow.readers.icesat2.engines.h5py_engine import H5pyEngine
from altiflow.readers.icesat2.engines.indexed_engine import IndexedEngine
from altiflow.readers.icesat2.engines.protocol import Engine, EngineName
from altiflow.readers.remote.addresses import url_file_name
from altiflow.readers.remote.ranges import BlockCache, SourceFile, Sources, Traffic, is_remote

__all__ = ["check_engine", "open_engine"]

_NAMES = ("auto", "h5coro", "h5py", "indexed")


def check_engine(engine: EngineName) -> EngineName:
    """Return the name of an engine, refused if there is none of that name.

    Raises
    ------
    InputError
        If there is none.
    """
    if engine not in _NAMES:
        raise InputError(f"engine={engine!r} is not known; use one of {', '.join(map(repr, _NAMES))}")
    return engine


def open_engine(
    place: Path | str,
    engine: EngineName = "auto",
    *,
    sources: Sources | None = None,
    traffic: Traffic | None = None,
    fresh: bool = False,
) -> Engine:
    """Return an open granule.

    Parameters
    ----------
    place
        A local file, or an address: https, http or s3.
    engine
        "h5coro", "h5py", "indexed", or "auto": h5py for local files and h5coro for remote ones.
    sources
        What opens remote files, as whom.
    traffic
        Where is counted.
    fresh
        Use no index of the file that was kept.

    Raises
    ------
    InputError
        If there is no such file or engine.
    UnsupportedFormatError
        If the file is not HDF5.
    CorruptGranuleError
        If it is truncated.
    GranuleError, LoginError
        If it cannot be had.
    """
    check_engine(engine)
    opener, counts = sources or Sources(), traffic or Traffic()
    if is_remote(place):
        return _open_remote(str(place), engine, opener, counts, fresh)
    path = Path(place)
    check_hdf5(path)
    if engine == "indexed":
        return IndexedEngine(opener.open(path.resolve(), counts), path, folder=_index(opener), fresh=fresh)
    return H5coroEngine(path, path.name) if engine == "h5coro" else H5pyEngine(path, path.name)


def _open_remote(url: str, engine: EngineName, sources: Sources, traffic: Traffic, fresh: bool) -> Engine:
    """Return an open remote granule."""
    name, source = url_file_name(url), sources.open(url, traffic)
    if engine == "indexed":
        return IndexedEngine(source, None, folder=_index(sources), thrift=sources.access.first_read, fresh=fresh)
    blocks = BlockCache(source, memory=sources.access.memory)
    try:
        check_head(name, blocks.read(0, 96), blocks.size())
    except GranuleError as error:
        raise type(error)(f"{source.name}: {error}" if source.name not in str(error) else str(error)) from error
    return H5pyEngine(SourceFile(blocks), name) if engine == "h5py" else H5coroEngine(blocks, name)


def _index(sources: Sources) -> Path | None:
    """Return the folder where indexes are kept."""
    folder = sources.access.index
    return None if folder is None else Path(folder)
