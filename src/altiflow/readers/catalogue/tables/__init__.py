"""The catalogue as a table: its columns, filters, and its files."""

from altiflow.readers.catalogue.tables.columns import CATALOGUE_COLUMNS, build_catalogue, check_catalogue
from altiflow.readers.catalogue.tables.files import (
    catalogue_features,
    coincident_features,
    read_addresses,
    read_catalogue,
    write_catalogue,
    write_coincident,
)
from altiflow.readers.catalogue.tables.filters import filter_catalogue
from altiflow.readers.catalogue.tables.newest import keep_newest

__all__ = [
    "CATALOGUE_COLUMNS",
    "build_catalogue",
    "catalogue_features",
    "check_catalogue",
    "coincident_features",
    "filter_catalogue",
    "keep_newest",
    "read_addresses",
    "read_catalogue",
    "write_catalogue",
    "write_coincident",
]
