"""Finding granules and image pairs: searches, files on disk, and the grammar of their names."""

from altiflow.readers.catalogue.archive import Archive, open_archive
from altiflow.readers.catalogue.local import find_local_granules
from altiflow.readers.catalogue.names import GranuleName, parse_granule_name
from altiflow.readers.catalogue.pairs import (
    PairSearch,
    cap_per_year,
    count_by,
    filter_pairs,
    find_cubes,
    search_pairs,
    write_pairs,
)
from altiflow.readers.catalogue.search import search_granules

__all__ = [
    "Archive",
    "GranuleName",
    "PairSearch",
    "cap_per_year",
    "count_by",
    "filter_pairs",
    "find_cubes",
    "find_local_granules",
    "open_archive",
    "parse_granule_name",
    "search_granules",
    "search_pairs",
    "write_pairs",
]
