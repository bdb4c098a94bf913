"""Where pairs are looked up: STAC services, local indexes, and answers of the former search service."""

from altiflow.readers.catalogue.pairs.sources.index import read_index
from altiflow.readers.catalogue.pairs.sources.items import read_item
from altiflow.readers.catalogue.pairs.sources.legacy import read_legacy_answer, search_from_legacy
from altiflow.readers.catalogue.pairs.sources.stac import GRANULES, StacService, find_items, pair_filter

__all__ = [
    "GRANULES",
    "StacService",
    "find_items",
    "pair_filter",
    "read_index",
    "read_item",
    "read_legacy_answer",
    "search_from_legacy",
]
