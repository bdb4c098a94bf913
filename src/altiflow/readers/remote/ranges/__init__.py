"""Byte ranges of files on this machine, on web servers and in buckets, behind one protocol."""

from altiflow.readers.remote.ranges.access import RemoteAccess, Thrift
from altiflow.readers.remote.ranges.blocks import BlockCache, SourceFile
from altiflow.readers.remote.ranges.extents import Extent, coalesce
from altiflow.readers.remote.ranges.grants import Grant, Grants, file_grants
from altiflow.readers.remote.ranges.opening import Sources, is_remote
from altiflow.readers.remote.ranges.sources import Bytes, ByteSource, LocalSource, Traffic, read_all

__all__ = [
    "BlockCache",
    "ByteSource",
    "Bytes",
    "Extent",
    "Grant",
    "Grants",
    "LocalSource",
    "RemoteAccess",
    "SourceFile",
    "Sources",
    "Thrift",
    "Traffic",
    "coalesce",
    "file_grants",
    "is_remote",
    "read_all",
]
