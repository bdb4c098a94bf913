"""Commands that find, fetch and read granules."""

from altiflow.cli.readers.download import download
from altiflow.cli.readers.read import read
from altiflow.cli.readers.search import search

__all__ = ["download", "read", "search"]
