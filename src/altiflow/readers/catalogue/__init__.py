"""Finding granules and image pairs: searches, files on disk, and the grammar of their names."""

from altiflow.readers.catalogue.archive import Archive, find_motion, motion_urls, open_archive, search_granules
from altiflow.readers.catalogue.coincidence import find_coincident
from altiflow.readers.catalogue.collecting import collect_catalogue
from altiflow.readers.catalogue.conversion import as_catalogue
from altiflow.readers.catalogue.local import find_local_granules, list_granules
from altiflow.readers.catalogue.names import GranuleName, parse_granule_name
from altiflow.readers.catalogue.pairs import (
    PairSearch,
    cap_per_year,
    count_by,
    filter_pairs,
    find_cubes,
    pair_scenes,
    search_pairs,
    write_pairs,
)
from altiflow.readers.catalogue.searching import search_catalogue
from altiflow.readers.catalogue.tables import (
    CATALOGUE_COLUMNS,
    build_catalogue,
    catalogue_features,
    check_catalogue,
    coincident_features,
    filter_catalogue,
    read_addresses,
    read_catalogue,
    write_catalogue,
    write_coincident,
)

__all__ = [
    "CATALOGUE_COLUMNS",
    "Archive",
    "GranuleName",
    "PairSearch",
    "as_catalogue",
    "build_catalogue",
    "cap_per_year",
    "catalogue_features",
    "check_catalogue",
    "coincident_features",
    "collect_catalogue",
    "count_by",
    "filter_catalogue",
    "filter_pairs",
    "find_coincident",
    "find_cubes",
    "find_local_granules",
    "find_motion",
    "list_granules",
    "motion_urls",
    "open_archive",
    "pair_scenes",
    "parse_granule_name",
    "read_addresses",
    "read_catalogue",
    "search_catalogue",
    "search_granules",
    "search_pairs",
    "write_catalogue",
    "write_coincident",
    "write_pairs",
]
