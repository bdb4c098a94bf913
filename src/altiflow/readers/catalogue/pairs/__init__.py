"""Image pairs of ITS_LIVE: their names, the search for them, filters, facets and choice; cubes and mosaics."""

from altiflow.readers.catalogue.pairs.choosing.choice import cap_per_year
from altiflow.readers.catalogue.pairs.choosing.facets import count_by
from altiflow.readers.catalogue.pairs.choosing.filters import filter_pairs, keep_where
from altiflow.readers.catalogue.pairs.choosing.scenes import pair_scenes
from altiflow.readers.catalogue.pairs.cubes import find_cubes, read_cube_catalogue
from altiflow.readers.catalogue.pairs.files import write_pairs
from altiflow.readers.catalogue.pairs.mosaics import MOSAIC_REGIONS, mosaic_name, mosaic_region, mosaic_url
from altiflow.readers.catalogue.pairs.naming import PairName, parse_pair_name, parse_velocity_name
from altiflow.readers.catalogue.pairs.request import ITS_LIVE_STAC, PairSearch
from altiflow.readers.catalogue.pairs.search import run_search, search_pairs
from altiflow.readers.catalogue.pairs.sources import read_legacy_answer, search_from_legacy
from altiflow.readers.catalogue.pairs.table import PAIR_COLUMNS, check_pairs, pairs_from_names

__all__ = [
    "ITS_LIVE_STAC",
    "MOSAIC_REGIONS",
    "PAIR_COLUMNS",
    "PairName",
    "PairSearch",
    "cap_per_year",
    "check_pairs",
    "count_by",
    "filter_pairs",
    "find_cubes",
    "keep_where",
    "mosaic_name",
    "mosaic_region",
    "mosaic_url",
    "pair_scenes",
    "pairs_from_names",
    "parse_pair_name",
    "parse_velocity_name",
    "read_cube_catalogue",
    "read_legacy_answer",
    "run_search",
    "search_from_legacy",
    "search_pairs",
    "write_pairs",
]
