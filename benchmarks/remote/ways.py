"""The ways to get seven variables of the strong beams out of a granule, from afar and from disk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import h5py
import numpy as np

from altiflow.readers.icesat2.engines import EngineName, open_engine
from altiflow.readers.remote.ranges import RemoteAccess, Sources, Thrift, coalesce

__all__ = ["BEAMS", "LOCAL", "PATHS", "WAYS", "Arrays", "Place", "Way", "missing", "stored_bytes"]

BEAMS = ("gt1l", "gt2l", "gt3l")
VARIABLES = (
    "latitude",
    "longitude",
    "delta_time",
    "beam_fb_height",
    "beam_fb_quality_flag",
    "heights/height_segment_length_seg",
    "heights/height_segment_type",
)
PATHS = [f"{beam}/freeboard_segment/{name}" for beam in BEAMS for name in VARIABLES]
Arrays = dict[str, np.ndarray]


@dataclass
class Place:
    """Where a granule is, and what is kept of it or shared by all granules that are read together.

    Attributes
    ----------
    path, url
        The file, and its address on the server.
    index
        Folder of altiflow's indexes, and of hidefix's.
    shared
        What a way opens once for all granules: connections, a file system.
    """

    path: Path
    url: str
    index: Path
    shared: dict[str, Any] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def bucket(self) -> str:
        """Bucket and key by which S3 clients ask the server."""
        return urlsplit(self.url).path[1:]

    @property
    def endpoint(self) -> str:
        """The server."""
        return self.url.removesuffix(f"/{self.bucket}")

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what is shared, made when it is first asked for."""
        with self.lock:
            if name not in self.shared:
                self.shared[name] = make()
            return self.shared[name]


Reader = Callable[["Place"], Arrays]


@dataclass(frozen=True)
class Way:
    """One way: its short name, what it is, how arrays come of it, and the modules it needs."""

    name: str
    how: str
    read: Reader
    needs: tuple[str, ...] = ()


def missing(way: Way) -> list[str]:
    """Return the modules a way needs that are not there."""
    return [module for module in way.needs if find_spec(module) is None]


def _engine(engine: EngineName, index: bool, thrift: Thrift = "few_requests", s3: bool = False) -> Reader:
    """Return how one of altiflow's engines reads; all granules share connections, as in ``read_segments``."""

    def read(place: Place) -> Arrays:
        access = RemoteAccess(index=place.index if index else None, first_read=thrift)
        sources = place.once(f"sources {index} {thrift}", lambda: Sources(access))
        with open_engine(f"s3://{place.bucket}" if s3 else place.url, engine, sources=sources) as granule:
            return _there(granule.read(PATHS))

    return read


def _local(engine: EngineName) -> Reader:
    """Return how one of altiflow's engines reads from disk."""

    def read(place: Place) -> Arrays:
        sources = place.once("local", lambda: Sources(RemoteAccess(index=place.index)))
        with open_engine(place.path, engine, sources=sources) as granule:
            return _there(granule.read(PATHS))

    return read


def _there(found: dict[str, Any]) -> Arrays:
    return {path: values for path, values in found.items() if values is not None}


def _h5coro(place: str, driver: Any, credentials: Any) -> Arrays:
    """Return them by h5coro as its README has it: all data sets in one call, every setting left as it is."""
    from h5coro.h5coro import H5Coro

    with H5Coro(place, driver, credentials=credentials) as file:
        promise = file.readDatasets(list(PATHS), block=True)
        return {path: promise[path] for path in PATHS}


def _h5coro_http(place: Place) -> Arrays:
    from h5coro.webdriver import HTTPDriver

    return _h5coro(place.url, HTTPDriver, {})


def _h5coro_s3(place: Place) -> Arrays:
    from h5coro.s3driver import S3Driver

    return _h5coro(place.bucket, S3Driver, {"annon": True})


def _h5coro_file(place: Place) -> Arrays:
    from h5coro.filedriver import FileDriver

    return _h5coro(str(place.path), FileDriver, {})


def _fsspec(place: Place) -> Arrays:
    import fsspec

    system = place.once("http", lambda: fsspec.filesystem("http", skip_instance_cache=True))
    with system.open(place.url) as remote, h5py.File(remote) as file:
        return {path: file[path][()] for path in PATHS}


def _s3fs(cache: str | None) -> Reader:
    def read(place: Place) -> Arrays:
        import s3fs

        def system() -> Any:
            return s3fs.S3FileSystem(anon=True, endpoint_url=place.endpoint, skip_instance_cache=True)

        told = {} if cache is None else {"cache_type": cache}
        found = place.once("s3", system)
        found.invalidate_cache()
        with found.open(place.bucket, "rb", **told) as remote, h5py.File(remote) as file:
            return {path: file[path][()] for path in PATHS}

    return read


def _hidefix_index(place: Place) -> Any:
    """Return hidefix's index out of the file in which it was saved."""
    import h5coro_hidefix

    kept = place.index / f"{place.path.parent.name}.hidefix"
    if not kept.exists():
        h5coro_hidefix.Index(str(place.path)).save(str(kept))
    return h5coro_hidefix.Index.load(str(kept), source=str(place.path))


def _hidefix_file(place: Place) -> Arrays:
    index = _hidefix_index(place)
    return {path: index.read(f"/{path}") for path in PATHS}


def _hidefix_http(place: Place) -> Arrays:
    """Return them by its README's way for object stores; joined over gaps below 1 MiB, 16 requests in flight."""
    import requests

    index = _hidefix_index(place)

    def opened() -> requests.Session:
        session = requests.Session()
        session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=64))
        return session

    session = place.once("session", opened)

    def fetch(path: str) -> np.ndarray:
        starts, sizes, _ = index.read_plan(f"/{path}")
        pieces = []
        for extent in coalesce(starts, sizes, waste=1.0):
            wanted = {"Range": f"bytes={extent.start}-{extent.end - 1}"}
            pieces.append((extent, session.get(place.url, headers=wanted, timeout=60).content))
        buffers = [_cut(pieces, int(start), int(size)) for start, size in zip(starts, sizes, strict=True)]
        return index.read_from_buffers(f"/{path}", buffers)

    with ThreadPoolExecutor(16) as pool:
        return dict(zip(PATHS, pool.map(fetch, PATHS), strict=True))


def _cut(pieces: Sequence[Any], start: int, size: int) -> bytes:
    extent, data = next((e, d) for e, d in pieces if e.start <= start and start + size <= e.end)
    return data[start - extent.start : start - extent.start + size]


def _h5py(place: Place) -> Arrays:
    with h5py.File(place.path) as file:
        return {path: file[path][()] for path in PATHS}


_KEPT = "index kept from an earlier run"
WAYS = (
    Way("indexed", f"altiflow, engine indexed, {_KEPT}", _engine("indexed", True)),
    Way("indexed-s3", "the same at an s3:// address, by boto3", _engine("indexed", True, s3=True)),
    Way("first-requests", "altiflow, engine indexed, no index yet, few_requests", _engine("indexed", False)),
    Way("first-bytes", "altiflow, engine indexed, no index yet, few_bytes", _engine("indexed", False, "few_bytes")),
    Way("engine-h5coro", "altiflow, engine h5coro", _engine("h5coro", False)),
    Way("engine-h5py", "altiflow, engine h5py", _engine("h5py", False)),
    Way("h5coro", "h5coro, its HTTPDriver", _h5coro_http, ("h5coro",)),
    Way("h5coro-s3", "h5coro, its S3Driver", _h5coro_s3, ("h5coro", "boto3")),
    Way("hidefix", f"h5coro-hidefix, {_KEPT}", _hidefix_http, ("h5coro_hidefix",)),
    Way("fsspec", "h5py on an fsspec file (http), default cache", _fsspec, ("fsspec", "aiohttp")),
    Way("s3fs", "h5py on an s3fs file, default cache", _s3fs(None), ("s3fs",)),
    Way("s3fs-first", "h5py on an s3fs file, cache 'first'", _s3fs("first"), ("s3fs",)),
)
"""Ways over a network."""
LOCAL = (
    Way("indexed", f"altiflow, engine indexed, {_KEPT}", _local("indexed")),
    Way("engine-h5py", "altiflow, engine h5py", _local("h5py")),
    Way("h5py", "h5py", _h5py),
    Way("h5coro", "h5coro, its FileDriver", _h5coro_file, ("h5coro",)),
    Way("hidefix", f"h5coro-hidefix, {_KEPT}", _hidefix_file, ("h5coro_hidefix",)),
)
"""Ways on this machine."""
SPARE = 2 * 2**20
"""What may be fetched besides the stored bytes where nothing is known of a paged file [bytes]."""


def stored_bytes(path: Path) -> tuple[int, int, int, int]:
    """Return stored bytes of what is read, the extents they are joined to, their bytes, and the fewest requests for it.

    From h5py's own chunk table. The fewest requests are those that fetch no more than SPARE bytes besides: the
    smallest gaps between chunks are read through until these are spent.
    """
    pieces = []
    with h5py.File(path) as file:
        for name in PATHS:
            node = file[name].id
            chunks = (node.get_chunk_info(number) for number in range(node.get_num_chunks()))
            pieces += [(chunk.byte_offset, chunk.size) for chunk in chunks]
    starts, sizes = np.array(sorted(pieces)).T
    extents = coalesce(starts, sizes)
    gaps = np.sort(starts[1:] - (starts + sizes)[:-1])
    fewest = 1 + int((np.cumsum(gaps) > SPARE).sum())
    return int(sizes.sum()), len(extents), sum(extent.size for extent in extents), fewest
