"""Commands that find, fetch and read granules."""

from altiflow.cli.readers.coincide import coincide
from altiflow.cli.readers.download import download
from altiflow.cli.readers.read import read
from altiflow.cli.readers.search import search

__all__ = ["coincide", "download", "read", "search"]
