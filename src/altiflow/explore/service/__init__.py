"""The search service: catalogues behind HTTP; needs the extra ``service``."""

from altiflow.explore.service.app import make_app
from altiflow.explore.service.limits import ServiceLimits
from altiflow.explore.service.running import RunningService, run_app, start_app
from altiflow.explore.service.stores import EmbeddedStore, Found, Query, Store, Test, granule_query, pair_query

__all__ = [
    "EmbeddedStore",
    "Found",
    "Query",
    "RunningService",
    "ServiceLimits",
    "Store",
    "Test",
    "granule_query",
    "make_app",
    "pair_query",
    "run_app",
    "start_app",
]
