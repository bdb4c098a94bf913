"""Choosing among pairs: filters, facets, and so many a year."""

from altiflow.readers.catalogue.pairs.choosing.choice import STRATEGIES, Strategy, cap_per_year
from altiflow.readers.catalogue.pairs.choosing.facets import FACETS, SEPARATION_EDGES, Facet, count_by
from altiflow.readers.catalogue.pairs.choosing.filters import PeriodRule, filter_pairs, keep_where
from altiflow.readers.catalogue.pairs.choosing.scenes import pair_scenes

__all__ = [
    "FACETS",
    "SEPARATION_EDGES",
    "STRATEGIES",
    "Facet",
    "PeriodRule",
    "Strategy",
    "cap_per_year",
    "count_by",
    "filter_pairs",
    "keep_where",
    "pair_scenes",
]
