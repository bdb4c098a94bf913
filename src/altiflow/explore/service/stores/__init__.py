"""Stores: where the rows of a catalogue are looked up, and the queries they answer."""

from altiflow.explore.service.stores.embedded import EmbeddedStore
from altiflow.explore.service.stores.query import Query, Test, granule_query, pair_query
from altiflow.explore.service.stores.store import Found, Store

__all__ = ["EmbeddedStore", "Found", "Query", "Store", "Test", "granule_query", "pair_query"]
