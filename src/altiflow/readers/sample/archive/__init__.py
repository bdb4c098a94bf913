"""An archive on this machine that is searched and read as NASA's is: no login, no network."""

from altiflow.readers.sample.archive.server import LocalArchive, serve_archive

__all__ = ["LocalArchive", "serve_archive"]
